/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "fs/path.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

/*
 * One request of the kernel in neutral terms: what ops.c makes of it, vfs answers, and ops.c sends back. The
 * core knows nothing of FUSE.
 */
enum call_kind {
	CALL_LOOKUP,
	CALL_GETATTR,
	CALL_SETATTR,
	CALL_MKNOD,
	CALL_MKDIR,
	CALL_UNLINK,
	CALL_RMDIR,
	CALL_RENAME,
	CALL_OPEN,
	CALL_CREATE,
	CALL_READ,
	CALL_WRITE,
	CALL_FLUSH,
	CALL_FSYNC,
	CALL_RELEASE,
	CALL_READDIR,
	CALL_STATFS,
	CALL_GETXATTR,
	CALL_LISTXATTR,
	CALL_SETXATTR,
	CALL_POLL,
	CALL_KINDS
};

/* As metrics name it: "getattr". */
const char *call_kind_name(enum call_kind kind);

/* What a run of a call can come to beside 0 and -errno. */
enum call_result {
	CALL_BLOCKS = 1, /* it needs the network: run it again on a worker, with may_block */
	CALL_PARKED = 2, /* it waits for a first load or for a value to settle: mount_unpark runs it again */
};

struct attr {
	uint64_t id;  /* the kernel's node */
	uint64_t ino; /* what stat(2) shows */
	uint64_t size;
	int64_t mtime;     /* wall nanoseconds */
	int64_t entry_ttl; /* how long the kernel may keep the name, in nanoseconds */
	int64_t attr_ttl;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* The kernel's own bits. */
enum call_set {
	SET_MODE = 1,
	SET_UID = 2,
	SET_GID = 4,
	SET_SIZE = 8,
	SET_MTIME = 32,
	SET_MTIME_NOW = 256,
	SET_ALL = 303
};

struct handle;
struct folder;
struct poll_waiter;
struct call;

/* How readdir hands out names: false ends the listing (the kernel's buffer is full). `next` is the offset after the
 * name. */
typedef bool call_fill(struct call *call, const char *name, const struct attr *attr, int64_t next);

struct call {
	enum call_kind kind;
	void *request; /* the adapter's own */
	bool own;      /* it comes from the replay's thread */

	/* in */
	uint64_t node;                /* the file or folder; for names, the folder they are in */
	uint64_t new_node;            /* RENAME: the target folder */
	char name[FILE_NAME_MAX + 1]; /* of the file, or of the xattr */
	char new_name[FILE_NAME_MAX + 1];
	struct handle *handle; /* NULL: none, or a file of a mount whose opens never reach the daemon */
	uint64_t owner;        /* the lock owner: who closes or writes */
	int64_t offset;
	size_t size;
	unsigned flags; /* open(2)'s, rename(2)'s or setxattr(2)'s flags */
	mode_t mode;
	const char *data;           /* WRITE, SETXATTR: borrowed until vfs_run first returns */
	unsigned set;               /* SETATTR: enum call_set */
	struct attr wish;           /* SETATTR: what `set` names */
	bool plus;                  /* READDIR: with attributes */
	call_fill *fill;            /* READDIR */
	struct poll_waiter *waiter; /* POLL: who is to be told later; NULL: nobody. Given away */

	/* between runs */
	bool may_block;      /* this run is on a worker and may wait for the network */
	bool begun;          /* WRITE: the bytes are in the handle, only the commit is left */
	bool counted;        /* the commit of this call is counted in its node */
	bool fetched;        /* a store read on every access was read for this call */
	int64_t park_end;    /* mono: parked until then at most; 0: until something happens */
	uint64_t strands[2]; /* what the call must be in order with; 0: nothing */
	int64_t arrived;     /* mono: when the call left the thread that read it; what its deadline counts from */

	/* out */
	struct attr attr;
	bool direct;     /* OPEN: bypass the page cache */
	bool keep;       /* OPEN: what the page cache holds is good */
	bool no_flush;   /* OPEN: FLUSH is of no interest */
	size_t done;     /* WRITE: bytes taken */
	unsigned events; /* POLL: poll(2)'s */
	const char *out; /* READ, xattrs: the answer, */
	size_t out_len;
	struct folder *pinned; /* kept alive by this, or */
	struct buf text;       /* in here */
};

#define CALL_INIT(call_kind, req) \
	((struct call){ .kind = (call_kind), .request = (req), .text = BUF_INIT((size_t)16 << 20) })

/* As stat(2) and statvfs(2) tell it. */
void attr_stat(const struct attr *attr, struct stat *st);
double attr_seconds(int64_t ns);
void call_statvfs(const struct call *call, struct statvfs *st);
/* Frees what the call owns. Idempotent. */
void call_deinit(struct call *call);
