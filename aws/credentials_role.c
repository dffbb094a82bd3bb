/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_private.h"
#include "aws/credentials_profile.h"
#include "aws/credentials_sts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html */

/* The profiles on the way to this one: a role may be assumed with another's credentials, and so on. */
struct visit {
	const char *profile;
	const struct visit *before;
};

static bool has_keys(const struct profile *profile)
{
	return profile_get(profile, "aws_access_key_id") || profile_get(profile, "aws_secret_access_key");
}

/* A role with a token file is the web identity's. */
static bool has_role(const struct profile *profile)
{
	return profile_get(profile, "role_arn") && !profile_get(profile, "web_identity_token_file");
}

static int assume(const struct credentials_context *context, const struct profile *profile, const struct visit *before,
		  int cancel_fd, struct credentials *out, struct error *e);

static int from_source(const struct credentials_context *context, const struct profile *profile, int cancel_fd,
		       struct credentials *out, struct error *e)
{
	const char *source = profile_get(profile, "credential_source");
	const struct credentials_provider *provider = credentials_source(source);
	struct credentials_context asked = *context;
	struct error why = ERROR_NULL;

	if (!provider)
		return error_set(
			e, EACCES,
			"profile \"%s\": credential_source takes Environment, Ec2InstanceMetadata or EcsContainer",
			profile->name);
	asked.profile = NULL;
	asked.custom_endpoint = false;
	int result = provider->fetch(&asked, cancel_fd, out, &why);
	if (result == 0)
		return 0;
	return error_set(e, result == -ENOENT ? EACCES : why.number, "profile \"%s\": credential_source = %s: %s",
			 profile->name, provider->source, *why.text ? why.text : "there is nothing to ask");
}

static int from_profile(const struct credentials_context *context, const char *name, const struct visit *visit,
			int cancel_fd, struct credentials *out, struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	struct credentials_context asked = *context;

	asked.profile = name;
	int result = profile_load(&asked, &profile, e);
	if (result < 0)
		return error_context(e, "source_profile of profile \"%s\"", visit->profile);
	/* A profile may name itself: the role is then assumed with its own keys. */
	if (has_keys(&profile) || !has_role(&profile))
		return credentials_find(&asked, true, cancel_fd, out, e);
	for (const struct visit *v = visit; v; v = v->before) {
		if (strcmp(v->profile, name) == 0)
			return error_set(e, EACCES,
					 "profile \"%s\": source_profile leads back to \"%s\": break the loop",
					 visit->profile, name);
	}
	return assume(&asked, &profile, visit, cancel_fd, out, e);
}

static int find_duration(const struct profile *profile, int *duration, struct error *e)
{
	const char *text = profile_get(profile, "duration_seconds");
	char *end;

	if (!text)
		return 0;
	long seconds = strtol(text, &end, 10);
	/* https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
	if (*end || seconds < 900 || seconds > 43200)
		return error_set(e, EACCES, "profile \"%s\": duration_seconds takes 900 to 43200", profile->name);
	*duration = (int)seconds;
	return 0;
}

static int assume(const struct credentials_context *context, const struct profile *profile, const struct visit *before,
		  int cancel_fd, struct credentials *out, struct error *e)
{
	_credentials_cleanup_ struct credentials with = CREDENTIALS_NULL;
	const struct visit visit = { profile->name, before };
	const char *source_profile = profile_get(profile, "source_profile");
	const char *source = profile_get(profile, "credential_source");
	struct sts_role role = {
		.arn = profile_get(profile, "role_arn"),
		.session_name = profile_get(profile, "role_session_name"),
		.external_id = profile_get(profile, "external_id"),
		.provider = credentials_role.name,
	};

	if (profile_get(profile, "mfa_serial"))
		return error_set(
			e, EACCES,
			"profile \"%s\" has mfa_serial, and there is nobody here to ask for a code: use a role "
			"without, or credential_process = aws configure export-credentials --profile %s",
			profile->name, profile->name);
	if (!source_profile == !source)
		return error_set(e, EACCES,
				 "profile \"%s\" has role_arn: give it source_profile or credential_source%s",
				 profile->name, source ? ", not both" : "");
	int result = find_duration(profile, &role.duration, e);
	if (result == 0 && source)
		result = from_source(context, profile, cancel_fd, &with, e);
	else if (result == 0)
		result = from_profile(context, source_profile, &visit, cancel_fd, &with, e);
	if (result < 0)
		return result;
	result = credentials_assume(context, &role, &with, NULL, cancel_fd, out, e);
	return result < 0 ? error_context(e, "role_arn of profile \"%s\"", profile->name) : 0;
}

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	int result = profile_load(context, &profile, e);

	if (result < 0)
		return result;
	if (!has_role(&profile))
		return error_set(e, ENOENT, "%s", "");
	return assume(context, &profile, NULL, cancel_fd, out, e);
}

const struct credentials_provider credentials_role = { .name = "role of the profile", .fetch = fetch };
