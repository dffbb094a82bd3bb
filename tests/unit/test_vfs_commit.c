/* SPDX-License-Identifier: Apache-2.0 */
/* When an open file is committed, and how. */
#include "tests/unit/fake_mount.h"

#include "fs/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES(f) buf_text(&(f)->stores[0]->changes)

enum { SHELL = 1, CHILD = 2, OTHER = 3 };

static void test_echo_stores_one_line_without_its_newline(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "s/o/k", "new\n"), 0);
	assert_value(f, "s/o/k", "new");
	assert_string_equal(CHANGES(f), "put s/o/k=new\n");
}

static void test_flush_commits_only_when_the_closing_owner_wrote(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_flush(f, h, SHELL);
	assert_string_equal(CHANGES(f), "");
	assert_int_equal(fake_write(f, h, SHELL, "a\n", 0), 0);
	fake_flush(f, h, CHILD);
	assert_string_equal(CHANGES(f), "");
	assert_stored(f, "s/o/k", "old");
	assert_int_equal(fake_flush(f, h, SHELL), 0);
	assert_value(f, "s/o/k", "a");
	fake_release(f, h);
	assert_string_equal(CHANGES(f), "put s/o/k=a\n");
}

static void test_writers_in_turn_store_each_stage(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_write(f, h, CHILD, "a\n", 0);
	fake_flush(f, h, CHILD);
	assert_value(f, "s/o/k", "a");
	fake_write(f, h, OTHER, "b\n", 2);
	fake_flush(f, h, OTHER);
	assert_value(f, "s/o/k", "a\nb\n");
	fake_write(f, h, SHELL, "c\n", 4);
	fake_flush(f, h, OTHER);
	assert_stored(f, "s/o/k", "a\nb\n");
	fake_close(f, h, SHELL);
	assert_value(f, "s/o/k", "a\nb\nc\n");
}

static void test_more_writers_than_are_counted_all_commit(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	for (uint64_t owner = 1; owner <= HANDLE_WRITERS + 2; owner++)
		assert_int_equal(fake_write(f, h, owner, "x", (int64_t)owner - 1), 0);
	fake_flush(f, h, 99);
	assert_stored(f, "s/o/k", "xxxxxxxxxx");
	fake_release(f, h);
}

static void test_release_commits_what_no_flush_did(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_write(f, h, CHILD, "v", 0);
	fake_flush(f, h, SHELL);
	assert_stored(f, "s/o/k", "old");
	fake_release(f, h);
	assert_value(f, "s/o/k", "v");
}

static void test_truncation_alone_waits_for_release(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_flush(f, h, SHELL);
	assert_value(f, "s/o/k", "old");
	fake_release(f, h);
	assert_value(f, "s/o/k", "");
}

static void test_fsync_commits_a_truncation(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	assert_int_equal(fake_fsync(f, h), 0);
	assert_value(f, "s/o/k", "");
	fake_close(f, h, SHELL);
	assert_string_equal(CHANGES(f), "put s/o/k=\n");
}

static void test_truncation_to_a_length_commits_at_flush(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY);

	assert_int_equal(fake_ftruncate(f, h, 2), 0);
	assert_int_equal(fake_flush(f, h, OTHER), 0);
	assert_value(f, "s/o/k", "ol");
	assert_string_equal(CHANGES(f), "put s/o/k=ol if unchanged\n");
	fake_release(f, h);
}

static void test_touch_makes_an_empty_key_at_release(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/new", O_WRONLY | O_CREAT);

	fake_flush(f, h, SHELL);
	assert_stored(f, "s/o/new", NULL);
	assert_shown(f, "s/o/new", "");
	fake_release(f, h);
	assert_value(f, "s/o/new", "");
}

/* What happens to the RELEASE of `: > k` or `touch k` while a later command runs: it is still on its way, it waits for
 * a worker, or it is done. */
enum release { RELEASE_LATER, RELEASE_QUEUED, RELEASE_DONE, RELEASES };

struct closing {
	struct call call;
	enum release when;
};

static struct closing close_when(struct fake *f, struct handle *h, enum release when)
{
	struct closing closing = { fake_call_handle(CALL_RELEASE, h, 0), when };

