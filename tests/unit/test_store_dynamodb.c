/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_dynamodb.h"

#include "aws/http_curl.h"
#include "tests/unit/fake_dynamodb.h"
#include "tests/unit/store_suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * The suite runs against a small DynamoDB in this process; or, where DYNCONF_TEST_ENDPOINT names a server, against that
 * and nothing else; DYNCONF_TEST_LACKS says what it cannot do ("transactions", "documents": comparing lists and maps).
 */

static struct store *new_store(const struct store_dynamodb_config *config)
{
	struct store *store;

	assert_int_equal(store_dynamodb_new(config, &store, NULL), 0);
	return store;
}

/* ---- The suite ---- */

static struct store *suite_make(struct store_suite *suite)
{
	struct fake_dynamodb *fake = fake_dynamodb_new();
	struct store_dynamodb_config config = fake_dynamodb_config(fake);

	suite->data = fake;
	fake->transactions = suite->transactions;
	return new_store(&config);
}

static void suite_clean(struct store_suite *suite)
{
	fake_dynamodb_free(suite->data);
}

struct server {
	const char *endpoint;
	struct http *http;
	int tables;
	struct fake_dynamodb *client;
};

static struct store *server_make(struct store_suite *suite)
{
	struct server *server = suite->data;
	char table[64];

	server->client = fake_dynamodb_new();
	fake_dynamodb_connect(server->client, server->http, server->endpoint);
	struct store_dynamodb_config config = fake_dynamodb_config(server->client);
	snprintf(table, sizeof(table), "dynconf-test-%d-%d", (int)getpid(), server->tables++);
	config.table = table;
	config.clock = clock_system();
	config.read_units = config.write_units = 1000;
	return new_store(&config);
}

static void server_clean(struct store_suite *suite)
{
	fake_dynamodb_free(((struct server *)suite->data)->client);
}

static int run_on_server(const char *endpoint)
{
	const char *lacks = getenv("DYNCONF_TEST_LACKS");
	struct server server = { .endpoint = endpoint };
	struct store_suite suite = {
		.name = endpoint,
		.make = server_make,
		.clean = server_clean,
		.transactions = !lacks || !strstr(lacks, "transactions"),
		.documents = !lacks || !strstr(lacks, "documents"),
		.data = &server,
	};

	const struct http_curl_options options = { .clock = clock_system(), .user_agent = "dynconf-test" };

	if (http_curl_global_init(NULL) < 0 || http_curl_new(&options, &server.http, NULL) < 0)
		return 1;
	int failed = store_suite_run(&suite);
	http_free(server.http);
	return failed;
}

/* ---- Opening ---- */

static void open_fails(const struct store_dynamodb_config *config, int number, const char *sentence)
{
	struct store *store = new_store(config);
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	assert_int_equal(store_open(store, &call, &e), -number);
	if (!strstr(e.text, sentence))
		fail_msg("not \"%s\" but: %s", sentence, e.text);
	store_free(store);
}

static void test_creates(void **state)
{
	struct fake_dynamodb *fake = *state;

	fake->creating = 5;
	store_free(fake_dynamodb_open(fake));
	assert_string_equal(json_string_value(json_object_get(fake->table, "TableStatus")), "ACTIVE");
	unsigned before = fake->requests;
	store_free(fake_dynamodb_open(fake));
	assert_int_equal(fake->requests, before + 1);
}

static void test_creates_not(void **state)
{
	struct store_dynamodb_config config = fake_dynamodb_config(*state);

	config.create = false;
	open_fails(&config, ENXIO, "create=yes");
}

static void test_creation_takes_too_long(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store_dynamodb_config config = fake_dynamodb_config(fake);

	fake->creating = 1 << 20;
	open_fails(&config, ETIMEDOUT, "not yet ACTIVE");
}

