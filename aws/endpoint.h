/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/credentials.h"

#include <stdbool.h>

/*
 * Where to talk to. Region: the option, AWS_REGION, AWS_DEFAULT_REGION, the profile's, the EC2 instance's. Endpoint:
 * the option, the service's own variable (AWS_ENDPOINT_URL_DYNAMODB), AWS_ENDPOINT_URL, the profile's `services`
 * section, its endpoint_url, else the region's own host, which AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT
 * change. Only the option counts where AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true. confd's DYNAMODB_ENDPOINT_URL is
 * asked between the two variables, where DYNAMODB_LOCAL is not empty. An endpoint outside AWS's own host names needs no
 * region and never asks the instance: it is signed for us-east-1.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
struct endpoint {
	char url[512];
	char region[64];
	const char *signing_name; /* what requests are signed for: "monitoring" */
	const char *url_from;     /* what named it: "AWS_ENDPOINT_URL" */
	const char *region_from;
	bool custom; /* not one of AWS's own host names */
};

/* `service` is one of: dynamodb, cloudwatch, sns, sts, application-autoscaling, sso, sso-oidc. `region` and
 * `endpoint_url` may be NULL or "". EINVAL: no region, no such service, or a URL that is none; the sentence says what
 * to set, and never quotes the URL. Where the profile has to be asked, its failures too. The URL comes without final
 * slashes; what the strings of `*out` point to lives for ever. */
int endpoint_resolve(const struct credentials_context *context, const char *service, const char *region,
		     const char *endpoint_url, struct endpoint *out, struct error *e);
