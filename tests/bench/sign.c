/* SPDX-License-Identifier: Apache-2.0 */
/* `sign`: prints the median of microseconds that signing one request takes, an update of a key of 300 bytes. */
#include "aws/core/clock.h"
#include "aws/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 1001, BATCH = 20, BODY = 300 };

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static double measure(const struct sigv4_request *request, const struct credentials *credentials)
{
	struct clock *clock = clock_system();
	struct sigv4_signature signature;
	int64_t before = clock_mono(clock);

	for (int i = 0; i < BATCH; i++) {
		if (sigv4_sign(request, credentials, &signature, NULL) < 0)
			exit(1);
	}
	return (double)(clock_mono(clock) - before) / BATCH / 1000;
}

int main(void)
{
	static char id[] = "AKIAIOSFODNN7EXAMPLE", secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token[400];
	static char body[BODY];
	const struct credentials credentials = { .access_key_id = id,
						 .secret_access_key = secret,
						 .session_token = token };
	const struct http_header headers[] = { { "Content-Type", "application/x-amz-json-1.0" },
					       { "X-Amz-Target", "DynamoDB_20120810.UpdateItem" } };
	struct sigv4_request request = {
		.method = "POST",
		.host = "dynamodb.eu-west-1.amazonaws.com",
		.path = "/",
		.query = "",
		.headers = headers,
		.n_headers = sizeof(headers) / sizeof(headers[0]),
		.body = body,
		.body_len = sizeof(body),
		.region = "eu-west-1",
		.service = "dynamodb",
		.wall = clock_wall(clock_system()),
	};
	double samples[ROUNDS];

	memset(token, 'x', sizeof(token) - 1);
	memset(body, 'x', sizeof(body));
	for (int i = 0; i < ROUNDS; i++)
		samples[i] = measure(&request, &credentials);
	qsort(samples, ROUNDS, sizeof(samples[0]), compare);
	printf("%.2f\n", samples[ROUNDS / 2]);
	return 0;
}
