/* SPDX-License-Identifier: Apache-2.0 */
/* Regions and endpoints: who wins, what is refused, and with which words. */
#include "aws/endpoint.h"
#include "aws/http.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_SET = 6 };

#define HOSTS TEST_DATA "/vectors/endpoint/hosts.txt"

/* Name and value in turn; where the shared files are is always said, so that the machine's own are never read. */
struct environment {
	const char *set[2 * N_SET];
	const char *config;
};

static const char *lookup(void *data, const char *name)
{
	const struct environment *environment = data;

	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
		return "/dev/null";
	if (strcmp(name, "AWS_CONFIG_FILE") == 0)
		return environment->config ? environment->config : "/dev/null";
	for (size_t i = 0; i < N_SET && environment->set[2 * i]; i++) {
		if (strcmp(name, environment->set[2 * i]) == 0)
			return environment->set[2 * i + 1];
	}
	return NULL;
}

static int resolve(struct environment *environment, const char *region, const char *url, struct endpoint *out,
		   struct error *e)
{
	struct credentials_context context = { .getenv = lookup, .data = environment };

	return endpoint_resolve(&context, "dynamodb", region, url, out, e);
}

static void test_region_order(void **state)
{
	struct environment all = { .set = { "AWS_REGION", "eu-west-2", "AWS_DEFAULT_REGION", "eu-west-3" } };
	struct environment some = { .set = { "AWS_REGION", "", "AWS_DEFAULT_REGION", "eu-west-3" } };
	struct endpoint found;

	(void)state;
	assert_int_equal(0, resolve(&all, "eu-west-1", NULL, &found, NULL));
	assert_string_equal("eu-west-1", found.region);
	assert_string_equal("https://dynamodb.eu-west-1.amazonaws.com", found.url);
	assert_false(found.custom);
	assert_int_equal(0, resolve(&all, "", "", &found, NULL));
	assert_string_equal("eu-west-2", found.region);
	assert_int_equal(0, resolve(&some, NULL, NULL, &found, NULL));
	assert_string_equal("eu-west-3", found.region);
}

static void test_profile_region(void **state)
{
	char path[] = "/tmp/test_endpoint.XXXXXX";
	struct environment environment = { .config = path };
	struct environment named = { .config = path, .set = { "AWS_PROFILE", "far" } };
	struct environment typo = { .config = path, .set = { "AWS_PROFILE", "typo" } };
	struct endpoint found;
	struct error e = ERROR_NULL;

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd,
		"[default]\nregion = eu-north-1\n[profile far]\nregion = ap-south-1\n[profile typo]\nregion = a b\n");
	assert_int_equal(0, resolve(&environment, NULL, NULL, &found, NULL));
	assert_string_equal("eu-north-1", found.region);
	assert_int_equal(0, resolve(&named, NULL, NULL, &found, NULL));
	assert_string_equal("https://dynamodb.ap-south-1.amazonaws.com", found.url);
	assert_int_equal(0, resolve(&named, NULL, "http://localhost:8000", &found, NULL));
	assert_string_equal("ap-south-1", found.region);
	assert_int_equal(-EINVAL, resolve(&typo, NULL, NULL, &found, &e));
	/* A file that cannot be read is told, not passed over. */
	dprintf(fd, "nonsense\n");
	assert_int_equal(-EINVAL, resolve(&environment, NULL, "http://localhost:8000", &found, &e));
	assert_non_null(strstr(e.text, ":7: expected"));
	close(fd);
	unlink(path);
}

/* A line of HOSTS: service, region, switches or -, URL. */
static void check_host(const char *line)
{
	struct environment environment = { 0 };
	struct credentials_context context = { .getenv = lookup, .data = &environment };
	char service[32], region[32], fips[8], dual[8], url[256];
	struct endpoint found;

	assert_int_equal(5, sscanf(line, "%31s %31s %7s %7s %255s", service, region, fips, dual, url));
	const char *const set[] = {
		"AWS_USE_FIPS_ENDPOINT",       *fips == '-' ? "false" : "true",       "AWS_USE_DUALSTACK_ENDPOINT",
		*dual == '-' ? "yes" : "True", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"
	};
	memcpy(environment.set, set, sizeof(set));
	assert_int_equal(0, endpoint_resolve(&context, service, region, NULL, &found, NULL));
	if (strcmp(url, found.url) != 0)
		fail_msg("%s is not %s", found.url, line);
	assert_false(found.custom);
	/* The same host, given as a URL, is still AWS's own. */
	assert_int_equal(0, endpoint_resolve(&context, service, region, url, &found, NULL));
	assert_string_equal(url, found.url);
	assert_false(found.custom);
}

