/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/table_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, SAVED_SECONDS = 300, FREE_DECREASES = 4 };

int64_t table_model_time(const struct table_model *model, size_t minute)
{
	return model->trace->start + (int64_t)minute * MINUTE;
}

double table_model_sum(const struct table_model *model, const double *values, size_t passed, int64_t start, int64_t end)
{
	int64_t from = (start - model->trace->start) / MINUTE, to = (end - model->trace->start) / MINUTE;
	double sum = 0;

	if (from < 0)
		from = 0;
	if (to > (int64_t)passed)
		to = (int64_t)passed;
	if (from >= to)
		return NAN;
	for (int64_t i = from; i < to; i++)
		sum += values[i];
	return sum;
}

/* Four a day at any time, and one more in each hour without any. */
static bool limits_allow(struct table_model *model, int64_t now)
{
	if (model->day != now / DAY)
		model->decreases = 0;
	model->day = now / DAY;
	return model->decreases < FREE_DECREASES || now - model->last_decrease >= HOUR;
}

static int remember(struct table_model *model, int64_t now, struct units units, const char *reason, struct error *e)
{
	struct table_run *run = model->run;

	if ((run->n_changes & (run->n_changes - 1)) == 0) {
		size_t room = run->n_changes ? 2 * run->n_changes : 1;
		struct table_change *grown = reallocarray(run->changes, room, sizeof(*grown));
		if (!grown)
			return error_no_memory(e);
		run->changes = grown;
	}
	char *copy = strdup(reason);
	if (!copy)
		return error_no_memory(e);
	run->changes[run->n_changes++] = (struct table_change){ now, model->units, units, copy };
	return 0;
}

int table_model_update(struct table_model *model, size_t minute, struct units units, const char *reason,
		       struct error *e)
{
	int64_t now = table_model_time(model, minute);
	bool lower = false;

	for (int d = 0; d < DIMENSIONS; d++)
		lower |= units.of[d] < model->units.of[d];
	if (lower && !limits_allow(model, now))
		return error_set(e, EBUSY, "the limit of decreases is reached");
	int r = remember(model, now, units, reason, e);
	if (r < 0)
		return r;
	if (lower) {
		model->decreases++;
		model->last_decrease = now;
	}
	model->units = units;
	return 0;
}

static void serve(struct table_model *model, size_t minute, enum dimension d)
{
	struct table_run *run = model->run;
	double units = (double)model->units.of[d], demand = model->trace->demand[d][minute];
	double room = units * MINUTE + model->saved[d], served = fmin(demand, room);

	run->provisioned[d][minute] = units;
	run->served[d][minute] = served;
	run->throttled[d][minute] = demand - served;
	run->unit_hours[d] += units * MINUTE / HOUR;
	run->all_throttled += demand - served;
	model->saved[d] = fmin(room - served, units * SAVED_SECONDS);
}

static int make_room(struct table_run *run, size_t minutes, struct error *e)
{
	run->minutes = minutes;
	for (int d = 0; d < DIMENSIONS; d++) {
		double **const arrays[] = { &run->provisioned[d], &run->served[d], &run->throttled[d] };
		for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
			*arrays[i] = calloc(minutes, sizeof(double));
			if (!*arrays[i])
				return error_no_memory(e);
		}
	}
	return 0;
}

int table_model_run(const struct trace *trace, struct units start, table_strategy strategy, void *data,
		    struct table_run *run, struct error *e)
{
	_table_run_cleanup_ struct table_run made = TABLE_RUN_NULL;
	struct table_model model = { .trace = trace, .run = &made, .units = start };
	int r = make_room(&made, trace->minutes, e);

	for (size_t minute = 0; r == 0 && minute < trace->minutes; minute++) {
		if (strategy)
			r = strategy(&model, minute, data, e);
		for (int d = 0; r == 0 && d < DIMENSIONS; d++)
			serve(&model, minute, d);
	}
	if (r < 0)
		return r;
	*run = made;
	made = TABLE_RUN_NULL;
	return 0;
}

void table_run_deinit(struct table_run *run)
{
	for (int d = 0; d < DIMENSIONS; d++) {
		free(run->provisioned[d]);
		free(run->served[d]);
		free(run->throttled[d]);
	}
	for (size_t i = 0; i < run->n_changes; i++)
		free(run->changes[i].reason);
	free(run->changes);
	*run = TABLE_RUN_NULL;
}
