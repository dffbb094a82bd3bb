/* SPDX-License-Identifier: Apache-2.0 */
/* Making, removing, types, and what belongs to the host. */
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES(f) buf_text(&(f)->stores[0]->changes)

static void test_options_are_made_and_removed(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_mkdir(f, "s/p"), 0);
	assert_non_null(fake_store_row(f->stores[0], "s/p"));
	assert_int_equal(fake_mkdir(f, "s/p"), -EEXIST);
	assert_int_equal(fake_rmdir(f, "s/p"), 0);
	assert_null(fake_store_row(f->stores[0], "s/p"));
	assert_int_equal(fake_id(f, "s/p"), 0);
	assert_int_equal(fake_rmdir(f, "s/p"), -ENOENT);
	assert_string_equal(CHANGES(f), "mkdir s/p\nrmdir s/p\n");
}

static void test_an_option_with_keys_is_not_removed(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_rmdir(f, "s/o"), -ENOTEMPTY);
	assert_int_equal(fake_mkdir(f, "s/p"), 0);
	fake_store_set(f->stores[0], "s/p/k", VALUE_S, "theirs");
	assert_int_equal(fake_rmdir(f, "s/p"), -ENOTEMPTY);
	assert_stored(f, "s/p/k", "theirs");
	assert_int_equal(f->sources[0].wanted, 1);
}

static void test_what_has_no_place_in_the_layout_is_refused(void **state)
{
	struct fake *f = *state;
	struct handle *h;

	assert_int_equal(fake_mkdir(f, "s/o/d"), -EPERM);
	assert_int_equal(fake_try_open(f, "file", O_WRONLY | O_CREAT, &h), -EPERM);
	assert_int_equal(fake_try_open(f, "s/file", O_WRONLY | O_CREAT, &h), -EPERM);
	assert_int_equal(fake_unlink(f, "s/o"), -EISDIR);
	assert_int_equal(fake_rmdir(f, "s/o/k"), -ENOTDIR);
	assert_int_equal(fake_unlink(f, "s"), -EPERM);
}

static void test_names_that_cannot_be_are_refused(void **state)
{
	static const char *const names[] = { "%zz", "%41", "\xff", "_store", "_option" };
	struct fake *f = *state;
	struct handle *h;
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "s/o/%s", names[i]);
		assert_int_equal(fake_try_open(f, path, O_WRONLY | O_CREAT, &h), -EINVAL);
	}
	assert_int_equal(fake_mkdir(f, "s/%zz"), -EINVAL);
	assert_int_equal(fake_mkdir(f, "%zz"), -EINVAL);
}

static void test_removing_is_one_change(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_unlink(f, "s/o/k"), 0);
	assert_value(f, "s/o/k", NULL);
	assert_string_equal(CHANGES(f), "remove s/o/k\n");
	assert_int_equal(fake_unlink(f, "s/o/k"), -ENOENT);
}

static void test_a_key_removed_elsewhere_goes_here_too(void **state)
{
	struct fake *f = *state;

	fake_store_drop(f->stores[0], "s/o/k");
	assert_int_equal(fake_unlink(f, "s/o/k"), -ENOENT);
	assert_shown(f, "s/o/k", NULL);
}

static void test_a_removal_that_fails_changes_nothing(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_APPLY, EACCES, 1, false);
	assert_int_equal(fake_unlink(f, "s/o/k"), -EACCES);
	assert_value(f, "s/o/k", "old");
}

static int mknod_at(struct fake *f, const char *path, mode_t mode, struct attr *attr)
{
	struct call c = fake_call_name(f, CALL_MKNOD, path);

	c.mode = mode;
	int r = fake_run(f, &c);
	*attr = c.attr;
	return r;
}

static void test_mknod_makes_a_key_at_once(void **state)
{
	struct fake *f = *state;
	struct attr attr;

	assert_int_equal(mknod_at(f, "s/o/new", S_IFREG | 0644, &attr), 0);
	assert_value(f, "s/o/new", "");
	assert_true(attr.id == fake_id(f, "s/o/new"));
	assert_int_equal(mknod_at(f, "s/o/new", S_IFREG | 0644, &attr), -EEXIST);
	assert_int_equal(mknod_at(f, "s/o/pipe", S_IFIFO | 0644, &attr), -EPERM);
	fake_store_fail(f->stores[0], FAKE_APPLY, EIO, 1, false);
	assert_true(mknod_at(f, "s/o/other", S_IFREG | 0644, &attr) < 0);
	assert_value(f, "s/o/other", NULL);
	assert_int_equal(f->mount.n_handles, 0);
}

static void test_new_stores_go_to_the_default_source(void **state)
{
	struct fake *f = *state;

	fake_load(f);
	f->settings.default_source = f->source_settings[1].name;
	assert_int_equal(fake_mkdir(f, "t"), 0);
	assert_int_equal(fake_mkdir(f, "t/o"), 0);
	assert_non_null(fake_store_row(f->stores[1], "t/o"));
	assert_int_equal(fake_mkdir(f, "t"), -EEXIST);
}

