/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "scaler/policy.h"
#include "scaler/target.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the scaler remembers of each table and index from one pass to the next, and over restarts where it has a file.
 * Not thread-safe: the loop locks around it.
 */
enum { STATE_EVENTS_MAX = 64, STATE_SAMPLES_MAX = 576, STATE_TEXT_MAX = 512 };

/* A decision that led to an UpdateTable, or would have. */
struct state_event {
	int64_t at; /* Unix seconds */
	struct units before, after;
	bool done; /* false: refused, or a dry run */
	char text[STATE_TEXT_MAX];
};

/* What one check saw. */
struct state_sample {
	int64_t at; /* Unix seconds */
	struct units provisioned;
	double consumed[DIMENSIONS]; /* units a second */
};

struct state_entry {
	char *site; /* "" for the first, else REGION or what tells it from others */
	char *table;
	char *index; /* NULL: the table itself */
	/* kept in the file: */
	struct units checks;
	struct policy_history history;
	/* A change that was about to be sent when this was written, and the counters that led to it. */
	struct state_pending {
		bool set;
		struct units before, after, checks;
	} pending;
	int64_t seen;               /* Unix seconds of the last check; 0: none */
	struct state_event *events; /* oldest first */
	size_t n_events;
	/* of this process: */
	int failures; /* in a row */
	int rests;    /* passes that are to be sat out */
	/* changed by somebody, see steer.h: */
	bool adopted;         /* scaled although no section matches it */
	bool paused, dry_run; /* left alone; decided, not changed */
	json_t *options;      /* names and texts over those of its section; NULL: none */
	bool told;            /* that it is left alone, and why */
	bool failed;          /* the newest check of the table, as `last` says */
	struct state_counts {
		uint64_t checks, failures;  /* of checks, those that ended early only in the second */
		uint64_t changes, refusals; /* UpdateTable requests: accepted or not */
	} counts;
	struct units provisioned;
	double used[DIMENSIONS], throttled[DIMENSIONS]; /* percent; events */
	struct state_sample *samples;                   /* of the newest checks, oldest first */
	size_t n_samples;
	char last[STATE_TEXT_MAX]; /* the last decision or failure, "" before the first */
};

struct state {
	struct state_entry **entries; /* sorted; each stays where it is until state_deinit */
	size_t n;
};

#define STATE_NULL ((struct state){ 0 })

/* Idempotent. */
void state_deinit(struct state *state);
/* Makes it when it is not there. */
int state_get(struct state *state, const char *site, const struct target *target, struct state_entry **entry,
	      struct error *e);
/* NULL: nothing is known of it. */
struct state_entry *state_find(const struct state *state, const char *site, const struct target *target);
/* The oldest event goes when there are too many. */
int state_record(struct state_entry *entry, const struct state_event *event, struct error *e);

int state_sample(struct state_entry *entry, const struct state_sample *sample, struct error *e);

/* A file that is not there is an empty state. EINVAL: it is something else; EACCES; EIO. */
int state_load(const char *path, struct state *state, struct error *e);
/* The file's text, which the caller frees; NULL: no memory. Entries not seen for a month before `now` (Unix seconds)
 * are left out. */
char *state_text(const struct state *state, int64_t now);
/* Whole or not at all: a new file, 0600, on the disk before it takes the old one's place. EIO. */
int state_write(const char *path, const char *text, struct error *e);
