/* SPDX-License-Identifier: Apache-2.0 */
/* What the vectors of test_simulate cannot show: options that 2.5.1 did not have, reasons, and odd numbers. */
#include "scaler/policy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOON = 12 * 3600, DAY = 86400 };

/* A table of 100 and 100 units, with options as the file would say them: "name=value; name=value". */
struct scene {
	struct section_options options;
	struct policy_input input;
	struct policy_decision decision;
	struct policy_plan plan;
};

static void set_options(struct scene *scene, const char *text)
{
	char *copy = strdup(text), *rest = copy, *pair;

	while ((pair = strsep(&rest, ";"))) {
		char *value = strchr(pair, '=');
		if (!value)
			continue;
		*value++ = '\0';
		const struct scaler_option *row = scaler_option_find(SCALER_SECTION, pair + strspn(pair, " "));
		assert_non_null(row);
		assert_int_equal(0, scaler_option_set(row, &scene->options, value, NULL));
	}
	free(copy);
}

static void begin(struct scene *scene, const char *options)
{
	memset(scene, 0, sizeof(*scene));
	assert_int_equal(0, scaler_options_default(SCALER_SECTION, &scene->options, NULL));
	set_options(scene, options);
	scene->input = (struct policy_input){
		.options = &scene->options,
		.active = true,
		.now = 20000LL * DAY + NOON,
		.provisioned = { { 100, 100 } },
		.samples = { { NAN, NAN }, { NAN, NAN } },
	};
}

static void end(struct scene *scene)
{
	scaler_options_deinit(SCALER_SECTION, &scene->options);
}

/* Consumption in percent of 100 units over the five minutes looked at. */
static void consume(struct scene *scene, double reads, double writes)
{
	scene->input.samples[DIMENSION_READS].consumed = reads * 300;
	scene->input.samples[DIMENSION_WRITES].consumed = writes * 300;
}

static void check(struct scene *scene)
{
	policy_check(&scene->input, &scene->decision);
	policy_plan(&scene->input, &scene->decision, &scene->plan);
	scene->input.checks = scene->decision.checks;
}

static void expect_units(const struct scene *scene, int64_t reads, int64_t writes)
{
	assert_int_equal(reads, scene->plan.units.of[DIMENSION_READS]);
	assert_int_equal(writes, scene->plan.units.of[DIMENSION_WRITES]);
	assert_int_equal(reads != 100 || writes != 100, scene->plan.go);
}

static void test_budget(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "decreases-per-day=2; decreases-reserved-window=22:00-23:00");
	consume(&scene, 10, 50);
	check(&scene);
	expect_units(&scene, 50, 100);
	policy_applied(&scene.input.history, scene.input.provisioned, scene.plan.units, scene.input.now);
	/* One is left, and it is kept for the window. */
	check(&scene);
	expect_units(&scene, 100, 100);
	assert_int_equal(POLICY_BUDGET, scene.plan.held);
	scene.input.now += 10 * 3600 + 1800;
	check(&scene);
	expect_units(&scene, 50, 100);
	policy_applied(&scene.input.history, scene.input.provisioned, scene.plan.units, scene.input.now);
	check(&scene);
	expect_units(&scene, 100, 100);
	/* A new day; growth costs nothing. */
	scene.input.now += 2 * 3600;
	check(&scene);
	expect_units(&scene, 50, 100);
	scene.input.history = (struct policy_history){ .day = scene.input.now / DAY, .decreases = 2 };
	consume(&scene, 10, 95);
	check(&scene);
	expect_units(&scene, 100, 150);
	end(&scene);
}

static void test_reserve_is_free_after_its_window(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "decreases-per-day=1; decreases-reserved-window=02:00-03:00");
	consume(&scene, 10, 50);
	check(&scene);
	expect_units(&scene, 50, 100);
	scene.input.now += 12 * 3600 + 1800;
	check(&scene);
	expect_units(&scene, 100, 100);
	end(&scene);
}

