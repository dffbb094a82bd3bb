/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_sts.h"

#include "aws/credentials_private.h"
#include "aws/endpoint.h"

#include <errno.h>

enum { PATIENCE_SECONDS = 10 };

static int make_client(const struct credentials_context *context, struct credentials_chain *chain,
		       struct client **client, struct error *e)
{
	struct endpoint endpoint;
	int result = endpoint_resolve(context, "sts", context->region, NULL, &endpoint, e);

	if (result < 0)
		return result;
	struct client_config config = {
		.service = endpoint.signing_name,
		.region = endpoint.region,
		.endpoint = endpoint.url,
		.http = context->http,
		.clock = credentials_clock(context),
		.credentials = chain,
		.log = context->log,
	};
	return client_new(&config, client, e);
}

int credentials_assume(const struct credentials_context *context, const struct sts_role *role,
		       const struct credentials *with, const char *token, int cancel_fd, struct credentials *out,
		       struct error *e)
{
	struct client_frame frame = {
		.deadline = clock_mono(credentials_clock(context)) + PATIENCE_SECONDS * CLOCK_SECOND,
		.cancel_fd = cancel_fd,
	};
	struct sts_role named = *role;
	struct credentials_chain *chain = NULL;
	struct client *client = NULL;

	if (!context->http)
		return error_set(e, ENOENT, "STS is not asked here");
	if (!named.session_name)
		named.session_name = "dynconf";
	int result = with ? credentials_chain_new_fixed(with, &chain, e) : 0;
	if (result == 0)
		result = make_client(context, chain, &client, e);
	if (result == 0 && with)
		result = sts_assume_role(client, &frame, &named, out, e);
	else if (result == 0)
		result = sts_assume_role_with_web_identity(client, &frame, &named, token, out, e);
	client_free(client);
	credentials_chain_free(chain);
	return result;
}