	fake_flush(f, h, SHELL);
	if (when == RELEASE_QUEUED)
		assert_int_equal(fake_step(f, &closing.call), CALL_BLOCKS);
	else if (when == RELEASE_DONE)
		assert_int_equal(fake_run(f, &closing.call), 0);
	return closing;
}

/* A call that comes after: where it blocks behind the queued release, that is what a worker does first. */
static int run_after(struct fake *f, struct closing *closing, struct call *c)
{
	int r = fake_step(f, c);

	if (r == CALL_BLOCKS && closing->when == RELEASE_QUEUED) {
		assert_int_equal(c->strands[0] == closing->call.strands[0] || c->strands[1] == closing->call.strands[0],
				 1);
		assert_int_equal(fake_finish(f, &closing->call), 0);
		closing->when = RELEASE_DONE;
	}
	if (r == CALL_BLOCKS)
		r = fake_finish(f, c);
	fake_settle(f);
	call_deinit(c);
	return r;
}

static void end_release(struct fake *f, struct closing *closing)
{
	if (closing->when == RELEASE_LATER)
		assert_int_equal(fake_run(f, &closing->call), 0);
	else if (closing->when == RELEASE_QUEUED)
		assert_int_equal(fake_finish(f, &closing->call), 0);
	call_deinit(&closing->call);
}

static void test_a_write_wins_over_an_earlier_truncation(void **state)
{
	struct fake *f = *state;

	for (enum release when = 0; when < RELEASES; when++) {
		struct closing first = close_when(f, fake_open(f, "s/o/k", O_WRONLY | O_TRUNC), when);
		struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);
		assert_int_equal(fake_write(f, h, SHELL, "v\n", 0), 0);
		struct call flush = fake_call_handle(CALL_FLUSH, h, SHELL);
		assert_int_equal(run_after(f, &first, &flush), 0);
		fake_release(f, h);
		end_release(f, &first);
		assert_value(f, "s/o/k", "v");
	}
}

static void test_a_removal_wins_over_an_earlier_touch(void **state)
{
	struct fake *f = *state;

	for (enum release when = 0; when < RELEASES; when++) {
		struct closing first = close_when(f, fake_open(f, "s/o/t", O_WRONLY | O_CREAT), when);
		struct call c = fake_call_name(f, CALL_UNLINK, "s/o/t");
		assert_int_equal(run_after(f, &first, &c), 0);
		end_release(f, &first);
		assert_value(f, "s/o/t", NULL);
	}
}

static void test_a_removal_wins_over_an_earlier_truncation(void **state)
{
	struct fake *f = *state;

	for (enum release when = 0; when < RELEASES; when++) {
		fake_echo(f, "s/o/t", "v");
		struct closing first = close_when(f, fake_open(f, "s/o/t", O_WRONLY | O_TRUNC), when);
		struct call c = fake_call_name(f, CALL_UNLINK, "s/o/t");
		assert_int_equal(run_after(f, &first, &c), 0);
		end_release(f, &first);
		assert_value(f, "s/o/t", NULL);
	}
}

static void test_a_touched_file_that_is_renamed_is_stored(void **state)
{
	struct fake *f = *state;

	for (enum release when = 0; when < RELEASES; when++) {
		struct closing first = close_when(f, fake_open(f, "s/o/a", O_WRONLY | O_CREAT), when);
		struct call c = fake_call_rename(f, "s/o/a", "s/o/b");
		assert_int_equal(run_after(f, &first, &c), 0);
		end_release(f, &first);
		assert_value(f, "s/o/a", NULL);
		assert_value(f, "s/o/b", "");
		assert_int_equal(fake_unlink(f, "s/o/b"), 0);
	}
}

static void test_a_truncated_key_that_is_renamed_is_empty(void **state)
{
	struct fake *f = *state;

	for (enum release when = 0; when < RELEASES; when++) {
		fake_echo(f, "s/o/a", "v");
		struct closing first = close_when(f, fake_open(f, "s/o/a", O_WRONLY | O_TRUNC), when);
		struct call c = fake_call_rename(f, "s/o/a", "s/o/b");
		assert_int_equal(run_after(f, &first, &c), 0);
		end_release(f, &first);
		assert_value(f, "s/o/a", NULL);
		assert_value(f, "s/o/b", "");
	}
}

