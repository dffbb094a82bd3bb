/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"

/*
 * A service that answers from a script, in this process and in no time: a clock that moves only by sleeping, an http
 * that plays rows, and a client on both. For tests and fuzzers.
 */
struct fake_clock {
	struct clock clock;
	int64_t wall, mono;
	int sleeps;
	int64_t slept; /* all sleeps together */
	bool cancel;   /* the next sleep ends with ECANCELED */
};

/* One exchange: an answer, or how it fails. */
struct fake_answer {
	int failure; /* positive errno, 0: an answer. ETIMEDOUT moves the clock to the deadline, unless `early` */
	bool early;
	bool sent;        /* of a failure */
	int status;       /* 0: 200 */
	const char *body; /* NULL: empty */
	size_t len;       /* of body; 0: it is a string */
	bool resent;
	int64_t takes; /* nanoseconds that the clock moves by until it is there */
	const char *date, *crc32, *error_type;
	const char *next_key; /* the access key id that the environment has from here on */
};

/* What was asked. */
struct fake_request {
	char *url, *headers, *body; /* headers: "Name: value\n" for each */
};

enum {
	FAKE_REQUESTS = 256, /* are kept; later ones are only counted */
	FAKE_SECONDS = 5,    /* from the clock's beginning to fake_deadline() */
};

struct fake_service {
	struct fake_clock clock;
	struct http http;
	const struct fake_answer *script; /* past its end the last row is played again */
	size_t n_script;
	struct fake_request requests[FAKE_REQUESTS];
	size_t asked;
	const char *key; /* AWS_ACCESS_KEY_ID */
	struct credentials_chain *credentials;
	struct client *client;
};

/* The client signs for us-east-1 and asks http://service.test:8000; its jitter is always half of the limit. */
int fake_service_init(struct fake_service *s, const struct fake_answer *script, size_t n_script);
void fake_service_deinit(struct fake_service *s);
int64_t fake_deadline(const struct fake_service *s);
