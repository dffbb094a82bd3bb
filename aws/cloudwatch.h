/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"

/*
 * Reading metrics, on a client of the service "monitoring" (AWS JSON 1.0).
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 */
enum { CLOUDWATCH_DIMENSIONS = 3 };

struct cloudwatch_query {
	const char *namespace;
	const char *metric;
	struct {
		const char *name, *value;
	} dimensions[CLOUDWATCH_DIMENSIONS]; /* up to the first without a name */
	const char *stat;                    /* "Sum", "Average", "Minimum", "Maximum", "SampleCount" */
	const char *unit;                    /* NULL: any */
	int period;                          /* seconds: 60 and its multiples */
};

/* From `start` on and before `end`, wall nanoseconds; CloudWatch is told whole seconds. */
struct cloudwatch_range {
	int64_t start, end;
};

struct cloudwatch_series {
	struct cloudwatch_point {
		int64_t time; /* wall nanoseconds, when its period began */
		double value;
	} * points;      /* owned, oldest first; a period without data has none */
	size_t n_points; /* also 0 where there is no such metric */
	char status[16]; /* "Complete"; "PartialData", "InternalError", "Forbidden" */
};

#define CLOUDWATCH_SERIES_NULL ((struct cloudwatch_series){ 0 })

/* Idempotent. */
void cloudwatch_series_deinit(struct cloudwatch_series *series);

/* GetMetricData: any number of queries, 500 a request, all pages. `series` has one for each query; what was in them
 * before is replaced on success. EACCES: refused, as where a policy grants only GetMetricStatistics. */
int cloudwatch_get_metric_data(struct client *client, struct client_frame *frame, const struct cloudwatch_range *range,
			       const struct cloudwatch_query *queries, size_t n_queries,
			       struct cloudwatch_series *series, struct error *e);

/* GetMetricStatistics: one query, of at most 1,440 points; its status is always "Complete". */
int cloudwatch_get_metric_statistics(struct client *client, struct client_frame *frame,
				     const struct cloudwatch_range *range, const struct cloudwatch_query *query,
				     struct cloudwatch_series *series, struct error *e);
