/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "fs/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A source of configuration behind one vtable: store_dynamodb and store_sqlite implement it. It knows raw names and
 * typed values; it knows nothing of files, snapshots or caching. All calls may block up to their deadline, and any
 * number of them may run at once from different threads.
 */
struct store;

/* How long, how interruptible, and what it cost; in and out. */
struct store_call {
	int64_t deadline; /* mono nanoseconds; for the whole of a change, and of opening */
	int64_t timeout;  /* nanoseconds that each request of a load or of opening gets */
	int cancel_fd;    /* -1: none */
	bool consistent;  /* a strongly consistent read */
	/* out, both accumulate: */
	double read_units;
	double write_units;
};

struct attribute {
	const char *name; /* raw, NUL-terminated after name_len bytes */
	size_t name_len;
	enum value_type type;
	const char *bytes; /* as the file shows them */
	size_t len;
};

/* Where a load's items go, in no particular order; everything is borrowed for the call. One call is one option, whole,
 * or, in the path layout, some keys of one directory. A non-zero return ends the load with that number.
 */
struct store_sink {
	int (*item)(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		    const struct attribute *attributes, size_t n, struct error *e);
	void *data;
	/* Something that cannot be shown was left out; `why` is a sentence that names it. NULL: nobody wants to know.
	 */
	void (*skip)(void *data, const char *store, size_t store_len, const struct error *why);
	/* Called between pages, when the source answered (progress) or is throttled and will be asked again; may be
	 * NULL. */
	void (*page)(void *data, bool throttled);
	/* A first load waits as long as it is throttled, and goes on from its last page. */
	bool patient;
};

/* Raw names. In the path layout, whose names path.h explains, the option is the directory, "" at the top. */
struct place {
	const char *store, *option, *key;
	size_t store_len, option_len, key_len;
};

enum expect_kind {
	EXPECT_ANY,    /* unconditional (but the option must exist, where a key is meant) */
	EXPECT_ABSENT, /* the key must not exist: else EEXIST */
	EXPECT_VALUE,  /* the key must hold `expected`: else ESTALE */
};

enum change_kind {
	CHANGE_PUT,    /* key `to` becomes `value`, subject to `expect` on it; option gone: ESTALE */
	CHANGE_REMOVE, /* key `from` goes; key or option gone: ENOENT */
	CHANGE_RENAME, /* key `from`, which must hold `expected` (else ESTALE), goes and key `to` becomes `value`; with
			* `expect` ABSENT, `to` must not exist: else EEXIST. EXDEV across options without transactions
			*/
	CHANGE_MKDIR,  /* option `to`, empty: EEXIST when there is one */
	CHANGE_RMDIR,  /* option `from`, which must hold no keys: ENOTEMPTY; gone: ENOENT */
	CHANGE_RENAME_DIR, /* option `from` moves to option `to` as it is now, in one transaction. `to` must not exist
			    * (EEXIST) or hold no keys (else ENOTEMPTY). EXDEV when it cannot be done in one */
	CHANGE_REPLACE,    /* the `keys` of option `to` change together: each that changes must be as `before`, and so
			    * must the others as far as one request can ask (else ESTALE, also for an option that is
			    * gone). EFBIG: more changes than one request can make */
	CHANGE_KINDS
};

/* In the path layout there are only keys: a directory is there by what is in it, so that PUT and RENAME need none, and
 * MKDIR, RMDIR and REPLACE are EPERM. RENAME_DIR is one transaction of all its `moves`. Values are S, and what somebody
 * else stored as another type is not written over: EINVAL. */

/* One key of CHANGE_REPLACE; names are in the attributes. */
struct key_change {
	struct attribute before, after;
	bool was, is; /* whether there was one before, and is one after */
	bool changes; /* they differ */
};

/* One key of CHANGE_RENAME_DIR, in the path layout: it must hold `expected` (else ESTALE), and `to` must not exist. */
struct key_move {
	struct place from, to;
	struct attribute expected;
};

struct change {
	enum change_kind kind;
	struct place from, to;
	struct attribute value; /* type, bytes, len; the name is that of `to` */
	enum expect_kind expect;
	struct attribute expected;     /* EXPECT_VALUE, CHANGE_RENAME: type, bytes, len */
	const struct key_change *keys; /* CHANGE_REPLACE */
	size_t n_keys;
	const struct key_move *moves; /* CHANGE_RENAME_DIR, in the path layout */
	size_t n_moves;
};

/* The key's name, for both ends of a change. */
static inline const struct attribute *key_change_name(const struct key_change *change)
{
	return change->was ? &change->before : &change->after;
}

struct store_about {
	char source[320];   /* "dynamodb:TABLE" or "local:FILE", as `source` in .control shows it */
	char region[64];    /* "" for local */
	char endpoint[512]; /* "" for local */
};

struct store_ops {
	/* Reaches the source and makes it usable: looks at the table's schema, creates it where it is missing, waits
	 * until it is ACTIVE. EINVAL: another key schema; EACCES, ETIMEDOUT, EIO … */
	int (*open)(struct store *store, struct store_call *call, struct error *e);
	/* Everything; or, with `only`, the one store of that raw name. Fails as a whole or not at all. */
	int (*load)(struct store *store, struct store_call *call, const char *only, const struct store_sink *sink,
		    struct error *e);
	/* One option; the sink is not called when it is proven absent. */
	int (*load_option)(struct store *store, struct store_call *call, const struct place *place,
			   const struct store_sink *sink, struct error *e);
	/* Applies one change, atomically. A lost answer is settled by a consistent read before this returns. */
	int (*apply)(struct store *store, struct store_call *call, const struct change *change, struct error *e);
	void (*about)(struct store *store, struct store_about *about);
	/* 1: somebody else changed something since the last call, 0: nobody did, -EOPNOTSUPP: cannot tell. Never blocks
	 * for the network. NULL: cannot tell. */
	int (*changed)(struct store *store);
	void (*free)(struct store *store);
};

struct store {
	const struct store_ops *ops;
};

static inline int store_open(struct store *s, struct store_call *call, struct error *e)
{
	return s->ops->open(s, call, e);
}
static inline int store_load(struct store *s, struct store_call *call, const char *only, const struct store_sink *sink,
			     struct error *e)
{
	return s->ops->load(s, call, only, sink, e);
}
static inline int store_load_option(struct store *s, struct store_call *call, const struct place *place,
				    const struct store_sink *sink, struct error *e)
{
	return s->ops->load_option(s, call, place, sink, e);
}
static inline int store_apply(struct store *s, struct store_call *call, const struct change *change, struct error *e)
{
	return s->ops->apply(s, call, change, e);
}
/* Idempotent; accepts NULL. */
static inline void store_free(struct store *s)
{
	if (s)
		s->ops->free(s);
}
