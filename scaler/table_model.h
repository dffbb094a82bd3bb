/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "scaler/dimension.h"
#include "scaler/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A table minute by minute: it serves what is provisioned and what it saved of the last 300 seconds, throttles the
 * rest, and limits decreases as DynamoDB does. A strategy provisions it.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
 */
struct table_change {
	int64_t time;
	struct units before, after;
	char *reason; /* a sentence, owned */
};

struct table_run {
	size_t minutes;
	double *provisioned[DIMENSIONS]; /* units a second, in each minute */
	double *served[DIMENSIONS];      /* units consumed in each minute */
	double *throttled[DIMENSIONS];   /* units asked for in vain in each minute */
	struct table_change *changes;
	size_t n_changes;
	double unit_hours[DIMENSIONS];
	double all_throttled; /* units */
};

#define TABLE_RUN_NULL ((struct table_run){ 0 })

struct table_model {
	const struct trace *trace;
	struct table_run *run;
	struct units units; /* provisioned now */
	double saved[DIMENSIONS];
	int64_t day, decreases, last_decrease; /* what the limits look at */
};

/* What provisions: asked before each minute, and may call table_model_update. NULL: nobody does. */
typedef int (*table_strategy)(struct table_model *model, size_t minute, void *data, struct error *e);

int table_model_run(const struct trace *trace, struct units start, table_strategy strategy, void *data,
		    struct table_run *run, struct error *e);
/* UpdateTable at the start of a minute, in force at once. EBUSY is LimitExceeded. */
int table_model_update(struct table_model *model, size_t minute, struct units units, const char *reason,
		       struct error *e);
/* The time at which a minute begins. */
int64_t table_model_time(const struct table_model *model, size_t minute);
/* Sums over [start, end) in Unix seconds, whole minutes; NAN where none of them has passed. */
double table_model_sum(const struct table_model *model, const double *values, size_t passed, int64_t start,
		       int64_t end);
/* Idempotent. */
void table_run_deinit(struct table_run *run);

#define _table_run_cleanup_ __attribute__((cleanup(table_run_deinit)))