static void test_a_touched_file_renamed_over_a_key_empties_it(void **state)
{
	struct fake *f = *state;

	for (enum release when = 0; when < RELEASES; when++) {
		fake_echo(f, "s/o/b", "v");
		struct closing first = close_when(f, fake_open(f, "s/o/a", O_WRONLY | O_CREAT), when);
		struct call c = fake_call_rename(f, "s/o/a", "s/o/b");
		assert_int_equal(run_after(f, &first, &c), 0);
		end_release(f, &first);
		assert_value(f, "s/o/a", NULL);
		assert_value(f, "s/o/b", "");
	}
}

static void test_a_failed_write_commits_nothing(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/n", O_WRONLY | O_TRUNC);

	assert_int_equal(fake_write(f, h, SHELL, "12x\n", 0), -EINVAL);
	assert_int_equal(fake_write(f, h, SHELL, "12\n", 0), -EINVAL);
	assert_int_equal(fake_close(f, h, SHELL), 0);
	assert_value(f, "s/o/n", "1");
	assert_string_equal(CHANGES(f), "");
}

static void test_a_value_that_is_incomplete_fails_at_close(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "s/o/n", "1e\n"), -EINVAL);
	assert_value(f, "s/o/n", "1");
	assert_string_equal(CHANGES(f), "");
}

static void test_a_refused_commit_leaves_the_old_value(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_APPLY, EACCES, 1, false);
	assert_int_equal(fake_echo(f, "s/o/k", "new\n"), -EACCES);
	assert_value(f, "s/o/k", "old");
	assert_int_equal(f->mount.last_error.number, EACCES);
}

static void test_a_key_that_could_not_be_created_is_not_there(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_APPLY, EIO, 1, false);
	assert_int_equal(fake_echo(f, "s/o/new", "v\n"), -EIO);
	assert_value(f, "s/o/new", NULL);
}

static void test_a_new_key_whose_write_failed_is_not_there(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/new", O_WRONLY | O_CREAT);

	assert_int_equal(fake_write(f, h, SHELL, "v", ITEM_SIZE_MAX + 1), -EFBIG);
	fake_close(f, h, SHELL);
	assert_value(f, "s/o/new", NULL);
}

static void test_a_write_at_an_offset_is_conditional(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY);

	assert_int_equal(fake_write(f, h, SHELL, "X", 1), 0);
	assert_int_equal(fake_close(f, h, SHELL), 0);
	assert_string_equal(CHANGES(f), "put s/o/k=oXd if unchanged\n");
}

static void test_a_write_after_a_read_through_the_handle_is_conditional(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_RDWR);
	char was[256];

	assert_int_equal(fake_read(f, h, was), 0);
	assert_string_equal(was, "old");
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	assert_int_equal(fake_ftruncate(f, h, 3), 0);
	assert_int_equal(fake_write(f, h, SHELL, "new", 0), 0);
	assert_int_equal(fake_close(f, h, SHELL), -ESTALE);
	assert_stored(f, "s/o/k", "theirs");
}

static void test_a_lost_race_is_stale_and_changes_nothing(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	assert_int_equal(fake_append(f, "s/o/k", "x\n"), -ESTALE);
	assert_stored(f, "s/o/k", "theirs");
}

static void test_a_whole_value_is_written_whatever_is_there(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	assert_int_equal(fake_echo(f, "s/o/k", "mine\n"), 0);
	assert_value(f, "s/o/k", "mine");
}

static void test_a_write_into_a_removed_option_is_stale(void **state)
{
	struct fake *f = *state;

	fake_store_drop(f->stores[0], "s/o");
	assert_int_equal(fake_echo(f, "s/o/k", "v\n"), -ESTALE);
	assert_stored(f, "s/o", NULL);
}

static void test_an_append_puts_the_line_break_back(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_append(f, "s/o/k", "more\n"), 0);
	assert_value(f, "s/o/k", "old\nmore\n");
	assert_int_equal(fake_append(f, "s/o/k", "again\n"), 0);
	assert_value(f, "s/o/k", "old\nmore\nagain\n");
}

static void test_an_append_of_part_of_a_line_breaks_nothing(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_append(f, "s/o/k", "er"), 0);
	assert_value(f, "s/o/k", "older");
}

