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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_sleep_until),
		cmocka_unit_test(test_sleep_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
