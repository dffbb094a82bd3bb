/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/dynamodb.h"
#include "scaler/options.h"

#include <jansson.h>
#include <stdatomic.h>

/*
 * Where sections have their tables: a region, a role to assume and a server. Sections that say the same share one.
 */
enum site_service { SITE_DYNAMODB, SITE_CLOUDWATCH, SITE_AUTOSCALING, SITE_SNS, SITE_SERVICES };

/* What all sites have in common; borrowed for as long as they live. */
struct site_setup {
	struct credentials_context credentials;
	struct http *http;
	struct clock *clock;
	struct log *log;
	int max_attempts;               /* 0: the client's own */
	uint32_t (*random)(void *data); /* for tests; NULL: the client's own */
};

enum { SITE_TOPIC_REGIONS = 8 };

struct site {
	char *name;                             /* "" for that of [global], else REGION and what else tells it apart */
	char *region, *role_arn, *endpoint_url; /* as configured; NULL: not said */
	struct credentials_chain *credentials;
	struct client *clients[SITE_SERVICES];
	struct dynamodb *db;
	struct {
		char *region;
		struct client *client;
	} topics[SITE_TOPIC_REGIONS]; /* of topics in other regions; for the loop's thread only */
	/* Refused once: the old call is used, or the question left out, until the next start. */
	_Atomic bool no_metric_data, no_autoscaling, no_list;
	json_t *autoscaled; /* a set of resource ids, as last told; NULL: none is known. Changed between parallel work
			     */
};

struct sites {
	struct site **sites;
	size_t n;
};

#define SITES_NULL ((struct sites){ 0 })

/* The site of a section, made when it is the first that says so. Errors are endpoint_resolve's and the credentials'. */
int sites_get(struct sites *sites, const struct site_setup *setup, const struct global_options *global,
	      const struct section_options *section, struct site **site, struct error *e);
/* Idempotent. */
void sites_deinit(struct sites *sites);

/* Whether it is this call that the site does not let us make: asking again is of no use. */
bool site_refuses(int rc, const struct client_outcome *outcome);

/* The client to publish to a topic with: in the region of its ARN, where it names one. */
int site_topic_client(struct site *site, const struct site_setup *setup, const char *topic_arn, struct client **client,
		      struct error *e);
