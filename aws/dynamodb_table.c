/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/dynamodb_table.h"
#include "aws/dynamodb_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct dynamodb_operation describe_table = { { "DescribeTable", "Table", JSON_OBJECT }, true };
static const struct dynamodb_operation create_table = { { "CreateTable", "TableDescription", JSON_OBJECT }, false };
static const struct dynamodb_operation update_table = { { "UpdateTable", "TableDescription", JSON_OBJECT }, false };
static const struct dynamodb_operation list_tables = { { "ListTables", "TableNames", JSON_ARRAY, JSON_STRING }, true };

static const char on_demand_mode[] = "PAY_PER_REQUEST";

/* How the members of a description are called. */
static const struct names {
	const char *name, *status, *arn, *size;
} table_names = { "TableName", "TableStatus", "TableArn", "TableSizeBytes" },
  index_names = { "IndexName", "IndexStatus", "IndexArn", "IndexSizeBytes" };

static bool read_type(const json_t *table, const char *key, char *type, size_t size)
{
	const json_t *definitions = json_object_get(table, "AttributeDefinitions"), *definition;
	size_t i;

	json_array_foreach(definitions, i, definition)
	{
		const char *name = json_string_value(json_object_get(definition, "AttributeName"));
		if (name && strcmp(name, key) == 0)
			return aws_json_text(definition, "AttributeType", type, size);
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
		if (!aws_json_text(key, "AttributeName", range ? out->range_key : out->hash_key, sizeof(out->hash_key)))
			return false;
	}
	return out->hash_key[0] && read_type(table, out->hash_key, out->hash_type, sizeof(out->hash_type)) &&
	       (!out->range_key[0] || read_type(table, out->range_key, out->range_type, sizeof(out->range_type)));
}

/* What tables and indexes are described with, all of it optional. */
static void read_resource(const json_t *described, const struct names *names, struct dynamodb_resource *out)
{
	const json_t *throughput = json_object_get(described, "ProvisionedThroughput");

	aws_json_text(described, names->name, out->name, sizeof(out->name));
	aws_json_text(described, names->status, out->status, sizeof(out->status));
	aws_json_text(described, names->arn, out->arn, sizeof(out->arn));
	out->read_units = aws_json_count(throughput, "ReadCapacityUnits");
	out->write_units = aws_json_count(throughput, "WriteCapacityUnits");
	out->decreases_today = aws_json_count(throughput, "NumberOfDecreasesToday");
	out->last_increase = aws_json_time(json_object_get(throughput, "LastIncreaseDateTime"));
	out->last_decrease = aws_json_time(json_object_get(throughput, "LastDecreaseDateTime"));
	out->item_count = aws_json_count(described, "ItemCount");
	out->size_bytes = aws_json_count(described, names->size);
}

static bool is_on_demand(const json_t *table)
{
	const json_t *summary = json_object_get(table, "BillingModeSummary");
	const char *mode = json_string_value(json_object_get(summary, "BillingMode"));

	return mode && strcmp(mode, on_demand_mode) == 0;
}

static int read_indexes(const json_t *table, struct dynamodb_table *out, struct error *e)
{
	const json_t *indexes = json_object_get(table, "GlobalSecondaryIndexes"), *index;
	size_t i;

	if (json_array_size(indexes) == 0)
		return 0;
	out->indexes = calloc(json_array_size(indexes), sizeof(*out->indexes));
	if (!out->indexes)
		return error_no_memory(e);
	json_array_foreach(indexes, i, index)
	{
		struct dynamodb_resource *at = &out->indexes[i];
		read_resource(index, &index_names, at);
		at->on_demand = out->self.on_demand;
		if (!at->name[0])
			return error_set(e, EIO, "table %s: an index was described without its name", out->self.name);
		out->n_indexes++;
	}
	return 0;
}

static int read_table(const json_t *table, struct dynamodb_table *out, struct error *e)
{
	read_resource(table, &table_names, &out->self);
	out->self.on_demand = is_on_demand(table);
	if (!out->self.status[0])
		return error_set(e, EIO, "table %s: it was described without a status", out->self.name);
	if (!read_keys(table, out))
		return error_set(e, EIO, "table %s: it was described without its keys", out->self.name);
	return read_indexes(table, out, e);
}

