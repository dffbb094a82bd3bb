/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/http.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * AWS error codes: one table that says for each what kind of failure it is, which errno it becomes and what the
 * person who reads it can do.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
enum aws_error_kind {
	AWS_ERROR_FINAL,     /* asking again gives the same answer */
	AWS_ERROR_TRANSIENT, /* the server failed: try again */
	AWS_ERROR_THROTTLE,  /* asked too often: wait, then try again */
	AWS_ERROR_EXPIRED,   /* credentials to be renewed, then once more */
	AWS_ERROR_SKEW,      /* the clock to be corrected by the answer's Date, then once more */
};

struct aws_error {
	const char *code; /* without the namespace: "ThrottlingException" */
	enum aws_error_kind kind;
	int number;         /* positive errno */
	const char *advice; /* what to do, "" if nothing; a clause without a final stop */
	bool secret;        /* the server's message may quote the signed request: only its first sentence is shown */
};

/* The row for a code, NULL for a code that the table does not have. */
const struct aws_error *aws_error_find(const char *code, size_t len);

/* What an answer with a status of 300 or more says: its code ("" when it has none), its message (redacted and
 * cut) and the row that decides (one by status where the code is unknown). JSON, XML, HTML and empty bodies. */
struct aws_error_answer {
	const struct aws_error *row; /* never NULL */
	char code[96];
	char message[256];
	char reasons[256]; /* CancellationReasons' codes, comma-separated */
};
void aws_error_decode(const struct http_response *response, struct aws_error_answer *out);
