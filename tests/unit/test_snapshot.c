/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/snapshot_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends all allocations here, and the one that `budget` counts down to fails: for test_no_memory, which has
 * no other way to get at them. */
static int budget = -1;

static bool refused(void)
{
	return budget >= 0 && budget-- == 0;
}

#define WRAP(type, name, parameters, arguments)                    \
	type __real_##name parameters;                             \
	type __wrap_##name parameters;                             \
	type __wrap_##name parameters                              \
	{                                                          \
		return refused() ? NULL : __real_##name arguments; \
	}

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))

/* What a test puts: NAME=VALUE pairs of one folder, in order, as "a=1 b=2". */
static struct folder_draft *folder_of(const char *path, const struct folder *base, const char *pairs, int64_t mtime)
{
	struct folder_draft *draft;
	char text[256], *rest = text;

	assert_int_equal(folder_draft_new(path, path, strlen(path), base, &draft, NULL), 0);
	snprintf(text, sizeof(text), "%s", pairs);
	for (char *pair; (pair = strsep(&rest, " "));) {
		char *value = strchr(pair, '=');
		if (!value)
			continue;
		*value++ = '\0';
		struct entry_spec spec = { .name = pair, .value = value, .value_len = strlen(value), .mtime = mtime };
		assert_int_equal(folder_draft_set(draft, &spec, NULL), 0);
	}
	return draft;
}

struct content {
	const char *path, *pairs;
};

/* A load of everything in `contents`, up to a NULL path. */
static struct snapshot *load(const struct snapshot *base, int64_t mtime, const struct content *contents)
{
	struct snapshot_draft *draft;
	struct snapshot *out;

	assert_int_equal(snapshot_draft_new("store", base, false, &draft, NULL), 0);
	for (; contents->path; contents++)
		assert_int_equal(
			snapshot_draft_put(draft, folder_of(contents->path, NULL, contents->pairs, mtime), mtime, NULL),
			0);
	assert_int_equal(snapshot_draft_finish(draft, &out, NULL), 0);
	return out;
}

/* An edit: the pairs are put over what the folder holds. */
static struct snapshot *edit(const struct snapshot *base, const char *path, const char *pairs, int64_t mtime)
{
	struct snapshot_draft *draft;
	struct snapshot *out;

	assert_int_equal(snapshot_draft_new("store", base, true, &draft, NULL), 0);
	const struct folder *old = snapshot_draft_folder(draft, path);
	assert_int_equal(snapshot_draft_put(draft, folder_of(path, old, pairs, mtime), mtime, NULL), 0);
	assert_int_equal(snapshot_draft_finish(draft, &out, NULL), 0);
	return out;
}

static struct snapshot *without(const struct snapshot *base, const char *path, int64_t mtime)
{
	struct snapshot_draft *draft;
	struct snapshot *out;

	assert_int_equal(snapshot_draft_new("store", base, true, &draft, NULL), 0);
	assert_int_equal(snapshot_draft_remove(draft, path, mtime, NULL), 0);
	assert_int_equal(snapshot_draft_finish(draft, &out, NULL), 0);
	return out;
}

static const struct entry *entry_at(const struct snapshot *snapshot, const char *path, const char *name)
{
	const struct folder *folder = snapshot_folder(snapshot, path);

	return folder ? folder_find(folder, name) : NULL;
}

/* The names of a folder, child folders with a slash. */
static const char *names(const struct snapshot *snapshot, const char *path, char out[256])
{
	const struct folder *folder = snapshot_folder(snapshot, path);
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; folder && i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[i];
		at += (size_t)snprintf(out + at, 256 - at, "%s%s%s", i ? " " : "", entry_name(folder, entry),
				       entry->kind == ENTRY_FOLDER ? "/" : "");
	}
	return out;
}

static void assert_value(const struct snapshot *snapshot, const char *path, const char *name, const char *value)
{
	const struct folder *folder = snapshot_folder(snapshot, path);

	assert_non_null(folder);
	const struct entry *entry = folder_find(folder, name);
	assert_non_null(entry);
	assert_int_equal(entry->value_len, strlen(value));
	assert_memory_equal(entry_value(folder, entry), value, strlen(value));
}

static const struct content two_options[] = { { "db", "port=1 host=a" }, { "app", "x=y" }, { 0 } };

static void test_load_sorts_and_counts(void **state)
{
	struct snapshot *s = load(NULL, 5, two_options);
	char out[256];

	(void)state;
	assert_int_equal(s->n_folders, 3);
	assert_string_equal(s->folders[0]->path, "");
	assert_string_equal(s->folders[1]->path, "app");
	assert_string_equal(names(s, "", out), "app/ db/");
	assert_string_equal(names(s, "db", out), "host port");
	assert_value(s, "db", "port", "1");
	assert_int_equal(s->n_values, 3);
	assert_int_equal(s->bytes, 3);
	assert_int_equal(s->folders[2]->size, strlen("hostaport1"));
	assert_int_equal(s->folders[0]->mtime, 5);
	assert_null(snapshot_folder(s, "nothing"));
	assert_null(folder_find(s->folders[1], "nothing"));
	snapshot_unref(s);
}