static void test_one_handle_keeps_the_bytes_as_written(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/new", O_WRONLY | O_CREAT | O_APPEND);

	fake_write(f, h, CHILD, "a\n", 0);
	fake_flush(f, h, CHILD);
	assert_value(f, "s/o/new", "a");
	fake_write(f, h, OTHER, "b\n", 0);
	assert_int_equal(fake_close(f, h, OTHER), 0);
	assert_value(f, "s/o/new", "a\nb\n");
}

static void test_newline_modes(void **state)
{
	static const struct {
		enum newline_mode mode;
		const char *written, *stored;
	} rows[] = {
		{ NEWLINE_AUTO, "a\n", "a" },        { NEWLINE_AUTO, "a\nb\n", "a\nb\n" },
		{ NEWLINE_AUTO, "a", "a" },          { NEWLINE_STRIP, "a\n", "a" },
		{ NEWLINE_STRIP, "a\nb\n", "a\nb" }, { NEWLINE_STRIP, "a\n\n", "a\n" },
		{ NEWLINE_EXACT, "a\n", "a\n" },     { NEWLINE_EXACT, "a\nb\n", "a\nb\n" },
	};
	struct fake *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f->source_settings[0].newline = rows[i].mode;
		assert_int_equal(fake_echo(f, "s/o/k", rows[i].written), 0);
		assert_value(f, "s/o/k", rows[i].stored);
	}
}

static void test_a_write_keeps_the_type(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "s/o/n", " 80 \n"), 0);
	assert_value(f, "s/o/n", "80");
	assert_int_equal(fake_store_row(f->stores[0], "s/o/n")->type, VALUE_N);
}

static void test_a_new_key_is_text_or_binary(void **state)
{
	struct fake *f = *state;

	fake_echo(f, "s/o/text", "1");
	assert_int_equal(fake_store_row(f->stores[0], "s/o/text")->type, VALUE_S);
	fake_echo(f, "s/o/bytes", "\xff\xfe");
	assert_int_equal(fake_store_row(f->stores[0], "s/o/bytes")->type, VALUE_B);
}

static void test_what_is_too_large_fails_in_write(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	assert_int_equal(fake_write(f, h, SHELL, "v", ITEM_SIZE_MAX), -EFBIG);
	fake_close(f, h, SHELL);
	assert_value(f, "s/o/k", "old");
	assert_int_equal(fake_truncate(f, "s/o/k", ITEM_SIZE_MAX + 1), -EFBIG);
}

static void test_a_read_only_mount_changes_nothing(void **state)
{
	struct fake *f = *state;
	struct handle *h;

	f->settings.read_only = true;
	assert_int_equal(fake_try_open(f, "s/o/k", O_WRONLY, &h), -EROFS);
	assert_int_equal(fake_try_open(f, "s/o/new", O_WRONLY | O_CREAT, &h), -EROFS);
	assert_int_equal(fake_truncate(f, "s/o/k", 0), -EROFS);
	assert_int_equal(fake_unlink(f, "s/o/k"), -EROFS);
	assert_int_equal(fake_mkdir(f, "s/p"), -EROFS);
	assert_int_equal(fake_mkdir(f, "t"), -EROFS);
	assert_int_equal(fake_rename(f, "s/o/k", "s/o/j"), -EROFS);
	assert_int_equal(fake_rename(f, "s/o/k", "s/o/k~"), -EROFS);
	assert_int_equal(fake_setxattr(f, "s/o/k", "user.dynconf.type", "B"), -EROFS);
	assert_int_equal(f->stores[0]->calls[FAKE_APPLY], 0);
}

static void test_a_source_in_trouble_fails_in_write_and_recovers(void **state)
{
	struct fake *f = *state;
	struct handle *h;

	fake_store_fail(f->stores[0], FAKE_APPLY, ETIMEDOUT, 1, false);
	assert_int_equal(fake_echo(f, "s/o/k", "v"), -ETIMEDOUT);
	unsigned calls = f->stores[0]->calls[FAKE_APPLY];
	h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);
	assert_int_equal(fake_write(f, h, SHELL, "v", 0), -ETIMEDOUT);
	fake_close(f, h, SHELL);
	assert_int_equal(fake_try_open(f, "s/o/new", O_WRONLY | O_CREAT, &h), -ETIMEDOUT);
	assert_int_equal(fake_unlink(f, "s/o/k"), -ETIMEDOUT);
	assert_int_equal(f->stores[0]->calls[FAKE_APPLY], calls);
	fake_move_clock(f, 6 * CLOCK_SECOND);
	assert_int_equal(fake_echo(f, "s/o/k", "v"), 0);
	assert_value(f, "s/o/k", "v");
	assert_int_equal(fake_unlink(f, "s/o/k"), 0);
}

