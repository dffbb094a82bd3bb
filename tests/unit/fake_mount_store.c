/* SPDX-License-Identifier: Apache-2.0 */
/* A store in memory that does what store.h promises, when and as the test wants it. */
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGES_MAX = 1 << 20 };

static void row_deinit(struct fake_row *row)
{
	free(row->store);
	free(row->option);
	free(row->key);
	free(row->bytes);
}

static bool is_at(const struct fake_row *row, const char *store, const char *option, const char *key)
{
	return strcmp(row->store, store) == 0 && strcmp(row->option, option) == 0 &&
	       (key ? row->key && strcmp(row->key, key) == 0 : !row->key);
}

static struct fake_row *find(struct fake_store *s, const char *store, const char *option, const char *key)
{
	for (size_t i = 0; i < s->n_rows; i++) {
		if (is_at(&s->rows[i], store, option, key))
			return &s->rows[i];
	}
	return NULL;
}

static void put(struct fake_store *s, const char *store, const char *option, const char *key, enum value_type type,
		const char *bytes, size_t len)
{
	struct fake_row *row = find(s, store, option, key);

	if (!row) {
		s->rows = realloc(s->rows, (s->n_rows + 1) * sizeof(*s->rows));
		row = &s->rows[s->n_rows++];
		*row = (struct fake_row){ .store = strdup(store), .option = strdup(option) };
		row->key = key ? strdup(key) : NULL;
	}
	char *copy = malloc(len + 1);
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	free(row->bytes);
	row->bytes = copy;
	row->len = len;
	row->type = type;
}

static void drop(struct fake_store *s, struct fake_row *row)
{
	size_t at = (size_t)(row - s->rows);

	row_deinit(row);
	s->n_rows--;
	memmove(s->rows + at, s->rows + at + 1, (s->n_rows - at) * sizeof(*s->rows));
}

static size_t n_keys(const struct fake_store *s, const char *store, const char *option)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_rows; i++)
		n += s->rows[i].key && strcmp(s->rows[i].store, store) == 0 && strcmp(s->rows[i].option, option) == 0;
	return n;
}

/* "store/option/key", split. */
struct parts {
	char store[300], option[300], key[300];
};

static struct parts split(const char *path)
{
	struct parts p = { 0 };

	sscanf(path, "%299[^/]/%299[^/]/%299[^\n]", p.store, p.option, p.key);
	return p;
}

void fake_store_set(struct fake_store *s, const char *path, enum value_type type, const char *bytes)
{
	struct parts p = split(path);

	pthread_mutex_lock(&s->lock);
	put(s, p.store, p.option, NULL, VALUE_S, "", 0);
	if (p.key[0])
		put(s, p.store, p.option, p.key, type, bytes, strlen(bytes));
	pthread_mutex_unlock(&s->lock);
}

void fake_store_drop(struct fake_store *s, const char *path)
{
	struct parts p = split(path);

	pthread_mutex_lock(&s->lock);
	for (size_t i = s->n_rows; i-- > 0;) {
		struct fake_row *row = &s->rows[i];
		if (strcmp(row->store, p.store) == 0 && (!p.option[0] || strcmp(row->option, p.option) == 0) &&
		    (!p.key[0] || (row->key && strcmp(row->key, p.key) == 0)))
			drop(s, row);
	}
	pthread_mutex_unlock(&s->lock);
}

const struct fake_row *fake_store_row(struct fake_store *s, const char *path)
{
	struct parts p = split(path);

	pthread_mutex_lock(&s->lock);
	const struct fake_row *row = find(s, p.store, p.option, p.key[0] ? p.key : NULL);
	pthread_mutex_unlock(&s->lock);
	return row;
}

void fake_store_fail(struct fake_store *s, enum fake_op op, int number, unsigned n, bool late)
{
	pthread_mutex_lock(&s->lock);
	s->failure[op] = number;
	s->failures[op] = n;
	s->late[op] = late;
	pthread_mutex_unlock(&s->lock);
}

