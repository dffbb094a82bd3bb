/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"
#include "aws/core/file.h"
#include "aws/core/secret.h"
#include "aws/credentials_profile.h"
#include "aws/credentials_sso.h"
#include "aws/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EARLY_SECONDS = 15 * 60, URL_MAX = 1024, SHA1_SIZE = 20 };

int credentials_sso_ended(const struct sso *sso, struct error *e)
{
	return error_set(e, EACCES, "the SSO session of profile \"%s\" has ended: run `aws sso login --profile %s`",
			 sso->profile, sso->profile);
}

/* The file is named by the SHA-1 of the session's name, or of the URL where there is none. */
static int cache_path(const struct credentials_context *context, const struct sso *sso, struct buf *path,
		      struct error *e)
{
	const char *key = sso->session ? sso->session : sso->start_url;
	unsigned char digest[SHA1_SIZE];

	if (!EVP_Digest(key, strlen(key), digest, NULL, EVP_sha1(), NULL))
		return error_set(e, EIO, "OpenSSL does not give SHA-1, which names the SSO token's file");
	credentials_path(context, "~/.aws/sso/cache/", path);
	buf_hex(path, digest, sizeof(digest));
	buf_str(path, ".json");
	return buf_error(path) ? error_set(e, EINVAL, "the home directory's path is too long") : 0;
}

static const char *text_of(const json_t *document, const char *name)
{
	const char *text = json_string_value(json_object_get(document, name));

	return text && *text ? text : NULL;
}

static int load(const char *path, const struct sso *sso, json_t **document, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_SECRET(CREDENTIALS_ANSWER_MAX);
	struct error why = ERROR_NULL;

	if (file_read(path, &text, &why) < 0)
		return error_set(e, EACCES,
				 "there is no SSO token for profile \"%s\" (%s): run `aws sso login --profile %s`",
				 sso->profile, why.text, sso->profile);
	*document = json_loadb(buf_text(&text), text.len, 0, NULL);
	if (text_of(*document, "accessToken") && text_of(*document, "expiresAt"))
		return 0;
	return error_set(e, EACCES, "%s is not an SSO token's file: run `aws sso login --profile %s`", path,
			 sso->profile);
}

/* Nanoseconds until the time in that member; negative when it is past, or no time. */
static int64_t left_until(const struct credentials_context *context, const json_t *document, const char *name)
{
	const char *text = text_of(document, name);
	int64_t wall;

	return text && clock_parse_iso8601(text, &wall) == 0 ? wall - credentials_now(context) : -1;
}

/* https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html */
static int create_token(const struct credentials_context *context, const struct sso *sso, const json_t *document,
			int cancel_fd, json_t **answer, struct error *e)
{
	static const char *const names[] = { "clientId", "clientSecret", "refreshToken" };
	const struct http_header header = { "Content-Type", "application/json" };
	_json_wipe_ json_t *ask = json_pack("{ss}", "grantType", "refresh_token");
	struct http_response response = { .body = BUF_SECRET(CREDENTIALS_ANSWER_MAX) };
	char url[URL_MAX];
	struct endpoint endpoint;
	int result = endpoint_resolve(context, "sso-oidc", sso->region, NULL, &endpoint, e);

	if (result < 0)
		return result;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(ask, names[i], json_string(text_of(document, names[i])));
	snprintf(url, sizeof(url), "%s/token", endpoint.url);
	char *body = json_dumps(ask, JSON_COMPACT);
	if (!body)
		return error_no_memory(e);
	struct http_request request = {
		.method = "POST",
		.url = url,
		.headers = &header,
		.n_headers = 1,
		.body = body,
		.body_len = strlen(body),
		.cancel_fd = cancel_fd,
	};
	result = credentials_ask_server(context, &credentials_sso_server, &request, &response, e);
	secret_wipe(&body);
	if (result == 0 && response.status != 200)
		result = error_set(e, EACCES, "%s does not renew the token: status %d", credentials_sso_server.what,
				   response.status);
	if (result == 0)
		*answer = json_loadb(buf_text(&response.body), response.body.len, 0, NULL);
	http_response_deinit(&response);
	return result;
}

/* In one step: the AWS CLI may read it at any time. */
static int save(const char *path, const json_t *document)
{
	_buf_cleanup_ struct buf name = BUF_INIT(PATH_MAX);
	char *text = json_dumps(document, 0);

	buf_printf(&name, "%s.XXXXXX", path);
	int fd = text && !buf_error(&name) ? mkostemp(name.data, O_CLOEXEC) : -1;
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	ok = ok && rename(name.data, path) == 0;
	if (fd >= 0 && !ok)
		unlink(name.data);
	secret_wipe(&text);
	return ok ? 0 : -EIO;
}

/* Puts the answer's values into the document. */
static int take_over(const struct credentials_context *context, const json_t *answer, json_t *document, struct error *e)
{
	json_int_t seconds = json_integer_value(json_object_get(answer, "expiresIn"));
	char until[CLOCK_ISO8601_SIZE];

	if (!text_of(answer, "accessToken") || seconds <= 0 || seconds > INT_MAX)
		return error_set(e, EACCES, "%s gave no new token", credentials_sso_server.what);
	clock_format_iso8601(credentials_now(context) + seconds * CLOCK_SECOND, until);
	/* Copies: the answer is wiped. */
	json_object_set_new(document, "accessToken", json_string(text_of(answer, "accessToken")));
	json_object_set_new(document, "expiresAt", json_string(until));
	if (text_of(answer, "refreshToken"))
		json_object_set_new(document, "refreshToken", json_string(text_of(answer, "refreshToken")));
	return 0;
}

static int renew(const struct credentials_context *context, const struct sso *sso, const char *path, int cancel_fd,
		 json_t *document, struct error *e)
{
	_json_wipe_ json_t *answer = NULL;
	int result = create_token(context, sso, document, cancel_fd, &answer, e);

	if (result == 0)
		result = take_over(context, answer, document, e);
	if (result == 0 && save(path, document) < 0)
		log_warning(context->log, "the renewed SSO token cannot be kept in %s: %s", path, strerror(errno));
	return result;
}

static bool can_renew(const struct credentials_context *context, const struct sso *sso, const json_t *document)
{
	return sso->session && text_of(document, "refreshToken") && text_of(document, "clientId") &&
	       text_of(document, "clientSecret") && left_until(context, document, "registrationExpiresAt") > 0;
}

int credentials_sso_token(const struct credentials_context *context, const struct sso *sso, int cancel_fd,
			  struct buf *token, struct error *e)
{
	_buf_cleanup_ struct buf path = BUF_INIT(PATH_MAX);
	_json_wipe_ json_t *document = NULL;
	struct error why = ERROR_NULL;
	int result = cache_path(context, sso, &path, e);

	if (result == 0)
		result = load(buf_text(&path), sso, &document, e);
	if (result < 0)
		return result;
	if (left_until(context, document, "expiresAt") < EARLY_SECONDS * CLOCK_SECOND &&
	    can_renew(context, sso, document) && renew(context, sso, buf_text(&path), cancel_fd, document, &why) < 0)
		log_warning(context->log, "the SSO token cannot be renewed: %s", why.text);
	if (left_until(context, document, "expiresAt") <= 0)
		return why.number && why.number != EACCES ? error_set(e, why.number, "%s", why.text)
							  : credentials_sso_ended(sso, e);
	buf_str(token, text_of(document, "accessToken"));
	return buf_error(token) ? error_no_memory(e) : 0;
}
