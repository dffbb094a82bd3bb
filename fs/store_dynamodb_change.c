/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_dynamodb_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/*
 * Changes: every one is a conditional write of the attributes that it names, so that writers to different keys of an
 * option never undo each other.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
 *
 * A condition that did not hold after an answer was lost may have failed because of our own first attempt; a consistent
 * read then tells: our value there means success.
 */

/* ---- One write ---- */

void edit_deinit(struct edit *edit)
{
	json_decref(edit->key);
	json_decref(edit->names);
	json_decref(edit->values);
}

int edit_name(struct edit *edit, const char *placeholder, const char *name, size_t len, struct error *e)
{
	if (json_object_set_new(edit->names, placeholder, json_stringn(name, len)) < 0)
		return error_set(e, EINVAL, "the key %.*s has a name that is not UTF-8", (int)len, name);
	return 0;
}

int edit_value(struct edit *edit, const char *placeholder, const struct attribute *value, struct error *e)
{
	json_t *attribute;

	int rc = value_to_attribute(value->type, value->bytes, value->len, &attribute, e);
	if (rc == 0 && json_object_set_new(edit->values, placeholder, attribute) < 0)
		rc = error_no_memory(e);
	return rc;
}

int edit_begin(const struct session *s, struct edit *edit, const struct place *place, bool exists, struct error *e)
{
	const char *hash_key = s->remote->hash_key;

	*edit = (struct edit){ remote_key(s->remote, place), json_object(), json_object() };
	if (!edit->names || !edit->values)
		return error_no_memory(e);
	if (!edit->key)
		return store_option_error(place, EINVAL, "has a name that is not UTF-8", e);
	return exists ? edit_name(edit, "#s", hash_key, strlen(hash_key), e) : 0;
}

int edit_condition(const struct session *s, struct edit *edit, const struct place *place, const char *condition,
		   const struct attribute *expected, struct error *e)
{
	static const struct attribute string = { .type = VALUE_S, .bytes = "S", .len = 1 };
	int rc = edit_begin(s, edit, place, strstr(condition, "#s"), e);

	if (rc == 0)
		rc = edit_name(edit, "#k", place->key, place->key_len, e);
	if (rc == 0 && strstr(condition, ":s"))
		rc = edit_value(edit, ":s", &string, e);
	return rc == 0 && strstr(condition, ":e") ? edit_value(edit, ":e", expected, e) : rc;
}

struct dynamodb_write session_write(const struct session *s, const struct edit *edit, enum dynamodb_write_kind kind,
				    const char *update, const char *condition)
{
	return (struct dynamodb_write){ .kind = kind,
					.table = s->remote->config.table,
					.item = edit->key,
					.update = update,
					.condition = condition,
					.names = edit->names,
					.values = edit->values };
}

static struct dynamodb_call begin_request(const struct session *s)
{
	return (struct dynamodb_call){ .deadline = s->call->deadline, .cancel_fd = s->call->cancel_fd };
}

static void end_request(struct session *s, const struct dynamodb_call *request)
{
	s->call->read_units += request->read_units;
	s->call->write_units += request->write_units;
	s->lost |= request->outcome.answer_lost;
}

int session_send(struct session *s, const struct dynamodb_write *write, json_t **old, struct error *e)
{
	struct dynamodb_call request = begin_request(s);

	int rc = dynamodb_write(s->remote->config.db, &request, write, old, e);
	end_request(s, &request);
	return rc;
}

static int no_transactions(struct error *e)
{
	return error_set(e, EXDEV, "the engine has no transactions, so this cannot be done in one step");
}

int session_transact(struct session *s, const struct dynamodb_write *writes, size_t n, struct error *e)
{
	struct dynamodb_call request = begin_request(s);

	if (atomic_load(&s->remote->no_transactions))
		return no_transactions(e);
	int rc = dynamodb_transact(s->remote->config.db, &request, writes, n, e);
	end_request(s, &request);
	if (rc != -EOPNOTSUPP)
		return rc;
	atomic_store(&s->remote->no_transactions, true);
	return no_transactions(e);
}

/* ---- What there is now ---- */

int session_get(struct session *s, const struct place *place, json_t **item, struct error *e)
{
	return remote_get(s->remote, s->call, s->call->deadline, true, place, item, e);
}

static json_t *key_of(const json_t *item, const struct place *place)
{
	return item ? json_object_getn(item, place->key, place->key_len) : NULL;
}

