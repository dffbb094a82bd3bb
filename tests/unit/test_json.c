/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/core/clock.h"
#include "aws/json.h"

#include <stdio.h>
#include <string.h>

static json_t *parse(const char *text)
{
	json_error_t why;
	json_t *value = aws_json_load(text, strlen(text), &why);

	assert_non_null(value);
	return value;
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t count, time;
	} rows[] = {
		{ "7", 7, 7 * CLOCK_SECOND },
		{ "7.9", 7, INT64_C(7900000000) },
		{ "1.44e9", 1440000000, INT64_C(1440000000) * CLOCK_SECOND },
		{ "-7", 0, 0 },
		{ "-7.5", 0, 0 },
		{ "0", 0, 0 },
		{ "9223372036854775807", INT64_MAX, 0 },
		{ "1e12", 1000000000000, 0 },
		{ "1e300", 0, 0 },
		{ "null", 0, 0 },
		{ "\"7\"", 0, 0 },
		{ "[7]", 0, 0 },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"n\":%s}", rows[i].text);
		_json_cleanup_ json_t *object = parse(text);
		assert_int_equal(aws_json_count(object, "n"), rows[i].count);
		assert_int_equal(aws_json_time(json_object_get(object, "n")), rows[i].time);
	}
	assert_int_equal(aws_json_count(NULL, "n"), 0);
	assert_int_equal(aws_json_time(NULL), 0);
}

static void test_text(void **state)
{
	_json_cleanup_ json_t *object = parse("{\"a\":\"1234567\",\"b\":\"12345678\",\"c\":7}");
	char text[8] = "as was";

	(void)state;
	assert_false(aws_json_text(object, "b", text, sizeof(text)));
	assert_false(aws_json_text(object, "c", text, sizeof(text)));
	assert_false(aws_json_text(object, "d", text, sizeof(text)));
	assert_string_equal(text, "as was");
	assert_true(aws_json_text(object, "a", text, sizeof(text)));
	assert_string_equal(text, "1234567");
}

static void test_ways_to_say_none(void **state)
{
	_json_cleanup_ json_t *object = parse("{\"a\":null,\"b\":{},\"c\":[],\"d\":{\"e\":1},\"f\":\"\"}");

	(void)state;
	assert_null(aws_json_present(object, "a"));
	assert_null(aws_json_present(object, "b"));
	assert_null(aws_json_present(object, "x"));
	assert_non_null(aws_json_present(object, "c"));
	assert_non_null(aws_json_present(object, "d"));
	assert_non_null(aws_json_present(object, "f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_ways_to_say_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
