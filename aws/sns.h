/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"

/* Publish, on a client of the service "sns". */
struct sns_message {
	const char *topic_arn;
	const char *subject; /* at most 100 bytes of ASCII, without line breaks; NULL: none */
	const char *text;    /* at most 256 KB of UTF-8 */
};

enum { SNS_ID_MAX = 101 };

/* `id` is what SNS calls the message by. A lost answer is asked for again: a subscriber may be told twice.
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
int sns_publish(struct client *client, struct client_frame *frame, const struct sns_message *message,
		char id[static SNS_ID_MAX], struct error *e);
