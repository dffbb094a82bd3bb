/* SPDX-License-Identifier: Apache-2.0 */
/* Looking: names, attributes, listings, stores that are read on every access. */
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As fake_setup, read on every access. */
static int setup_ttl_0(void **state)
{
	fake_setup(state);
	struct fake *f = *state;

	f->source_settings[0].ttl = 0;
	f->mount.views[0]->ttl = 0;
	return 0;
}

static void test_reading_is_served_from_memory(void **state)
{
	struct fake *f = *state;
	unsigned loads = f->stores[0]->calls[FAKE_LOAD];
	char names[256];

	assert_shown(f, "s/o/k", "old");
	assert_int_equal(fake_list(f, "s/o", 100, names, sizeof(names)), 0);
	assert_int_equal(f->stores[0]->calls[FAKE_LOAD], loads);
	assert_int_equal(f->stores[0]->calls[FAKE_OPTION], 0);
}

static void test_attributes(void **state)
{
	struct fake *f = *state;
	struct attr attr;

	assert_int_equal(fake_stat(f, "s/o/k", &attr), 0);
	assert_int_equal(attr.size, 3);
	assert_int_equal(attr.mode, S_IFREG | 0644);
	assert_true(attr.mtime == f->clock.wall);
	assert_int_equal(fake_stat(f, "s/o", &attr), 0);
	assert_int_equal(attr.mode, S_IFDIR | 0755);
}

static void test_a_name_is_absent_only_when_that_is_proven(void **state)
{
	struct fake *f = *state;
	struct attr attr;

	assert_int_equal(fake_lookup(f, "s", &attr), CALL_PARKED);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "v");
	fake_store_fail(f->stores[1], FAKE_LOAD, ETIMEDOUT, 1, false);
	fake_load(f);
	assert_shown(f, "s/o/k", "v");
	assert_int_equal(fake_lookup(f, "t", &attr), -ETIMEDOUT);
	fake_load(f);
	assert_int_equal(fake_lookup(f, "t", &attr), -ENOENT);
}

static void test_a_source_limited_to_its_stores_has_no_others(void **state)
{
	struct fake *f = *state;
	char *stores[] = { (char *)"t", NULL };
	struct attr attr;

	f->source_settings[1].stores = stores;
	mount_lock(&f->mount);
	view_add_locked(&f->sources[1], "t", 1);
	pthread_mutex_unlock(&f->mount.lock);
	fake_store_fail(f->stores[1], FAKE_LOAD, EIO, 1, false);
	fake_load(f);
	assert_int_equal(fake_lookup(f, "u", &attr), -ENOENT);
	assert_int_equal(fake_lookup(f, "t/o", &attr), -EIO);
}

static void test_a_mount_without_any_store_waits_to_be_listed(void **state)
{
	struct fake *f = *state;
	struct call c = fake_call(CALL_READDIR);

	c.node = ROOT_ID;
	assert_int_equal(fake_run(f, &c), CALL_PARKED);
}

static void test_a_listing_has_every_name_once(void **state)
{
	struct fake *f = *state;
	char names[4096], path[64];

	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "s/o/key%02d", i);
		fake_store_set(f->stores[0], path, VALUE_S, "v");
	}
	fake_load(f);
	for (size_t most = 1; most < 50; most += 7) {
		assert_int_equal(fake_list(f, "s/o", most, names, sizeof(names)), 0);
		size_t n = 0;
		for (const char *at = names; *at; at++)
			n += *at == ' ';
		assert_int_equal(n, 42);
		for (int i = 0; i < 40; i++) {
			snprintf(path, sizeof(path), "key%02d ", i);
			assert_non_null(strstr(names, path));
		}
	}
}

static bool fill_one(struct call *c, const char *name, const struct attr *attr, int64_t next)
{
	(void)attr;
	if (c->size == 0)
		return false;
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
		c->size = 0;
		snprintf(c->name, sizeof(c->name), "%s", name);
	}
	c->offset = next;
	return true;
}

