/* SPDX-License-Identifier: Apache-2.0 */
/* Traces, the model of a table, the report, and the picture. */
#include "scaler/backtest.h"
#include "scaler/chart.h"
#include "scaler/table_model.h"

#include <errno.h>
#include <expat.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_temporary(char path[32], const char *text)
{
	strcpy(path, "/tmp/backtest-XXXXXX");
	FILE *file = fdopen(mkstemp(path), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int load(const char *text, struct trace *trace, struct error *e)
{
	char path[32];

	write_temporary(path, text);
	int r = trace_load(path, trace, e);
	unlink(path);
	return r;
}

static void test_trace(void **state)
{
	_trace_cleanup_ struct trace trace = TRACE_NULL;

	(void)state;
	/* Two minutes, half a minute later; the last period is as long as the one before it. */
	assert_int_equal(0,
			 load("time,reads,writes,throttles\n# note\n1970-01-01T00:00:30Z, 120, 40, 40\n\n150,60,0,0\n",
			      &trace, NULL));
	assert_int_equal(0, trace.start);
	assert_int_equal(5, trace.minutes);
	assert_true(fabs(trace.demand[DIMENSION_READS][0] - 150.0 / 4) < 1e-9);
	assert_true(fabs(trace.demand[DIMENSION_READS][1] - 150.0 / 2) < 1e-9);
	assert_true(fabs(trace.demand[DIMENSION_WRITES][1] - 50.0 / 2) < 1e-9);
	assert_true(fabs(trace.demand[DIMENSION_READS][4] - 15) < 1e-9);
	trace_deinit(&trace);
	assert_int_equal(0, load("0,10,10,5,1\n60,1,1,0,0\n", &trace, NULL));
	assert_true(fabs(trace.demand[DIMENSION_READS][0] - 15) < 1e-9);
	assert_true(fabs(trace.demand[DIMENSION_WRITES][0] - 11) < 1e-9);
}

static const struct {
	const char *text, *sentence;
} bad_traces[] = {
	{ "", "expected at least two periods" },
	{ "0,1,1,0\n", "expected at least two periods" },
	{ "0,1,1,0\nnoon,1,1,0\n", ":2: expected a time" },
	{ "0,1,1,0\n60,1,1\n", ":2: expected 4 columns" },
	{ "0,1,1,0\n60,1,-1,0\n", ":2: expected a time" },
	{ "0,1,1,0,0,0\n", ":1: expected a time" },
	{ "0,1,1,0\n0,1,1,0\n", ":2: expected a later time" },
	{ "0,1,1,nan\n60,1,1,0\n", ":1: expected a time" },
	{ "0,1,1,0\n9999999999,1,1,0\n", "longer than ten years" },
};

static void test_bad_traces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_traces) / sizeof(bad_traces[0]); i++) {
		struct trace trace = TRACE_NULL;
		struct error e = ERROR_NULL;
		assert_true(load(bad_traces[i].text, &trace, &e) < 0);
		if (!strstr(e.text, bad_traces[i].sentence))
			fail_msg("%s%s", bad_traces[i].text, e.text);
	}
}

/* Ten units, asked for 20 a second from minute 10 on: saved units last, then the rest is throttled. */
static void test_model_throttles(void **state)
{
	enum { MINUTES = 30 };
	double demand[DIMENSIONS][MINUTES] = { { 0 } };
	struct trace trace = { 0, MINUTES, { demand[0], demand[1] } };
	_table_run_cleanup_ struct table_run run = TABLE_RUN_NULL;

	(void)state;
	for (size_t i = 10; i < MINUTES; i++)
		demand[DIMENSION_READS][i] = 20 * 60;
	assert_int_equal(0, table_model_run(&trace, (struct units){ { 10, 1 } }, NULL, NULL, &run, NULL));
	assert_true(run.served[DIMENSION_READS][10] == 1200);
	assert_true(run.served[DIMENSION_READS][14] == 1200);
	assert_true(run.served[DIMENSION_READS][15] == 600);
	assert_true(run.all_throttled == 15 * 600);
	assert_true(fabs(run.unit_hours[DIMENSION_READS] - 5) < 1e-9);
}

static int lower_each_minute(struct table_model *model, size_t minute, void *data, struct error *e)
{
	struct units units = { { model->units.of[0] - 1, 1 } };
	size_t *refused = data;
	int r = table_model_update(model, minute, units, "lower", e);

	*refused += r == -EBUSY;
	return r == -EBUSY ? 0 : r;
}

