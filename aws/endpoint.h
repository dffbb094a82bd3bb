/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/credentials.h"

#include <stdbool.h>

/*
 * Where to talk to. Region: `region`, AWS_REGION, AWS_DEFAULT_REGION, the profile's; endpoint: `endpoint_url`,
 * AWS_ENDPOINT_URL_DYNAMODB (the service's name in capitals), AWS_ENDPOINT_URL, else the region's own. An endpoint
 * outside AWS's own host names needs no region: it is signed for us-east-1.
 */
struct endpoint {
	char url[512];
	char region[64];
	bool custom; /* not one of AWS's own host names */
};

/* `region` and `endpoint_url` may be NULL or "". EINVAL: no region, or a URL that is none; the sentence says what to
 * set, and never quotes the URL. Where the profile has to be asked for the region, its failures too. Only getenv and
 * profile of the context are used. The URL comes without final slashes. */
int endpoint_resolve(const struct credentials_context *context, const char *service, const char *region,
		     const char *endpoint_url, struct endpoint *out, struct error *e);
