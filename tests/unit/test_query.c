/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/query.h"
#include "tests/unit/scripted.h"

#include <errno.h>

static const struct query_operation operation = { "Ask", "2020-01-01", false };

#define ANSWER(result) "<AskResponse xmlns=\"u\"><AskResult>" result "</AskResult></AskResponse>"

static void test_a_form(void **state)
{
	const struct query_parameter parameters[] = {
		{ "Plain", "az-AZ_09.~" },
		{ "None", NULL },
		{ "Odd", "a b&c=d+e/%\n\xc3\xa4" },
		{ "Empty", "" },
	};
	struct run r;

	(void)state;
	BEGIN(r, { .body = ANSWER("") });
	assert_int_equal(query_perform(r.service.client, &operation, &r.frame, parameters, 4, NULL, 0, &r.error), 0);
	assert_sent(&r, 0, "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
		    "Action=Ask&Version=2020-01-01&Plain=az-AZ_09.~&"
		    "Odd=a%20b%26c%3Dd%2Be%2F%25%0A%C3%A4&Empty=");
	assert_null(strstr(r.service.requests[0].headers, "X-Amz-Target"));
	assert_int_equal(r.frame.outcome.attempts, 1);
	end(&r);
}

static void test_values(void **state)
{
	_buf_cleanup_ struct buf one = BUF_INIT(10), two = BUF_INIT(10);
	struct query_value values[] = { { "One", &one }, { "More/Two", &two } };
	struct run r;

	(void)state;
	BEGIN(r, { .body = ANSWER("<Other>x</Other><One>1</One><More><One>3</One><Two>2&amp;</Two></More>") });
	assert_int_equal(query_perform(r.service.client, &operation, &r.frame, NULL, 0, values, 2, &r.error), 0);
	assert_string_equal(buf_text(&one), "1");
	assert_string_equal(buf_text(&two), "2&");
	end(&r);
}

/* Each is asked for three times, and nothing is left of it. */
static void test_answers_that_are_none(void **state)
{
	static const struct {
		const char *body, *why;
	} rows[] = {
		{ "", "it is no XML" },
		{ "{}", "it is no XML" },
		{ "<html><body><p>hello</p></body></html>", "One is missing" },
		{ "<AskResponse><AskResult/></AskResponse>", "One is missing" },
		{ "<AskResponse><One>1</One></AskResponse>", "One is missing" },
		{ "<OtherResponse><AskResult><One>1</One></AskResult></OtherResponse>", "One is missing" },
		{ ANSWER("<One/>"), "One is missing or malformed" },
		{ ANSWER("<One>longer than ten</One>"), "One is missing or malformed" },
		{ "<AskResponse><AskResult><One>1</One></AskResult>", "it is no XML" },
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf one = BUF_INIT(10);
		struct query_value value = { "One", &one };
		struct fake_answer answer = { .body = rows[i].body };
		begin(&r, &answer, 1);
		assert_int_equal(query_perform(r.service.client, &operation, &r.frame, NULL, 0, &value, 1, &r.error),
				 -EIO);
		assert_holds(r.error.text, rows[i].why);
		assert_holds(r.error.text, "Ask: service.test");
		assert_int_equal(r.service.asked, 3);
		assert_int_equal(one.len, 0);
		end(&r);
	}
}

static void test_an_error(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .status = 403,
		   .body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
			   "<Message>said so</Message></Error></ErrorResponse>" });
	assert_int_equal(query_perform(r.service.client, &operation, &r.frame, NULL, 0, NULL, 0, &r.error), -EACCES);
	assert_holds(r.error.text, "answered AccessDenied: said so");
	assert_string_equal(r.frame.outcome.code, "AccessDenied");
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_form),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
