/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_dynamodb.h"
#include "tests/unit/store_suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EXPRESSION_MAX = 4096, TOKEN_MAX = 512, FAKE_ITEM_MAX = 400 * 1024, NANOS_A_LOOK = 1000 };

/* ---- Time ---- */

static struct fake_dynamodb *of_clock(struct clock *clock)
{
	return (struct fake_dynamodb *)(void *)((char *)clock - offsetof(struct fake_dynamodb, clock));
}

static int64_t fake_wall(struct clock *clock)
{
	(void)clock;
	return clock_wall(clock_system());
}

static int64_t fake_mono(struct clock *clock)
{
	return atomic_fetch_add(&of_clock(clock)->now, NANOS_A_LOOK);
}

static int fake_sleep(struct clock *clock, int64_t until, int cancel_fd)
{
	struct fake_dynamodb *fake = of_clock(clock);

	if (clock_sleep(clock_system(), clock_mono(clock_system()), cancel_fd) < 0)
		return -ECANCELED;
	if (until > atomic_load(&fake->now))
		atomic_store(&fake->now, until);
	return 0;
}

static const struct clock_ops fake_clock = { fake_wall, fake_mono, fake_sleep };

/* ---- Items ---- */

static const char *key_name(const struct fake_dynamodb *fake, size_t i)
{
	const json_t *schema = json_object_get(fake->table, "KeySchema");

	return json_string_value(json_object_get(json_array_get(schema, i), "AttributeName"));
}

static bool same_key(const struct fake_dynamodb *fake, const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < 2 && key_name(fake, i); i++) {
		if (!json_equal(json_object_get(a, key_name(fake, i)), json_object_get(b, key_name(fake, i))))
			return false;
	}
	return true;
}

static json_t *key_of(const struct fake_dynamodb *fake, const json_t *item)
{
	json_t *key = json_object();

	for (size_t i = 0; i < 2 && key_name(fake, i); i++)
		json_object_set(key, key_name(fake, i), json_object_get(item, key_name(fake, i)));
	return key;
}

static json_t *find(const struct fake_dynamodb *fake, const json_t *key)
{
	json_t *item;
	size_t i;

	json_array_foreach(fake->items, i, item)
	{
		if (same_key(fake, item, key))
			return item;
	}
	return NULL;
}

static void drop(struct fake_dynamodb *fake, const json_t *key)
{
	json_t *item;
	size_t i;

	json_array_foreach(fake->items, i, item)
	{
		if (same_key(fake, item, key)) {
			json_array_remove(fake->items, i);
			return;
		}
	}
}

json_t *fake_dynamodb_item(struct fake_dynamodb *fake, const char *store, const char *option)
{
	json_t *key = json_pack("{s:{s:s}, s:{s:s}}", key_name(fake, 0), "S", store, key_name(fake, 1), "S", option);
	json_t *item = find(fake, key);

	json_decref(key);
	return item;
}

/* ---- Expressions ---- */

struct expression {
	const char *at;
	const json_t *names, *values;
	json_t *used; /* placeholders */
	bool bad;
};

static bool next_token(struct expression *x, char *token)
{
	x->at += strspn(x->at, " (),");
	size_t len = strcspn(x->at, " (),");
	if (len == 0 || len >= TOKEN_MAX)
		return false;
	memcpy(token, x->at, len);
	token[len] = '\0';
	x->at += len;
	return true;
}

static const char *name_of(struct expression *x, const char *token)
{
	const char *name = json_string_value(json_object_get(x->names, token));

	json_object_set_new(x->used, token, json_true());
	x->bad |= !name;
	return name ? name : "";
}

static json_t *value_of(struct expression *x, const char *token)
{
	json_t *value = json_object_get(x->values, token);

	json_object_set_new(x->used, token, json_true());
	x->bad |= !value;
	return value;
}

static bool condition_holds(struct expression *x, const char *text, const json_t *item)
{
	char token[TOKEN_MAX], other[TOKEN_MAX];
	bool holds = true, before = false; /* what stands before the last OR */

	x->at = text ? text : "";
	x->bad |= strlen(x->at) > EXPRESSION_MAX;
	while (next_token(x, token)) {
		if (strcmp(token, "AND") == 0)
			continue;
		if (strcmp(token, "OR") == 0) {
			before |= holds;
			holds = true;
			continue;
		}
		if (strcmp(token, "attribute_type") == 0) {
			x->bad |= !next_token(x, token) || !next_token(x, other);
			const json_t *type = json_object_get(value_of(x, other), "S");
			holds &= !!json_object_get(json_object_get(item, name_of(x, token)), json_string_value(type));
			continue;
		}
		bool exists = strcmp(token, "attribute_exists") == 0;
		if (exists || strcmp(token, "attribute_not_exists") == 0) {
			x->bad |= !next_token(x, other);
			holds &= exists == !!json_object_get(item, name_of(x, other));
			continue;
		}
		const json_t *found = json_object_get(item, name_of(x, token));
		x->bad |= !next_token(x, other) || strcmp(other, "=") != 0 || !next_token(x, other);
		const json_t *value = value_of(x, other);
		holds &= found && json_equal(found, value);
	}
	return before || holds;
}

