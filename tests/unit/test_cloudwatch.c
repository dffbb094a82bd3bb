/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/cloudwatch.h"
#include "tests/unit/scripted.h"

#include <errno.h>

static const struct cloudwatch_range range = { INT64_C(1000) * CLOCK_SECOND + 7, INT64_C(1300) * CLOCK_SECOND };
static const struct cloudwatch_query reads = {
	.namespace = "AWS/DynamoDB",
	.metric = "ConsumedReadCapacityUnits",
	.dimensions = { { "TableName", "t" }, { "GlobalSecondaryIndexName", "i" } },
	.stat = "Sum",
	.unit = "Count",
	.period = 300,
};

#define TARGET(operation) "X-Amz-Target: GraniteServiceVersion20100801." operation
#define READS(id)                                                                                           \
	"{\"Id\":\"" id "\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/DynamoDB\",\"MetricName\":"     \
	"\"ConsumedReadCapacityUnits\",\"Dimensions\":[{\"Name\":\"TableName\",\"Value\":\"t\"},{\"Name\":" \
	"\"GlobalSecondaryIndexName\",\"Value\":\"i\"}]},\"Period\":300,\"Stat\":\"Sum\",\"Unit\":\"Count\"}}"
#define RESULT(id, times, values, status) \
	"{\"Id\":\"" id "\",\"Timestamps\":[" times "],\"Values\":[" values "],\"StatusCode\":\"" status "\"}"

static int get(struct run *r, const struct cloudwatch_query *queries, size_t n, struct cloudwatch_series *series)
{
	return cloudwatch_get_metric_data(r->service.client, &r->frame, &range, queries, n, series, &r->error);
}

static void assert_point(const struct cloudwatch_series *series, size_t i, int64_t seconds, double value)
{
	assert_true(i < series->n_points);
	assert_int_equal(series->points[i].time, seconds * CLOCK_SECOND);
	assert_true(series->points[i].value == value);
}

static void test_pages(void **state)
{
	const struct cloudwatch_query queries[] = { reads, reads };
	struct cloudwatch_series series[2] = { CLOUDWATCH_SERIES_NULL, CLOUDWATCH_SERIES_NULL };
	struct run r;

	(void)state;
	BEGIN(r,
	      { .body = "{\"MetricDataResults\":[" RESULT("q1", "1200,1100", "3,0.5",
							  "PartialData") "],\"NextToken\":\"n\"}" },
	      { .body = "{\"MetricDataResults\":[" RESULT("q0", "", "", "Complete") "," RESULT(
			"q1", "1000", "1e2", "Complete") "],\"NextToken\":null,\"Messages\":[]}" });
	assert_int_equal(get(&r, queries, 2, series), 0);
	assert_sent(&r, 0, TARGET("GetMetricData"),
		    "{\"StartTime\":1000,\"EndTime\":1300,\"MetricDataQueries\":[" READS("q0") "," READS("q1") "]}");
	assert_holds(r.service.requests[0].headers, "Content-Type: application/x-amz-json-1.0\n");
	assert_holds(r.service.requests[1].body, "],\"NextToken\":\"n\"}");
	assert_int_equal(series[0].n_points, 0);
	assert_string_equal(series[0].status, "Complete");
	assert_int_equal(series[1].n_points, 3);
	assert_string_equal(series[1].status, "Complete");
	assert_point(&series[1], 0, 1000, 100);
	assert_point(&series[1], 1, 1100, 0.5);
	assert_point(&series[1], 2, 1200, 3);
	cloudwatch_series_deinit(&series[0]);
	cloudwatch_series_deinit(&series[1]);
	cloudwatch_series_deinit(&series[1]);
	end(&r);
}

/* 501 queries are two requests; the second one's are counted from 0 again. */
static void test_batches(void **state)
{
	enum { MANY = 501, FIRST = 500 };
	_buf_cleanup_ struct buf first = BUF_INIT(1 << 20);
	struct cloudwatch_query queries[MANY];
	struct cloudwatch_series series[MANY] = { 0 };
	struct run r;

	(void)state;
	for (int i = 0; i < FIRST; i++)
		buf_printf(&first, "%s{\"Id\":\"q%d\",\"Timestamps\":[],\"Values\":[],\"StatusCode\":\"Complete\"}",
			   i ? "," : "{\"MetricDataResults\":[", i);
	buf_str(&first, "]}");
	const struct fake_answer script[] = {
		{ .body = buf_text(&first) },
		{ .body = "{\"MetricDataResults\":[" RESULT("q0", "1", "2", "Forbidden") "]}" },
	};
	for (size_t i = 0; i < MANY; i++)
		queries[i] = reads;
	begin(&r, script, 2);
	assert_int_equal(get(&r, queries, MANY, series), 0);
	assert_int_equal(r.service.asked, 2);
	assert_holds(r.service.requests[0].body, "\"q499\"");
	assert_null(strstr(r.service.requests[0].body, "\"q500\""));
	assert_null(strstr(r.service.requests[1].body, "\"q1\""));
	assert_string_equal(series[FIRST].status, "Forbidden");
	assert_point(&series[FIRST], 0, 1, 2);
	for (size_t i = 0; i < MANY; i++)
		cloudwatch_series_deinit(&series[i]);
	end(&r);
}

