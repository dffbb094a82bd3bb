/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void test_units(void **state)
{
	struct clock *clock = clock_system();
	time_t before = time(NULL);

	(void)state;
	/* time(2) may lag behind the clock by a tick. */
	int64_t wall = clock_wall(clock) / CLOCK_SECOND;
	assert_true(wall >= before && wall <= time(NULL) + 1);
	int64_t mono = clock_mono(clock);
	assert_true(mono > 0 && clock_mono(clock) >= mono);
}

static void test_sleep_until(void **state)
{
	struct clock *clock = clock_system();
	int64_t until = clock_mono(clock) + 2 * CLOCK_MS;

	(void)state;
	assert_int_equal(0, clock_sleep(clock, until, -1));
	assert_true(clock_mono(clock) >= until);
	assert_int_equal(0, clock_sleep(clock, until, -1));
	assert_int_equal(0, clock_sleep(clock, INT64_MIN / 2, -1));
}

static void test_sleep_cancelled(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(0, pipe(ends));
	assert_int_equal(1, write(ends[1], "x", 1));
	/* For ever, if the byte in the pipe did not count. */
	assert_int_equal(-ECANCELED, clock_sleep(clock_system(), INT64_MAX, ends[0]));
	close(ends[1]);
	close(ends[0]);
}

static void test_iso8601(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2015-08-30T12:36:00Z", 1440938160 },
		{ "2015-08-30T12:36:00UTC", 1440938160 },
		{ "2015-08-30T12:36:00.123456Z", 1440938160 },
		{ "2015-08-30T14:36:00+02:00", 1440938160 },
		{ "2015-08-30T07:06:00.5-0530", 1440938160 },
		{ "2024-02-29T00:00:00+00:00", 1709164800 },
		{ "", -1 },
		{ "2015-08-30", -1 },
		{ "2015-08-30T12:36:00", -1 },
		{ "2015-08-30T12:36:00Zulu", -1 },
		{ "2015-08-30T12:36:00+2", -1 },
		{ "2015-08-30T12:36:00+25:00", -1 },
		{ "2015-13-30T12:36:00Z", -1 },
		{ "2015-08-30T24:36:00Z", -1 },
		{ "2015-08-30T12:-1:00Z", -1 },
		{ "15-08-30T12:36:00Z", -1 },
		{ "9999-08-30T12:36:00Z", -1 },
		{ "1440938160", -1 },
	};
	char text[CLOCK_ISO8601_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t wall = -1;
		int result = clock_parse_iso8601(rows[i].text, &wall);
		if (result != (rows[i].seconds < 0 ? -EINVAL : 0))
			fail_msg("%s: %d", rows[i].text, result);
		assert_int_equal(rows[i].seconds < 0 ? -1 : rows[i].seconds * CLOCK_SECOND, wall);
	}
	clock_format_iso8601(INT64_C(1440938160) * CLOCK_SECOND, text);
	assert_string_equal("2015-08-30T12:36:00Z", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_sleep_until),
		cmocka_unit_test(test_sleep_cancelled),
		cmocka_unit_test(test_iso8601),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