static void update_item(struct expression *x, const char *text, json_t *item)
{
	char token[TOKEN_MAX], value[TOKEN_MAX];
	bool set = false;

	x->at = text ? text : "";
	x->bad |= strlen(x->at) > EXPRESSION_MAX;
	while (next_token(x, token)) {
		if (strcmp(token, "SET") == 0 || strcmp(token, "REMOVE") == 0) {
			set = token[0] == 'S';
			continue;
		}
		const char *name = name_of(x, token);
		if (!set) {
			json_object_del(item, name);
			continue;
		}
		x->bad |= !next_token(x, value) || strcmp(value, "=") != 0 || !next_token(x, value);
		if (strcmp(value, "if_not_exists") == 0) {
			x->bad |= !next_token(x, value) || strcmp(value, token) != 0 || !next_token(x, value);
			if (!json_object_get(item, name))
				json_object_set(item, name, value_of(x, value));
			else
				value_of(x, value);
		} else {
			json_object_set(item, name, value_of(x, value));
		}
	}
}

/* ---- Answers ---- */

static int say(struct http_response *response, int status, const char *code, const char *message)
{
	response->status = status;
	buf_printf(&response->body, "{\"__type\": \"com.amazonaws.dynamodb.v20120810#%s\", \"message\": \"%s\"}", code,
		   message);
	return status;
}

static int invalid(struct http_response *response, const char *message)
{
	return say(response, 400, "ValidationException", message);
}

/* Steals `answer`. */
static int answer_with(struct http_response *response, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	response->status = 200;
	buf_str(&response->body, text);
	free(text);
	json_decref(answer);
	return 200;
}

static json_t *units(const char *operation)
{
	bool read =
		strcmp(operation, "GetItem") == 0 || strcmp(operation, "Scan") == 0 || strcmp(operation, "Query") == 0;

	return json_pack("{s:{s:f}}", "ConsumedCapacity", "CapacityUnits", read ? 0.5 : 1.0);
}

/* ---- Operations ---- */

static int describe_table(struct fake_dynamodb *fake, const json_t *body, struct http_response *response)
{
	(void)body;
	if (!fake->table)
		return say(response, 400, "ResourceNotFoundException", "no such table");
	if (fake->creating > 0 && --fake->creating == 0)
		json_object_set_new(fake->table, "TableStatus", json_string("ACTIVE"));
	return answer_with(response, json_pack("{s:O}", "Table", fake->table));
}

static int create_table(struct fake_dynamodb *fake, const json_t *body, struct http_response *response)
{
	if (fake->table)
		return say(response, 400, "ResourceInUseException", "Table already exists");
	fake->table = json_deep_copy(body);
	json_object_set_new(fake->table, "TableStatus", json_string(fake->creating > 0 ? "CREATING" : "ACTIVE"));
	return answer_with(response, json_pack("{s:O}", "TableDescription", fake->table));
}

static int get_item(struct fake_dynamodb *fake, const json_t *body, struct http_response *response)
{
	json_t *answer = units("GetItem"), *item = find(fake, json_object_get(body, "Key"));

	if (item)
		json_object_set(answer, "Item", item);
	return answer_with(response, answer);
}

static int pages(struct fake_dynamodb *fake, const json_t *body, struct http_response *response)
{
	const json_t *start = json_object_get(body, "ExclusiveStartKey");
	const json_t *only = json_object_get(json_object_get(body, "ExpressionAttributeValues"), ":h");
	json_t *page = json_array(), *answer = units("Scan"), *item, *last = NULL;
	bool started = !start;
	size_t i;

	json_array_foreach(fake->items, i, item)
	{
		if (started && json_array_size(page) == fake->page_items) {
			json_object_set_new(answer, "LastEvaluatedKey", key_of(fake, last));
			break;
		}
		if (started && (!only || json_equal(only, json_object_get(item, key_name(fake, 0))))) {
			json_array_append(page, item);
			last = item;
		}
		started |= start && same_key(fake, item, start);
	}
	json_object_set_new(answer, "Items", page);
	return answer_with(response, answer);
}

