/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/json.h"
#include "fs/store_dynamodb.h"
#include "fs/store_item.h"

#include <stdatomic.h>

/* Shared by the files of the DynamoDB store only. */
struct loader;
struct remote;
struct session;

/* What differs between the layouts: one row each, in the file that writes and reads its items. */
struct remote_layout {
	size_t hash_key, range_key; /* where the names of the table's keys are in the config; 0: it has no range key */
	const char *advice;         /* how to name other keys */
	/* Where a place is; NULL: there. The text has to outlive it. */
	int (*place)(const struct remote *r, const struct place *place, struct buf *text, struct place *out,
		     struct error *e);
	int (*send_item)(struct loader *l, json_t *item, struct error *e);
	/* Conditions of one attribute's update, by enum expect_kind, and of its removal. "#s" is the hash key, "#k" the
	 * attribute, ":e" what it must hold, ":s" the type S. */
	const char *put[3];
	enum dynamodb_write_kind remove_kind;
	const char *remove_update, *remove;
	int (*apply[CHANGE_KINDS])(struct session *s, struct error *e);
};

extern const struct remote_layout remote_options, remote_path;

struct remote {
	struct store store;
	const struct remote_layout *layout;
	struct store_dynamodb_config config; /* its strings are owned */
	const char *hash_key, *range_key;    /* of these; range_key NULL: none */
	atomic_bool no_transactions;         /* the engine said so */
};

static inline struct remote *remote_of(struct store *store)
{
	return (struct remote *)store;
}

/* The deadline of one request of a load. */
int64_t remote_request_deadline(const struct remote *r, const struct store_call *call);

/* The key of an item; NULL for no memory, or names that are not UTF-8. */
json_t *remote_key(const struct remote *r, const struct place *place);
bool remote_is_key_name(const struct remote *r, const char *name, size_t len);

/* GetItem within the call's own deadline; adds what it consumed. `*item` is owned, NULL when proven absent. */
int remote_get(const struct remote *r, struct store_call *call, int64_t deadline, bool consistent,
	       const struct place *place, json_t **item, struct error *e);

/* ---- store_dynamodb_load.c ---- */

struct loader {
	struct remote *remote;
	const struct store_sink *sink;
	struct store_item item;
};

/* The string that an item has under a key; NULL: none. Borrowed from the item. */
const char *loader_text(const json_t *item, const char *name, size_t *len);
/* One attribute less: the sink is told why. */
void loader_skip(const struct loader *l, const struct place *place, const char *why);
int loader_send_option(struct loader *l, json_t *item, struct error *e);
int remote_load(struct store *store, struct store_call *call, const char *only, const struct store_sink *sink,
		struct error *e);
int remote_load_option(struct store *store, struct store_call *call, const struct place *place,
		       const struct store_sink *sink, struct error *e);

/* ---- store_dynamodb_change.c: keys, and what all changes are made with ---- */
int remote_apply(struct store *store, struct store_call *call, const struct change *change, struct error *e);

/* One change on its way. */
struct session {
	struct remote *remote;
	struct store_call *call;
	const struct change *change; /* with its places as the layout has them */
	const struct change *outer;  /* as it was asked for */
	bool lost;                   /* some write may have been made without its answer arriving */
};

/* One write of it: the item's key, and names and values behind placeholders, since anything may be in them. */
struct edit {
	json_t *key, *names, *values;
};

void edit_deinit(struct edit *edit);
#define _edit_ __attribute__((cleanup(edit_deinit)))

/* With "#s" for the hash key, which every item has, where `exists` is asked about. */
int edit_begin(const struct session *s, struct edit *edit, const struct place *place, bool exists, struct error *e);
int edit_name(struct edit *edit, const char *placeholder, const char *name, size_t len, struct error *e);
/* The edit of an attribute as far as a condition of the layout (see above) names things; `expected` is for ":e". */
int edit_condition(const struct session *s, struct edit *edit, const struct place *place, const char *condition,
		   const struct attribute *expected, struct error *e);
int edit_value(struct edit *edit, const char *placeholder, const struct attribute *value, struct error *e);

/* The write of an edit; borrows all of it. `update` and `condition` may be NULL. */
struct dynamodb_write session_write(const struct session *s, const struct edit *edit, enum dynamodb_write_kind kind,
				    const char *update, const char *condition);
/* Sends one, or two as one transaction: EXDEV where the engine has none. `old` as in dynamodb_write. */
int session_send(struct session *s, const struct dynamodb_write *write, json_t **old, struct error *e);
int session_transact(struct session *s, const struct dynamodb_write *writes, size_t n, struct error *e);
/* A consistent read. `*item` is owned, NULL when proven absent. */
int session_get(struct session *s, const struct place *place, json_t **item, struct error *e);
/* Whether an item (NULL: none) has that value under the key. */
bool session_holds(const json_t *item, const struct place *place, const struct attribute *value);

int session_put(struct session *s, struct error *e);
int session_remove(struct session *s, struct error *e);

/* ---- store_dynamodb_options.c: whole options ---- */
int session_mkdir(struct session *s, struct error *e);
int session_rmdir(struct session *s, struct error *e);
int session_rename_dir(struct session *s, struct error *e);

/* ---- store_dynamodb_replace.c: all keys of an option at once ---- */
int session_replace(struct session *s, struct error *e);
struct place session_key_place(const struct session *s, const struct key_change *key);