bool session_holds(const json_t *item, const struct place *place, const struct attribute *value)
{
	_buf_cleanup_ struct buf ours = BUF_INIT(STORE_ITEM_BYTES_MAX), theirs = BUF_INIT(STORE_ITEM_BYTES_MAX);
	enum value_type type = value->type, found;
	json_t *attribute = key_of(item, place);

	return attribute && value_normalize(&type, value->bytes, value->len, &ours, NULL) == 0 &&
	       value_from_attribute(attribute, &found, &theirs, NULL) == 0 && type == found && ours.len == theirs.len &&
	       memcmp(buf_text(&ours), buf_text(&theirs), ours.len) == 0;
}

/* ---- Keys ---- */

static int settle_put(struct session *s, struct error *e)
{
	const struct change *c = s->change;
	_json_cleanup_ json_t *item = NULL;

	int rc = session_get(s, &c->to, &item, e);
	if (rc < 0)
		return rc;
	if (!item)
		return store_option_error(&c->to, ESTALE, "does not exist any more", e);
	if (s->lost && session_holds(item, &c->to, &c->value))
		return 0;
	if (c->expect == EXPECT_ABSENT && key_of(item, &c->to))
		return store_key_error(&c->to, EEXIST, "exists already", e);
	if (c->expect == EXPECT_ANY && !c->to.store && key_of(item, &c->to))
		return store_key_error(&c->to, EINVAL, "holds something else than a string", e);
	return store_key_error(&c->to, ESTALE, "was changed by somebody else", e);
}

int session_put(struct session *s, struct error *e)
{
	const struct change *c = s->change;
	const char *condition = s->remote->layout->put[c->expect];
	_edit_ struct edit edit = { 0 };

	int rc = edit_condition(s, &edit, &c->to, condition, &c->expected, e);
	if (rc == 0)
		rc = edit_value(&edit, ":v", &c->value, e);
	if (rc < 0)
		return rc;
	struct dynamodb_write write = session_write(s, &edit, DYNAMODB_UPDATE, "SET #k = :v", condition);
	rc = session_send(s, &write, NULL, e);
	return rc == -ESTALE ? settle_put(s, e) : rc;
}

int session_remove(struct session *s, struct error *e)
{
	const struct place *from = &s->change->from;
	const struct remote_layout *layout = s->remote->layout;
	_edit_ struct edit edit = { 0 };

	int rc = edit_condition(s, &edit, from, layout->remove, NULL, e);
	if (rc < 0)
		return rc;
	struct dynamodb_write write =
		session_write(s, &edit, layout->remove_kind, layout->remove_update, layout->remove);
	rc = session_send(s, &write, NULL, e);
	if (rc != -ESTALE)
		return rc;
	/* The failed condition itself says that the key is gone; after a lost answer that was our doing. */
	return s->lost ? 0 : store_key_error(from, ENOENT, "does not exist any more", e);
}

static bool same_option(const struct place *a, const struct place *b)
{
	return a->store_len == b->store_len && a->option_len == b->option_len &&
	       memcmp(a->store, b->store, a->store_len) == 0 && memcmp(a->option, b->option, a->option_len) == 0;
}

static int settle_rename(struct session *s, struct error *e)
{
	const struct change *c = s->change;
	_json_cleanup_ json_t *from = NULL, *to = NULL;

	int rc = session_get(s, &c->from, &from, e);
	if (rc == 0)
		rc = session_get(s, &c->to, &to, e);
	if (rc < 0)
		return rc;
	if (s->lost && !key_of(from, &c->from) && session_holds(to, &c->to, &c->value))
		return 0;
	if (c->expect == EXPECT_ABSENT && key_of(to, &c->to))
		return store_key_error(&c->to, EEXIST, "exists already", e);
	if (!to)
		return store_option_error(&c->to, ESTALE, "does not exist any more", e);
	return store_key_error(&c->from, ESTALE, "was changed by somebody else", e);
}

static int rename_within(struct session *s, struct error *e)
{
	const struct change *c = s->change;
	_edit_ struct edit edit = { 0 };

	int rc = edit_begin(s, &edit, &c->to, false, e);
	if (rc == 0)
		rc = edit_name(&edit, "#o", c->from.key, c->from.key_len, e);
	if (rc == 0)
		rc = edit_name(&edit, "#n", c->to.key, c->to.key_len, e);
	if (rc == 0)
		rc = edit_value(&edit, ":v", &c->value, e);
	if (rc == 0)
		rc = edit_value(&edit, ":e", &c->expected, e);
	if (rc < 0)
		return rc;
	struct dynamodb_write write =
		session_write(s, &edit, DYNAMODB_UPDATE, "SET #n = :v REMOVE #o",
			      c->expect == EXPECT_ABSENT ? "#o = :e AND attribute_not_exists(#n)" : "#o = :e");
	return session_send(s, &write, NULL, e);
}

