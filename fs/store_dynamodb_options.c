/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_dynamodb_internal.h"

#include <errno.h>
#include <stdio.h>

/*
 * Options are items. What another host adds to one at the same moment must not be lost, and no condition can say "has
 * no other attributes": so an item is only deleted together with a look at what it was, and put back if it was not
 * empty.
 */

/* So many keys make expressions that stay below the 4 KB that one may have.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
enum { EXPRESSION_KEYS_MAX = 90, EXPRESSION_MAX = 4096, PLACEHOLDER_MAX = 16 };

/* All attributes but the two that name the item. */
static size_t count_keys(const json_t *item)
{
	return json_object_size(item) > 2 ? json_object_size(item) - 2 : 0;
}

/* `before`, then `each` n times with its number in place of every '@'. */
static void repeat(struct buf *out, const char *before, const char *each, const char *separator, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(out, i == 0 ? before : separator);
		for (const char *at = each; *at; at++) {
			if (*at == '@')
				buf_printf(out, "%zu", i);
			else
				buf_char(out, *at);
		}
	}
}

/* Names the keys of the item "#0", "#1" … and their values ":0", ":1" …, from `*at` on and as many as an expression
 * takes; `*at` is then where to go on, NULL at the end. Returns how many, or a negative errno. */
static int edit_keys(const struct session *s, struct edit *edit, json_t *item, void **at, struct error *e)
{
	char name[PLACEHOLDER_MAX], value[PLACEHOLDER_MAX];
	int n = 0;

	for (; *at && n < EXPRESSION_KEYS_MAX; *at = json_object_iter_next(item, *at)) {
		const char *key = json_object_iter_key(*at);
		size_t len = json_object_iter_key_len(*at);
		if (remote_is_key_name(s->remote, key, len))
			continue;
		snprintf(name, sizeof(name), "#%d", n);
		snprintf(value, sizeof(value), ":%d", n++);
		int rc = edit_name(edit, name, key, len, e);
		if (rc < 0)
			return rc;
		if (json_object_set(edit->values, value, json_object_iter_value(*at)) < 0)
			return error_no_memory(e);
	}
	return n;
}

/* ---- mkdir ---- */

int session_mkdir(struct session *s, struct error *e)
{
	const struct place *to = &s->change->to;
	_json_cleanup_ json_t *item = NULL;
	_edit_ struct edit edit = { 0 };

	int rc = edit_begin(s, &edit, to, true, e);
	if (rc < 0)
		return rc;
	struct dynamodb_write write = session_write(s, &edit, DYNAMODB_PUT, NULL, "attribute_not_exists(#s)");
	rc = session_send(s, &write, NULL, e);
	if (rc != -ESTALE)
		return rc;
	if (s->lost) {
		rc = session_get(s, to, &item, e);
		/* An empty one may be another host's; that is no different. */
		if (rc < 0 || (item && count_keys(item) == 0))
			return rc;
	}
	return store_option_error(to, EEXIST, "exists already", e);
}

/* ---- rmdir ---- */

static int restore_some(struct session *s, const struct place *place, json_t *item, void **at, struct error *e)
{
	_buf_cleanup_ struct buf update = BUF_INIT(EXPRESSION_MAX);
	_edit_ struct edit edit = { 0 };

	int rc = edit_begin(s, &edit, place, false, e);
	if (rc == 0)
		rc = edit_keys(s, &edit, item, at, e);
	if (rc <= 0)
		return rc;
	/* Whoever made the option anew meanwhile keeps what was written there. */
	repeat(&update, "SET ", "#@ = if_not_exists(#@, :@)", ", ", (size_t)rc);
	struct dynamodb_write write = session_write(s, &edit, DYNAMODB_UPDATE, buf_text(&update), NULL);
	return session_send(s, &write, NULL, e);
}

/* Neither the caller's deadline nor its impatience may cost another host what it wrote. */
static int restore(struct session *s, const struct place *place, json_t *item, struct error *e)
{
	struct store_call call = { .deadline = remote_request_deadline(s->remote, s->call), .cancel_fd = -1 };
	struct session own = { .remote = s->remote, .call = &call, .change = s->change };
	int rc = 0;

	for (void *at = json_object_iter(item); at && rc == 0;)
		rc = restore_some(&own, place, item, &at, e);
	s->call->write_units += call.write_units;
	if (rc < 0)
		log_error(s->remote->config.log,
			  "table %s: keys that were written to %.*s/%.*s while it was being removed are lost: %s",
			  s->remote->config.table, (int)place->store_len, place->store, (int)place->option_len,
			  place->option, e ? e->text : "");
	return rc;
}

/* Removes an option that was seen to hold no keys. */
static int discard(struct session *s, const struct place *place, struct error *e)
{
	_json_cleanup_ json_t *old = NULL;
	_edit_ struct edit edit = { 0 };

	int rc = edit_begin(s, &edit, place, true, e);
	if (rc < 0)
		return rc;
	struct dynamodb_write write = session_write(s, &edit, DYNAMODB_DELETE, NULL, "attribute_exists(#s)");
	rc = session_send(s, &write, &old, e);
	if (rc == -ESTALE)
		return s->lost ? 0 : store_option_error(place, ENOENT, "does not exist any more", e);
	if (rc < 0 || count_keys(old) == 0)
		return rc;
	rc = restore(s, place, old, e);
	return rc < 0 ? rc : store_option_error(place, ENOTEMPTY, "holds keys", e);
}

