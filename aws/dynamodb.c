/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/dynamodb.h"
#include "aws/dynamodb_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A page holds 1 MB of items as DynamoDB counts them; JSON with every byte escaped is several times that. */
enum { ANSWER_MAX = 64 << 20, TARGET_MAX = 64 };

struct dynamodb {
	struct client *client;
};

/* What an answer must hold to be one. */
struct operation {
	const char *name;
	const char *required; /* a member that is always there, NULL: none; */
	json_type type;       /* an object, or an array of objects */
	const char *optional; /* a member that is an object when it is there */
	bool reads;           /* which units it consumes */
};

static const struct operation describe_table = { "DescribeTable", "Table", JSON_OBJECT, NULL, true };
static const struct operation create_table = { "CreateTable", "TableDescription", JSON_OBJECT, NULL, false };
static const struct operation get_item = { "GetItem", NULL, JSON_NULL, "Item", true };
static const struct operation scan = { "Scan", "Items", JSON_ARRAY, "LastEvaluatedKey", true };
static const struct operation query = { "Query", "Items", JSON_ARRAY, "LastEvaluatedKey", true };
static const struct operation transact = { "TransactWriteItems", NULL, JSON_NULL, NULL, false };

/* By enum dynamodb_write_kind: the operation, its name within a transaction, and what the item is called there. */
static const struct {
	struct operation operation;
	const char *action, *item;
} writes_by_kind[] = {
	[DYNAMODB_PUT] = { { "PutItem", NULL, JSON_NULL, "Attributes", false }, "Put", "Item" },
	[DYNAMODB_UPDATE] = { { "UpdateItem", NULL, JSON_NULL, "Attributes", false }, "Update", "Key" },
	[DYNAMODB_DELETE] = { { "DeleteItem", NULL, JSON_NULL, "Attributes", false }, "Delete", "Key" },
	[DYNAMODB_CHECK] = { { NULL, NULL, JSON_NULL, NULL, false }, "ConditionCheck", "Key" },
};

static void json_cleanup(json_t **value)
{
	json_decref(*value);
}

#define _json_cleanup_ __attribute__((cleanup(json_cleanup)))

int dynamodb_new(struct client *client, struct dynamodb **db, struct error *e)
{
	struct dynamodb *made = malloc(sizeof(*made));

	if (!made)
		return error_no_memory(e);
	made->client = client;
	*db = made;
	return 0;
}

void dynamodb_free(struct dynamodb *db)
{
	free(db);
}

/* The member, NULL where it is absent, null or an empty object: engines differ in how they say "none". */
static json_t *present(const json_t *object, const char *name)
{
	json_t *member = name ? json_object_get(object, name) : NULL;

	return json_is_null(member) || (json_is_object(member) && !json_object_size(member)) ? NULL : member;
}

static size_t has(const json_t *object, const char *name)
{
	return json_object_get(object, name) ? 1 : 0;
}

static bool all_objects(const json_t *array)
{
	json_t *element;
	size_t i;

	json_array_foreach(array, i, element)
	{
		if (!json_is_object(element))
			return false;
	}
	return true;
}

struct answer {
	const struct operation *operation;
	json_t *root; /* owned */
};

/* Parses and checks the shape: what is not an answer of this operation is asked for again by the client. */
static int check_answer(void *data, const struct buf *body, struct error *e)
{
	struct answer *answer = data;
	const struct operation *o = answer->operation;
	_json_cleanup_ json_t *root = NULL;
	json_error_t why = { .position = 0 };

	root = dynamodb_json_load(buf_text(body), body->len, &why);
	if (!root)
		/* jansson's own words would quote what stands there: somebody's password, maybe. */
		return error_set(e, EIO, "it is no JSON at byte %d", why.position);
	if (!json_is_object(root))
		return error_set(e, EIO, "it is no JSON object");
	const json_t *required = o->required ? json_object_get(root, o->required) : NULL;
	if (o->required && (!required || json_typeof(required) != o->type || !all_objects(required)))
		return error_set(e, EIO, "%s is missing or malformed", o->required);
	const json_t *optional = present(root, o->optional);
	if (optional && !json_is_object(optional))
		return error_set(e, EIO, "%s is malformed", o->optional);
	/* Absence is believed only where nothing else is said. */
	if (o == &get_item && !optional && json_object_size(root) > has(root, "Item") + has(root, "ConsumedCapacity"))
		return error_set(e, EIO, "it has neither an item nor none");
	json_decref(answer->root);
	answer->root = json_incref(root);
	return 0;
}

