/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_dynamodb.h"
#include "tests/unit/store_suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Lost answers ---- */

static bool is_write(const char *operation)
{
	return strcmp(operation, "GetItem") != 0;
}

static enum fake_fate lose_first(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)body;
	return is_write(operation) && fake->hook_count++ == 0 ? FAKE_LOSE : FAKE_DO;
}

/* As lose_first, and before the second attempt somebody else has written. */
static enum fake_fate lose_first_and_race(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	enum fake_fate fate = lose_first(fake, operation, body);

	if (fake->hook_count == 2 && is_write(operation))
		json_object_set_new(fake_dynamodb_item(fake, "s", "o"), "k", json_pack("{s:s}", "S", "theirs"));
	return fate;
}

static int apply_losing(struct fake_dynamodb *fake, struct store *store, const struct change *change)
{
	fake->hook = lose_first;
	fake->hook_count = 0;
	int r = suite_apply(store, change);
	fake->hook = NULL;
	return r;
}

static void test_lost_put(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change put = { .kind = CHANGE_PUT, .to = suite_place("s", "o", "k"), .value = suite_text("v") };

	assert_int_equal(suite_mkdir(store, "o"), 0);
	put.expect = EXPECT_ABSENT;
	assert_int_equal(apply_losing(fake, store, &put), 0);
	put.expect = EXPECT_VALUE;
	put.expected = suite_text("v");
	put.value = suite_text("w");
	assert_int_equal(apply_losing(fake, store, &put), 0);
	suite_expect(store, "s/o/\ns/o/k S w\n");
	/* Not our value: nobody knows, and saying that it was not stored is the safe side. */
	put.expected = suite_text("w");
	put.value = suite_text("x");
	fake->hook = lose_first_and_race;
	fake->hook_count = 0;
	assert_int_equal(suite_apply(store, &put), -ESTALE);
	suite_expect(store, "s/o/\ns/o/k S theirs\n");
	store_free(store);
}

static void test_lost_others(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change mkdir = { .kind = CHANGE_MKDIR, .to = suite_place("s", "o", NULL) };
	struct change rename = { .kind = CHANGE_RENAME,
				 .from = suite_place("s", "o", "a"),
				 .to = suite_place("s", "o", "b"),
				 .value = suite_text("1"),
				 .expected = suite_text("1") };
	struct change move = { .kind = CHANGE_RENAME_DIR,
			       .from = suite_place("s", "o", NULL),
			       .to = suite_place("s", "p", NULL) };
	struct key_change key = { .before = suite_text("1"), .after = suite_text("2"), true, true, true };
	struct change replace = {
		.kind = CHANGE_REPLACE, .to = suite_place("s", "p", NULL), .keys = &key, .n_keys = 1
	};
	struct change remove = { .kind = CHANGE_REMOVE, .from = suite_place("s", "p", "b") };
	struct change rmdir = { .kind = CHANGE_RMDIR, .from = suite_place("s", "p", NULL) };

	assert_int_equal(apply_losing(fake, store, &mkdir), 0);
	assert_int_equal(suite_put(store, "o", "a", "1"), 0);
	assert_int_equal(apply_losing(fake, store, &rename), 0);
	suite_expect(store, "s/o/\ns/o/b S 1\n");
	assert_int_equal(apply_losing(fake, store, &move), 0);
	suite_expect(store, "s/p/\ns/p/b S 1\n");
	key.before.name = key.after.name = "b";
	key.before.name_len = key.after.name_len = 1;
	assert_int_equal(apply_losing(fake, store, &replace), 0);
	suite_expect(store, "s/p/\ns/p/b S 2\n");
	assert_int_equal(suite_apply(store, &replace), -ESTALE);
	assert_int_equal(apply_losing(fake, store, &remove), 0);
	suite_expect(store, "s/p/\n");
	assert_int_equal(apply_losing(fake, store, &rmdir), 0);
	suite_expect(store, "");
	store_free(store);
}

static void test_lost_rename_across(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change rename = { .kind = CHANGE_RENAME,
				 .from = suite_place("s", "o", "a"),
				 .to = suite_place("s", "p", "b"),
				 .value = suite_text("1"),
				 .expect = EXPECT_ABSENT,
				 .expected = suite_text("1") };

	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_mkdir(store, "p"), 0);
	assert_int_equal(suite_put(store, "o", "a", "1"), 0);
	assert_int_equal(apply_losing(fake, store, &rename), 0);
	suite_expect(store, "s/o/\ns/p/\ns/p/b S 1\n");
	store_free(store);
}

static enum fake_fate lose_writes(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)fake, (void)body;
	return is_write(operation) ? FAKE_LOSE : FAKE_DO;
}

static void test_unknown(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change put = { .kind = CHANGE_PUT, .to = suite_place("s", "o", "k"), .value = suite_text("v") };
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	assert_int_equal(suite_mkdir(store, "o"), 0);
	fake->hook = lose_writes;
	assert_int_equal(store_apply(store, &call, &put, &e), -EIO);
	assert_non_null(strstr(e.text, "not known whether"));
	store_free(store);
}

/* ---- Other hosts ---- */

static void their_write(struct fake_dynamodb *fake, const char *option, const char *key)
{
	json_object_set_new(fake_dynamodb_item(fake, "s", option), key, json_pack("{s:s}", "S", "theirs"));
}

static enum fake_fate write_before_delete(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	char key[16];

	(void)body;
	for (int i = 0; strcmp(operation, "DeleteItem") == 0 && i < fake->hook_count; i++) {
		snprintf(key, sizeof(key), "k%03d", i);
		their_write(fake, "o", key);
	}
	return FAKE_DO;
}

