/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one call to a service, with what the environment says, and prints what it returned as JSON:
 *     aws-services OPERATION [ARGUMENT...]
 * On failure the exit status is 1, and standard error has the error's name and its sentence.
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

enum { SECONDS = 30, ARGUMENTS_MAX = 1024 };

/* One call on its way; arguments that were not given are NULL. */
struct call {
	struct client *client;
	struct client_frame frame;
	const char *arguments[ARGUMENTS_MAX];
	size_t n;
	json_t *result; /* owned */
};

static json_t *of_credentials(const struct credentials *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "AccessKeyId", c->access_key_id, "SecretAccessKey",
			 c->secret_access_key, "SessionToken", c->session_token, "provider", c->provider, "expires",
			 (json_int_t)(c->expires / CLOCK_SECOND));
}

/* ROLE [EXTERNAL-ID] */
static int assume_role(struct call *c, struct error *e)
{
	const struct sts_role role = { .arn = c->arguments[0],
				       .session_name = "test",
				       .external_id = c->arguments[1],
				       .duration = 900,
				       .provider = "role" };
	_credentials_cleanup_ struct credentials got = CREDENTIALS_NULL;
	int rc = sts_assume_role(c->client, &c->frame, &role, &got, e);

	c->result = rc == 0 ? of_credentials(&got) : NULL;
	return rc;
}

/* ROLE TOKEN */
static int assume_role_with_web_identity(struct call *c, struct error *e)
{
	const struct sts_role role = { .arn = c->arguments[0], .session_name = "test", .provider = "web identity" };
	_credentials_cleanup_ struct credentials got = CREDENTIALS_NULL;
	int rc = sts_assume_role_with_web_identity(c->client, &c->frame, &role, c->arguments[1], &got, e);

	c->result = rc == 0 ? of_credentials(&got) : NULL;
	return rc;
}

static int get_caller_identity(struct call *c, struct error *e)
{
	struct sts_identity who = { .account = "" };
	int rc = sts_get_caller_identity(c->client, &c->frame, &who, e);

	c->result = json_pack("{s:s, s:s, s:s}", "Account", who.account, "Arn", who.arn, "UserId", who.user_id);
	return rc;
}

/* TOPIC TEXT [SUBJECT] */
static int publish(struct call *c, struct error *e)
{
	const struct sns_message message = { c->arguments[0], c->arguments[2], c->arguments[1] };
	char id[SNS_ID_MAX] = "";
	int rc = sns_publish(c->client, &c->frame, &message, id, e);

	c->result = json_string(id);
	return rc;
}

static json_t *of_series(const struct cloudwatch_series *series)
{
	json_t *points = json_array();

	for (size_t i = 0; i < series->n_points; i++)
		json_array_append_new(points, json_pack("[I, f]", (json_int_t)(series->points[i].time / CLOCK_SECOND),
							series->points[i].value));
	return json_pack("{s:o, s:s}", "points", points, "status", series->status);
}

static struct cloudwatch_query query_of(const char *table, const char *metric)
{
	return (struct cloudwatch_query){ .namespace = "AWS/DynamoDB",
					  .metric = metric,
					  .dimensions = { { "TableName", table } },
					  .stat = "Sum",
					  .unit = "Count",
					  .period = 300 };
}

static struct cloudwatch_range range_of(const struct call *c)
{
	return (struct cloudwatch_range){ strtoll(c->arguments[0], NULL, 10) * CLOCK_SECOND,
					  strtoll(c->arguments[1], NULL, 10) * CLOCK_SECOND };
}

/* START END METRIC TABLE... */
static int get_metric_data(struct call *c, struct error *e)
{
	const struct cloudwatch_range range = range_of(c);
	struct cloudwatch_query queries[ARGUMENTS_MAX];
	struct cloudwatch_series series[ARGUMENTS_MAX] = { 0 };
	size_t n = c->n - 3;

	for (size_t i = 0; i < n; i++)
		queries[i] = query_of(c->arguments[3 + i], c->arguments[2]);
	int rc = cloudwatch_get_metric_data(c->client, &c->frame, &range, queries, n, series, e);
	c->result = json_array();
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(c->result, of_series(&series[i]));
		cloudwatch_series_deinit(&series[i]);
	}
	return rc;
}

/* START END METRIC TABLE */
static int get_metric_statistics(struct call *c, struct error *e)
{
	const struct cloudwatch_range range = range_of(c);
	const struct cloudwatch_query query = query_of(c->arguments[3], c->arguments[2]);
	struct cloudwatch_series series = CLOUDWATCH_SERIES_NULL;
	int rc = cloudwatch_get_metric_statistics(c->client, &c->frame, &range, &query, &series, e);

	c->result = of_series(&series);
	cloudwatch_series_deinit(&series);
	return rc;
}

/* [RESOURCE...] */
static int describe_scalable_targets(struct call *c, struct error *e)
{
	_autoscaling_targets_cleanup_ struct autoscaling_targets targets = AUTOSCALING_TARGETS_NULL;
	int rc = autoscaling_describe_targets(c->client, &c->frame, c->arguments, c->n, &targets, e);

	c->result = json_array();
	for (size_t i = 0; i < targets.n; i++) {
		const struct autoscaling_target *t = &targets.items[i];
		json_array_append_new(c->result, json_pack("[s, s, I, I]", t->resource, t->dimension,
							   (json_int_t)t->min, (json_int_t)t->max));
	}
	return rc;
}