/* Another host creates the table between our look and our creation; and the next look does not yet show it. */
static enum fake_fate create_in_between(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	static const char other[] =
		"{\"TableStatus\": \"ACTIVE\", \"KeySchema\": ["
		"{\"AttributeName\": \"_store\", \"KeyType\": \"HASH\"},"
		"{\"AttributeName\": \"_option\", \"KeyType\": \"RANGE\"}], \"AttributeDefinitions\": ["
		"{\"AttributeName\": \"_store\", \"AttributeType\": \"S\"},"
		"{\"AttributeName\": \"_option\", \"AttributeType\": \"S\"}]}";

	(void)body;
	fake->hook_count++;
	if (strcmp(operation, "CreateTable") == 0)
		fake->table = json_loads(other, 0, NULL);
	return FAKE_DO;
}

static void test_created_by_another(void **state)
{
	struct fake_dynamodb *fake = *state;

	fake->hook = create_in_between;
	store_free(fake_dynamodb_open(fake));
	assert_int_equal(fake->hook_count, 3);
}

static void test_status(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store_dynamodb_config config = fake_dynamodb_config(fake);

	store_free(fake_dynamodb_open(fake));
	json_object_set_new(fake->table, "TableStatus", json_string("UPDATING"));
	store_free(fake_dynamodb_open(fake));
	json_object_set_new(fake->table, "TableStatus", json_string("DELETING"));
	open_fails(&config, ENXIO, "DELETING");
}

static void test_schema(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store_dynamodb_config config = fake_dynamodb_config(fake);

	store_free(fake_dynamodb_open(fake));
	config.store_key = "hash";
	open_fails(&config, EINVAL,
		   "table conf has hash key _store (S) and range key _option (S), but dynconf expects hash key "
		   "hash (S) and range key _option (S)");
	config = fake_dynamodb_config(fake);
	config.option_key = "range";
	open_fails(&config, EINVAL, "store-key= and option-key=");
	json_array_remove(json_object_get(fake->table, "KeySchema"), 1);
	config = fake_dynamodb_config(fake);
	open_fails(&config, EINVAL, "and no range key");
}

static void test_other_key_names(void **state)
{
	struct store_dynamodb_config config = fake_dynamodb_config(*state);
	struct store_call call = suite_call();

	config.store_key = "a";
	config.option_key = "b";
	struct store *store = new_store(&config);
	assert_int_equal(store_open(store, &call, NULL), 0);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "_store", "v"), 0);
	assert_int_equal(suite_put(store, "o", "a", "v"), -EINVAL);
	assert_int_equal(suite_put(store, "o", "b", "v"), -EINVAL);
	suite_expect(store, "s/o/\ns/o/_store S v\n");
	store_free(store);
}

/* ---- Loading ---- */

static void fill(struct store *store, int n)
{
	char option[16];

	for (int i = 0; i < n; i++) {
		snprintf(option, sizeof(option), "o%03d", i);
		assert_int_equal(suite_mkdir(store, option), 0);
	}
}

static enum fake_fate break_second_page(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)fake;
	return strcmp(operation, "Scan") == 0 && json_object_get(body, "ExclusiveStartKey") ? FAKE_BREAK : FAKE_DO;
}

static void test_broken_page(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	_buf_cleanup_ struct buf lines = BUF_INIT(1 << 20);
	struct store_sink sink = { .item = suite_sink, .data = &lines };
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	fill(store, 10);
	fake->hook = break_second_page;
	assert_int_equal(store_load(store, &call, NULL, &sink, &e), -EIO);
	assert_true(e.text[0]);
	store_free(store);
}

struct pages_told {
	struct buf lines;
	int throttled, answered;
};

static void count_page(void *data, bool throttled)
{
	struct pages_told *told = data;

	*(throttled ? &told->throttled : &told->answered) += 1;
}

/* The client's own patience ends with the deadline of a request; so many refusals last for several. */
static enum fake_fate throttle_second_page(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	if (strcmp(operation, "Scan") != 0 || !json_object_get(body, "ExclusiveStartKey"))
		return FAKE_DO;
	if (fake->hook_count == 0)
		return FAKE_DO;
	fake->hook_count--;
	atomic_fetch_add(&fake->now, 10 * CLOCK_SECOND);
	return FAKE_THROTTLE;
}

