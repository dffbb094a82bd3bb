/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/policy.h"

#include "scaler/window.h"

#include <math.h>
#include <stdlib.h>

/* Where 2.5.1 did what nobody wanted; all else is one code for both. */
struct rules {
	bool guard_cancels_growth; /* growth that the maximum caps below consumption is dropped */
	bool lone_decrease;        /* always-decrease-rw-together lets one side fall alone */
	bool windows_as_text;
	bool forgets_decrease_consumed;          /* decrease-consumed-* do not count */
	bool throttle_uses_consumed[DIMENSIONS]; /* throttled requests are answered by increase-consumed-*-with */
	bool shrinks_throttled[DIMENSIONS];
};

static const struct rules all_rules[][TARGET_KINDS] = {
	[COMPAT_NONE] = { { 0 } },
	[COMPAT_2_5_1] = {
		[TARGET_TABLE] = {
			.guard_cancels_growth = true,
			.lone_decrease = true,
			.windows_as_text = true,
			.throttle_uses_consumed = { [DIMENSION_READS] = true },
			.shrinks_throttled = { [DIMENSION_READS] = true },
		},
		[TARGET_INDEX] = {
			.guard_cancels_growth = true,
			.lone_decrease = true,
			.windows_as_text = true,
			.forgets_decrease_consumed = true,
			.shrinks_throttled = { true, true },
		},
	},
};

static const struct rules *rules_of(const struct policy_input *input)
{
	return &all_rules[input->compat][input->kind];
}

/* A side while it is decided. All units are whole numbers in doubles: the arithmetic is Python's. */
struct side {
	const struct side_options *options;
	const struct rules *rules;
	enum dimension dimension;
	double units;       /* provisioned */
	double least, most; /* 0: no limit */
	double value;       /* decided so far */
	int64_t checks;
	struct policy_side *out;
};

struct policy_window policy_window(const struct section_options *options, int64_t now)
{
	int64_t start = now - options->lookback_start * 60, period = options->lookback_period * 60;

	return (struct policy_window){ start, start + period, period };
}

/* The order of operations is the original's, to the last bit. */
static void measure(struct side *side, const struct policy_sample *sample, double seconds)
{
	struct policy_side *out = side->out;
	bool consumed = !isnan(sample->consumed), throttled = !isnan(sample->throttled);

	if (side->units <= 0)
		return;
	if (consumed)
		out->used = sample->consumed / seconds / side->units * 100;
	if (throttled) {
		out->events = trunc(sample->throttled);
		out->throttled_provisioned = sample->throttled / seconds / side->units * 100;
	}
	if (throttled && consumed && sample->consumed != 0)
		out->throttled_consumed = sample->throttled / seconds / (sample->consumed / seconds) * 100;
	else if (throttled && consumed && sample->throttled > 0)
		out->throttled_consumed = INFINITY;
}

/* An amount in a unit; what is unset, empty or 0 is the general one. */
struct change {
	enum unit unit;
	double amount;
};

static struct change change_of(const struct change_options *own, const struct change_options *general, double amount)
{
	return (struct change){ own->unit ? own->unit : general->unit, amount };
}

static double amount_of(const struct change_options *own, const struct change_options *general)
{
	return (double)(own->with == SCALER_UNSET || own->with == 0 ? general->with : own->with);
}

static double needed_units(const struct side *side)
{
	return ceil(side->units * (side->out->used / 100));
}

static double grown(const struct side *side, struct change change)
{
	double base = fmax(needed_units(side), side->units);
	double result = base + (change.unit == UNIT_UNITS ? trunc(change.amount) : ceil(base * (change.amount / 100)));

	return side->most > 0 && result > side->most ? side->most : result;
}

static double shrunk(const struct side *side, struct change change)
{
	double by = trunc(change.unit == UNIT_UNITS ? change.amount : side->units * (change.amount / 100));
	double floor = side->least > 0 ? fmin(side->least, 2 * side->units) : 1;

	return fmax(side->units - by, floor);
}

