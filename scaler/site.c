/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/site.h"

#include "aws/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CloudWatch is asked until the deadline: a pass is stretched, not given up. */
enum { CLOUDWATCH_ATTEMPTS = 1000, NAME_MAX_BYTES = 4096 };

static const struct {
	const char *service;
	const char *variable; /* wins over endpoint-url, which is DynamoDB's first of all; NULL: nothing does */
} services[SITE_SERVICES] = {
	[SITE_DYNAMODB] = { "dynamodb", NULL },
	[SITE_CLOUDWATCH] = { "cloudwatch", "AWS_ENDPOINT_URL_CLOUDWATCH" },
	[SITE_AUTOSCALING] = { "application-autoscaling", "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING" },
	[SITE_SNS] = { "sns", "AWS_ENDPOINT_URL_SNS" },
};

static int make_client(const struct site *site, const struct site_setup *setup, enum site_service service,
		       const char *region, struct client **client, struct error *e)
{
	const char *variable = services[service].variable;
	bool own = variable && credentials_getenv(&setup->credentials, variable);
	struct endpoint endpoint;
	int rc = endpoint_resolve(&setup->credentials, services[service].service, region,
				  own ? NULL : site->endpoint_url, &endpoint, e);

	if (rc < 0)
		return rc;
	struct client_config config = {
		.service = endpoint.signing_name,
		.region = endpoint.region,
		.endpoint = endpoint.url,
		.http = setup->http,
		.clock = setup->clock,
		.credentials = site->credentials,
		.log = setup->log,
		.max_attempts = service == SITE_CLOUDWATCH ? CLOUDWATCH_ATTEMPTS : setup->max_attempts,
		.random = setup->random,
	};
	return client_new(&config, client, e);
}

static void site_free(struct site *site)
{
	dynamodb_free(site->db);
	for (int i = 0; i < SITE_SERVICES; i++)
		client_free(site->clients[i]);
	for (int i = 0; i < SITE_TOPIC_REGIONS; i++) {
		client_free(site->topics[i].client);
		free(site->topics[i].region);
	}
	if (site->credentials)
		credentials_chain_free(site->credentials);
	json_decref(site->autoscaled);
	free(site->name);
	free(site->region);
	free(site->role_arn);
	free(site->endpoint_url);
	free(site);
}

static bool copy(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int make_credentials(struct site *site, const struct site_setup *setup, const struct global_options *global,
			    struct error *e)
{
	struct credentials_context context = setup->credentials;

	context.clock = setup->clock;
	context.http = setup->http;
	context.region = site->region;
	context.role_arn = site->role_arn;
	if (global->access_key && global->secret_key) {
		context.access_key_id = global->access_key;
		context.secret_access_key = global->secret_key;
	}
	return credentials_chain_new(&context, &site->credentials, e);
}

/* What tells it from the site of [global], for messages and the state file. */
static char *make_name(const struct site *site, const struct global_options *global)
{
	_buf_cleanup_ struct buf name = BUF_INIT(NAME_MAX_BYTES);
	const char *const parts[][2] = {
		{ site->region, global->region },
		{ site->role_arn, global->role_arn },
		{ site->endpoint_url, global->endpoint_url },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!same(parts[i][0], parts[i][1]))
			buf_printf(&name, "%s%s", name.len ? " " : "", parts[i][0] ? parts[i][0] : "");
	}
	return buf_take(&name, NULL);
}

static int fill(struct site *site, const struct site_setup *setup, const struct global_options *global, struct error *e)
{
	site->name = make_name(site, global);
	if (!site->name)
		return error_no_memory(e);
	int rc = make_credentials(site, setup, global, e);
	for (int i = 0; rc == 0 && i < SITE_SERVICES; i++)
		rc = make_client(site, setup, (enum site_service)i, site->region, &site->clients[i], e);
	return rc < 0 ? rc : dynamodb_new(site->clients[SITE_DYNAMODB], &site->db, e);
}

int sites_get(struct sites *sites, const struct site_setup *setup, const struct global_options *global,
	      const struct section_options *section, struct site **site, struct error *e)
{
	const char *region = section->region ? section->region : global->region;
	const char *role = section->role_arn ? section->role_arn : global->role_arn;
	const char *url = section->endpoint_url ? section->endpoint_url : global->endpoint_url;

	for (size_t i = 0; i < sites->n; i++) {
		*site = sites->sites[i];
		if (same((*site)->region, region) && same((*site)->role_arn, role) && same((*site)->endpoint_url, url))
			return 0;
	}
	struct site *made = calloc(1, sizeof(*made));
	struct site **longer = made ? reallocarray(sites->sites, sites->n + 1, sizeof(*longer)) : NULL;
	if (!longer) {
		free(made);
		return error_no_memory(e);
	}
	sites->sites = longer;
	int rc = 0;
	if (!copy(region, &made->region) || !copy(role, &made->role_arn) || !copy(url, &made->endpoint_url))
		rc = error_no_memory(e);
	if (rc == 0)
		rc = fill(made, setup, global, e);
	if (rc < 0) {
		site_free(made);
		return rc;
	}
	longer[sites->n++] = made;
	*site = made;
	return 0;
}

void sites_deinit(struct sites *sites)
{
	for (size_t i = 0; i < sites->n; i++)
		site_free(sites->sites[i]);
	free(sites->sites);
	*sites = SITES_NULL;
}

bool site_refuses(int rc, const struct client_outcome *outcome)
{
	return rc == -EOPNOTSUPP || (rc == -EACCES && outcome->code && strncmp(outcome->code, "AccessDenied", 12) == 0);
}

/* The region in arn:aws:sns:REGION:ACCOUNT:NAME; "" where it is no such text. */
static void topic_region(const char *arn, char region[static 64])
{
	char service[16] = "";

	if (sscanf(arn, "arn:%*[^:]:%15[^:]:%63[^:]:", service, region) != 2 || strcmp(service, "sns") != 0)
		region[0] = '\0';
}

int site_topic_client(struct site *site, const struct site_setup *setup, const char *topic_arn, struct client **client,
		      struct error *e)
{
	char region[64] = "";
	int i = 0;

	topic_region(topic_arn, region);
	*client = site->clients[SITE_SNS];
	if (!region[0] || same(region, site->region))
		return 0;
	while (i < SITE_TOPIC_REGIONS && site->topics[i].region && strcmp(site->topics[i].region, region) != 0)
		i++;
	if (i == SITE_TOPIC_REGIONS)
		return error_set(e, EINVAL, "topics in more than %d other regions", SITE_TOPIC_REGIONS);
	if (!site->topics[i].region) {
		int rc = make_client(site, setup, SITE_SNS, region, &site->topics[i].client, e);
		if (rc < 0)
			return rc;
		if (!copy(region, &site->topics[i].region))
			return error_no_memory(e);
	}
	*client = site->topics[i].client;
	return 0;
}
