/* SPDX-License-Identifier: Apache-2.0 */
/* The path layout on both stores: what a key is called on the way in and out, and what changes depend on. */
#include "fs/store_sqlite.h"
#include "tests/unit/fake_dynamodb.h"
#include "tests/unit/store_suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* One store under test. */
struct site {
	struct store *store;
	struct fake_dynamodb *fake; /* NULL: the embedded one */
	char folder[64], file[96];
};

static struct store_dynamodb_config path_config(struct fake_dynamodb *fake)
{
	struct store_dynamodb_config config = fake_dynamodb_config(fake);

	config.layout = LAYOUT_PATH;
	config.name = "s";
	config.key_attribute = "key";
	config.value_attribute = "value";
	return config;
}

static void open_store(struct store *store)
{
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	if (store_open(store, &call, &e) < 0)
		fail_msg("%s", e.text);
}

static int make_table(void **state)
{
	struct site *site = calloc(1, sizeof(*site));
	struct store_dynamodb_config config;

	site->fake = fake_dynamodb_new();
	site->fake->transactions = true;
	config = path_config(site->fake);
	assert_int_equal(store_dynamodb_new(&config, &site->store, NULL), 0);
	open_store(site->store);
	*state = site;
	return 0;
}

static int make_file(void **state)
{
	struct site *site = calloc(1, sizeof(*site));

	snprintf(site->folder, sizeof(site->folder), "/tmp/dynconf-unit-XXXXXX");
	assert_non_null(mkdtemp(site->folder));
	snprintf(site->file, sizeof(site->file), "%s/local.db", site->folder);
	assert_int_equal(store_sqlite_new(site->file, LAYOUT_PATH, &site->store, NULL), 0);
	open_store(site->store);
	*state = site;
	return 0;
}

static int clean(void **state)
{
	struct site *site = *state;

	store_free(site->store);
	if (site->fake)
		fake_dynamodb_free(site->fake);
	else
		unlink(site->file), rmdir(site->folder);
	free(site);
	return 0;
}

/* "app/db/host" is the key host in the directory app/db; "/KEY" a whole one. */
static struct place at(const char *path)
{
	static char texts[32][64];
	static unsigned next;
	char *text = texts[next++ % 32];
	const char *slash = *path == '/' ? NULL : strrchr(path, '/');

	snprintf(text, sizeof(texts[0]), "%.*s", slash ? (int)(slash - path) : 0, path);
	return suite_place("s", text, slash ? slash + 1 : path);
}

static int put(struct site *site, const char *path, const char *text, enum expect_kind expect, const char *expected)
{
	return suite_apply(site->store, &(struct change){ .kind = CHANGE_PUT,
							  .to = at(path),
							  .value = suite_text(text),
							  .expect = expect,
							  .expected = suite_text(expected) });
}

static int take(struct site *site, const char *path)
{
	return suite_apply(site->store, &(struct change){ .kind = CHANGE_REMOVE, .from = at(path) });
}

static int move(struct site *site, const char *from, const char *to, const char *text, enum expect_kind expect)
{
	return suite_apply(site->store, &(struct change){ .kind = CHANGE_RENAME,
							  .from = at(from),
							  .to = at(to),
							  .value = suite_text(text),
							  .expect = expect,
							  .expected = suite_text(text) });
}

/* Lines "DIRECTORY KEY=VALUE", sorted by the suite. */
static int gather(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		  const struct attribute *attributes, size_t n, struct error *e)
{
	struct buf *lines = data;

	(void)e;
	assert_int_equal(store_len, 1);
	assert_memory_equal(store, "s", 1);
	for (size_t i = 0; i < n; i++)
		buf_printf(lines, "%.*s %.*s=%.*s\n", (int)option_len, option, (int)attributes[i].name_len,
			   attributes[i].name, (int)attributes[i].len, attributes[i].bytes);
	return 0;
}

static void expect(struct site *site, const char *lines)
{
	_buf_cleanup_ struct buf found = BUF_INIT(SUITE_DUMP_MAX);
	struct store_sink sink = { .item = gather, .data = &found };
	struct store_call call = suite_call();

	buf_str(&found, "");
	assert_int_equal(store_load(site->store, &call, "s", &sink, NULL), 0);
	char *sorted = suite_sorted(found.data ? found.data : (char[]){ "" });
	assert_string_equal(sorted, lines);
	free(sorted);
}

static void expect_key(struct site *site, const char *path, const char *line)
{
	_buf_cleanup_ struct buf found = BUF_INIT(SUITE_DUMP_MAX);
	struct store_sink sink = { .item = gather, .data = &found };
	struct store_call call = suite_call();
	struct place place = at(path);

	assert_int_equal(store_load_option(site->store, &call, &place, &sink, NULL), 0);
	assert_string_equal(buf_text(&found), line);
}