static void test_hosts(void **state)
{
	FILE *file = fopen(HOSTS, "r");
	char line[512];
	size_t n = 0;

	(void)state;
	assert_non_null(file);
	for (; fgets(line, sizeof(line), file); n += *line != '#') {
		if (*line != '#')
			check_host(line);
	}
	fclose(file);
	assert_true(n > 500);
}

static void test_signing_names(void **state)
{
	static const char *const rows[][2] = {
		{ "dynamodb", "dynamodb" },
		{ "cloudwatch", "monitoring" },
		{ "sns", "sns" },
		{ "sts", "sts" },
		{ "application-autoscaling", "application-autoscaling" },
	};
	struct environment empty = { 0 };
	struct credentials_context context = { .getenv = lookup, .data = &empty };
	struct endpoint found;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(0, endpoint_resolve(&context, rows[i][0], "eu-west-1", NULL, &found, NULL));
		assert_string_equal(rows[i][1], found.signing_name);
	}
	assert_int_equal(-EINVAL, endpoint_resolve(&context, "s3", "eu-west-1", NULL, &found, NULL));
}

/* Each row leaves out what won in the one before. */
static void test_url_order(void **state)
{
#define OPTION "http://option:1"
#define OWN "AWS_ENDPOINT_URL_DYNAMODB", "http://own:1"
#define CONFD "DYNAMODB_ENDPOINT_URL", "http://confd:1"
#define LOCAL "DYNAMODB_LOCAL", "1"
#define SHARED "AWS_ENDPOINT_URL", "http://shared:1"
#define IGNORE "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"
	char path[] = "/tmp/test_endpoint.XXXXXX";
	static const char *const aws = "https://dynamodb.eu-west-1.amazonaws.com";
	const struct {
		struct environment environment;
		const char *option, *url, *from;
	} rows[] = {
		{ { { OWN, CONFD, LOCAL, SHARED }, path }, OPTION, OPTION, "endpoint-url" },
		{ { { OWN, CONFD, LOCAL, SHARED }, path }, NULL, "http://own:1", "AWS_ENDPOINT_URL_DYNAMODB" },
		{ { { CONFD, LOCAL, SHARED }, path }, "", "http://confd:1", "DYNAMODB_ENDPOINT_URL" },
		{ { { CONFD, SHARED }, path }, NULL, "http://shared:1", "AWS_ENDPOINT_URL" },
		{ { { CONFD, "DYNAMODB_LOCAL", "", SHARED }, path }, NULL, "http://shared:1", "AWS_ENDPOINT_URL" },
		{ { { "AWS_ENDPOINT_URL_SNS", "http://sns:1", "AWS_PROFILE", "served" }, path },
		  NULL,
		  "http://service:1",
		  "endpoint_url of the profile's services" },
		{ { { "AWS_ENDPOINT_URL_SNS", "http://sns:1" }, path },
		  NULL,
		  "http://profile:1",
		  "endpoint_url of the profile" },
		{ { { "AWS_PROFILE", "other", "AWS_ENDPOINT_URL", "" }, path }, NULL, aws, "the region" },
		{ { { IGNORE, OWN, CONFD, LOCAL, SHARED }, path }, NULL, aws, "the region" },
		{ { { IGNORE, SHARED }, path }, OPTION, OPTION, "endpoint-url" },
		{ { { "AWS_PROFILE", "deaf", SHARED }, path }, NULL, aws, "the region" },
		{ { { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1", "AWS_PROFILE", "deaf", SHARED }, path },
		  NULL,
		  "http://shared:1",
		  "AWS_ENDPOINT_URL" },
		/* An endpoint that was named stands as it is. */
		{ { { "AWS_USE_FIPS_ENDPOINT", "true", SHARED }, path }, NULL, "http://shared:1", "AWS_ENDPOINT_URL" },
	};

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "[default]\nendpoint_url = http://profile:1\n[profile other]\nregion = eu-west-2\n"
		    "[profile deaf]\nignore_configured_endpoint_urls = true\n"
		    "[profile served]\nendpoint_url = http://profile:1\nservices = here\n[services here]\n"
		    "sns =\n  endpoint_url = http://sns:2\ndynamodb =\n  endpoint_url = http://service:1\n");
	close(fd);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct environment environment = rows[i].environment;
		struct endpoint found;
		assert_int_equal(0, resolve(&environment, "eu-west-1", rows[i].option, &found, NULL));
		assert_string_equal(rows[i].url, found.url);
		assert_string_equal(rows[i].from, found.url_from);
		assert_string_equal("eu-west-1", found.region);
		assert_string_equal("region", found.region_from);
		assert_int_equal(rows[i].url != aws, found.custom);
	}
	unlink(path);
}