/* A key that appears between rmdir's look and its delete is still there afterwards, and so are many. */
static void test_rmdir_race(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change rmdir = { .kind = CHANGE_RMDIR, .from = suite_place("s", "o", NULL) };

	assert_int_equal(suite_mkdir(store, "o"), 0);
	fake->hook = write_before_delete;
	fake->hook_count = 1;
	assert_int_equal(suite_apply(store, &rmdir), -ENOTEMPTY);
	suite_expect(store, "s/o/\ns/o/k000 S theirs\n");
	json_object_del(fake_dynamodb_item(fake, "s", "o"), "k000");
	fake->hook_count = 200;
	assert_int_equal(suite_apply(store, &rmdir), -ENOTEMPTY);
	assert_int_equal(json_object_size(fake_dynamodb_item(fake, "s", "o")), 202);
	store_free(store);
}

/* While the key is being put back, the other host makes the option anew and writes the key again. */
static enum fake_fate write_and_recreate(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)body;
	if (strcmp(operation, "DeleteItem") == 0) {
		their_write(fake, "o", "k");
		their_write(fake, "o", "l");
	}
	if (strcmp(operation, "UpdateItem") == 0)
		json_array_append_new(fake->items, json_pack("{s:{s:s}, s:{s:s}, s:{s:s}}", "_store", "S", "s",
							     "_option", "S", "o", "k", "S", "newer"));
	return FAKE_DO;
}

static void test_rmdir_race_recreated(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change rmdir = { .kind = CHANGE_RMDIR, .from = suite_place("s", "o", NULL) };

	assert_int_equal(suite_mkdir(store, "o"), 0);
	fake->hook = write_and_recreate;
	assert_int_equal(suite_apply(store, &rmdir), -ENOTEMPTY);
	suite_expect(store, "s/o/\ns/o/k S newer\ns/o/l S theirs\n");
	store_free(store);
}

static enum fake_fate add_before_transaction(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)body;
	if (strcmp(operation, "TransactWriteItems") == 0)
		their_write(fake, "o", "new");
	return FAKE_DO;
}

static enum fake_fate change_before_transaction(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)body;
	if (strcmp(operation, "TransactWriteItems") == 0)
		their_write(fake, "o", "a");
	return FAKE_DO;
}

static void test_rename_dir_race(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change move = { .kind = CHANGE_RENAME_DIR,
			       .from = suite_place("s", "o", NULL),
			       .to = suite_place("s", "p", NULL) };

	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "a", "1"), 0);
	fake->hook = change_before_transaction;
	assert_int_equal(suite_apply(store, &move), -ESTALE);
	suite_expect(store, "s/o/\ns/o/a S theirs\n");
	fake->hook = add_before_transaction;
	assert_int_equal(suite_apply(store, &move), 0);
	suite_expect(store, "s/o/\ns/o/new S theirs\ns/p/\ns/p/a S theirs\n");
	store_free(store);
}

static enum fake_fate target_before_transaction(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)body;
	if (strcmp(operation, "TransactWriteItems") == 0)
		their_write(fake, "p", "a");
	return FAKE_DO;
}

/* What another host writes to the empty target meanwhile is not written over. */
static void test_rename_dir_target_race(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change move = { .kind = CHANGE_RENAME_DIR,
			       .from = suite_place("s", "o", NULL),
			       .to = suite_place("s", "p", NULL) };

	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_mkdir(store, "p"), 0);
	assert_int_equal(suite_put(store, "o", "a", "1"), 0);
	fake->hook = target_before_transaction;
	assert_int_equal(suite_apply(store, &move), -ENOTEMPTY);
	suite_expect(store, "s/o/\ns/o/a S 1\ns/p/\ns/p/a S theirs\n");
	store_free(store);
}

static void test_rename_dir_too_many(void **state)
{
	struct store *store = fake_dynamodb_open(*state);
	struct change move = { .kind = CHANGE_RENAME_DIR,
			       .from = suite_place("s", "o", NULL),
			       .to = suite_place("s", "p", NULL) };
	char key[16];

	assert_int_equal(suite_mkdir(store, "o"), 0);
	for (int i = 0; i < 90; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(suite_put(store, "o", key, "v"), 0);
	}
	assert_int_equal(suite_apply(store, &move), 0);
	assert_int_equal(suite_put(store, "p", "k90", "v"), 0);
	move.from = suite_place("s", "p", NULL);
	move.to = suite_place("s", "q", NULL);
	assert_int_equal(suite_apply(store, &move), -EXDEV);
	store_free(store);
}

static void test_remembers_no_transactions(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct change rename = { .kind = CHANGE_RENAME,
				 .from = suite_place("s", "o", "a"),
				 .to = suite_place("s", "p", "a"),
				 .value = suite_text("1"),
				 .expected = suite_text("1") };

	fake->transactions = false;
	assert_int_equal(suite_apply(store, &rename), -EXDEV);
	unsigned before = fake->requests;
	assert_int_equal(suite_apply(store, &rename), -EXDEV);
	assert_int_equal(fake->requests, before);
	store_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_dynamodb_make, fake_dynamodb_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lost_put),
		TEST(test_lost_others),
		TEST(test_lost_rename_across),
		TEST(test_unknown),
		TEST(test_rmdir_race),
		TEST(test_rmdir_race_recreated),
		TEST(test_rename_dir_race),
		TEST(test_rename_dir_target_race),
		TEST(test_rename_dir_too_many),
		TEST(test_remembers_no_transactions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
