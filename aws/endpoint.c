/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include "aws/config.h"
#include "aws/imds.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html */
static const struct service {
	const char *name;
	const char *host; /* how its host names begin */
	const char *signing_name;
	const char *variable; /* that names an endpoint for it alone */
	const char *key;      /* in a `services` section */
	bool plain_fips;      /* its dual-stack hosts in GovCloud are FIPS without being called so */
} services[] = {
	{ "dynamodb", "dynamodb", "dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb", false },
	{ "cloudwatch", "monitoring", "monitoring", "AWS_ENDPOINT_URL_CLOUDWATCH", "cloudwatch", true },
	{ "sns", "sns", "sns", "AWS_ENDPOINT_URL_SNS", "sns", false },
	{ "sts", "sts", "sts", "AWS_ENDPOINT_URL_STS", "sts", false },
	{ "application-autoscaling", "application-autoscaling", "application-autoscaling",
	  "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", "application_auto_scaling", false },
	{ "sso", "portal.sso", "awsssoportal", "AWS_ENDPOINT_URL_SSO", "sso", false },
	{ "sso-oidc", "oidc", "sso-oauth", "AWS_ENDPOINT_URL_SSO_OIDC", "sso_oidc", false },
};

/* Which host names a region has; the first row that fits counts.
 * https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json */
