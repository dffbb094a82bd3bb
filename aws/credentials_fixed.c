/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_private.h"

#include <errno.h>

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	const char *id = context->access_key_id, *secret = context->secret_access_key;

	(void)cancel_fd;
	if (!id && !secret)
		return error_set(e, ENOENT, "%s", "");
	if (!id || !secret)
		return error_set(e, EACCES, "%s is set and %s is not: set both or neither",
				 id ? "aws-access-key-id" : "aws-secret-access-key",
				 id ? "aws-secret-access-key" : "aws-access-key-id");
	return credentials_make(credentials_fixed.name, id, secret, context->session_token, out, e);
}

const struct credentials_provider credentials_fixed = { .name = "configuration", .fetch = fetch };
