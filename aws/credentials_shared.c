/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_private.h"
#include "aws/credentials_profile.h"

#include <errno.h>

/* Keys of one file are never completed with those of the other. */
static int fetch_from(const struct credentials_context *context, enum profile_file_kind kind,
		      const struct credentials_provider *provider, struct credentials *out, struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	int result = profile_load(context, &profile, e);

	if (result < 0)
		return result;
	const struct profile_file *file = &profile.files[kind];
	const char *id = profile_get_from(&profile, kind, "aws_access_key_id");
	const char *secret = profile_get_from(&profile, kind, "aws_secret_access_key");
	const char *token = profile_get_from(&profile, kind, "aws_session_token");
	if (!id && !secret && kind == PROFILE_CREDENTIALS)
		return error_set(e, ENOENT, "%s", "");
	if (!id && !secret)
		return error_set(e, ENOENT, "there is no access key for profile \"%s\" in %s or %s", profile.name,
				 buf_text(&profile.files[PROFILE_CREDENTIALS].path), buf_text(&file->path));
	if (!id || !secret)
		return error_set(e, EACCES, "[%s] in %s has no %s: add it", file->section, buf_text(&file->path),
				 id ? "aws_secret_access_key" : "aws_access_key_id");
	result = credentials_make(provider->name, id, secret, token, out, e);
	return result < 0 ? error_context(e, "[%s] in %s", file->section, buf_text(&file->path)) : 0;
}

static int fetch_credentials_file(const struct credentials_context *context, int cancel_fd, struct credentials *out,
				  struct error *e)
{
	(void)cancel_fd;
	return fetch_from(context, PROFILE_CREDENTIALS, &credentials_shared_file, out, e);
}

static int fetch_config_file(const struct credentials_context *context, int cancel_fd, struct credentials *out,
			     struct error *e)
{
	(void)cancel_fd;
	return fetch_from(context, PROFILE_CONFIG, &credentials_config_file, out, e);
}

const struct credentials_provider credentials_shared_file = {
	.name = "shared credentials file",
	.of_profile = true,
	.fetch = fetch_credentials_file,
};

const struct credentials_provider credentials_config_file = {
	.name = "shared config file",
	.of_profile = true,
	.fetch = fetch_config_file,
};