/* confd's variable is DynamoDB's; the others have their own. */
static void test_urls_of_other_services(void **state)
{
	struct environment set = { .set = { CONFD, LOCAL, OWN, "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING",
					    "http://scaling:1" } };
	struct credentials_context context = { .getenv = lookup, .data = &set };
	struct endpoint found;

	(void)state;
	assert_int_equal(0, endpoint_resolve(&context, "sns", "eu-west-1", NULL, &found, NULL));
	assert_string_equal("https://sns.eu-west-1.amazonaws.com", found.url);
	assert_int_equal(0, endpoint_resolve(&context, "application-autoscaling", NULL, NULL, &found, NULL));
	assert_string_equal("http://scaling:1", found.url);
	assert_string_equal("us-east-1", found.region);
	assert_string_equal("the endpoint, which is not AWS's", found.region_from);
}

static void test_urls(void **state)
{
	static const struct {
		const char *given;
		const char *url; /* NULL: refused */
		bool custom;
	} rows[] = {
		{ "http://localhost:8000", "http://localhost:8000", true },
		{ "HTTPS://Gateway.example/prefix/v1//", "https://Gateway.example/prefix/v1", true },
		{ "http://127.0.0.1:8000/", "http://127.0.0.1:8000", true },
		{ "http://[::1]:4566", "http://[::1]:4566", true },
		{ "http://[::1]", "http://[::1]", true },
		{ "http://my_dynamo:65535", "http://my_dynamo:65535", true },
		{ "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com",
		  "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com", false },
		{ "https://dynamodb.eu-west-1.api.aws", "https://dynamodb.eu-west-1.api.aws", false },
		{ "https://DynamoDB.eu-west-1.AmazonAWS.com:443", "https://DynamoDB.eu-west-1.AmazonAWS.com:443",
		  false },
		{ "https://amazonaws.com.example", "https://amazonaws.com.example", true },
		{ "https://notamazonaws.com", "https://notamazonaws.com", true },
		{ "localhost:8000", NULL, false },
		{ "ftp://localhost", NULL, false },
		{ "http:/localhost", NULL, false },
		{ "http://", NULL, false },
		{ "http:///path", NULL, false },
		{ "http://:8000", NULL, false },
		{ "http://host:", NULL, false },
		{ "http://host:0", NULL, false },
		{ "http://host:65536", NULL, false },
		{ "http://host:8000x/", NULL, false },
		{ "http://host:-1", NULL, false },
		{ "http://ho st", NULL, false },
		{ "http://host\n", NULL, false },
		{ "http://h\xc3\xb6st", NULL, false },
		{ "http://a,b", NULL, false },
		{ "http://[::1", NULL, false },
		{ "http://[]", NULL, false },
		{ "http://[::1]x", NULL, false },
		{ "http://user:hunter2@host:8000", NULL, false },
		{ "http://hunter2@host", NULL, false },
		{ "http://host?x=hunter2", NULL, false },
		{ "http://host/#hunter2", NULL, false },
	};
	struct environment empty = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint found = { .region = "untouched" };
		struct error e = ERROR_NULL;
		int result = resolve(&empty, "eu-west-1", rows[i].given, &found, &e);
		if (result != (rows[i].url ? 0 : -EINVAL))
			fail_msg("%s: %d %s", rows[i].given, result, e.text);
		if (rows[i].url) {
			assert_string_equal(rows[i].url, found.url);
			assert_int_equal(rows[i].custom, found.custom);
		} else {
			assert_string_equal("untouched", found.region);
			assert_non_null(strstr(e.text, "endpoint-url "));
			assert_non_null(strstr(e.text, "write http://"));
			assert_null(strstr(e.text, "hunter2"));
		}
	}
}

