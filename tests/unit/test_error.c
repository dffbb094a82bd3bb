/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set(void **state)
{
	struct error e = ERROR_NULL;

	(void)state;
	assert_int_equal(-EINVAL, error_set(&e, EINVAL, "%s is %d", "x", 5));
	assert_int_equal(EINVAL, e.number);
	assert_string_equal("x is 5", e.text);
	assert_int_equal(-ENOMEM, error_no_memory(&e));
	assert_int_equal(ENOMEM, e.number);
}

static void test_context(void **state)
{
	struct error e = ERROR_NULL;

	(void)state;
	error_set(&e, ENXIO, "gone");
	assert_int_equal(-ENXIO, error_context(&e, "table %s", "conf"));
	assert_string_equal("table conf: gone", e.text);
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(-EIO, error_set(NULL, EIO, "nobody listens"));
	assert_true(error_context(NULL, "here") < 0);
}

/* A sentence is cut at its end; a context never swallows the number. */
static void test_long(void **state)
{
	struct error e = ERROR_NULL;
	char text[2 * ERROR_TEXT_MAX];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&e, EIO, "%s", text);
	assert_int_equal(ERROR_TEXT_MAX - 1, strlen(e.text));
	assert_int_equal(-EIO, error_context(&e, "front"));
	assert_int_equal(ERROR_TEXT_MAX - 1, strlen(e.text));
	assert_memory_equal("front: aaa", e.text, 10);
	assert_int_equal(-EIO, error_context(&e, "%s", text));
	assert_int_equal(ERROR_TEXT_MAX - 1, strlen(e.text));
	assert_non_null(strstr(e.text, ": front: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
