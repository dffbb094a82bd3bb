/* SPDX-License-Identifier: Apache-2.0 */
/* Scales as Python writes dictionaries, numbers as it writes floats, and texts as JSON. */
#include "scaler/json.h"
#include "scaler/scale.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text, *formatted, *json; /* NULL: refused */
} scales[] = {
	{ "{0: 0, 0.25: 5, 50: 10}", "{0: 0, 0.25: 5, 50: 10}", "{\"0\": 0, \"0.25\": 5, \"50\": 10}" },
	{ " { 90:1,\n  5 : -2.50, } ", "{5: -2.5, 90: 1}", "{\"5\": -2.5, \"90\": 1}" },
	{ "{50: 1, 50.0: 2}", "{50: 2}", "{\"50\": 2}" },
	{ "{1e2: 1, 1e-5: +3}", "{1e-05: 3, 100.0: 1}", "{\"1e-05\": 3, \"100.0\": 1}" },
	{ "{'50': 1, 60: 2}", "{60: 2, '50': 1}", "{\"60\": 2, \"50\": 1}" },
	{ "{\"it's\": 1}", "{\"it's\": 1}", "{\"it's\": 1}" },
	{ "{}", "{}", "{}" },
	{ "", NULL, NULL },
	{ "[1]", NULL, NULL },
	{ "{1: 2", NULL, NULL },
	{ "{1: 2} x", NULL, NULL },
	{ "{1: 2 3: 4}", NULL, NULL },
	{ "{,}", NULL, NULL },
	{ "{1}", NULL, NULL },
	{ "{0x10: 1}", NULL, NULL },
	{ "{1: nan}", NULL, NULL },
	{ "{1: 1e999}", NULL, NULL },
	{ "{1: '2'}", NULL, NULL },
	{ "dict(a=1)", NULL, NULL },
};

static void test_literals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
		_buf_cleanup_ struct buf text = BUF_INIT(1024), json = BUF_INIT(1024);
		struct scale scale = SCALE_NULL, copy = SCALE_NULL;
		int r = scale_parse(scales[i].text, &scale, NULL);
		if (r != (scales[i].formatted ? 0 : -22))
			fail_msg("%s: %d", scales[i].text, r);
		assert_int_equal(0, scale_copy(&scale, &copy, NULL));
		scale_format(&copy, false, &text);
		scale_format(&copy, true, &json);
		assert_string_equal(scales[i].formatted ? scales[i].formatted : "", buf_text(&text));
		assert_string_equal(scales[i].json ? scales[i].json : "", buf_text(&json));
		scale_deinit(&scale);
		scale_deinit(&copy);
	}
}

static void test_steps(void **state)
{
	struct scale scale = SCALE_NULL;

	(void)state;
	assert_true(scale_up(&scale, 5) == 0 && scale_down(&scale, 5) == 0);
	assert_int_equal(0, scale_parse("{10: 1, 20: 2, 'x': 3}", &scale, NULL));
	assert_true(scale_up(&scale, 9.99) == 0);
	assert_true(scale_up(&scale, 10) == 1);
	assert_true(scale_up(&scale, 1e9) == 2);
	assert_true(scale_down(&scale, 10) == 1);
	assert_true(scale_down(&scale, 10.01) == 2);
	/* To Python 2 a text is greater than any number. */
	assert_true(scale_down(&scale, 21) == 3);
	assert_true(scale_up(&scale, NAN) == 0 && scale_down(&scale, NAN) == 0);
	scale_deinit(&scale);
}

static const struct {
	double number;
	const char *text, *whole;
} numbers[] = {
	{ 90, "90.0", "90" },
	{ 72.5, "72.5", "72.5" },
	{ 0.1, "0.1", "0.1" },
	{ 110 / 100.0 * 100, "110.00000000000001", "110.00000000000001" },
	{ 1e15, "1000000000000000.0", "1000000000000000" },
	{ 1e16, "1e+16", "1e+16" },
	{ 0.0001, "0.0001", "0.0001" },
	{ 0.00001, "1e-05", "1e-05" },
	{ -0.5, "-0.5", "-0.5" },
	{ 0, "0.0", "0" },
	{ NAN, "nan", "nan" },
	{ -INFINITY, "-inf", "-inf" },
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		_buf_cleanup_ struct buf text = BUF_INIT(64), whole = BUF_INIT(64);
		number_format(numbers[i].number, false, &text);
		number_format(numbers[i].number, true, &whole);
		assert_string_equal(numbers[i].text, buf_text(&text));
		assert_string_equal(numbers[i].whole, buf_text(&whole));
	}
}

static void test_json(void **state)
{
	_buf_cleanup_ struct buf text = BUF_INIT(1024);

	(void)state;
	json_text("a\"\\\n\x01\x7f\xc3\xa5\xf0\x9f\x98\x80", &text);
	assert_string_equal("\"a\\\"\\\\\\n\\u0001\x7f\xc3\xa5\xf0\x9f\x98\x80\"", buf_text(&text));
	buf_reset(&text);
	/* A byte alone, an overlong form, a surrogate, and a sequence that the text cuts. */
	json_text("\xff|\xc0\xaf|\xed\xa0\x80|\xf0\x9f", &text);
	assert_string_equal("\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\"", buf_text(&text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
