/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/metrics.h"

#include "aws/cloudwatch.h"
#include "scaler/parallel.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A request that is throttled or answered by a failing server is repeated until so long after the last that was
 * answered: as long as the original's patience with four tables. */
enum { BATCH_MAX = 500, PATIENCE_SECONDS = 300, MINUTE = 60, POINTS_MAX = 1440 };

/* One metric of one query. */
struct slot {
	struct metrics_query *query;
	enum dimension dimension;
	bool throttled;
	struct policy_window window; /* on the minute; period is that of a bucket */
	double sum;                  /* NAN: no datapoint */
	int rc;
	struct error error;
};

/* One GetMetricData. */
struct batch {
	size_t first, n; /* slots */
	bool refused;
};

struct fetch {
	struct site *site;
	const struct metrics_call *call;
	struct slot *slots;
	size_t n_slots;
	struct batch *batches;
	size_t n_batches;
	_Atomic int64_t answered; /* mono: when a request last was, or the first could be sent */
};

void metrics_needs(const struct section_options *options, struct metrics_query *query)
{
	for (int d = 0; d < DIMENSIONS; d++) {
		const struct side_options *side = &options->sides[d];
		query->throttled[d] = side->autoscaling &&
				      (side->throttled_threshold || side->increase_throttled_provisioned.scale.n ||
				       side->increase_throttled_consumed.scale.n);
		query->consumed[d] = side->autoscaling || side->upper_alarm > 0 || side->lower_alarm > 0;
	}
}

/* Minutes, or the smallest multiple that divides the period and keeps the number of points within what
 * GetMetricStatistics gives. */
static struct policy_window buckets(struct policy_window window)
{
	int64_t minutes = window.period / MINUTE, step = 1;

	while (minutes / step > POINTS_MAX || minutes % step)
		step++;
	window.start -= ((window.start % MINUTE) + MINUTE) % MINUTE;
	window.end = window.start + window.period;
	window.period = step * MINUTE;
	return window;
}

static int by_window(const void *a, const void *b)
{
	const struct policy_window *left = &((const struct slot *)a)->window,
				   *right = &((const struct slot *)b)->window;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	if (left->end != right->end)
		return left->end < right->end ? -1 : 1;
	return 0;
}

static void add_slots(struct fetch *f, struct metrics_query *query)
{
	struct policy_window window = buckets(query->window);

	for (int d = 0; d < DIMENSIONS; d++) {
		const bool needed[] = { query->consumed[d], query->throttled[d] };
		query->samples[d] = (struct policy_sample){ NAN, NAN };
		for (int throttled = 0; throttled < 2; throttled++) {
			if (needed[throttled])
				f->slots[f->n_slots++] =
					(struct slot){ query, (enum dimension)d, throttled, window, .sum = NAN };
		}
	}
}

static void make_batches(struct fetch *f)
{
	qsort(f->slots, f->n_slots, sizeof(*f->slots), by_window);
	for (size_t i = 0; i < f->n_slots; i++) {
		struct batch *batch = f->n_batches ? &f->batches[f->n_batches - 1] : NULL;
		if (!batch || batch->n == BATCH_MAX || by_window(&f->slots[batch->first], &f->slots[i]) != 0) {
			batch = &f->batches[f->n_batches++];
			*batch = (struct batch){ .first = i };
		}
		batch->n++;
	}
}

static struct cloudwatch_query wire_query(const struct slot *slot)
{
	const struct dimension_row *row = &dimension_rows[slot->dimension];
	const struct target *target = &slot->query->target;
	struct cloudwatch_query query = {
		.namespace = "AWS/DynamoDB",
		.metric = slot->throttled ? row->throttle_metric : row->consumed_metric,
		.dimensions = { { "TableName", target->table } },
		.stat = "Sum",
		.period = (int)slot->window.period,
	};

	if (target->index) {
		query.dimensions[1].name = "GlobalSecondaryIndexName";
		query.dimensions[1].value = target->index;
	}
	return query;
}

static struct cloudwatch_range wire_range(const struct slot *slot)
{
	return (struct cloudwatch_range){ slot->window.start * CLOCK_SECOND, slot->window.end * CLOCK_SECOND };
}

static struct client_frame wire_frame(struct fetch *f)
{
	return (struct client_frame){
		.deadline = atomic_load(&f->answered) + PATIENCE_SECONDS * CLOCK_SECOND,
		.cancel_fd = f->call->cancel_fd,
	};
}

static void note_answer(struct fetch *f, int rc)
{
	if (rc == 0)
		atomic_store(&f->answered, clock_mono(f->call->clock));
}

