/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/node.h"
#include "fs/notify.h"
#include "fs/watches.h"

/* Shared by the parts of the notifier, and by nobody else. All but the marked functions run on its thread. */

enum { FORGET_MAX = 64, AHEAD_MAX = 64 };

/* How often a version that is held back is looked at, beside when a reader closes. */
#define HELD_LOOK (10 * CLOCK_MS)

/* One thing to tell: what differs between the told and the current snapshot of a view. */
struct change_told {
	struct folder *before_folder, *after_folder; /* referenced */
	const struct entry *before, *after;
	uint64_t shown, parent; /* ids as the kernel knows them; parent for names */
	bool known;             /* the kernel held it, so its size has to be settled */
	bool ours;              /* done through this mount: its events are raised */
	bool held;              /* shown later, for a reader's sake */
	bool renewed;           /* under a new id */
};

/* A directory whose values are to be stored in the page cache. */
struct ahead {
	uint64_t folder; /* as shown */
	int64_t asked;   /* mono */
	bool wanted;
};

struct notifier {
	struct mount *mount;
	pthread_t thread;
	pthread_cond_t told; /* with the state lock: a view was told */

	/* "wake": guards the four below; may be taken with the state lock held, never the reverse. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool woken, ending;
	uint64_t forget[FORGET_MAX]; /* listings to drop */
	unsigned n_forget;

	/* state: see notify_ahead.c */
	struct ahead ahead[AHEAD_MAX]; /* the newest, in turn */
	unsigned ahead_next;
	int64_t read;     /* mono: when a value was last read that was in no page cache */
	uint64_t storing; /* natural id of the directory whose values are being stored; 0: none */

	/* The thread's own: what is being told of one view, in the order of paths and names. Readers of the positions
	 * hold the state lock. */
	struct view *view;
	bool with_documents; /* changes of documents are among them */
	struct change_told *changes;
	size_t n, cap;
	size_t flipped; /* changes before this one show their new version, */
	size_t settled; /* and before this one the kernel has no other */
	int64_t next_sweep;
	bool holds;                    /* some version is held back for a reader */
	struct watches watches;        /* VALUES_RO: of what must keep its id */
	struct node *retired, *newest; /* ids that changed keys had before, the first that is due in front */
};

static inline const struct folder *folder_of(const struct change_told *change)
{
	return change->after ? change->after_folder : change->before_folder;
}

static inline const struct entry *entry_of(const struct change_told *change)
{
	return change->after ? change->after : change->before;
}

static inline struct difference difference_of(const struct change_told *change)
{
	return (struct difference){ change->before_folder, change->after_folder, change->before, change->after };
}

static inline bool is_value_change(const struct change_told *change)
{
	return change->before && change->after && change->before->kind == ENTRY_VALUE &&
	       change->after->kind == ENTRY_VALUE;
}

/* Pages and attributes of one file go. False: the kernel does not hold it. */
bool notify_forget_file(struct mount *m, uint64_t shown);
/* One stat of our own, by path, makes the kernel take up the new size for everybody. */
void notify_settle_size(const struct view *view, const char *folder, const char *name);

/* notify_held.c: whether readers of this file hold its version back; it is told in their time then. */
bool notify_hold_locked(struct notifier *n, const struct change_told *change);
/* Tells the versions whose time has come. */
void notify_tell_held(struct notifier *n);

/* notify_renew.c, for mounts whose opens never reach the daemon: looks at what must keep its id; */
void notify_find_watches(struct notifier *n);
/* shows the new value under a new id, unless the key must keep its own; */
bool notify_renew_locked(struct notifier *n, const struct change_told *change);
/* binds ids that are due to the current value. */
void notify_tell_retired(struct notifier *n);

/* notify_ahead.c: stores the values of directories that somebody has begun to read. */
void notify_store_ahead(struct notifier *n);

/* notify_raise.c: hands what was told of a view to the replay; */
void notify_raise_view(const struct notifier *n);
/* one value that was held back; */
void notify_raise_value(struct mount *m, struct view *view, const char *folder, const char *name);
/* a store that came or went. */
void notify_raise_store(struct mount *m, struct view *view);
