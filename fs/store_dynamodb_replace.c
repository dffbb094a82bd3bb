/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_dynamodb_internal.h"

#include <errno.h>
#include <stdio.h>

/*
 * All keys of an option in one UpdateItem, on the condition that they are as they were. An expression has at most
 * 4,096 bytes, and 300 operators and functions:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 *
 * The keys that change come first. The others are asked about as far as there is room.
 */
enum { EXPRESSION_MAX = 4096, OPERATORS_MAX = 300 };

struct replacement {
	struct session *s;
	struct edit edit;
	struct buf sets, removes, condition;
	unsigned n_sets, n_conditions;
};

static void replacement_deinit(struct replacement *r)
{
	edit_deinit(&r->edit);
	buf_deinit(&r->sets);
	buf_deinit(&r->removes);
	buf_deinit(&r->condition);
}

struct place session_key_place(const struct session *s, const struct key_change *key)
{
	struct place place = s->change->to;

	place.key = key_change_name(key)->name;
	place.key_len = key_change_name(key)->name_len;
	return place;
}

/* Each condition is an operator or function, and joined by another. */
static bool has_room(const struct replacement *r)
{
	enum { LONGEST = sizeof(" AND attribute_not_exists(#ffff)") };

	return r->condition.len + LONGEST <= EXPRESSION_MAX && 2 * (r->n_conditions + 1) < OPERATORS_MAX;
}

static int add_condition(struct replacement *r, size_t i, const struct key_change *key, struct error *e)
{
	char name[24], value[24];

	snprintf(name, sizeof(name), "#%zx", i);
	snprintf(value, sizeof(value), ":o%zx", i);
	int rc = key->was ? edit_value(&r->edit, value, &key->before, e) : 0;
	if (rc == 0)
		rc = edit_name(&r->edit, name, key_change_name(key)->name, key_change_name(key)->name_len, e);
	if (rc < 0)
		return rc;
	if (key->was)
		buf_printf(&r->condition, " AND %s = %s", name, value);
	else
		buf_printf(&r->condition, " AND attribute_not_exists(%s)", name);
	r->n_conditions++;
	return 0;
}

static int add_change(struct replacement *r, size_t i, const struct key_change *key, struct error *e)
{
	char value[24];

	snprintf(value, sizeof(value), ":%zx", i);
	if (!key->is) {
		buf_printf(&r->removes, "%s #%zx", r->removes.len ? "," : " REMOVE", i);
		return 0;
	}
	buf_printf(&r->sets, "%s #%zx = %s", r->sets.len ? "," : "SET", i, value);
	r->n_sets++;
	return edit_value(&r->edit, value, &key->after, e);
}

static int add_changes(struct replacement *r, const struct change *c, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->n_keys; i++) {
		if (!c->keys[i].changes)
			continue;
		if (!has_room(r))
			return store_option_error(&c->to, EFBIG,
						  "has more changes than one update can make: make fewer at once", e);
		rc = add_condition(r, i, &c->keys[i], e);
		if (rc == 0)
			rc = add_change(r, i, &c->keys[i], e);
	}
	return rc;
}

/* Not about lists and maps, which some engines cannot compare, nor what another engine sent and no request can hold. */
static void add_others(struct replacement *r, const struct change *c)
{
	for (size_t i = 0; i < c->n_keys && has_room(r); i++) {
		enum value_type type = c->keys[i].before.type;
		if (!c->keys[i].changes && type != VALUE_L && type != VALUE_M)
			add_condition(r, i, &c->keys[i], NULL);
	}
}

static bool is_as_wanted(const struct session *s, const json_t *item)
{
	const struct change *c = s->change;

	for (size_t i = 0; i < c->n_keys; i++) {
		struct place place = session_key_place(s, &c->keys[i]);
		bool there = c->keys[i].is ? session_holds(item, &place, &c->keys[i].after)
					   : !json_object_getn(item, place.key, place.key_len);
		if (!there && c->keys[i].changes)
			return false;
	}
	return true;
}

static int settle(struct session *s, struct error *e)
{
	_json_cleanup_ json_t *item = NULL;
	const struct place *option = &s->change->to;

	int rc = session_get(s, option, &item, e);
	if (rc < 0)
		return rc;
	if (!item)
		return store_option_error(option, ESTALE, "does not exist any more", e);
	if (s->lost && is_as_wanted(s, item))
		return 0;
	return store_option_error(option, ESTALE, "was changed by somebody else", e);
}

static int send(struct replacement *r, struct error *e)
{
	buf_append(&r->sets, buf_text(&r->removes), r->removes.len);
	if (buf_error(&r->sets) < 0 || buf_error(&r->condition) < 0)
		return error_no_memory(e);
	struct dynamodb_write write =
		session_write(r->s, &r->edit, DYNAMODB_UPDATE, buf_text(&r->sets), buf_text(&r->condition));
	int rc = session_send(r->s, &write, NULL, e);
	return rc == -ESTALE ? settle(r->s, e) : rc;
}

int session_replace(struct session *s, struct error *e)
{
	__attribute__((cleanup(replacement_deinit))) struct replacement r = {
		.s = s,
		.sets = BUF_INIT(2 * EXPRESSION_MAX),
		.removes = BUF_INIT(EXPRESSION_MAX),
		.condition = BUF_INIT(EXPRESSION_MAX),
		.n_conditions = 1,
	};

	int rc = edit_begin(s, &r.edit, &s->change->to, true, e);
	if (rc < 0)
		return rc;
	buf_str(&r.condition, "attribute_exists(#s)");
	rc = add_changes(&r, s->change, e);
	if (rc < 0)
		return rc;
	add_others(&r, s->change);
	return send(&r, e);
}
