/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/credentials.h"
#include "aws/http.h"

/*
 * One AWS service at one endpoint: sign, send, retry (standard mode: full jitter, quota), decode errors.
 * Thread-safe: any number of calls at once.
 */
struct client_outcome;

struct client_config {
	const char *service;                   /* signing name: "dynamodb" */
	const char *region;                    /* signing region */
	const char *endpoint;                  /* "https://dynamodb.eu-west-1.amazonaws.com"; a path is allowed */
	struct http *http;                     /* borrowed */
	struct clock *clock;                   /* borrowed */
	struct credentials_chain *credentials; /* borrowed; NULL: nothing is signed */
	struct log *log;                       /* borrowed, may be NULL */
	int max_attempts;                      /* 0: 3; throttled calls go on until their deadline */
	uint32_t (*random)(void *data);        /* NULL: getrandom(2); for the jitter only */
	void *random_data;
	/* Told of each call when it has ended, by the thread that made it; NULL: nobody. `operation`: "GetItem". */
	void (*observe)(void *data, const char *operation, const struct client_outcome *outcome, int result,
			int64_t nanoseconds);
	void *observe_data;
};

struct client_call {
	const char *target;       /* X-Amz-Target, "DynamoDB_20120810.GetItem"; NULL: none */
	const char *operation;    /* what errors call it; NULL: the target's last part */
	const char *content_type; /* "application/x-amz-json-1.0" */
	const char *body;
	size_t body_len;
	int64_t deadline;  /* mono; covers all attempts and the waits between them */
	int cancel_fd;     /* -1: none */
	size_t max_answer; /* bound of an answer's body in bytes */
	bool secret;       /* the answer holds keys: its buffers are wiped, the caller's own when he deinits it */
	/* Looks at the body of a 2xx answer; may be NULL. A failure makes it a lost answer: asked for again as long
	 * as attempts are left, then EIO with the sentence set here. */
	int (*check)(void *data, const struct buf *answer, struct error *e);
	void *check_data;
};

/* What became of a call, filled on success and on failure. */
struct client_outcome {
	int attempts;
	bool answer_lost;  /* some attempt may have been carried out without a usable answer arriving */
	int throttles;     /* answers that were throttles; */
	bool throttled;    /* the last one was */
	bool dated;        /* the last answer had a Date, */
	int64_t ahead;     /* by which the server's clock is that many nanoseconds before ours */
	const char *code;  /* the error's AWS name from the table of aws/errors.h, NULL if none was recognised */
	char reasons[256]; /* TransactionCanceledException: the codes of CancellationReasons, comma-separated */
};

#define CLIENT_OUTCOME_NULL ((struct client_outcome){ 0 })

/* What typed calls take: how long and how interruptible, in; what became of the last request, out. */
struct client_frame {
	int64_t deadline; /* mono nanoseconds, for all requests of the call */
	int cancel_fd;    /* -1: none */
	struct client_outcome outcome;
};

struct client;

/* Strings of the configuration are copied. */
int client_new(const struct client_config *config, struct client **client, struct error *e);
void client_free(struct client *client);

/* On success `answer` (whose bound the call sets) holds the body of a 2xx answer. The failure's number comes
 * from aws/errors.h; the sentence quotes what the server said, redacted. `outcome` may be NULL. */
int client_perform(struct client *client, const struct client_call *call, struct buf *answer,
		   struct client_outcome *outcome, struct error *e);
