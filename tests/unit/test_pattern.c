/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as Python 2's re.match takes them. */
#include "scaler/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *expression, *name;
	bool matches;
} cases[] = {
	{ "my_table", "my_table2", true },
	{ "my_table", "not_my_table", false },
	{ "^my_table$", "my_table2", false },
	{ "my", "My", false },
	{ "^a$|b", "bc", true },
	{ "^a$|b", "ab", false },
	{ "(?!test_).*", "test_users", false },
	{ "(?!test_).*", "users", true },
	{ "(?P<env>prod|test)_x_(?P=env)$", "prod_x_prod", true },
	{ "(?P<env>prod|test)_x_(?P=env)$", "prod_x_test", false },
	{ "(?i)users", "USERS", true },
	{ "a\\Z", "a\n", false },
	{ "a$", "a\n", true },
	{ "\\w+-\\d{2}$", "log-12", true },
	{ "a{,2}b", "aab", true },
	{ "a{,2}b", "aaab", false },
	{ "\\hx", "hx", true },
	{ "\\vx", "\nx", false },
	{ "\\\\Z", "\\Z", true },
	{ "[]a]", "]", true },
	{ "[[:a]x", "[x", true },
	{ "[^]]x", "]x", false },
	{ "[\\]x]y", "]y", true },
	{ "caf\xc3\xa9", "caf\xc3\xa9", true },
	{ "", "anything", true },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pattern *pattern = NULL;
		struct error e = ERROR_NULL;
		if (pattern_new(cases[i].expression, &pattern, &e) < 0)
			fail_msg("%s", e.text);
		if (pattern_matches(pattern, cases[i].name) != cases[i].matches)
			fail_msg("%s against %s", cases[i].expression, cases[i].name);
		pattern_free(pattern);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "^g(", "*", "[a", "a**", "(?P<x", "(*UTF)a", "\\" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pattern *pattern = NULL;
		struct error e = ERROR_NULL;
		if (pattern_new(bad[i], &pattern, &e) != -22)
			fail_msg("%s is accepted", bad[i]);
		assert_non_null(strstr(e.text, "is not a regular expression"));
		assert_null(pattern);
	}
}

/* Work without end for a matcher without bounds. */
static void test_bounded(void **state)
{
	char name[64];
	struct pattern *pattern = NULL;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(0, pattern_new("((a+)+)+(b|c)\\1", &pattern, NULL));
	assert_false(pattern_matches(pattern, name));
	pattern_free(pattern);
	pattern_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
