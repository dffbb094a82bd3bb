/* SPDX-License-Identifier: Apache-2.0 */
/* The signer against vectors that botocore made (vectors/sigv4/generate.py), and against its own limits. */
#include "aws/core/buf.h"
#include "aws/core/clock.h"
#include "aws/sigv4.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define VECTORS TEST_DATA "/vectors/sigv4"

enum { FILE_MAX = 64 << 10 };

struct vector {
	json_t *json; /* what the strings below point into */
	struct sigv4_request request;
	struct http_header headers[SIGV4_HEADERS_MAX];
	struct credentials credentials;
};

static const char *text_of(const struct vector *vector, const char *field)
{
	return json_string_value(json_object_get(vector->json, field));
}

static int64_t wall_of(const char *text)
{
	struct tm utc = { 0 };

	assert_non_null(strptime(text, "%Y%m%dT%H%M%SZ", &utc));
	return timegm(&utc) * CLOCK_SECOND;
}

static void vector_load(struct vector *vector, const char *folder)
{
	char path[512];
	size_t i;
	json_t *pair;

	snprintf(path, sizeof(path), VECTORS "/%s/request.json", folder);
	*vector = (struct vector){ .json = json_load_file(path, 0, NULL) };
	assert_non_null(vector->json);
	json_array_foreach(json_object_get(vector->json, "headers"), i, pair)
	{
		vector->headers[i].name = json_string_value(json_array_get(pair, 0));
		vector->headers[i].value = json_string_value(json_array_get(pair, 1));
	}
	vector->request = (struct sigv4_request){
		.method = text_of(vector, "method"),
		.host = text_of(vector, "host"),
		.path = text_of(vector, "path"),
		.query = text_of(vector, "query"),
		.headers = vector->headers,
		.n_headers = json_array_size(json_object_get(vector->json, "headers")),
		.body = text_of(vector, "body"),
		.body_len = strlen(text_of(vector, "body")),
		.region = text_of(vector, "region"),
		.service = text_of(vector, "service"),
		.wall = wall_of(text_of(vector, "time")),
	};
	assert_int_equal(0, credentials_make("vector", text_of(vector, "access_key_id"),
					     text_of(vector, "secret_access_key"), text_of(vector, "session_token"),
					     &vector->credentials, NULL));
}

static void vector_deinit(struct vector *vector)
{
	credentials_deinit(&vector->credentials);
	json_decref(vector->json);
}

static void assert_stage(const char *folder, const char *stage, const char *got)
{
	char path[512];
	_buf_cleanup_ struct buf expected = BUF_INIT(FILE_MAX);

	snprintf(path, sizeof(path), VECTORS "/%s/%s", folder, stage);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	expected.len = fread(buf_reserve(&expected, FILE_MAX), 1, FILE_MAX, file);
	expected.data[expected.len] = '\0';
	fclose(file);
	if (strcmp(expected.data, got) != 0)
		fail_msg("%s: %s differs\n--- expected\n%s\n--- got\n%s", folder, stage, expected.data, got);
}

static void run_vector(const char *folder)
{
	_buf_cleanup_ struct buf canonical = BUF_INIT(FILE_MAX), to_sign = BUF_INIT(FILE_MAX);
	struct sigv4_signature signature;
	struct vector vector;

	vector_load(&vector, folder);
	assert_int_equal(0, sigv4_canonical_request(&vector.request, &vector.credentials, &canonical, NULL));
	assert_stage(folder, "canonical-request", buf_text(&canonical));
	assert_int_equal(0, sigv4_string_to_sign(&vector.request, &vector.credentials, &to_sign, NULL));
	assert_stage(folder, "string-to-sign", buf_text(&to_sign));
	assert_int_equal(0, sigv4_sign(&vector.request, &vector.credentials, &signature, NULL));
	assert_stage(folder, "authorization", signature.authorization);
	assert_string_equal(text_of(&vector, "time"), signature.date);
	vector_deinit(&vector);
}

static void test_vectors(void **state)
{
	int n = 0;
	DIR *folder = opendir(VECTORS);

	(void)state;
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.' || strchr(entry->d_name, '.'))
			continue;
		run_vector(entry->d_name);
		n++;
	}
	closedir(folder);
	assert_true(n >= 14);
}

/* Each limit, by a change to a request that can be signed. */
static int sign_changed(void (*change)(struct vector *vector), struct error *e)
{
	struct sigv4_signature signature = { .date = "untouched" };
	struct vector vector;

	vector_load(&vector, "dynamodb-get-item");
	change(&vector);
	int result = sigv4_sign(&vector.request, &vector.credentials, &signature, e);
	if (result < 0)
		assert_string_equal("untouched", signature.date);
	vector_deinit(&vector);
	return result;
}

static void no_change(struct vector *vector)
{
	(void)vector;
}

static void too_many_headers(struct vector *vector)
{
	vector->request.n_headers = SIGV4_HEADERS_MAX + 1;
}

static void too_many_parameters(struct vector *vector)
{
	static char query[2 * SIGV4_QUERY_MAX + 2];

	for (size_t i = 0; i < sizeof(query) - 1; i++)
		query[i] = i % 2 ? '&' : 'a';
	vector->request.query = query;
}

static void before_1970(struct vector *vector)
{
	vector->request.wall = -1;
}

static char *of_length(size_t len)
{
	char *text = calloc(1, len + 1);

	assert_non_null(text);
	memset(text, 'S', len);
	return text;
}

static void long_secret(struct vector *vector)
{
	free(vector->credentials.secret_access_key);
	vector->credentials.secret_access_key = of_length(4096);
}

static void long_key_id(struct vector *vector)
{
	free(vector->credentials.access_key_id);
	vector->credentials.access_key_id = of_length(SIGV4_AUTHORIZATION_MAX);
}

static void long_token(struct vector *vector)
{
	free(vector->credentials.session_token);
	vector->credentials.session_token = of_length(128 << 10);
}

static void test_limits(void **state)
{
	static const struct {
		void (*change)(struct vector *vector);
		int result;
	} rows[] = {
		{ no_change, 0 },         { too_many_headers, -EINVAL }, { too_many_parameters, -EINVAL },
		{ before_1970, -EINVAL }, { long_secret, -EFBIG },       { long_key_id, -EFBIG },
		{ long_token, -EFBIG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error e = ERROR_NULL;
		assert_int_equal(rows[i].result, sign_changed(rows[i].change, &e));
		assert_int_equal(-rows[i].result, e.number);
		assert_null(strstr(e.text, "SSSS"));
	}
}

static void test_every_part_counts(void **state)
{
	struct sigv4_signature before, after;
	struct vector vector;

	(void)state;
	vector_load(&vector, "dynamodb-get-item");
	struct sigv4_request request = vector.request;
	assert_int_equal(0, sigv4_sign(&request, &vector.credentials, &before, NULL));
	request.wall += CLOCK_SECOND - 1;
	assert_int_equal(0, sigv4_sign(&request, &vector.credentials, &after, NULL));
	assert_string_equal(before.authorization, after.authorization);
	request.wall += 1;
	assert_int_equal(0, sigv4_sign(&request, &vector.credentials, &after, NULL));
	assert_string_not_equal(before.authorization, after.authorization);
	request = vector.request;
	request.body_len--;
	assert_int_equal(0, sigv4_sign(&request, &vector.credentials, &after, NULL));
	assert_string_not_equal(before.authorization, after.authorization);
	vector_deinit(&vector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_every_part_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