static size_t item_size(const json_t *item)
{
	char *text = json_dumps(item, JSON_COMPACT);
	size_t len = strlen(text);

	free(text);
	return len;
}

/* What a write makes of its item. `*after` is owned, NULL: no item. Returns 200, or the status that was said. */
static int plan(struct fake_dynamodb *fake, const json_t *write, json_t **after, bool *holds,
		struct http_response *response)
{
	const json_t *key = json_object_get(write, "Key"), *item = json_object_get(write, "Item");
	const json_t *found = find(fake, key ? key : item);
	const char *update = json_string_value(json_object_get(write, "UpdateExpression"));
	struct expression x = { .names = json_object_get(write, "ExpressionAttributeNames"),
				.values = json_object_get(write, "ExpressionAttributeValues"),
				.used = json_object() };

	*holds = condition_holds(&x, json_string_value(json_object_get(write, "ConditionExpression")), found);
	*after = NULL;
	if (item)
		*after = json_deep_copy(item);
	if (update) {
		*after = json_deep_copy(found ? found : key);
		update_item(&x, update, *after);
	}
	bool unused = json_object_size(x.used) != json_object_size(x.names) + json_object_size(x.values);
	json_decref(x.used);
	if (x.bad || unused)
		return invalid(response, unused ? "Value unused in expressions" : "Invalid expression");
	return *after && item_size(*after) > FAKE_ITEM_MAX
		       ? invalid(response, "Item size to update has exceeded the maximum allowed size")
		       : 200;
}

static void carry_out(struct fake_dynamodb *fake, const json_t *write, json_t *after)
{
	const json_t *key = json_object_get(write, "Key");

	drop(fake, key ? key : json_object_get(write, "Item"));
	if (after)
		json_array_append(fake->items, after);
}

static int write_item(struct fake_dynamodb *fake, const json_t *body, struct http_response *response)
{
	const json_t *key = json_object_get(body, "Key");
	json_t *old = json_incref(find(fake, key ? key : json_object_get(body, "Item"))), *after = NULL;
	bool holds;

	int status = plan(fake, body, &after, &holds, response);
	if (status == 200 && !holds)
		status = say(response, 400, "ConditionalCheckFailedException", "The conditional request failed");
	if (status == 200) {
		json_t *answer = units("UpdateItem");
		carry_out(fake, body, after);
		if (old && json_object_get(body, "ReturnValues"))
			json_object_set(answer, "Attributes", old);
		answer_with(response, answer);
	}
	json_decref(old);
	json_decref(after);
	return status;
}

static int transact(struct fake_dynamodb *fake, const json_t *body, struct http_response *response)
{
	const json_t *actions = json_object_get(body, "TransactItems");
	json_t *action, *after[DYNAMODB_TRANSACT_MAX] = { NULL };
	size_t n = json_array_size(actions);
	bool all = true;
	int status = 200;
	size_t i;

	if (!fake->transactions)
		return say(response, 400, "UnknownOperationException", "");
	if (n > DYNAMODB_TRANSACT_MAX)
		return invalid(response, "Member must have length less than or equal to 100");
	for (i = 0; i < n && status == 200; i++) {
		bool holds;
		action = json_object_iter_value(json_object_iter(json_array_get(actions, i)));
		status = plan(fake, action, &after[i], &holds, response);
		all &= holds;
	}
	if (status == 200 && !all) {
		response->status = status = 400;
		buf_str(&response->body, "{\"__type\": \"x#TransactionCanceledException\", \"message\": \"Transaction "
					 "cancelled, please refer cancellation reasons for specific reasons "
					 "[ConditionalCheckFailed, None]\", \"CancellationReasons\": "
					 "[{\"Code\": \"ConditionalCheckFailed\"}, {\"Code\": \"None\"}]}");
	}
	for (i = 0; i < n && status == 200; i++)
		carry_out(fake, json_object_iter_value(json_object_iter(json_array_get(actions, i))), after[i]);
	for (i = 0; i < n; i++)
		json_decref(after[i]);
	return status == 200 ? answer_with(response, json_object()) : status;
}

static const struct {
	const char *name;
	int (*run)(struct fake_dynamodb *fake, const json_t *body, struct http_response *response);
} operations[] = {
	{ "DescribeTable", describe_table },
	{ "CreateTable", create_table },
	{ "GetItem", get_item },
	{ "Scan", pages },
	{ "Query", pages },
	{ "PutItem", write_item },
	{ "UpdateItem", write_item },
	{ "DeleteItem", write_item },
	{ "TransactWriteItems", transact },
};