static void set_closed(struct fake_store *s, enum fake_op op, enum fake_phase phase, bool closed)
{
	pthread_mutex_lock(&s->lock);
	s->closed[op][phase] = closed;
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->lock);
}

void fake_store_close(struct fake_store *s, enum fake_op op, enum fake_phase phase)
{
	set_closed(s, op, phase, true);
}

void fake_store_open(struct fake_store *s, enum fake_op op, enum fake_phase phase)
{
	set_closed(s, op, phase, false);
}

void fake_store_wait(struct fake_store *s, enum fake_op op, enum fake_phase phase, unsigned n)
{
	pthread_mutex_lock(&s->lock);
	while (s->waiting[op][phase] < n)
		pthread_cond_wait(&s->moved, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void pass(struct fake_store *s, enum fake_op op, enum fake_phase phase)
{
	s->waiting[op][phase]++;
	pthread_cond_broadcast(&s->moved);
	while (s->closed[op][phase])
		pthread_cond_wait(&s->moved, &s->lock);
	s->waiting[op][phase]--;
}

/* What this call is to end with: 0 or a positive errno; `*late`: after it was done. */
static int begin(struct fake_store *s, enum fake_op op, bool *late)
{
	pthread_mutex_lock(&s->lock);
	s->calls[op]++;
	pass(s, op, FAKE_BEFORE);
	*late = s->late[op];
	if (!s->failures[op])
		return 0;
	s->failures[op]--;
	return s->failure[op];
}

static int end(struct fake_store *s, enum fake_op op, int r, int planned, struct error *e)
{
	pass(s, op, FAKE_AFTER);
	pthread_mutex_unlock(&s->lock);
	if (planned)
		return error_set(e, planned, "scripted failure %d", planned);
	return r < 0 ? error_set(e, -r, "the store says %d", -r) : 0;
}

static int fake_op_open(struct store *store, struct store_call *call, struct error *e)
{
	bool late;
	int planned = begin((struct fake_store *)store, FAKE_OPEN, &late);

	(void)call;
	return end((struct fake_store *)store, FAKE_OPEN, 0, planned, e);
}

static int give_option(struct fake_store *s, const struct fake_row *option, const struct store_sink *sink,
		       struct error *e)
{
	struct attribute attributes[64];
	size_t n = 0;

	for (size_t i = 0; i < s->n_rows; i++) {
		const struct fake_row *row = &s->rows[i];
		if (row->key && is_at(row, option->store, option->option, row->key))
			attributes[n++] =
				(struct attribute){ row->key, strlen(row->key), row->type, row->bytes, row->len };
	}
	return sink->item(sink->data, option->store, strlen(option->store), option->option, strlen(option->option),
			  attributes, n, e);
}

static int fake_op_load(struct store *store, struct store_call *call, const char *only, const struct store_sink *sink,
			struct error *e)
{
	struct fake_store *s = (struct fake_store *)store;
	bool late;
	int planned = begin(s, FAKE_LOAD, &late), r = 0;
	bool reads = !planned || late;

	s->consistent = call->consistent;
	call->read_units += 1;
	for (size_t i = 0; i < s->n_rows && reads && r == 0; i++) {
		if (!s->rows[i].key && (!only || strcmp(s->rows[i].store, only) == 0))
			r = give_option(s, &s->rows[i], sink, e);
		/* What fails late fails in the middle. */
		reads = !planned;
	}
	return end(s, FAKE_LOAD, r, planned, e);
}

static char *text(const char *bytes, size_t len)
{
	return bytes ? strndup(bytes, len) : NULL;
}

static int fake_op_load_option(struct store *store, struct store_call *call, const struct place *place,
			       const struct store_sink *sink, struct error *e)
{
	struct fake_store *s = (struct fake_store *)store;
	char *where = text(place->store, place->store_len), *option = text(place->option, place->option_len);
	bool late;
	int planned = begin(s, FAKE_OPTION, &late), r = 0;
	const struct fake_row *row = find(s, where, option, NULL);

	call->read_units += 1;
	if (!planned && row)
		r = give_option(s, row, sink, e);
	free(where);
	free(option);
	return end(s, FAKE_OPTION, r, planned, e);
}

/* The places of a change as texts. */
struct ends {
	char *store, *option, *key, *to_store, *to_option, *to_key;
};

static bool holds(const struct fake_row *row, const struct attribute *expected)
{
	return row && row->type == expected->type && row->len == expected->len &&
	       memcmp(row->bytes, expected->bytes, row->len) == 0;
}

static int apply_put(struct fake_store *s, const struct ends *at, const struct change *c)
{
	const struct fake_row *row = find(s, at->to_store, at->to_option, at->to_key);

	if (!find(s, at->to_store, at->to_option, NULL) || (c->expect == EXPECT_VALUE && !holds(row, &c->expected)))
		return -ESTALE;
	if (c->expect == EXPECT_ABSENT && row)
		return -EEXIST;
	put(s, at->to_store, at->to_option, at->to_key, c->value.type, c->value.bytes, c->value.len);
	return 0;
}

static int apply_remove(struct fake_store *s, const struct ends *at, const struct change *c)
{
	struct fake_row *row = find(s, at->store, at->option, at->key);

	(void)c;
	if (!row)
		return -ENOENT;
	drop(s, row);
	return 0;
}

static int apply_rename(struct fake_store *s, const struct ends *at, const struct change *c)
{
	struct fake_row *row = find(s, at->store, at->option, at->key);

	if (!holds(row, &c->expected) || !find(s, at->to_store, at->to_option, NULL))
		return -ESTALE;
	if (c->expect == EXPECT_ABSENT && find(s, at->to_store, at->to_option, at->to_key))
		return -EEXIST;
	drop(s, row);
	put(s, at->to_store, at->to_option, at->to_key, c->value.type, c->value.bytes, c->value.len);
	return 0;
}

static int apply_mkdir(struct fake_store *s, const struct ends *at, const struct change *c)
{
	(void)c;
	if (find(s, at->to_store, at->to_option, NULL))
		return -EEXIST;
	put(s, at->to_store, at->to_option, NULL, VALUE_S, "", 0);
	return 0;
}

static int apply_rmdir(struct fake_store *s, const struct ends *at, const struct change *c)
{
	struct fake_row *row = find(s, at->store, at->option, NULL);

	(void)c;
	if (!row)
		return -ENOENT;
	if (n_keys(s, at->store, at->option))
		return -ENOTEMPTY;
	drop(s, row);
	return 0;
}

static int apply_rename_dir(struct fake_store *s, const struct ends *at, const struct change *c)
{
	(void)c;
	if (!find(s, at->store, at->option, NULL))
		return -ENOENT;
	if (n_keys(s, at->to_store, at->to_option))
		return -ENOTEMPTY;
	struct fake_row *empty = find(s, at->to_store, at->to_option, NULL);
	if (empty)
		drop(s, empty);
	for (size_t i = 0; i < s->n_rows; i++) {
		struct fake_row *row = &s->rows[i];
		if (strcmp(row->store, at->store) != 0 || strcmp(row->option, at->option) != 0)
			continue;
		free(row->store);
		free(row->option);
		row->store = strdup(at->to_store);
		row->option = strdup(at->to_option);
	}
	return 0;
}

static int apply_replace(struct fake_store *s, const struct ends *at, const struct change *c)
{
	if (!find(s, at->to_store, at->to_option, NULL))
		return -ESTALE;
	for (size_t i = 0; i < c->n_keys; i++) {
		const struct attribute *of = key_change_name(&c->keys[i]);
		char *name = text(of->name, of->name_len);
		const struct fake_row *row = find(s, at->to_store, at->to_option, name);
		free(name);
		if (c->keys[i].was ? !holds(row, &c->keys[i].before) : row != NULL)
			return -ESTALE;
	}
	for (size_t i = 0; i < c->n_keys; i++) {
		const struct key_change *key = &c->keys[i];
		char *name = text(key_change_name(key)->name, key_change_name(key)->name_len);
		if (key->is)
			put(s, at->to_store, at->to_option, name, key->after.type, key->after.bytes, key->after.len);
		else
			drop(s, find(s, at->to_store, at->to_option, name));
		free(name);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*apply)(struct fake_store *s, const struct ends *at, const struct change *c);
} kinds[CHANGE_KINDS] = {
	[CHANGE_PUT] = { "put", apply_put },
	[CHANGE_REMOVE] = { "remove", apply_remove },
	[CHANGE_RENAME] = { "rename", apply_rename },
	[CHANGE_MKDIR] = { "mkdir", apply_mkdir },
	[CHANGE_RMDIR] = { "rmdir", apply_rmdir },
	[CHANGE_RENAME_DIR] = { "rename-dir", apply_rename_dir },
	[CHANGE_REPLACE] = { "replace", apply_replace },
};

static void write_down(struct fake_store *s, const struct ends *at, const struct change *c, int r)
{
	static const char *const expectations[] = { "", " if absent", " if unchanged" };

	buf_str(&s->changes, kinds[c->kind].name);
	if (at->option && c->kind != CHANGE_PUT)
		buf_printf(&s->changes, " %s/%s%s%s", at->store, at->option, at->key ? "/" : "",
			   at->key ? at->key : "");
	if (at->to_option)
		buf_printf(&s->changes, " %s/%s%s%s", at->to_store, at->to_option, at->to_key ? "/" : "",
			   at->to_key ? at->to_key : "");
	if (c->kind == CHANGE_PUT)
		buf_printf(&s->changes, "=%.*s%s", (int)c->value.len, c->value.bytes, expectations[c->expect]);
	buf_printf(&s->changes, "%s\n", r < 0 ? " (refused)" : "");
}

static int fake_op_apply(struct store *store, struct store_call *call, const struct change *c, struct error *e)
{
	struct fake_store *s = (struct fake_store *)store;
	struct ends at = { text(c->from.store, c->from.store_len), text(c->from.option, c->from.option_len),
			   text(c->from.key, c->from.key_len),     text(c->to.store, c->to.store_len),
			   text(c->to.option, c->to.option_len),   text(c->to.key, c->to.key_len) };
	const char *option = at.to_option ? at.to_option : at.option;
	bool late;

	pthread_mutex_lock(&s->lock);
	unsigned *at_once = &s->at_once[(unsigned char)option[0] % 64];
	s->overlapped = s->overlapped || *at_once;
	(*at_once)++;
	pthread_mutex_unlock(&s->lock);
	int planned = begin(s, FAKE_APPLY, &late);
	int r = planned && !late ? 0 : kinds[c->kind].apply(s, &at, c);
	if (!planned || late)
		write_down(s, &at, c, r);
	call->write_units += 1;
	(*at_once)--;
	char **texts = &at.store;
	for (size_t i = 0; i < sizeof(at) / sizeof(*texts); i++)
		free(texts[i]);
	return end(s, FAKE_APPLY, r, planned, e);
}

static void fake_op_about(struct store *store, struct store_about *about)
{
	(void)store;
	snprintf(about->source, sizeof(about->source), "local:memory");
}

static void fake_op_free(struct store *store)
{
	struct fake_store *s = (struct fake_store *)store;

	for (size_t i = 0; i < s->n_rows; i++)
		row_deinit(&s->rows[i]);
	free(s->rows);
	buf_deinit(&s->changes);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->moved);
	free(s);
}

struct fake_store *fake_store_new(void)
{
	static const struct store_ops ops = {
		.open = fake_op_open,
		.load = fake_op_load,
		.load_option = fake_op_load_option,
		.apply = fake_op_apply,
		.about = fake_op_about,
		.free = fake_op_free,
	};
	struct fake_store *s = calloc(1, sizeof(*s));

	s->base.ops = &ops;
	s->changes = BUF_INIT(CHANGES_MAX);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->moved, NULL);
	return s;
}