static void keys_come_back(void **state)
{
	struct site *site = *state;

	assert_int_equal(put(site, "app/db/host", "db1", EXPECT_ANY, ""), 0);
	assert_int_equal(put(site, "top", "t", EXPECT_ANY, ""), 0);
	/* The directory's own value is a key beside it. */
	assert_int_equal(put(site, "app/db/.", "own", EXPECT_ANY, ""), 0);
	assert_int_equal(put(site, "//a//b", "whole", EXPECT_ANY, ""), 0);
	expect(site, " //a//b=whole\n top=t\napp db=own\napp/db host=db1\n");
	expect_key(site, "app/db/host", "app/db host=db1\n");
	expect_key(site, "app/db/.", "app db=own\n");
	expect_key(site, "//a//b", " //a//b=whole\n");
	expect_key(site, "app/db/none", "");
	assert_int_equal(take(site, "app/db/."), 0);
	assert_int_equal(take(site, "//a//b"), 0);
	expect(site, " top=t\napp/db host=db1\n");
}

static void changes_depend_on_what_is_there(void **state)
{
	struct site *site = *state;

	assert_int_equal(put(site, "a/k", "1", EXPECT_VALUE, "0"), -ESTALE);
	assert_int_equal(put(site, "a/k", "1", EXPECT_ABSENT, ""), 0);
	assert_int_equal(put(site, "a/k", "2", EXPECT_ABSENT, ""), -EEXIST);
	assert_int_equal(put(site, "a/k", "2", EXPECT_VALUE, "0"), -ESTALE);
	assert_int_equal(put(site, "a/k", "2", EXPECT_VALUE, "1"), 0);
	assert_int_equal(put(site, "a/k", "3", EXPECT_ANY, ""), 0);
	expect(site, "a k=3\n");
	assert_int_equal(take(site, "a/k"), 0);
	assert_int_equal(take(site, "a/k"), -ENOENT);
	expect(site, "");
}

static void keys_move(void **state)
{
	struct site *site = *state;

	put(site, "a/k", "1", EXPECT_ANY, "");
	put(site, "b/l", "2", EXPECT_ANY, "");
	assert_int_equal(move(site, "a/k", "b/l", "1", EXPECT_ABSENT), -EEXIST);
	assert_int_equal(move(site, "a/k", "c/d/m", "0", EXPECT_ANY), -ESTALE);
	assert_int_equal(move(site, "none", "c/d/m", "0", EXPECT_ANY), -ESTALE);
	expect(site, "a k=1\nb l=2\n");
	assert_int_equal(move(site, "a/k", "c/d/m", "1", EXPECT_ABSENT), 0);
	assert_int_equal(move(site, "c/d/m", "b/l", "1", EXPECT_ANY), 0);
	assert_int_equal(move(site, "b/l", "b/.", "1", EXPECT_ANY), 0);
	expect(site, " b=1\n");
}

static int move_all(struct site *site, const struct key_move *moves, size_t n)
{
	return suite_apply(site->store, &(struct change){ .kind = CHANGE_RENAME_DIR, .moves = moves, .n_moves = n });
}

static void directories_move(void **state)
{
	struct site *site = *state;

	put(site, "a/k", "1", EXPECT_ANY, "");
	put(site, "a/b/l", "2", EXPECT_ANY, "");
	const struct key_move moves[] = { { at("a/k"), at("c/k"), suite_text("1") },
					  { at("a/b/l"), at("c/b/l"), suite_text("2") } };
	const struct key_move stale[] = { moves[0], { at("a/b/l"), at("c/b/l"), suite_text("0") } };
	put(site, "c/b/l", "in the way", EXPECT_ANY, "");
	assert_int_equal(move_all(site, moves, 2), -EEXIST);
	take(site, "c/b/l");
	assert_int_equal(move_all(site, stale, 2), -ESTALE);
	expect(site, "a k=1\na/b l=2\n");
	assert_int_equal(move_all(site, moves, 2), 0);
	expect(site, "c k=1\nc/b l=2\n");
}

static void directories_are_no_items(void **state)
{
	static const enum change_kind kinds[] = { CHANGE_MKDIR, CHANGE_RMDIR, CHANGE_REPLACE };
	struct site *site = *state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct change change = { .kind = kinds[i],
					 .from = suite_place("s", "d", NULL),
					 .to = suite_place("s", "d", NULL) };
		assert_int_equal(suite_apply(site->store, &change), -EPERM);
	}
	expect(site, "");
}

/* ---- The table alone ---- */

static json_t *item_of(struct site *site, const char *key)
{
	json_t *item;
	size_t i;

	json_array_foreach(site->fake->items, i, item)
	{
		if (strcmp(json_string_value(json_object_get(json_object_get(item, "key"), "S")), key) == 0)
			return item;
	}
	return NULL;
}

