/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/loop_private.h"

#include "scaler/circuit.h"
#include "scaler/parallel.h"
#include "scaler/steer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static const struct dynamodb_resource *find_resource(const struct dynamodb_table *table, const char *index)
{
	if (!index)
		return &table->self;
	for (size_t i = 0; i < table->n_indexes; i++) {
		if (strcmp(table->indexes[i].name, index) == 0)
			return &table->indexes[i];
	}
	return NULL;
}

bool job_refresh(struct job *job, const struct dynamodb_table *described)
{
	const struct dynamodb_resource *resource = find_resource(described, job->target.index);

	if (!resource)
		return false;
	job->input.active = strcmp(resource->status, "ACTIVE") == 0;
	job->input.provisioned.of[DIMENSION_READS] = resource->read_units;
	job->input.provisioned.of[DIMENSION_WRITES] = resource->write_units;
	return true;
}

/* Says once why a target is left alone. */
static void leave(const struct pass *pass, const struct target *target, struct state_entry *entry, const char *why)
{
	_buf_cleanup_ struct buf title = BUF_INIT(1024);

	scaler_lock(pass->scaler);
	bool told = entry->told;
	entry->told = true;
	snprintf(entry->last, sizeof(entry->last), "left alone: %s", why);
	scaler_unlock(pass->scaler);
	target_title(target, &title);
	if (!told)
		log_info(pass->scaler->setup.log, "%s - left alone: %s", buf_text(&title), why);
}

/* Whether somebody else manages its throughput, or nobody needs to. */
static const char *reason_to_leave(const struct pass *pass, const struct dynamodb_resource *resource,
				   const struct target *target)
{
	if (resource->on_demand || (resource->read_units == 0 && resource->write_units == 0))
		return "its capacity is on demand";
	if (autoscaled_has(pass->site, target))
		return "AWS Application Auto Scaling manages it; manage-autoscaled = true scales it all the same";
	return NULL;
}

/* The options of the target's own, where somebody set some; the state is locked. */
static int own_options(const struct section_view *view, const struct state_entry *entry, struct section_options **own,
		       struct error *e)
{
	*own = NULL;
	if (!json_object_size(entry->options))
		return 0;
	*own = calloc(1, sizeof(**own));
	if (!*own)
		return error_no_memory(e);
	int rc = steer_options(view->section, entry, *own, e);
	if (rc < 0) {
		free(*own);
		*own = NULL;
	}
	return rc;
}

static int add_job(const struct pass *pass, struct turn *turn, const struct section_view *view,
		   const struct dynamodb_resource *resource, const char *index, struct error *e)
{
	struct scaler *s = pass->scaler;
	struct target target = { .table = turn->table, .index = index };
	struct section_options *own = NULL;
	struct state_entry *entry;

	const char *why = reason_to_leave(pass, resource, &target);
	scaler_lock(s);
	int rc = state_get(&s->state, pass->site->name, &target, &entry, e);
	bool dry_run = rc == 0 && entry->dry_run;
	if (rc == 0 && entry->paused)
		why = "it was switched off";
	if (rc == 0 && !why) {
		entry->told = false;
		rc = own_options(view, entry, &own, e);
	}
	scaler_unlock(s);
	if (rc < 0)
		return rc;
	if (why) {
		leave(pass, &target, entry, why);
		return 0;
	}
	struct job *job = &turn->jobs[turn->n_jobs++];
	*job = (struct job){
		/* The names stay with the entry. */
		.target = { .table = entry->table, .index = entry->index },
		.view = view,
		.entry = entry,
		.own = own,
		.dry_run = s->setup.config->global.dry_run || dry_run,
		.input = {
			.options = own ? own : &view->options,
			.kind = target_kind(&target),
			.compat = s->setup.config->global.compat,
			.now = pass->now,
			.scheduled = scaler_section_scheduled(view->section, pass->now),
		},
	};
	job_refresh(job, &turn->described);
	return 0;
}

/* Indexes by name, their sections by key: all that match count. */
static int by_pair(const void *a, const void *b)
{
	const struct job *left = a, *right = b;
	int order = strcmp(left->target.index, right->target.index);

	return order ? order : strcmp(left->view->section->key, right->view->section->key);
}

