/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which host names a region has; the first row that fits counts.
 * https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json */
static const struct partition {
	const char *regions; /* how their names begin */
	const char *suffix;
	const char *dual_stack;
} partitions[] = {
	{ "cn-", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn" },
	{ "us-gov-", ".amazonaws.com", ".api.aws" },
	{ "us-iso-", ".c2s.ic.gov", ".api.aws.ic.gov" },
	{ "us-isob-", ".sc2s.sgov.gov", ".api.aws.scloud" },
	{ "us-isof-", ".csp.hci.ic.gov", ".api.aws.hci.ic.gov" },
	{ "eu-isoe-", ".cloud.adc-e.uk", ".api.cloud-aws.adc-e.uk" },
	{ "eusc-", ".amazonaws.eu", ".api.amazonwebservices.eu" },
	{ "", ".amazonaws.com", ".api.aws" },
};

enum { N_PARTITIONS = sizeof(partitions) / sizeof(partitions[0]), PORT_HIGHEST = 65535 };

static const char *const schemes[] = { "https://", "http://", NULL };

#define DIGITS "0123456789"
#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-"

/* A URL taken apart. */
struct parts {
	const char *scheme; /* in lower case */
	const char *rest;   /* of the URL, from the host on */
	size_t host_len;
};

static bool is_port(const char *text, size_t len)
{
	long port = len <= 5 && strspn(text, DIGITS) >= len ? strtol(text, NULL, 10) : 0;

	return port >= 1 && port <= PORT_HIGHEST;
}

/* Ends at the first byte that no host name or address has; an IPv6 address stands in brackets. */
static size_t host_length(const char *host)
{
	if (*host != '[')
		return strspn(host, NAME_BYTES "._");
	size_t len = 1;
	while (isxdigit((unsigned char)host[len]) || host[len] == ':' || host[len] == '.')
		len++;
	return len > 1 && host[len] == ']' ? len + 1 : 0;
}

/* What is wrong with a URL, NULL: nothing. */
static const char *take_apart(const char *url, struct parts *parts)
{
	const char *const *scheme = schemes;

	while (*scheme && strncasecmp(url, *scheme, strlen(*scheme)) != 0)
		scheme++;
	if (!*scheme)
		return "does not begin with http:// or https://";
	for (const char *at = url; *at; at++) {
		if (*at <= ' ' || *at > '~')
			return "has a blank or an odd character in it";
	}
	const char *host = url + strlen(*scheme);
	size_t authority = strcspn(host, "/?#"), len = host_length(host);
	if (memchr(host, '@', authority))
		return "has a user name in it";
	if (len == 0)
		return "has no host";
	if (len < authority && (host[len] != ':' || !is_port(host + len + 1, authority - len - 1)))
		return "has a port or a host that cannot be";
	if (host[strcspn(host, "?#")])
		return "has a query or a fragment";
	*parts = (struct parts){ .scheme = *scheme, .rest = host, .host_len = len };
	return NULL;
}

static bool ends_with(const char *text, size_t len, const char *suffix)
{
	size_t tail = strlen(suffix);

	return len >= tail && strncasecmp(text + len - tail, suffix, tail) == 0;
}

static bool is_aws_host(const char *host, size_t len)
{
	for (size_t i = 0; i < N_PARTITIONS; i++) {
		if (ends_with(host, len, partitions[i].suffix) || ends_with(host, len, partitions[i].dual_stack))
			return true;
	}
	return false;
}

/* The URL is never quoted: somebody may have put a password into it. */
static int use_url(const char *url, const char *origin, struct endpoint *out, struct error *e)
{
	struct parts parts;
	const char *complaint = take_apart(url, &parts);

	if (complaint)
		return error_set(e, EINVAL, "%s %s: write http://HOST[:PORT] or https://HOST[:PORT]", origin,
				 complaint);
	size_t len = strlen(parts.rest);
	while (parts.rest[len - 1] == '/')
		len--;
	if (strlen(parts.scheme) + len >= sizeof(out->url))
		return error_set(e, EINVAL, "%s is longer than %zu bytes", origin, sizeof(out->url) - 1);
	snprintf(out->url, sizeof(out->url), "%s%.*s", parts.scheme, (int)len, parts.rest);
	out->custom = !is_aws_host(parts.rest, parts.host_len);
	return 0;
}

static int find_url(const struct credentials_context *context, const char *service, const char *endpoint_url,
		    struct endpoint *out, struct error *e)
{
	char variable[64];
	const char *url;

	snprintf(variable, sizeof(variable), "AWS_ENDPOINT_URL_%s", service);
	for (char *at = variable; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	if (endpoint_url && *endpoint_url)
		return use_url(endpoint_url, "endpoint-url", out, e);
	if ((url = credentials_getenv(context, variable)))
		return use_url(url, variable, out, e);
	if ((url = credentials_getenv(context, "AWS_ENDPOINT_URL")))
		return use_url(url, "AWS_ENDPOINT_URL", out, e);
	return 0;
}

static int use_region(const char *region, struct endpoint *out, struct error *e)
{
	size_t len = strlen(region);

	/* It becomes part of a host name and of what is signed. */
	if (len >= sizeof(out->region) || strspn(region, NAME_BYTES) != len || *region == '-')
		return error_set(e, EINVAL, "\"%.64s\" is not an AWS region: write a name such as eu-west-1", region);
	memcpy(out->region, region, len + 1);
	return 0;
}

static int find_region(const struct credentials_context *context, const char *region, struct endpoint *out,
		       struct error *e)
{
	char *profile_region = NULL;

	if (!region || !*region)
		region = credentials_getenv(context, "AWS_REGION");
	if (!region)
		region = credentials_getenv(context, "AWS_DEFAULT_REGION");
	if (region)
		return use_region(region, out, e);
	struct error why = ERROR_NULL;
	int result = credentials_profile_setting(context, "region", &profile_region, &why);
	if (result == 0)
		result = use_region(profile_region, out, e);
	else if (result == -ENOENT && out->custom)
		result = use_region("us-east-1", out, e);
	else if (result == -ENOENT)
		result = error_set(e, EINVAL, "no AWS region is set: give region=…, or set AWS_REGION");
	else
		result = error_set(e, why.number, "%s", why.text);
	free(profile_region);
	return result;
}

static const char *region_suffix(const char *region)
{
	const struct partition *row = partitions;

	while (strncmp(region, row->regions, strlen(row->regions)) != 0)
		row++;
	return row->suffix;
}

int endpoint_resolve(const struct credentials_context *context, const char *service, const char *region,
		     const char *endpoint_url, struct endpoint *out, struct error *e)
{
	struct endpoint found = { .custom = false };

	int result = find_url(context, service, endpoint_url, &found, e);
	if (result == 0)
		result = find_region(context, region, &found, e);
	if (result < 0)
		return result;
	if (!*found.url)
		snprintf(found.url, sizeof(found.url), "https://%s.%s%s", service, found.region,
			 region_suffix(found.region));
	*out = found;
	return 0;
}
