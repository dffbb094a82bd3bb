/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of an open file, without a mount. */
#include "fs/handle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	struct handle *h = handle_new(HANDLE_VALUE);

	h->writes = h->known = true;
	h->limit = 100;
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	handle_free(*state);
	return 0;
}

static int put(struct handle *h, const char *text, int64_t offset)
{
	return handle_write(h, text, strlen(text), offset, 1, NULL);
}

static void test_nothing_written_is_nothing_to_commit(void **state)
{
	struct handle *h = *state;

	assert_int_equal(handle_begin(h, VALUE_S, "old", 3, NULL), 0);
	assert_false(handle_flush_commits(h, 1));
	assert_false(handle_release_commits(h));
}

static void test_a_truncation_waits_for_release(void **state)
{
	struct handle *h = *state;

	handle_begin_empty(h);
	assert_false(handle_flush_commits(h, 1));
	assert_true(handle_release_commits(h));
	assert_false(h->derived);
}

static void test_a_hole_is_filled_with_zeros(void **state)
{
	struct handle *h = *state;

	handle_begin_empty(h);
	assert_int_equal(put(h, "x", 3), 0);
	assert_int_equal(h->work.len, 4);
	assert_memory_equal(h->work.data, "\0\0\0x", 4);
	assert_int_equal(handle_truncate(h, 1, NULL), 0);
	assert_int_equal(put(h, "y", 2), 0);
	assert_memory_equal(h->work.data, "\0\0y", 3);
}

static void test_bytes_of_the_old_value_make_it_conditional(void **state)
{
	struct handle *h = *state;

	handle_begin(h, VALUE_S, "old", 3, NULL);
	assert_true(h->derived);
	put(h, "x", 1);
	assert_string_equal(buf_text(&h->work), "oxd");
	assert_int_equal(handle_truncate(h, 0, NULL), 0);
	assert_false(h->derived);
}

static void test_a_failed_handle_does_nothing_any_more(void **state)
{
	struct handle *h = *state;

	handle_begin_empty(h);
	assert_int_equal(put(h, "x", 101), -EFBIG);
	assert_int_equal(put(h, "x", 0), -EFBIG);
	assert_int_equal(handle_truncate(h, 0, NULL), -EFBIG);
	assert_false(handle_flush_commits(h, 1));
	assert_false(handle_release_commits(h));
}

static void test_the_limit_leaves_room_for_a_newline(void **state)
{
	struct handle *h = *state;
	char text[102];

	memset(text, 'x', 100);
	strcpy(text + 100, "\n");
	handle_begin_empty(h);
	assert_int_equal(put(h, text, 0), 0);
	assert_int_equal(value_stored_length(h->type, h->newline, buf_text(&h->work), h->work.len), 100);
	assert_int_equal(put(h, "y", 101), -EFBIG);
}

static void test_offsets_that_overflow_are_refused(void **state)
{
	struct handle *h = *state;

	handle_begin_empty(h);
	assert_int_equal(put(h, "x", INT64_MAX), -EFBIG);
	h->failed = 0;
	assert_int_equal(put(h, "x", -1), -EFBIG);
	assert_int_equal(h->work.len, 0);
}

static void test_a_prefix_of_no_value_is_refused_piece_by_piece(void **state)
{
	struct handle *h = *state;

	h->type = VALUE_BOOL;
	handle_begin_empty(h);
	assert_int_equal(put(h, "tr", 0), 0);
	assert_int_equal(put(h, "ue\n", 2), 0);
	assert_int_equal(put(h, "x", 5), -EINVAL);
}

static void test_what_is_written_during_a_commit_stays_to_be_committed(void **state)
{
	struct handle *h = *state;

	handle_begin_empty(h);
	put(h, "a\n", 0);
	uint64_t version = h->version;
	put(h, "b\n", 2);
	handle_committed(h, version, VALUE_S, "a", 1);
	assert_true(handle_flush_commits(h, 1));
	handle_committed(h, h->version, VALUE_S, "a\nb\n", 4);
	assert_false(handle_flush_commits(h, 1));
	assert_false(handle_release_commits(h));
}

