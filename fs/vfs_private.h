/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/handle.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/refresh.h"
#include "fs/vfs.h"
#include "fs/view.h"

/* Shared by the parts of vfs, and by nobody else. */

/* How long the kernel may keep what it will be told about when it changes. */
#define VFS_KEEP (365 * 86400 * CLOCK_SECOND)

/* The file name path of a folder in a folder. False when it does not fit. */
enum { VFS_PATH_MAX = FILE_PATH_MAX };
bool vfs_join(const char *folder, const char *name, char out[VFS_PATH_MAX]);

/* Whether the id is the root of a mount whose root holds stores. */
bool vfs_is_top(const struct mount *m, uint64_t node);
/* A file name in a folder → its raw name, or -EINVAL. */
int vfs_decode(const struct view *view, const char *folder, const char *name, char raw[FILE_NAME_MAX + 1]);

/* One name in a folder, resolved. */
struct target {
	struct where parent;
	struct view *view;
	const struct folder *folder; /* the folder that the name is in */
	const struct entry *entry;   /* NULL: there is none of that name */
	uint64_t shown;              /* its id */
	char raw[FILE_NAME_MAX + 1]; /* decoded, where it is not there yet */
	int raw_len;                 /* -EINVAL: not a name */
};

/* The name in the folder of `node`, in a store: 0, -errno, CALL_PARKED, CALL_BLOCKS. Fetches where
 * the store is read on every access; the lock is dropped then. */
int vfs_target_locked(struct mount *m, struct call *c, uint64_t node, const char *name, struct target *target);

/* Whether what a view shows can be relied on: 0, CALL_PARKED before its first load, or its failure. */
int vfs_view_ready_locked(struct view *view);

/* The attributes of what an id names. */
void vfs_attr_root_locked(struct mount *m, struct attr *attr);
void vfs_attr_folder_locked(struct mount *m, const struct view *view, const struct folder *folder, struct attr *attr);
void vfs_attr_value_locked(struct mount *m, const struct view *view, const struct folder *folder,
			   const struct entry *entry, struct attr *attr);
int vfs_attr_locked(struct mount *m, uint64_t id, struct attr *attr);

/* A document in a folder of that name; `*folder` becomes the one that it is in. NULL: there is none. */
const struct entry *vfs_document_locked(const struct view *view, const struct folder **folder, const char *name);
/* Only an option's %json is. */
bool vfs_document_is_writable(const struct folder *folder, const struct entry *entry);
/* Makes the document that the call is about, outside the lock: 0, CALL_BLOCKS where that would take a while. */
int vfs_document_prepare(struct mount *m, struct call *c);
/* The commit of what was written to one. */
int vfs_document_commit(struct mount *m, struct call *c, struct handle *h, struct error *e);

/* Brings a store that is read on every access up to date for one name in a folder; `known`: there is such a key.
 * Without the lock. */
int vfs_fetch(struct view *view, const char *folder, const char *name, bool known, struct error *e);

/* The network, without the lock: a store call with the call's deadline, its costs counted for the view. */
int vfs_apply(struct mount *m, struct call *c, struct view *view, const struct change *change, struct error *e);
/* The strand that orders what is done to one option. */
uint64_t vfs_strand(const struct view *view, const char *folder);
/* Before the first byte of a change: EROFS, or the failure that a source in trouble would give. */
int vfs_may_change_locked(struct mount *m, struct view *view, struct call *c);
struct place vfs_place(const struct view *view, const struct folder *folder, const char *raw, size_t raw_len);
/* Where folders are no items: a folder that was emptied here stays, until rmdir. */
void vfs_keep_emptied_locked(struct view *view, const char *folder);
/* A fact about a name in a folder, with what the folder and the clock say filled in. */
struct fact vfs_fact(struct mount *m, enum fact_kind kind, const struct folder *folder, const char *name,
		     const char *raw, size_t raw_len);
/* What a value in memory only is there for. */
bool vfs_is_new(const struct fact *fact);       /* created, never committed */
bool vfs_is_temporary(const struct fact *fact); /* under a name that programs use for a moment */
bool vfs_is_parked(const struct fact *fact);    /* a key renamed away, which the store holds under its old name */

