/* SPDX-License-Identifier: Apache-2.0 */
/* Renaming, backups, and files with temporary names. */
#include "tests/unit/fake_mount.h"

#include "fs/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES(f) buf_text(&(f)->stores[0]->changes)
#define STORED_TYPE(f, path) (fake_store_row((f)->stores[0], path)->type)

enum { EDITOR = 1 };

/* As programs do that replace a file safely. */
static int write_temporary(struct fake *f, const char *path, const char *text)
{
	struct handle *h = fake_open(f, path, O_WRONLY | O_CREAT | O_EXCL);

	assert_int_equal(fake_write(f, h, EDITOR, text, 0), 0);
	return fake_close(f, h, EDITOR);
}

/* Files whose time is over are stored, on the workers. */
static void store_overdue(struct fake *f)
{
	struct mount *m = &f->mount;

	assert_int_equal(workers_new(2, &m->workers), 0);
	fake_move_clock(f, FACT_TEMPORARY + CLOCK_SECOND);
	vfs_store_temporary(&f->sources[0], false);
	workers_free(m->workers);
	m->workers = NULL;
	fake_settle(f);
}

static void test_a_temporary_file_stays_in_memory(void **state)
{
	struct fake *f = *state;
	char origin[256];

	assert_int_equal(write_temporary(f, "s/o/sedABCDEF", "v\n"), 0);
	assert_stored(f, "s/o/sedABCDEF", NULL);
	assert_shown(f, "s/o/sedABCDEF", "v");
	fake_getxattr(f, "s/o/sedABCDEF", "user.dynconf.origin", origin);
	assert_string_equal(origin, "memory");
	assert_int_equal(fake_unlink(f, "s/o/sedABCDEF"), 0);
	assert_shown(f, "s/o/sedABCDEF", NULL);
	assert_int_equal(f->stores[0]->calls[FAKE_APPLY], 0);
}

static void test_only_exclusive_creation_makes_a_temporary_file(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "s/o/k~", "v\n"), 0);
	assert_value(f, "s/o/k~", "v");
}

static void test_a_temporary_file_renamed_onto_a_key_is_one_update_of_its_type(void **state)
{
	struct fake *f = *state;

	write_temporary(f, "s/o/sedABCDEF", "80\n");
	assert_int_equal(fake_rename(f, "s/o/sedABCDEF", "s/o/n"), 0);
	assert_value(f, "s/o/n", "80");
	assert_value(f, "s/o/sedABCDEF", NULL);
	assert_int_equal(STORED_TYPE(f, "s/o/n"), VALUE_N);
	assert_string_equal(CHANGES(f), "put s/o/n=80\n");
}

static void test_a_rename_onto_a_key_of_another_type_is_refused(void **state)
{
	struct fake *f = *state;

	write_temporary(f, "s/o/sedABCDEF", "many\n");
	assert_int_equal(fake_rename(f, "s/o/sedABCDEF", "s/o/n"), -EINVAL);
	assert_value(f, "s/o/n", "1");
	assert_shown(f, "s/o/sedABCDEF", "many");
}

static void test_a_temporary_file_renamed_before_it_is_closed(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/sedABCDEF", O_WRONLY | O_CREAT | O_EXCL);

	assert_int_equal(fake_write(f, h, EDITOR, "new", 0), 0);
	assert_int_equal(fake_rename(f, "s/o/sedABCDEF", "s/o/k"), 0);
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_value(f, "s/o/k", "new");
}

static void test_a_temporary_file_synced_and_renamed_before_it_is_closed(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/sedABCDEF", O_WRONLY | O_CREAT | O_EXCL);

	assert_int_equal(fake_write(f, h, EDITOR, "new", 0), 0);
	assert_int_equal(fake_fsync(f, h), 0);
	assert_int_equal(fake_rename(f, "s/o/sedABCDEF", "s/o/k"), 0);
	assert_value(f, "s/o/k", "new");
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_value(f, "s/o/k", "new");
}

static void test_a_temporary_file_is_stored_after_a_minute(void **state)
{
	struct fake *f = *state;

	write_temporary(f, "s/o/sedABCDEF", "v\n");
	assert_true(vfs_store_temporary(&f->sources[0], false) == f->clock.mono + FACT_TEMPORARY);
	store_overdue(f);
	assert_value(f, "s/o/sedABCDEF", "v");
	assert_true(vfs_store_temporary(&f->sources[0], false) == INT64_MAX);
}

