/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/dynamodb_table.h"
#include "tests/unit/scripted.h"

#include <errno.h>

/* Each is asked for three times and is EIO in the end, never something else. */
static void test_answers_that_are_none(void **state)
{
	static const char *const bodies[] = {
		"",
		"{",
		"[]",
		"null",
		"\"\"",
		"{}",
		"{\"Table\":null}",
		"{\"Table\":[]}",
		"<html>",
		"{\"Table\":{}",
		"{\"Table\":{},\"Table\":{}}",
		"{\"Items\":{}}",
		"{\"Items\":[1]}",
		"{\"Items\":[[]]}",
		"{\"Items\":[],\"LastEvaluatedKey\":[]}",
		"{\"Item\":[]}",
		"{\"Item\":\"a\"}",
		"{\"Attributes\":1}",
		"{\"message\":\"hello\"}",
	};
	struct dynamodb_pages pages = { .table = "conf" };
	struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	json_t *key = json_object(), *got = NULL;
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct fake_answer answer = { .body = bodies[i] };
		bool empty = strcmp(bodies[i], "{}") == 0, other = strstr(bodies[i], "Item") == NULL;
		begin(&r, &answer, 1);
		assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), -EIO);
		assert_int_equal(r.service.asked, 3);
		assert_true(r.call.outcome.answer_lost);
		assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &got, &r.error), -EIO);
		int rc = dynamodb_get_item(r.db, &r.call, "conf", key, true, &got, &r.error);
		assert_int_equal(rc, empty ? 0 : -EIO);
		assert_null(got);
		assert_true(empty || !other || strstr(r.error.text, "unusable"));
		end(&r);
	}
	json_decref(key);
}

static void test_get_item(void **state)
{
	json_t *key = json_pack("{s:{s:s}}", "h", "S", "a"), *item = NULL;
	struct run r;

	(void)state;
	BEGIN(r,
	      { .body = "{\"Item\":{\"h\":{\"S\":\"a\"}},\"ConsumedCapacity\":{\"TableName\":\"t\",\"CapacityUnits\":0."
			"5}}" },
	      { .body = "{\"ConsumedCapacity\":{\"CapacityUnits\":1}}" }, { .body = "{}" });
	assert_int_equal(dynamodb_get_item(r.db, &r.call, "t", key, true, &item, &r.error), 0);
	assert_asked(&r, 0, "GetItem",
		     "{\"TableName\":\"t\",\"Key\":{\"h\":{\"S\":\"a\"}},\"ConsistentRead\":true,"
		     "\"ReturnConsumedCapacity\":\"TOTAL\"}");
	assert_json(item, "{\"h\":{\"S\":\"a\"}}");
	assert_int_equal(dynamodb_get_item(r.db, &r.call, "t", key, false, &item, &r.error), 0);
	assert_null(item);
	assert_int_equal(dynamodb_get_item(r.db, &r.call, "t", key, false, &item, &r.error), 0);
	assert_null(item);
	assert_true(r.call.read_units == 1.5);
	assert_true(r.call.write_units == 0);
	json_decref(key);
	end(&r);
}

static void test_pages(void **state)
{
	struct dynamodb_pages pages = { .table = "t", .consistent = true };
	json_t *items = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"Items\":[{\"h\":{\"S\":\"a\"}}],\"LastEvaluatedKey\":{\"h\":{\"S\":\"a\"}}}" },
	      { .status = 400, .body = "{\"__type\":\"x#AccessDeniedException\"}" },
	      { .body = "{\"Items\":[],\"LastEvaluatedKey\":{}}" });
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), 0);
	assert_asked(&r, 0, "Scan",
		     "{\"TableName\":\"t\",\"ConsistentRead\":true,\"ReturnConsumedCapacity\":\"TOTAL\"}");
	assert_json(items, "[{\"h\":{\"S\":\"a\"}}]");
	assert_false(pages.done);
	/* A failure keeps the place. */
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), -EACCES);
	assert_false(pages.done);
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), 0);
	assert_asked(&r, 2, "Scan",
		     "{\"TableName\":\"t\",\"ConsistentRead\":true,\"ReturnConsumedCapacity\":\"TOTAL\","
		     "\"ExclusiveStartKey\":{\"h\":{\"S\":\"a\"}}}");
	assert_json(items, "[]");
	assert_true(pages.done);
	dynamodb_pages_deinit(&pages);
	dynamodb_pages_deinit(&pages);
	end(&r);
}