static void test_an_append_goes_to_the_end_whatever_the_offset(void **state)
{
	struct handle *h = *state;

	h->append = true;
	handle_begin(h, VALUE_S, "a\nb\n", 4, NULL);
	assert_int_equal(put(h, "c\n", 0), 0);
	assert_int_equal(put(h, "d\n", 1), 0);
	assert_string_equal(buf_text(&h->work), "a\nb\nc\nd\n");
}

static void test_the_line_break_comes_back_once(void **state)
{
	struct handle *h = *state;

	h->append = true;
	handle_begin(h, VALUE_S, "a", 1, NULL);
	put(h, "b\n", 0);
	put(h, "c", 0);
	put(h, "d\n", 0);
	assert_string_equal(buf_text(&h->work), "a\nb\ncd\n");
}

static void begin_append(struct handle *h, const char *old, const char *added)
{
	h->append = true;
	assert_int_equal(handle_begin(h, VALUE_S, old, strlen(old), NULL), 0);
	assert_int_equal(put(h, added, (int64_t)strlen(old)), 0);
}

static void rebase(struct handle *h, const char *newest, const char *expected)
{
	handle_rebase(h, VALUE_S, newest, strlen(newest));
	assert_string_equal(buf_text(&h->work), expected);
	assert_string_equal(buf_text(&h->base), newest);
}

static void test_what_is_appended_goes_behind_the_newest_value(void **state)
{
	struct handle *h = *state;

	begin_append(h, "a\n", "c\n");
	rebase(h, "a\nb\n", "a\nb\nc\n");
	rebase(h, "", "c\n");
}

static void test_the_line_break_between_is_the_newest_values(void **state)
{
	struct handle *h = *state;

	begin_append(h, "a", "c\n");
	assert_string_equal(buf_text(&h->work), "a\nc\n");
	rebase(h, "z", "z\nc\n");
	rebase(h, "p\nq\n", "p\nq\nc\n");
	rebase(h, "z", "z\nc\n");
}

static void test_only_what_was_appended_since_the_last_commit_moves(void **state)
{
	struct handle *h = *state;

	begin_append(h, "a\n", "b\n");
	handle_committed(h, h->version, VALUE_S, "a\nb\n", 4);
	assert_int_equal(put(h, "c\n", 4), 0);
	rebase(h, "a\nb\nx\n", "a\nb\nx\nc\n");
}

static void test_a_handle_that_was_read_through_keeps_to_what_was_read(void **state)
{
	struct handle *h = *state;

	begin_append(h, "a\n", "b\n");
	h->looked = true;
	handle_rebase(h, VALUE_S, "x\n", 2);
	assert_string_equal(buf_text(&h->work), "a\nb\n");
	assert_string_equal(buf_text(&h->base), "a\n");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_nothing_written_is_nothing_to_commit),
		UNIT(test_a_truncation_waits_for_release),
		UNIT(test_a_hole_is_filled_with_zeros),
		UNIT(test_what_is_appended_goes_behind_the_newest_value),
		UNIT(test_the_line_break_between_is_the_newest_values),
		UNIT(test_only_what_was_appended_since_the_last_commit_moves),
		UNIT(test_a_handle_that_was_read_through_keeps_to_what_was_read),
		UNIT(test_bytes_of_the_old_value_make_it_conditional),
		UNIT(test_a_failed_handle_does_nothing_any_more),
		UNIT(test_the_limit_leaves_room_for_a_newline),
		UNIT(test_offsets_that_overflow_are_refused),
		UNIT(test_a_prefix_of_no_value_is_refused_piece_by_piece),
		UNIT(test_what_is_written_during_a_commit_stays_to_be_committed),
		UNIT(test_an_append_goes_to_the_end_whatever_the_offset),
		UNIT(test_the_line_break_comes_back_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
