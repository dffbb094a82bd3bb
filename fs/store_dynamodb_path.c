/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/path.h"
#include "fs/store_dynamodb_internal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/*
 * The path layout: an item is a key, and one string attribute its value. Whatever else an item has stays with it. Here
 * a place is the key as an option without a store (store_key_place), and the value's attribute as the key in it: then
 * one attribute is written as it is in the other layout.
 */

static int path_place(const struct remote *r, const struct place *place, struct buf *text, struct place *out,
		      struct error *e)
{
	int rc = place->key ? store_key_place(place, text, out, e) : 0;

	if (!place->key)
		*out = (struct place){ 0 };
	else if (rc == 0) {
		out->key = r->config.value_attribute;
		out->key_len = strlen(out->key);
	}
	return rc;
}

/* ---- Reading ---- */

/* What a key that is no clean path is called, see path.h. */
static int whole_name(struct buf *name, const char *key, size_t len, struct key_path *path, struct error *e)
{
	buf_char(name, '/');
	buf_append(name, key, len);
	if (buf_error(name))
		return error_no_memory(e);
	*path = (struct key_path){ .dir = "", .name = name->data, .name_len = name->len };
	return 0;
}

static int send_key(struct loader *l, json_t *item, struct error *e)
{
	const struct store_dynamodb_config *c = &l->remote->config;
	_buf_cleanup_ struct buf whole = BUF_INIT(STORE_ITEM_BYTES_MAX);
	struct key_path path;
	size_t key_len, len;
	const char *key = loader_text(item, c->key_attribute, &key_len);
	const char *value = loader_text(item, c->value_attribute, &len);
	int rc = 0;

	if (!key || !value) {
		const struct place skipped = { .option = key ? key : "?", .option_len = key ? key_len : 1 };
		loader_skip(l, &skipped, "is not shown: its value is no string");
		return 0;
	}
	if (!key_split(key, key_len, &path))
		rc = whole_name(&whole, key, key_len, &path, e);
	if (rc == 0)
		rc = store_item_name(&l->item, path.name, path.name_len, e);
	if (rc < 0)
		return rc;
	buf_append(&l->item.bytes, value, len);
	rc = store_item_end(&l->item, VALUE_S, e);
	const struct place place = { c->name, path.dir, NULL, strlen(c->name), path.dir_len, 0 };
	return rc < 0 ? rc : store_item_send(&l->item, l->sink, &place, e);
}

/* ---- Moving ---- */

/* One transaction takes so much in all, and so many writes: a key's removal and its new place are two.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
enum { MOVES_MAX = DYNAMODB_TRANSACT_MAX / 2, TRANSACT_BYTES_MAX = 4 << 20, ITEM_OVERHEAD = 100 };

/* One key on its way: the whole item moves, for it may have attributes that are not shown. */
struct moving {
	struct buf from_text, to_text;
	struct place from, to;
	struct attribute value; /* what it will hold */
	struct edit removal, arrival;
};

#define MOVING_NULL \
	((struct moving){ .from_text = BUF_INIT(STORE_ITEM_BYTES_MAX), .to_text = BUF_INIT(STORE_ITEM_BYTES_MAX) })

struct moves {
	size_t n;
	struct moving moving[MOVES_MAX];
	struct dynamodb_write writes[2 * MOVES_MAX];
};

static void moves_free(struct moves **moves)
{
	for (size_t i = 0; *moves && i < (*moves)->n; i++) {
		struct moving *m = &(*moves)->moving[i];
		buf_deinit(&m->from_text);
		buf_deinit(&m->to_text);
		edit_deinit(&m->removal);
		edit_deinit(&m->arrival);
	}
	free(*moves);
}

static int changed_elsewhere(const struct moving *m, struct error *e)
{
	return store_key_error(&m->from, ESTALE, "was changed by somebody else", e);
}

/* The item as it will be at its new place. */
static int take_item(struct session *s, struct moving *m, const struct attribute *expected, json_t **out,
		     struct error *e)
{
	const struct remote *r = s->remote;
	_json_cleanup_ json_t *item = NULL, *value = NULL;
	int rc = session_get(s, &m->from, &item, e);

	if (rc == 0 && !session_holds(item, &m->from, expected))
		rc = changed_elsewhere(m, e);
	if (rc == 0)
		rc = value_to_attribute(m->value.type, m->value.bytes, m->value.len, &value, e);
	if (rc < 0)
		return rc;
	_json_cleanup_ json_t *key = remote_key(r, &m->to);
	if (!key)
		return store_key_error(&m->to, EINVAL, "has a name that is not UTF-8", e);
	if (json_object_update(item, key) < 0 || json_object_set(item, r->config.value_attribute, value) < 0)
		return error_no_memory(e);
	*out = json_incref(item);
	return 0;
}