static void test_empty_store_has_its_folder(void **state)
{
	struct snapshot *s = load(NULL, 1, (struct content[]){ { 0 } });

	(void)state;
	assert_int_equal(s->n_folders, 1);
	assert_int_equal(s->folders[0]->n_entries, 0);
	struct snapshot *again = load(s, 2, (struct content[]){ { 0 } });
	assert_ptr_equal(again, s);
	snapshot_unref(again);
	snapshot_unref(s);
}

static void test_the_last_of_a_name_and_of_a_path_wins(void **state)
{
	static const struct content contents[] = { { "db", "a=1" }, { "app", "a=1 b=2 a=3" }, { "db", "c=9" }, { 0 } };
	struct snapshot *s = load(NULL, 1, contents);
	char out[256];

	(void)state;
	assert_string_equal(names(s, "db", out), "c");
	assert_string_equal(names(s, "app", out), "a b");
	assert_value(s, "app", "a", "3");
	snapshot_unref(s);
}

static void test_nothing_changed_is_the_base(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *reload = load(s, 2, two_options);
	struct snapshot *same = edit(s, "db", "port=1", 3);

	(void)state;
	assert_ptr_equal(reload, s);
	assert_ptr_equal(same, s);
	struct snapshot *more = edit(s, "new", "k=v", 4), *less = without(more, "new", 5);
	assert_ptr_not_equal(more, s);
	assert_ptr_equal(snapshot_folder(less, "db"), snapshot_folder(s, "db"));
	snapshot_unref(less);
	snapshot_unref(more);
	snapshot_unref(same);
	snapshot_unref(reload);
	snapshot_unref(s);
}

static void test_edit_shares_all_but_its_folder(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *t = edit(s, "db", "port=2", 7);

	(void)state;
	assert_ptr_equal(snapshot_folder(t, "app"), snapshot_folder(s, "app"));
	assert_ptr_equal(snapshot_folder(t, ""), snapshot_folder(s, ""));
	assert_ptr_not_equal(snapshot_folder(t, "db"), snapshot_folder(s, "db"));
	assert_ptr_equal(t->index, s->index);
	assert_value(s, "db", "port", "1");
	assert_value(t, "db", "port", "2");
	/* The old one lives on without the new, and the other way round. */
	snapshot_unref(s);
	assert_value(t, "app", "x", "y");
	snapshot_unref(t);
}