static void test_a_load_that_succeeds_ends_the_trouble(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_APPLY, EIO, 1, false);
	assert_int_equal(fake_echo(f, "s/o/k", "v"), -EIO);
	fake_load(f);
	assert_int_equal(fake_echo(f, "s/o/k", "v"), 0);
}

static int sync_key(struct fake *f, const char *path)
{
	struct handle *h = fake_open(f, path, O_RDONLY);
	int r = fake_fsync(f, h);

	fake_close(f, h, SHELL);
	return r;
}

static void test_fsync_tells_of_a_failed_close_once(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_APPLY, EBUSY, 1, false);
	assert_int_equal(fake_echo(f, "s/o/k", "v"), -EBUSY);
	assert_int_equal(sync_key(f, "s/o/n"), 0);
	assert_int_equal(sync_key(f, "s/o/k"), -EBUSY);
	assert_int_equal(sync_key(f, "s/o/k"), 0);
}

static void test_many_failures_of_a_key_are_told_once(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_APPLY, EBUSY, 5, false);
	for (int i = 0; i < 5; i++)
		assert_int_equal(fake_echo(f, "s/o/k", "v"), -EBUSY);
	assert_int_equal(sync_key(f, "s/o/k"), -EBUSY);
	assert_int_equal(sync_key(f, "s/o/k"), 0);
}

static void test_a_failure_that_fsync_returned_is_not_told_again(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_write(f, h, SHELL, "v", 0);
	fake_store_fail(f->stores[0], FAKE_APPLY, EBUSY, 1, false);
	assert_int_equal(fake_fsync(f, h), -EBUSY);
	fake_close(f, h, SHELL);
	assert_int_equal(sync_key(f, "s/o/k"), 0);
}

static void test_commit_write_commits_in_every_write(void **state)
{
	struct fake *f = *state;

	f->settings.commit = COMMIT_WRITE;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);
	assert_int_equal(fake_write(f, h, SHELL, "a\n", 0), 0);
	assert_value(f, "s/o/k", "a");
	fake_store_fail(f->stores[0], FAKE_APPLY, EACCES, 1, false);
	assert_int_equal(fake_write(f, h, SHELL, "b\n", 2), -EACCES);
	fake_close(f, h, SHELL);
	assert_value(f, "s/o/k", "a");
}

static void test_o_sync_commits_in_every_write(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_SYNC);

	assert_int_equal(fake_write(f, h, SHELL, "new", 0), 0);
	assert_value(f, "s/o/k", "new");
	fake_close(f, h, SHELL);
	assert_string_equal(CHANGES(f), "put s/o/k=new if unchanged\n");
}

static void test_truncate_by_name_is_one_commit(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_truncate(f, "s/o/k", 5), 0);
	assert_int_equal(fake_store_row(f->stores[0], "s/o/k")->len, 5);
	assert_int_equal(fake_truncate(f, "s/o/k", 1), 0);
	assert_value(f, "s/o/k", "o");
	assert_int_equal(fake_truncate(f, "s/o/k", 0), 0);
	assert_value(f, "s/o/k", "");
	assert_int_equal(fake_truncate(f, "s/o/n", 0), -EINVAL);
	assert_value(f, "s/o/n", "1");
}

static void test_exclusive_creation_fails_where_another_host_was_first(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/lock", O_WRONLY | O_CREAT | O_EXCL);

	fake_write(f, h, SHELL, "me", 0);
	fake_store_set(f->stores[0], "s/o/lock", VALUE_S, "they");
	assert_int_equal(fake_close(f, h, SHELL), -EEXIST);
	assert_stored(f, "s/o/lock", "they");
}