int dynamodb_describe_table(struct dynamodb *db, struct dynamodb_call *call, const char *table,
			    struct dynamodb_table *out, struct error *e)
{
	_dynamodb_table_cleanup_ struct dynamodb_table found = DYNAMODB_TABLE_NULL;
	_json_cleanup_ json_t *root = NULL;
	int rc = dynamodb_perform(db, call, &describe_table, json_pack("{s:s}", "TableName", table), &root, e);

	if (rc < 0)
		return rc;
	snprintf(found.self.name, sizeof(found.self.name), "%s", table);
	rc = read_table(json_object_get(root, "Table"), &found, e);
	if (rc < 0)
		return rc;
	dynamodb_table_deinit(out);
	*out = found;
	found = DYNAMODB_TABLE_NULL;
	return 0;
}

void dynamodb_table_deinit(struct dynamodb_table *table)
{
	free(table->indexes);
	*table = DYNAMODB_TABLE_NULL;
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
static json_t *throughput(int64_t read_units, int64_t write_units)
{
	return json_pack("{s:I, s:I}", "ReadCapacityUnits", (json_int_t)read_units, "WriteCapacityUnits",
			 (json_int_t)write_units);
}

int dynamodb_create_table(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_create *create,
			  struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	/* BillingMode only where it differs from the default: older engines do not know it. */
	json_t *body = json_pack("{s:s, s:o, s:o, s:s*, s:o*}", "TableName", create->table, "KeySchema",
				 key_list(create, "KeyType", "HASH", "RANGE"), "AttributeDefinitions",
				 key_list(create, "AttributeType", "S", "S"), "BillingMode",
				 create->on_demand ? on_demand_mode : NULL, "ProvisionedThroughput",
				 create->on_demand ? NULL : throughput(create->read_units, create->write_units));
	int rc = dynamodb_perform(db, call, &create_table, body, &root, e);

	if (rc == -EBUSY && call->outcome.code && strcmp(call->outcome.code, "ResourceInUseException") == 0)
		return error_set(e, EEXIST, "table %s: it exists already", create->table);
	return rc;
}

static json_t *update_body(const struct dynamodb_update *update)
{
	static const char *const modes[] = {
		[DYNAMODB_BILLING_UNCHANGED] = NULL,
		[DYNAMODB_BILLING_PROVISIONED] = "PROVISIONED",
		[DYNAMODB_BILLING_ON_DEMAND] = on_demand_mode,
	};
	json_t *indexes = json_array();
	json_t *body = json_pack("{s:s, s:s*}", "TableName", update->table, "BillingMode", modes[update->billing]);

	for (size_t i = 0; i < update->n_units; i++) {
		const struct dynamodb_units *u = &update->units[i];
		json_t *units = throughput(u->read_units, u->write_units);
		if (u->index)
			json_array_append_new(indexes, json_pack("{s:{s:s, s:o}}", "Update", "IndexName", u->index,
								 "ProvisionedThroughput", units));
		else
			json_object_set_new(body, "ProvisionedThroughput", units);
	}
	if (json_array_size(indexes))
		json_object_set(body, "GlobalSecondaryIndexUpdates", indexes);
	json_decref(indexes);
	return body;
}

int dynamodb_update_table(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_update *update,
			  struct error *e)
{
	_json_cleanup_ json_t *root = NULL;

	return dynamodb_perform(db, call, &update_table, update_body(update), &root, e);
}

int dynamodb_list_tables(struct dynamodb *db, struct dynamodb_call *call, struct dynamodb_table_pages *pages,
			 json_t **names, struct error *e)
{
	_json_cleanup_ json_t *root = NULL;
	const char *after = pages->after[0] ? pages->after : NULL;
	char last[sizeof(pages->after)] = "";
	int rc = dynamodb_perform(db, call, &list_tables, json_pack("{s:s*}", "ExclusiveStartTableName", after), &root,
				  e);

	if (rc < 0)
		return rc;
	const json_t *more = aws_json_present(root, "LastEvaluatedTableName");
	if (more &&
	    (!aws_json_text(root, "LastEvaluatedTableName", last, sizeof(last)) || strcmp(last, pages->after) == 0))
		return error_set(e, EIO, "ListTables: the server gives no usable next page");
	memcpy(pages->after, last, sizeof(last));
	pages->done = !last[0];
	*names = json_incref(json_object_get(root, "TableNames"));
	return 0;
}
