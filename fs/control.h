/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * The .control tree: a table of rows, one a file (control.c). Adding a file is adding a row.
 *
 * A row is rendered into one text that all who have it open share until the last closes; its size and modification time
 * are those of that text; a text that only grows (events) does so under its readers. Where opens never reach the daemon
 * a text is kept while requests for it come close together: a reader asks several times for one. A write(2) acts at
 * once.
 */
struct control_text {
	struct control_text *next;
	uint64_t id;
	unsigned refs;
	int64_t mtime;    /* wall nanoseconds, when it was rendered; */
	int64_t rendered; /* and mono */
	int64_t kept;     /* mono: how long for requests without a handle; 0: not for any */
	uint64_t seen;    /* of a text that grows: what it shows already */
	struct buf text;
};

/* The id of .control itself; its files have ids with both upper bits 0. */
enum { CONTROL_ID = 2 };

/* 0 or -ENOENT. */
int control_lookup_locked(struct mount *m, uint64_t parent, const char *name, struct attr *attr);
int control_attr_locked(struct mount *m, uint64_t id, struct attr *attr);
/* The n-th name in a directory of .control, false past the end. */
bool control_entry_locked(struct mount *m, uint64_t id, size_t n, const char **name, struct attr *attr);
bool control_is_folder(uint64_t id);

/* The text as long as it is open; NULL: no memory, or not a file. */
struct control_text *control_open_locked(struct mount *m, uint64_t id);
/* Brings a text that grows up to date. */
void control_grow_locked(struct mount *m, struct control_text *text);
/* Whether the file would show another text now. */
bool control_differs_locked(struct mount *m, const struct control_text *text);
void control_close_locked(struct mount *m, struct control_text *text);
/* The text for a request without a handle; NULL: no memory, or not a file. Borrowed while the lock is held. */
struct control_text *control_keep_locked(struct mount *m, uint64_t id);

/* Texts and handles of files that were open when the mount was taken away. */
void control_free(struct mount *m);

/* What somebody wrote, without the lock. CALL_BLOCKS: an action that wants a worker, where `may_block` is not set.
 * EINVAL with a sentence, EPERM, or the action's own error. */
int control_write(struct mount *m, uint64_t id, const char *text, size_t len, bool may_block, struct error *e);

/* mkdir(2) in a directory of .control, without the lock: as control_write. */
int control_mkdir(struct mount *m, uint64_t parent, const char *name, bool may_block, struct error *e);

/* The rows, for help and documentation: path ("stores/STORE/ttl"; of a directory with a final slash), "r", "w" or "rw",
 * and a sentence. False past the end. */
bool control_help(size_t n, struct buf *path, const char **access, const char **help);
