/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"
#include "aws/credentials_private.h"

#include <errno.h>

static int set_expiry(const struct credentials_context *context, struct credentials *found, struct error *e)
{
	const char *until = credentials_getenv(context, "AWS_CREDENTIAL_EXPIRATION");

	if (until && clock_parse_iso8601(until, &found->expires) < 0)
		return error_set(e, EACCES,
				 "AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-11-21T11:39:23Z: unset it");
	return 0;
}

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;

	(void)cancel_fd;
	if (context->profile)
		return error_set(e, ENOENT, "the environment was left aside for profile \"%s\"", context->profile);
	const char *id = credentials_getenv(context, "AWS_ACCESS_KEY_ID");
	const char *secret = credentials_getenv(context, "AWS_SECRET_ACCESS_KEY");
	const char *token = credentials_getenv(context, "AWS_SECURITY_TOKEN");
	if (!id && !secret)
		return error_set(e, ENOENT, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
	if (!id || !secret)
		return error_set(e, EACCES, "%s is set and %s is not: set both or neither",
				 id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
				 id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	if (!token)
		token = credentials_getenv(context, "AWS_SESSION_TOKEN");
	int result = credentials_make(credentials_environment.name, id, secret, token, &found, e);
	if (result == 0)
		result = set_expiry(context, &found, e);
	if (result < 0)
		return result;
	*out = found;
	found = CREDENTIALS_NULL;
	return 0;
}

const struct credentials_provider credentials_environment = {
	.name = "environment",
	.source = "Environment",
	.fetch = fetch,
};
