/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"

/*
 * The AWS Query protocol, which STS and SNS speak: a form out, XML back. For the typed calls of aws/ only.
 * https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
struct query_parameter {
	const char *name;
	const char *value; /* NULL: left out */
};

/* A value that the operation always returns, copied to `to`. */
struct query_value {
	const char *path; /* the names below ACTIONResponse/ACTIONResult: "Credentials/Expiration" */
	struct buf *to;   /* the caller's: it bounds the value, and is secret if that is */
};

struct query_operation {
	const char *action, *version;
	bool secret; /* keys travel: what held the request and the answer is wiped */
};

/* One request and its answer. An answer where a value is missing, empty or over its bound is asked for again by the
 * client, and EIO in the end. The values are set on success only. */
int query_perform(struct client *client, const struct query_operation *operation, struct client_frame *frame,
		  const struct query_parameter *parameters, size_t n_parameters, struct query_value *values,
		  size_t n_values, struct error *e);
