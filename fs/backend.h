/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/dynamodb.h"
#include "aws/endpoint.h"
#include "fs/settings.h"
#include "fs/store.h"

/*
 * What a DynamoDB source stands on, put together from its settings and the environment. Thread-safe as its parts are.
 */
struct metrics;

struct backend_setup {
	struct clock *clock; /* borrowed, as long as the backend lives */
	struct log *log;
	struct metrics *metrics; /* may be NULL */
};

struct backend {
	struct backend_setup setup;
	struct endpoint endpoint; /* of DynamoDB */
	int max_attempts;
	struct http *http; /* all owned */
	struct credentials_chain *credentials;
	struct client *client;
	struct dynamodb *db;
};

/* Where the source is and who asks are resolved here, nothing is sent. Errors are those of endpoint_resolve and
 * aws_config_load. */
int backend_new(const struct source_settings *source, const struct backend_setup *setup, struct backend **backend,
		struct error *e);
/* The store in its table; `create`: a missing one is made. The backend must outlive it. */
int backend_store(const struct backend *backend, const struct source_settings *source, bool create,
		  struct store **store, struct error *e);

/* Other services of AWS in the same region, by the same credentials: where one is (see endpoint_resolve), and a client
 * of it, which the backend must outlive. */
int backend_endpoint(const struct backend *backend, const char *service, struct endpoint *out, struct error *e);
int backend_client(const struct backend *backend, const struct endpoint *endpoint, struct client **client,
		   struct error *e);
/* Accepts NULL. */
void backend_free(struct backend *backend);
