/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/dynamodb_table.h"
#include "tests/unit/scripted.h"

#include <errno.h>

#define DESCRIBED                                                                                                \
	"{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"_store\",\"AttributeType\":\"S\"},"          \
	"{\"AttributeName\":\"_option\",\"AttributeType\":\"N\"}],\"KeySchema\":[{\"AttributeName\":\"_store\"," \
	"\"KeyType\":\"HASH\"},{\"AttributeName\":\"_option\",\"KeyType\":\"RANGE\"}],\"TableName\":\"conf\","   \
	"\"TableStatus\":\"ACTIVE\""

static void test_describe_table(void **state)
{
	struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = DESCRIBED ",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":5,\"WriteCapacityUnits\":6.0},"
				     "\"ItemCount\":7,\"TableSizeBytes\":8,\"TableArn\":\"arn:aws:x\","
				     "\"BillingModeSummary\":{\"BillingMode\":\"PAY_PER_REQUEST\"}}}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), 0);
	assert_asked(&r, 0, "DescribeTable", "{\"TableName\":\"conf\"}");
	assert_string_equal(table.self.name, "conf");
	assert_string_equal(table.self.status, "ACTIVE");
	assert_string_equal(table.self.arn, "arn:aws:x");
	assert_string_equal(table.hash_key, "_store");
	assert_string_equal(table.hash_type, "S");
	assert_string_equal(table.range_key, "_option");
	assert_string_equal(table.range_type, "N");
	assert_true(table.self.on_demand);
	assert_int_equal(table.self.read_units, 5);
	assert_int_equal(table.self.write_units, 6);
	assert_int_equal(table.self.item_count, 7);
	assert_int_equal(table.self.size_bytes, 8);
	end(&r);
}

#define THROUGHPUT(reads, writes, more) \
	"\"ProvisionedThroughput\":{\"ReadCapacityUnits\":" reads ",\"WriteCapacityUnits\":" writes more "}"

static void test_describe_table_with_indexes(void **state)
{
	struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	struct run r;

	(void)state;
	BEGIN(r,
	      { .body = DESCRIBED "," THROUGHPUT(
			"5", "6",
			",\"NumberOfDecreasesToday\":3,\"LastIncreaseDateTime\":1.363728e9,"
			"\"LastDecreaseDateTime\":1363728000.25") ",\"GlobalSecondaryIndexes\":[{\"IndexName\":\"a\","
								  "\"IndexStatus\":\"UPDATING\",\"IndexArn\":\"arn:a\","
								  "\"ItemCount\":7,\"IndexSizeBytes\":8," THROUGHPUT(
									  "1", "2", "") "},{\"IndexName\":\"b\"}]}}" },
	      { .body = DESCRIBED ",\"GlobalSecondaryIndexes\":[{}]}}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), 0);
	assert_int_equal(table.self.decreases_today, 3);
	assert_int_equal(table.self.last_increase, INT64_C(1363728000000000000));
	assert_int_equal(table.self.last_decrease, INT64_C(1363728000250000000));
	assert_int_equal(table.n_indexes, 2);
	assert_string_equal(table.indexes[0].name, "a");
	assert_string_equal(table.indexes[0].status, "UPDATING");
	assert_string_equal(table.indexes[0].arn, "arn:a");
	assert_int_equal(table.indexes[0].read_units, 1);
	assert_int_equal(table.indexes[0].write_units, 2);
	assert_int_equal(table.indexes[0].item_count, 7);
	assert_int_equal(table.indexes[0].size_bytes, 8);
	assert_int_equal(table.indexes[0].last_increase, 0);
	assert_string_equal(table.indexes[1].name, "b");
	assert_string_equal(table.indexes[1].status, "");
	/* What there was stays where the next answer is none. */
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), -EIO);
	assert_int_equal(table.n_indexes, 2);
	dynamodb_table_deinit(&table);
	dynamodb_table_deinit(&table);
	end(&r);
}

/* An index is as its table; figures that make no sense are none. */
static void test_describe_table_on_demand(void **state)
{
	struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = DESCRIBED ",\"BillingModeSummary\":{\"BillingMode\":\"PAY_PER_REQUEST\"},"
				     "\"ItemCount\":-1,\"TableSizeBytes\":1e300,\"ProvisionedThroughput\":null,"
				     "\"GlobalSecondaryIndexes\":[{\"IndexName\":\"a\"}]}}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), 0);
	assert_true(table.indexes[0].on_demand);
	assert_int_equal(table.self.item_count, 0);
	assert_int_equal(table.self.size_bytes, 0);
	dynamodb_table_deinit(&table);
	end(&r);
}

static void test_describe_table_without_what_is_optional(void **state)
{
	struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = DESCRIBED "}}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), 0);
	assert_string_equal(table.self.arn, "");
	assert_false(table.self.on_demand);
	assert_int_equal(table.self.read_units, 0);
	end(&r);
}

static void test_no_table(void **state)
{
	struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .status = 400, .body = "{\"__type\":\"x#ResourceNotFoundException\",\"message\":\"not found\"}" });
	assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), -ENXIO);
	assert_string_equal(r.error.text, "table conf: DescribeTable: service.test:8000 answered "
					  "ResourceNotFoundException: not found: check the table's name and region");
	end(&r);
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
	struct dynamodb_table table = { .self.name = "untouched" };
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct fake_answer answer = { .body = bodies[i] };
		begin(&r, &answer, 1);
		assert_int_equal(dynamodb_describe_table(r.db, &r.call, "conf", &table, &r.error), -EIO);
		assert_string_equal(table.self.name, "untouched");
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

