/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one call to a service as the daemon would, with what the environment says, and prints how it ended:
 *     aws-calls OPERATION SECONDS TABLE OPTION
 * (for other services than DynamoDB, TABLE is a topic, a role or a resource, and OPTION a message or a metric).
 * The first line is the error's name or OK, then "lost" if an answer may have been lost, and what was read ("-":
 * nothing). The second is the error's sentence. Writes replace v=old by v=new in the option of the store "prod", if it
 * is "old".
 */
#include "aws/autoscaling.h"
#include "aws/cloudwatch.h"
#include "aws/dynamodb_table.h"
#include "aws/json.h"
#include "aws/sns.h"
#include "aws/sts.h"
#include "tests/integration/aws_stack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
	struct client *client;
	struct client_frame frame;
	struct dynamodb *db;
	struct dynamodb_call request; /* in its place, for DynamoDB */
	const char *table, *option;
	char value[64]; /* that was read */
};

static json_t *key_of(const char *option)
{
	return json_pack("{s:{s:s}, s:{s:s}}", "_store", "S", "prod", "_option", "S", option);
}

static void note_value(struct call *c, const json_t *item)
{
	aws_json_text(json_object_get(item, "v"), "S", c->value, sizeof(c->value));
}

static int describe_table(struct call *c, struct error *e)
{
	_dynamodb_table_cleanup_ struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	int rc = dynamodb_describe_table(c->db, &c->request, c->table, &table, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%s", table.self.status);
	return rc;
}

static int create_table(struct call *c, struct error *e)
{
	const struct dynamodb_create create = { c->option, "_store", "_option", false, 1, 1 };

	return dynamodb_create_table(c->db, &c->request, &create, e);
}

static int update_table(struct call *c, struct error *e)
{
	const struct dynamodb_units units = { NULL, 7, 7 };
	const struct dynamodb_update update = { c->option, DYNAMODB_BILLING_UNCHANGED, &units, 1 };

	return dynamodb_update_table(c->db, &c->request, &update, e);
}

static int list_tables(struct call *c, struct error *e)
{
	struct dynamodb_table_pages pages = DYNAMODB_TABLE_PAGES_NULL;
	_json_cleanup_ json_t *names = NULL;
	int rc = dynamodb_list_tables(c->db, &c->request, &pages, &names, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%s", json_array_size(names) ? "some" : "none");
	return rc;
}

static int read_page(struct call *c, const char *hash_key, struct error *e)
{
	struct dynamodb_pages pages = { .table = c->table, .hash_key = hash_key, .hash_value = "prod" };
	_json_cleanup_ json_t *items = NULL;
	json_t *item;
	size_t i;
	int rc = dynamodb_next_page(c->db, &c->request, &pages, &items, e);

	json_array_foreach(items, i, item)
	{
		const char *option = json_string_value(json_object_get(json_object_get(item, "_option"), "S"));
		if (option && strcmp(option, c->option) == 0)
			note_value(c, item);
	}
	dynamodb_pages_deinit(&pages);
	return rc;
}

static int scan(struct call *c, struct error *e)
{
	return read_page(c, NULL, e);
}

static int query(struct call *c, struct error *e)
{
	return read_page(c, "_store", e);
}

static int get_item(struct call *c, struct error *e)
{
	_json_cleanup_ json_t *item = NULL, *key = key_of(c->option);
	int rc = dynamodb_get_item(c->db, &c->request, c->table, key, true, &item, e);

	note_value(c, item);
	return rc;
}

static struct dynamodb_write write_of(const struct call *c, enum dynamodb_write_kind kind, json_t *item, json_t *names,
				      json_t *values)
{
	return (struct dynamodb_write){ .kind = kind,
					.table = c->table,
					.item = item,
					.update = kind == DYNAMODB_UPDATE ? "SET #v = :new" : NULL,
					.condition = "#v = :old",
					.names = names,
					.values = values };
}

static int write_item(struct call *c, enum dynamodb_write_kind kind, struct error *e)
{
	_json_cleanup_ json_t *item = key_of(c->option), *names = json_pack("{s:s}", "#v", "v");
	_json_cleanup_ json_t *values = json_pack("{s:{s:s}}", ":old", "S", "old");

	if (kind == DYNAMODB_PUT)
		json_object_set_new(item, "v", json_pack("{s:s}", "S", "new"));
	if (kind == DYNAMODB_UPDATE)
		json_object_set_new(values, ":new", json_pack("{s:s}", "S", "new"));
	struct dynamodb_write write = write_of(c, kind, item, names, values);
	return dynamodb_write(c->db, &c->request, &write, NULL, e);
}

static int put_item(struct call *c, struct error *e)
{
	return write_item(c, DYNAMODB_PUT, e);
}

static int update_item(struct call *c, struct error *e)
{
	return write_item(c, DYNAMODB_UPDATE, e);
}

static int delete_item(struct call *c, struct error *e)
{
	return write_item(c, DYNAMODB_DELETE, e);
}

static int transact_write_items(struct call *c, struct error *e)
{
	_json_cleanup_ json_t *item = key_of(c->option), *names = json_pack("{s:s}", "#v", "v");
	_json_cleanup_ json_t *values = json_pack("{s:{s:s}, s:{s:s}}", ":old", "S", "old", ":new", "S", "new");
	struct dynamodb_write write = write_of(c, DYNAMODB_UPDATE, item, names, values);

	return dynamodb_transact(c->db, &c->request, &write, 1, e);
}

static int publish(struct call *c, struct error *e)
{
	const struct sns_message message = { c->table, "subject", c->option };
	char id[SNS_ID_MAX];
	int rc = sns_publish(c->client, &c->frame, &message, id, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "id");
	return rc;
}

static struct cloudwatch_query metric_of(const struct call *c)
{
	return (struct cloudwatch_query){
		.namespace = "test", .metric = c->option, .dimensions = { { "a", "b" } }, .stat = "Sum", .period = 300
	};
}

static struct cloudwatch_range last_hour(void)
{
	int64_t now = clock_wall(clock_system()) / CLOCK_SECOND * CLOCK_SECOND;

	return (struct cloudwatch_range){ now - 3600 * CLOCK_SECOND, now + 3600 * CLOCK_SECOND };
}

static int end_metric(struct call *c, struct cloudwatch_series *series, int rc)
{
	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%zu", series->n_points);
	cloudwatch_series_deinit(series);
	return rc;
}

static int get_metric_data(struct call *c, struct error *e)
{
	struct cloudwatch_series series = CLOUDWATCH_SERIES_NULL;
	const struct cloudwatch_query query = metric_of(c);
	const struct cloudwatch_range range = last_hour();

	return end_metric(c, &series, cloudwatch_get_metric_data(c->client, &c->frame, &range, &query, 1, &series, e));
}

static int get_metric_statistics(struct call *c, struct error *e)
{
	struct cloudwatch_series series = CLOUDWATCH_SERIES_NULL;
	const struct cloudwatch_query query = metric_of(c);
	const struct cloudwatch_range range = last_hour();

	return end_metric(c, &series,
			  cloudwatch_get_metric_statistics(c->client, &c->frame, &range, &query, &series, e));
}

static int describe_scalable_targets(struct call *c, struct error *e)
{
	_autoscaling_targets_cleanup_ struct autoscaling_targets targets = AUTOSCALING_TARGETS_NULL;
	int rc = autoscaling_describe_targets(c->client, &c->frame, &c->table, 1, &targets, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%zu", targets.n);
	return rc;
}

static int assume(struct call *c, const char *token, struct error *e)
{
	_credentials_cleanup_ struct credentials credentials = CREDENTIALS_NULL;
	const struct sts_role role = { .arn = c->table, .session_name = c->option, .provider = "role" };
	int rc = token ? sts_assume_role_with_web_identity(c->client, &c->frame, &role, token, &credentials, e)
		       : sts_assume_role(c->client, &c->frame, &role, &credentials, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%s", credentials.session_token ? "keys" : "-");
	return rc;
}

static int assume_role(struct call *c, struct error *e)
{
	return assume(c, NULL, e);
}

static int assume_role_with_web_identity(struct call *c, struct error *e)
{
	return assume(c, "token", e);
}

static int get_caller_identity(struct call *c, struct error *e)
{
	struct sts_identity identity;
	int rc = sts_get_caller_identity(c->client, &c->frame, &identity, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%s", identity.account);
	return rc;
}

static const struct operation {
	const char *name, *service;
	int (*perform)(struct call *c, struct error *e);
	bool unsigned_; /* no credentials are asked for */
} operations[] = {
	{ "DescribeTable", "dynamodb", describe_table },
	{ "CreateTable", "dynamodb", create_table },
	{ "UpdateTable", "dynamodb", update_table },
	{ "ListTables", "dynamodb", list_tables },
	{ "Scan", "dynamodb", scan },
	{ "Query", "dynamodb", query },
	{ "GetItem", "dynamodb", get_item },
	{ "PutItem", "dynamodb", put_item },
	{ "UpdateItem", "dynamodb", update_item },
	{ "DeleteItem", "dynamodb", delete_item },
	{ "TransactWriteItems", "dynamodb", transact_write_items },
	{ "Publish", "sns", publish },
	{ "GetMetricData", "cloudwatch", get_metric_data },
	{ "GetMetricStatistics", "cloudwatch", get_metric_statistics },
	{ "DescribeScalableTargets", "application-autoscaling", describe_scalable_targets },
	{ "AssumeRole", "sts", assume_role },
	{ "AssumeRoleWithWebIdentity", "sts", assume_role_with_web_identity, true },
	{ "GetCallerIdentity", "sts", get_caller_identity },
};

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct operation *operation = argc == 5 ? find_operation(argv[1]) : NULL;
	_stack_ struct stack stack = STACK_NULL;
	struct dynamodb *db = NULL;
	struct error e = ERROR_NULL;

	if (!operation || stack_init(&stack, operation->service, !operation->unsigned_, &e) < 0 ||
	    dynamodb_new(stack.client, &db, &e) < 0) {
		fprintf(stderr, "%s\n", operation ? e.text : "usage: aws-calls OPERATION SECONDS TABLE OPTION");
		return 2;
	}
	int64_t deadline = clock_mono(clock_system()) + strtol(argv[2], NULL, 10) * CLOCK_SECOND;
	struct call call = {
		.client = stack.client,
		.frame = { .deadline = deadline, .cancel_fd = -1 },
		.db = db,
		.request = { .deadline = deadline, .cancel_fd = -1 },
		.table = argv[3],
		.option = argv[4],
		.value = "-",
	};
	int rc = operation->perform(&call, &e);
	bool lost = call.frame.outcome.answer_lost || call.request.outcome.answer_lost;
	printf("%s%s %s\n%s\n", rc < 0 ? strerrorname_np(-rc) : "OK", lost ? " lost" : "", call.value, e.text);
	dynamodb_free(db);
	return 0;
}
