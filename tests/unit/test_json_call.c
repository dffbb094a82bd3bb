/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/json_call.h"
#include "tests/unit/scripted.h"

#include <errno.h>

static const struct aws_json_service service = { "Prefix.", AWS_JSON_1_1 };
static const struct aws_json_operation list = { "List", "Names", JSON_ARRAY, JSON_STRING };
static const struct aws_json_operation get = { .name = "Get", .optional = "Item", .beside = "Cost" };

static int perform(struct run *r, const struct aws_json_operation *operation, json_t *body, json_t **root)
{
	return aws_json_perform(r->service.client, &service, operation, &r->frame, body, root, &r->error);
}

static void test_a_request(void **state)
{
	json_t *root = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"Names\":[\"a\"]}" });
	assert_int_equal(perform(&r, &list, json_pack("{s:i}", "Limit", 1), &root), 0);
	assert_sent(&r, 0, "X-Amz-Target: Prefix.List", "{\"Limit\":1}");
	assert_sent(&r, 0, "Content-Type: application/x-amz-json-1.1", "{\"Limit\":1}");
	assert_int_equal(r.frame.outcome.attempts, 1);
	assert_json(root, "{\"Names\":[\"a\"]}");
	end(&r);
}

static void test_a_request_that_cannot_be_made(void **state)
{
	json_t *root = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{}" });
	assert_int_equal(perform(&r, &list, json_pack("{s:s}", "Name", "\xff"), &root), -EINVAL);
	assert_holds(r.error.text, "List: the request cannot be made");
	assert_int_equal(r.service.asked, 0);
	end(&r);
}

/* Which bodies of a 200 are answers of an operation, and what is wrong with the others. */
static void test_shapes(void **state)
{
	static const struct {
		const struct aws_json_operation *operation;
		const char *body, *why; /* NULL: it is one */
	} rows[] = {
		{ &list, "{\"Names\":[]}", NULL },
		{ &list, "{\"Names\":[],\"More\":1}", NULL },
		{ &list, "{\"Names\":[\"a\",1]}", "Names is missing or malformed" },
		{ &list, "{\"Names\":\"a\"}", "Names is missing or malformed" },
		{ &list, "{}", "Names is missing or malformed" },
		{ &list, "[]", "it is no JSON object" },
		{ &list, "{\"Names\":[\"secret", "it is no JSON at byte" },
		{ &list, "", "it is no JSON at byte" },
		{ &get, "{}", NULL },
		{ &get, "{\"Item\":null}", NULL },
		{ &get, "{\"Item\":{},\"Cost\":1}", NULL },
		{ &get, "{\"Item\":{\"a\":1},\"More\":1}", NULL },
		{ &get, "{\"Item\":[]}", "Item is malformed" },
		{ &get, "{\"More\":1}", "it has neither Item nor none" },
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_answer answer = { .body = rows[i].body };
		json_t *root = NULL;
		begin(&r, &answer, 1);
		int rc = perform(&r, rows[i].operation, json_object(), &root);
		if (rc != (rows[i].why ? -EIO : 0))
			fail_msg("%s: %d", rows[i].body, rc);
		assert_holds(r.error.text, rows[i].why ? rows[i].why : "");
		assert_null(strstr(r.error.text, "secret"));
		assert_int_equal(!root, !!rows[i].why);
		json_decref(root);
		end(&r);
	}
}

static void test_pages(void **state)
{
	static const struct {
		const char *request, *answer;
		int rc;
		const char *next; /* the request afterwards */
	} rows[] = {
		{ "{\"a\":1}", "{}", 0, "{\"a\":1}" },
		{ "{\"a\":1}", "{\"NextToken\":null}", 0, "{\"a\":1}" },
		{ "{\"a\":1}", "{\"NextToken\":\"x\"}", 1, "{\"a\":1,\"NextToken\":\"x\"}" },
		{ "{\"NextToken\":\"x\"}", "{\"NextToken\":\"y\"}", 1, "{\"NextToken\":\"y\"}" },
		{ "{\"NextToken\":\"x\"}", "{\"NextToken\":\"x\"}", -EIO, "{\"NextToken\":\"x\"}" },
		{ "{}", "{\"NextToken\":1}", -EIO, "{}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *request = json_loads(rows[i].request, 0, NULL);
		_json_cleanup_ json_t *answer = json_loads(rows[i].answer, 0, NULL);
		assert_int_equal(aws_json_next_page(answer, request, NULL), rows[i].rc);
		assert_json(request, rows[i].next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_a_request_that_cannot_be_made),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