static double units_of(const json_t *consumed)
{
	double units = json_number_value(json_object_get(consumed, "CapacityUnits")), sum = 0;
	json_t *element;
	size_t i;

	json_array_foreach(consumed, i, element) sum += units_of(element);
	/* Nothing costs less than nothing, whatever an engine says. */
	return sum + (units > 0 ? units : 0);
}

/* One request and its answer; steals `body`, which is NULL when it could not be made. */
static int perform(struct dynamodb *db, struct dynamodb_call *call, const struct operation *o, json_t *body,
		   json_t **root, struct error *e)
{
	_json_cleanup_ json_t *request = body;
	_buf_cleanup_ struct buf bytes = BUF_INIT(ANSWER_MAX);
	struct answer answer = { .operation = o };
	char target[TARGET_MAX];
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	if (!text)
		return error_set(e, EINVAL, "%s: the request cannot be made: is every name in it UTF-8?", o->name);
	snprintf(target, sizeof(target), "DynamoDB_20120810.%s", o->name);
	struct client_call request_call = {
		.target = target,
		.content_type = "application/x-amz-json-1.0",
		.body = text,
		.body_len = strlen(text),
		.deadline = call->deadline,
		.cancel_fd = call->cancel_fd,
		.max_answer = ANSWER_MAX,
		.check = check_answer,
		.check_data = &answer,
	};
	int rc = client_perform(db->client, &request_call, &bytes, &call->outcome, e);
	free(text);
	if (rc < 0) {
		const char *table = json_string_value(json_object_get(request, "TableName"));
		if (table)
			error_context(e, "table %s", table);
		json_decref(answer.root);
		return rc;
	}
	double *units = o->reads ? &call->read_units : &call->write_units;
	*units += units_of(json_object_get(answer.root, "ConsumedCapacity"));
	*root = answer.root;
	return 0;
}

static bool copy_text(const json_t *object, const char *name, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text || strlen(text) >= size)
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

static int64_t count_of(const json_t *object, const char *name)
{
	const json_t *number = json_object_get(object, name);
	double value = json_number_value(number);

	if (json_is_integer(number))
		return json_integer_value(number);
	return value >= 0 && value < 9e18 ? (int64_t)value : 0;
}

static bool read_type(const json_t *table, const char *key, char *type, size_t size)
{
	const json_t *definitions = json_object_get(table, "AttributeDefinitions"), *definition;
	size_t i;

	json_array_foreach(definitions, i, definition)
	{
		const char *name = json_string_value(json_object_get(definition, "AttributeName"));
		if (name && strcmp(name, key) == 0)
			return copy_text(definition, "AttributeType", type, size);
	}
	return false;
}

static bool read_keys(const json_t *table, struct dynamodb_table *out)
{
	const json_t *schema = json_object_get(table, "KeySchema"), *key;
	size_t i;

	json_array_foreach(schema, i, key)
	{
		const char *kind = json_string_value(json_object_get(key, "KeyType"));
		bool range = kind && strcmp(kind, "RANGE") == 0;
		if (!copy_text(key, "AttributeName", range ? out->range_key : out->hash_key, sizeof(out->hash_key)))
			return false;
	}
	return out->hash_key[0] && read_type(table, out->hash_key, out->hash_type, sizeof(out->hash_type)) &&
	       (!out->range_key[0] || read_type(table, out->range_key, out->range_type, sizeof(out->range_type)));
}

