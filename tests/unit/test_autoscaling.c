/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/autoscaling.h"
#include "tests/unit/scripted.h"

#include <errno.h>

#define TARGET "X-Amz-Target: AnyScaleFrontendService.DescribeScalableTargets"
#define SCALED(resource, dimension)                                     \
	"{\"ServiceNamespace\":\"dynamodb\",\"ResourceId\":\"" resource \
	"\",\"ScalableDimension\":\"dynamodb:" dimension                \
	"\",\"MinCapacity\":5,\"MaxCapacity\":10,\"RoleARN\":\"arn:x\",\"CreationTime\":1.4e9}"

static int describe(struct run *r, const char *const *resources, size_t n, struct autoscaling_targets *out)
{
	return autoscaling_describe_targets(r->service.client, &r->frame, resources, n, out, &r->error);
}

static void test_pages(void **state)
{
	_autoscaling_targets_cleanup_ struct autoscaling_targets targets = AUTOSCALING_TARGETS_NULL;
	static const char *const resources[] = { "table/t", "table/t/index/i" };
	struct run r;

	(void)state;
	BEGIN(r,
	      { .body = "{\"ScalableTargets\":[" SCALED("table/t",
							"table:ReadCapacityUnits") "],\"NextToken\":\"n\"}" },
	      { .body = "{\"ScalableTargets\":[" SCALED("table/t/index/i", "index:WriteCapacityUnits") "]}" });
	assert_int_equal(describe(&r, resources, 2, &targets), 0);
	assert_sent(&r, 0, TARGET,
		    "{\"ServiceNamespace\":\"dynamodb\",\"ResourceIds\":[\"table/t\",\"table/t/index/i\"]}");
	assert_sent(&r, 1, "Content-Type: application/x-amz-json-1.1",
		    "{\"ServiceNamespace\":\"dynamodb\",\"ResourceIds\":[\"table/t\",\"table/t/index/i\"],"
		    "\"NextToken\":\"n\"}");
	assert_int_equal(targets.n, 2);
	assert_string_equal(targets.items[0].resource, "table/t");
	assert_string_equal(targets.items[0].dimension, "dynamodb:table:ReadCapacityUnits");
	assert_int_equal(targets.items[0].min, 5);
	assert_int_equal(targets.items[0].max, 10);
	assert_string_equal(targets.items[1].resource, "table/t/index/i");
	end(&r);
}

static void test_batches(void **state)
{
	enum { MANY = 51 };
	_autoscaling_targets_cleanup_ struct autoscaling_targets targets = AUTOSCALING_TARGETS_NULL;
	const char *resources[MANY];
	struct run r;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		resources[i] = i < 50 ? "table/t" : "table/last";
	BEGIN(r, { .body = "{\"ScalableTargets\":[]}" });
	assert_int_equal(describe(&r, resources, MANY, &targets), 0);
	assert_int_equal(r.service.asked, 2);
	assert_null(strstr(r.service.requests[0].body, "last"));
	assert_sent(&r, 1, TARGET, "{\"ServiceNamespace\":\"dynamodb\",\"ResourceIds\":[\"table/last\"]}");
	assert_int_equal(describe(&r, NULL, 0, &targets), 0);
	assert_sent(&r, 2, TARGET, "{\"ServiceNamespace\":\"dynamodb\"}");
	assert_int_equal(targets.n, 0);
	end(&r);
}

static void test_answers_that_are_none(void **state)
{
	static const char *const bodies[] = {
		"{}",
		"{\"ScalableTargets\":null}",
		"{\"ScalableTargets\":[{}]}",
		"{\"ScalableTargets\":[" SCALED("table/t", "x") ",{\"ResourceId\":\"table/u\"}]}",
		"{\"ScalableTargets\":[],\"NextToken\":\"again\"}",
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct autoscaling_targets targets = { .n = 7 };
		struct fake_answer answer = { .body = bodies[i] };
		begin(&r, &answer, 1);
		if (describe(&r, NULL, 0, &targets) != -EIO)
			fail_msg("%s was believed", bodies[i]);
		assert_int_equal(targets.n, 7);
		end(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_answers_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