static void test_cool_down(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "cool-down=15");
	consume(&scene, 95, 10);
	scene.input.history.last_change = scene.input.now - 14 * 60;
	check(&scene);
	expect_units(&scene, 100, 100);
	assert_int_equal(POLICY_COOL_DOWN, scene.plan.held);
	scene.input.now += 60;
	check(&scene);
	expect_units(&scene, 150, 50);
	/* The clock was set back: by a little, and from far ahead. */
	scene.input.history.last_change = scene.input.now + 14 * 60;
	check(&scene);
	expect_units(&scene, 100, 100);
	scene.input.history.last_change = scene.input.now + 15 * 60;
	check(&scene);
	expect_units(&scene, 150, 50);
	end(&scene);
}

static void test_strict_checks(void **state)
{
	static const struct {
		const char *options;
		int64_t checks;
	} cases[] = {
		{ "num-read-checks-before-scale-down=3", 2 },
		{ "num-read-checks-before-scale-down=3; consecutive=strict", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;
		begin(&scene, cases[i].options);
		for (const double *used = (const double[]){ 10, 50, 10, -1 }; *used >= 0; used++) {
			consume(&scene, *used, 50);
			check(&scene);
		}
		assert_int_equal(cases[i].checks, scene.input.checks.of[DIMENSION_READS]);
		end(&scene);
	}
}

static void test_schedule_raises_and_holds(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "min-provisioned-reads=10; enable-reads-up-scaling=false");
	scene.input.scheduled = (struct units){ { 250, 80 } };
	consume(&scene, 50, 10);
	check(&scene);
	expect_units(&scene, 250, 80);
	end(&scene);
}

static void test_limit_exceeded(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "");
	consume(&scene, 95, 10);
	check(&scene);
	expect_units(&scene, 150, 50);
	policy_retry(&scene.input, &scene.plan);
	expect_units(&scene, 150, 100);
	consume(&scene, 10, 10);
	check(&scene);
	policy_retry(&scene.input, &scene.plan);
	expect_units(&scene, 100, 100);
	assert_int_equal(POLICY_LIMIT, scene.plan.held);
	end(&scene);
}

/* Each decision with its sentence. */
static const struct {
	const char *options;
	double reads, throttled;
	const char *sentence;
} reasons[] = {
	{ "", 50, NAN, "reads stay at 100: consumption is 50.0% of provisioned, and no threshold asks for a change" },
	{ "", 95, NAN, "reads 100 -> 150: consumption is 95.0% of provisioned, above reads-upper-threshold (90)" },
	{ "reads-upper-threshold=72.5; max-provisioned-reads=120", 95, NAN,
	  "reads 100 -> 120: consumption is 95.0% of provisioned, above reads-upper-threshold (72.5)" },
	{ "", 20, NAN, "reads 100 -> 50: consumption is 20.0% of provisioned, below reads-lower-threshold (30)" },
	{ "num-read-checks-before-scale-down=4", 20, NAN,
	  "reads stay at 100: consumption is 20.0% of provisioned and asks for a decrease, in check 1 of "
	  "num-read-checks-before-scale-down (4)" },
	{ "", 0, NAN, "reads stay at 100: nothing was consumed, and allow-scaling-down-reads-on-0-percent is false" },
	{ "throttled-reads-upper-threshold=5", 20, 7,
	  "reads 100 -> 150: 7 requests were throttled, more than throttled-reads-upper-threshold (5)" },
	{ "throttled-reads-upper-threshold=5; enable-reads-up-scaling=no", 20, 7,
	  "reads stay at 100: consumption asks for a decrease, but 7 requests were throttled" },
	{ "increase-throttled-by-consumed-reads-scale={0.5: 20}", 50, 150,
	  "reads 100 -> 120: throttled reads are 1.0% of consumed, which increase-throttled-by-consumed-reads-scale "
	  "answers" },
	{ "max-provisioned-reads=80", 50, NAN, "reads 100 -> 80: max-provisioned-reads is 80" },
	{ "min-provisioned-reads=120", 50, NAN, "reads 100 -> 120: the least is 120" },
	{ "max-provisioned-reads=20", 50, NAN,
	  "reads stay at 100: consumption is 50.0% of provisioned and needs more than what was decided" },
	{ "enable-reads-autoscaling=false", 95, NAN, "reads stay at 100: enable-reads-autoscaling is false" },
	{ "enable-reads-down-scaling=false; max-provisioned-reads=80", 50, NAN, "; down-scaling is disabled" },
	{ "maintenance-windows=01:00-02:00", 20, NAN, "; nothing is lowered outside of the maintenance windows" },
};

