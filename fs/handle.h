/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "fs/snapshot.h"
#include "fs/value.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * An open file. For writing it is a working copy of the value, with the rules of when it is committed: this
 * module is those rules, without locks or I/O. A FLUSH commits only when the process that
 * closes has written since the last commit, a mere O_TRUNC or creation waits for RELEASE.
 *
 * The mount's state lock guards all handles.
 */
struct node;
struct control_text;

enum handle_kind { HANDLE_VALUE, HANDLE_CONTROL };
enum { HANDLE_WRITERS = 8 };

struct handle {
	enum handle_kind kind;
	struct handle *next; /* of its node, or of the mount's control files */
	struct node *node;
	int64_t opened; /* mono */
	bool cached;    /* reads go through the page cache */

	/* The version that was opened; NULL for a new file. */
	struct folder *folder;
	const struct entry *entry;
	struct control_text *text; /* HANDLE_CONTROL, opened for reading */
	uint64_t id;               /* HANDLE_CONTROL */

	/* For writing: */
	bool writes, append, sync;
	bool exclusive; /* O_EXCL: the key must not exist when it is committed */
	bool document;  /* JSON, of a whole option */
	bool known;     /* the key has a type: */
	enum value_type type;
	enum newline_mode newline;
	size_t limit; /* bytes that the value may have */
	bool working; /* work holds the bytes as written so far */
	struct buf work;
	size_t checked; /* how much of work was found writable for its type */
	bool truncated; /* O_TRUNC or creation that nothing was written after */
	bool flushed;   /* somebody has closed it since it was opened */
	bool pending;   /* there is something to commit */
	int failed;     /* a write or commit failed, positive errno: nothing is committed any more */
	bool derived;   /* bytes may come from the old value: the commit is conditional on */
	bool has_base;  /* this one */
	enum value_type base_type;
	struct buf base;
	bool looked;                      /* it was read through: its writer may have relied on what he saw */
	size_t own_from;                  /* where in work begins what was appended since the last commit */
	bool broke;                       /* and a line break of ours is its first byte */
	uint64_t writers[HANDLE_WRITERS]; /* lock owners that wrote since the last commit */
	unsigned n_writers;               /* more than HANDLE_WRITERS: everybody counts as one */
	uint64_t version;                 /* counts changes of work */
	uint64_t changes;                 /* the node's when this handle's truncation was made */
};

struct handle *handle_new(enum handle_kind kind);
void handle_free(struct handle *handle);

/* What is written is the JSON of an option. */
void handle_of_document(struct handle *h);

/* The old value that writes start from. Nothing is copied when the handle works already. -ENOMEM. */
int handle_begin(struct handle *h, enum value_type type, const char *bytes, size_t len, struct error *e);
/* Starts from nothing, as O_TRUNC and creation do. */
void handle_begin_empty(struct handle *h);

/* 0, or -errno: EINVAL no continuation of these bytes is a value of the type, EFBIG. A failure is remembered. */
int handle_write(struct handle *h, const char *data, size_t len, int64_t offset, uint64_t owner, struct error *e);
/* As ftruncate(2); the next FLUSH commits, whoever closes. */
int handle_truncate(struct handle *h, int64_t size, struct error *e);

/* Before a commit: what was only appended goes behind the newest value, which another process of this host may have
 * appended to. A handle that was read through, or wrote elsewhere, keeps to the value it started from. */
void handle_rebase(struct handle *h, enum value_type type, const char *bytes, size_t len);

/* Whether this FLUSH has something to commit. */
bool handle_flush_commits(const struct handle *h, uint64_t owner);
/* Whether RELEASE or fsync has. */
bool handle_release_commits(const struct handle *h);

/* After a commit of work as it was at `version`: what was stored is the base of what follows. */
void handle_committed(struct handle *h, uint64_t version, enum value_type type, const char *bytes, size_t len);
void handle_commit_failed(struct handle *h, int number);
