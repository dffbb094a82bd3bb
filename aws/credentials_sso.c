/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_sso.h"
#include "aws/credentials_private.h"
#include "aws/credentials_profile.h"
#include "aws/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html */

enum { URL_MAX = 1024 };

const struct credentials_server credentials_sso_server = {
	.what = "IAM Identity Center",
	.tries = 2,
	.patience = 5 * CLOCK_SECOND,
};

/* A setting of the profile, else of its session; they must not contradict each other. */
static int session_setting(const struct profile *profile, const char *session, const char *name, const char **value,
			   struct error *e)
{
	const char *own = profile_get(profile, name);
	const char *shared = session ? profile_get_other(profile, "sso-session", session, name) : NULL;

	if (own && shared && strcmp(own, shared) != 0)
		return error_set(e, EACCES, "%s of profile \"%s\" differs from that of [sso-session %s]", name,
				 profile->name, session);
	*value = shared || session ? shared : own;
	if (!*value)
		return error_set(e, EACCES, "%s%s%s of profile \"%s\" has no %s: run `aws configure sso --profile %s`",
				 session ? "[sso-session " : "the SSO", session ? session : "", session ? "]" : "",
				 profile->name, name, profile->name);
	return 0;
}

static int find_settings(const struct profile *profile, struct sso *sso, struct error *e)
{
	sso->profile = profile->name;
	sso->role = profile_get(profile, "sso_role_name");
	sso->account = profile_get(profile, "sso_account_id");
	sso->session = profile_get(profile, "sso_session");
	if (!sso->role && !sso->account)
		return error_set(e, ENOENT, "%s", "");
	if (!sso->role || !sso->account)
		return error_set(e, EACCES, "profile \"%s\" has no %s: add it", profile->name,
				 sso->role ? "sso_account_id" : "sso_role_name");
	int result = session_setting(profile, sso->session, "sso_start_url", &sso->start_url, e);
	return result < 0 ? result : session_setting(profile, sso->session, "sso_region", &sso->region, e);
}

static void append_encoded(struct buf *url, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text)) {
			buf_char(url, *text);
			continue;
		}
		buf_char(url, '%');
		buf_hex(url, text, 1);
	}
}

/* https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html */
static int ask_portal(const struct credentials_context *context, const struct sso *sso, const char *token,
		      int cancel_fd, struct http_response *response, struct error *e)
{
	_buf_cleanup_ struct buf url = BUF_INIT(URL_MAX);
	struct endpoint endpoint;
	int result = endpoint_resolve(context, "sso", sso->region, NULL, &endpoint, e);

	if (result < 0)
		return result;
	buf_printf(&url, "%s/federation/credentials?role_name=", endpoint.url);
	append_encoded(&url, sso->role);
	buf_str(&url, "&account_id=");
	append_encoded(&url, sso->account);
	if (buf_error(&url))
		return error_set(e, EACCES, "sso_role_name of profile \"%s\" is too long", sso->profile);
	struct http_header header = { "x-amz-sso_bearer_token", token };
	struct http_request request = {
		.method = "GET",
		.url = buf_text(&url),
		.headers = &header,
		.n_headers = 1,
		.cancel_fd = cancel_fd,
	};
	result = credentials_ask_server(context, &credentials_sso_server, &request, response, e);
	if (result < 0 || response->status == 200)
		return result;
	if (response->status == 401)
		return credentials_sso_ended(sso, e);
	if (response->status == 403 || response->status == 404)
		return error_set(e, EACCES, "%s does not let you use the role %s of account %s",
				 credentials_sso_server.what, sso->role, sso->account);
	return error_set(e, EIO, "%s answered status %d", credentials_sso_server.what, response->status);
}

static int fetch_settings(const struct credentials_context *context, const struct sso *sso, int cancel_fd,
			  struct credentials *out, struct error *e)
{
	static const struct credentials_names names = {
		.inside = "roleCredentials",
		.id = "accessKeyId",
		.secret = "secretAccessKey",
		.token = "sessionToken",
		.expires = "expiration",
		.temporary = true,
	};
	_buf_cleanup_ struct buf token = BUF_SECRET(CREDENTIALS_ANSWER_MAX);
	struct http_response response = { .body = BUF_SECRET(CREDENTIALS_ANSWER_MAX) };
	int result = credentials_sso_token(context, sso, cancel_fd, &token, e);

	if (result == 0)
		result = ask_portal(context, sso, buf_text(&token), cancel_fd, &response, e);
	if (result == 0)
		result = credentials_from_json(credentials_sso.name, &names, &response.body, out, e);
	http_response_deinit(&response);
	return result;
}

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	struct sso sso = { .session = NULL };
	int result = profile_load(context, &profile, e);

	if (result == 0)
		result = find_settings(&profile, &sso, e);
	if (result == 0 && !context->http)
		result = error_set(e, ENOENT, "%s is not asked here", credentials_sso_server.what);
	return result < 0 ? result : fetch_settings(context, &sso, cancel_fd, out, e);
}

const struct credentials_provider credentials_sso = {
	.name = "SSO",
	.of_profile = true,
	.fetch = fetch,
};
