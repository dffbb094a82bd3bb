/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/core/clock.h"
#include "aws/http.h"

#include <errno.h>

static void test_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: none */
	} rows[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "", -1 },
		{ "yesterday", -1 },
		{ "Sun, 06 Nov 1994 08:49:37", -1 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT+1", -1 },
		{ "Sun, 06 Nov 1994 08:49:-7 GMT", -1 },
		{ "Sun, 06 ovD 1994 08:49:37 GMT", -1 },
		{ "Sun, 06 No 1994 08:49:37 GMT", -1 },
		{ "Sun, 06 Nov 9999 08:49:37 GMT", -1 },
		{ "Sun, 06 Nov 0000 08:49:37 GMT", -1 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t wall = 1;
		int rc = http_date(rows[i].text, &wall);
		if (rc != (rows[i].seconds < 0 ? -EINVAL : 0))
			fail_msg("%s: %d", rows[i].text, rc);
		assert_int_equal(wall, rc < 0 ? 1 : rows[i].seconds * CLOCK_SECOND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
