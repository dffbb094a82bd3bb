/* SPDX-License-Identifier: Apache-2.0 */
/* Whole options as files. */
#include "tests/unit/fake_mount.h"

#include "fs/document.h"
#include "fs/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CHANGES(f) buf_text(&(f)->stores[0]->changes)
#define BEFORE "{\n  \"k\": \"old\",\n  \"n\": 1\n}\n"

static void test_a_document_shows_an_option_and_a_store(void **state)
{
	struct fake *f = *state;
	struct attr attr;

	assert_shown(f, "s/o/%json", BEFORE);
	assert_shown(f, "s/o/%env", "k=old\nn=1\n");
	assert_shown(f, "s/%json", "{\n  \"o\": {\n    \"k\": \"old\",\n    \"n\": 1\n  }\n}\n");
	assert_int_equal(fake_lookup(f, "s/%env", &attr), -ENOENT);
	assert_int_equal(fake_lookup(f, "s/o/%json", &attr), 0);
	assert_int_equal(attr.size, strlen(BEFORE));
	assert_true(attr.attr_ttl > 0 && id_is_document(attr.id));
}

static void test_a_document_is_one_change(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "s/o/%json", "{\"k\":\"new\",\"m\":true}\n"), 0);
	assert_string_equal(CHANGES(f), "replace s/o\n");
	assert_value(f, "s/o/k", "new");
	assert_value(f, "s/o/m", "true");
	assert_value(f, "s/o/n", NULL);
	assert_shown(f, "s/o/%json", "{\n  \"k\": \"new\",\n  \"m\": true\n}\n");
	assert_int_equal(fake_echo(f, "s/o/%json", "{\"m\":true,\"k\":\"new\"}"), 0);
	assert_string_equal(CHANGES(f), "replace s/o\n");
}

static void test_a_lost_race_changes_nothing(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/o/n", VALUE_N, "2");
	assert_int_equal(fake_echo(f, "s/o/%json", "{\"k\":\"new\",\"n\":1}"), -ESTALE);
	assert_string_equal(CHANGES(f), "replace s/o (refused)\n");
	assert_shown(f, "s/o/%json", BEFORE);
	assert_stored(f, "s/o/k", "old");
}

static void test_the_kernel_is_told_of_documents_that_it_holds(void **state)
{
	struct fake *f = *state;

	fake_start(f, FAKE_WORKERS | FAKE_NOTIFIER);
	uint64_t json = fake_id(f, "s/o/%json"), store = fake_id(f, "s/%json");
	uint64_t env = document_id(document_owner(json), DOCUMENT_ENV);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "other");
	fake_load(f);
	fake_until_told(f);
	assert_true(fake_was_told(f, "data", json, ""));
	assert_true(fake_was_told(f, "data", store, ""));
	assert_false(fake_was_told(f, "data", env, ""));
	fake_forget_told(f);
	fake_load(f);
	fake_until_told(f);
	assert_int_equal(fake_n_told(f), 0);
}

static void test_what_the_kernel_wrote_itself_changes_documents_only(void **state)
{
	struct fake *f = *state;

	fake_start(f, FAKE_WORKERS | FAKE_NOTIFIER);
	uint64_t json = fake_id(f, "s/o/%json"), key = fake_id(f, "s/o/k");
	assert_int_equal(fake_echo(f, "s/o/k", "mine"), 0);
	fake_until_told(f);
	assert_true(fake_was_told(f, "data", json, ""));
	assert_false(fake_was_told(f, "data", key, ""));
}

static void test_documents_follow_their_option(void **state)
{
	struct fake *f = *state;
	uint64_t before = fake_id(f, "s/o/%json");

	assert_int_equal(fake_rename(f, "s/o", "s/p"), 0);
	assert_int_equal(fake_id(f, "s/p/%json"), before);
	assert_int_equal(fake_mkdir(f, "s/o"), 0);
	assert_int_not_equal(fake_id(f, "s/o/%json"), before);
	assert_shown(f, "s/o/%json", "{}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_document_shows_an_option_and_a_store, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_a_document_is_one_change, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_a_lost_race_changes_nothing, fake_setup, fake_teardown),
		cmocka_unit_test_setup_teardown(test_the_kernel_is_told_of_documents_that_it_holds, fake_setup,
						fake_teardown),
		cmocka_unit_test_setup_teardown(test_what_the_kernel_wrote_itself_changes_documents_only, fake_setup,
						fake_teardown),
		cmocka_unit_test_setup_teardown(test_documents_follow_their_option, fake_setup, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