static void test_a_query(void **state)
{
	struct dynamodb_pages pages = { .table = "t", .hash_key = "_store", .hash_value = "a", .limit = 1 };
	json_t *items = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"Items\":[],\"ConsumedCapacity\":{\"CapacityUnits\":0.5}}" });
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), 0);
	assert_asked(&r, 0, "Query",
		     "{\"TableName\":\"t\",\"ConsistentRead\":false,\"ReturnConsumedCapacity\":\"TOTAL\","
		     "\"KeyConditionExpression\":\"#h = :h\",\"ExpressionAttributeNames\":{\"#h\":\"_store\"},"
		     "\"ExpressionAttributeValues\":{\":h\":{\"S\":\"a\"}},\"Limit\":1}");
	assert_json(items, "[]");
	dynamodb_pages_deinit(&pages);
	end(&r);
}

static void test_a_server_that_never_ends(void **state)
{
	struct dynamodb_pages pages = { .table = "t" };
	json_t *items = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"Items\":[],\"LastEvaluatedKey\":{\"h\":{\"S\":\"a\"}}}" });
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), 0);
	json_decref(items);
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), -EIO);
	dynamodb_pages_deinit(&pages);
	end(&r);
}

static void test_nul_bytes_in_names_and_values(void **state)
{
	struct dynamodb_pages pages = { .table = "t" };
	json_t *items = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"Items\":[{\"a\\u0000b\":{\"S\":"
			   "\"c\\u0000\\\\u0000\\uE000\xee\x80\x80\xee\x80\x82\xee\x81\x82"
			   "\"}}]}" });
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), 0);
	assert_json(items,
		    "[{\"a\\u0000b\":{\"S\":\"c\\u0000\\\\u0000\xee\x80\x80\xee\x80\x80\xee\x80\x82\xee\x81\x82\"}}]");
	dynamodb_pages_deinit(&pages);
	end(&r);
}

static void test_writes(void **state)
{
	json_t *key = json_pack("{s:{s:s}}", "h", "S", "a"), *names = json_pack("{s:s}", "#k", "k");
	json_t *values = json_pack("{s:{s:s}}", ":v", "S", "w"), *none = json_object(), *old = NULL;
	struct dynamodb_write put = { .kind = DYNAMODB_PUT, .table = "t", .item = key, .names = none };
	struct dynamodb_write update = { .kind = DYNAMODB_UPDATE,
					 .table = "t",
					 .item = key,
					 .update = "SET #k = :v",
					 .condition = "attribute_exists(#k)",
					 .names = names,
					 .values = values };
	struct dynamodb_write delete = { .kind = DYNAMODB_DELETE, .table = "t", .item = key };
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{}" },
	      { .body = "{\"Attributes\":{\"k\":{\"S\":\"v\"}},\"ConsumedCapacity\":{\"CapacityUnits\":2}}" },
	      { .body = "{\"Attributes\":{}}" });
	assert_int_equal(dynamodb_write(r.db, &r.call, &put, NULL, &r.error), 0);
	assert_asked(&r, 0, "PutItem",
		     "{\"TableName\":\"t\",\"Item\":{\"h\":{\"S\":\"a\"}},\"ReturnConsumedCapacity\":\"TOTAL\"}");
	assert_int_equal(dynamodb_write(r.db, &r.call, &update, &old, &r.error), 0);
	assert_asked(&r, 1, "UpdateItem",
		     "{\"TableName\":\"t\",\"Key\":{\"h\":{\"S\":\"a\"}},\"UpdateExpression\":\"SET #k = :v\","
		     "\"ConditionExpression\":\"attribute_exists(#k)\",\"ExpressionAttributeNames\":{\"#k\":\"k\"},"
		     "\"ExpressionAttributeValues\":{\":v\":{\"S\":\"w\"}},\"ReturnConsumedCapacity\":\"TOTAL\","
		     "\"ReturnValues\":\"ALL_OLD\"}");
	assert_json(old, "{\"k\":{\"S\":\"v\"}}");
	assert_int_equal(dynamodb_write(r.db, &r.call, &delete, &old, &r.error), 0);
	assert_asked(&r, 2, "DeleteItem",
		     "{\"TableName\":\"t\",\"Key\":{\"h\":{\"S\":\"a\"}},\"ReturnConsumedCapacity\":\"TOTAL\","
		     "\"ReturnValues\":\"ALL_OLD\"}");
	assert_null(old);
	assert_true(r.call.write_units == 2);
	struct dynamodb_write check = { .kind = DYNAMODB_CHECK, .table = "t", .item = key, .condition = "x" };
	assert_int_equal(dynamodb_write(r.db, &r.call, &check, NULL, &r.error), -EINVAL);
	json_decref(key);
	json_decref(names);
	json_decref(values);
	json_decref(none);
	end(&r);
}