static int prepare(struct session *s, struct moves *moves, const struct key_move *move, enum expect_kind expect,
		   struct error *e)
{
	const struct remote *r = s->remote;
	struct moving *m = &moves->moving[moves->n];
	struct dynamodb_write *writes = &moves->writes[2 * moves->n++];
	const char *condition = r->layout->put[expect];
	_json_cleanup_ json_t *item = NULL;

	int rc = path_place(r, &move->from, &m->from_text, &m->from, e);
	if (rc == 0)
		rc = path_place(r, &move->to, &m->to_text, &m->to, e);
	if (rc == 0)
		rc = take_item(s, m, &move->expected, &item, e);
	if (rc == 0)
		rc = edit_condition(s, &m->removal, &m->from, r->layout->put[EXPECT_VALUE], &move->expected, e);
	if (rc == 0)
		rc = edit_condition(s, &m->arrival, &m->to, condition, NULL, e);
	if (rc < 0)
		return rc;
	writes[0] = session_write(s, &m->removal, DYNAMODB_DELETE, NULL, r->layout->put[EXPECT_VALUE]);
	json_decref(m->arrival.key);
	m->arrival.key = json_incref(item);
	writes[1] = session_write(s, &m->arrival, DYNAMODB_PUT, NULL, condition);
	return 0;
}

/* 1: all of it was done by an attempt whose answer was lost; else why it cannot be. */
static int look_at_ends(struct session *s, const struct moving *m, enum expect_kind expect, struct error *e)
{
	_json_cleanup_ json_t *from = NULL, *to = NULL;
	int rc = session_get(s, &m->from, &from, e);

	if (rc == 0)
		rc = session_get(s, &m->to, &to, e);
	if (rc < 0)
		return rc;
	if (s->lost && !from && session_holds(to, &m->to, &m->value))
		return 1;
	if (to && expect == EXPECT_ABSENT)
		return store_key_error(&m->to, EEXIST, "exists already", e);
	return 0;
}

static int settle_moves(struct session *s, const struct moves *moves, enum expect_kind expect, struct error *e)
{
	bool done = true;

	for (size_t i = 0; i < moves->n; i++) {
		int rc = look_at_ends(s, &moves->moving[i], expect, e);
		if (rc < 0)
			return rc;
		done = done && rc == 1;
	}
	return done ? 0 : changed_elsewhere(&moves->moving[0], e);
}

/* All keys move in one transaction. `value` NULL: each as it is. */
static int move_keys(struct session *s, const struct key_move *list, size_t n, const struct attribute *value,
		     enum expect_kind expect, struct error *e)
{
	__attribute__((cleanup(moves_free))) struct moves *moves = NULL;
	size_t bytes = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		bytes += 2 * list[i].expected.len + ITEM_OVERHEAD;
	if (n > MOVES_MAX || bytes > TRANSACT_BYTES_MAX)
		return error_set(e, EXDEV, "%zu keys are too many, or too large, to be moved in one step", n);
	moves = calloc(1, sizeof(*moves));
	if (!moves)
		return error_no_memory(e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		moves->moving[i] = MOVING_NULL;
		moves->moving[i].value = value ? *value : list[i].expected;
		rc = prepare(s, moves, &list[i], expect, e);
	}
	if (rc < 0)
		return rc;
	rc = session_transact(s, moves->writes, 2 * n, e);
	return rc == -ESTALE ? settle_moves(s, moves, expect, e) : rc;
}

static int rename_key(struct session *s, struct error *e)
{
	const struct change *c = s->outer;
	const struct key_move move = { c->from, c->to, c->expected };

	return move_keys(s, &move, 1, &c->value, c->expect, e);
}

static int rename_dir(struct session *s, struct error *e)
{
	return move_keys(s, s->outer->moves, s->outer->n_moves, NULL, EXPECT_ABSENT, e);
}

static int refuse(struct session *s, struct error *e)
{
	(void)s;
	return error_set(e, EPERM, "in the path layout a directory is no item, and keys are changed one by one");
}

const struct remote_layout remote_path = {
	.hash_key = offsetof(struct store_dynamodb_config, key_attribute),
	.advice = "name it with key-attribute=",
	.place = path_place,
	.send_item = send_key,
	.put = {
		/* What is no string is somebody else's. */
		[EXPECT_ANY] = "attribute_not_exists(#k) OR attribute_type(#k, :s)",
		[EXPECT_ABSENT] = "attribute_not_exists(#k)",
		[EXPECT_VALUE] = "#k = :e",
	},
	.remove_kind = DYNAMODB_DELETE,
	.remove = "attribute_type(#k, :s)",
	.apply = {
		[CHANGE_PUT] = session_put,
		[CHANGE_REMOVE] = session_remove,
		[CHANGE_RENAME] = rename_key,
		[CHANGE_MKDIR] = refuse,
		[CHANGE_RMDIR] = refuse,
		[CHANGE_RENAME_DIR] = rename_dir,
		[CHANGE_REPLACE] = refuse,
	},
};
