/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/backtest.h"

#include "scaler/chart.h"
#include "scaler/policy.h"
#include "scaler/table_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	MINUTE = 60,
	HOUR = 3600,
	SVG_MAX = 16 << 20,
	TARGET_PERCENT = 70,
	LOW_PERCENT = 50,
	OUT_MINUTES = 2,
	IN_MINUTES = 15
};

/* US dollars in us-east-1, standard class, as of 2025: https://aws.amazon.com/dynamodb/pricing/ */
static const struct price {
	double unit_hour; /* provisioned */
	double million;   /* request units on demand */
} prices[DIMENSIONS] = {
	[DIMENSION_READS] = { 0.00013, 0.125 },
	[DIMENSION_WRITES] = { 0.00065, 0.625 },
};

/* One way of provisioning, as the report and the picture show it. */
struct contender {
	const char *name;
	const char *legend; /* of its line in the picture */
	enum chart_style style;
	enum chart_colour colour;
	struct table_run run; /* empty: nothing is provisioned */
	double cost;
};

enum { CONFIGURED, FIXED, ON_DEMAND, TRACKED, CONTENDERS };

struct backtest {
	const struct scaler_config *config;
	const struct scaler_section *section;
	struct trace trace;
	struct contender contenders[CONTENDERS];
};

/* The configuration, as the live loop runs it: policy.h in its order. */
struct configured {
	const struct backtest *backtest;
	struct units checks;
	struct policy_history history;
	int64_t next_check;
};

static struct policy_input input_of(const struct configured *state, const struct table_model *model, size_t minute)
{
	const struct scaler_section *section = state->backtest->section;
	int64_t now = table_model_time(model, minute);
	struct policy_window window = policy_window(&section->options, now);
	struct policy_input input = {
		.options = &section->options,
		.kind = section->kind,
		.compat = state->backtest->config->global.compat == COMPAT_2_5_1,
		.active = true,
		.now = now,
		.provisioned = model->units,
		.scheduled = scaler_section_scheduled(section, now),
		.checks = state->checks,
		.history = state->history,
	};

	for (int d = 0; d < DIMENSIONS; d++) {
		const double *served = model->run->served[d], *throttled = model->run->throttled[d];
		input.samples[d].consumed = table_model_sum(model, served, minute, window.start, window.end);
		input.samples[d].throttled = table_model_sum(model, throttled, minute, window.start, window.end);
	}
	return input;
}

static int apply(struct table_model *model, size_t minute, const struct policy_input *input,
		 const struct policy_decision *decision, struct policy_plan *plan, struct error *e)
{
	_buf_cleanup_ struct buf reason = BUF_INIT(4096);

	policy_explain(input, decision, plan, &reason);
	return table_model_update(model, minute, plan->units, buf_text(&reason), e);
}

static int provision_configured(struct table_model *model, size_t minute, void *data, struct error *e)
{
	struct configured *state = data;
	struct policy_input input = input_of(state, model, minute);
	const struct units before = model->units;
	struct policy_decision decision;
	struct policy_plan plan;
	int64_t interval = state->backtest->config->global.check_interval;

	if (input.now < state->next_check)
		return 0;
	state->next_check = input.now + interval;
	policy_check(&input, &decision);
	state->checks = decision.checks;
	policy_plan(&input, &decision, &plan);
	int r = plan.go ? apply(model, minute, &input, &decision, &plan, e) : 0;
	if (r == -EBUSY) {
		policy_retry(&input, &plan);
		r = plan.go ? apply(model, minute, &input, &decision, &plan, e) : 0;
	}
	if (r == 0 && plan.go)
		policy_applied(&state->history, before, plan.units, input.now);
	return r;
}

static int64_t within(const struct side_options *side, double units)
{
	double least = side->least > 0 ? (double)side->least : 1, most = side->most > 0 ? (double)side->most : 1e15;

	return (int64_t)fmax(fmin(ceil(units), most), least);
}

/* Whether consumption was above the target, or well below it, in each of the last minutes. */
static bool all_beyond(const struct table_model *model, size_t minute, enum dimension d, size_t minutes, bool above)
{
	double limit = (double)model->units.of[d] * MINUTE * (above ? TARGET_PERCENT : LOW_PERCENT) / 100;

	if (minute < minutes)
		return false;
	for (size_t i = minute - minutes; i < minute; i++) {
		double consumed = model->run->served[d][i];
		if (above ? consumed <= limit : consumed >= limit)
			return false;
	}
	return true;
}

/* Out after 2 minutes above the target, in after 15 below what its lower alarm has, 20 percent less:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/AutoScaling.html */
static int provision_tracked(struct table_model *model, size_t minute, void *data, struct error *e)
{
	const struct backtest *backtest = data;
	struct units units = model->units;
	bool change = false;

	for (int d = 0; d < DIMENSIONS; d++) {
		bool out = all_beyond(model, minute, d, OUT_MINUTES, true);
		bool in = !out && all_beyond(model, minute, d, IN_MINUTES, false);
		double peak = 0;
		for (size_t i = 1; i <= (size_t)(out ? OUT_MINUTES : IN_MINUTES) && (in || out); i++)
			peak = fmax(peak, model->run->served[d][minute - i]);
		if (in || out)
			units.of[d] =
				within(&backtest->section->options.sides[d], peak / MINUTE * 100 / TARGET_PERCENT);
		change |= units.of[d] != model->units.of[d];
	}
	if (!change)
		return 0;
	int r = table_model_update(model, minute, units, "target tracking", e);
	return r == -EBUSY ? 0 : r;
}

