/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/layout.h"
#include "fs/state.h"

/*
 * Views: the stores as this mount shows them, and the facts that this mount knows better than a load.
 *
 * A fact is something done here: a committed write that a load which began earlier must not undo, or a file that is in
 * memory only. Each load is overlaid with the facts; a committed fact goes when a load that began after it has
 * arrived, a file in memory when it is stored or removed.
 */
enum fact_kind {
	FACT_VALUE,     /* the key has this value */
	FACT_GONE,      /* there is no such key */
	FACT_FOLDER,    /* there is such a folder */
	FACT_NO_FOLDER, /* there is no such folder; where folders are no items: unless something is in it */
};

struct fact {
	struct fact *next;
	enum fact_kind kind;
	char *folder, *folder_raw;
	size_t folder_raw_len;
	char *name, *raw; /* NULL for folders */
	size_t raw_len;
	enum value_type type;
	char *bytes;
	size_t len;
	int64_t wall;  /* when it was done */
	int64_t mtime; /* the value's own modification time, wall; 0: when it was done */
	int64_t since; /* mono, when it was committed; INT64_MAX: not in the store */
	/* Facts that are not in the store: */
	int64_t store_at; /* mono: when a file with a temporary name is stored after all; 0: never by itself */
	char *parked;     /* the file name under which the store still holds this value (a backup); NULL: none */
	bool storing;     /* it is on its way to the store: what is done to it now must come after */
	bool typed;       /* FACT_GONE: `type` is that of the key that was there */
	bool replaces;    /* a new key that takes the place of one of that type, removed just before */
};

/* How long after a commit an eventually consistent load may still not show it; nanoseconds. */
#define FACT_MARGIN (3 * CLOCK_SECOND)
/* How long a file with a temporary name stays in memory. */
#define FACT_TEMPORARY (60 * CLOCK_SECOND)

static inline const struct layout *view_layout(const struct view *view)
{
	return layout_of(view->source->settings->layout);
}

/* The path of a name from the mount's root; `name` NULL: of the folder. False when it does not fit. */
bool view_path(const struct view *view, const char *folder, const char *name, char *out, size_t size);

/* The view of that file name; NULL when there is none that is shown. view_by_id: by the id of its folder "". */
struct view *view_find_locked(struct mount *m, const char *name);
struct view *view_of_store_locked(struct source *source, const char *store, size_t len);
/* Adds a view with nothing in it. NULL when there is no memory or the name cannot be shown; a name that an earlier
 * source shows already gives a hidden view and a warning. */
struct view *view_add_locked(struct source *source, const char *store, size_t len);
/* A store that comes or goes as a whole; another of its name may be shown in its place. */
void view_set_gone_locked(struct view *view, bool gone);
bool view_is_empty(const struct snapshot *snapshot);
/* The picture of a store that has nothing. */
int view_empty_snapshot(const char *store, struct snapshot **out);
void views_free(struct mount *m);
bool view_is_shown(const struct view *view);

void view_facts_free(struct view *view);
/* What is known of a name here; NULL: nothing. `name` NULL: of the folder. */
struct fact *view_fact_locked(struct view *view, const char *folder, const char *name);

/* One thing that was done: becomes a fact and a new snapshot, and the kernel is told where it does not know itself.
 * Strings of `done` are copied. */
int view_record_locked(struct view *view, const struct fact *done, bool kernel_knows);
/* The same for several things that were done at once, and that the kernel knows nothing of: nobody sees some of them.
 */
int view_record_all_locked(struct view *view, const struct fact *done, size_t n);
/* Forgets what is known of a name, and takes a value in memory out of the picture with it. */
void view_forget_locked(struct view *view, const char *folder, const char *name, bool kernel_knows);

/* A load that began at `began` (mono) with `loaded` as its result, or NULL for a store that has nothing: overlays the
 * facts and shows it. Takes the reference. */
int view_loaded_locked(struct view *view, struct snapshot *loaded, int64_t began, int64_t began_wall, bool consistent);

/* Whether the kernel needs no telling of what comes next: it did it itself, and has nothing else to be told. */
bool view_is_told(const struct view *view, bool kernel_knows);
/* Makes a snapshot the current one; takes the reference. */
void view_publish_locked(struct view *view, struct snapshot *next, bool kernel_knows);

/* One option as a consistent read that began at `began` found it; NULL: it is not there. Takes the draft. */
int view_option_loaded_locked(struct view *view, const char *folder, struct folder_draft *found, int64_t began);
