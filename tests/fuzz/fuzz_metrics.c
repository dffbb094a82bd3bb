/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte, a digit, picks an operation, the rest is the body of a 200 to it. */
#include "aws/autoscaling.h"
#include "aws/cloudwatch.h"
#include "tests/unit/fake_http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cloudwatch_query query = {
	.namespace = "AWS/DynamoDB", .metric = "m", .stat = "Sum", .period = 60
};
static const struct cloudwatch_range range = { 0, CLOCK_SECOND };

static void check(int rc, struct cloudwatch_series *series)
{
	if ((rc == 0) != (series->status[0] != 0) || (rc < 0 && series->points))
		abort();
	for (size_t i = 1; i < series->n_points; i++) {
		if (series->points[i - 1].time > series->points[i].time)
			abort();
	}
	cloudwatch_series_deinit(series);
}

static void data_of(struct client *client, struct client_frame *frame)
{
	const struct cloudwatch_query queries[] = { query, query };
	struct cloudwatch_series series[2] = { CLOUDWATCH_SERIES_NULL, CLOUDWATCH_SERIES_NULL };
	int rc = cloudwatch_get_metric_data(client, frame, &range, queries, 2, series, NULL);

	check(rc, &series[0]);
	check(rc, &series[1]);
}

static void statistics_of(struct client *client, struct client_frame *frame)
{
	struct cloudwatch_series series = CLOUDWATCH_SERIES_NULL;

	check(cloudwatch_get_metric_statistics(client, frame, &range, &query, &series, NULL), &series);
}

static void targets_of(struct client *client, struct client_frame *frame)
{
	_autoscaling_targets_cleanup_ struct autoscaling_targets targets = AUTOSCALING_TARGETS_NULL;

	if (autoscaling_describe_targets(client, frame, NULL, 0, &targets, NULL) < 0 && targets.items)
		abort();
	for (size_t i = 0; i < targets.n; i++) {
		if (!memchr(targets.items[i].resource, 0, sizeof(targets.items[i].resource)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const operations[])(struct client * client,
					  struct client_frame * frame) = { data_of, statistics_of, targets_of };
	struct fake_service service;

	if (size < 2)
		return 0;
	struct fake_answer answer = { .body = (const char *)data + 1, .len = size - 1 };
	if (fake_service_init(&service, &answer, 1) < 0)
		abort();
	struct client_frame frame = { .deadline = fake_deadline(&service), .cancel_fd = -1 };
	operations[(uint8_t)(data[0] - '0') % 3](service.client, &frame);
	fake_service_deinit(&service);
	return 0;
}