static void the_table_has_one_key(void **state)
{
	struct site *site = *state;
	struct store_dynamodb_config config = path_config(site->fake);
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;
	struct store *other;

	assert_int_equal(json_array_size(json_object_get(site->fake->table, "KeySchema")), 1);
	config.key_attribute = "path";
	assert_int_equal(store_dynamodb_new(&config, &other, NULL), 0);
	assert_int_equal(store_open(other, &call, &e), -EINVAL);
	assert_string_equal(e.text, "table conf has hash key key (S) and no range key, but dynconf expects hash key "
				    "path (S) and no range key: name it with key-attribute=, or use another table");
	store_free(other);
}

static void other_attributes_stay(void **state)
{
	struct site *site = *state;

	put(site, "a/k", "1", EXPECT_ANY, "");
	json_object_set_new(item_of(site, "/a/k"), "owner", json_pack("{s:s}", "S", "ops"));
	assert_int_equal(put(site, "a/k", "2", EXPECT_VALUE, "1"), 0);
	assert_int_equal(move(site, "a/k", "b/k", "2", EXPECT_ANY), 0);
	assert_null(item_of(site, "/a/k"));
	assert_non_null(json_object_get(item_of(site, "/b/k"), "owner"));
}

static void count(void *data, const char *store, size_t store_len, const struct error *why)
{
	(void)store;
	assert_int_equal(store_len, 1);
	assert_non_null(strstr(why->text, "/odd is not shown"));
	++*(int *)data;
}

static int no_item(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		   const struct attribute *attributes, size_t n, struct error *e)
{
	(void)data, (void)store, (void)store_len, (void)option, (void)option_len, (void)attributes, (void)n, (void)e;
	return -EINVAL;
}

static void what_is_no_string_is_left_alone(void **state)
{
	struct site *site = *state;
	int skipped = 0;
	struct store_sink sink = { .item = no_item, .skip = count, .data = &skipped };
	struct store_call call = suite_call();

	put(site, "odd", "1", EXPECT_ANY, "");
	json_object_set_new(item_of(site, "/odd"), "value", json_pack("{s:s}", "N", "5"));
	assert_int_equal(store_load(site->store, &call, "s", &sink, NULL), 0);
	assert_int_equal(skipped, 1);
	assert_int_equal(put(site, "odd", "2", EXPECT_ANY, ""), -EINVAL);
	assert_int_equal(put(site, "odd", "2", EXPECT_ABSENT, ""), -EEXIST);
	assert_int_equal(take(site, "odd"), -ENOENT);
	assert_non_null(item_of(site, "/odd"));
}

static void a_transaction_has_its_limits(void **state)
{
	struct site *site = *state;
	struct key_move moves[51];

	for (size_t i = 0; i < 51; i++)
		moves[i] = (struct key_move){ suite_place("s", "a", "k"), suite_place("s", "b", "k"), suite_text("1") };
	assert_int_equal(move_all(site, moves, 51), -EXDEV);
	site->fake->transactions = false;
	put(site, "a/k", "1", EXPECT_ANY, "");
	assert_int_equal(move(site, "a/k", "b/k", "1", EXPECT_ANY), -EXDEV);
	expect(site, "a k=1\n");
}

static enum fake_fate lose_first_write(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)body;
	bool write = strcmp(operation, "GetItem") != 0;

	return write && fake->hook_count++ == 0 ? FAKE_LOSE : FAKE_DO;
}

static void lost_answers_are_settled(void **state)
{
	struct site *site = *state;

	site->fake->hook = lose_first_write;
	assert_int_equal(put(site, "a/k", "1", EXPECT_ABSENT, ""), 0);
	site->fake->hook_count = 0;
	assert_int_equal(move(site, "a/k", "b/k", "1", EXPECT_ABSENT), 0);
	site->fake->hook_count = 0;
	assert_int_equal(take(site, "b/k"), 0);
	expect(site, "");
}

#define ON_BOTH(test)                                             \
	cmocka_unit_test_setup_teardown(test, make_table, clean), \
		cmocka_unit_test_setup_teardown(test, make_file, clean)
#define ON_TABLE(test) cmocka_unit_test_setup_teardown(test, make_table, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(keys_come_back),
		ON_BOTH(changes_depend_on_what_is_there),
		ON_BOTH(keys_move),
		ON_BOTH(directories_move),
		ON_BOTH(directories_are_no_items),
		ON_TABLE(the_table_has_one_key),
		ON_TABLE(other_attributes_stay),
		ON_TABLE(what_is_no_string_is_left_alone),
		ON_TABLE(a_transaction_has_its_limits),
		ON_TABLE(lost_answers_are_settled),
	};

	return cmocka_run_group_tests_name("store_path", tests, NULL, NULL);
}
