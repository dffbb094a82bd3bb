/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"
#include "aws/json.h"

/*
 * What the services that speak AWS JSON have in common: making a request, and what makes an answer one. For the typed
 * calls of aws/ only. https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 */
struct aws_json_service {
	const char *prefix; /* of X-Amz-Target: "DynamoDB_20120810." */
	const char *content_type;
};

#define AWS_JSON_1_0 "application/x-amz-json-1.0"
#define AWS_JSON_1_1 "application/x-amz-json-1.1"

struct aws_json_operation {
	const char *name;
	const char *required; /* a member that is always there, NULL: none; */
	json_type type;       /* its type, */
	json_type elements;   /* and that of its elements, where it is an array */
	const char *optional; /* a member that is an object when it is there, NULL: none; */
	const char *beside;   /* all that may be there when it is not, NULL: anything */
};

/* One request and its answer. Steals `body`; NULL, because it could not be made, is EINVAL. The caller owns `*root`, an
 * object of the operation's shape: any other answer is asked for again by the client and is EIO in the end. */
int aws_json_perform(struct client *client, const struct aws_json_service *service,
		     const struct aws_json_operation *operation, struct client_frame *frame, json_t *body,
		     json_t **root, struct error *e);

/* Where pages are told by NextToken: turns the request into that for the page after `answer`. 1: there is one, 0: that
 * was the last. EIO: the same page again and again. */
int aws_json_next_page(const json_t *answer, json_t *request, struct error *e);
