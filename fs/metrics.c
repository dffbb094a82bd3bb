/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/metrics.h"

#include "fs/control_row.h"
#include "fs/scaling.h"
#include "fs/view.h"
#include "version.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Far more than there are; what is beyond is not counted. */
enum { OPERATIONS_MAX = 32, NAME_MAX_LEN = 48 };

/* Upper bounds of the histogram's buckets, in seconds; one more has no bound. */
static const double bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };

enum { BOUNDS = sizeof(bounds) / sizeof(bounds[0]) };

enum outcome { OUTCOME_OK, OUTCOME_THROTTLED, OUTCOME_REFUSED, OUTCOME_TIMEOUT, OUTCOME_CONDITION, OUTCOME_ERROR };

enum { OUTCOMES = OUTCOME_ERROR + 1 };

static const char *const outcome_names[OUTCOMES] = { "ok", "throttled", "refused", "timeout", "condition", "error" };

struct operation {
	char name[NAME_MAX_LEN];
	uint64_t outcomes[OUTCOMES];
	uint64_t retries, throttles;
	uint64_t buckets[BOUNDS + 1];
	double seconds;
};

struct metrics {
	_Atomic uint64_t calls[CALL_KINDS];
	pthread_mutex_t lock; /* "counters": guards the operations */
	struct operation operations[OPERATIONS_MAX];
	size_t n_operations;
};

struct metrics *metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics)
		pthread_mutex_init(&metrics->lock, NULL);
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
}

void metrics_call(struct metrics *metrics, enum call_kind kind)
{
	if (metrics)
		atomic_fetch_add_explicit(&metrics->calls[kind], 1, memory_order_relaxed);
}

static enum outcome outcome_of(const struct client_outcome *outcome, int result)
{
	switch (-result) {
	case 0:
		return OUTCOME_OK;
	case EACCES:
		return OUTCOME_REFUSED;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	case ESTALE:
		return OUTCOME_CONDITION;
	default:
		return outcome->throttled ? OUTCOME_THROTTLED : OUTCOME_ERROR;
	}
}

static struct operation *operation_locked(struct metrics *metrics, const char *name)
{
	for (size_t i = 0; i < metrics->n_operations; i++) {
		if (strcmp(metrics->operations[i].name, name) == 0)
			return &metrics->operations[i];
	}
	if (metrics->n_operations == OPERATIONS_MAX)
		return NULL;
	struct operation *made = &metrics->operations[metrics->n_operations++];
	snprintf(made->name, sizeof(made->name), "%s", name);
	return made;
}

static size_t bucket_of(double seconds)
{
	size_t i = 0;

	while (i < BOUNDS && seconds > bounds[i])
		i++;
	return i;
}

void metrics_request(void *data, const char *operation, const struct client_outcome *outcome, int result,
		     int64_t nanoseconds)
{
	struct metrics *metrics = data;
	double seconds = (double)nanoseconds / CLOCK_SECOND;

	if (!metrics)
		return;
	pthread_mutex_lock(&metrics->lock);
	struct operation *o = operation_locked(metrics, operation);
	if (o) {
		o->outcomes[outcome_of(outcome, result)]++;
		o->retries += outcome->attempts > 1 ? (uint64_t)outcome->attempts - 1 : 0;
		o->throttles += (uint64_t)outcome->throttles;
		o->buckets[bucket_of(seconds)]++;
		o->seconds += seconds;
	}
	pthread_mutex_unlock(&metrics->lock);
}

/* ---- The text ---- */

/* A label's value: backslash, quote and newline are escaped. */
static void show_label(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			buf_str(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(out, "\\%c", *value);
		else
			buf_char(out, *value);
	}
}

static void show_calls(const struct mount *m, const char *name, struct buf *out)
{
	for (int kind = 0; m->metrics && kind < CALL_KINDS; kind++)
		buf_printf(out, "%s{kind=\"%s\"} %" PRIu64 "\n", name, call_kind_name((enum call_kind)kind),
			   atomic_load_explicit(&m->metrics->calls[kind], memory_order_relaxed));
}

static void show_outcomes(const struct operation *o, const char *name, struct buf *out)
{
	for (int i = 0; i < OUTCOMES; i++) {
		if (o->outcomes[i])
			buf_printf(out, "%s{operation=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", name, o->name,
				   outcome_names[i], o->outcomes[i]);
	}
}

static void show_retries(const struct operation *o, const char *name, struct buf *out)
{
	buf_printf(out, "%s{operation=\"%s\"} %" PRIu64 "\n", name, o->name, o->retries);
}

static void show_throttles(const struct operation *o, const char *name, struct buf *out)
{
	buf_printf(out, "%s{operation=\"%s\"} %" PRIu64 "\n", name, o->name, o->throttles);
}