static int read_table(const json_t *table, struct dynamodb_table *out, struct error *e)
{
	const json_t *throughput = json_object_get(table, "ProvisionedThroughput");
	const char *mode =
		json_string_value(json_object_get(json_object_get(table, "BillingModeSummary"), "BillingMode"));

	if (!copy_text(table, "TableStatus", out->status, sizeof(out->status)))
		return error_set(e, EIO, "table %s: it was described without a status", out->name);
	if (!read_keys(table, out))
		return error_set(e, EIO, "table %s: it was described without its keys", out->name);
	copy_text(table, "TableArn", out->arn, sizeof(out->arn));
	out->on_demand = mode && strcmp(mode, "PAY_PER_REQUEST") == 0;
	out->read_units = count_of(throughput, "ReadCapacityUnits");
	out->write_units = count_of(throughput, "WriteCapacityUnits");
	out->item_count = count_of(table, "ItemCount");
	out->size_bytes = count_of(table, "TableSizeBytes");
	return 0;
}

int dynamodb_describe_table(struct dynamodb *db, struct dynamodb_call *call, const char *table,
			    struct dynamodb_table *out, struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	struct dynamodb_table found = { 0 };
	int rc = perform(db, call, &describe_table, json_pack("{s:s}", "TableName", table), &root, e);

	if (rc < 0)
		return rc;
	snprintf(found.name, sizeof(found.name), "%s", table);
	rc = read_table(json_object_get(root, "Table"), &found, e);
	if (rc == 0)
		*out = found;
	return rc;
}