static int rename_across(struct session *s, struct error *e)
{
	const struct change *c = s->change;
	_edit_ struct edit from = { 0 }, to = { 0 };

	int rc = edit_begin(s, &from, &c->from, false, e);
	if (rc == 0)
		rc = edit_begin(s, &to, &c->to, true, e);
	if (rc == 0)
		rc = edit_name(&from, "#o", c->from.key, c->from.key_len, e);
	if (rc == 0)
		rc = edit_value(&from, ":e", &c->expected, e);
	if (rc == 0)
		rc = edit_name(&to, "#n", c->to.key, c->to.key_len, e);
	if (rc == 0)
		rc = edit_value(&to, ":v", &c->value, e);
	if (rc < 0)
		return rc;
	const struct dynamodb_write writes[] = {
		session_write(s, &from, DYNAMODB_UPDATE, "REMOVE #o", "#o = :e"),
		session_write(s, &to, DYNAMODB_UPDATE, "SET #n = :v",
			      c->expect == EXPECT_ABSENT ? "attribute_exists(#s) AND attribute_not_exists(#n)"
							 : "attribute_exists(#s)"),
	};
	return session_transact(s, writes, 2, e);
}

static int apply_rename(struct session *s, struct error *e)
{
	const struct change *c = s->change;

	int rc = same_option(&c->from, &c->to) ? rename_within(s, e) : rename_across(s, e);
	return rc == -ESTALE ? settle_rename(s, e) : rc;
}

/* ---- All of them ---- */

static int check_key(const struct session *s, const struct place *place, struct error *e)
{
	if (place->key && remote_is_key_name(s->remote, place->key, place->key_len))
		return store_key_error(place, EINVAL, "has the name of one of the table's own keys", e);
	return 0;
}

/* Failures that say for certain that the change was not made. */
static bool is_certain(int rc)
{
	static const int numbers[] = { ESTALE, EEXIST, ENOENT, ENOTEMPTY, EXDEV };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (rc == -numbers[i])
			return true;
	}
	return false;
}

static int apply(struct session *s, struct error *e)
{
	const struct change *change = s->change;

	int rc = check_key(s, &change->to, e);
	if (rc == 0)
		rc = check_key(s, &change->from, e);
	for (size_t i = 0; rc == 0 && i < change->n_keys; i++) {
		struct place place = session_key_place(s, &change->keys[i]);
		rc = check_key(s, &place, e);
	}
	if (rc == 0)
		rc = s->remote->layout->apply[change->kind](s, e);
	if (rc < 0 && s->lost && !is_certain(rc))
		error_context(e, "it is not known whether the change was made");
	return rc;
}

int remote_apply(struct store *store, struct store_call *call, const struct change *change, struct error *e)
{
	const struct remote *r = remote_of(store);
	_buf_cleanup_ struct buf from = BUF_INIT(STORE_ITEM_BYTES_MAX), to = BUF_INIT(STORE_ITEM_BYTES_MAX);
	struct change placed = *change;
	struct session s = { .remote = remote_of(store), .call = call, .change = &placed, .outer = change };
	int rc = 0;

	if (r->layout->place)
		rc = r->layout->place(r, &change->from, &from, &placed.from, e);
	if (rc == 0 && r->layout->place)
		rc = r->layout->place(r, &change->to, &to, &placed.to, e);
	return rc < 0 ? rc : apply(&s, e);
}

const struct remote_layout remote_options = {
	.hash_key = offsetof(struct store_dynamodb_config, store_key),
	.range_key = offsetof(struct store_dynamodb_config, option_key),
	.advice = "name them with store-key= and option-key=",
	.send_item = loader_send_option,
	.put = {
		[EXPECT_ANY] = "attribute_exists(#s)",
		[EXPECT_ABSENT] = "attribute_exists(#s) AND attribute_not_exists(#k)",
		[EXPECT_VALUE] = "attribute_exists(#s) AND #k = :e",
	},
	.remove_kind = DYNAMODB_UPDATE,
	.remove_update = "REMOVE #k",
	.remove = "attribute_exists(#s) AND attribute_exists(#k)",
	.apply = {
		[CHANGE_PUT] = session_put,
		[CHANGE_REMOVE] = session_remove,
		[CHANGE_RENAME] = apply_rename,
		[CHANGE_MKDIR] = session_mkdir,
		[CHANGE_RMDIR] = session_rmdir,
		[CHANGE_RENAME_DIR] = session_rename_dir,
		[CHANGE_REPLACE] = session_replace,
	},
};
