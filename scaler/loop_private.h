/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/dynamodb_table.h"
#include "scaler/loop.h"
#include "scaler/metrics.h"
#include "scaler/site.h"

#include <pthread.h>

/*
 * The parts of a pass: list and match (pass.c), describe and ask breakers (describe.c), measure (metrics.c), decide and
 * apply (apply.c). For these files only.
 */
struct scaler {
	struct scaler_setup setup;
	struct site_setup site_setup;
	struct sites sites;
	/* Guards state and what is said of passes; never held during I/O. */
	pthread_mutex_t lock;
	struct state state;
	int64_t next_pass;
	uint64_t begun, ended;         /* passes, counted */
	bool over;                     /* none will begin any more */
	pthread_cond_t pass_over;      /* the two above have changed */
	int stop_fd, wake_fd, done_fd; /* eventfds */
	int sleep_fd;                  /* an epoll of the first two */
	bool running, once;
	pthread_t thread;
	int rc; /* of the last pass */
	struct error error;
};

/* A section's options as they were when the pass began. */
struct section_view {
	const struct scaler_section *section;
	struct section_options options;
	struct site *site; /* of a table's section */
	struct section_view *indexes;
	bool served; /* some table matched */
};

/* One check of a table or an index. */
struct job {
	struct target target;
	const struct section_view *view;
	struct state_entry *entry;
	struct policy_input input;
	struct policy_decision decision;
	struct policy_plan plan;
	bool dry_run;
	struct section_options *own; /* owned: the options in force where some were set while running; else NULL */
};

/* A table's turn. A failure ends it and leaves its counters alone. */
struct turn {
	char *table;
	struct section_view *view;
	struct state_entry *entry; /* the table's own: failures are counted there */
	struct dynamodb_table described;
	struct job *jobs; /* the table, then pairs of index and section, sorted */
	size_t n_jobs;
	struct metrics_query *queries; /* one for each job, into the pass's array */
	bool skipped;                  /* nothing to do, and no failure */
	int rc;
	struct error error;
};

struct pass {
	struct scaler *scaler;
	int64_t now; /* Unix seconds, the same for every decision */
	int cancel_fd;
	struct section_view *views; /* like the configuration's tables, then that of tables that none of them matches */
	struct section_view unmatched_index;
	struct turn *turns; /* of one site, by name */
	size_t n_turns;
	struct metrics_query *queries;
	size_t n_queries;
	struct site *site;
	_Atomic int64_t answered; /* mono: when DynamoDB last described a table, or was first asked to */
	int rc;                   /* the first failure */
	struct error error;
};

enum { DESCRIBE_SECONDS = 20, UPDATE_SECONDS = 10, PUBLISH_SECONDS = 10 };

struct dynamodb_call pass_call(const struct pass *pass, int64_t seconds);
/* Notes the first failure of the pass. */
void pass_failed(struct pass *pass, int rc, const struct error *e);
/* Ends a turn, logs it, and lets the table wait the longer the more often that happened. */
void turn_failed(struct pass *pass, struct turn *turn, int rc, const struct error *e);
void turn_succeeded(struct pass *pass, struct turn *turn);
/* `event` and `failure` as in struct scaler_news. */
void pass_tell(const struct pass *pass, const struct target *target, const struct state_event *event,
	       const struct error *failure);

/* Which targets of the site AWS Application Auto Scaling looks after, where asking is permitted; what was known stays
 * where it fails. */
void autoscaled_load(struct pass *pass);
bool autoscaled_has(const struct site *site, const struct target *target);

/* DescribeTable, breakers and jobs of every turn, several at once. */
void pass_describe(struct pass *pass);
/* What the description says of a job's target; false: the target is not there any more. */
bool job_refresh(struct job *job, const struct dynamodb_table *described);
/* Whether the scaler was told to stop. */
bool scaler_stopping(const struct scaler *scaler);
static inline bool pass_stopped(const struct pass *pass)
{
	return scaler_stopping(pass->scaler);
}

/* All metrics of the site. */
void pass_measure(struct pass *pass);
/* Decisions, announcements and changes, in order. */
void pass_apply(struct pass *pass);

/* Whether somebody switched it on although no section matches it; `index` NULL: the table. */
bool pass_adopted(const struct pass *pass, const char *table, const char *index);

void scaler_save(struct scaler *scaler, int64_t now);
