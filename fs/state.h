/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/core/log.h"
#include "fs/call.h"
#include "fs/idmap.h"
#include "fs/settings.h"
#include "fs/snapshot.h"
#include "fs/store.h"

#include <pthread.h>
#include <stdatomic.h>

/*
 * The state of one mount, shared by the modules of the core (view, node, handle, vfs, control, refresh, notify) and by
 * nobody else.
 *
 * One lock guards all of it: `mount.lock`, "state". It is held for lookups and pointer swaps only, never across
 * I/O, a load or a notification of the kernel. What is set once before the threads start (settings, store, log, clock,
 * names) is read without it. Functions whose name ends in _locked want it held; the others take it themselves.
 */
struct mount;
struct fact;
struct control_text;
struct events;
struct metrics;
struct poller;
struct scaling;
struct visitor;
struct table;

/* One source: a backend, its refresh thread and how it is doing. */
struct source {
	const struct source_settings *settings;
	struct mount *mount;
	struct store *store;
	struct backend *backend; /* what the store stands on (client, transport), freed with it */
	struct store_about about;
	pthread_t thread;
	bool started;

	/* state: */
	pthread_cond_t wake;  /* the refresh thread has something to do, or a load ended */
	bool loaded;          /* everything was loaded once */
	unsigned loads;       /* of anything, under way; */
	int64_t loads_since;  /* and when the first of them began, mono */
	uint64_t wanted;      /* loads asked for, counted; */
	uint64_t finished;    /* and the number that `wanted` had when the newest finished load began */
	int finished_number;  /* how that load ended: 0 or -errno */
	int64_t next_load;    /* mono; when ttl is over */
	unsigned failures;    /* loads that failed in a row */
	bool reached;         /* the source has answered since the first load began */
	struct error failure; /* of the newest load; number 0: it went well */
	struct error trouble; /* what a write may expect: the newest answer was a refusal, or there was none */
	int64_t trouble_end;  /* mono; after this one write may find out */
};

/* One store as this mount shows it. Never freed before the mount: `gone` ones are only left out. */
struct view {
	struct mount *mount;
	struct source *source;
	char *store; /* raw name */
	struct access access;
	char name[FILE_NAME_MAX + 1];     /* file name at the root */
	char alias_of[FILE_NAME_MAX + 1]; /* why it is hidden: the source that has the name too; "" shown */

	/* state: */
	struct snapshot *current;    /* never NULL */
	struct snapshot *told;       /* what the kernel was told of, see notify.h */
	struct snapshot *telling;    /* what it is being told of; NULL: nothing */
	struct snapshot *documented; /* what it was told of as to documents, which change with every key; NULL: it holds
				      * none of this store */
	struct fact *facts;          /* what this mount knows better than a load, oldest first */
	int64_t ttl;                 /* nanoseconds; 0: read on every access */
	int64_t next_load;           /* mono; for a ttl of its own; 0: with its source */
	int64_t loaded;              /* mono, when the newest picture began to be loaded; 0: never */
	int64_t loaded_wall;
	struct error failure;      /* of its newest load */
	struct idmap option_loads; /* hash of a path → when its newest own load began, mono; of those since `loaded` */
	bool gone;                 /* not in the store, nor kept here */
	bool kept;                 /* made or emptied here, stays without options */
	size_t skipped;            /* what the newest load could not show */
	bool announced;            /* the kernel was told that it is there */
	bool raised;               /* and watchers were */
	struct idmap ours;         /* see ours.h */
	struct idmap known;        /* see ours.h */
	double read_units, write_units;
};

/* A file that is open, or whose value waits to be shown: the kernel's inode, as far as the mount must know it. */
struct node {
	uint64_t id;       /* as shown to the kernel */
	uint32_t refs;     /* handles */
	struct view *view; /* where the file is now: renames move it */
	char *folder, *name;
	bool unlinked;
	uint64_t changes;    /* counted: writes and removals of this file by this mount */
	unsigned committing; /* commits that wait for a worker or run on one */
	struct handle *handles;
	int64_t awaited; /* mono; until then somebody waits for its readers, to write */
	/* Readers younger than a second hold this version back, see notify.h; NULL: none. */
	struct folder *held_folder;
	const struct entry *held;
	int64_t held_since;     /* mono */
	bool held_for_watchers; /* somebody else changed the value: its events are still to be raised */
	/* Of an id that a changed key had before, see notify_renew.c: */
	int64_t due;        /* mono: when it is bound to the current value; 0: it is no such id */
	struct node *later; /* the next one that is due */
};

