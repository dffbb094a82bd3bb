/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_cloud.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What answers one operation: a status, and the body's text appended. */
typedef int answer(struct fake_cloud *cloud, json_t *request, struct buf *body);

static int refuse(struct buf *body, int status, const char *code, const char *message)
{
	buf_printf(body, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#%s\",\"message\":\"%s\"}", code, message);
	return status;
}

static int give(struct buf *body, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	buf_str(body, text);
	free(text);
	json_decref(object);
	return 200;
}

/* The next of a list of scripted failures, NULL when there are no more. */
static json_t *next_fault(struct fake_cloud *cloud, const char *list)
{
	json_t *faults = json_object_get(cloud->pass, list), *fault = json_incref(json_array_get(faults, 0));

	json_array_remove(faults, 0);
	return fault;
}

static int refuse_as(struct buf *body, json_t *fault)
{
	const char *message = json_string_value(json_object_get(fault, "message"));
	const char *type = json_string_value(json_object_get(fault, "type"));

	return refuse(body, 400, type ? type : "InternalServerError", message ? message : "");
}

static int list_tables(struct fake_cloud *cloud, json_t *request, struct buf *body)
{
	json_t *names = json_array(), *table, *fault = json_object_get(cloud->pass, "list_error");
	const char *name;

	(void)request;
	if (fault) {
		json_decref(names);
		return refuse_as(body, fault);
	}
	json_object_foreach(cloud->tables, name, table) json_array_append_new(names, json_string(name));
	return give(body, json_pack("{s:o}", "TableNames", names));
}

static json_t *throughput(json_t *resource)
{
	return json_pack("{s:O,s:O}", "ReadCapacityUnits", json_object_get(resource, "read"), "WriteCapacityUnits",
			 json_object_get(resource, "write"));
}

static int describe_table(struct fake_cloud *cloud, json_t *request, struct buf *body)
{
	const char *name = json_string_value(json_object_get(request, "TableName")), *index;
	json_t *fault = json_object_get(json_object_get(cloud->pass, "describe_errors"), name);
	json_t *table = json_object_get(cloud->tables, name), *indexes = json_array(), *gsi;

	if (fault || !table) {
		json_decref(indexes);
		return fault ? refuse_as(body, fault) : refuse(body, 400, "ResourceNotFoundException", "gone");
	}
	json_object_foreach(json_object_get(table, "gsis"), index, gsi) json_array_append_new(
		indexes, json_pack("{s:s,s:O,s:o}", "IndexName", index, "IndexStatus", json_object_get(gsi, "status"),
				   "ProvisionedThroughput", throughput(gsi)));
	return give(body,
		    json_pack("{s:{s:s,s:O,s:[{s:s,s:s}],s:[{s:s,s:s}],s:o,s:o}}", "Table", "TableName", name,
			      "TableStatus", json_object_get(table, "status"), "KeySchema", "AttributeName", "h",
			      "KeyType", "HASH", "AttributeDefinitions", "AttributeName", "h", "AttributeType", "S",
			      "ProvisionedThroughput", throughput(table), "GlobalSecondaryIndexes", indexes));
}

static void update_unit(struct fake_cloud *cloud, const char *table, const char *index, json_t *units,
			const char *error)
{
	json_t *resource = json_object_get(cloud->tables, table), *read = json_object_get(units, "ReadCapacityUnits");
	json_t *write = json_object_get(units, "WriteCapacityUnits");
	json_t *update = json_pack("{s:s,s:s?,s:O,s:O}", "table", table, "index", index, "read", read, "write", write);

	if (error)
		json_object_set_new(update, "error", json_string(error));
	json_array_append_new(cloud->updates, update);
	if (index)
		resource = json_object_get(json_object_get(resource, "gsis"), index);
	if (!error) {
		json_object_set(resource, "read", read);
		json_object_set(resource, "write", write);
	}
}

static int update_table(struct fake_cloud *cloud, json_t *request, struct buf *body)
{
	json_t *own = json_object_get(request, "ProvisionedThroughput"), *part;
	json_t *parts = json_object_get(request, "GlobalSecondaryIndexUpdates"), *fault = NULL;
	const char *table = json_string_value(json_object_get(request, "TableName"));
	size_t i;

	if (cloud->refuse_combined && json_array_size(parts) + !!own > 1) {
		cloud->refuse_combined--;
		return refuse(body, 400, "LimitExceededException", "all of them");
	}
	fault = next_fault(cloud, "update_errors");
	const char *error = json_string_value(json_object_get(fault, "type"));
	if (own)
		update_unit(cloud, table, NULL, own, error);
	json_array_foreach(parts, i, part)
	{
		json_t *update = json_object_get(part, "Update");
		update_unit(cloud, table, json_string_value(json_object_get(update, "IndexName")),
			    json_object_get(update, "ProvisionedThroughput"), error);
	}
	int status = fault ? refuse_as(body, fault) : 200;
	json_decref(fault);
	if (status != 200)
		return status;
	if (cloud->lose_update) {
		cloud->lose_update--;
		return refuse(body, 500, "InternalServerError", "lost");
	}
	return give(body, json_pack("{s:{s:s}}", "TableDescription", "TableStatus", "UPDATING"));
}

/* The sum of the metric over the window, NULL: no datapoint. */
static json_t *metric_sum(struct fake_cloud *cloud, json_t *metric)
{
	json_t *dimension, *dimensions = json_object_get(metric, "Dimensions");
	char target[600] = "";
	size_t i;

	json_array_foreach(dimensions, i, dimension)
	{
		strcat(target, i ? "/" : "");
		strcat(target, json_string_value(json_object_get(dimension, "Value")));
	}
	json_t *sums = json_object_get(json_object_get(cloud->pass, "metrics"), target);
	json_t *sum = json_object_get(sums, json_string_value(json_object_get(metric, "MetricName")));
	return json_is_number(sum) ? sum : NULL;
}

static void look_at_window(struct fake_cloud *cloud, json_t *request, json_t *bucket)
{
	cloud->bucket_start = (int64_t)json_number_value(json_object_get(request, "StartTime"));
	cloud->bucket_end = (int64_t)json_number_value(json_object_get(request, "EndTime"));
	cloud->bucket = json_integer_value(bucket);
}

static bool cloudwatch_fails(struct fake_cloud *cloud, struct buf *body, int *status)
{
	json_t *fault = next_fault(cloud, "cloudwatch_errors");

	if (!fault)
		return false;
	*status = refuse(body, (int)json_integer_value(json_array_get(fault, 0)),
			 json_string_value(json_array_get(fault, 1)), "");
	json_decref(fault);
	return true;
}

/* What is summed up lies in the window's first and last bucket. */
static int metric_data(struct fake_cloud *cloud, json_t *request, struct buf *body)
{
	json_t *results = json_array(), *query, *queries = json_object_get(request, "MetricDataQueries");
	size_t i;
	int status;

	if (cloudwatch_fails(cloud, body, &status)) {
		json_decref(results);
		return status;
	}
	if (json_array_size(queries) > cloud->queries)
		cloud->queries = json_array_size(queries);
	json_array_foreach(queries, i, query)
	{
		json_t *stat = json_object_get(query, "MetricStat");
		json_t *sum = metric_sum(cloud, json_object_get(stat, "Metric")), *times = json_array(),
		       *values = json_array();
		look_at_window(cloud, request, json_object_get(stat, "Period"));
		if (sum) {
			int64_t last = cloud->bucket_end - cloud->bucket;
			json_array_append_new(times, json_integer(last));
			json_array_append(values, sum);
			json_array_append_new(times, json_integer(cloud->bucket_start - cloud->bucket));
			json_array_append_new(values, json_integer(1 << 30));
		}
		json_array_append_new(results,
				      json_pack("{s:O,s:o,s:o,s:s}", "Id", json_object_get(query, "Id"), "Timestamps",
						times, "Values", values, "StatusCode", "Complete"));
	}
	return give(body, json_pack("{s:o}", "MetricDataResults", results));
}

static int metric_statistics(struct fake_cloud *cloud, json_t *request, struct buf *body)
{
	json_t *sum = metric_sum(cloud, request), *points = json_array();
	int status;

	if (cloudwatch_fails(cloud, body, &status)) {
		json_decref(points);
		return status;
	}
	look_at_window(cloud, request, json_object_get(request, "Period"));
	if (sum)
		json_array_append_new(points, json_pack("{s:I,s:O,s:s}", "Timestamp", (json_int_t)cloud->bucket_start,
							"Sum", sum, "Unit", "Count"));
	return give(body, json_pack("{s:s,s:o}", "Label", "x", "Datapoints", points));
}

/* One value of a form, decoded. */
static char *form_value(const char *form, const char *name)
{
	_buf_cleanup_ struct buf value = BUF_INIT(1 << 16), key = BUF_INIT(64);

	buf_printf(&key, "&%s=", name);
	const char *at = strstr(form, buf_text(&key));
	for (at = at ? at + key.len : ""; *at && *at != '&'; at++) {
		unsigned int byte = (unsigned char)*at;
		if (*at == '%') {
			sscanf(at + 1, "%2x", &byte);
			at += 2;
		}
		buf_char(&value, (char)byte);
	}
	return buf_take(&value, NULL);
}

static int publish(struct fake_cloud *cloud, const char *form, struct buf *body)
{
	char *topic = form_value(form, "TopicArn"), *subject = form_value(form, "Subject");
	char *message = form_value(form, "Message");

	if (json_object_get(cloud->pass, "sns_error"))
		buf_str(body, "<ErrorResponse><Error><Code>AuthorizationError</Code></Error></ErrorResponse>");
	else {
		json_array_append_new(cloud->published, json_pack("{s:s,s:s,s:s}", "topic", topic, "subject", subject,
								  "message", message));
		buf_str(body,
			"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>");
	}
	free(topic);
	free(subject);
	free(message);
	return json_object_get(cloud->pass, "sns_error") ? 403 : 200;
}

static int scalable_targets(struct fake_cloud *cloud, json_t *request, struct buf *body)
{
	json_t *targets = json_array(), *id;
	size_t i;

	(void)request;
	json_array_foreach(cloud->autoscaled, i, id)
	{
		json_array_append_new(targets, json_pack("{s:O,s:s,s:s,s:i,s:i}", "ResourceId", id, "ScalableDimension",
							 "dynamodb:table:ReadCapacityUnits", "ServiceNamespace",
							 "dynamodb", "MinCapacity", 1, "MaxCapacity", 9));
	}
	return give(body, json_pack("{s:o}", "ScalableTargets", targets));
}

static const struct {
	const char *name;
	answer *answer;
} operations[CLOUD_OPERATIONS] = {
	[CLOUD_LIST] = { "DynamoDB_20120810.ListTables", list_tables },
	[CLOUD_DESCRIBE] = { "DynamoDB_20120810.DescribeTable", describe_table },
	[CLOUD_UPDATE] = { "DynamoDB_20120810.UpdateTable", update_table },
	[CLOUD_METRIC_DATA] = { "GraniteServiceVersion20100801.GetMetricData", metric_data },
	[CLOUD_METRIC_STATISTICS] = { "GraniteServiceVersion20100801.GetMetricStatistics", metric_statistics },
	[CLOUD_TARGETS] = { "AnyScaleFrontendService.DescribeScalableTargets", scalable_targets },
};

static enum cloud_operation find_operation(const struct http_request *request)
{
	for (size_t i = 0; i < request->n_headers; i++) {
		for (int op = 0; op < CLOUD_OPERATIONS; op++) {
			if (operations[op].name && strcmp(request->headers[i].value, operations[op].name) == 0)
				return (enum cloud_operation)op;
		}
	}
	return strcmp(request->method, "GET") == 0 ? CLOUD_BREAKER : CLOUD_PUBLISH;
}

/* A status, or the name of a network failure. */
static int break_circuit(struct fake_cloud *cloud, struct http_response *response, struct error *e)
{
	json_t *fault = json_object_get(cloud->pass, "circuit_breaker");

	if (json_is_string(fault))
		return error_set(e, EIO, "%s", json_string_value(fault));
	response->status = fault ? (int)json_integer_value(fault) : 200;
	return 0;
}

static int perform(struct http *http, const struct http_request *request, struct http_response *response, bool *sent,
		   struct error *e)
{
	struct fake_cloud *cloud = (void *)((char *)http - offsetof(struct fake_cloud, http));
	enum cloud_operation op = find_operation(request);

	*sent = true;
	cloud->calls[op]++;
	if (cloud->asked)
		cloud->asked(cloud, op);
	struct buf body = BUF_INIT(response->body.max);
	buf_deinit(&response->body);
	*response = (struct http_response){ .body = body };
	if (op == CLOUD_BREAKER)
		return break_circuit(cloud, response, e);
	if (cloud->denied[op])
		response->status = refuse(&response->body, 400, "AccessDeniedException", "denied by a policy");
	else if (op == CLOUD_PUBLISH)
		response->status = publish(cloud, request->body, &response->body);
	else {
		json_t *body_json = json_loadb(request->body, request->body_len, 0, NULL);
		response->status = operations[op].answer(cloud, body_json, &response->body);
		json_decref(body_json);
	}
	return 0;
}

static const char *environment(void *data, const char *name)
{
	(void)data;
	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
		return "AKIDEXAMPLE";
	return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? "not-a-secret" : NULL;
}

static uint32_t half(void *data)
{
	(void)data;
	return UINT32_C(1) << 31;
}

static void hear(void *data, const struct scaler_news *news)
{
	struct fake_cloud *cloud = data;
	const struct state_event *event = news->event;

	if (event)
		buf_printf(&cloud->news, "%s %lld->%lld%s, ", news->target->table, (long long)event->before.of[0],
			   (long long)event->after.of[0], event->done ? "" : " refused");
	if (news->failure)
		buf_printf(&cloud->news, "%s %s, ", news->target->table, news->failure->number ? "failed" : "well");
}

int fake_cloud_restart(struct fake_cloud *cloud, struct error *e)
{
	struct scaler_setup setup = {
		.tell = hear,
		.data = cloud,
		.config = &cloud->config,
		.http = &cloud->http,
		.clock = &cloud->service.clock.clock,
		.log = &cloud->log,
		.credentials = { .getenv = environment },
		.connections = 1,
		.random = half,
	};

	scaler_free(cloud->scaler);
	cloud->scaler = NULL;
	return scaler_new(&setup, &cloud->scaler, e);
}

int fake_cloud_init(struct fake_cloud *cloud, const char *conf, const struct scaler_argument *arguments,
		    size_t n_arguments, json_t *tables, struct error *e)
{
	static const struct http_ops ops = { .perform = perform };
	static const struct fake_answer none;
	struct scaler_config_request request = { .file = "case", .arguments = arguments, .n_arguments = n_arguments };

	*cloud = (struct fake_cloud){ .http = { &ops }, .log = LOG_NULL, .news = BUF_INIT(1 << 20) };
	cloud->log.level = LOG_LEVEL_ERROR + 1;
	cloud->tables = json_deep_copy(tables);
	cloud->updates = json_array();
	cloud->published = json_array();
	int rc = fake_service_init(&cloud->service, &none, 1);
	if (rc == 0)
		rc = scaler_config_parse(&request, conf, strlen(conf), NULL, &cloud->config, e);
	return rc < 0 ? rc : fake_cloud_restart(cloud, e);
}

void fake_cloud_deinit(struct fake_cloud *cloud)
{
	scaler_free(cloud->scaler);
	scaler_config_deinit(&cloud->config);
	json_decref(cloud->tables);
	json_decref(cloud->updates);
	json_decref(cloud->published);
	buf_deinit(&cloud->news);
	fake_service_deinit(&cloud->service);
}

int fake_cloud_pass(struct fake_cloud *cloud, json_t *pass, int64_t now, struct error *e)
{
	json_t *tables = json_object_get(pass, "tables");

	cloud->pass = pass;
	cloud->service.clock.wall = now * CLOCK_SECOND;
	json_object_update(cloud->tables, tables);
	json_array_clear(cloud->updates);
	json_array_clear(cloud->published);
	return scaler_pass(cloud->scaler, e);
}