static void test_patient(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);
	struct pages_told told = { .lines = BUF_INIT(1 << 20) };
	struct store_sink sink = { .item = suite_sink, .data = &told, .page = count_page };
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	fill(store, 20);
	call.timeout = CLOCK_SECOND;
	fake->hook = throttle_second_page;
	fake->hook_count = 5;
	assert_int_equal(store_load(store, &call, NULL, &sink, &e), -EBUSY);
	assert_int_equal(told.throttled, 0);
	buf_reset(&told.lines);
	fake->hook_count = 5;
	sink.patient = true;
	told.answered = 0;
	assert_int_equal(store_load(store, &call, NULL, &sink, &e), 0);
	assert_int_equal(told.throttled, 5);
	assert_int_equal(told.answered, 3);
	assert_int_equal(told.lines.len, 20 * strlen("s/o000/\n"));
	buf_deinit(&told.lines);
	store_free(store);
}

static enum fake_fate no_scan(struct fake_dynamodb *fake, const char *operation, const json_t *body)
{
	(void)body;
	fake->hook_count += strcmp(operation, "Scan") == 0;
	return FAKE_DO;
}

static void test_only_never_scans(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);

	fill(store, 20);
	fake->hook = no_scan;
	char *dump = suite_dump(store, "s");
	assert_int_equal(strlen(dump), 20 * strlen("s/o000/\n"));
	free(dump);
	assert_int_equal(fake->hook_count, 0);
	store_free(store);
}

static void test_odd_attributes(void **state)
{
	struct fake_dynamodb *fake = *state;
	struct store *store = fake_dynamodb_open(fake);

	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "k", "v"), 0);
	json_t *item = fake_dynamodb_item(fake, "s", "o");
	json_object_set_new(item, "odd", json_pack("{s:s}", "Q", "x"));
	json_object_set_new(item, "odder", json_string("x"));
	json_object_set_new(item, "last", json_pack("{s:s}", "S", "w"));
	json_array_append_new(fake->items, json_pack("{s:{s:s}}", "_store", "S", "without option"));
	suite_expect(store, "s/o/\ns/o/k S v\ns/o/last S w\n");
	store_free(store);
}

static void test_units(void **state)
{
	struct store *store = fake_dynamodb_open(*state);
	struct store_call call = suite_call();
	struct change change = { .kind = CHANGE_MKDIR, .to = suite_place("s", "o", NULL) };
	_buf_cleanup_ struct buf lines = BUF_INIT(1 << 20);
	struct store_sink sink = { .item = suite_sink, .data = &lines };

	assert_int_equal(store_apply(store, &call, &change, NULL), 0);
	assert_true(call.write_units > 0.9 && call.write_units < 1.1);
	assert_int_equal(store_load(store, &call, NULL, &sink, NULL), 0);
	assert_int_equal(store_load_option(store, &call, &change.to, &sink, NULL), 0);
	assert_true(call.read_units > 0.9 && call.read_units < 1.1);
	store_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_dynamodb_make, fake_dynamodb_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_creates),
		TEST(test_creates_not),
		TEST(test_creation_takes_too_long),
		TEST(test_created_by_another),
		TEST(test_status),
		TEST(test_schema),
		TEST(test_other_key_names),
		TEST(test_broken_page),
		TEST(test_patient),
		TEST(test_only_never_scans),
		TEST(test_odd_attributes),
		TEST(test_units),
	};
	const char *endpoint = getenv("DYNCONF_TEST_ENDPOINT");

	if (endpoint && endpoint[0])
		return run_on_server(endpoint);
	struct store_suite suite = { .name = "with transactions",
				     .make = suite_make,
				     .clean = suite_clean,
				     .transactions = true,
				     .documents = true };
	int failed = store_suite_run(&suite);
	suite.name = "without transactions";
	suite.transactions = false;
	failed += store_suite_run(&suite);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