static void consider(struct side *side, struct change change, enum policy_reason reason)
{
	double units = grown(side, change);

	if (units <= side->value)
		return;
	side->value = units;
	side->out->reason = reason;
}

static void grow_by_scale(struct side *side, const struct change_options *by, double percent, enum policy_reason reason)
{
	double amount = scale_up(&by->scale, percent);

	if (amount != 0)
		consider(side, change_of(by, &side->options->increase, amount), reason);
}

/* The largest of what four causes ask for. */
static bool grow(struct side *side)
{
	const struct side_options *options = side->options;
	const struct change_options *consumed = &options->increase_consumed, *general = &options->increase;
	const struct policy_side *out = side->out;
	double units = side->value;

	grow_by_scale(side, &options->increase_throttled_provisioned, out->throttled_provisioned,
		      POLICY_GROW_PROVISIONED);
	grow_by_scale(side, &options->increase_throttled_consumed, out->throttled_consumed, POLICY_GROW_CONSUMED);
	grow_by_scale(side, consumed, out->used, POLICY_GROW_SCALE);
	if (consumed->scale.n == 0 && options->upper_threshold != 0 && out->used > options->upper_threshold)
		consider(side, change_of(consumed, general, amount_of(consumed, general)), POLICY_GROW_THRESHOLD);
	if (options->throttled_threshold != 0 && out->events > (double)options->throttled_threshold) {
		bool slip = side->rules->throttle_uses_consumed[side->dimension] && general->unit == UNIT_PERCENT;
		double amount = slip ? amount_of(consumed, general) : (double)general->with;
		consider(side, change_of(general, general, amount), POLICY_GROW_EVENTS);
	}
	return side->value > units;
}

/* What the side would shrink to; its own units when nothing asks for that. */
static double shrink_goal(struct side *side, enum policy_reason *reason)
{
	static const struct change_options unset = { .with = SCALER_UNSET };
	const struct change_options *own =
		side->rules->forgets_decrease_consumed ? &unset : &side->options->decrease_consumed;
	const struct change_options *general = &side->options->decrease;
	double used = side->out->used, amount = scale_down(&own->scale, used);

	*reason = POLICY_SHRINK_SCALE;
	if (amount != 0)
		return shrunk(side, change_of(own, general, amount));
	if (own->scale.n != 0 || side->options->lower_threshold == 0 ||
	    !(used < (double)side->options->lower_threshold))
		return side->units;
	*reason = POLICY_SHRINK_THRESHOLD;
	return shrunk(side, change_of(own, general, amount_of(own, general)));
}

/* Why a side that has a goal does not shrink in this check; POLICY_STEADY: it may. */
static enum policy_reason held(const struct side *side)
{
	const struct side_options *options = side->options;
	bool throttled = options->throttled_threshold != 0 && side->out->events > (double)options->throttled_threshold;

	if (side->out->used == 0 && !options->down_on_zero)
		return POLICY_IDLE;
	if (throttled && !side->rules->shrinks_throttled[side->dimension])
		return POLICY_THROTTLED;
	return POLICY_STEADY;
}

static bool shrink(struct side *side, bool strict)
{
	enum policy_reason reason = POLICY_STEADY, hold = held(side);
	double goal = side->options->down_scaling ? shrink_goal(side, &reason) : side->units;

	if (goal == side->units || hold != POLICY_STEADY) {
		side->checks = strict ? 0 : side->checks;
		if (goal != side->units)
			side->out->reason = hold;
		return false;
	}
	side->checks++;
	side->out->reason = POLICY_WAIT;
	if (side->checks < side->options->checks)
		return false;
	side->value = goal;
	side->out->reason = reason;
	return true;
}

static void hold_at(struct side *side, double units, enum policy_reason reason)
{
	side->value = units;
	side->out->needed = true;
	side->out->reason = reason;
}