static json_t *of_resource(const struct dynamodb_resource *r)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "name", r->name, "status", r->status,
			 "arn", r->arn, "on_demand", r->on_demand, "reads", (json_int_t)r->read_units, "writes",
			 (json_int_t)r->write_units, "decreases", (json_int_t)r->decreases_today, "items",
			 (json_int_t)r->item_count, "bytes", (json_int_t)r->size_bytes, "increased",
			 (json_int_t)(r->last_increase / CLOCK_SECOND));
}

static int with_table(struct call *c,
		      int (*perform)(struct call *, struct dynamodb *, struct dynamodb_call *, struct error *),
		      struct error *e)
{
	struct dynamodb_call frame = { .deadline = c->frame.deadline, .cancel_fd = -1 };
	struct dynamodb *db = NULL;
	int rc = dynamodb_new(c->client, &db, e);

	if (rc == 0)
		rc = perform(c, db, &frame, e);
	dynamodb_free(db);
	return rc;
}

static int describe(struct call *c, struct dynamodb *db, struct dynamodb_call *frame, struct error *e)
{
	_dynamodb_table_cleanup_ struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	int rc = dynamodb_describe_table(db, frame, c->arguments[0], &table, e);
	json_t *indexes = json_array();

	for (size_t i = 0; i < table.n_indexes; i++)
		json_array_append_new(indexes, of_resource(&table.indexes[i]));
	c->result = json_pack("{s:o, s:o}", "table", of_resource(&table.self), "indexes", indexes);
	return rc;
}

/* TABLE */
static int describe_table(struct call *c, struct error *e)
{
	return with_table(c, describe, e);
}

static int update(struct call *c, struct dynamodb *db, struct dynamodb_call *frame, struct error *e)
{
	struct dynamodb_units units[ARGUMENTS_MAX / 3];
	struct dynamodb_update update = { .table = c->arguments[0], .units = units };

	update.billing = strcmp(c->arguments[1], "on-demand") == 0 ? DYNAMODB_BILLING_ON_DEMAND
			 : *c->arguments[1]                        ? DYNAMODB_BILLING_PROVISIONED
								   : DYNAMODB_BILLING_UNCHANGED;
	for (size_t i = 2; i + 2 < c->n; i += 3)
		units[update.n_units++] = (struct dynamodb_units){ *c->arguments[i] ? c->arguments[i] : NULL,
								   strtoll(c->arguments[i + 1], NULL, 10),
								   strtoll(c->arguments[i + 2], NULL, 10) };
	return dynamodb_update_table(db, frame, &update, e);
}

/* TABLE on-demand|provisioned|"" [INDEX|"" READS WRITES]... */
static int update_table(struct call *c, struct error *e)
{
	return with_table(c, update, e);
}

static int list(struct call *c, struct dynamodb *db, struct dynamodb_call *frame, struct error *e)
{
	struct dynamodb_table_pages pages = DYNAMODB_TABLE_PAGES_NULL;
	int rc = 0;

	c->result = json_array();
	while (rc == 0 && !pages.done) {
		_json_cleanup_ json_t *names = NULL;
		rc = dynamodb_list_tables(db, frame, &pages, &names, e);
		json_array_extend(c->result, names);
	}
	return rc;
}

static int list_tables(struct call *c, struct error *e)
{
	return with_table(c, list, e);
}

static const struct operation {
	const char *name, *service;
	int (*perform)(struct call *c, struct error *e);
	size_t arguments; /* at least */
	bool unsigned_;
} operations[] = {
	{ "AssumeRole", "sts", assume_role, 1, false },
	{ "AssumeRoleWithWebIdentity", "sts", assume_role_with_web_identity, 2, true },
	{ "GetCallerIdentity", "sts", get_caller_identity, 0, false },
	{ "Publish", "sns", publish, 2, false },
	{ "GetMetricData", "cloudwatch", get_metric_data, 3, false },
	{ "GetMetricStatistics", "cloudwatch", get_metric_statistics, 4, false },
	{ "DescribeScalableTargets", "application-autoscaling", describe_scalable_targets, 0, false },
	{ "DescribeTable", "dynamodb", describe_table, 1, false },
	{ "UpdateTable", "dynamodb", update_table, 2, false },
	{ "ListTables", "dynamodb", list_tables, 0, false },
};

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	}
	return NULL;
}

static int run(const struct operation *operation, struct call *call, struct error *e)
{
	_stack_ struct stack stack = STACK_NULL;
	int rc = stack_init(&stack, operation->service, !operation->unsigned_, e);

	call->client = stack.client;
	call->frame = (struct client_frame){ .deadline = clock_mono(clock_system()) + SECONDS * CLOCK_SECOND,
					     .cancel_fd = -1 };
	return rc < 0 ? rc : operation->perform(call, e);
}

int main(int argc, char **argv)
{
	const struct operation *operation = argc > 1 ? find_operation(argv[1]) : NULL;
	struct call call = { .n = argc > 2 ? (size_t)argc - 2 : 0 };
	struct error e = ERROR_NULL;

	if (!operation || call.n < operation->arguments || call.n >= ARGUMENTS_MAX) {
		fputs("usage: aws-services OPERATION [ARGUMENT...]\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < call.n; i++)
		call.arguments[i] = argv[2 + i];
	int rc = run(operation, &call, &e);
	if (rc == 0 && call.result)
		json_dumpf(call.result, stdout, JSON_ENCODE_ANY);
	if (rc < 0)
		fprintf(stderr, "%s %s\n", strerrorname_np(-rc), e.text);
	json_decref(call.result);
	return rc < 0 ? 1 : 0;
}