static void test_failed_conditions(void **state)
{
	json_t *key = json_pack("{s:{s:s}}", "h", "S", "a"), *old = NULL;
	struct dynamodb_write put = { .kind = DYNAMODB_PUT, .table = "t", .item = key };
	struct run r;

	(void)state;
	BEGIN(r, { .failure = EIO, .sent = true },
	      { .status = 400, .body = "{\"__type\":\"x#ConditionalCheckFailedException\"}" });
	assert_int_equal(dynamodb_write(r.db, &r.call, &put, &old, &r.error), -ESTALE);
	assert_null(old);
	/* That the first may have been ours is for the caller to settle. */
	assert_true(r.call.outcome.answer_lost);
	json_decref(key);
	end(&r);
}

static const char *token_of(const struct fake_request *request)
{
	const char *token = strstr(request->body, "\"ClientRequestToken\":\"");

	assert_non_null(token);
	return token;
}

static void test_transactions(void **state)
{
	json_t *key = json_pack("{s:{s:s}}", "h", "S", "a");
	struct dynamodb_write writes[] = {
		{ .kind = DYNAMODB_PUT, .table = "t", .item = key },
		{ .kind = DYNAMODB_UPDATE, .table = "t", .item = key, .update = "REMOVE k" },
		{ .kind = DYNAMODB_DELETE, .table = "t", .item = key, .condition = "c" },
		{ .kind = DYNAMODB_CHECK, .table = "u", .item = key, .condition = "c" },
	};
	struct run r;

	(void)state;
	BEGIN(r, { .failure = EIO, .sent = true },
	      { .body = "{\"ConsumedCapacity\":[{\"CapacityUnits\":2},{\"CapacityUnits\":4.0}]}" }, { .body = "{}" });
	assert_int_equal(dynamodb_transact(r.db, &r.call, writes, 4, &r.error), 0);
	const struct fake_request *requests = r.service.requests;
	assert_holds(requests[0].headers, "DynamoDB_20120810.TransactWriteItems\n");
	assert_holds(
		requests[0].body,
		"{\"TransactItems\":[{\"Put\":{\"TableName\":\"t\",\"Item\":{\"h\":{\"S\":\"a\"}}}},"
		"{\"Update\":{\"TableName\":\"t\",\"Key\":{\"h\":{\"S\":\"a\"}},\"UpdateExpression\":\"REMOVE k\"}},"
		"{\"Delete\":{\"TableName\":\"t\",\"Key\":{\"h\":{\"S\":\"a\"}},\"ConditionExpression\":\"c\"}},"
		"{\"ConditionCheck\":{\"TableName\":\"u\",\"Key\":{\"h\":{\"S\":\"a\"}},"
		"\"ConditionExpression\":\"c\"}}],\"ClientRequestToken\":\"");
	/* The same in its retry, another for the next transaction. */
	assert_string_equal(requests[0].body, requests[1].body);
	assert_true(r.call.write_units == 6);
	assert_int_equal(dynamodb_transact(r.db, &r.call, writes, 4, &r.error), 0);
	assert_string_not_equal(token_of(&requests[1]), token_of(&requests[2]));
	json_decref(key);
	end(&r);
}

static void test_transactions_that_fail(void **state)
{
	json_t *key = json_pack("{s:{s:s}}", "h", "S", "a");
	struct dynamodb_write writes[DYNAMODB_TRANSACT_MAX + 1] = {
		{ .kind = DYNAMODB_PUT, .table = "t", .item = key }
	};
	struct run r;

	(void)state;
	BEGIN(r,
	      { .status = 400,
		.body = "{\"__type\":\"x#TransactionCanceledException\",\"CancellationReasons\":[{\"Code\":"
			"\"None\"},{\"Code\":\"ConditionalCheckFailed\"}]}" },
	      { .status = 400, .body = "{\"__type\":\"x#UnknownOperationException\"}" });
	assert_int_equal(dynamodb_transact(r.db, &r.call, writes, 1, &r.error), -ESTALE);
	assert_string_equal(r.call.outcome.reasons, "None,ConditionalCheckFailed");
	assert_int_equal(dynamodb_transact(r.db, &r.call, writes, 1, &r.error), -EOPNOTSUPP);
	assert_int_equal(dynamodb_transact(r.db, &r.call, writes, DYNAMODB_TRANSACT_MAX + 1, &r.error), -EXDEV);
	assert_int_equal(r.service.asked, 2);
	json_decref(key);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_get_item),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_a_query),
		cmocka_unit_test(test_a_server_that_never_ends),
		cmocka_unit_test(test_nul_bytes_in_names_and_values),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_failed_conditions),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_transactions_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
