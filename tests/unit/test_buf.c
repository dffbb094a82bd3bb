/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_append(void **state)
{
	_buf_cleanup_ struct buf b = BUF_INIT(1000);

	(void)state;
	assert_string_equal("", buf_text(&b));
	buf_str(&b, "ab");
	buf_char(&b, 'c');
	buf_append(&b, "d\0e", 3);
	buf_append(&b, NULL, 0);
	buf_hex(&b, "\x00\x7f\xff", 3);
	buf_printf(&b, "-%d%%%s", 12, "x");
	assert_int_equal(0, buf_error(&b));
	assert_int_equal(17, b.len);
	assert_memory_equal("abcd\0e007fff-12%x", b.data, 17);
}

/* The bound is exact, whichever way the bytes come, and what does not fit is dropped whole. */
static void test_bound(void **state)
{
	(void)state;
	for (size_t max = 0; max < 200; max++) {
		_buf_cleanup_ struct buf b = BUF_INIT(max);
		for (size_t i = 0; i < max; i++)
			buf_char(&b, 'x');
		assert_int_equal(0, buf_error(&b));
		assert_int_equal(max, b.len);
		assert_int_equal(max, strlen(buf_text(&b)));
		buf_printf(&b, "%s", "yy");
		assert_int_equal(-EFBIG, buf_error(&b));
		assert_int_equal(max, b.len);
	}
}

static void test_failure_sticks(void **state)
{
	_buf_cleanup_ struct buf b = BUF_INIT(4);

	(void)state;
	buf_str(&b, "abc");
	buf_str(&b, "de");
	buf_str(&b, "f");
	assert_int_equal(-EFBIG, buf_error(&b));
	assert_string_equal("abc", buf_text(&b));
	assert_null(buf_reserve(&b, 0));
	assert_null(buf_take(&b, NULL));
	buf_reset(&b);
	assert_int_equal(0, buf_error(&b));
	assert_string_equal("", buf_text(&b));
	buf_str(&b, "abcd");
	assert_string_equal("abcd", buf_text(&b));
}

static void test_reserve(void **state)
{
	_buf_cleanup_ struct buf b = BUF_INIT(100);

	(void)state;
	buf_str(&b, "ab");
	char *room = buf_reserve(&b, 98);
	assert_non_null(room);
	memset(room, 'x', 98);
	b.len += 98;
	assert_null(buf_reserve(&b, 1));
}

static void test_take(void **state)
{
	_buf_cleanup_ struct buf b = BUF_INIT(10);
	size_t len = 99;

	(void)state;
	char *empty = buf_take(&b, &len);
	assert_string_equal("", empty);
	assert_int_equal(0, len);
	free(empty);
	buf_str(&b, "abc");
	char *text = buf_take(&b, &len);
	assert_string_equal("abc", text);
	assert_int_equal(3, len);
	free(text);
	assert_int_equal(0, b.len);
	assert_int_equal(10, b.max);
}

static void test_deinit(void **state)
{
	struct buf b = BUF_INIT(10);

	(void)state;
	buf_wipe(&b);
	buf_str(&b, "secret");
	buf_wipe(&b);
	assert_null(b.data);
	buf_deinit(&b);
	buf_str(&b, "again");
	assert_string_equal("again", buf_text(&b));
	buf_deinit(&b);
	buf_deinit(&b);
}

static bool watching, left_behind;

void __real_free(void *memory);
void __wrap_free(void *memory);

void __wrap_free(void *memory)
{
	if (watching && memory)
		left_behind |= strncmp(memory, "secret", 6) == 0;
	__real_free(memory);
}

static void test_secrets_are_not_left_behind(void **state)
{
	struct buf b = BUF_SECRET(1000);

	(void)state;
	left_behind = false;
	watching = true;
	buf_str(&b, "secret");
	for (int i = 0; i < 99; i++)
		buf_str(&b, "0123456789");
	assert_int_equal(996, b.len);
	assert_memory_equal("secret0123", buf_text(&b), 10);
	buf_deinit(&b);
	assert_true(b.secret);
	buf_str(&b, "secret");
	buf_wipe(&b);
	watching = false;
	assert_false(left_behind);
	assert_true(b.secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_failure_sticks),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_deinit),
		cmocka_unit_test(test_secrets_are_not_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
