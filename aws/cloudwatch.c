/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/cloudwatch.h"
#include "aws/json_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERIES_MAX = 500 };

static const struct aws_json_service service = { "GraniteServiceVersion20100801.", AWS_JSON_1_0 };

static json_int_t seconds(int64_t wall)
{
	return wall / CLOCK_SECOND;
}

void cloudwatch_series_deinit(struct cloudwatch_series *series)
{
	free(series->points);
	*series = CLOUDWATCH_SERIES_NULL;
}

static json_t *dimensions_of(const struct cloudwatch_query *query)
{
	json_t *list = json_array();

	for (size_t i = 0; i < CLOUDWATCH_DIMENSIONS && query->dimensions[i].name; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "Name", query->dimensions[i].name, "Value",
						      query->dimensions[i].value));
	return list;
}

static int grow(struct cloudwatch_series *series, size_t more, struct error *e)
{
	struct cloudwatch_point *points =
		reallocarray(series->points, series->n_points + more + 1, sizeof(*series->points));

	if (!points)
		return error_no_memory(e);
	series->points = points;
	return 0;
}

static int add_point(struct cloudwatch_series *series, const json_t *time, const json_t *value, struct error *e)
{
	if (!json_is_number(time) || !json_is_number(value))
		return error_set(e, EIO, "CloudWatch gave a point without its time or value");
	series->points[series->n_points++] = (struct cloudwatch_point){ aws_json_time(time), json_number_value(value) };
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct cloudwatch_point *one = a, *other = b;

	return (one->time > other->time) - (one->time < other->time);
}

static void sort(struct cloudwatch_series *series)
{
	if (series->n_points)
		qsort(series->points, series->n_points, sizeof(*series->points), by_time);
}

/* ---- GetMetricData ---- */

/* Queries are called by their place in the batch. */
static json_t *queries_of(const struct cloudwatch_query *queries, size_t n)
{
	json_t *list = json_array();
	char id[24];

	for (size_t i = 0; i < n; i++) {
		const struct cloudwatch_query *q = &queries[i];
		snprintf(id, sizeof(id), "q%zu", i);
		json_t *metric = json_pack("{s:s, s:s, s:o}", "Namespace", q->namespace, "MetricName", q->metric,
					   "Dimensions", dimensions_of(q));
		json_t *stat = json_pack("{s:o, s:i, s:s, s:s*}", "Metric", metric, "Period", q->period, "Stat",
					 q->stat, "Unit", q->unit);
		json_array_append_new(list, json_pack("{s:s, s:o}", "Id", id, "MetricStat", stat));
	}
	/* Fewer are there where one could not be made. */
	if (json_array_size(list) == n)
		return list;
	json_decref(list);
	return NULL;
}

static struct cloudwatch_series *find(const json_t *result, struct cloudwatch_series *series, size_t n)
{
	const char *id = json_string_value(json_object_get(result, "Id"));
	size_t i;

	return id && sscanf(id, "q%zu", &i) == 1 && i < n ? &series[i] : NULL;
}