/* Four decreases at once, then one an hour. */
static void test_model_limits_decreases(void **state)
{
	enum { MINUTES = 24 * 60 };
	double *demand = calloc(MINUTES, sizeof(double));
	struct trace trace = { 0, MINUTES, { demand, demand } };
	_table_run_cleanup_ struct table_run run = TABLE_RUN_NULL;
	size_t refused = 0;

	(void)state;
	assert_int_equal(
		0, table_model_run(&trace, (struct units){ { 100, 1 } }, lower_each_minute, &refused, &run, NULL));
	assert_int_equal(4 + 23, run.n_changes);
	assert_int_equal(MINUTES - 27, refused);
	free(demand);
}

static void parse_xml(const char *text, size_t len)
{
	XML_Parser parser = XML_ParserCreate(NULL);

	if (XML_Parse(parser, text, (int)len, true) == XML_STATUS_ERROR)
		fail_msg("line %lu: %s", XML_GetCurrentLineNumber(parser), XML_ErrorString(XML_GetErrorCode(parser)));
	XML_ParserFree(parser);
}

static void test_chart_is_xml(void **state)
{
	enum { POINTS = 5000 };
	static int64_t times[POINTS];
	static double values[POINTS];
	const struct chart_series series[] = { { "a <b> & \"c\"", CHART_AREA, CHART_BLUE, values },
					       { "steps", CHART_STEP, CHART_GREY, values },
					       { NULL, CHART_TICKS, CHART_RED, values } };
	const struct chart_mark marks[] = { { 600, 5, 1, "up & <away>" }, { 1200, 1, -1, "down" }, { 1800, 2, 0, "" } };
	const struct chart_panel panel = { "Reads", "units", series, 3, marks, 3 };
	const struct chart_bar bar = { "bar", "$1", 0, CHART_GREEN };

	(void)state;
	for (size_t i = 0; i < POINTS; i++) {
		times[i] = (int64_t)i * 60;
		values[i] = i % 700 == 0 ? INFINITY : i % 11 == 0 ? NAN : (double)(i % 50) - 10;
	}
	for (size_t n = 0; n <= POINTS; n = n ? n * 10 : 1) {
		const struct chart chart = { "title", times, n, &panel, 1, "bars", &bar, 1 };
		_buf_cleanup_ struct buf svg = BUF_INIT(1 << 20);
		chart_svg(&chart, &svg);
		assert_int_equal(0, buf_error(&svg));
		assert_null(strstr(buf_text(&svg), "nan"));
		assert_null(strstr(buf_text(&svg), "inf"));
		parse_xml(svg.data, svg.len);
	}
}

/* A day of 10 units, 100 in its middle third: growth, throttling and shrinking by the configuration. */
static void test_report(void **state)
{
	static const char text[] = "[table: t]\nlookback-window-start: 6\nnum-read-checks-before-scale-down: 3\n";
	const struct scaler_config_request request = { .file = "FILE" };
	struct scaler_config config = SCALER_CONFIG_NULL;
	_buf_cleanup_ struct buf trace = BUF_INIT(1 << 20);
	char path[32], picture[32], report[4096], line[256];
	FILE *out = tmpfile();
	struct error e = ERROR_NULL;

	(void)state;
	for (int i = 0; i < 288; i++)
		buf_printf(&trace, "%d,%d,300,0\n", i * 300, 300 * (i >= 96 && i < 192 ? 100 : 10));
	write_temporary(path, buf_text(&trace));
	write_temporary(picture, "");
	assert_int_equal(0, scaler_config_parse(&request, text, strlen(text), NULL, &config, NULL));
	const struct backtest_request backtest = { path, &config, "t", picture };
	assert_int_equal(0, backtest_run(&backtest, out, &e));
	rewind(out);
	size_t n = fread(report, 1, sizeof(report) - 1, out);
	report[n] = '\0';
	assert_non_null(strstr(report, "1970-01-01 00:00 to 1970-01-02 00:00 UTC, section t"));
	/* 100 units for a day, a 24th of which costs 0.00013 dollars an hour; and a write unit. */
	snprintf(line, sizeof(line), "%-22s %16.1f %16.1f %14d %8d %12.2f\n", "fixed at the peak", 2400.0, 24.0, 0, 0,
		 0.33);
	assert_non_null(strstr(report, line));
	assert_non_null(strstr(report, "this configuration"));
	assert_int_equal(-EINVAL, backtest_run(&(struct backtest_request){ path, &config, "u", NULL }, out, &e));
	assert_non_null(strstr(e.text, "no section of the configuration matches u"));
	fclose(out);
	unlink(path);
	unlink(picture);
	scaler_config_deinit(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace),           cmocka_unit_test(test_bad_traces),
		cmocka_unit_test(test_model_throttles), cmocka_unit_test(test_model_limits_decreases),
		cmocka_unit_test(test_chart_is_xml),    cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
