/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_private.h"
#include "aws/imds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ROLE_MAX = 128, STRETCH_SECONDS = 10 * 60 };

static const char roles[] = "iam/security-credentials/";

/* The first line of the list of roles; an instance has one at most. */
static int find_role(struct imds *imds, char role[ROLE_MAX + 1], struct error *e)
{
	_buf_cleanup_ struct buf list = BUF_INIT(CREDENTIALS_ANSWER_MAX);
	int result = imds_get(imds, roles, &list, e);

	if (result == -ENOENT)
		return error_set(e, ENOENT, "the instance has no role");
	if (result < 0)
		return result;
	size_t len = strcspn(buf_text(&list), "\r\n");
	if (!len)
		return error_set(e, ENOENT, "the instance has no role");
	/* https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html: it goes into a path. */
	if (len > ROLE_MAX || strcspn(buf_text(&list), "/?#% \t<") < len)
		return error_set(e, EACCES, "the instance metadata service gave no name of a role");
	snprintf(role, ROLE_MAX + 1, "%.*s", (int)len, buf_text(&list));
	return 0;
}

/* While EC2 cannot renew them its services go on accepting those it gave last, as the AWS CLI takes for granted.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html */
static void stretch(const struct credentials_context *context, struct credentials *found)
{
	int64_t now = credentials_now(context);

	if (found->expires > now)
		return;
	log_warning(context->log, "the instance's credentials have expired and there are no newer ones: using them on");
	found->expires = now + STRETCH_SECONDS * CLOCK_SECOND;
}

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	_imds_cleanup_ struct imds imds = IMDS_NULL;
	_buf_cleanup_ struct buf document = BUF_SECRET(CREDENTIALS_ANSWER_MAX);
	char role[ROLE_MAX + 1], path[sizeof(roles) + ROLE_MAX];

	if (context->custom_endpoint)
		return error_set(e, ENOENT,
				 "the instance's role is not asked for with an endpoint that is not AWS's "
				 "(credential_source = Ec2InstanceMetadata in a profile does)");
	int result = imds_open(context, cancel_fd, &imds, e);
	if (result == 0)
		result = find_role(&imds, role, e);
	if (result < 0)
		return result;
	snprintf(path, sizeof(path), "%s%s", roles, role);
	result = imds_get(&imds, path, &document, e);
	if (result == -ENOENT)
		return error_set(e, EACCES, "the instance metadata service has no credentials for its role");
	if (result == 0)
		result = credentials_from_json(credentials_instance.name, &credentials_metadata_names, &document, out,
					       e);
	if (result == 0)
		stretch(context, out);
	return result;
}

const struct credentials_provider credentials_instance = {
	.name = "instance metadata",
	.source = "Ec2InstanceMetadata",
	.fetch = fetch,
};