static void test_a_temporary_file_that_cannot_be_stored_is_tried_again(void **state)
{
	struct fake *f = *state;

	write_temporary(f, "s/o/sedABCDEF", "v\n");
	fake_store_fail(f->stores[0], FAKE_APPLY, ETIMEDOUT, 1, false);
	store_overdue(f);
	assert_stored(f, "s/o/sedABCDEF", NULL);
	assert_shown(f, "s/o/sedABCDEF", "v");
	store_overdue(f);
	assert_value(f, "s/o/sedABCDEF", "v");
}

/* An editor's swap file is open for as long as the editor runs. */
static void test_a_temporary_file_open_for_more_than_a_minute_keeps_its_writes(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/.k.swp", O_RDWR | O_CREAT | O_EXCL);

	assert_int_equal(fake_write(f, h, EDITOR, "page", 0), 0);
	store_overdue(f);
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_value(f, "s/o/.k.swp", "page");
}

/* A temporary file is being stored: the store has it, and its answer is on its way. */

static void begin_storing(struct fake *f)
{
	assert_int_equal(workers_new(4, &f->mount.workers), 0);
	fake_store_close(f->stores[0], FAKE_APPLY, FAKE_AFTER);
	fake_move_clock(f, FACT_TEMPORARY + CLOCK_SECOND);
	vfs_store_temporary(&f->sources[0], false);
	fake_store_wait(f->stores[0], FAKE_APPLY, FAKE_AFTER, 1);
}

static void end_storing(struct fake *f)
{
	fake_store_open(f->stores[0], FAKE_APPLY, FAKE_AFTER);
	workers_free(f->mount.workers);
	f->mount.workers = NULL;
	fake_settle(f);
}

static void test_a_write_while_a_temporary_file_is_being_stored_is_not_lost(void **state)
{
	struct fake *f = *state;

	write_temporary(f, "s/o/sedABCDEF", "one\n");
	struct handle *h = fake_open(f, "s/o/sedABCDEF", O_WRONLY | O_TRUNC);
	begin_storing(f);
	fake_write(f, h, EDITOR, "two\n", 0);
	struct call flush = fake_call_handle(CALL_FLUSH, h, EDITOR);
	int r = fake_step(f, &flush);
	end_storing(f);
	if (r == CALL_BLOCKS)
		r = fake_finish(f, &flush);
	assert_int_equal(r, 0);
	fake_release(f, h);
	assert_shown(f, "s/o/sedABCDEF", "two");
	store_overdue(f);
	assert_value(f, "s/o/sedABCDEF", "two");
}

static void test_a_temporary_file_removed_while_it_is_being_stored_stays_away(void **state)
{
	struct fake *f = *state;

	write_temporary(f, "s/o/sedABCDEF", "one\n");
	struct call c = fake_call_name(f, CALL_UNLINK, "s/o/sedABCDEF");
	begin_storing(f);
	int r = fake_step(f, &c);
	end_storing(f);
	if (r == CALL_BLOCKS)
		r = fake_finish(f, &c);
	assert_int_equal(r, 0);
	assert_value(f, "s/o/sedABCDEF", NULL);
}

static void test_a_backup_stays_in_the_store_under_its_old_name(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_rename(f, "s/o/n", "s/o/n~"), 0);
	assert_int_equal(f->stores[0]->calls[FAKE_APPLY], 0);
	assert_shown(f, "s/o/n", NULL);
	assert_shown(f, "s/o/n~", "1");
	fake_move_clock(f, CLOCK_SECOND);
	fake_load(f);
	assert_shown(f, "s/o/n", NULL);
	assert_shown(f, "s/o/n~", "1");
}

/* vim with backupcopy=no. */
static void test_a_file_written_in_place_of_a_backup_is_one_update_of_its_type(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/n", "s/o/n~");
	assert_int_equal(fake_echo(f, "s/o/n", "2\n"), 0);
	assert_int_equal(fake_unlink(f, "s/o/n~"), 0);
	assert_value(f, "s/o/n", "2");
	assert_value(f, "s/o/n~", NULL);
	assert_int_equal(STORED_TYPE(f, "s/o/n"), VALUE_N);
	assert_string_equal(CHANGES(f), "put s/o/n=2\n");
}

/* cp --backup, install --backup. */
static void test_exclusive_creation_in_place_of_a_backup(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/n", "s/o/n~");
	struct handle *h = fake_open(f, "s/o/n", O_WRONLY | O_CREAT | O_EXCL);
	assert_int_equal(fake_write(f, h, EDITOR, "2\n", 0), 0);
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_value(f, "s/o/n", "2");
	assert_int_equal(STORED_TYPE(f, "s/o/n"), VALUE_N);
}

