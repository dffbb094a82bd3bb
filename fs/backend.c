/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backend.h"

#include "aws/config.h"
#include "aws/http_curl.h"
#include "fs/metrics.h"
#include "fs/store_dynamodb.h"
#include "version.h"

#include <stdlib.h>

static const char *get_environment(void *data, const char *name)
{
	(void)data;
	return getenv(name);
}

static struct credentials_context context_of(const struct backend *b)
{
	return (struct credentials_context){
		.getenv = get_environment,
		.log = b->setup.log,
		.clock = b->setup.clock,
		.http = b->http,
		.region = b->endpoint.region,
		.custom_endpoint = b->endpoint.custom,
	};
}

static int open_http(struct backend *b, struct error *e)
{
	_aws_config_cleanup_ struct aws_config aws = AWS_CONFIG_NULL;
	struct credentials_context context = context_of(b);
	int r = aws_config_load(&context, &aws, e);

	if (r < 0)
		return r;
	struct http_curl_options http = { .clock = b->setup.clock,
					  .user_agent = "dynconf/" DYNCONF_VERSION,
					  .ca_bundle = aws.ca_bundle };
	b->max_attempts = aws.max_attempts;
	return http_curl_new(&http, &b->http, e);
}

static int open_client(struct backend *b, const struct source_settings *source, struct error *e)
{
	struct credentials_context context = context_of(b);

	context.access_key_id = source->access_key_id;
	context.secret_access_key = source->secret_access_key;
	context.session_token = source->session_token;
	int r = credentials_chain_new(&context, &b->credentials, e);

	if (r == 0)
		r = backend_client(b, &b->endpoint, &b->client, e);
	return r < 0 ? r : dynamodb_new(b->client, &b->db, e);
}

static int open_parts(struct backend *b, const struct source_settings *source, struct error *e)
{
	int r = open_http(b, e);
	struct credentials_context context = context_of(b);

	if (r == 0)
		r = endpoint_resolve(&context, "dynamodb", source->region, source->endpoint_url, &b->endpoint, e);
	return r < 0 ? r : open_client(b, source, e);
}

int backend_new(const struct source_settings *source, const struct backend_setup *setup, struct backend **backend,
		struct error *e)
{
	struct backend *b = calloc(1, sizeof(*b));

	if (!b)
		return error_no_memory(e);
	b->setup = *setup;
	int r = open_parts(b, source, e);
	if (r < 0) {
		backend_free(b);
		return r;
	}
	*backend = b;
	return 0;
}

int backend_store(const struct backend *b, const struct source_settings *source, bool create, struct store **store,
		  struct error *e)
{
	struct store_dynamodb_config config = {
		.db = b->db,
		.clock = b->setup.clock,
		.log = b->setup.log,
		.table = source->target,
		.store_key = source->store_key,
		.option_key = source->option_key,
		.layout = source->layout,
		.name = source->name,
		.key_attribute = source->key_attribute,
		.value_attribute = source->value_attribute,
		.region = b->endpoint.region,
		.endpoint = b->endpoint.url,
		.create = create,
		.on_demand = source->billing == BILLING_ON_DEMAND,
		.read_units = source->read_units,
		.write_units = source->write_units,
	};

	return store_dynamodb_new(&config, store, e);
}

int backend_endpoint(const struct backend *b, const char *service, struct endpoint *out, struct error *e)
{
	struct credentials_context context = context_of(b);

	return endpoint_resolve(&context, service, b->endpoint.region, NULL, out, e);
}

int backend_client(const struct backend *b, const struct endpoint *endpoint, struct client **client, struct error *e)
{
	struct client_config config = {
		.service = endpoint->signing_name,
		.region = endpoint->region,
		.endpoint = endpoint->url,
		.http = b->http,
		.clock = b->setup.clock,
		.credentials = b->credentials,
		.log = b->setup.log,
		.max_attempts = b->max_attempts,
		.observe = metrics_request,
		.observe_data = b->setup.metrics,
	};

	return client_new(&config, client, e);
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
