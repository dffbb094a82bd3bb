/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sts.h"
#include "aws/query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define VERSION "2011-06-15"

enum { SECRET_MAX = 64 << 10 };

enum { KEY_ID, KEY_SECRET, KEY_TOKEN, KEY_EXPIRES, N_KEYS };

static const char *const key_paths[N_KEYS] = {
	[KEY_ID] = "Credentials/AccessKeyId",
	[KEY_SECRET] = "Credentials/SecretAccessKey",
	[KEY_TOKEN] = "Credentials/SessionToken",
	[KEY_EXPIRES] = "Credentials/Expiration",
};

static int make_credentials(const struct buf keys[static N_KEYS], const char *provider, struct credentials *out,
			    struct error *e)
{
	int64_t expires;

	if (clock_parse_iso8601(buf_text(&keys[KEY_EXPIRES]), &expires) < 0)
		return error_set(e, EIO, "STS gave credentials whose time of expiry cannot be read");
	int rc = credentials_make(provider, buf_text(&keys[KEY_ID]), buf_text(&keys[KEY_SECRET]),
				  buf_text(&keys[KEY_TOKEN]), out, e);
	if (rc == 0)
		out->expires = expires;
	return rc;
}

static int assume(struct client *client, const struct query_operation *operation, struct client_frame *frame,
		  const struct sts_role *role, const char *token, struct credentials *out, struct error *e)
{
	struct buf keys[N_KEYS];
	struct query_value values[N_KEYS];
	char duration[16];

	snprintf(duration, sizeof(duration), "%d", role->duration);
	const struct query_parameter parameters[] = {
		{ "RoleArn", role->arn },
		{ "RoleSessionName", role->session_name },
		{ "ExternalId", role->external_id },
		{ "DurationSeconds", role->duration ? duration : NULL },
		{ "WebIdentityToken", token },
	};
	for (size_t i = 0; i < N_KEYS; i++) {
		keys[i] = BUF_SECRET(SECRET_MAX);
		values[i] = (struct query_value){ key_paths[i], &keys[i] };
	}
	int rc = query_perform(client, operation, frame, parameters, N(parameters), values, N_KEYS, e);
	if (rc == 0)
		rc = make_credentials(keys, role->provider, out, e);
	for (size_t i = 0; i < N_KEYS; i++)
		buf_deinit(&keys[i]);
	return rc;
}

int sts_assume_role(struct client *client, struct client_frame *frame, const struct sts_role *role,
		    struct credentials *out, struct error *e)
{
	static const struct query_operation operation = { "AssumeRole", VERSION, true };

	return assume(client, &operation, frame, role, NULL, out, e);
}

int sts_assume_role_with_web_identity(struct client *client, struct client_frame *frame, const struct sts_role *role,
				      const char *token, struct credentials *out, struct error *e)
{
	static const struct query_operation operation = { "AssumeRoleWithWebIdentity", VERSION, true };

	return assume(client, &operation, frame, role, token, out, e);
}

int sts_get_caller_identity(struct client *client, struct client_frame *frame, struct sts_identity *out,
			    struct error *e)
{
	static const struct query_operation operation = { "GetCallerIdentity", VERSION, false };
	_buf_cleanup_ struct buf account = BUF_INIT(sizeof(out->account) - 1);
	_buf_cleanup_ struct buf arn = BUF_INIT(sizeof(out->arn) - 1);
	_buf_cleanup_ struct buf user = BUF_INIT(sizeof(out->user_id) - 1);
	struct query_value values[] = {
		{ "Account", &account },
		{ "Arn", &arn },
		{ "UserId", &user },
	};
	int rc = query_perform(client, &operation, frame, NULL, 0, values, N(values), e);

	if (rc < 0)
		return rc;
	snprintf(out->account, sizeof(out->account), "%s", buf_text(&account));
	snprintf(out->arn, sizeof(out->arn), "%s", buf_text(&arn));
	snprintf(out->user_id, sizeof(out->user_id), "%s", buf_text(&user));
	return 0;
}