/* Limits come last; then nothing that consumption needs is taken away. */
static void limit(struct side *side)
{
	if (side->most > 0 && side->value > side->most)
		hold_at(side, side->most, POLICY_MOST);
	if (side->least > 0 && side->value < side->least)
		hold_at(side, side->least, POLICY_LEAST);
	bool grows = side->value > side->units;
	if (!(needed_units(side) > side->value) || (grows && !side->rules->guard_cancels_growth))
		return;
	hold_at(side, side->units, POLICY_GUARD);
	side->out->needed = false;
}

static void decide(struct side *side, bool strict)
{
	struct policy_side *out = side->out;

	if (side->units <= 0) {
		out->reason = POLICY_UNPROVISIONED;
		return;
	}
	if (!side->options->autoscaling) {
		out->reason = POLICY_OFF;
		side->checks = 0;
		return;
	}
	if (side->options->checks_reset > 0 && out->used >= (double)side->options->checks_reset)
		side->checks = 0;
	if (side->options->up_scaling && grow(side)) {
		side->checks = 0;
		out->needed = true;
	} else {
		out->needed = shrink(side, strict);
	}
	limit(side);
	if (out->needed)
		side->checks = 0;
}

/* No answer of a server makes a number that an integer does not hold. */
static int64_t whole(double units)
{
	const double bound = (double)(INT64_C(1) << 53);

	return isnan(units) ? 0 : (int64_t)fmin(fmax(trunc(units), 0), bound);
}

static double larger(int64_t a, int64_t b)
{
	return (double)(a > b ? a : b);
}

static void check_side(const struct policy_input *input, enum dimension d, struct policy_decision *decision)
{
	const struct side_options *options = &input->options->sides[d];
	struct policy_side *out = &decision->sides[d];
	struct side side = { .options = options,
			     .rules = rules_of(input),
			     .dimension = d,
			     .units = (double)input->provisioned.of[d],
			     .value = (double)input->provisioned.of[d],
			     .least = larger(options->least, input->scheduled.of[d]),
			     .most = (double)options->most,
			     .checks = input->checks.of[d],
			     .out = out };

	measure(&side, &input->samples[d], (double)(input->options->lookback_period * 60));
	if (side.units > 0) {
		decision->high[d] = options->upper_alarm > 0 && out->used >= (double)options->upper_alarm;
		decision->low[d] = options->lower_alarm > 0 && out->used < (double)options->lower_alarm;
	}
	decide(&side, input->options->consecutive == CONSECUTIVE_STRICT);
	out->wanted = side.value == side.units ? input->provisioned.of[d] : whole(side.value);
	decision->checks.of[d] = side.checks;
	decision->needed |= out->needed;
}

void policy_check(const struct policy_input *input, struct policy_decision *decision)
{
	*decision = (struct policy_decision){ 0 };
	for (int d = 0; d < DIMENSIONS; d++) {
		if (!input->breaker_open) {
			check_side(input, d, decision);
			continue;
		}
		decision->sides[d].wanted = input->provisioned.of[d];
		decision->sides[d].reason = POLICY_BREAKER;
	}
}

static bool same_units(struct units a, struct units b)
{
	return a.of[DIMENSION_READS] == b.of[DIMENSION_READS] && a.of[DIMENSION_WRITES] == b.of[DIMENSION_WRITES];
}

static bool falls(const struct policy_input *input, const struct policy_plan *plan, enum dimension d)
{
	return plan->units.of[d] < input->provisioned.of[d];
}

static void keep(const struct policy_input *input, struct policy_plan *plan, enum dimension d, enum policy_hold why)
{
	if (!falls(input, plan, d))
		return;
	plan->units.of[d] = input->provisioned.of[d];
	plan->held = why;
}

