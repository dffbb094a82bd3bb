/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/dynamodb.h"
#include "aws/endpoint.h"
#include "fs/settings.h"

/*
 * What a DynamoDB source stands on, put together from its settings and the environment. Thread-safe as its parts are.
 */
struct metrics;

struct backend {
	struct endpoint endpoint;
	struct http *http; /* all owned */
	struct credentials_chain *credentials;
	struct client *client;
	struct dynamodb *db;
};

struct backend_setup {
	struct clock *clock; /* borrowed, as long as the backend lives */
	struct log *log;
	struct metrics *metrics; /* may be NULL */
};

/* Where the source is and who asks are resolved here, nothing is sent. Errors are those of endpoint_resolve and
 * aws_config_load. */
int backend_new(const struct source_settings *source, const struct backend_setup *setup, struct backend **backend,
		struct error *e);
/* Accepts NULL. */
void backend_free(struct backend *backend);
