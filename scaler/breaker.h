/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "scaler/options.h"

#include <stdbool.h>

/*
 * The circuit breaker's request: a GET that answers 2xx while scaling is wanted. Here is what is asked; who asks it
 * adds the headers x-table-name and, for an index, x-gsi-name, and follows redirects.
 */
struct breaker_request {
	char *url;      /* without credentials */
	char *user;     /* NULL: none */
	char *password; /* NULL: none; wiped by breaker_deinit */
	double timeout; /* seconds */
};

#define BREAKER_NULL ((struct breaker_request){ 0 })

/* The section's URL and timeout, else those of [global]. `url` stays NULL when neither has one. EINVAL unless it
 * begins with http:// or https://. */
int breaker_request(const struct section_options *section, const struct global_options *global,
		    struct breaker_request *out, struct error *e);
/* Idempotent. */
void breaker_deinit(struct breaker_request *request);

#define _breaker_cleanup_ __attribute__((cleanup(breaker_deinit)))

/* The circuit is closed on 2xx only. */
static inline bool breaker_closes(long status)
{
	return status >= 200 && status <= 299;
}