static void keep_both(const struct policy_input *input, struct policy_plan *plan, enum policy_hold why)
{
	for (int d = 0; d < DIMENSIONS; d++)
		keep(input, plan, d, why);
}

/* Whether a side stays where it is because it cannot fall. */
static bool at_least(const struct policy_input *input, const struct policy_plan *plan, enum dimension d)
{
	int64_t least = (int64_t)larger(input->options->sides[d].least, input->scheduled.of[d]);
	int64_t units = input->provisioned.of[d];

	return plan->units.of[d] == units && units <= (least > 0 ? least : 1);
}

/* always-decrease-rw-together. In 2.5.1 a side stays only while the other grows. */
static void keep_together(const struct policy_input *input, struct policy_plan *plan)
{
	const struct policy_plan before = *plan;
	bool lone = rules_of(input)->lone_decrease;

	for (int d = 0; d < DIMENSIONS; d++) {
		enum dimension other = DIMENSIONS - 1 - d;
		bool grows = before.units.of[other] > input->provisioned.of[other];
		if (lone ? grows : !falls(input, &before, other) && !at_least(input, &before, other))
			keep(input, plan, d, POLICY_TOGETHER);
	}
}

enum { DAY = 86400 };

static bool within_budget(const struct policy_input *input)
{
	const struct section_options *options = input->options;
	const char *reserved = options->decreases_reserved_window;
	int64_t used = input->history.day == input->now / DAY ? input->history.decreases : 0;
	int64_t budget = options->decreases_per_day;

	if (budget <= 0)
		return true;
	if (reserved && *reserved && !window_open(reserved, input->now, false) && window_ahead(reserved, input->now))
		budget--;
	return used < budget;
}

static bool cooling(const struct policy_input *input)
{
	int64_t last = input->history.last_change;

	/* A clock that was far ahead at that change says nothing of now. */
	return input->options->cool_down > 0 && last && llabs(input->now - last) < input->options->cool_down * 60;
}

/* What is asked of every attempt. */
static void filter(const struct policy_input *input, struct policy_plan *plan)
{
	const struct section_options *options = input->options;
	const char *windows = options->windows;

	for (int d = 0; d < DIMENSIONS; d++) {
		if (!options->sides[d].down_scaling)
			keep(input, plan, d, POLICY_DOWN_OFF);
	}
	if (windows && *windows && !window_open(windows, input->now, rules_of(input)->windows_as_text))
		keep_both(input, plan, POLICY_OUTSIDE);
	if (!within_budget(input))
		keep_both(input, plan, POLICY_BUDGET);
	if (cooling(input) && !same_units(plan->units, input->provisioned)) {
		plan->units = input->provisioned;
		plan->held = POLICY_COOL_DOWN;
	}
	plan->go = !same_units(plan->units, input->provisioned);
}

void policy_plan(const struct policy_input *input, const struct policy_decision *decision, struct policy_plan *plan)
{
	*plan = (struct policy_plan){ .units = input->provisioned, .held = POLICY_NOT_NEEDED };
	if (!decision->needed)
		return;
	plan->held = POLICY_NOT_ACTIVE;
	if (!input->active)
		return;
	plan->held = POLICY_NO_HOLD;
	for (int d = 0; d < DIMENSIONS; d++)
		plan->units.of[d] = decision->sides[d].wanted;
	if (input->options->decrease_together)
		keep_together(input, plan);
	filter(input, plan);
}

void policy_retry(const struct policy_input *input, struct policy_plan *plan)
{
	keep_both(input, plan, POLICY_LIMIT);
	filter(input, plan);
}

void policy_applied(struct policy_history *history, struct units before, struct units after, int64_t now)
{
	bool lower = false;

	for (int d = 0; d < DIMENSIONS; d++)
		lower |= after.of[d] < before.of[d];
	if (history->day != now / DAY)
		history->decreases = 0;
	history->day = now / DAY;
	history->decreases += lower;
	history->last_change = now;
}
