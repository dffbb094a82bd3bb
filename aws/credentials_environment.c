/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include <errno.h>

static int fetch(const struct credentials_context *context, struct credentials *out, struct error *e)
{
	if (context->profile)
		return error_set(e, ENOENT, "the environment was left aside for profile \"%s\"", context->profile);
	const char *id = credentials_getenv(context, "AWS_ACCESS_KEY_ID");
	const char *secret = credentials_getenv(context, "AWS_SECRET_ACCESS_KEY");
	if (!id && !secret)
		return error_set(e, ENOENT, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
	if (!id || !secret)
		return error_set(e, EACCES, "%s is set and %s is not: set both or neither",
				 id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
				 id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	return credentials_make(credentials_environment.name, id, secret,
				credentials_getenv(context, "AWS_SESSION_TOKEN"), out, e);
}

const struct credentials_provider credentials_environment = { .name = "environment", .fetch = fetch };