static int read_result(const json_t *result, struct cloudwatch_series *series, struct error *e)
{
	const json_t *times = json_object_get(result, "Timestamps"), *values = json_object_get(result, "Values");
	size_t n = json_array_size(times);

	if (!series || json_array_size(values) != n ||
	    !aws_json_text(result, "StatusCode", series->status, sizeof(series->status)))
		return error_set(e, EIO, "CloudWatch gave a result that cannot be read");
	int rc = grow(series, n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_point(series, json_array_get(times, i), json_array_get(values, i), e);
	return rc;
}

static int read_page(const json_t *root, struct cloudwatch_series *series, size_t n, struct error *e)
{
	const json_t *results = json_object_get(root, "MetricDataResults"), *result;
	size_t i;
	int rc = 0;

	json_array_foreach(results, i, result)
	{
		rc = read_result(result, find(result, series, n), e);
		if (rc < 0)
			break;
	}
	return rc;
}

static int get_batch(struct client *client, struct client_frame *frame, const struct cloudwatch_range *range,
		     const struct cloudwatch_query *queries, size_t n, struct cloudwatch_series *series,
		     struct error *e)
{
	static const struct aws_json_operation operation = { "GetMetricData", "MetricDataResults", JSON_ARRAY,
							     JSON_OBJECT };
	_json_cleanup_ json_t *body = json_pack("{s:I, s:I, s:o}", "StartTime", seconds(range->start), "EndTime",
						seconds(range->end), "MetricDataQueries", queries_of(queries, n));
	int rc = 1;

	while (rc == 1) {
		_json_cleanup_ json_t *root = NULL;
		rc = aws_json_perform(client, &service, &operation, frame, json_incref(body), &root, e);
		if (rc == 0)
			rc = read_page(root, series, n, e);
		if (rc == 0)
			rc = aws_json_next_page(root, body, e);
	}
	for (size_t i = 0; rc == 0 && i < n; i++) {
		sort(&series[i]);
		if (!series[i].status[0])
			rc = error_set(e, EIO, "CloudWatch left out the metric %s", queries[i].metric);
	}
	return rc;
}

int cloudwatch_get_metric_data(struct client *client, struct client_frame *frame, const struct cloudwatch_range *range,
			       const struct cloudwatch_query *queries, size_t n_queries,
			       struct cloudwatch_series *series, struct error *e)
{
	struct cloudwatch_series *found = calloc(n_queries + 1, sizeof(*found));
	int rc = found ? 0 : error_no_memory(e);

	for (size_t at = 0; rc == 0 && at < n_queries; at += QUERIES_MAX) {
		size_t n = n_queries - at < QUERIES_MAX ? n_queries - at : QUERIES_MAX;
		rc = get_batch(client, frame, range, queries + at, n, found + at, e);
	}
	for (size_t i = 0; found && i < n_queries; i++) {
		struct cloudwatch_series *drop = rc == 0 ? &series[i] : &found[i];
		cloudwatch_series_deinit(drop);
		if (rc == 0)
			series[i] = found[i];
	}
	free(found);
	return rc;
}

/* ---- GetMetricStatistics ---- */

static int read_datapoints(const json_t *root, const char *stat, struct cloudwatch_series *out, struct error *e)
{
	const json_t *points = json_object_get(root, "Datapoints"), *point;
	int rc = grow(out, json_array_size(points), e);
	size_t i;

	json_array_foreach(points, i, point)
	{
		if (rc == 0)
			rc = add_point(out, json_object_get(point, "Timestamp"), json_object_get(point, stat), e);
	}
	return rc;
}

int cloudwatch_get_metric_statistics(struct client *client, struct client_frame *frame,
				     const struct cloudwatch_range *range, const struct cloudwatch_query *query,
				     struct cloudwatch_series *series, struct error *e)
{
	static const struct aws_json_operation operation = { "GetMetricStatistics", "Datapoints", JSON_ARRAY,
							     JSON_OBJECT };
	struct cloudwatch_series found = { .status = "Complete" };
	_json_cleanup_ json_t *root = NULL;
	json_t *body = json_pack("{s:I, s:I, s:s, s:s, s:o, s:i, s:[s], s:s*}", "StartTime", seconds(range->start),
				 "EndTime", seconds(range->end), "Namespace", query->namespace, "MetricName",
				 query->metric, "Dimensions", dimensions_of(query), "Period", query->period,
				 "Statistics", query->stat, "Unit", query->unit);
	int rc = aws_json_perform(client, &service, &operation, frame, body, &root, e);

	if (rc == 0)
		rc = read_datapoints(root, query->stat, &found, e);
	if (rc < 0) {
		cloudwatch_series_deinit(&found);
		return rc;
	}
	sort(&found);
	cloudwatch_series_deinit(series);
	*series = found;
	return 0;
}
