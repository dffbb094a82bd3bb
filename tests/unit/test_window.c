/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of the day and of the week, and what is none. */
#include "scaler/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Monday, 2025-01-06, and minutes from its midnight on. */
#define MONDAY INT64_C(1736121600)
#define AT(day, hour, minute) (MONDAY + (day)*86400 + (hour)*3600 + (minute)*60 + 59)

static const struct {
	const char *windows;
	int hour, minute;
	bool open, as_text;
} days[] = {
	{ "22:00-06:00", 21, 59, false, false },
	{ "22:00-06:00", 22, 0, true, false },
	{ "22:00-06:00", 6, 0, true, false },
	{ "22:00-06:00", 6, 1, false, false },
	{ "9:00-17:00", 12, 0, true, false },
	{ "9:00-17:00", 23, 0, false, false },
	{ "01:00-02:00, 12:00-12:00", 12, 0, true, true },
	{ "06:00-24:00", 23, 59, true, true },
	{ "00:00-23:59, noon", 12, 0, false, false },
	{ "00:00-23:59,", 12, 0, false, false },
	{ "2200-2300", 22, 30, false, true },
	{ "00:00-25:00", 12, 0, false, true },
};

static void test_day(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		int64_t now = AT(0, days[i].hour, days[i].minute);
		if (window_open(days[i].windows, now, false) != days[i].open ||
		    window_open(days[i].windows, now, true) != days[i].as_text)
			fail_msg("%s at %02d:%02d", days[i].windows, days[i].hour, days[i].minute);
	}
	assert_true(window_ahead("12:00-13:00", AT(0, 11, 59)));
	assert_false(window_ahead("12:00-13:00", AT(0, 12, 0)));
	assert_int_equal(0, window_check("22:00-06:00, 9:00-9:30", NULL));
	assert_int_equal(-22, window_check("22:00", NULL));
}

static const struct {
	const char *windows;
	int day, hour, minute;
	bool open;
} weeks[] = {
	{ "mon-fri 07:30-18:00", 0, 7, 30, true },  { "mon-fri 07:30-18:00", 4, 18, 0, true },
	{ "mon-fri 07:30-18:00", 5, 12, 0, false }, { "Sat 10:00-12:00, Sun 10:00-11:00", 6, 10, 30, true },
	{ "fri 23:00-01:00", 4, 23, 0, true },      { "fri 23:00-01:00", 5, 1, 0, true },
	{ "fri 23:00-01:00", 5, 23, 0, false },     { "sat-mon 00:00-24:00", 0, 12, 0, true },
	{ "sat-mon 00:00-24:00", 1, 0, 0, false },  { "sun 23:00-01:00", 0, 0, 30, true },
	{ "02:00-03:00", 3, 2, 30, true },
};

static void test_week(void **state)
{
	static const char *const bad[] = { "",
					   "mon",
					   "mon 10:00",
					   "mon-xyz 10:00-11:00",
					   "monday 10:00-11:00",
					   "10:00-11:00,",
					   "mon-fri10:00-11:00" };

	(void)state;
	for (size_t i = 0; i < sizeof(weeks) / sizeof(weeks[0]); i++) {
		if (week_open(weeks[i].windows, AT(weeks[i].day, weeks[i].hour, weeks[i].minute)) != weeks[i].open)
			fail_msg("%s, day %d at %02d:%02d", weeks[i].windows, weeks[i].day, weeks[i].hour,
				 weeks[i].minute);
		assert_int_equal(0, week_check(weeks[i].windows, NULL));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(-22, week_check(bad[i], NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_week),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
