/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/dynamodb.h"
#include "tests/unit/fake_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A scripted table and one call's frame. */
struct run {
	struct fake_service service;
	struct dynamodb *db;
	struct dynamodb_call call;
	struct error error;
};

static void begin(struct run *r, const struct fake_answer *script, size_t n)
{
	*r = (struct run){ 0 };
	assert_int_equal(fake_service_init(&r->service, script, n), 0);
	assert_int_equal(dynamodb_new(r->service.client, &r->db, NULL), 0);
	r->call = (struct dynamodb_call){ .deadline = fake_deadline(&r->service), .cancel_fd = -1 };
}

static void end(struct run *r)
{
	dynamodb_free(r->db);
	fake_service_deinit(&r->service);
}

#define BEGIN(r, ...)                                               \
	static const struct fake_answer script[] = { __VA_ARGS__ }; \
	begin(&(r), script, sizeof(script) / sizeof(script[0]))

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void assert_asked(const struct run *r, size_t i, const char *operation, const char *body)
{
	char target[96];

	snprintf(target, sizeof(target), "X-Amz-Target: DynamoDB_20120810.%s\n", operation);
	assert_true(i < r->service.asked);
	assert_holds(r->service.requests[i].headers, target);
	assert_string_equal(r->service.requests[i].body, body);
}

/* The value as compact text against `text`; releases the value. */
static void assert_json(json_t *value, const char *text)
{
	char *dump = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	assert_non_null(dump);
	assert_string_equal(dump, text);
	free(dump);
	json_decref(value);
}

#define DESCRIBED                                                                                                \
	"{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"_store\",\"AttributeType\":\"S\"},"          \
	"{\"AttributeName\":\"_option\",\"AttributeType\":\"N\"}],\"KeySchema\":[{\"AttributeName\":\"_store\"," \
	"\"KeyType\":\"HASH\"},{\"AttributeName\":\"_option\",\"KeyType\":\"RANGE\"}],\"TableName\":\"conf\","   \
	"\"TableStatus\":\"ACTIVE\""

