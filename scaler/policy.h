/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "scaler/dimension.h"
#include "scaler/options.h"
#include "scaler/target.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What to do with one table or index: pure functions of options, provisioning, metrics, counters and time. The live
 * loop, --simulate and --backtest call the same ones, in this order:
 *
 *     policy_check     → decision; the caller keeps decision.checks as its counters
 *     policy_plan      → what UpdateTable would be told, nothing when plan.go is false
 *     (UpdateTable; when it answers LimitExceeded:)
 *     policy_retry     → the same with increases only
 *     policy_applied   → once an UpdateTable succeeded
 *
 * All times are Unix seconds, all percentages of what is provisioned.
 */

/* The CloudWatch query of a check: [start, end), one period. */
struct policy_window {
	int64_t start, end; /* Unix seconds */
	int64_t period;     /* seconds */
};

struct policy_window policy_window(const struct section_options *options, int64_t now);

/* Sums over the window; NAN: no datapoint. */
struct policy_sample {
	double consumed;  /* capacity units */
	double throttled; /* events */
};

/* What earlier changes leave behind; kept by the caller, and by its state file. */
struct policy_history {
	int64_t last_change; /* 0: none known */
	int64_t day;         /* number of the UTC day that `decreases` is of */
	int64_t decreases;
};

#define POLICY_HISTORY_NULL ((struct policy_history){ 0 })

struct policy_input {
	const struct section_options *options;
	enum target_kind kind;
	bool compat;       /* decide as 2.5.1 did */
	bool breaker_open; /* nothing happens, and counters begin again */
	bool active;       /* the status is ACTIVE */
	int64_t now;
	struct units provisioned;
	struct units scheduled; /* scaler_section_scheduled() */
	struct units checks;    /* counters before this check */
	struct policy_sample samples[DIMENSIONS];
	struct policy_history history;
};

/* Why a side is as it is decided: a row of sentences. */
enum policy_reason {
	POLICY_STEADY,
	POLICY_BREAKER,
	POLICY_OFF,
	POLICY_UNPROVISIONED, /* no units: on demand */
	POLICY_GROW_PROVISIONED,
	POLICY_GROW_CONSUMED,
	POLICY_GROW_SCALE,
	POLICY_GROW_THRESHOLD,
	POLICY_GROW_EVENTS,
	POLICY_SHRINK_SCALE,
	POLICY_SHRINK_THRESHOLD,
	POLICY_WAIT,      /* would shrink, but not for enough checks yet */
	POLICY_IDLE,      /* would shrink, but nothing at all was consumed */
	POLICY_THROTTLED, /* would shrink, but is throttled */
	POLICY_MOST,      /* above the maximum */
	POLICY_LEAST,     /* below the minimum */
	POLICY_GUARD,     /* consumption needs more than what was decided */
	POLICY_REASONS
};

struct policy_side {
	double used;                  /* percent consumed */
	double throttled_provisioned; /* throttled events a second, in percent of what is provisioned */
	double throttled_consumed;    /* … of what is consumed */
	double events;                /* throttled events in the window */
	bool needed;
	int64_t wanted; /* units */
	enum policy_reason reason;
};

struct policy_decision {
	struct policy_side sides[DIMENSIONS];
	bool needed;                            /* either side */
	struct units checks;                    /* counters after this check */
	bool high[DIMENSIONS], low[DIMENSIONS]; /* alarm thresholds that were reached */
};

void policy_check(const struct policy_input *input, struct policy_decision *decision);

/* What keeps an UpdateTable from being sent, or a side from falling. */
enum policy_hold {
	POLICY_NO_HOLD,
	POLICY_NOT_NEEDED,
	POLICY_NOT_ACTIVE,
	POLICY_TOGETHER,
	POLICY_DOWN_OFF,
	POLICY_LIMIT,   /* DynamoDB's limit of decreases was met */
	POLICY_OUTSIDE, /* of the maintenance windows */
	POLICY_BUDGET,  /* decreases-per-day */
	POLICY_COOL_DOWN,
	POLICY_HOLDS
};

struct policy_plan {
	bool go; /* send `units`: both dimensions, always */
	struct units units;
	enum policy_hold held; /* the last filter that changed something */
};

/* `input->provisioned` as last described. */
void policy_plan(const struct policy_input *input, const struct policy_decision *decision, struct policy_plan *plan);
/* After LimitExceeded, once: from what `plan` sent. */
void policy_retry(const struct policy_input *input, struct policy_plan *plan);
/* Counts a change that succeeded. */
void policy_applied(struct policy_history *history, struct units before, struct units after, int64_t now);

/* The decision as sentences for people, without a final newline:
 * "reads 100 -> 150: consumption is 95.0% of provisioned, above reads-upper-threshold (90); writes stay at 10: …". */
void policy_explain(const struct policy_input *input, const struct policy_decision *decision,
		    const struct policy_plan *plan, struct buf *out);