static double peak_of(const struct trace *trace, enum dimension d, size_t minutes)
{
	double peak = 0;

	for (size_t i = 0; i < minutes && i < trace->minutes; i++)
		peak = fmax(peak, trace->demand[d][i]);
	return peak / MINUTE;
}

/* What the first hour needs at the target, for all that scale; fixed: what throttles nothing. */
static struct units start_units(const struct backtest *backtest, bool fixed)
{
	static const struct side_options unlimited = { 0 };
	struct units units;

	for (int d = 0; d < DIMENSIONS; d++) {
		double first = peak_of(&backtest->trace, d, HOUR / MINUTE) * 100 / TARGET_PERCENT;
		double all = peak_of(&backtest->trace, d, backtest->trace.minutes);
		units.of[d] = within(fixed ? &unlimited : &backtest->section->options.sides[d], fixed ? all : first);
	}
	return units;
}

static void price(const struct backtest *backtest, struct contender *contender)
{
	for (int d = 0; d < DIMENSIONS; d++) {
		double asked = 0;
		for (size_t i = 0; i < backtest->trace.minutes; i++)
			asked += backtest->trace.demand[d][i];
		contender->cost += contender->run.minutes ? contender->run.unit_hours[d] * prices[d].unit_hour
							  : asked / 1e6 * prices[d].million;
	}
}

static int replay(struct backtest *backtest, struct error *e)
{
	struct configured configured = { .backtest = backtest };
	struct contender *all = backtest->contenders;
	struct units start = start_units(backtest, false);
	int r = table_model_run(&backtest->trace, start, provision_configured, &configured, &all[CONFIGURED].run, e);

	if (r == 0)
		r = table_model_run(&backtest->trace, start_units(backtest, true), NULL, NULL, &all[FIXED].run, e);
	if (r == 0)
		r = table_model_run(&backtest->trace, start, provision_tracked, backtest, &all[TRACKED].run, e);
	for (size_t i = 0; r == 0 && i < CONTENDERS; i++)
		price(backtest, &all[i]);
	return r;
}

static void put_date(int64_t seconds, FILE *out)
{
	char text[32];
	struct tm time;
	time_t t = (time_t)seconds;

	gmtime_r(&t, &time);
	strftime(text, sizeof(text), "%F %H:%M", &time);
	fputs(text, out);
}

static void print_report(const struct backtest *backtest, const char *path, FILE *out)
{
	const struct trace *trace = &backtest->trace;

	fprintf(out, "%s: ", path);
	put_date(trace->start, out);
	fputs(" to ", out);
	put_date(trace->start + (int64_t)trace->minutes * MINUTE, out);
	fprintf(out, " UTC, section %s\n\n%-22s %16s %16s %14s %8s %12s\n", backtest->section->key, "",
		"read unit-hours", "write unit-hours", "throttled", "changes", "cost, USD");
	for (size_t i = 0; i < CONTENDERS; i++) {
		const struct contender *contender = &backtest->contenders[i];
		const struct table_run *run = &contender->run;
		if (run->minutes)
			fprintf(out, "%-22s %16.1f %16.1f %14.0f %8zu %12.2f\n", contender->name,
				run->unit_hours[DIMENSION_READS], run->unit_hours[DIMENSION_WRITES], run->all_throttled,
				run->n_changes, contender->cost);
		else
			fprintf(out, "%-22s %16s %16s %14s %8s %12.2f\n", contender->name, "-", "-", "0", "-",
				contender->cost);
	}
	fputs("\nThrottled: requests of one unit each. Cost: prices of us-east-1, without storage.\n", out);
}

/* What the picture is made of while it is drawn. */
struct picture {
	int64_t *times;
	double *consumed; /* units a second asked for */
	struct chart_mark *marks;
	size_t n_marks;
};

static void fill_marks(const struct table_run *run, enum dimension d, struct picture *picture)
{
	for (size_t i = 0; i < run->n_changes; i++) {
		const struct table_change *change = &run->changes[i];
		int64_t before = change->before.of[d], after = change->after.of[d];
		if (before != after)
			picture->marks[picture->n_marks++] =
				(struct chart_mark){ change->time, (double)after, after > before ? 1 : -1,
						     change->reason };
	}
}

enum { SERIES = CONTENDERS + 1, BAR_TEXT = 96 };

static void panel_of(const struct backtest *backtest, enum dimension d, struct picture *picture,
		     struct chart_series series[SERIES], struct chart_panel *panel)
{
	const struct contender *all = backtest->contenders;
	size_t n = 0, first = picture->n_marks;