static json_t *key_list(const struct dynamodb_create *create, const char *member, const char *hash, const char *range)
{
	json_t *list = json_pack("[{s:s, s:s}]", "AttributeName", create->hash_key, member, hash);

	if (list && create->range_key &&
	    json_array_append_new(list, json_pack("{s:s, s:s}", "AttributeName", create->range_key, member, range)) <
		    0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *throughput_of(const struct dynamodb_create *create)
{
	if (create->on_demand)
		return NULL;
	return json_pack("{s:I, s:I}", "ReadCapacityUnits", (json_int_t)create->read_units, "WriteCapacityUnits",
			 (json_int_t)create->write_units);
}

int dynamodb_create_table(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_create *create,
			  struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	/* BillingMode only where it differs from the default: older engines do not know it. */
	json_t *body =
		json_pack("{s:s, s:o, s:o, s:s*, s:o*}", "TableName", create->table, "KeySchema",
			  key_list(create, "KeyType", "HASH", "RANGE"), "AttributeDefinitions",
			  key_list(create, "AttributeType", "S", "S"), "BillingMode",
			  create->on_demand ? "PAY_PER_REQUEST" : NULL, "ProvisionedThroughput", throughput_of(create));
	int rc = perform(db, call, &create_table, body, &root, e);

	if (rc == -EBUSY && call->outcome.code && strcmp(call->outcome.code, "ResourceInUseException") == 0)
		return error_set(e, EEXIST, "table %s: it exists already", create->table);
	return rc;
}

/* A member of the answer for the caller to own. */
static json_t *take(const json_t *root, const char *name)
{
	return json_incref(present(root, name));
}

int dynamodb_get_item(struct dynamodb *db, struct dynamodb_call *call, const char *table, json_t *key, bool consistent,
		      json_t **item, struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	json_t *body = json_pack("{s:s, s:O, s:b, s:s}", "TableName", table, "Key", key, "ConsistentRead", consistent,
				 "ReturnConsumedCapacity", "TOTAL");
	int rc = perform(db, call, &get_item, body, &root, e);

	if (rc == 0)
		*item = take(root, "Item");
	return rc;
}

static json_t *page_body(const struct dynamodb_pages *pages)
{
	const char *hash = pages->hash_key;
	json_t *names = hash ? json_pack("{s:s}", "#h", hash) : NULL;
	json_t *values = hash ? json_pack("{s:{s:s}}", ":h", "S", pages->hash_value) : NULL;

	return json_pack("{s:s, s:b, s:s, s:s*, s:o*, s:o*, s:O*}", "TableName", pages->table, "ConsistentRead",
			 pages->consistent, "ReturnConsumedCapacity", "TOTAL", "KeyConditionExpression",
			 hash ? "#h = :h" : NULL, "ExpressionAttributeNames", names, "ExpressionAttributeValues",
			 values, "ExclusiveStartKey", pages->start);
}

int dynamodb_next_page(struct dynamodb *db, struct dynamodb_call *call, struct dynamodb_pages *pages, json_t **items,
		       struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	int rc = perform(db, call, pages->hash_key ? &query : &scan, page_body(pages), &root, e);

	if (rc < 0)
		return rc;
	json_t *last = present(root, "LastEvaluatedKey");
	if (last && json_equal(last, pages->start))
		return error_set(e, EIO, "table %s: the server gives the same page again and again", pages->table);
	json_decref(pages->start);
	pages->start = json_incref(last);
	pages->done = !last;
	*items = take(root, "Items");
	return 0;
}

void dynamodb_pages_deinit(struct dynamodb_pages *pages)
{
	json_decref(pages->start);
	*pages = DYNAMODB_PAGES_NULL;
}

/* Expressions without placeholders must come without these members. */
static json_t *unless_empty(json_t *object)
{
	return json_object_size(object) ? object : NULL;
}

static json_t *write_body(const struct dynamodb_write *w)
{
	return json_pack("{s:s, s:O, s:s*, s:s*, s:O*, s:O*}", "TableName", w->table, writes_by_kind[w->kind].item,
			 w->item, "UpdateExpression", w->update, "ConditionExpression", w->condition,
			 "ExpressionAttributeNames", unless_empty(w->names), "ExpressionAttributeValues",
			 unless_empty(w->values));
}

int dynamodb_write(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_write *write, json_t **old,
		   struct error *e)
{
	_json_cleanup_ json_t *root = NULL, *ask = NULL;

	if (write->kind == DYNAMODB_CHECK)
		return error_set(e, EINVAL, "a condition alone is checked in a transaction only");
	json_t *body = write_body(write);
	ask = json_pack("{s:s, s:s*}", "ReturnConsumedCapacity", "TOTAL", "ReturnValues", old ? "ALL_OLD" : NULL);
	json_object_update(body, ask);
	int rc = perform(db, call, &writes_by_kind[write->kind].operation, body, &root, e);
	if (rc == 0 && old)
		*old = take(root, "Attributes");
	return rc;
}

/* What makes a transaction that is sent again the same one to the server. */
static int make_token(char *token, size_t size, struct error *e)
{
	uint64_t bytes[2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_set(e, EIO, "the kernel gives no random bytes");
	snprintf(token, size, "%016llx%016llx", (unsigned long long)bytes[0], (unsigned long long)bytes[1]);
	return 0;
}

int dynamodb_transact(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_write *writes, size_t n,
		      struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	char token[33];
	int rc = make_token(token, sizeof(token), e);

	if (rc < 0)
		return rc;
	if (n > DYNAMODB_TRANSACT_MAX)
		return error_set(e, EXDEV, "a transaction has at most %d writes", (int)DYNAMODB_TRANSACT_MAX);
	json_t *items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			items, json_pack("{s:o}", writes_by_kind[writes[i].kind].action, write_body(&writes[i])));
	/* Fewer are there where one could not be made. */
	if (json_array_size(items) != n) {
		json_decref(items);
		items = NULL;
	}
	json_t *body = json_pack("{s:o, s:s, s:s}", "TransactItems", items, "ClientRequestToken", token,
				 "ReturnConsumedCapacity", "TOTAL");
	return perform(db, call, &transact, body, &root, e);
}