/* An instance's metadata. */
struct instance {
	struct http http;
	int status; /* of the answer to the second question; the first is for a token */
	const char *region;
	int asked;
};

static int answer(struct http *http, const struct http_request *request, struct http_response *response, bool *sent,
		  struct error *e)
{
	struct instance *instance = (struct instance *)http;
	bool token = strcmp(request->method, "PUT") == 0;

	(void)e;
	assert_true(request->no_proxy);
	instance->asked++;
	*sent = true;
	response->status = token ? 200 : instance->status;
	buf_reset(&response->body);
	buf_str(&response->body, token ? "token" : instance->region);
	return 0;
}

static void test_region_of_the_instance(void **state)
{
	static const struct http_ops ops = { .perform = answer };
	static const struct {
		int status;
		const char *region, *url; /* url: an endpoint that is not AWS's */
		int result, asked;
	} rows[] = {
		{ 200, "ap-south-1", NULL, 0, 2 },
		{ 200, "ap-south-1", "http://localhost:8000", 0, 0 },
		{ 404, "", NULL, -EINVAL, 2 },
		{ 200, "<html>", NULL, -EINVAL, 2 },
	};
	struct environment empty = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct instance instance = { { &ops }, rows[i].status, rows[i].region, 0 };
		struct credentials_context context = { .getenv = lookup, .data = &empty, .http = &instance.http };
		struct endpoint found = { .region = "" };
		struct error e = ERROR_NULL;
		assert_int_equal(rows[i].result, endpoint_resolve(&context, "dynamodb", NULL, rows[i].url, &found, &e));
		assert_int_equal(rows[i].asked, instance.asked);
		if (rows[i].asked && rows[i].result == 0) {
			assert_string_equal(rows[i].region, found.region);
			assert_string_equal("the instance's metadata", found.region_from);
		}
	}
}

static void test_refusals(void **state)
{
	struct environment empty = { 0 }, bad = { .set = { "AWS_ENDPOINT_URL_DYNAMODB", "localhost" } };
	struct endpoint found;
	struct error e = ERROR_NULL;
	char long_url[600] = "http://";

	(void)state;
	assert_int_equal(-EINVAL, resolve(&empty, NULL, NULL, &found, &e));
	assert_string_equal("no AWS region is set: give region=…, or set AWS_REGION", e.text);
	assert_int_equal(-EINVAL, resolve(&empty, NULL, "https://dynamodb.eu-west-1.amazonaws.com", &found, &e));
	assert_string_equal("no AWS region is set: give region=…, or set AWS_REGION", e.text);
	assert_int_equal(-EINVAL, resolve(&bad, NULL, NULL, &found, &e));
	assert_non_null(strstr(e.text, "AWS_ENDPOINT_URL_DYNAMODB "));
	memset(long_url + 7, 'a', sizeof(long_url) - 8);
	assert_int_equal(-EINVAL, resolve(&empty, NULL, long_url, &found, &e));
	assert_int_equal(-EINVAL, resolve(&empty, "eu-west-1.evil.example/", NULL, &found, &e));
	assert_int_equal(-EINVAL, resolve(&empty, "-eu", NULL, &found, &e));
	assert_int_equal(-EINVAL, resolve(&empty, long_url + 7, NULL, &found, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_region_order),  cmocka_unit_test(test_profile_region),
		cmocka_unit_test(test_hosts),         cmocka_unit_test(test_region_of_the_instance),
		cmocka_unit_test(test_signing_names), cmocka_unit_test(test_urls_of_other_services),
		cmocka_unit_test(test_url_order),     cmocka_unit_test(test_urls),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
