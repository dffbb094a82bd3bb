/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "scaler/policy.h"
#include "scaler/site.h"
#include "scaler/target.h"

/*
 * The metrics of many tables and indexes, in as few requests as CloudWatch allows: 500 queries each, for one window of
 * time.
 *
 * Queries ask for minutes and add up, instead of asking for one bucket as long as the window: how CloudWatch aligns
 * longer buckets is its own affair, and one that lay only partly in the window would make a busy table look idle. The
 * window begins on the minute, which is how CloudWatch rounds starts too.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 */
struct metrics_query {
	struct target target; /* borrowed */
	struct policy_window window;
	bool consumed[DIMENSIONS], throttled[DIMENSIONS]; /* what a decision needs */
	/* out: */
	struct policy_sample samples[DIMENSIONS]; /* NAN: no datapoint, or not asked for */
	int rc;                                   /* 0, or what failed */
	struct error error;
};

/* Which metrics a check with these options looks at. */
void metrics_needs(const struct section_options *options, struct metrics_query *query);

/* How to ask; all for one pass. */
struct metrics_call {
	struct clock *clock;
	struct log *log;
	int cancel_fd;
	size_t connections; /* at once */
};

/* Fills every query. Where the site does not permit GetMetricData, GetMetricStatistics is used, and the log told once.
 */
void metrics_fetch(struct site *site, const struct metrics_call *call, struct metrics_query *queries, size_t n);
