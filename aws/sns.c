/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sns.h"
#include "aws/query.h"

#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

int sns_publish(struct client *client, struct client_frame *frame, const struct sns_message *message,
		char id[static SNS_ID_MAX], struct error *e)
{
	static const struct query_operation publish = { "Publish", "2010-03-31", false };
	const struct query_parameter parameters[] = {
		{ "TopicArn", message->topic_arn },
		{ "Subject", message->subject },
		{ "Message", message->text },
	};
	_buf_cleanup_ struct buf found = BUF_INIT(SNS_ID_MAX - 1);
	struct query_value value = { "MessageId", &found };
	int rc = query_perform(client, &publish, frame, parameters, N(parameters), &value, 1, e);

	if (rc == 0)
		memcpy(id, buf_text(&found), found.len + 1);
	return rc;
}
