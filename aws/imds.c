/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/imds.h"

#include "aws/core/clock.h"
#include "aws/credentials_private.h"
#include "aws/credentials_profile.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { ENDPOINT_MAX = 512, TOKEN_MAX = 4096, URL_MAX = 1024 };

static const struct credentials_server server = {
	.what = "the instance metadata service",
	.tries = 3,
	.patience = CLOCK_SECOND,
	.no_proxy = true,
};

/* What the environment says, else the profile. */
static const char *setting(const struct credentials_context *context, const struct profile *profile,
			   const char *variable, const char *name)
{
	const char *said = credentials_getenv(context, variable);

	return said ? said : profile_get(profile, name);
}

static int find_endpoint(const struct credentials_context *context, struct buf *endpoint, struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	int result = profile_load(context, &profile, e);

	if (result < 0)
		return result;
	const char *url =
		setting(context, &profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
	const char *mode = setting(context, &profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
				   "ec2_metadata_service_endpoint_mode");
	if (mode && strcasecmp(mode, "IPv4") != 0 && strcasecmp(mode, "IPv6") != 0)
		return error_set(e, EINVAL, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE takes IPv4 or IPv6");
	if (url && strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return error_set(e, EINVAL, "AWS_EC2_METADATA_SERVICE_ENDPOINT takes http://HOST[:PORT]");
	if (!url)
		url = mode && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
	size_t len = strlen(url);
	while (len && url[len - 1] == '/')
		len--;
	buf_append(endpoint, url, len);
	return buf_error(endpoint) ? error_set(e, EINVAL, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long") : 0;
}

static int ask(const struct imds *imds, const char *method, const char *path, struct http_header header,
	       struct http_response *response, struct error *e)
{
	_buf_cleanup_ struct buf url = BUF_INIT(URL_MAX);
	struct http_request request = {
		.method = method,
		.headers = &header,
		.n_headers = 1,
		.cancel_fd = imds->cancel_fd,
	};

	buf_printf(&url, "%s/latest/%s", buf_text(&imds->endpoint), path);
	if (buf_error(&url))
		return error_set(e, EINVAL, "%s was asked for a path that is too long", server.what);
	request.url = buf_text(&url);
	return credentials_ask_server(imds->context, &server, &request, response, e);
}

/* Six hours, as the AWS CLI asks for; it is used at once. */
static int fetch_token(struct imds *imds, struct error *e)
{
	struct http_response response = { .body = BUF_SECRET(TOKEN_MAX) };
	struct error why = ERROR_NULL;
	int result = ask(imds, "PUT", "api/token",
			 (struct http_header){ "X-aws-ec2-metadata-token-ttl-seconds", "21600" }, &response, &why);

	if (result == -ECANCELED || result == -ENOMEM)
		result = error_set(e, why.number, "%s", why.text);
	else if (result == -ETIMEDOUT)
		result = error_set(e, ENOENT,
				   "%s does not answer (in a container on EC2, raise the instance's hop limit to 2)",
				   server.what);
	else if (result < 0)
		result = error_set(e, ENOENT, "%s does not answer", server.what);
	else if (response.status != 200 || !response.body.len)
		result = error_set(e, response.status == 404 ? ENOENT : EACCES, "%s gave no token: status %d",
				   server.what, response.status);
	if (result == 0)
		imds->token = response.body;
	else
		http_response_deinit(&response);
	return result;
}

int imds_open(const struct credentials_context *context, int cancel_fd, struct imds *out, struct error *e)
{
	_imds_cleanup_ struct imds imds = {
		.context = context,
		.cancel_fd = cancel_fd,
		.endpoint = BUF_INIT(ENDPOINT_MAX),
	};
	const char *disabled = credentials_getenv(context, "AWS_EC2_METADATA_DISABLED");

	if (!context->http || (disabled && strcasecmp(disabled, "true") == 0))
		return error_set(e, ENOENT, "%s is switched off", server.what);
	int result = find_endpoint(context, &imds.endpoint, e);
	if (result == 0)
		result = fetch_token(&imds, e);
	if (result < 0)
		return result;
	*out = imds;
	imds = IMDS_NULL;
	return 0;
}

int imds_get(struct imds *imds, const char *path, struct buf *answer, struct error *e)
{
	_buf_cleanup_ struct buf full = BUF_INIT(URL_MAX);
	struct http_response response = { .body = { .max = answer->max, .secret = answer->secret } };

	buf_printf(&full, "meta-data/%s", path);
	int result = ask(imds, "GET", buf_text(&full),
			 (struct http_header){ "X-aws-ec2-metadata-token", buf_text(&imds->token) }, &response, e);
	if (result == 0 && response.status == 404)
		result = error_set(e, ENOENT, "%s has nothing at %s", server.what, path);
	else if (result == 0 && response.status != 200)
		result = error_set(e, response.status >= 500 ? EIO : EACCES, "%s answered status %d", server.what,
				   response.status);
	if (result < 0) {
		http_response_deinit(&response);
		return result;
	}
	buf_deinit(answer);
	*answer = response.body;
	return 0;
}

void imds_close(struct imds *imds)
{
	buf_deinit(&imds->endpoint);
	buf_wipe(&imds->token);
	*imds = IMDS_NULL;
}

int imds_fetch(const struct credentials_context *context, const char *path, int cancel_fd, struct buf *answer,
	       struct error *e)
{
	_imds_cleanup_ struct imds imds = IMDS_NULL;
	int result = imds_open(context, cancel_fd, &imds, e);

	return result < 0 ? result : imds_get(&imds, path, answer, e);
}