static void test_a_temporary_file_renamed_in_place_of_a_backup_keeps_the_type(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/n", "s/o/n~");
	write_temporary(f, "s/o/sedABCDEF", "2\n");
	assert_int_equal(fake_rename(f, "s/o/sedABCDEF", "s/o/n"), 0);
	assert_value(f, "s/o/n", "2");
	assert_int_equal(STORED_TYPE(f, "s/o/n"), VALUE_N);
	store_overdue(f);
	assert_value(f, "s/o/n~", "1");
	assert_value(f, "s/o/n", "2");
}

static void test_a_backup_renamed_back_changes_nothing(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/n", "s/o/n~");
	assert_int_equal(fake_rename(f, "s/o/n~", "s/o/n"), 0);
	assert_value(f, "s/o/n", "1");
	assert_shown(f, "s/o/n~", NULL);
	store_overdue(f);
	fake_load(f);
	assert_value(f, "s/o/n", "1");
	assert_string_equal(CHANGES(f), "");
}

static void test_a_backup_is_renamed_in_the_store_after_a_minute(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/n", "s/o/n~");
	store_overdue(f);
	assert_value(f, "s/o/n", NULL);
	assert_value(f, "s/o/n~", "1");
	assert_int_equal(STORED_TYPE(f, "s/o/n~"), VALUE_N);
	assert_string_equal(CHANGES(f), "rename s/o/n s/o/n~\n");
}

static void test_a_backup_that_is_removed_goes_from_the_store(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/n", "s/o/n~");
	assert_int_equal(fake_unlink(f, "s/o/n~"), 0);
	assert_value(f, "s/o/n", NULL);
	assert_value(f, "s/o/n~", NULL);
	fake_store_set(f->stores[0], "s/o/n", VALUE_N, "9");
	fake_move_clock(f, CLOCK_SECOND);
	fake_load(f);
	assert_shown(f, "s/o/n", "9");
}

static void test_a_write_to_a_backup_is_kept(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/k", "s/o/k~");
	assert_int_equal(fake_echo(f, "s/o/k~", "new\n"), 0);
	store_overdue(f);
	assert_value(f, "s/o/k~", "new");
	assert_value(f, "s/o/k", NULL);
}

static void test_a_backup_that_was_written_and_renamed_back_is_stored(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/k", "s/o/k~");
	assert_int_equal(fake_echo(f, "s/o/k~", "new\n"), 0);
	assert_int_equal(fake_rename(f, "s/o/k~", "s/o/k"), 0);
	assert_value(f, "s/o/k", "new");
}

static void test_a_backup_that_was_written_can_be_renamed(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/k", "s/o/k~");
	assert_int_equal(fake_echo(f, "s/o/k~", "new\n"), 0);
	assert_int_equal(fake_rename(f, "s/o/k~", "s/o/z"), 0);
	assert_value(f, "s/o/z", "new");
	assert_value(f, "s/o/k", NULL);
}

static void test_a_file_renamed_over_a_backup_takes_the_key_away(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/k", "s/o/k~");
	assert_int_equal(fake_rename(f, "s/o/n", "s/o/k~"), 0);
	assert_value(f, "s/o/k~", "1");
	assert_value(f, "s/o/n", NULL);
	assert_value(f, "s/o/k", NULL);
}

static void test_a_backup_changed_elsewhere_is_not_renamed(void **state)
{
	struct fake *f = *state;

	fake_rename(f, "s/o/k", "s/o/k~");
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	store_overdue(f);
	fake_move_clock(f, CLOCK_SECOND);
	fake_load(f);
	assert_value(f, "s/o/k", "theirs");
	assert_value(f, "s/o/k~", NULL);
}

static void test_a_rename_within_an_option_is_one_update(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_rename(f, "s/o/n", "s/o/m"), 0);
	assert_value(f, "s/o/m", "1");
	assert_value(f, "s/o/n", NULL);
	assert_int_equal(STORED_TYPE(f, "s/o/m"), VALUE_N);
	assert_string_equal(CHANGES(f), "rename s/o/n s/o/m\n");
}

static void test_a_rename_of_a_key_changed_elsewhere_is_stale(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/o/n", VALUE_N, "2");
	assert_int_equal(fake_rename(f, "s/o/n", "s/o/m"), -ESTALE);
	assert_stored(f, "s/o/n", "2");
	assert_value(f, "s/o/m", NULL);
}

static void test_a_rename_that_fails_changes_nothing(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_APPLY, EXDEV, 1, false);
	assert_int_equal(fake_rename(f, "s/o/k", "s/o/j"), -EXDEV);
	assert_value(f, "s/o/k", "old");
	assert_value(f, "s/o/j", NULL);
}