static void test_a_type_is_changed(void **state)
{
	struct fake *f = *state;
	char type[256];

	fake_echo(f, "s/o/k", "80\n");
	assert_int_equal(fake_setxattr(f, "s/o/k", "user.dynconf.type", "N"), 0);
	assert_int_equal(fake_store_row(f->stores[0], "s/o/k")->type, VALUE_N);
	assert_int_equal(fake_getxattr(f, "s/o/k", "user.dynconf.type", type), 0);
	assert_string_equal(type, "N");
	assert_int_equal(fake_setxattr(f, "s/o/k", "user.dynconf.type", "BOOL"), -EINVAL);
	assert_int_equal(fake_setxattr(f, "s/o/k", "user.dynconf.type", "X"), -EINVAL);
	assert_int_equal(fake_setxattr(f, "s/o/k", "user.other", "x"), -EPERM);
	assert_int_equal(fake_setxattr(f, "s/o/k", "security.x", "x"), -EOPNOTSUPP);
	assert_value(f, "s/o/k", "80");
}

static void test_a_type_is_chosen_for_a_new_empty_key(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_touch(f, "s/o/new"), 0);
	assert_int_equal(fake_setxattr(f, "s/o/new", "user.dynconf.type", "N"), 0);
	assert_int_equal(fake_echo(f, "s/o/new", "no\n"), -EINVAL);
	assert_int_equal(fake_echo(f, "s/o/new", "80\n"), 0);
	assert_int_equal(fake_store_row(f->stores[0], "s/o/new")->type, VALUE_N);
}

static void test_extended_attributes_tell_where_a_value_is_from(void **state)
{
	struct fake *f = *state;
	char text[256];

	fake_getxattr(f, "s/o/k", "user.dynconf.store", text);
	assert_string_equal(text, "s");
	fake_getxattr(f, "s/o/k", "user.dynconf.option", text);
	assert_string_equal(text, "o");
	fake_getxattr(f, "s/o/k", "user.dynconf.key", text);
	assert_string_equal(text, "k");
	fake_getxattr(f, "s/o/k", "user.dynconf.origin", text);
	assert_string_equal(text, "live");
	fake_store_fail(f->stores[0], FAKE_LOAD, EIO, 1, false);
	fake_load(f);
	fake_getxattr(f, "s/o/k", "user.dynconf.origin", text);
	assert_string_equal(text, "stale");
	assert_int_equal(fake_getxattr(f, "s/o", "user.dynconf.key", text), -ENODATA);
	assert_int_equal(fake_getxattr(f, "s/o/k", "security.capability", text), -EOPNOTSUPP);
}

static int set_attr(struct fake *f, const char *path, unsigned set, struct attr wish)
{
	struct call c = fake_call(CALL_SETATTR);

	c.node = fake_id(f, path);
	c.set = set;
	c.wish = wish;
	return fake_run(f, &c);
}

static void test_mode_owner_and_times_stay_on_this_host(void **state)
{
	struct fake *f = *state;
	struct attr attr, wish = { .mode = 0600, .uid = 7, .gid = 8, .mtime = 5 * CLOCK_SECOND };

	assert_int_equal(set_attr(f, "s/o/k", SET_MODE | SET_UID | SET_GID | SET_MTIME, wish), 0);
	fake_stat(f, "s/o/k", &attr);
	assert_int_equal(attr.mode, S_IFREG | 0600);
	assert_int_equal(attr.uid, 7);
	assert_int_equal(attr.gid, 8);
	assert_true(attr.mtime == 5 * CLOCK_SECOND);
	assert_string_equal(CHANGES(f), "");
	fake_rename(f, "s/o/k", "s/o/j");
	fake_stat(f, "s/o/j", &attr);
	assert_int_equal(attr.uid, 7);
	/* A newer value shows its own time. */
	fake_move_clock(f, CLOCK_SECOND);
	fake_echo(f, "s/o/j", "v");
	fake_stat(f, "s/o/j", &attr);
	assert_true(attr.mtime == f->clock.wall);
	assert_int_equal(attr.uid, 7);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_options_are_made_and_removed),
		UNIT(test_an_option_with_keys_is_not_removed),
		UNIT(test_what_has_no_place_in_the_layout_is_refused),
		UNIT(test_names_that_cannot_be_are_refused),
		UNIT(test_removing_is_one_change),
		UNIT(test_a_key_removed_elsewhere_goes_here_too),
		UNIT(test_a_removal_that_fails_changes_nothing),
		UNIT(test_mknod_makes_a_key_at_once),
		cmocka_unit_test_setup_teardown(test_new_stores_go_to_the_default_source, fake_setup_two,
						fake_teardown),
		UNIT(test_a_type_is_changed),
		UNIT(test_a_type_is_chosen_for_a_new_empty_key),
		UNIT(test_extended_attributes_tell_where_a_value_is_from),
		UNIT(test_mode_owner_and_times_stay_on_this_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