static void test_answers_that_are_none(void **state)
{
	static const char *const bodies[] = {
		"{}",
		"{\"MetricDataResults\":[]}",
		"{\"MetricDataResults\":[1]}",
		"{\"MetricDataResults\":[{}]}",
		"{\"MetricDataResults\":[" RESULT("q1", "", "", "Complete") "]}",
		"{\"MetricDataResults\":[" RESULT("x", "", "", "Complete") "]}",
		"{\"MetricDataResults\":[" RESULT("q0", "1", "", "Complete") "]}",
		"{\"MetricDataResults\":[" RESULT("q0", "", "1", "Complete") "]}",
		"{\"MetricDataResults\":[" RESULT("q0", "1", "null", "Complete") "]}",
		"{\"MetricDataResults\":[" RESULT("q0", "\"1\"", "1", "Complete") "]}",
		"{\"MetricDataResults\":[" RESULT("q0", "", "", "far longer than any status") "]}",
		"{\"MetricDataResults\":[" RESULT("q0", "", "", "Complete") "],\"NextToken\":\"again\"}",
		"{\"MetricDataResults\":[" RESULT("q0", "", "", "Complete") "],\"NextToken\":1}",
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct cloudwatch_series series = { .status = "untouched" };
		struct fake_answer answer = { .body = bodies[i] };
		begin(&r, &answer, 1);
		if (get(&r, &reads, 1, &series) != -EIO)
			fail_msg("%s was believed", bodies[i]);
		assert_string_equal(series.status, "untouched");
		end(&r);
	}
}

static void test_a_policy_without_get_metric_data(void **state)
{
	struct cloudwatch_series series = CLOUDWATCH_SERIES_NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .status = 403, .body = "{\"__type\":\"AccessDenied\",\"message\":\"not authorized\"}" });
	assert_int_equal(get(&r, &reads, 1, &series), -EACCES);
	assert_string_equal(r.frame.outcome.code, "AccessDenied");
	end(&r);
}

static void test_nothing_to_ask(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .status = 500 });
	assert_int_equal(get(&r, NULL, 0, NULL), 0);
	assert_int_equal(r.service.asked, 0);
	end(&r);
}

static void test_statistics(void **state)
{
	struct cloudwatch_series series = CLOUDWATCH_SERIES_NULL;
	struct run r;

	(void)state;
	BEGIN(r,
	      { .body = "{\"Label\":\"x\",\"Datapoints\":[{\"Timestamp\":1200,\"Sum\":2,\"Unit\":\"Count\"},"
			"{\"Timestamp\":1.1e3,\"Sum\":1.5}]}" },
	      { .body = "{\"Label\":\"x\",\"Datapoints\":[]}" },
	      { .body = "{\"Label\":\"x\",\"Datapoints\":[{\"Timestamp\":1200,\"Average\":2}]}" });
	assert_int_equal(
		cloudwatch_get_metric_statistics(r.service.client, &r.frame, &range, &reads, &series, &r.error), 0);
	assert_sent(&r, 0, TARGET("GetMetricStatistics"),
		    "{\"StartTime\":1000,\"EndTime\":1300,\"Namespace\":\"AWS/DynamoDB\",\"MetricName\":"
		    "\"ConsumedReadCapacityUnits\",\"Dimensions\":[{\"Name\":\"TableName\",\"Value\":\"t\"},{\"Name\":"
		    "\"GlobalSecondaryIndexName\",\"Value\":\"i\"}],\"Period\":300,\"Statistics\":[\"Sum\"],"
		    "\"Unit\":\"Count\"}");
	assert_int_equal(series.n_points, 2);
	assert_point(&series, 0, 1100, 1.5);
	assert_point(&series, 1, 1200, 2);
	assert_int_equal(
		cloudwatch_get_metric_statistics(r.service.client, &r.frame, &range, &reads, &series, &r.error), 0);
	assert_int_equal(series.n_points, 0);
	assert_string_equal(series.status, "Complete");
	assert_int_equal(
		cloudwatch_get_metric_statistics(r.service.client, &r.frame, &range, &reads, &series, &r.error), -EIO);
	cloudwatch_series_deinit(&series);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_a_policy_without_get_metric_data),
		cmocka_unit_test(test_nothing_to_ask),
		cmocka_unit_test(test_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
