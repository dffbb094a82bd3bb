/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_private.h"
#include "aws/credentials_profile.h"
#include "aws/credentials_sts.h"

#include <errno.h>

/* https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
enum { TOKEN_MAX = 20000 };

/* As EKS sets them; a profile that was asked for in so many words is stronger. */
static const char *setting(const struct credentials_context *context, const struct profile *profile,
			   const char *variable, const char *name)
{
	const char *set = context->profile ? NULL : credentials_getenv(context, variable);

	return set ? set : profile_get(profile, name);
}

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	_buf_cleanup_ struct buf token = BUF_SECRET(TOKEN_MAX);
	int result = profile_load(context, &profile, e);

	if (result < 0)
		return result;
	const char *file = setting(context, &profile, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
	struct sts_role role = {
		.arn = setting(context, &profile, "AWS_ROLE_ARN", "role_arn"),
		.session_name = setting(context, &profile, "AWS_ROLE_SESSION_NAME", "role_session_name"),
		.provider = credentials_web_identity.name,
	};
	if (!file)
		return error_set(e, ENOENT, "%s", "");
	if (!role.arn)
		return error_set(e, EACCES,
				 "there is a web identity token and no role for it: set AWS_ROLE_ARN too, or "
				 "role_arn in profile \"%s\"",
				 profile.name);
	/* Read each time: whoever wrote it replaces it before it expires. */
	result = credentials_read_token("the web identity token", file, &token, e);
	if (result == 0)
		result = credentials_assume(context, &role, NULL, buf_text(&token), cancel_fd, out, e);
	return result < 0 ? error_context(e, "web identity") : 0;
}

const struct credentials_provider credentials_web_identity = {
	.name = "web identity",
	.of_profile = true,
	.fetch = fetch,
};
