/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/aws_stack.h"
#include "aws/config.h"
#include "aws/http_curl.h"

#include <stdlib.h>

static const char *get_environment(void *data, const char *name)
{
	(void)data;
	return getenv(name);
}

int stack_init(struct stack *s, const char *service, bool signs, struct error *e)
{
	const struct credentials_context context = { .getenv = get_environment };
	_aws_config_cleanup_ struct aws_config aws = AWS_CONFIG_NULL;
	int rc = aws_config_load(&context, &aws, e);

	if (rc == 0)
		rc = endpoint_resolve(&context, service, NULL, NULL, &s->endpoint, e);
	if (rc == 0)
		rc = http_curl_global_init(e);
	const struct http_curl_options http = { .clock = clock_system(),
						.user_agent = "aws-calls",
						.ca_bundle = aws.ca_bundle };
	if (rc == 0)
		rc = http_curl_new(&http, &s->http, e);
	if (rc == 0)
		rc = credentials_chain_new(&context, &s->credentials, e);
	const struct client_config client = { .service = s->endpoint.signing_name,
					      .region = s->endpoint.region,
					      .endpoint = s->endpoint.url,
					      .http = s->http,
					      .clock = clock_system(),
					      .credentials = signs ? s->credentials : NULL,
					      .max_attempts = aws.max_attempts };
	return rc < 0 ? rc : client_new(&client, &s->client, e);
}

void stack_deinit(struct stack *s)
{
	client_free(s->client);
	credentials_chain_free(s->credentials);
	http_free(s->http);
}