static void test_update_table(void **state)
{
	static const struct dynamodb_units units[] = { { "a", 1, 2 }, { NULL, 3, 4 }, { "b", 5, 6 } };
	static const struct {
		struct dynamodb_update update;
		const char *body;
	} rows[] = {
		{ { .table = "t", .units = units + 1, .n_units = 1 },
		  "{\"TableName\":\"t\",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":3,\"WriteCapacityUnits\":4}"
		  "}" },
		{ { .table = "t", .units = units, .n_units = 1 },
		  "{\"TableName\":\"t\",\"GlobalSecondaryIndexUpdates\":[{\"Update\":{\"IndexName\":\"a\","
		  "\"ProvisionedThroughput\":{\"ReadCapacityUnits\":1,\"WriteCapacityUnits\":2}}}]}" },
		{ { .table = "t", .billing = DYNAMODB_BILLING_PROVISIONED, .units = units, .n_units = 3 },
		  "{\"TableName\":\"t\",\"BillingMode\":\"PROVISIONED\",\"ProvisionedThroughput\":{"
		  "\"ReadCapacityUnits\":3,"
		  "\"WriteCapacityUnits\":4},\"GlobalSecondaryIndexUpdates\":[{\"Update\":{\"IndexName\":\"a\","
		  "\"ProvisionedThroughput\":{\"ReadCapacityUnits\":1,\"WriteCapacityUnits\":2}}},{\"Update\":{"
		  "\"IndexName\":"
		  "\"b\",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":5,\"WriteCapacityUnits\":6}}}]}" },
		{ { .table = "t", .billing = DYNAMODB_BILLING_ON_DEMAND },
		  "{\"TableName\":\"t\",\"BillingMode\":\"PAY_PER_REQUEST\"}" },
	};
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"TableDescription\":{\"TableStatus\":\"UPDATING\"}}" });
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(dynamodb_update_table(r.db, &r.call, &rows[i].update, &r.error), 0);
		assert_asked(&r, i, "UpdateTable", rows[i].body);
	}
	end(&r);
}

static void test_updates_that_are_refused(void **state)
{
	static const struct {
		const char *body, *code;
		int number;
	} rows[] = {
		{ "{\"__type\":\"x#LimitExceededException\"}", "LimitExceededException", EBUSY },
		{ "{\"__type\":\"x#ResourceInUseException\"}", "ResourceInUseException", EBUSY },
		{ "{\"__type\":\"x#ValidationException\"}", "ValidationException", EINVAL },
	};
	struct dynamodb_update update = { .table = "t" };
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_answer answer = { .status = 400, .body = rows[i].body };
		begin(&r, &answer, 1);
		assert_int_equal(dynamodb_update_table(r.db, &r.call, &update, &r.error), -rows[i].number);
		assert_string_equal(r.call.outcome.code, rows[i].code);
		assert_int_equal(r.service.asked, 1);
		end(&r);
	}
}

static void test_list_tables(void **state)
{
	struct dynamodb_table_pages pages = DYNAMODB_TABLE_PAGES_NULL;
	json_t *names = NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{\"TableNames\":[\"a\",\"b\"],\"LastEvaluatedTableName\":\"b\"}" },
	      { .status = 400, .body = "{\"__type\":\"x#AccessDeniedException\"}" },
	      { .body = "{\"TableNames\":[],\"LastEvaluatedTableName\":null}" });
	assert_int_equal(dynamodb_list_tables(r.db, &r.call, &pages, &names, &r.error), 0);
	assert_asked(&r, 0, "ListTables", "{}");
	assert_json(names, "[\"a\",\"b\"]");
	assert_int_equal(dynamodb_list_tables(r.db, &r.call, &pages, &names, &r.error), -EACCES);
	assert_false(pages.done);
	assert_int_equal(dynamodb_list_tables(r.db, &r.call, &pages, &names, &r.error), 0);
	assert_asked(&r, 2, "ListTables", "{\"ExclusiveStartTableName\":\"b\"}");
	assert_json(names, "[]");
	assert_true(pages.done);
	end(&r);
}

static void test_lists_that_are_none(void **state)
{
	static const char *const bodies[] = {
		"{}",
		"{\"TableNames\":{}}",
		"{\"TableNames\":[1]}",
		"{\"TableNames\":[],\"LastEvaluatedTableName\":1}",
		"{\"TableNames\":[],\"LastEvaluatedTableName\":\"b\"}",
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct dynamodb_table_pages pages = { .after = "b" };
		struct fake_answer answer = { .body = bodies[i] };
		json_t *names = NULL;
		begin(&r, &answer, 1);
		assert_int_equal(dynamodb_list_tables(r.db, &r.call, &pages, &names, &r.error), -EIO);
		assert_null(names);
		assert_false(pages.done);
		end(&r);
	}
}

static void test_names_that_are_not_utf8(void **state)
{
	struct dynamodb_table table = DYNAMODB_TABLE_NULL;
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
		cmocka_unit_test(test_describe_table_with_indexes),
		cmocka_unit_test(test_describe_table_on_demand),
		cmocka_unit_test(test_describe_table_without_what_is_optional),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_descriptions_that_lack_something),
		cmocka_unit_test(test_create_table),
		cmocka_unit_test(test_create_table_that_exists),
		cmocka_unit_test(test_update_table),
		cmocka_unit_test(test_updates_that_are_refused),
		cmocka_unit_test(test_list_tables),
		cmocka_unit_test(test_lists_that_are_none),
		cmocka_unit_test(test_names_that_are_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