static void test_reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		_buf_cleanup_ struct buf text = BUF_INIT(4096);
		struct scene scene;
		begin(&scene, reasons[i].options);
		consume(&scene, reasons[i].reads, 50);
		scene.input.samples[DIMENSION_READS].throttled = reasons[i].throttled;
		check(&scene);
		policy_explain(&scene.input, &scene.decision, &scene.plan, &text);
		if (!strstr(buf_text(&text), reasons[i].sentence))
			fail_msg("%s\n%s", reasons[i].sentence, buf_text(&text));
		end(&scene);
	}
}

static void test_held_while_not_active(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "");
	consume(&scene, 95, 50);
	scene.input.active = false;
	check(&scene);
	expect_units(&scene, 100, 100);
	assert_int_equal(POLICY_NOT_ACTIVE, scene.plan.held);
	scene.input.breaker_open = true;
	scene.input.active = true;
	scene.input.checks = (struct units){ { 3, 3 } };
	check(&scene);
	expect_units(&scene, 100, 100);
	assert_int_equal(0, scene.input.checks.of[DIMENSION_READS]);
	end(&scene);
}

/* Whatever a server answers, what is sent is within limits. */
static void test_odd_numbers(void **state)
{
	static const double numbers[] = { 0, -1, -1e300, 1e300, 1e-300, INFINITY, -INFINITY, NAN, 1e18 };
	static const int64_t units[] = { 0, -1, 1, 100, INT64_C(1) << 50, INT64_MAX, INT64_MIN };
	const size_t n = sizeof(numbers) / sizeof(numbers[0]);

	(void)state;
	for (size_t i = 0; i < n * n * sizeof(units) / sizeof(units[0]); i++) {
		struct scene scene;
		begin(&scene,
		      "max-provisioned-reads=500; min-provisioned-reads=5; throttled-reads-upper-threshold=1;"
		      "allow-scaling-down-reads-on-0-percent=true;"
		      "increase-throttled-by-consumed-reads-scale={0: 10}; decrease-consumed-writes-scale={50: 300}");
		for (int d = 0; d < DIMENSIONS; d++) {
			scene.input.samples[d] = (struct policy_sample){ numbers[i % n], numbers[i / n % n] };
			scene.input.provisioned.of[d] = units[i / n / n];
		}
		check(&scene);
		int64_t reads = scene.plan.units.of[DIMENSION_READS], now = scene.input.provisioned.of[DIMENSION_READS];
		assert_true(reads == now || (reads >= 5 && reads <= 500));
		int64_t writes = scene.plan.units.of[DIMENSION_WRITES];
		assert_true(writes == scene.input.provisioned.of[DIMENSION_WRITES] || writes >= 1);
		end(&scene);
	}
}

static void test_no_units_are_left_alone(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, "min-provisioned-reads=5; reads-lower-alarm-threshold=10");
	scene.input.provisioned = (struct units){ { 0, 0 } };
	consume(&scene, 95, 95);
	check(&scene);
	assert_false(scene.plan.go);
	assert_int_equal(POLICY_UNPROVISIONED, scene.decision.sides[DIMENSION_READS].reason);
	assert_false(scene.decision.low[DIMENSION_READS]);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_reserve_is_free_after_its_window),
		cmocka_unit_test(test_cool_down),
		cmocka_unit_test(test_strict_checks),
		cmocka_unit_test(test_schedule_raises_and_holds),
		cmocka_unit_test(test_limit_exceeded),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_held_while_not_active),
		cmocka_unit_test(test_odd_numbers),
		cmocka_unit_test(test_no_units_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