/* What chmod, chown, utimes and setfattr said: kept in memory, by shown id. */
struct meta {
	unsigned set;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime, mtime_set; /* wall; a value that is newer than mtime_set shows its own time */
	int type;                 /* chosen for an empty value; -1: none */
};

/* Writes that failed after write(2): what the next fsync of the key reports. */
struct unreported {
	struct unreported *next;
	struct view *view;
	char *folder, *name;
	int number;
};

struct mount {
	const struct settings *settings;
	struct log *log;
	struct clock *clock;
	struct source *sources;
	size_t n_sources;
	struct view *root; /* the store that is the root itself; NULL: the root holds stores */
	struct workers *workers;
	struct notifier *notifier;
	struct visitor *visitor; /* what asks the mount itself; NULL: whoever wants to know */
	struct dispatcher *dispatcher;
	struct replay *replay;   /* NULL: changes made elsewhere raise no events */
	struct kernel *kernel;   /* the FUSE session, see ops.h */
	unsigned major, minor;   /* of the device that stat(2) shows */
	struct metrics *metrics; /* NULL: nothing is counted */
	struct scaling *scaling; /* the scaler; NULL: it is not wanted. Set before threads start, see scaling.h */
	pthread_t signals;
	bool signalled; /* that thread runs */
	pthread_t table_thread;
	bool tables_started;
	int stop_fd; /* readable once the daemon ends: cancels every wait */
	int64_t started_wall;

	pthread_mutex_t lock; /* "state": guards all below, and what is marked `state` above */
	bool stopping;
	struct view **views;  /* sorted by file name, hidden and gone ones too */
	struct view **by_age; /* the same, oldest first: positions that never change */
	size_t n_views;
	int64_t root_mtime;
	int64_t told_root;       /* root_mtime as the kernel was told */
	struct idmap nodes;      /* shown id → struct node * */
	struct idmap shown;      /* natural id → shown id, where they differ */
	struct idmap natural;    /* shown id → natural id, 0 for a file that has no name any more */
	struct idmap successors; /* shown id of a file that was replaced → natural id of the name it had */
	struct idmap metas;      /* shown id → struct meta * */
	struct idmap documents;  /* shown ids of documents that the kernel may keep */
	struct unreported *unreported;
	struct table *tables;      /* sorted by name; see tables.h */
	int64_t tables_mtime;      /* wall: when a table or an index came or went last */
	pthread_cond_t table_wake; /* their thread has something to do */
	size_t n_handles;
	uint64_t renewed; /* ids that node_renew_locked tried */
	size_t sweep_at;  /* exceptions in `natural` at which they are swept before their time */
	struct control_text *control_texts;
	struct poller *poller; /* see control_poll.h */
	struct handle *control_handles;
	struct events *events; /* NULL: nothing is remembered */
	struct error last_error;
	int64_t last_error_wall;
};

static inline void mount_lock(struct mount *m)
{
	pthread_mutex_lock(&m->lock);
}

static inline void mount_unlock(struct mount **m)
{
	if (*m)
		pthread_mutex_unlock(&(*m)->lock);
}

/* Holds the state lock to the end of the block. */
#define MOUNT_LOCKED(m)                                                     \
	__attribute__((cleanup(mount_unlock))) struct mount *locked_ = (m); \
	mount_lock(locked_)

/* Remembers a failure for .control/last-error and writes it to the log. `what` names the file or the store. */
/* The same for what goes on all the same: a warning. */
void mount_warn_locked(struct mount *m, const char *what, const struct error *e);
void mount_fail(struct mount *m, const char *what, const struct error *e);
void mount_fail_locked(struct mount *m, const char *what, const struct error *e);
