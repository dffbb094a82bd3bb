/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/credentials.h"
#include "aws/http.h"
#include "scaler/config.h"
#include "scaler/state.h"

/*
 * The scaler at work: pass after pass over all tables that the configuration speaks of, in a thread of its own. Nothing
 * is global: the mount's daemon and dynconf-scaler have one object each, tests as many as they like.
 */
struct scaler_news;

struct scaler_setup {
	struct scaler_config *config; /* borrowed; see scaler_lock */
	struct http *http;            /* all borrowed */
	struct clock *clock;
	struct log *log;
	struct credentials_context credentials;
	size_t connections;             /* at once; 0: 8 */
	int max_attempts;               /* of a request; 0: the client's own */
	uint32_t (*random)(void *data); /* NULL: the client's own */
	bool steered; /* tables may be switched on that no section matches, where [global] says they are */
	/* From the scaler's thread, without its lock; may be NULL. */
	void (*tell)(void *data, const struct scaler_news *news);
	void *data;
};

/* Told of a table when a pass has found it, and of a target when it was checked or changed. */
struct scaler_news {
	const char *site;
	const struct target *target;
	const struct state_event *event; /* a change, done or not; else NULL */
	const struct error *failure; /* of the table, which was well before; of number 0: it is well again; else NULL */
};

struct scaler;

/* Reads the state file. EINVAL: a key that is no expression, a region or a URL that is none. */
int scaler_new(const struct scaler_setup *setup, struct scaler **scaler, struct error *e);
/* Accepts NULL; stops it first. */
void scaler_free(struct scaler *scaler);

/* One pass, in this thread; only while scaler_start is not in force. EIO when something could not be listed, described,
 * measured or changed; the sentence is the first such. ECANCELED when told to stop. */
int scaler_pass(struct scaler *scaler, struct error *e);

/* Passes in a thread until scaler_stop, or a single one. */
int scaler_start(struct scaler *scaler, bool once, struct error *e);
/* Readable when the thread has ended. */
int scaler_done_fd(const struct scaler *scaler);
/* Ends the thread: what waits is given up, an UpdateTable that was sent is finished. Returns what the last pass did. */
int scaler_stop(struct scaler *scaler, struct error *e);
/* The next pass begins now. Any thread. */
void scaler_check_now(struct scaler *scaler);
/* The same, and returns when a pass that began after this call has ended, with its result. ECANCELED: the scaler ends.
 */
int scaler_check(struct scaler *scaler, struct error *e);

/* The regions and accounts that it works in, one by one; false past the end. Borrowed while the scaler lives. */
struct scaler_site {
	const char *name;   /* as in the state: "" for that of [global] */
	const char *region; /* never NULL */
	struct dynamodb *db;
};
bool scaler_site_at(const struct scaler *scaler, size_t n, struct scaler_site *site);

/* Around looks at the state and what steer.h changes. Never held during I/O. */
void scaler_lock(struct scaler *scaler);
void scaler_unlock(struct scaler *scaler);
/* What is known; the entries may be read while the lock is held. `*next` is the wall time of the next pass in
 * nanoseconds, 0 while one is under way. */
struct state *scaler_state(struct scaler *scaler, int64_t *next);