static void test_describe_table(void **state)
{
	struct dynamodb_table table;
	struct run r;

	(void)state;
	BEGIN(r, { .body = DESCRIBED ",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":5,\"WriteCapacityUnits\":6.0},"
				     "\"ItemCount\":7,\"TableSizeBytes\":8,\"TableArn\":\"arn:aws:x\","
				     "\"BillingModeSummary\":{\"BillingMode\":\"PAY_PER_REQUEST\"}}}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), 0);
	assert_asked(&r, 0, "DescribeTable", "{\"TableName\":\"conf\"}");
	assert_string_equal(table.name, "conf");
	assert_string_equal(table.status, "ACTIVE");
	assert_string_equal(table.arn, "arn:aws:x");
	assert_string_equal(table.hash_key, "_store");
	assert_string_equal(table.hash_type, "S");
	assert_string_equal(table.range_key, "_option");
	assert_string_equal(table.range_type, "N");
	assert_true(table.on_demand);
	assert_int_equal(table.read_units, 5);
	assert_int_equal(table.write_units, 6);
	assert_int_equal(table.item_count, 7);
	assert_int_equal(table.size_bytes, 8);
	end(&r);
}

static void test_describe_table_without_what_is_optional(void **state)
{
	struct dynamodb_table table;
	struct run r;

	(void)state;
	BEGIN(r, { .body = DESCRIBED "}}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), 0);
	assert_string_equal(table.arn, "");
	assert_false(table.on_demand);
	assert_int_equal(table.read_units, 0);
	end(&r);
}

static void test_no_table(void **state)
{
	struct dynamodb_table table;
	struct run r;

	(void)state;
	BEGIN(r, { .status = 400, .body = "{\"__type\":\"x#ResourceNotFoundException\",\"message\":\"not found\"}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), -ENXIO);
	assert_string_equal(r.error.text, "table conf: DescribeTable: service.test:8000 answered "
					  "ResourceNotFoundException: not found: check the table's name and region");
	end(&r);
}

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
	struct dynamodb_table table;
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

#define STATUS "{\"Table\":{\"TableStatus\":\"ACTIVE\""

static void test_descriptions_that_lack_something(void **state)
{
	static const char *const bodies[] = {
		"{\"Table\":{}}",
		STATUS "}}",
		STATUS ",\"KeySchema\":[]}}",
		STATUS ",\"KeySchema\":[{\"KeyType\":\"HASH\"}]}}",
		STATUS ",\"KeySchema\":[{\"KeyType\":\"HASH\",\"AttributeName\":\"a\"}]}}",
		"{\"Table\":{\"TableStatus\":\"ACTIVE and more than fits into any status there is\"}}",
	};
	struct dynamodb_table table = { .name = "untouched" };
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct fake_answer answer = { .body = bodies[i] };
		begin(&r, &answer, 1);
		assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), -EIO);
		assert_string_equal(table.name, "untouched");
		end(&r);
	}
}

static void test_create_table(void **state)
{
	struct dynamodb_create create = {
		.table = "t", .hash_key = "h", .range_key = "r", .read_units = 1, .write_units = 2
	};
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"TableDescription\":{\"TableStatus\":\"CREATING\"}}" });
	assert_int_equal(dynamodb_create_table(r.db, &r.call, &create, &r.error), 0);
	assert_asked(
		&r, 0, "CreateTable",
		"{\"TableName\":\"t\",\"KeySchema\":[{\"AttributeName\":\"h\",\"KeyType\":\"HASH\"},"
		"{\"AttributeName\":\"r\",\"KeyType\":\"RANGE\"}],\"AttributeDefinitions\":[{\"AttributeName\":\"h\","
		"\"AttributeType\":\"S\"},{\"AttributeName\":\"r\",\"AttributeType\":\"S\"}],"
		"\"ProvisionedThroughput\":{\"ReadCapacityUnits\":1,\"WriteCapacityUnits\":2}}");
	create.range_key = NULL;
	create.on_demand = true;
	assert_int_equal(dynamodb_create_table(r.db, &r.call, &create, &r.error), 0);
	assert_asked(&r, 1, "CreateTable",
		     "{\"TableName\":\"t\",\"KeySchema\":[{\"AttributeName\":\"h\",\"KeyType\":\"HASH\"}],"
		     "\"AttributeDefinitions\":[{\"AttributeName\":\"h\",\"AttributeType\":\"S\"}],"
		     "\"BillingMode\":\"PAY_PER_REQUEST\"}");
	end(&r);
}

static void test_create_table_that_exists(void **state)
{
	struct dynamodb_create create = { .table = "t", .hash_key = "h", .on_demand = true };
	struct run r;

	(void)state;
	BEGIN(r, { .status = 400, .body = "{\"__type\":\"x#ResourceInUseException\",\"message\":\"\"}" });
	assert_int_equal(dynamodb_create_table(r.db, &r.call, &create, &r.error), -EEXIST);
	assert_string_equal(r.error.text, "table t: it exists already");
	end(&r);
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
	struct dynamodb_pages pages = { .table = "t", .hash_key = "_store", .hash_value = "a" };
	json_t *items = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"Items\":[],\"ConsumedCapacity\":{\"CapacityUnits\":0.5}}" });
	assert_int_equal(dynamodb_next_page(r.db, &r.call, &pages, &items, &r.error), 0);
	assert_asked(&r, 0, "Query",
		     "{\"TableName\":\"t\",\"ConsistentRead\":false,\"ReturnConsumedCapacity\":\"TOTAL\","
		     "\"KeyConditionExpression\":\"#h = :h\",\"ExpressionAttributeNames\":{\"#h\":\"_store\"},"
		     "\"ExpressionAttributeValues\":{\":h\":{\"S\":\"a\"}}}");
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

static void test_names_that_are_not_utf8(void **state)
{
	struct dynamodb_table table;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "\xff", &table, &r.error), -EINVAL);
	assert_int_equal(r.service.asked, 0);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe_table),
		cmocka_unit_test(test_describe_table_without_what_is_optional),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_descriptions_that_lack_something),
		cmocka_unit_test(test_create_table),
		cmocka_unit_test(test_create_table_that_exists),
		cmocka_unit_test(test_get_item),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_a_query),
		cmocka_unit_test(test_a_server_that_never_ends),
		cmocka_unit_test(test_nul_bytes_in_names_and_values),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_failed_conditions),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_transactions_that_fail),
		cmocka_unit_test(test_names_that_are_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