/* The backup of a key: the file in memory whose value the store still holds under this name; NULL: none. Once the name
 * is taken again (vfs_unpark_locked), the backup is a file of its own. */
struct fact *vfs_backup_locked(const struct view *view, const char *folder, const char *name);
void vfs_unpark_locked(struct view *view, const char *folder, const char *name);
/* The old name of a parked key is settled in the store: from here on loads show it again if somebody makes it. */
void vfs_unhide_locked(struct view *view, const char *folder, const char *name);

/* A key that is parked under this name is renamed in the store now, for it is about to be written or replaced. On a
 * worker, without the lock. 0 also where nothing is parked; EBUSY. */
int vfs_store_backup(struct view *view, const char *folder, const char *name);

/* How many bytes the value may have, beside the other keys of its option. */
size_t vfs_value_limit(const struct where *where);
/* The type that setfattr chose for a key that is still empty; -1: none. */
int vfs_chosen_type_locked(struct mount *m, const struct entry *entry);

/* Whether a commit of the key is on its way: what is done to it now must come after. */
bool vfs_is_committing_locked(struct mount *m, const struct target *target);

/* Remembers a failure for the log and last-error, under the key's path. */
void vfs_fail_key_locked(struct view *view, const char *folder, const char *name, const struct error *e);
/* The same for a name that cannot be made; returns -number. */
int vfs_refuse_locked(struct mount *m, const struct call *c, int number, const char *why);
#define VFS_NOT_A_NAME "this is not a name: write % as %25, and everything else as UTF-8"
/* Remembers a failed write of a key: for the log, last-error and the next fsync. */
void vfs_unreported_locked(struct view *view, const char *folder, const char *name, const struct error *e);

/* That failure, once, and no more: 0 when there is none. */
int vfs_reported_locked(struct view *view, const char *folder, const char *name);

/* The calls; see vfs.c. */
int vfs_lookup(struct mount *m, struct call *c);
int vfs_getattr(struct mount *m, struct call *c);
int vfs_readdir(struct mount *m, struct call *c);
int vfs_release(struct mount *m, struct call *c);
int vfs_statfs(struct mount *m, struct call *c);
int vfs_open(struct mount *m, struct call *c);
int vfs_create(struct mount *m, struct call *c);
int vfs_read(struct mount *m, struct call *c);
int vfs_write(struct mount *m, struct call *c);
int vfs_flush(struct mount *m, struct call *c);
int vfs_fsync(struct mount *m, struct call *c);
int vfs_mknod(struct mount *m, struct call *c);
int vfs_mkdir(struct mount *m, struct call *c);
int vfs_unlink(struct mount *m, struct call *c);
int vfs_rmdir(struct mount *m, struct call *c);
int vfs_rename(struct mount *m, struct call *c);
int vfs_setattr(struct mount *m, struct call *c);
int vfs_getxattr(struct mount *m, struct call *c);
int vfs_listxattr(struct mount *m, struct call *c);
int vfs_setxattr(struct mount *m, struct call *c);
int vfs_poll(struct mount *m, struct call *c); /* control_poll.c */

/* A folder on its way to another name, with all that is in it. */
struct folder_move;
/* Both names as they are now; `*move` is owned. 0, -errno, CALL_BLOCKS. */
int vfs_move_folder_begin_locked(struct call *c, const struct target *from, const struct target *to,
				 struct folder_move **move);
/* Without the lock: the store, then the picture. */
int vfs_move_folder(struct mount *m, struct call *c, struct folder_move *move, struct error *e);
void vfs_move_folder_free(struct folder_move *move); /* accepts NULL */

/* Before a file is changed here: 0, or CALL_PARKED for a moment while somebody reads it through the page cache. */
int vfs_wait_for_readers_locked(struct mount *m, struct call *c, const struct where *where);
/* The truncation of a key that is not open, one commit. */
int vfs_truncate_closed(struct mount *m, struct call *c);
/* The value that writes through a handle start from: the newest one. */
int vfs_begin_locked(struct mount *m, struct handle *h, struct error *e);
/* Commits what a handle has; without the lock, on a worker or where nothing blocks. */
int vfs_commit(struct mount *m, struct call *c, struct handle *h);
/* Whether that would wait for the network. */
bool vfs_commit_blocks_locked(const struct handle *h);