/* The next name of a listing that is read one by one; "" at its end. */
static void next_name(struct fake *f, uint64_t node, int64_t *offset, char name[FILE_NAME_MAX + 1])
{
	struct call c = fake_call(CALL_READDIR);

	c.node = node;
	c.offset = *offset;
	c.size = 1;
	c.fill = fill_one;
	assert_int_equal(fake_run(f, &c), 0);
	*offset = c.offset;
	strcpy(name, c.name);
	call_deinit(&c);
}

static void test_a_listing_skips_no_name_when_others_go(void **state)
{
	struct fake *f = *state;
	char first[FILE_NAME_MAX + 1], second[FILE_NAME_MAX + 1];
	int64_t offset = 0;

	next_name(f, fake_id(f, "s/o"), &offset, first);
	char path[300];
	snprintf(path, sizeof(path), "s/o/%s", first);
	assert_int_equal(fake_unlink(f, path), 0);
	next_name(f, fake_id(f, "s/o"), &offset, second);
	assert_string_not_equal(second, "");
	assert_string_not_equal(second, first);
}

static void test_a_listing_of_the_root_skips_no_store_when_others_go(void **state)
{
	struct fake *f = *state;
	char name[FILE_NAME_MAX + 1];
	int64_t offset = 0;

	assert_int_equal(fake_mkdir(f, "a"), 0);
	assert_int_equal(fake_mkdir(f, "b"), 0);
	next_name(f, ROOT_ID, &offset, name);
	assert_string_equal(name, "s");
	next_name(f, ROOT_ID, &offset, name);
	assert_string_equal(name, "a");
	assert_int_equal(fake_rmdir(f, "a"), 0);
	next_name(f, ROOT_ID, &offset, name);
	assert_string_equal(name, "b");
}

static void test_control_is_reached_and_not_listed(void **state)
{
	struct fake *f = *state;
	char names[256];

	assert_int_equal(fake_list(f, "", 100, names, sizeof(names)), 0);
	assert_string_equal(names, "s ");
	assert_true(fake_id(f, ".control") != 0);
	f->settings.control = CONTROL_LISTED;
	fake_list(f, "", 100, names, sizeof(names));
	assert_string_equal(names, "s .control ");
	f->settings.control = CONTROL_OFF;
	assert_true(fake_id(f, ".control") == 0);
}

static void test_every_access_reads_a_store_with_ttl_0(void **state)
{
	struct fake *f = *state;
	char names[256];
	struct attr attr;

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	assert_shown(f, "s/o/k", "theirs");
	fake_store_set(f->stores[0], "s/o/new", VALUE_S, "v");
	assert_int_equal(fake_lookup(f, "s/o/new", &attr), 0);
	assert_int_equal(attr.attr_ttl, 0);
	fake_store_set(f->stores[0], "s/p/k", VALUE_S, "v");
	assert_shown(f, "s/p/k", "v");
	fake_store_set(f->stores[0], "s/o/other", VALUE_S, "v");
	assert_int_equal(fake_list(f, "s/o", 100, names, sizeof(names)), 0);
	assert_non_null(strstr(names, "other"));
	assert_true(f->stores[0]->consistent);
	fake_store_set(f->stores[0], "t/o/k", VALUE_S, "v");
	assert_shown(f, "t/o/k", "v");
	fake_store_drop(f->stores[0], "s/o/k");
	assert_shown(f, "s/o/k", NULL);
}

static int open_id(struct fake *f, uint64_t id, int flags, struct call *c)
{
	*c = fake_call(CALL_OPEN);
	c->node = id;
	c->flags = (unsigned)flags;
	return fake_run(f, c);
}

static void test_an_open_with_ttl_0_fails_when_its_fetch_fails(void **state)
{
	struct fake *f = *state;
	uint64_t id = fake_id(f, "s/o/k");
	struct attr attr;
	struct call c;

	fake_store_fail(f->stores[0], FAKE_OPTION, EIO, 2, false);
	assert_int_equal(open_id(f, id, O_RDONLY, &c), -EIO);
	assert_int_equal(fake_lookup(f, "s/o", &attr), -EIO);
	assert_int_equal(open_id(f, id, O_RDONLY, &c), 0);
	assert_true(c.direct);
	fake_release(f, c.handle);
}

