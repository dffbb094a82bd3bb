/* SPDX-License-Identifier: Apache-2.0 */
/* Regions and endpoints: who wins, what is refused, and with which words. */
#include "aws/endpoint.h"

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

static void test_partitions(void **state)
{
	static const struct {
		const char *region;
		const char *url;
	} rows[] = {
		{ "us-east-1", "https://dynamodb.us-east-1.amazonaws.com" },
		{ "cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn" },
		{ "us-gov-west-1", "https://dynamodb.us-gov-west-1.amazonaws.com" },
		{ "us-iso-east-1", "https://dynamodb.us-iso-east-1.c2s.ic.gov" },
		{ "us-isob-east-1", "https://dynamodb.us-isob-east-1.sc2s.sgov.gov" },
		{ "us-isof-south-1", "https://dynamodb.us-isof-south-1.csp.hci.ic.gov" },
		{ "eu-isoe-west-1", "https://dynamodb.eu-isoe-west-1.cloud.adc-e.uk" },
		{ "eusc-de-east-1", "https://dynamodb.eusc-de-east-1.amazonaws.eu" },
	};
	struct environment empty = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint found;
		assert_int_equal(0, resolve(&empty, rows[i].region, NULL, &found, NULL));
		assert_string_equal(rows[i].url, found.url);
		/* The same host, given as a URL, is still AWS's own. */
		assert_int_equal(0, resolve(&empty, rows[i].region, rows[i].url, &found, NULL));
		assert_false(found.custom);
	}
}

static void test_url_order(void **state)
{
	struct environment all = { .set = { "AWS_ENDPOINT_URL_DYNAMODB", "http://b:1", "AWS_ENDPOINT_URL",
					    "http://c:1" } };
	struct environment some = { .set = { "AWS_ENDPOINT_URL_SNS", "http://b:1", "AWS_ENDPOINT_URL", "http://c:1" } };
	struct endpoint found;

	(void)state;
	assert_int_equal(0, resolve(&all, NULL, "http://a:1", &found, NULL));
	assert_string_equal("http://a:1", found.url);
	assert_string_equal("us-east-1", found.region);
	assert_true(found.custom);
	assert_int_equal(0, resolve(&all, "eu-west-1", NULL, &found, NULL));
	assert_string_equal("http://b:1", found.url);
	assert_string_equal("eu-west-1", found.region);
	assert_int_equal(0, resolve(&some, NULL, NULL, &found, NULL));
	assert_string_equal("http://c:1", found.url);
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
		cmocka_unit_test(test_region_order), cmocka_unit_test(test_profile_region),
		cmocka_unit_test(test_partitions),   cmocka_unit_test(test_url_order),
		cmocka_unit_test(test_urls),         cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
