/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include "aws/core/buf.h"
#include "aws/core/file.h"
#include "aws/core/secret.h"
#include "aws/credentials_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Asked in this order: after what dynconf was told itself, that of the AWS CLI (botocore's credentials.py). */
static const struct credentials_provider *const providers[] = {
	&credentials_fixed,     &credentials_environment, &credentials_role,    &credentials_web_identity,
	&credentials_sso,       &credentials_shared_file, &credentials_process, &credentials_config_file,
	&credentials_container, &credentials_instance,
};

enum { N_PROVIDERS = sizeof(providers) / sizeof(providers[0]) };

const struct credentials_provider *credentials_source(const char *name)
{
	for (size_t i = 0; i < N_PROVIDERS; i++) {
		if (providers[i]->source && strcasecmp(providers[i]->source, name) == 0)
			return providers[i];
	}
	return NULL;
}

const char *credentials_getenv(const struct credentials_context *context, const char *name)
{
	const char *value = context->getenv(context->data, name);

	return value && *value ? value : NULL;
}

struct clock *credentials_clock(const struct credentials_context *context)
{
	return context->clock ? context->clock : clock_system();
}

int64_t credentials_now(const struct credentials_context *context)
{
	return clock_wall(credentials_clock(context)) + context->skew;
}

void credentials_deinit(struct credentials *credentials)
{
	secret_wipe(&credentials->access_key_id);
	secret_wipe(&credentials->secret_access_key);
	secret_wipe(&credentials->session_token);
	*credentials = CREDENTIALS_NULL;
}

bool credentials_is_plain(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

int credentials_make(const char *provider, const char *access_key_id, const char *secret_access_key,
		     const char *session_token, struct credentials *out, struct error *e)
{
	_credentials_cleanup_ struct credentials made = { .provider = provider };
	bool has_token = session_token && *session_token;

	if (!*access_key_id || !*secret_access_key)
		return error_set(e, EACCES, "an AWS key is empty (%s): give both", provider);
	if (!credentials_is_plain(access_key_id) || !credentials_is_plain(secret_access_key) ||
	    (has_token && !credentials_is_plain(session_token)))
		return error_set(e, EACCES,
				 "an AWS key or token has a blank or an odd character in it (%s): copy it again",
				 provider);
	made.access_key_id = strdup(access_key_id);
	made.secret_access_key = strdup(secret_access_key);
	made.session_token = has_token ? strdup(session_token) : NULL;
	if (!made.access_key_id || !made.secret_access_key || (has_token && !made.session_token))
		return error_no_memory(e);
	*out = made;
	made = CREDENTIALS_NULL;
	return 0;
}

int credentials_copy(const struct credentials *from, struct credentials *to, struct error *e)
{
	int result = credentials_make(from->provider, from->access_key_id, from->secret_access_key, from->session_token,
				      to, e);

	if (result == 0)
		to->expires = from->expires;
	return result;
}

int credentials_read_token(const char *variable, const char *path, struct buf *token, struct error *e)
{
	struct error why = ERROR_NULL;

	if (file_read(path, token, &why) < 0)
		return error_set(e, EACCES, "%s: %s", variable, why.text);
	while (token->len && strchr("\r\n", token->data[token->len - 1]))
		token->data[--token->len] = '\0';
	return token->len ? 0 : error_set(e, EACCES, "%s: %s is empty", variable, path);
}

int credentials_find(const struct credentials_context *context, bool profile_only, int cancel_fd,
		     struct credentials *out, struct error *e)
{
	_buf_cleanup_ struct buf looked = BUF_INIT(N_PROVIDERS * ERROR_TEXT_MAX);

	for (size_t i = 0; i < N_PROVIDERS; i++) {
		struct error why = ERROR_NULL;
		if (profile_only && !providers[i]->of_profile)
			continue;
		int result = providers[i]->fetch(context, cancel_fd, out, &why);
		if (result == 0)
			return 0;
		if (result != -ENOENT)
			return error_set(e, why.number, "%s", why.text);
		if (*why.text)
			buf_printf(&looked, "%s%s", looked.len ? "; " : "", why.text);
	}
	return error_set(e, EACCES, "no AWS credentials were found: %s", buf_text(&looked));
}
