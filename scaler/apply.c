/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/loop_private.h"

#include "aws/sns.h"
#include "scaler/announce.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBJECT_MAX = 100, INDEXES_MAX = 32 };

/* Refusals that may be for one of several units in a request. */
static const char limit_exceeded[] = "LimitExceededException";
static const char *const divisible[] = { limit_exceeded, "ResourceInUseException", "ValidationException" };

static bool is_code(const char *code, const char *name)
{
	return code && strcmp(code, name) == 0;
}

static bool is_divisible(const char *code)
{
	for (size_t i = 0; i < sizeof(divisible) / sizeof(divisible[0]); i++) {
		if (is_code(code, divisible[i]))
			return true;
	}
	return false;
}

void pass_measure(struct pass *pass)
{
	size_t n = 0;

	for (size_t i = 0; i < pass->n_turns; i++)
		n += pass->turns[i].n_jobs;
	pass->queries = calloc(n + 1, sizeof(*pass->queries));
	if (!pass->queries) {
		pass_failed(pass, -ENOMEM, &(struct error){ .number = ENOMEM, .text = "no memory" });
		pass->n_turns = 0;
		return;
	}
	for (size_t i = 0; i < pass->n_turns; i++) {
		struct turn *turn = &pass->turns[i];
		turn->queries = pass->queries + pass->n_queries;
		for (size_t k = 0; k < turn->n_jobs; k++) {
			struct metrics_query *query = &pass->queries[pass->n_queries++];
			const struct policy_input *input = &turn->jobs[k].input;
			query->target = turn->jobs[k].target;
			query->window = policy_window(input->options, pass->now);
			if (!input->breaker_open)
				metrics_needs(input->options, query);
		}
	}
	struct metrics_call call = {
		.clock = pass->scaler->setup.clock,
		.log = pass->scaler->setup.log,
		.cancel_fd = pass->cancel_fd,
		.connections = pass->scaler->setup.connections,
	};
	metrics_fetch(pass->site, &call, pass->queries, pass->n_queries);
}

/* A change that a process before this one was about to send: did it? */
static void settle_pending(struct job *job)
{
	struct state_entry *entry = job->entry;
	struct state_pending *pending = &entry->pending;
	const struct policy_input *input = &job->input;
	bool same = memcmp(&pending->before, &input->provisioned, sizeof(struct units)) == 0;

	if (!pending->set)
		return;
	pending->set = false;
	if (same && input->active)
		entry->checks = pending->checks;
	else
		policy_applied(&entry->history, pending->before, pending->after, entry->seen);
}

static void note(struct job *job, const char *text)
{
	struct state_entry *entry = job->entry;
	struct state_sample sample = { .at = job->input.now, .provisioned = job->input.provisioned };

	entry->provisioned = job->input.provisioned;
	for (int d = 0; d < DIMENSIONS; d++) {
		entry->used[d] = job->decision.sides[d].used;
		entry->throttled[d] = job->decision.sides[d].events;
		sample.consumed[d] = entry->used[d] / 100 * (double)sample.provisioned.of[d];
	}
	state_sample(entry, &sample, NULL);
	snprintf(entry->last, sizeof(entry->last), "%s", text);
}

static void decide(struct pass *pass, struct job *job, const struct metrics_query *query)
{
	_buf_cleanup_ struct buf title = BUF_INIT(1024), text = BUF_INIT(4096);
	struct scaler *s = pass->scaler;
	struct state_entry *entry = job->entry;
	struct policy_input *input = &job->input;

	memcpy(input->samples, query->samples, sizeof(input->samples));
	scaler_lock(s);
	settle_pending(job);
	input->checks = entry->checks;
	input->history = entry->history;
	policy_check(input, &job->decision);
	policy_plan(input, &job->decision, &job->plan);
	policy_explain(input, &job->decision, &job->plan, &text);
	if (job->plan.go && !job->dry_run)
		entry->pending = (struct state_pending){ true, input->provisioned, job->plan.units, entry->checks };
	entry->checks = job->decision.checks;
	entry->seen = pass->now;
	entry->counts.checks++;
	note(job, buf_text(&text));
	scaler_unlock(s);
	target_title(&job->target, &title);
	log_info(s->setup.log, "%s - %s", buf_text(&title), buf_text(&text));
	pass_tell(pass, &job->target, NULL, NULL);
}

/* Jobs from `first` on that are for different targets: those that one request may hold, and that no decision of one of
 * them changes for another. */
static size_t group_len(const struct turn *turn, size_t first)
{
	size_t n = 1;

	while (first + n < turn->n_jobs) {
		const char *index = turn->jobs[first + n].target.index;
		const char *before = turn->jobs[first + n - 1].target.index;
		if (index && before && strcmp(index, before) == 0)
			break;
		n++;
	}
	return n;
}

