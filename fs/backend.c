/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backend.h"

#include "aws/config.h"
#include "aws/http_curl.h"
#include "fs/metrics.h"
#include "version.h"

#include <stdlib.h>

static const char *get_environment(void *data, const char *name)
{
	(void)data;
	return getenv(name);
}

static int open_http(struct credentials_context *context, const struct aws_config *aws,
		     const struct backend_setup *setup, struct backend *b, struct error *e)
{
	struct http_curl_options http = { .clock = setup->clock,
					  .user_agent = "dynconf/" DYNCONF_VERSION,
					  .ca_bundle = aws->ca_bundle };
	int r = http_curl_new(&http, &b->http, e);

	context->http = b->http;
	return r;
}

static int open_client(struct credentials_context *context, const struct aws_config *aws,
		       const struct backend_setup *setup, struct backend *b, struct error *e)
{
	context->region = b->endpoint.region;
	context->custom_endpoint = b->endpoint.custom;
	int r = credentials_chain_new(context, &b->credentials, e);

	if (r < 0)
		return r;
	struct client_config client = {
		.service = b->endpoint.signing_name,
		.region = b->endpoint.region,
		.endpoint = b->endpoint.url,
		.http = b->http,
		.clock = setup->clock,
		.credentials = b->credentials,
		.log = setup->log,
		.max_attempts = aws->max_attempts,
		.observe = metrics_request,
		.observe_data = setup->metrics,
	};
	r = client_new(&client, &b->client, e);
	return r < 0 ? r : dynamodb_new(b->client, &b->db, e);
}

int backend_new(const struct source_settings *source, const struct backend_setup *setup, struct backend **backend,
		struct error *e)
{
	struct credentials_context context = { .getenv = get_environment, .log = setup->log, .clock = setup->clock };
	_aws_config_cleanup_ struct aws_config aws = AWS_CONFIG_NULL;
	struct backend *b = calloc(1, sizeof(*b));

	if (!b)
		return error_no_memory(e);
	int r = aws_config_load(&context, &aws, e);
	if (r == 0)
		r = open_http(&context, &aws, setup, b, e);
	if (r == 0)
		r = endpoint_resolve(&context, "dynamodb", source->region, source->endpoint_url, &b->endpoint, e);
	if (r == 0)
		r = open_client(&context, &aws, setup, b, e);
	if (r < 0) {
		backend_free(b);
		return r;
	}
	*backend = b;
	return 0;
}

void backend_free(struct backend *b)
{
	if (!b)
		return;
	dynamodb_free(b->db);
	client_free(b->client);
	credentials_chain_free(b->credentials);
	http_free(b->http);
	free(b);
}