static void show_durations(const struct operation *o, const char *name, struct buf *out)
{
	uint64_t count = 0;

	for (size_t i = 0; i < BOUNDS; i++) {
		count += o->buckets[i];
		buf_printf(out, "%s_bucket{operation=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, o->name, bounds[i], count);
	}
	count += o->buckets[BOUNDS];
	buf_printf(out, "%s_bucket{operation=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, o->name, count);
	buf_printf(out, "%s_sum{operation=\"%s\"} %.6f\n", name, o->name, o->seconds);
	buf_printf(out, "%s_count{operation=\"%s\"} %" PRIu64 "\n", name, o->name, count);
}

static double store_age(const struct view *view)
{
	return (double)control_age(view) / CLOCK_SECOND;
}
static double store_stale(const struct view *view)
{
	return control_is_stale(view);
}
static double store_options(const struct view *view)
{
	return (double)(view->current->n_folders - 1);
}
static double store_keys(const struct view *view)
{
	return (double)view->current->n_values;
}
static double store_bytes(const struct view *view)
{
	return (double)view->current->bytes;
}
static double store_read_units(const struct view *view)
{
	return view->read_units;
}
static double store_write_units(const struct view *view)
{
	return view->write_units;
}

static double mount_started(const struct mount *m)
{
	return (double)m->started_wall / CLOCK_SECOND;
}
static double mount_handles(const struct mount *m)
{
	return (double)m->n_handles;
}
static double mount_memory(const struct mount *m)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	(void)m;
	if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static uint64_t target_checks(const struct state_counts *counts)
{
	return counts->checks;
}
static uint64_t target_changes(const struct state_counts *counts)
{
	return counts->changes;
}
static uint64_t target_refusals(const struct state_counts *counts)
{
	return counts->refusals;
}
static uint64_t target_failures(const struct state_counts *counts)
{
	return counts->failures;
}

/* One family a row; it has samples for the mount, for each store, operation or target of the scaler, or in a way of its
 * own. */
static const struct family {
	const char *name, *type, *help;
	double (*mount)(const struct mount *m);
	double (*store)(const struct view *view);
	void (*operation)(const struct operation *o, const char *name, struct buf *out);
	uint64_t (*target)(const struct state_counts *counts);
	void (*own)(const struct mount *m, const char *name, struct buf *out);
} families[] = {
	{ "dynconf_start_time_seconds", "gauge", "When the mount began, in Unix time.", .mount = mount_started },
	{ "dynconf_open_handles", "gauge", "Files of the mount that are open.", .mount = mount_handles },
	{ "dynconf_resident_memory_bytes", "gauge", "Memory of the daemon.", .mount = mount_memory },
	{ "dynconf_fuse_requests_total", "counter", "Requests of the kernel.", .own = show_calls },
	{ "dynconf_requests_total", "counter", "Calls of AWS services, with their retries.",
	  .operation = show_outcomes },
	{ "dynconf_request_duration_seconds", "histogram", "How long they took, with their retries.",
	  .operation = show_durations },
	{ "dynconf_request_retries_total", "counter", "Attempts after a first one.", .operation = show_retries },
	{ "dynconf_throttles_total", "counter", "Answers that were throttles.", .operation = show_throttles },
	{ "dynconf_store_age_seconds", "gauge", "Since the load that is shown began; below 0: none yet.",
	  .store = store_age },
	{ "dynconf_store_stale", "gauge", "1 when the newest load failed.", .store = store_stale },
	{ "dynconf_store_options", "gauge", "Options in the store.", .store = store_options },
	{ "dynconf_store_keys", "gauge", "Keys in the store.", .store = store_keys },
	{ "dynconf_store_value_bytes", "gauge", "Bytes of their values.", .store = store_bytes },
	{ "dynconf_consumed_read_units_total", "counter", "Read units this mount has used.",
	  .store = store_read_units },
	{ "dynconf_consumed_write_units_total", "counter", "Write units this mount has used.",
	  .store = store_write_units },
	{ "dynconf_scaler_checks_total", "counter", "Decisions of the scaler.", .target = target_checks },
	{ "dynconf_scaler_changes_total", "counter", "Changes that it made.", .target = target_changes },
	{ "dynconf_scaler_refusals_total", "counter", "Changes that were refused.", .target = target_refusals },
	{ "dynconf_scaler_failures_total", "counter", "Checks that failed.", .target = target_failures },
};

static void show_stores(const struct mount *m, const struct family *family, struct buf *out)
{
	for (size_t i = 0; i < m->n_views; i++) {
		if (!view_is_shown(m->views[i]))
			continue;
		buf_printf(out, "%s{store=\"", family->name);
		show_label(out, m->views[i]->name);
		buf_printf(out, "\"} %.15g\n", family->store(m->views[i]));
	}
}

static void show_target(const struct state_entry *entry, const struct family *family, struct buf *out)
{
	const struct {
		const char *name, *value;
	} labels[] = { { "site", entry->site },
		       { "table", entry->table },
		       { "index", entry->index ? entry->index : "" } };

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		buf_printf(out, "%s%s=\"", i ? "\"," : "{", labels[i].name);
		show_label(out, labels[i].value);
	}
	buf_printf(out, "\"} %" PRIu64 "\n", family->target(&entry->counts));
}

static void show_targets(const struct mount *m, const struct family *family, struct buf *out)
{
	struct scaler *scaler = m->scaling ? m->scaling->scaler : NULL;
	int64_t next;

	if (!scaler)
		return;
	scaler_lock(scaler);
	const struct state *state = scaler_state(scaler, &next);
	for (size_t i = 0; i < state->n; i++) {
		buf_str(out, family->name);
		show_target(state->entries[i], family, out);
	}
	scaler_unlock(scaler);
}

static void show_operations(struct metrics *metrics, const struct family *family, struct buf *out)
{
	if (!metrics)
		return;
	pthread_mutex_lock(&metrics->lock);
	for (size_t i = 0; i < metrics->n_operations; i++)
		family->operation(&metrics->operations[i], family->name, out);
	pthread_mutex_unlock(&metrics->lock);
}

void metrics_show_locked(const struct mount *m, struct buf *out)
{
	buf_printf(out,
		   "# HELP dynconf_build_info The version that runs.\n# TYPE dynconf_build_info gauge\n"
		   "dynconf_build_info{version=\"%s\"} 1\n",
		   DYNCONF_VERSION);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *family = &families[i];
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name, family->type);
		if (family->mount)
			buf_printf(out, "%s %.15g\n", family->name, family->mount(m));
		if (family->store)
			show_stores(m, family, out);
		if (family->operation)
			show_operations(m->metrics, family, out);
		if (family->target)
			show_targets(m, family, out);
		if (family->own)
			family->own(m, family->name, out);
	}
}