static void test_rename_without_replacing(void **state)
{
	struct fake *f = *state;
	struct call c = fake_call_rename(f, "s/o/k", "s/o/n");

	c.flags = RENAME_NOREPLACE;
	assert_int_equal(fake_run(f, &c), -EEXIST);
	assert_value(f, "s/o/n", "1");
	fake_store_set(f->stores[0], "s/o/j", VALUE_S, "theirs");
	c = fake_call_rename(f, "s/o/k", "s/o/j");
	c.flags = RENAME_NOREPLACE;
	assert_int_equal(fake_run(f, &c), -EEXIST);
	assert_stored(f, "s/o/j", "theirs");
	c = fake_call_rename(f, "s/o/k", "s/o/n");
	c.flags = RENAME_EXCHANGE;
	assert_int_equal(fake_run(f, &c), -EINVAL);
}

static void test_a_rename_to_another_depth_is_refused(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_rename(f, "s/o/k", "s/p"), -EPERM);
	assert_int_equal(fake_rename(f, "s/o", "s/o/p"), -EPERM);
	assert_int_equal(fake_rename(f, "s/o", "t"), -EPERM);
	assert_int_equal(fake_rename(f, "s", "t"), -EXDEV);
	assert_int_equal(fake_rename(f, "s/o/none", "s/o/p"), -ENOENT);
}

static void test_a_rename_of_an_option_takes_its_keys_along(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);
	uint64_t option = fake_id(f, "s/o"), key = fake_id(f, "s/o/k");

	assert_int_equal(fake_rename(f, "s/o", "s/p"), 0);
	assert_shown(f, "s/o/k", NULL);
	assert_value(f, "s/p/k", "old");
	assert_true(fake_id(f, "s/p") == option);
	assert_true(fake_id(f, "s/p/k") == key);
	fake_write(f, h, EDITOR, "v", 0);
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_value(f, "s/p/k", "v");
	assert_stored(f, "s/o", NULL);
}

static void test_a_rename_of_an_option_shows_what_the_store_moved(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/o/added", VALUE_S, "theirs");
	assert_int_equal(fake_rename(f, "s/o", "s/p"), 0);
	assert_value(f, "s/p/added", "theirs");
}

static void test_an_option_is_not_renamed_over_one_with_keys(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/p/x", VALUE_S, "x");
	assert_int_equal(fake_rename(f, "s/o", "s/p"), -ENOTEMPTY);
	fake_load(f);
	assert_int_equal(fake_rename(f, "s/o", "s/p"), -ENOTEMPTY);
	assert_value(f, "s/p/x", "x");
	assert_value(f, "s/o/k", "old");
}

static void test_an_open_file_follows_its_rename(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY);
	uint64_t id = fake_id(f, "s/o/k");

	assert_int_equal(fake_rename(f, "s/o/k", "s/o/j"), 0);
	assert_true(fake_id(f, "s/o/j") == id);
	fake_write(f, h, EDITOR, "new", 0);
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_value(f, "s/o/j", "new");
	assert_value(f, "s/o/k", NULL);
}

static void test_ids_stay_with_their_files(void **state)
{
	struct fake *f = *state;
	struct handle *held[2] = { fake_open(f, "s/o/k", O_RDONLY) };
	uint64_t old = fake_id(f, "s/o/k");
	char text[256];

	write_temporary(f, "s/o/sedABCDEF", "one\n");
	uint64_t one = fake_id(f, "s/o/sedABCDEF");
	assert_int_equal(fake_rename(f, "s/o/sedABCDEF", "s/o/k"), 0);
	assert_true(fake_id(f, "s/o/k") == one);
	held[1] = fake_open(f, "s/o/k", O_RDONLY);
	write_temporary(f, "s/o/sedABCDEF", "two\n");
	uint64_t two = fake_id(f, "s/o/sedABCDEF");
	assert_true(two != one && two != old && one != old);
	assert_int_equal(fake_rename(f, "s/o/sedABCDEF", "s/o/k"), 0);
	assert_true(fake_id(f, "s/o/k") == two);
	write_temporary(f, "s/o/sedABCDEF", "three\n");
	uint64_t three = fake_id(f, "s/o/sedABCDEF");
	assert_true(three != two && three != one && three != old);
	fake_read(f, held[0], text);
	assert_string_equal(text, "old");
	fake_read(f, held[1], text);
	assert_string_equal(text, "one");
	fake_close(f, held[0], EDITOR);
	fake_close(f, held[1], EDITOR);
	assert_value(f, "s/o/k", "two");
}