static const struct partition {
	const char *regions; /* how their names begin */
	const char *suffix;
	const char *dual_stack;
	bool plain_fips; /* hosts that are not dual-stack are FIPS without being called so */
} partitions[] = {
	{ "cn-", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn", false },
	{ "us-gov-", ".amazonaws.com", ".api.aws", true },
	{ "us-iso-", ".c2s.ic.gov", ".api.aws.ic.gov", false },
	{ "us-isob-", ".sc2s.sgov.gov", ".api.aws.scloud", false },
	{ "us-isof-", ".csp.hci.ic.gov", ".api.aws.hci.ic.gov", false },
	{ "eu-isoe-", ".cloud.adc-e.uk", ".api.cloud-aws.adc-e.uk", false },
	{ "eusc-", ".amazonaws.eu", ".api.amazonwebservices.eu", false },
	{ "", ".amazonaws.com", ".api.aws", false },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum { PORT_HIGHEST = 65535 };

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
	for (size_t i = 0; i < N(partitions); i++) {
		if (ends_with(host, len, partitions[i].suffix) || ends_with(host, len, partitions[i].dual_stack))
			return true;
	}
	return false;
}

/* The URL is never quoted: somebody may have put a password into it. */
static int use_url(const char *url, struct endpoint *out, struct error *e)
{
	struct parts parts;
	const char *complaint = take_apart(url, &parts);

	if (complaint)
		return error_set(e, EINVAL, "%s %s: write http://HOST[:PORT] or https://HOST[:PORT]", out->url_from,
				 complaint);
	size_t len = strlen(parts.rest);
	while (parts.rest[len - 1] == '/')
		len--;
	if (strlen(parts.scheme) + len >= sizeof(out->url))
		return error_set(e, EINVAL, "%s is longer than %zu bytes", out->url_from, sizeof(out->url) - 1);
	snprintf(out->url, sizeof(out->url), "%s%.*s", parts.scheme, (int)len, parts.rest);
	out->custom = !is_aws_host(parts.rest, parts.host_len);
	return 0;
}

/* One call to endpoint_resolve. */
struct search {
	const struct credentials_context *context;
	const struct service *service;
	const char *region, *url; /* the options, NULL or "" where they were not given */
};

/* The places that may name an endpoint, in their order: each sets `*value`, which the caller owns, and `*from`. */
static int ask_variable(const struct search *s, const char *variable, char **value, const char **from, struct error *e)
{
	const char *set = credentials_getenv(s->context, variable);

	*from = variable;
	*value = set ? strdup(set) : NULL;
	return set && !*value ? error_no_memory(e) : 0;
}

static int ask_own_variable(const struct search *s, char **value, const char **from, struct error *e)
{
	return ask_variable(s, s->service->variable, value, from, e);
}

/* https://github.com/kelseyhightower/confd: its DynamoDB backend */
static int ask_confd(const struct search *s, char **value, const char **from, struct error *e)
{
	if (strcmp(s->service->name, "dynamodb") != 0 || !credentials_getenv(s->context, "DYNAMODB_LOCAL"))
		return 0;
	return ask_variable(s, "DYNAMODB_ENDPOINT_URL", value, from, e);
}

static int ask_shared_variable(const struct search *s, char **value, const char **from, struct error *e)
{
	return ask_variable(s, "AWS_ENDPOINT_URL", value, from, e);
}

static int ask_services(const struct search *s, char **value, const char **from, struct error *e)
{
	struct error why = ERROR_NULL;
	int result = credentials_service_setting(s->context, s->service->key, "endpoint_url", value, &why);

	*from = "endpoint_url of the profile's services";
	return result < 0 && result != -ENOENT ? error_set(e, why.number, "%s", why.text) : 0;
}

static int ask_profile(const struct search *s, char **value, const char **from, struct error *e)
{
	int result = aws_setting(s->context, NULL, "endpoint_url", value, from, e);

	*from = "endpoint_url of the profile";
	return result;
}

static int (*const url_sources[])(const struct search *s, char **value, const char **from, struct error *e) = {
	ask_own_variable, ask_confd, ask_shared_variable, ask_services, ask_profile,
};

static int find_url(const struct search *s, struct endpoint *out, struct error *e)
{
	bool ignore;

	out->url_from = "endpoint-url";
	if (s->url && *s->url)
		return use_url(s->url, out, e);
	int result = aws_switch(s->context, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls",
				&ignore, e);
	for (size_t i = 0; result == 0 && !ignore && !*out->url && i < N(url_sources); i++) {
		char *value = NULL;
		result = url_sources[i](s, &value, &out->url_from, e);
		if (result == 0 && value && *value)
			result = use_url(value, out, e);
		free(value);
	}
	return result;
}

static int use_region(const char *region, const char *from, struct endpoint *out, struct error *e)
{
	size_t len = strlen(region);

	/* It becomes part of a host name and of what is signed. */
	if (len >= sizeof(out->region) || strspn(region, NAME_BYTES) != len || *region == '-')
		return error_set(e, EINVAL, "%s: \"%.64s\" is not an AWS region: write a name such as eu-west-1", from,
				 region);
	memcpy(out->region, region, len + 1);
	out->region_from = from;
	return 0;
}

static int ask_instance(const struct credentials_context *context, struct endpoint *out, struct error *e)
{
	_buf_cleanup_ struct buf region = BUF_INIT(sizeof(out->region));
	struct error why = ERROR_NULL;
	int result = imds_fetch(context, "placement/region", -1, &region, &why);

	if (result == 0)
		return use_region(buf_text(&region), "the instance's metadata", out, e);
	return error_set(e, EINVAL, "no AWS region is set: give region=…, or set AWS_REGION%s%s",
			 result == -ENOENT ? "" : "; ", result == -ENOENT ? "" : why.text);
}

static int find_region(const struct search *s, struct endpoint *out, struct error *e)
{
	static const char *const variables[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
	const char *from;
	char *value = NULL;

	if (s->region && *s->region)
		return use_region(s->region, "region", out, e);
	for (size_t i = 0; i < N(variables); i++) {
		const char *region = credentials_getenv(s->context, variables[i]);
		if (region)
			return use_region(region, variables[i], out, e);
	}
	int result = aws_setting(s->context, NULL, "region", &value, &from, e);
	if (result < 0)
		return result;
	if (value)
		result = use_region(value, "region of the profile", out, e);
	else if (out->custom)
		result = use_region("us-east-1", "the endpoint, which is not AWS's", out, e);
	else
		result = ask_instance(s->context, out, e);
	free(value);
	return result;
}

static const struct partition *partition_of(const char *region)
{
	const struct partition *row = partitions;

	while (strncmp(region, row->regions, strlen(row->regions)) != 0)
		row++;
	return row;
}

static int make_url(const struct search *s, struct endpoint *out, struct error *e)
{
	const struct partition *partition = partition_of(out->region);
	bool fips, dual_stack;
	int result = aws_switch(s->context, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &fips, e);

	if (result == 0)
		result = aws_switch(s->context, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", &dual_stack, e);
	if (result < 0)
		return result;
	if (partition->plain_fips && (!dual_stack || s->service->plain_fips))
		fips = false;
	snprintf(out->url, sizeof(out->url), "https://%s%s.%s%s", s->service->host, fips ? "-fips" : "", out->region,
		 dual_stack ? partition->dual_stack : partition->suffix);
	out->url_from = "the region";
	return 0;
}

static const struct service *find_service(const char *name)
{
	for (size_t i = 0; i < N(services); i++) {
		if (strcmp(services[i].name, name) == 0)
			return &services[i];
	}
	return NULL;
}

int endpoint_resolve(const struct credentials_context *context, const char *service, const char *region,
		     const char *endpoint_url, struct endpoint *out, struct error *e)
{
	struct search search = { context, find_service(service), region, endpoint_url };
	struct endpoint found = { .custom = false };

	if (!search.service)
		return error_set(e, EINVAL, "there is no AWS service %s here", service);
	found.signing_name = search.service->signing_name;
	int result = find_url(&search, &found, e);
	if (result == 0)
		result = find_region(&search, &found, e);
	if (result == 0 && !*found.url)
		result = make_url(&search, &found, e);
	if (result == 0)
		*out = found;
	return result;
}
