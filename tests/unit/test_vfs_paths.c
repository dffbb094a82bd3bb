/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of the path layout: by the keys in them, and in memory. The store is the embedded one. */
#include "fs/refresh.h"
#include "fs/store_sqlite.h"
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/dynconf-unit-XXXXXX", file[64];

/* One path source, "one", alone: the root itself. A load that is not consistent may be an old one. */
static int setup(void **state)
{
	struct fake *f = fake_new(1);
	struct store_call call = { .deadline = INT64_MAX, .timeout = 60 * CLOCK_SECOND, .cancel_fd = -1 };

	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/local.db", folder);
	f->source_settings[0].layout = LAYOUT_PATH;
	f->source_settings[0].root = ROOT_YES;
	assert_int_equal(store_sqlite_new(file, LAYOUT_PATH, &f->sources[0].store, NULL), 0);
	assert_int_equal(store_open(f->sources[0].store, &call, NULL), 0);
	mount_lock(&f->mount);
	f->mount.root = view_add_locked(&f->sources[0], "one", 3);
	pthread_mutex_unlock(&f->mount.lock);
	fake_load(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fake *f = *state;
	struct store *unused = &f->stores[0]->base;

	fake_free(f);
	store_free(unused);
	unlink(file);
	rmdir(folder);
	return 0;
}

static void expect_list(struct fake *f, const char *path, const char *names)
{
	char out[256];

	assert_int_equal(fake_list(f, path, 100, out, sizeof(out)), 0);
	assert_string_equal(out, names);
}

static void later_load(struct fake *f)
{
	fake_move_clock(f, 60 * CLOCK_SECOND);
	fake_load(f);
}

static void test_the_root_holds_keys_and_directories(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "top", "1"), 0);
	assert_int_equal(fake_mkdir(f, "a"), 0);
	assert_int_equal(fake_mkdir(f, "a/b"), 0);
	assert_int_equal(fake_echo(f, "a/b/k", "2"), 0);
	later_load(f);
	assert_shown(f, "top", "1");
	assert_shown(f, "a/b/k", "2");
	assert_int_equal(fake_mkdir(f, ".control"), -EINVAL);
	assert_int_equal(fake_mkdir(f, "%value"), -EINVAL);
	assert_int_equal(fake_mkdir(f, "top"), -EEXIST);
}

static void test_directories_made_here_stay_until_rmdir(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_mkdir(f, "a"), 0);
	assert_int_equal(fake_mkdir(f, "a/b"), 0);
	later_load(f);
	expect_list(f, "a", "b ");
	assert_int_equal(fake_rmdir(f, "a"), -ENOTEMPTY);
	assert_int_equal(fake_rmdir(f, "a/b"), 0);
	later_load(f);
	expect_list(f, "a", "");
	assert_int_equal(fake_rmdir(f, "a"), 0);
	later_load(f);
	assert_int_equal(fake_id(f, "a"), 0);
}

static void test_directories_emptied_here_stay(void **state)
{
	struct fake *f = *state;

	fake_mkdir(f, "a");
	assert_int_equal(fake_echo(f, "a/k", "1"), 0);
	later_load(f);
	assert_int_equal(fake_unlink(f, "a/k"), 0);
	later_load(f);
	expect_list(f, "a", "");
}

/* What `rm -r` did is not undone by a load that had begun before. */
static void test_an_older_load_brings_nothing_back(void **state)
{
	struct fake *f = *state;

	fake_mkdir(f, "a");
	assert_int_equal(fake_echo(f, "a/k", "1"), 0);
	later_load(f);
	mount_lock(&f->mount);
	struct snapshot *old = snapshot_ref(f->mount.root->current);
	pthread_mutex_unlock(&f->mount.lock);
	int64_t began = f->clock.mono + 1;
	fake_move_clock(f, CLOCK_SECOND);
	assert_int_equal(fake_unlink(f, "a/k"), 0);
	assert_int_equal(fake_rmdir(f, "a"), 0);
	mount_lock(&f->mount);
	assert_int_equal(view_loaded_locked(f->mount.root, old, began, began, false), 0);
	pthread_mutex_unlock(&f->mount.lock);
	assert_int_equal(fake_id(f, "a"), 0);
	later_load(f);
	assert_int_equal(fake_id(f, "a"), 0);
}

static void test_a_directory_moves_with_all_below(void **state)
{
	struct fake *f = *state;

	fake_mkdir(f, "a");
	fake_mkdir(f, "a/b");
	fake_mkdir(f, "a/empty");
	assert_int_equal(fake_echo(f, "a/b/k", "1"), 0);
	assert_int_equal(fake_echo(f, "a/b/%value", "own"), 0);
	uint64_t file_id = fake_id(f, "a/b/k"), directory_id = fake_id(f, "a/b");
	assert_int_equal(fake_rename(f, "a", "c"), 0);
	assert_true(fake_id(f, "c/b/k") == file_id && fake_id(f, "c/b") == directory_id);
	assert_int_equal(fake_id(f, "a"), 0);
	later_load(f);
	assert_shown(f, "c/b/k", "1");
	assert_shown(f, "c/b/%value", "own");
	expect_list(f, "c/empty", "");
	assert_int_equal(fake_id(f, "a"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_root_holds_keys_and_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directories_made_here_stay_until_rmdir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directories_emptied_here_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_older_load_brings_nothing_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_directory_moves_with_all_below, setup, teardown),
	};

	return cmocka_run_group_tests_name("vfs_paths", tests, NULL, NULL);
}