/* Up to the first job whose metrics failed: that ends the turn. */
static size_t decide_group(struct pass *pass, struct turn *turn, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++) {
		if (turn->queries[i].rc < 0) {
			turn->rc = turn->queries[i].rc;
			turn->error = turn->queries[i].error;
			return i - first;
		}
		decide(pass, &turn->jobs[i], &turn->queries[i]);
	}
	return n;
}

/* After an answer that was lost: what was sent while everything was ACTIVE shows in the units, or in not being ACTIVE.
 */
static bool was_applied(struct pass *pass, const struct turn *turn, const struct dynamodb_units *units, size_t n)
{
	_dynamodb_table_cleanup_ struct dynamodb_table now = DYNAMODB_TABLE_NULL;
	struct dynamodb_call call = pass_call(pass, DESCRIBE_SECONDS);

	if (dynamodb_describe_table(pass->site->db, &call, turn->table, &now, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct job job = { .target = { .table = turn->table, .index = units[i].index } };
		const int64_t *has = job.input.provisioned.of;
		if (!job_refresh(&job, &now))
			return false;
		if (job.input.active &&
		    (has[DIMENSION_READS] != units[i].read_units || has[DIMENSION_WRITES] != units[i].write_units))
			return false;
	}
	return true;
}

/* One UpdateTable. It is not given up once sent: its answer says what is true from here on. */
static int send_update(struct pass *pass, struct turn *turn, struct job *const *jobs, size_t n, const char **code,
		       struct error *e)
{
	struct dynamodb_units units[INDEXES_MAX];
	struct dynamodb_update update = { .table = turn->table, .units = units, .n_units = n };
	struct dynamodb_call call = pass_call(pass, UPDATE_SECONDS);

	call.cancel_fd = -1;
	for (size_t i = 0; i < n; i++)
		units[i] = (struct dynamodb_units){
			.index = jobs[i]->target.index,
			.read_units = jobs[i]->plan.units.of[DIMENSION_READS],
			.write_units = jobs[i]->plan.units.of[DIMENSION_WRITES],
		};
	int rc = dynamodb_update_table(pass->site->db, &call, &update, e);
	*code = call.outcome.code;
	if (rc < 0 && call.outcome.answer_lost && was_applied(pass, turn, units, n))
		return 0;
	return rc;
}

static void publish(struct pass *pass, const struct job *job, const struct announcement *announcement)
{
	struct scaler *s = pass->scaler;
	const char *topic = job->input.options->topic;
	struct client_frame frame = { .deadline = pass_call(pass, PUBLISH_SECONDS).deadline, .cancel_fd = -1 };
	struct error e = ERROR_NULL;
	char subject[SUBJECT_MAX + 1], id[SNS_ID_MAX];
	struct sns_message message = { topic, subject, buf_text(&announcement->body) };
	struct client *client;

	if (!announce_wanted(announcement, job->input.options) || job->dry_run)
		return;
	snprintf(subject, sizeof(subject), "%.*s", (int)SUBJECT_MAX, announcement->subject);
	int rc = site_topic_client(pass->site, &s->site_setup, topic, &client, &e);
	if (rc == 0)
		rc = sns_publish(client, &frame, &message, id, &e);
	if (rc < 0)
		log_error(s->setup.log, "%s - %s", job->target.table, e.text);
	else
		log_info(s->setup.log, "Sent SNS notification to %s", topic);
}

static void announce(struct pass *pass, const struct job *job, bool changed)
{
	_announcement_cleanup_ struct announcement alarm = ANNOUNCEMENT_NULL, change = ANNOUNCEMENT_NULL;

	announce_alarm(&job->target, job->input.options, &job->decision, &alarm);
	publish(pass, job, &alarm);
	if (!changed)
		return;
	announce_change(&job->target, job->input.provisioned, job->plan.units, &change);
	publish(pass, job, &change);
}

/* What became of a change; `rc` is that of its request. */
static void conclude(struct pass *pass, struct job *job, int rc, const char *why)
{
	struct scaler *s = pass->scaler;
	struct state_entry *entry = job->entry;
	struct state_event event = {
		.at = pass->now,
		.before = job->input.provisioned,
		.after = job->plan.units,
		.done = rc == 0 && !job->dry_run,
	};

	scaler_lock(s);
	snprintf(event.text, sizeof(event.text), "%s", rc < 0 ? why : entry->last);
	state_record(entry, &event, NULL);
	entry->pending.set = false;
	entry->counts.changes += event.done;
	entry->counts.refusals += rc < 0;
	if (event.done)
		policy_applied(&entry->history, event.before, event.after, pass->now);
	scaler_unlock(s);
	pass_tell(pass, &job->target, &event, NULL);
}

/* One target alone, once more with increases only where DynamoDB allows no more decreases. */
static void apply_alone(struct pass *pass, struct turn *turn, struct job *job)
{
	struct scaler *s = pass->scaler;
	struct error e = ERROR_NULL;
	const char *code;
	int rc = send_update(pass, turn, &job, 1, &code, &e);

	if (rc < 0 && is_code(code, limit_exceeded)) {
		policy_retry(&job->input, &job->plan);
		if (job->plan.go) {
			log_info(s->setup.log, "%s - Will retry to update provisioning with only increases",
				 turn->table);
			rc = send_update(pass, turn, &job, 1, &code, &e);
		}
	}
	conclude(pass, job, rc, e.text);
	job->plan.go &= rc == 0;
	if (rc == 0)
		return;
	if (is_divisible(code) && !is_code(code, "ValidationException"))
		log_warning(s->setup.log, "%s - %s", turn->table, e.text);
	else if (turn->rc == 0) {
		turn->rc = rc;
		turn->error = e;
	}
}

static void apply_together(struct pass *pass, struct turn *turn, struct job **jobs, size_t n)
{
	struct error e = ERROR_NULL;
	const char *code = NULL;
	int rc = send_update(pass, turn, jobs, n, &code, &e);
	bool parts = rc < 0 && is_divisible(code);

	for (size_t i = 0; i < n; i++) {
		if (parts) {
			apply_alone(pass, turn, jobs[i]);
			continue;
		}
		conclude(pass, jobs[i], rc, e.text);
		jobs[i]->plan.go &= rc == 0;
	}
	if (rc < 0 && !parts) {
		turn->rc = rc;
		turn->error = e;
	}
}

static void apply_group(struct pass *pass, struct turn *turn, size_t first, size_t n)
{
	struct job *going[INDEXES_MAX];
	size_t n_going = 0;

	for (size_t i = first; i < first + n; i++) {
		struct job *job = &turn->jobs[i];
		if (job->plan.go && job->dry_run)
			conclude(pass, job, 0, "");
		else if (job->plan.go && n_going < INDEXES_MAX)
			going[n_going++] = job;
	}
	if (n_going == 1)
		apply_alone(pass, turn, going[0]);
	else if (n_going > 1)
		apply_together(pass, turn, going, n_going);
	for (size_t i = first; i < first + n; i++)
		announce(pass, &turn->jobs[i], turn->jobs[i].plan.go && !turn->jobs[i].dry_run);
}

/* Before the next group of a table that was changed: what holds now. */
static bool refresh(struct pass *pass, struct turn *turn, size_t first, size_t n)
{
	struct dynamodb_call call = pass_call(pass, DESCRIBE_SECONDS);

	turn->rc = dynamodb_describe_table(pass->site->db, &call, turn->table, &turn->described, &turn->error);
	for (size_t i = first; turn->rc == 0 && i < first + n; i++) {
		if (!job_refresh(&turn->jobs[i], &turn->described))
			return false;
	}
	return turn->rc == 0;
}

/* The first group was decided with all tables'; the others follow one after the other. */
static void apply_turn(struct pass *pass, struct turn *turn, size_t decided)
{
	size_t n = decided;

	apply_group(pass, turn, 0, n);
	for (size_t first = n; turn->rc == 0 && first < turn->n_jobs && !pass_stopped(pass); first += n) {
		n = group_len(turn, first);
		if (!refresh(pass, turn, first, n))
			return;
		size_t ready = decide_group(pass, turn, first, n);
		scaler_save(pass->scaler, pass->now);
		apply_group(pass, turn, first, ready);
	}
}

/* A pass that stops early takes back what was decided and not sent. */
static void take_back(struct pass *pass, struct turn *turn)
{
	scaler_lock(pass->scaler);
	for (size_t i = 0; i < turn->n_jobs; i++) {
		struct state_entry *entry = turn->jobs[i].entry;
		if (entry->pending.set)
			entry->checks = entry->pending.checks;
		entry->pending.set = false;
	}
	scaler_unlock(pass->scaler);
}

void pass_apply(struct pass *pass)
{
	size_t *decided = calloc(pass->n_turns + 1, sizeof(*decided));

	if (!decided) {
		pass_failed(pass, -ENOMEM, &(struct error){ .number = ENOMEM, .text = "no memory" });
		return;
	}
	for (size_t i = 0; i < pass->n_turns; i++) {
		struct turn *turn = &pass->turns[i];
		if (turn->rc == 0 && turn->n_jobs)
			decided[i] = decide_group(pass, turn, 0, group_len(turn, 0));
	}
	/* Before anything is sent, what a successor must not do again is on the disk. */
	scaler_save(pass->scaler, pass->now);
	for (size_t i = 0; i < pass->n_turns; i++) {
		struct turn *turn = &pass->turns[i];
		if (pass_stopped(pass))
			take_back(pass, turn);
		else if (turn->n_jobs)
			apply_turn(pass, turn, decided[i]);
		if (turn->rc < 0)
			turn_failed(pass, turn, turn->rc, &turn->error);
		else if (!turn->skipped)
			turn_succeeded(pass, turn);
	}
	free(decided);
}