int session_rmdir(struct session *s, struct error *e)
{
	const struct place *from = &s->change->from;
	_json_cleanup_ json_t *item = NULL;

	int rc = session_get(s, from, &item, e);
	if (rc < 0)
		return rc;
	if (!item)
		return store_option_error(from, ENOENT, "does not exist any more", e);
	if (count_keys(item) > 0)
		return store_option_error(from, ENOTEMPTY, "holds keys", e);
	return discard(s, from, e);
}

/* ---- rename ---- */

static int check_target(const struct session *s, const json_t *to, struct error *e)
{
	if (to && s->change->expect == EXPECT_ABSENT)
		return store_option_error(&s->change->to, EEXIST, "exists already", e);
	return count_keys(to) > 0 ? store_option_error(&s->change->to, ENOTEMPTY, "holds keys", e) : 0;
}

/* A key was changed meanwhile, or `to` appeared; or all of it was done by an attempt whose answer was lost. */
static int settle_move(struct session *s, json_t *moved, struct error *e)
{
	const struct change *c = s->change;
	_json_cleanup_ json_t *to = NULL;

	int rc = session_get(s, &c->to, &to, e);
	if (rc < 0 || (s->lost && to && json_equal(to, moved)))
		return rc;
	rc = check_target(s, to, e);
	return rc < 0 ? rc : store_option_error(&c->from, ESTALE, "was changed by somebody else", e);
}

/* All keys of `item` from one option to the other in one transaction; `from` stays, empty. Where `to` exists, what
 * appears there meanwhile is not written over. */
static int move_keys(struct session *s, json_t *item, bool exists, struct error *e)
{
	_buf_cleanup_ struct buf remove = BUF_INIT(EXPRESSION_MAX), equal = BUF_INIT(EXPRESSION_MAX);
	_buf_cleanup_ struct buf set = BUF_INIT(EXPRESSION_MAX), absent = BUF_INIT(EXPRESSION_MAX);
	_json_cleanup_ json_t *moved = remote_key(s->remote, &s->change->to);
	_edit_ struct edit from = { 0 }, to = { 0 };
	void *at = json_object_iter(item), *again = at;

	int rc = edit_begin(s, &from, &s->change->from, false, e);
	if (rc == 0)
		rc = edit_begin(s, &to, &s->change->to, true, e);
	if (rc == 0 && exists)
		rc = edit_keys(s, &to, item, &again, e);
	if (rc >= 0)
		rc = edit_keys(s, &from, item, &at, e);
	if (rc < 0)
		return rc;
	size_t n = (size_t)rc;
	repeat(&remove, "REMOVE ", "#@", ", ", n);
	repeat(&equal, "", "#@ = :@", " AND ", n);
	repeat(&set, "SET ", "#@ = :@", ", ", n);
	repeat(&absent, "attribute_exists(#s) AND ", "attribute_not_exists(#@)", " AND ", n);
	json_object_update_missing(moved, item);
	struct dynamodb_write writes[] = {
		session_write(s, &from, DYNAMODB_UPDATE, buf_text(&remove), buf_text(&equal)),
		session_write(s, &to, DYNAMODB_UPDATE, buf_text(&set), buf_text(&absent)),
	};
	if (!exists) {
		writes[1] = session_write(s, &to, DYNAMODB_PUT, NULL, "attribute_not_exists(#s)");
		writes[1].item = moved;
	}
	rc = session_transact(s, writes, 2, e);
	return rc == -ESTALE ? settle_move(s, moved, e) : rc;
}

/* Everything moves in one step. The source, empty then, goes in a second one: a key that another host puts there at
 * that moment stays there. */
int session_rename_dir(struct session *s, struct error *e)
{
	const struct change *c = s->change;
	_json_cleanup_ json_t *from = NULL, *to = NULL;
	struct error left = ERROR_NULL;

	int rc = session_get(s, &c->from, &from, e);
	if (rc == 0)
		rc = session_get(s, &c->to, &to, e);
	if (rc < 0)
		return rc;
	if (!from)
		return store_option_error(&c->from, ENOENT, "does not exist any more", e);
	rc = check_target(s, to, e);
	if (rc < 0)
		return rc;
	if (count_keys(from) > EXPRESSION_KEYS_MAX)
		return store_option_error(&c->from, EXDEV, "has too many keys to be moved in one step", e);
	if (count_keys(from) > 0)
		rc = move_keys(s, from, to, e);
	else if (!to)
		rc = session_mkdir(s, e);
	if (rc < 0)
		return rc;
	if (discard(s, &c->from, &left) < 0)
		log_warning(s->remote->config.log, "table %s: an option was moved, and what it was is not removed: %s",
			    s->remote->config.table, left.text);
	return 0;
}