static const char *operation_of(const struct http_request *request)
{
	for (size_t i = 0; i < request->n_headers; i++) {
		if (strcasecmp(request->headers[i].name, "X-Amz-Target") == 0)
			return strchr(request->headers[i].value, '.') + 1;
	}
	return "";
}

static void dispatch(struct fake_dynamodb *fake, const char *operation, const json_t *body,
		     struct http_response *response)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, operation) == 0) {
			operations[i].run(fake, body, response);
			return;
		}
	}
	say(response, 400, "UnknownOperationException", "");
}

static int perform(struct http *http, const struct http_request *request, struct http_response *response, bool *sent,
		   struct error *e)
{
	struct fake_dynamodb *fake = (struct fake_dynamodb *)(void *)http;
	const char *operation = operation_of(request);
	json_t *body = json_loadb(request->body, request->body_len, JSON_ALLOW_NUL, NULL);
	enum fake_fate fate = FAKE_DO;

	*sent = true;
	buf_reset(&response->body);
	pthread_mutex_lock(&fake->lock);
	fake->requests++;
	if (fake->hook)
		fate = fake->hook(fake, operation, body);
	if (fate == FAKE_DO || fate == FAKE_LOSE)
		dispatch(fake, operation, body, response);
	if (fate == FAKE_THROTTLE)
		say(response, 400, "ProvisionedThroughputExceededException", "too fast");
	json_decref(body);
	pthread_mutex_unlock(&fake->lock);
	if (fate == FAKE_LOSE || fate == FAKE_BREAK)
		return error_set(e, EIO, "the connection broke");
	return 0;
}

/* ---- The object ---- */

/* The pair of AWS's own examples: ExtendDB takes no other. */
static const char *environment(void *data, const char *name)
{
	(void)data;
	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
		return "AKIAIOSFODNN7EXAMPLE";
	return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" : NULL;
}

static uint32_t no_jitter(void *data)
{
	(void)data;
	return 0;
}

void fake_dynamodb_connect(struct fake_dynamodb *fake, struct http *http, const char *endpoint)
{
	const struct credentials_context context = { .getenv = environment, .clock = &fake->clock };
	struct client_config config = {
		.service = "dynamodb",
		.region = "us-east-1",
		.endpoint = endpoint,
		.http = http,
		.clock = http == &fake->http ? &fake->clock : clock_system(),
		.random = no_jitter,
	};

	dynamodb_free(fake->db);
	client_free(fake->client);
	if (!fake->credentials)
		credentials_chain_new(&context, &fake->credentials, NULL);
	config.credentials = fake->credentials;
	client_new(&config, &fake->client, NULL);
	dynamodb_new(fake->client, &fake->db, NULL);
}

static void ignore_free(struct http *http)
{
	(void)http;
}

struct fake_dynamodb *fake_dynamodb_new(void)
{
	static const struct http_ops ops = { perform, ignore_free };
	struct fake_dynamodb *fake = calloc(1, sizeof(*fake));

	fake->http.ops = &ops;
	fake->clock.ops = &fake_clock;
	fake->now = clock_mono(clock_system());
	fake->items = json_array();
	fake->transactions = true;
	fake->page_items = 7;
	pthread_mutex_init(&fake->lock, NULL);
	fake_dynamodb_connect(fake, &fake->http, "http://fake.test:8000");
	return fake;
}

void fake_dynamodb_free(struct fake_dynamodb *fake)
{
	dynamodb_free(fake->db);
	client_free(fake->client);
	credentials_chain_free(fake->credentials);
	json_decref(fake->table);
	json_decref(fake->items);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

/* ---- A store on it ---- */

struct store_dynamodb_config fake_dynamodb_config(struct fake_dynamodb *fake)
{
	return (struct store_dynamodb_config){
		.db = fake->db,
		.clock = &fake->clock,
		.table = "conf",
		.store_key = "_store",
		.option_key = "_option",
		.region = "us-east-1",
		.endpoint = "http://fake.test:8000",
		.create = true,
		.read_units = 1,
		.write_units = 1,
	};
}

struct store *fake_dynamodb_open(struct fake_dynamodb *fake)
{
	struct store_dynamodb_config config = fake_dynamodb_config(fake);
	struct store_call call = suite_call();
	struct store *store;
	struct error e = ERROR_NULL;

	if (store_dynamodb_new(&config, &store, &e) < 0 || store_open(store, &call, &e) < 0)
		fail_msg("%s", e.text);
	return store;
}

int fake_dynamodb_make(void **state)
{
	*state = fake_dynamodb_new();
	return 0;
}

int fake_dynamodb_clean(void **state)
{
	fake_dynamodb_free(*state);
	return 0;
}