static void test_a_listing_with_ttl_0_fails_when_its_fetch_fails(void **state)
{
	struct fake *f = *state;
	struct call c = fake_call(CALL_READDIR);

	c.node = fake_id(f, "s/o");
	fake_store_fail(f->stores[0], FAKE_LOAD, EACCES, 2, false);
	assert_int_equal(fake_run(f, &c), -EACCES);
	c = fake_call(CALL_READDIR);
	c.node = ROOT_ID;
	assert_int_equal(fake_run(f, &c), -EACCES);
}

static void test_stat_with_ttl_0_shows_what_was_fetched_last(void **state)
{
	struct fake *f = *state;
	uint64_t id = fake_id(f, "s/o/k");
	struct call c = fake_call(CALL_GETATTR);

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "longer");
	unsigned fetched = f->stores[0]->calls[FAKE_OPTION];
	c.node = id;
	assert_int_equal(fake_run(f, &c), 0);
	assert_int_equal(c.attr.size, 3);
	assert_int_equal(f->stores[0]->calls[FAKE_OPTION], fetched);
	assert_shown(f, "s/o/k", "longer");
	assert_int_equal(fake_run(f, &c), 0);
	assert_int_equal(c.attr.size, 6);
}

static void test_an_unlinked_file_is_read_to_its_end(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_RDONLY);
	uint64_t id = fake_id(f, "s/o/k");
	struct call c = fake_call(CALL_GETATTR);
	char text[256];

	assert_int_equal(fake_unlink(f, "s/o/k"), 0);
	assert_shown(f, "s/o/k", NULL);
	assert_int_equal(fake_echo(f, "s/o/k", "another"), 0);
	assert_true(fake_id(f, "s/o/k") != id);
	fake_read(f, h, text);
	assert_string_equal(text, "old");
	c.node = id;
	assert_int_equal(fake_run(f, &c), 0);
	assert_int_equal(c.attr.size, 3);
	fake_close(f, h, 1);
	assert_int_equal(fake_run(f, &c), -ESTALE);
	assert_value(f, "s/o/k", "another");
}

static void test_df_counts_values_and_names(void **state)
{
	struct fake *f = *state;
	struct call c = fake_call(CALL_STATFS);

	assert_int_equal(fake_run(f, &c), 0);
	assert_int_equal(c.attr.size, 4);
	assert_int_equal(c.done, 4);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
#define UNIT_TWO(test) cmocka_unit_test_setup_teardown(test, fake_setup_two, fake_teardown)
#define UNIT_TTL_0(test) cmocka_unit_test_setup_teardown(test, setup_ttl_0, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_reading_is_served_from_memory),
		UNIT(test_attributes),
		UNIT_TWO(test_a_name_is_absent_only_when_that_is_proven),
		UNIT_TWO(test_a_source_limited_to_its_stores_has_no_others),
		UNIT_TWO(test_a_mount_without_any_store_waits_to_be_listed),
		UNIT(test_a_listing_has_every_name_once),
		UNIT(test_a_listing_skips_no_name_when_others_go),
		UNIT(test_a_listing_of_the_root_skips_no_store_when_others_go),
		UNIT(test_control_is_reached_and_not_listed),
		UNIT_TTL_0(test_every_access_reads_a_store_with_ttl_0),
		UNIT_TTL_0(test_an_open_with_ttl_0_fails_when_its_fetch_fails),
		UNIT_TTL_0(test_a_listing_with_ttl_0_fails_when_its_fetch_fails),
		UNIT_TTL_0(test_stat_with_ttl_0_shows_what_was_fetched_last),
		UNIT(test_an_unlinked_file_is_read_to_its_end),
		UNIT(test_df_counts_values_and_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
