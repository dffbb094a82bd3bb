/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/dynamodb_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const struct aws_json_service service = { "DynamoDB_20120810.", AWS_JSON_1_0 };

#define WRITE_OPERATION(name)                                               \
	{                                                                   \
		{ (name), NULL, JSON_NULL, JSON_NULL, "Attributes" }, false \
	}
#define PAGE_OPERATION(name)                                                           \
	{                                                                              \
		{ (name), "Items", JSON_ARRAY, JSON_OBJECT, "LastEvaluatedKey" }, true \
	}

static const struct dynamodb_operation get_item = {
	{ .name = "GetItem", .optional = "Item", .beside = "ConsumedCapacity" }, true
};
static const struct dynamodb_operation scan = PAGE_OPERATION("Scan");
static const struct dynamodb_operation query = PAGE_OPERATION("Query");
static const struct dynamodb_operation transact = { { .name = "TransactWriteItems" }, false };

/* By enum dynamodb_write_kind: the operation, its name within a transaction, and what the item is called there. */
static const struct {
	struct dynamodb_operation operation;
	const char *action, *item;
} writes_by_kind[] = {
	[DYNAMODB_PUT] = { WRITE_OPERATION("PutItem"), "Put", "Item" },
	[DYNAMODB_UPDATE] = { WRITE_OPERATION("UpdateItem"), "Update", "Key" },
	[DYNAMODB_DELETE] = { WRITE_OPERATION("DeleteItem"), "Delete", "Key" },
	[DYNAMODB_CHECK] = { WRITE_OPERATION(NULL), "ConditionCheck", "Key" },
};

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

static double units_of(const json_t *consumed)
{
	double units = json_number_value(json_object_get(consumed, "CapacityUnits")), sum = 0;
	json_t *element;
	size_t i;

	json_array_foreach(consumed, i, element) sum += units_of(element);
	/* Nothing costs less than nothing, whatever an engine says. */
	return sum + (units > 0 ? units : 0);
}

int dynamodb_perform(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_operation *operation,
		     json_t *body, json_t **root, struct error *e)
{
	_json_cleanup_ json_t *request = json_incref(body);
	struct client_frame frame = { .deadline = call->deadline, .cancel_fd = call->cancel_fd };
	json_t *answer;
	int rc = aws_json_perform(db->client, &service, &operation->json, &frame, body, &answer, e);

	call->outcome = frame.outcome;
	if (rc < 0) {
		const char *table = json_string_value(json_object_get(request, "TableName"));
		return table ? error_context(e, "table %s", table) : rc;
	}
	double *units = operation->reads ? &call->read_units : &call->write_units;
	*units += units_of(json_object_get(answer, "ConsumedCapacity"));
	*root = answer;
	return 0;
}

/* A member of the answer for the caller to own. */
static json_t *take(const json_t *root, const char *name)
{
	return json_incref(aws_json_present(root, name));
}

int dynamodb_get_item(struct dynamodb *db, struct dynamodb_call *call, const char *table, json_t *key, bool consistent,
		      json_t **item, struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	json_t *body = json_pack("{s:s, s:O, s:b, s:s}", "TableName", table, "Key", key, "ConsistentRead", consistent,
				 "ReturnConsumedCapacity", "TOTAL");
	int rc = dynamodb_perform(db, call, &get_item, body, &root, e);

	if (rc == 0)
		*item = take(root, "Item");
	return rc;
}

static json_t *page_body(const struct dynamodb_pages *pages)
{
	const char *hash = pages->hash_key;
	json_t *names = hash ? json_pack("{s:s}", "#h", hash) : NULL;
	json_t *values = hash ? json_pack("{s:{s:s}}", ":h", "S", pages->hash_value) : NULL;
	json_t *limit = pages->limit ? json_integer(pages->limit) : NULL;

	return json_pack("{s:s, s:b, s:s, s:s*, s:o*, s:o*, s:o*, s:O*}", "TableName", pages->table, "ConsistentRead",
			 pages->consistent, "ReturnConsumedCapacity", "TOTAL", "KeyConditionExpression",
			 hash ? "#h = :h" : NULL, "ExpressionAttributeNames", names, "ExpressionAttributeValues",
			 values, "Limit", limit, "ExclusiveStartKey", pages->start);
}

int dynamodb_next_page(struct dynamodb *db, struct dynamodb_call *call, struct dynamodb_pages *pages, json_t **items,
		       struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	int rc = dynamodb_perform(db, call, pages->hash_key ? &query : &scan, page_body(pages), &root, e);

	if (rc < 0)
		return rc;
	json_t *last = aws_json_present(root, "LastEvaluatedKey");
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
	int rc = dynamodb_perform(db, call, &writes_by_kind[write->kind].operation, body, &root, e);
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
	return dynamodb_perform(db, call, &transact, body, &root, e);
}