/* Adds up what lies in the window; points elsewhere would be somebody else's. */
static void fill(struct slot *slot, const struct cloudwatch_series *series)
{
	struct cloudwatch_range range = wire_range(slot);
	double sum = 0;
	bool any = false;

	if (*series->status && strcmp(series->status, "Complete") != 0) {
		slot->rc =
			error_set(&slot->error, EIO, "CloudWatch has only a part of the metrics: %s", series->status);
		return;
	}
	for (size_t i = 0; i < series->n_points; i++) {
		if (series->points[i].time < range.start || series->points[i].time >= range.end)
			continue;
		sum += series->points[i].value;
		any = true;
	}
	slot->sum = any ? sum : NAN;
}

static int ask_batch(struct fetch *f, struct batch *batch, struct cloudwatch_series *series, struct error *e)
{
	const struct slot *slots = &f->slots[batch->first];
	struct cloudwatch_query *queries = calloc(batch->n, sizeof(*queries));
	struct cloudwatch_range range = wire_range(slots);
	struct client_frame frame = wire_frame(f);

	if (!queries)
		return error_no_memory(e);
	for (size_t i = 0; i < batch->n; i++)
		queries[i] = wire_query(&slots[i]);
	int rc = cloudwatch_get_metric_data(f->site->clients[SITE_CLOUDWATCH], &frame, &range, queries, batch->n,
					    series, e);
	note_answer(f, rc);
	batch->refused = site_refuses(rc, &frame.outcome);
	free(queries);
	return rc;
}

static void fetch_batch(void *data, size_t i)
{
	struct fetch *f = data;
	struct batch *batch = &f->batches[i];
	struct cloudwatch_series *series = calloc(batch->n, sizeof(*series));
	struct error e = ERROR_NULL;
	int rc = series ? ask_batch(f, batch, series, &e) : error_no_memory(&e);

	for (size_t k = 0; k < batch->n && !batch->refused; k++) {
		struct slot *slot = &f->slots[batch->first + k];
		slot->rc = rc;
		slot->error = e;
		if (rc == 0)
			fill(slot, &series[k]);
	}
	for (size_t k = 0; series && k < batch->n; k++)
		cloudwatch_series_deinit(&series[k]);
	free(series);
}

static void fetch_slot(void *data, size_t i)
{
	struct fetch *f = data;
	struct slot *slot = &f->slots[i];
	struct cloudwatch_series series = CLOUDWATCH_SERIES_NULL;
	struct cloudwatch_query query = wire_query(slot);
	struct cloudwatch_range range = wire_range(slot);
	struct client_frame frame = wire_frame(f);

	slot->rc = cloudwatch_get_metric_statistics(f->site->clients[SITE_CLOUDWATCH], &frame, &range, &query, &series,
						    &slot->error);
	note_answer(f, slot->rc);
	if (slot->rc == 0)
		fill(slot, &series);
	cloudwatch_series_deinit(&series);
}

static void fetch_all(struct fetch *f)
{
	bool refused = atomic_load(&f->site->no_metric_data);

	if (!refused) {
		parallel(f->n_batches, f->call->connections, fetch_batch, f);
		for (size_t i = 0; i < f->n_batches; i++)
			refused |= f->batches[i].refused;
	}
	if (!refused)
		return;
	if (!atomic_exchange(&f->site->no_metric_data, true))
		log_info(f->call->log,
			 "cloudwatch:GetMetricData is not permitted: GetMetricStatistics is used, which costs "
			 "more requests");
	parallel(f->n_slots, f->call->connections, fetch_slot, f);
}

static void hand_out(const struct slot *slot)
{
	struct metrics_query *query = slot->query;
	struct policy_sample *sample = &query->samples[slot->dimension];

	*(slot->throttled ? &sample->throttled : &sample->consumed) = slot->sum;
	if (slot->rc < 0 && query->rc == 0) {
		query->rc = slot->rc;
		query->error = slot->error;
	}
}

void metrics_fetch(struct site *site, const struct metrics_call *call, struct metrics_query *queries, size_t n)
{
	size_t most = n * 2 * DIMENSIONS + 1;
	struct fetch f = {
		.site = site,
		.call = call,
		.answered = clock_mono(call->clock),
		.slots = calloc(most, sizeof(*f.slots)),
		.batches = calloc(most, sizeof(*f.batches)),
	};

	if (f.slots && f.batches) {
		for (size_t i = 0; i < n; i++)
			add_slots(&f, &queries[i]);
		make_batches(&f);
		fetch_all(&f);
		for (size_t i = 0; i < f.n_slots; i++)
			hand_out(&f.slots[i]);
	} else {
		for (size_t i = 0; i < n; i++)
			queries[i].rc = error_no_memory(&queries[i].error);
	}
	free(f.slots);
	free(f.batches);
}