static void test_a_file_renamed_there_and_back_has_its_id(void **state)
{
	struct fake *f = *state;
	uint64_t id = fake_id(f, "s/o/k");

	fake_rename(f, "s/o/k", "s/o/j");
	fake_echo(f, "s/o/k", "other");
	uint64_t other = fake_id(f, "s/o/k");
	assert_true(other != id);
	fake_rename(f, "s/o/k", "s/o/i");
	fake_rename(f, "s/o/j", "s/o/k");
	assert_true(fake_id(f, "s/o/k") == id);
	assert_true(fake_id(f, "s/o/i") == other);
}

/* install(1), and mv(1) across filesystems. */
static void test_a_key_removed_and_made_anew_keeps_its_type(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_unlink(f, "s/o/n"), 0);
	struct handle *h = fake_open(f, "s/o/n", O_WRONLY | O_CREAT | O_EXCL);
	fake_write(f, h, EDITOR, "2\n", 0);
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_int_equal(STORED_TYPE(f, "s/o/n"), VALUE_N);
	assert_int_equal(fake_unlink(f, "s/o/n"), 0);
	h = fake_open(f, "s/o/n", O_WRONLY | O_CREAT | O_EXCL);
	fake_write(f, h, EDITOR, "text\n", 0);
	assert_int_equal(fake_close(f, h, EDITOR), 0);
	assert_int_equal(STORED_TYPE(f, "s/o/n"), VALUE_S);
}

static void test_stores_of_two_sources_are_apart(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "old");
	fake_store_set(f->stores[1], "t/o/k", VALUE_S, "other");
	fake_load(f);
	assert_int_equal(fake_rename(f, "s/o/k", "t/o/j"), -EXDEV);
	assert_int_equal(fake_rename(f, "s/o", "t/p"), -EXDEV);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
#define UNIT_TWO(test) cmocka_unit_test_setup_teardown(test, fake_setup_two, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_a_temporary_file_stays_in_memory),
		UNIT(test_only_exclusive_creation_makes_a_temporary_file),
		UNIT(test_a_temporary_file_renamed_onto_a_key_is_one_update_of_its_type),
		UNIT(test_a_rename_onto_a_key_of_another_type_is_refused),
		UNIT(test_a_temporary_file_renamed_before_it_is_closed),
		UNIT(test_a_temporary_file_synced_and_renamed_before_it_is_closed),
		UNIT(test_a_temporary_file_is_stored_after_a_minute),
		UNIT(test_a_temporary_file_that_cannot_be_stored_is_tried_again),
		UNIT(test_a_temporary_file_open_for_more_than_a_minute_keeps_its_writes),
		UNIT(test_a_write_while_a_temporary_file_is_being_stored_is_not_lost),
		UNIT(test_a_temporary_file_removed_while_it_is_being_stored_stays_away),
		UNIT(test_a_backup_stays_in_the_store_under_its_old_name),
		UNIT(test_a_file_written_in_place_of_a_backup_is_one_update_of_its_type),
		UNIT(test_exclusive_creation_in_place_of_a_backup),
		UNIT(test_a_temporary_file_renamed_in_place_of_a_backup_keeps_the_type),
		UNIT(test_a_backup_renamed_back_changes_nothing),
		UNIT(test_a_backup_is_renamed_in_the_store_after_a_minute),
		UNIT(test_a_backup_that_is_removed_goes_from_the_store),
		UNIT(test_a_write_to_a_backup_is_kept),
		UNIT(test_a_backup_that_was_written_and_renamed_back_is_stored),
		UNIT(test_a_backup_that_was_written_can_be_renamed),
		UNIT(test_a_file_renamed_over_a_backup_takes_the_key_away),
		UNIT(test_a_backup_changed_elsewhere_is_not_renamed),
		UNIT(test_a_rename_within_an_option_is_one_update),
		UNIT(test_a_rename_of_a_key_changed_elsewhere_is_stale),
		UNIT(test_a_rename_that_fails_changes_nothing),
		UNIT(test_rename_without_replacing),
		UNIT(test_a_rename_to_another_depth_is_refused),
		UNIT(test_a_rename_of_an_option_takes_its_keys_along),
		UNIT(test_a_rename_of_an_option_shows_what_the_store_moved),
		UNIT(test_an_option_is_not_renamed_over_one_with_keys),
		UNIT(test_an_open_file_follows_its_rename),
		UNIT(test_ids_stay_with_their_files),
		UNIT(test_a_file_renamed_there_and_back_has_its_id),
		UNIT(test_a_key_removed_and_made_anew_keeps_its_type),
		UNIT_TWO(test_stores_of_two_sources_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