static void test_times_and_ids_stay_with_what_stays(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *t = edit(s, "db", "port=2", 7), *u = edit(t, "db", "new=", 9);

	(void)state;
	assert_int_equal(entry_at(t, "db", "host")->mtime, 1);
	assert_int_equal(entry_at(t, "db", "port")->mtime, 7);
	assert_int_equal(entry_at(t, "db", "port")->id, entry_at(s, "db", "port")->id);
	assert_int_equal(snapshot_folder(t, "db")->mtime, 1);
	assert_int_equal(snapshot_folder(t, "db")->id, snapshot_folder(s, "db")->id);
	assert_int_equal(snapshot_folder(u, "db")->mtime, 9);
	assert_int_equal(snapshot_folder(u, "")->mtime, 1);
	assert_int_equal(entry_at(u, "db", "port")->mtime, 7);
	assert_int_equal(entry_at(u, "db", "new")->value_len, 0);
	snapshot_unref(u);
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_types_and_flags_are_part_of_a_value(void **state)
{
	struct entry_spec spec = { .name = "k", .value = "1", .value_len = 1, .mtime = 3 };
	struct snapshot *s = edit(NULL, "o", "k=1", 1);

	(void)state;
	for (int way = 0; way < 2; way++) {
		struct snapshot_draft *draft;
		struct folder_draft *folder;
		struct snapshot *t;
		spec.type = way ? VALUE_S : VALUE_N;
		spec.flags = way ? ENTRY_MEMORY : 0;
		assert_int_equal(snapshot_draft_new("store", s, true, &draft, NULL), 0);
		assert_int_equal(folder_draft_new("o", "o", 1, snapshot_folder(s, "o"), &folder, NULL), 0);
		assert_int_equal(folder_draft_set(folder, &spec, NULL), 0);
		assert_int_equal(snapshot_draft_put(draft, folder, 3, NULL), 0);
		assert_int_equal(snapshot_draft_finish(draft, &t, NULL), 0);
		assert_int_equal(entry_at(t, "o", "k")->mtime, 3);
		assert_int_equal(entry_at(t, "o", "k")->id, entry_at(s, "o", "k")->id);
		assert_int_equal(snapshot_diff(s, t, NULL, NULL), 1);
		assert_int_equal(t->n_values, way ? 0 : 1);
		assert_int_equal(t->bytes, way ? 0 : 1);
		snapshot_unref(t);
	}
	snapshot_unref(s);
}

static void test_raw_names(void **state)
{
	struct folder_draft *folder;
	struct snapshot_draft *draft;
	struct snapshot *s;
	struct entry_spec spec = { .name = "a%2Fb", .raw = "a/b", .raw_len = 3, .value = "v\0w", .value_len = 3 };
	size_t len;

	(void)state;
	assert_int_equal(snapshot_draft_new("store", NULL, false, &draft, NULL), 0);
	assert_int_equal(folder_draft_new("o%2F", "o/", 2, NULL, &folder, NULL), 0);
	assert_int_equal(folder_draft_set(folder, &spec, NULL), 0);
	spec = (struct entry_spec){ .name = "plain", .raw = "plain", .raw_len = 5, .value = "", .value_len = 0 };
	assert_int_equal(folder_draft_set(folder, &spec, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder, 1, NULL), 0);
	assert_int_equal(snapshot_draft_finish(draft, &s, NULL), 0);
	const struct folder *o = snapshot_folder(s, "o%2F");
	assert_memory_equal(o->raw_path, "o/", 3);
	assert_memory_equal(entry_raw(o, folder_find(o, "a%2Fb"), &len), "a/b", 3);
	assert_int_equal(len, 3);
	assert_memory_equal(entry_value(o, folder_find(o, "a%2Fb")), "v\0w", 3);
	assert_int_equal(folder_find(o, "plain")->raw_len, 0);
	assert_memory_equal(entry_raw(o, folder_find(o, "plain"), &len), "plain", 5);
	assert_int_equal(len, 5);
	assert_memory_equal(entry_raw(s->folders[0], entry_at(s, "", "o%2F"), &len), "o/", 2);
	assert_int_equal(o->size, strlen("a/bvxwplain"));
	snapshot_unref(s);
}

static void test_what_is_no_name_is_refused(void **state)
{
	char long_name[FILE_NAME_MAX + 2];
	const char *bad[] = { "", "a/b", long_name };
	struct folder_draft *folder;

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(folder_draft_new("o", "o", 1, NULL, &folder, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error e = ERROR_NULL;
		struct entry_spec spec = { .name = bad[i], .value = "" };
		assert_int_equal(folder_draft_set(folder, &spec, &e), -EINVAL);
		assert_int_equal(e.number, EINVAL);
	}
	folder_draft_remove(folder, long_name);
	struct entry_spec spec = { .name = "k", .raw = "", .value = "" };
	assert_int_equal(folder_draft_set(folder, &spec, NULL), -EINVAL);
	spec = (struct entry_spec){ .name = long_name + 1, .value = "" };
	assert_int_equal(folder_draft_set(folder, &spec, NULL), 0);
	folder_draft_free(folder);
	const char *bad_paths[] = { "/", "/a", "a/", "a//b", long_name };
	for (size_t i = 0; i < sizeof(bad_paths) / sizeof(*bad_paths); i++)
		assert_int_equal(folder_draft_new(bad_paths[i], "x", 1, NULL, &folder, NULL), -EINVAL);
}

static void test_removing_keys(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *t;
	struct snapshot_draft *draft;
	char out[256];

	(void)state;
	struct folder_draft *folder = folder_of("db", snapshot_folder(s, "db"), "z=1 port=5", 2);
	folder_draft_remove(folder, "host");
	folder_draft_remove(folder, "z");
	folder_draft_remove(folder, "never");
	assert_int_equal(snapshot_draft_new("store", s, true, &draft, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder, 2, NULL), 0);
	assert_string_equal(entry_name(snapshot_draft_folder(draft, "db"), snapshot_draft_folder(draft, "db")->entries),
			    "port");
	assert_int_equal(snapshot_draft_finish(draft, &t, NULL), 0);
	assert_string_equal(names(t, "db", out), "port");
	assert_int_equal(t->n_values, 2);
	assert_int_equal(snapshot_folder(t, "db")->mtime, 2);
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_nested_folders_get_their_parents(void **state)
{
	static const struct content deep[] = { { "a/b/c", "k=1" }, { "a b", "k=2" }, { "a", "own=3" }, { 0 } };
	struct snapshot *s = load(NULL, 1, deep);
	char out[256];

	(void)state;
	assert_int_equal(s->n_folders, 5);
	assert_string_equal(names(s, "", out), "a/ a b/");
	assert_string_equal(names(s, "a", out), "b/ own");
	assert_string_equal(names(s, "a/b", out), "c/");
	assert_memory_equal(snapshot_folder(s, "a/b/c")->raw_path, "a/b/c", 6);
	assert_int_equal(entry_at(s, "a/b", "c")->id, snapshot_folder(s, "a/b/c")->id);
	/* An edit of "a" keeps what is below; its removal does not, but keeps its neighbour. */
	struct snapshot *t = edit(s, "a", "own=4", 2), *u = without(t, "a", 3);
	assert_string_equal(names(t, "a", out), "b/ own");
	assert_ptr_equal(snapshot_folder(t, ""), snapshot_folder(s, ""));
	assert_int_equal(u->n_folders, 2);
	assert_string_equal(names(u, "", out), "a b/");
	assert_int_equal(snapshot_folder(u, "")->mtime, 3);
	snapshot_unref(u);
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_parents_get_their_raw_names(void **state)
{
	struct folder_draft *folder;
	struct snapshot_draft *draft;
	struct snapshot *s;
	size_t len;

	(void)state;
	assert_int_equal(snapshot_draft_new("store", NULL, false, &draft, NULL), 0);
	assert_int_equal(folder_draft_new("a%2Fb/c/%25", "a/b/c/%", 7, NULL, &folder, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder, 1, NULL), 0);
	/* Which name would its parent have? */
	assert_int_equal(folder_draft_new("x/y", "y", 1, NULL, &folder, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder, 1, NULL), -EINVAL);
	assert_int_equal(snapshot_draft_finish(draft, &s, NULL), 0);
	assert_string_equal(snapshot_folder(s, "a%2Fb/c")->raw_path, "a/b/c");
	const struct folder *parent = snapshot_folder(s, "a%2Fb");
	assert_int_equal(parent->raw_path_len, 3);
	assert_string_equal(parent->raw_path, "a/b");
	assert_memory_equal(entry_raw(s->folders[0], entry_at(s, "", "a%2Fb"), &len), "a/b", 3);
	assert_memory_equal(entry_raw(parent, entry_at(s, "a%2Fb", "c"), &len), "c", 2);
	assert_int_equal(len, 1);
	assert_memory_equal(entry_raw(snapshot_folder(s, "a%2Fb/c"), entry_at(s, "a%2Fb/c", "%25"), &len), "%", 1);
	snapshot_unref(s);
}

static void test_a_value_of_a_folders_name_is_in_the_folder(void **state)
{
	static const struct content both[] = { { "", "x=1 y=2" }, { "x", "k=1" }, { 0 } };
	static const struct content value[] = { { "", "x=1 y=2" }, { 0 } };
	struct snapshot *s = load(NULL, 1, both), *again = load(s, 2, both), *t = load(s, 3, value),
			*u = load(t, 4, both);
	char out[256];

	(void)state;
	size_t len;
	assert_string_equal(names(s, "", out), "x/ y");
	assert_string_equal(names(s, "x", out), "%value k");
	assert_value(s, "x", "%value", "1");
	assert_memory_equal(entry_raw(snapshot_folder(s, "x"), entry_at(s, "x", "%value"), &len), ".", 1);
	assert_int_equal(len, 1);
	assert_ptr_equal(again, s);
	assert_string_equal(names(t, "", out), "x y");
	assert_value(t, "", "x", "1");
	assert_string_equal(names(u, "", out), "x/ y");
	assert_int_equal(snapshot_diff(t, u, NULL, NULL), 4);
	/* One that comes later is in it too, and one that comes with the folder's removal is what it was. */
	struct snapshot_draft *draft;
	struct snapshot *v = edit(s, "", "x=6", 5);
	assert_string_equal(names(v, "", out), "x/ y");
	assert_value(v, "x", "%value", "6");
	assert_ptr_equal(snapshot_folder(v, ""), snapshot_folder(s, ""));
	snapshot_unref(v);
	assert_int_equal(snapshot_draft_new("store", s, true, &draft, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder_of("", s->folders[0], "x=7", 5), 5, NULL), 0);
	assert_int_equal(snapshot_draft_remove(draft, "x", 5, NULL), 0);
	assert_int_equal(snapshot_draft_finish(draft, &v, NULL), 0);
	assert_string_equal(names(v, "", out), "x y");
	assert_value(v, "", "x", "7");
	snapshot_unref(v);
	snapshot_unref(u);
	snapshot_unref(t);
	snapshot_unref(again);
	snapshot_unref(s);
}

/* Values that come one by one, in any order, make the folders that a load of whole ones makes. */
static void test_values_come_one_by_one(void **state)
{
	static const struct content deep[] = { { "", "x=1 y=2" }, { "x/a", "k=1 l=2" }, { "x", "own=3" }, { 0 } };
	static const char *const order[][3] = {
		{ "x/a", "l", "2" }, { "", "x", "1" }, { "x", "own", "3" }, { "", "y", "2" }, { "x/a", "k", "1" }
	};
	struct snapshot *s = load(NULL, 1, deep), *t;
	struct snapshot_draft *draft;

	(void)state;
	assert_int_equal(snapshot_draft_new("store", s, false, &draft, NULL), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		struct entry_spec spec = { .name = order[i][1], .value = order[i][2], .value_len = 1, .mtime = 2 };
		assert_int_equal(snapshot_draft_add(draft, order[i][0], order[i][0], strlen(order[i][0]), &spec, NULL),
				 0);
	}
	assert_int_equal(snapshot_draft_finish(draft, &t, NULL), 0);
	assert_ptr_equal(t, s);
	assert_value(s, "x", "%value", "1");
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_folders_within_another(void **state)
{
	static const struct content deep[] = {
		{ "a/b/c", "k=1" }, { "a b", "k=2" }, { "a0", "k=3" }, { "b", "" }, { 0 }
	};
	struct snapshot *s = load(NULL, 1, deep);
	static const struct content expected[] = {
		{ "", ",a,a b,a/b,a/b/c,a0,b," }, { "a", "a,a/b,a/b/c," }, { "a/b/c", "a/b/c," }, { "none", "" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		const struct folder *folder = NULL;
		char out[64] = "";
		while ((folder = snapshot_within(s, expected[i].path, folder)))
			snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s,", folder->path);
		assert_string_equal(out, expected[i].pairs);
	}
	snapshot_unref(s);
}

static void test_removing_everything_leaves_the_store(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *t = without(s, "", 8);

	(void)state;
	assert_int_equal(t->n_folders, 1);
	assert_int_equal(t->folders[0]->n_entries, 0);
	assert_int_equal(t->folders[0]->mtime, 8);
	assert_int_equal(t->n_values, 0);
	assert_int_equal(t->bytes, 0);
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_removed_and_put_again_is_unchanged(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *t;
	struct snapshot_draft *draft;

	(void)state;
	assert_int_equal(snapshot_draft_new("store", s, true, &draft, NULL), 0);
	assert_int_equal(snapshot_draft_remove(draft, "db", 2, NULL), 0);
	assert_null(snapshot_draft_folder(draft, "db"));
	assert_int_equal(snapshot_draft_remove(draft, "none", 2, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder_of("new/deep", NULL, "k=v", 2), 2, NULL), 0);
	assert_int_equal(snapshot_draft_remove(draft, "new", 2, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder_of("db", NULL, "host=a port=1", 2), 2, NULL), 0);
	assert_int_equal(snapshot_draft_finish(draft, &t, NULL), 0);
	assert_ptr_equal(t, s);
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_ids_are_derived_from_names(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *t = load(NULL, 2, two_options);
	uint64_t seed = snapshot_seed("store");
	const struct folder *db = snapshot_folder(s, "db");
	const struct entry *host = folder_find(db, "host");
	uint64_t own = ((uint64_t)1 << 34) - 1;

	(void)state;
	assert_int_equal(s->seed, seed);
	assert_int_equal(host->id, entry_at(t, "db", "host")->id);
	assert_true(id_is_folder(db->id) && !id_is_value(db->id));
	assert_true(id_is_value(host->id) && !id_is_folder(host->id));
	assert_int_equal(SNAPSHOT_TAG(db->id), SNAPSHOT_TAG(seed));
	assert_int_equal(SNAPSHOT_TAG(host->id), SNAPSHOT_TAG(seed));
	assert_int_equal((db->id ^ host->id) >> 34 << 8 >> 8, (db->id ^ host->id) >> 34 << 8 >> 8 & ~(own >> 12));
	uint64_t hash = name_hash(seed, "db", 2);
	assert_int_equal(db->id << 8, hash << 8);
	assert_int_equal(host->id & own, name_hash(hash, "host", 4) & own);
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_everything_is_found_by_its_id(void **state)
{
	static const struct content deep[] = { { "a/b/c", "k=1 l=2" }, { "d", "k=2 l=1" }, { "", "own=3" }, { 0 } };
	struct snapshot *s = load(NULL, 1, deep);
	const struct folder *folder;
	const struct entry *entry;

	(void)state;
	for (size_t i = 0; i < s->n_folders; i++) {
		const struct folder *f = s->folders[i];
		assert_true(snapshot_find_id(s, f->id, &folder, &entry));
		assert_ptr_equal(folder, f);
		assert_null(entry);
		for (size_t j = 0; j < f->n_entries; j++) {
			assert_ptr_equal(folder_find_id(f, f->entries[j].id), &f->entries[j]);
			assert_true(snapshot_find_id(s, f->entries[j].id, &folder, &entry));
			if (f->entries[j].kind == ENTRY_VALUE)
				assert_ptr_equal(entry, &f->entries[j]);
		}
	}
	const uint64_t others[] = { 0, 1, 3ULL << 62, s->folders[0]->id + 1, s->folders[0]->entries[0].id ^ 1 };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(snapshot_find_id(s, others[i], &folder, &entry));
	snapshot_unref(s);
}

struct found {
	uint64_t hash;
	unsigned number;
};

static int by_hash(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Two names of folder "o" whose natural ids are the same: among 600,000 there are some. */
static void find_clash(char first[16], char second[16])
{
	enum { TRIES = 600000 };
	struct found *found = calloc(TRIES, sizeof(*found));
	uint64_t seed = snapshot_seed("store"), hash = name_hash(seed, "o", 1);
	bool clash = false;

	assert_non_null(found);
	for (unsigned i = 0; i < TRIES; i++) {
		int len = snprintf(first, 16, "k%u", i);
		found[i] = (struct found){ value_natural_id(seed, hash, first, (size_t)len), i };
	}
	qsort(found, TRIES, sizeof(*found), by_hash);
	for (unsigned i = 1; i < TRIES && !clash; i++) {
		clash = found[i].hash == found[i - 1].hash;
		snprintf(first, 16, "k%u", found[i - 1].number);
		snprintf(second, 16, "k%u", found[i].number);
	}
	free(found);
	assert_true(clash);
}

static void test_a_taken_id_is_passed_over(void **state)
{
	char first[16], second[16], pairs[48], only[24];

	(void)state;
	find_clash(first, second);
	snprintf(only, sizeof(only), "%s=1", second);
	snprintf(pairs, sizeof(pairs), "%s=1 %s=2", first, second);
	struct snapshot *s = edit(NULL, "o", only, 1), *t = edit(s, "o", pairs, 2);
	struct snapshot *other = edit(NULL, "o", pairs, 1);
	/* Who was there first keeps the id, and the other one keeps the next while it stays. */
	uint64_t id = entry_at(s, "o", second)->id;
	assert_int_equal(entry_at(t, "o", second)->id, id);
	assert_int_equal(entry_at(t, "o", first)->id, id + 1);
	assert_int_not_equal(entry_at(other, "o", first)->id, entry_at(other, "o", second)->id);
	struct snapshot_draft *draft;
	struct snapshot *u;
	struct folder_draft *folder = folder_of("o", snapshot_folder(t, "o"), "", 3);
	folder_draft_remove(folder, second);
	assert_int_equal(snapshot_draft_new("store", t, true, &draft, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder, 3, NULL), 0);
	assert_int_equal(snapshot_draft_finish(draft, &u, NULL), 0);
	assert_int_equal(entry_at(u, "o", first)->id, id + 1);
	assert_ptr_equal(folder_find_id(snapshot_folder(u, "o"), id + 1), entry_at(u, "o", first));
	assert_null(folder_find_id(snapshot_folder(u, "o"), id));
	snapshot_unref(u);
	snapshot_unref(other);
	snapshot_unref(t);
	snapshot_unref(s);
}

static void test_settling_ids(void **state)
{
	enum { OWN = 34 };
	uint64_t top = (5ULL << OWN) - 1;
	/* A run of fresh ones into a fixed one, and one at the end of the place, which wraps around. */
	struct id_slot slots[] = { { 7, 0, true }, { 7, 1, true },    { 8, 2, false }, { 7, 3, false },
				   { 8, 4, true }, { top, 5, false }, { top, 6, true } };
	size_t n = sizeof(slots) / sizeof(*slots);

	(void)state;
	ids_settle(slots, n);
	for (size_t i = 1; i < n; i++)
		assert_true(slots[i - 1].id < slots[i].id);
	for (size_t i = 0; i < n; i++) {
		if (slots[i].index == 2)
			assert_int_equal(slots[i].id, 8);
		if (slots[i].index == 3)
			assert_int_equal(slots[i].id, 7);
		if (slots[i].index == 6)
			assert_int_equal(slots[i].id, 4ULL << OWN);
	}
}

struct told {
	char text[512];
};

static void tell(void *data, const struct difference *d)
{
	struct told *told = data;
	size_t at = strlen(told->text);
	const struct folder *folder = d->after ? d->after_folder : d->before_folder;

	snprintf(told->text + at, sizeof(told->text) - at, "%s%s/%s",
		 !d->before  ? "+"
		 : !d->after ? "-"
			     : "*",
		 folder->path, entry_name(folder, d->after ? d->after : d->before));
}

static void test_diff_tells_what_differs_in_order(void **state)
{
	static const struct content before[] = { { "a", "k=1 l=1" }, { "b", "k=1" }, { "c", "k=1" }, { 0 } };
	static const struct content after[] = { { "a", "k=1 l=2 m=" }, { "c", "k=1" }, { "d/e", "x=" }, { 0 } };
	struct snapshot *s = load(NULL, 1, before), *t = load(s, 2, after), *u = load(NULL, 2, after);
	const char *expected = "-/b+/d*a/l+a/m-b/k+d/e+d/e/x";
	struct told told = { "" }, apart = { "" };

	(void)state;
	assert_int_equal(snapshot_diff(s, t, tell, &told), 7);
	assert_string_equal(told.text, expected);
	assert_int_equal(snapshot_diff(s, u, tell, &apart), 7);
	assert_string_equal(apart.text, expected);
	assert_int_equal(snapshot_diff(t, u, NULL, NULL), 0);
	assert_int_equal(snapshot_diff(t, t, NULL, NULL), 0);
	assert_int_equal(snapshot_diff(NULL, s, NULL, NULL), 7);
	assert_int_equal(snapshot_diff(s, NULL, NULL, NULL), 7);
	assert_int_equal(snapshot_diff(NULL, NULL, NULL, NULL), 0);
	snapshot_unref(u);
	snapshot_unref(t);
	snapshot_unref(s);
}

/* Enough folders for several groups, and edits at their borders. */
static void test_many_folders(void **state)
{
	enum { N = 3 * GROUP_MAX + 5 };
	struct snapshot_draft *draft;
	struct snapshot *s, *t;
	char path[16];

	(void)state;
	assert_int_equal(snapshot_draft_new("store", NULL, false, &draft, NULL), 0);
	for (int i = 0; i < N; i++) {
		snprintf(path, sizeof(path), "o%05d", i * 7919 % N);
		assert_int_equal(snapshot_draft_put(draft, folder_of(path, NULL, "a=1 b=2", 1), 1, NULL), 0);
	}
	assert_int_equal(snapshot_draft_finish(draft, &s, NULL), 0);
	assert_int_equal(s->n_folders, N + 1);
	for (int i = 0; i < N; i += 3) {
		snprintf(path, sizeof(path), "o%05d", i);
		t = i % 2 ? without(s, path, 2) : edit(s, strcat(path, "x"), "c=3", 2);
		assert_int_equal(snapshot_diff(s, t, NULL, NULL), i % 2 ? 3 : 2);
		assert_int_equal(t->n_values, s->n_values + (i % 2 ? (size_t)-2 : 1));
		for (size_t j = 1; j < t->n_folders; j++)
			assert_true(strcmp(t->folders[j - 1]->path, t->folders[j]->path) < 0);
		snapshot_unref(s);
		s = t;
	}
	for (size_t i = 0, n = 0; i < s->n_groups; i++) {
		assert_true(s->groups[i]->n <= GROUP_MAX);
		for (size_t j = 0; j < s->groups[i]->n; j++)
			assert_ptr_equal(s->groups[i]->folders[j], s->folders[n++]);
	}
	snapshot_unref(s);
}

static void test_a_draft_can_be_given_up(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options);
	struct snapshot_draft *draft;

	(void)state;
	assert_int_equal(snapshot_draft_new("store", s, true, &draft, NULL), 0);
	assert_int_equal(snapshot_draft_put(draft, folder_of("x/y", NULL, "k=v", 2), 2, NULL), 0);
	assert_int_equal(snapshot_draft_remove(draft, "db", 2, NULL), 0);
	snapshot_draft_free(draft);
	snapshot_draft_free(NULL);
	folder_draft_free(NULL);
	assert_value(s, "db", "host", "a");
	assert_null(snapshot_unref(s));
	assert_null(snapshot_unref(NULL));
}

static int put_key(struct snapshot_draft *draft, const char *path, const char *name, struct error *e)
{
	struct entry_spec spec = { .name = name, .value = "v", .value_len = 1 };
	struct folder_draft *folder;
	int r = folder_draft_new(path, path, strlen(path), snapshot_draft_folder(draft, path), &folder, e);

	if (r < 0)
		return r;
	folder_draft_remove(folder, "port");
	r = folder_draft_set(folder, &spec, e);
	if (r < 0)
		folder_draft_free(folder);
	return r < 0 ? r : snapshot_draft_put(draft, folder, 2, e);
}

/* Whatever this allocates may fail. */
static int change_all(const struct snapshot *base, bool keep, struct snapshot **out, struct error *e)
{
	struct snapshot_draft *draft;
	int r = snapshot_draft_new("store", base, keep, &draft, e);

	if (r < 0)
		return r;
	r = put_key(draft, "new/and/deep", "k", e);
	if (r == 0)
		r = put_key(draft, "db", "z", e);
	if (r == 0)
		r = put_key(draft, "", "app", e);
	if (r == 0)
		r = snapshot_draft_remove(draft, "x", 2, e);
	if (r < 0) {
		snapshot_draft_free(draft);
		return r;
	}
	return snapshot_draft_finish(draft, out, e);
}

static void test_no_memory(void **state)
{
	struct snapshot *s = load(NULL, 1, two_options), *out, *right;
	int failures = 0;

	(void)state;
	for (int way = 0; way < 4; way++) {
		const struct snapshot *base = way & 1 ? s : NULL;
		assert_int_equal(change_all(base, way & 2, &right, NULL), 0);
		for (int n = 0, left = 0; left == 0; n++) {
			struct error e = ERROR_NULL;
			budget = n;
			int r = change_all(base, way & 2, &out, &e);
			left = budget + 1;
			budget = -1;
			assert_true(r == 0 || (r == -ENOMEM && e.number == ENOMEM));
			failures += r != 0;
			if (r != 0)
				continue;
			assert_int_equal(snapshot_diff(right, out, NULL, NULL), 0);
			snapshot_unref(out);
		}
		snapshot_unref(right);
	}
	assert_true(failures > 100);
	snapshot_unref(s);
}

/* Readers take and drop references while a writer swaps the snapshot. */
struct stage {
	pthread_mutex_t lock;
	struct snapshot *current;
	atomic_bool over;
	atomic_uint torn;
};

static struct snapshot *take(struct stage *stage)
{
	pthread_mutex_lock(&stage->lock);
	struct snapshot *s = snapshot_ref(stage->current);
	pthread_mutex_unlock(&stage->lock);
	return s;
}

static void *read_on(void *data)
{
	struct stage *stage = data;
	struct folder *held = NULL;

	while (!stage->over) {
		struct snapshot *s = take(stage);
		const struct folder *db = snapshot_folder(s, "db");
		const struct entry *a = folder_find(db, "a"), *b = folder_find(db, "b");
		if (a->value_len != b->value_len || memcmp(entry_value(db, a), entry_value(db, b), a->value_len) != 0)
			stage->torn++;
		folder_unref(held);
		held = folder_ref(db);
		snapshot_unref(s);
	}
	folder_unref(held);
	return NULL;
}

static void test_readers_see_whole_snapshots(void **state)
{
	enum { READERS = 3, SWAPS = 2000 };
	struct stage stage = { .lock = PTHREAD_MUTEX_INITIALIZER, .current = edit(NULL, "db", "a=0 b=0", 1) };
	pthread_t readers[READERS];

	(void)state;
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_on, &stage), 0);
	for (int i = 0; i < SWAPS; i++) {
		char pairs[64];
		snprintf(pairs, sizeof(pairs), "a=%d b=%d x%d=", i, i, i % 5);
		struct snapshot *next = edit(stage.current, i % 3 ? "db" : "app", pairs, i), *old;
		pthread_mutex_lock(&stage.lock);
		old = stage.current;
		stage.current = next;
		pthread_mutex_unlock(&stage.lock);
		snapshot_unref(old);
	}
	stage.over = true;
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(stage.torn, 0);
	snapshot_unref(stage.current);
	pthread_mutex_destroy(&stage.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_sorts_and_counts),
		cmocka_unit_test(test_empty_store_has_its_folder),
		cmocka_unit_test(test_the_last_of_a_name_and_of_a_path_wins),
		cmocka_unit_test(test_nothing_changed_is_the_base),
		cmocka_unit_test(test_edit_shares_all_but_its_folder),
		cmocka_unit_test(test_times_and_ids_stay_with_what_stays),
		cmocka_unit_test(test_types_and_flags_are_part_of_a_value),
		cmocka_unit_test(test_raw_names),
		cmocka_unit_test(test_what_is_no_name_is_refused),
		cmocka_unit_test(test_removing_keys),
		cmocka_unit_test(test_nested_folders_get_their_parents),
		cmocka_unit_test(test_parents_get_their_raw_names),
		cmocka_unit_test(test_a_value_of_a_folders_name_is_in_the_folder),
		cmocka_unit_test(test_values_come_one_by_one),
		cmocka_unit_test(test_folders_within_another),
		cmocka_unit_test(test_removing_everything_leaves_the_store),
		cmocka_unit_test(test_removed_and_put_again_is_unchanged),
		cmocka_unit_test(test_ids_are_derived_from_names),
		cmocka_unit_test(test_everything_is_found_by_its_id),
		cmocka_unit_test(test_a_taken_id_is_passed_over),
		cmocka_unit_test(test_settling_ids),
		cmocka_unit_test(test_diff_tells_what_differs_in_order),
		cmocka_unit_test(test_many_folders),
		cmocka_unit_test(test_a_draft_can_be_given_up),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_readers_see_whole_snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
