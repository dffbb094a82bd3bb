/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
static const char relative_uri[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
static const char full_uri[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
static const char token_variable[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
static const char token_file[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

enum { URL_MAX = 2048, TOKEN_MAX = 16 << 10, HOST_MAX = 64 };

static const struct credentials_server server = {
	.what = "the container's credential server",
	.tries = 3,
	.patience = 3 * CLOCK_SECOND,
	.no_proxy = true,
};

/* Hosts that a token may go to without TLS, besides loopback: ECS, EKS. */
static const char *const trusted[] = { "localhost", "169.254.170.2", "169.254.170.23" };

static bool is_trusted(const char *host)
{
	struct in_addr four;
	struct in6_addr six, eks = { { { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 } } };

	for (size_t i = 0; i < sizeof(trusted) / sizeof(trusted[0]); i++) {
		if (strcasecmp(host, trusted[i]) == 0)
			return true;
	}
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) || memcmp(&six, &eks, sizeof(six)) == 0;
	return false;
}

/* The host of what follows "scheme://", without the brackets of an IPv6 address; false when there is none. */
static bool host_of(const char *rest, char host[HOST_MAX])
{
	bool bracket = *rest == '[';
	size_t len = strcspn(rest + bracket, bracket ? "]/?#" : ":/?#");

	if (!len || len >= HOST_MAX || memchr(rest, '@', strcspn(rest, "/?#")))
		return false;
	memcpy(host, rest + bracket, len);
	host[len] = '\0';
	const char *after = rest + bracket + len;
	return bracket ? *after == ']' && (!after[1] || strchr(":/?#", after[1])) : true;
}

static int check_url(const char *url, struct error *e)
{
	static const char http[] = "http://", https[] = "https://";
	char host[HOST_MAX];

	if (!credentials_is_plain(url))
		return error_set(e, EACCES, "%s has a blank or an odd character in it", full_uri);
	if (strncasecmp(url, https, strlen(https)) == 0)
		return 0;
	if (strncasecmp(url, http, strlen(http)) != 0)
		return error_set(e, EACCES, "%s is not a URL: it takes http://… or https://…", full_uri);
	if (!host_of(url + strlen(http), host) || !is_trusted(host))
		return error_set(e, EACCES,
				 "%s names a host that may not be asked without TLS: use https://, a loopback address, "
				 "169.254.170.2, 169.254.170.23 or [fd00:ec2::23]",
				 full_uri);
	return 0;
}

static int find_url(const struct credentials_context *context, struct buf *url, struct error *e)
{
	const char *relative = credentials_getenv(context, relative_uri);
	const char *full = credentials_getenv(context, full_uri);

	if (!relative && !full)
		return error_set(e, ENOENT, "%s", "");
	if (relative && (*relative != '/' || !credentials_is_plain(relative)))
		return error_set(e, EACCES, "%s is not a path that begins with a slash", relative_uri);
	if (relative)
		buf_printf(url, "http://169.254.170.2%s", relative);
	else
		buf_str(url, full);
	if (buf_error(url))
		return error_set(e, EACCES, "%s is too long", relative ? relative_uri : full_uri);
	return relative ? 0 : check_url(full, e);
}

/* The file is read each time: what is in it changes. */
static int find_token(const struct credentials_context *context, struct buf *token, struct error *e)
{
	const char *file = credentials_getenv(context, token_file);
	const char *value = credentials_getenv(context, token_variable);
	int result = file ? credentials_read_token(token_file, file, token, e) : 0;

	if (result < 0)
		return result;
	if (!file && value)
		buf_str(token, value);
	if (buf_error(token) || strpbrk(buf_text(token), "\r\n"))
		return error_set(e, EACCES, "%s is no header's value: it is too long or has a line break in it",
				 file ? token_file : token_variable);
	return 0;
}

static int ask(const struct credentials_context *context, const char *url, const char *token, int cancel_fd,
	       struct http_response *response, struct error *e)
{
	const struct http_header headers[] = { { "Accept", "application/json" }, { "Authorization", token } };
	struct http_request request = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.n_headers = *token ? 2 : 1,
		.cancel_fd = cancel_fd,
	};
	int result = credentials_ask_server(context, &server, &request, response, e);

	if (result == 0 && response->status != 200)
		return error_set(e, response->status >= 500 ? EIO : EACCES, "%s answered status %d", server.what,
				 response->status);
	return result;
}

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	_buf_cleanup_ struct buf url = BUF_SECRET(URL_MAX), token = BUF_SECRET(TOKEN_MAX);
	struct http_response response = { .body = BUF_SECRET(CREDENTIALS_ANSWER_MAX) };
	int result = find_url(context, &url, e);

	if (result == 0 && !context->http)
		result = error_set(e, ENOENT, "%s is not asked here", server.what);
	if (result == 0)
		result = find_token(context, &token, e);
	if (result == 0)
		result = ask(context, buf_text(&url), buf_text(&token), cancel_fd, &response, e);
	if (result == 0)
		result = credentials_from_json(credentials_container.name, &credentials_metadata_names, &response.body,
					       out, e);
	http_response_deinit(&response);
	return result;
}

const struct credentials_provider credentials_container = {
	.name = "container",
	.source = "EcsContainer",
	.fetch = fetch,
};