static void test_an_unfinished_write_reaches_no_other_reader(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_RDWR | O_TRUNC);
	struct attr attr;
	char own[256];

	fake_write(f, h, SHELL, "half", 0);
	assert_shown(f, "s/o/k", "old");
	assert_int_equal(fake_stat(f, "s/o/k", &attr), 0);
	assert_int_equal(attr.size, 3);
	fake_read(f, h, own);
	assert_string_equal(own, "half");
	fake_close(f, h, SHELL);
	assert_shown(f, "s/o/k", "half");
}

static void test_writers_to_different_keys_do_not_undo_each_other(void **state)
{
	struct fake *f = *state;
	struct handle *a = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC), *b = fake_open(f, "s/o/n", O_WRONLY | O_TRUNC);

	fake_write(f, a, SHELL, "a", 0);
	fake_write(f, b, SHELL, "2", 0);
	fake_close(f, b, SHELL);
	fake_close(f, a, SHELL);
	assert_value(f, "s/o/k", "a");
	assert_value(f, "s/o/n", "2");
}

static void test_units_that_writes_use_are_counted(void **state)
{
	struct fake *f = *state;

	fake_echo(f, "s/o/k", "v");
	fake_echo(f, "s/o/k", "w");
	assert_int_equal((int)f->mount.views[0]->write_units, 2);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_echo_stores_one_line_without_its_newline),
		UNIT(test_flush_commits_only_when_the_closing_owner_wrote),
		UNIT(test_writers_in_turn_store_each_stage),
		UNIT(test_more_writers_than_are_counted_all_commit),
		UNIT(test_release_commits_what_no_flush_did),
		UNIT(test_truncation_alone_waits_for_release),
		UNIT(test_fsync_commits_a_truncation),
		UNIT(test_truncation_to_a_length_commits_at_flush),
		UNIT(test_touch_makes_an_empty_key_at_release),
		UNIT(test_a_write_wins_over_an_earlier_truncation),
		UNIT(test_a_removal_wins_over_an_earlier_touch),
		UNIT(test_a_removal_wins_over_an_earlier_truncation),
		UNIT(test_a_touched_file_that_is_renamed_is_stored),
		UNIT(test_a_truncated_key_that_is_renamed_is_empty),
		UNIT(test_a_touched_file_renamed_over_a_key_empties_it),
		UNIT(test_a_failed_write_commits_nothing),
		UNIT(test_a_value_that_is_incomplete_fails_at_close),
		UNIT(test_a_refused_commit_leaves_the_old_value),
		UNIT(test_a_key_that_could_not_be_created_is_not_there),
		UNIT(test_a_new_key_whose_write_failed_is_not_there),
		UNIT(test_a_write_at_an_offset_is_conditional),
		UNIT(test_a_write_after_a_read_through_the_handle_is_conditional),
		UNIT(test_a_lost_race_is_stale_and_changes_nothing),
		UNIT(test_a_whole_value_is_written_whatever_is_there),
		UNIT(test_a_write_into_a_removed_option_is_stale),
		UNIT(test_an_append_puts_the_line_break_back),
		UNIT(test_an_append_of_part_of_a_line_breaks_nothing),
		UNIT(test_one_handle_keeps_the_bytes_as_written),
		UNIT(test_newline_modes),
		UNIT(test_a_write_keeps_the_type),
		UNIT(test_a_new_key_is_text_or_binary),
		UNIT(test_what_is_too_large_fails_in_write),
		UNIT(test_a_read_only_mount_changes_nothing),
		UNIT(test_a_source_in_trouble_fails_in_write_and_recovers),
		UNIT(test_a_load_that_succeeds_ends_the_trouble),
		UNIT(test_fsync_tells_of_a_failed_close_once),
		UNIT(test_many_failures_of_a_key_are_told_once),
		UNIT(test_a_failure_that_fsync_returned_is_not_told_again),
		UNIT(test_commit_write_commits_in_every_write),
		UNIT(test_o_sync_commits_in_every_write),
		UNIT(test_truncate_by_name_is_one_commit),
		UNIT(test_exclusive_creation_fails_where_another_host_was_first),
		UNIT(test_an_unfinished_write_reaches_no_other_reader),
		UNIT(test_writers_to_different_keys_do_not_undo_each_other),
		UNIT(test_units_that_writes_use_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
