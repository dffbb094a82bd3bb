/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/json.h"
#include "fs/store_dynamodb.h"
#include "fs/store_item.h"

#include <stdatomic.h>

/* Shared by the files of the DynamoDB store only. */
struct remote {
	struct store store;
	struct store_dynamodb_config config; /* its strings are owned */
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
	const struct change *change;
	bool lost; /* some write may have been made without its answer arriving */
};

/* One write of it: the item's key, and names and values behind placeholders, since anything may be in them. */
struct edit {
	json_t *key, *names, *values;
};

void edit_deinit(struct edit *edit);
#define _edit_ __attribute__((cleanup(edit_deinit)))

/* With "#s" for the store's key, which every item has, where `exists` is asked about. */
int edit_begin(const struct session *s, struct edit *edit, const struct place *place, bool exists, struct error *e);
int edit_name(struct edit *edit, const char *placeholder, const char *name, size_t len, struct error *e);
int edit_value(struct edit *edit, const char *placeholder, const struct attribute *value, struct error *e);

/* The write of an edit; borrows all of it. `update` and `condition` may be NULL. */
struct dynamodb_write session_write(const struct session *s, const struct edit *edit, enum dynamodb_write_kind kind,
				    const char *update, const char *condition);
/* Sends one, or two as one transaction: EXDEV where the engine has none. `old` as in dynamodb_write. */
int session_send(struct session *s, const struct dynamodb_write *write, json_t **old, struct error *e);
int session_transact(struct session *s, const struct dynamodb_write writes[2], struct error *e);
/* A consistent read. `*item` is owned, NULL when proven absent. */
int session_get(struct session *s, const struct place *place, json_t **item, struct error *e);
/* Whether an item (NULL: none) has that value under the key. */
bool session_holds(const json_t *item, const struct place *place, const struct attribute *value);

/* ---- store_dynamodb_options.c: whole options ---- */
int session_mkdir(struct session *s, struct error *e);
int session_rmdir(struct session *s, struct error *e);
int session_rename_dir(struct session *s, struct error *e);

/* ---- store_dynamodb_replace.c: all keys of an option at once ---- */
int session_replace(struct session *s, struct error *e);
struct place session_key_place(const struct session *s, const struct key_change *key);
