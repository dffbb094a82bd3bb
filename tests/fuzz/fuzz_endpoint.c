/* SPDX-License-Identifier: Apache-2.0 */
/* The first line is a region, the rest an endpoint: what is accepted can be signed for and talked to. */
#include "aws/client.h"
#include "aws/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static const char *no_environment(void *data, const char *name)
{
	(void)data;
	/* The tester's own files are none of its business. */
	return strcmp(name, "AWS_CONFIG_FILE") == 0 || strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0 ? "/dev/null"
													: NULL;
}

static void check(const struct endpoint *found)
{
	static struct http http;
	struct client_config config = { .service = found->signing_name,
					.region = found->region,
					.endpoint = found->url,
					.http = &http,
					.clock = clock_system() };
	struct client *client = NULL;

	require(strncmp(found->url, "http", 4) == 0 && found->url[strlen(found->url) - 1] != '/');
	require(*found->region && !strpbrk(found->region, "./:@?# \r\n"));
	require(client_new(&config, &client, NULL) == 0);
	client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credentials_context context = { .getenv = no_environment };
	struct endpoint found = { .url = "" };
	struct error e = ERROR_NULL;
	char text[INPUT_MAX];

	if (size >= sizeof(text) || memchr(data, 0, size))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	char *url = strchr(text, '\n');
	if (url)
		*url++ = '\0';
	if (endpoint_resolve(&context, "dynamodb", text, url, &found, &e) == 0)
		check(&found);
	else
		require(e.number && *e.text && !*found.url);
	return 0;
}