	series[n++] = (struct chart_series){ "demand", CHART_AREA, CHART_GREY,
					     picture->consumed + (size_t)d * backtest->trace.minutes };
	for (size_t i = CONTENDERS; i-- > 0;) {
		if (all[i].run.minutes)
			series[n++] = (struct chart_series){ all[i].legend, all[i].style, all[i].colour,
							     all[i].run.provisioned[d] };
	}
	series[n++] = (struct chart_series){ "throttled", CHART_TICKS, CHART_RED, all[CONFIGURED].run.throttled[d] };
	fill_marks(&all[CONFIGURED].run, d, picture);
	*panel = (struct chart_panel){ dimension_rows[d].plural_title, "units", series, n, picture->marks + first,
				       picture->n_marks - first };
}

static void draw(const struct backtest *backtest, struct picture *picture, struct buf *svg)
{
	struct chart_series series[DIMENSIONS][SERIES];
	struct chart_panel panels[DIMENSIONS];
	struct chart_bar bars[CONTENDERS];
	char texts[CONTENDERS][BAR_TEXT];
	size_t minutes = backtest->trace.minutes;

	for (size_t i = 0; i < minutes; i++) {
		picture->times[i] = backtest->trace.start + (int64_t)i * MINUTE;
		for (int d = 0; d < DIMENSIONS; d++)
			picture->consumed[(size_t)d * minutes + i] = backtest->trace.demand[d][i] / MINUTE;
	}
	for (int d = 0; d < DIMENSIONS; d++)
		panel_of(backtest, d, picture, series[d], &panels[d]);
	for (size_t i = 0; i < CONTENDERS; i++) {
		const struct contender *one = &backtest->contenders[i];
		int used = snprintf(texts[i], BAR_TEXT, "$%.2f, %.0f throttled", one->cost, one->run.all_throttled);
		if (one->run.minutes)
			snprintf(texts[i] + used, BAR_TEXT - (size_t)used, ", %zu changes", one->run.n_changes);
		bars[i] = (struct chart_bar){ one->name, texts[i], one->cost, one->colour };
	}
	const struct chart chart = {
		"Provisioned units and demand", picture->times, minutes, panels, DIMENSIONS, "Cost", bars, CONTENDERS
	};
	chart_svg(&chart, svg);
}

static int write_file(const char *path, const struct buf *text, struct error *e)
{
	FILE *file = fopen(path, "we");
	bool good = file && fwrite(text->data, 1, text->len, file) == text->len;

	if (file)
		good &= fclose(file) == 0;
	return good ? 0 : error_set(e, EIO, "%.200s cannot be written: %s", path, strerror(errno));
}

static int write_picture(const struct backtest *backtest, const char *path, struct error *e)
{
	_buf_cleanup_ struct buf svg = BUF_INIT(SVG_MAX);
	size_t minutes = backtest->trace.minutes, changes = backtest->contenders[CONFIGURED].run.n_changes;
	struct picture picture = { .times = calloc(minutes, sizeof(int64_t)),
				   .consumed = calloc(minutes * DIMENSIONS, sizeof(double)),
				   .marks = calloc(changes * DIMENSIONS + 1, sizeof(struct chart_mark)) };
	int r = picture.times && picture.consumed && picture.marks ? 0 : error_no_memory(e);

	if (r == 0) {
		draw(backtest, &picture, &svg);
		r = buf_error(&svg) < 0 ? error_no_memory(e) : write_file(path, &svg, e);
	}
	free(picture.times);
	free(picture.consumed);
	free(picture.marks);
	return r;
}

static int choose_section(const struct backtest_request *request, const struct scaler_section **section,
			  struct error *e)
{
	const struct scaler_config *config = request->config;

	*section = request->table ? scaler_config_match(config, request->table, NULL) : config->tables;
	if (*section)
		return 0;
	return error_set(e, EINVAL, "no section of the configuration %s%.200s",
			 request->table ? "matches " : "is a table's", request->table ? request->table : "");
}

int backtest_run(const struct backtest_request *request, FILE *out, struct error *e)
{
	struct backtest backtest = {
		.config = request->config,
		.contenders = {
			[CONFIGURED] = { "this configuration", "this configuration", CHART_STEP, CHART_BLUE },
			[FIXED] = { "fixed at the peak", "fixed", CHART_DASHED, CHART_GREY },
			[ON_DEMAND] = { "on demand", NULL, CHART_STEP, CHART_GREEN },
			[TRACKED] = { "70% target tracking", "70% target", CHART_DASHED, CHART_ORANGE },
		},
	};
	int r = choose_section(request, &backtest.section, e);

	if (r == 0)
		r = trace_load(request->trace, &backtest.trace, e);
	if (r == 0)
		r = replay(&backtest, e);
	if (r == 0) {
		print_report(&backtest, request->trace, out);
		r = request->svg ? write_picture(&backtest, request->svg, e) : 0;
	}
	for (size_t i = 0; i < CONTENDERS; i++)
		table_run_deinit(&backtest.contenders[i].run);
	trace_deinit(&backtest.trace);
	return r;
}
