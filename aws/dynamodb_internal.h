/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/dynamodb.h"
#include "aws/json_call.h"

/* Shared by the files of DynamoDB's calls only. */
struct dynamodb {
	struct client *client;
};

struct dynamodb_operation {
	struct aws_json_operation json;
	bool reads; /* which units it consumes */
};

/* One request and its answer, as aws_json_perform. Adds what it consumed; errors name the table. */
int dynamodb_perform(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_operation *operation,
		     json_t *body, json_t **root, struct error *e);