/* One for each section that matches the index. */
static int add_index_jobs(const struct pass *pass, struct turn *turn, const struct dynamodb_resource *index,
			  struct error *e)
{
	const struct section_view *view = turn->view;
	bool matched = false;
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < view->section->n_indexes; k++) {
		if (!scaler_section_matches(view->indexes[k].section, index->name))
			continue;
		matched = true;
		rc = add_job(pass, turn, &view->indexes[k], index, index->name, e);
	}
	if (!matched && pass_adopted(pass, turn->table, index->name))
		rc = add_job(pass, turn, &pass->unmatched_index, index, index->name, e);
	return rc;
}

static int make_jobs(const struct pass *pass, struct turn *turn, struct error *e)
{
	const struct section_view *view = turn->view;
	const struct dynamodb_table *table = &turn->described;

	bool matched =
		view != &pass->views[pass->scaler->setup.config->n_tables] || pass_adopted(pass, turn->table, NULL);

	turn->jobs = calloc(1 + table->n_indexes * (view->section->n_indexes + 1), sizeof(*turn->jobs));
	if (!turn->jobs)
		return error_no_memory(e);
	int rc = matched ? add_job(pass, turn, view, &table->self, NULL, e) : 0;
	size_t first = turn->n_jobs;
	for (size_t i = 0; rc == 0 && i < table->n_indexes; i++)
		rc = add_index_jobs(pass, turn, &table->indexes[i], e);
	qsort(turn->jobs + first, turn->n_jobs - first, sizeof(*turn->jobs), by_pair);
	return rc;
}

static void ask_breaker(const struct pass *pass, struct job *job)
{
	const struct scaler_setup *setup = &pass->scaler->setup;
	_breaker_cleanup_ struct breaker_request request = BREAKER_NULL;
	_buf_cleanup_ struct buf title = BUF_INIT(1024);
	struct error why = ERROR_NULL;
	int rc = breaker_request(job->input.options, &setup->config->global, &request, &why);

	if (rc == 0 && !request.url)
		return;
	job->input.breaker_open =
		rc < 0 || !circuit_closed(setup->http, setup->clock, pass->cancel_fd, &request, &job->target, &why);
	if (!job->input.breaker_open)
		return;
	target_title(&job->target, &title);
	log_warning(setup->log, "%s - the circuit breaker is open: %s", buf_text(&title), why.text);
}

static void describe_turn(void *data, size_t i)
{
	struct pass *pass = data;
	struct turn *turn = &pass->turns[i];
	struct dynamodb_call call = pass_call(pass, DESCRIBE_SECONDS);

	if (turn->skipped)
		return;
	/* A server that has gone silent holds up a pass once, not once for each table. */
	call.deadline = atomic_load(&pass->answered) + DESCRIBE_SECONDS * CLOCK_SECOND;
	turn->rc = dynamodb_describe_table(pass->site->db, &call, turn->table, &turn->described, &turn->error);
	if (turn->rc != -ETIMEDOUT)
		atomic_store(&pass->answered, clock_mono(pass->scaler->setup.clock));
	if (turn->rc == 0)
		turn->rc = make_jobs(pass, turn, &turn->error);
	for (size_t k = 0; turn->rc == 0 && k < turn->n_jobs; k++)
		ask_breaker(pass, &turn->jobs[k]);
}

void pass_describe(struct pass *pass)
{
	struct scaler *s = pass->scaler;

	if (pass->n_turns && !s->setup.config->global.manage_autoscaled)
		autoscaled_load(pass);
	for (size_t i = 0; i < pass->n_turns; i++) {
		struct turn *turn = &pass->turns[i];
		turn->skipped = turn->entry->rests > 0;
		turn->entry->rests -= turn->skipped;
	}
	atomic_store(&pass->answered, clock_mono(s->setup.clock));
	parallel(pass->n_turns, s->setup.connections, describe_turn, pass);
	for (size_t i = 0; i < pass->n_turns; i++) {
		struct turn *turn = &pass->turns[i];
		if (turn->rc != -ENXIO)
			continue;
		log_info(s->setup.log, "%s - Table %s does not exist anymore", turn->table, turn->table);
		turn->rc = 0;
		turn->skipped = true;
	}
}
