/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/credentials_private.h"

/* What a profile says of IAM Identity Center; all borrowed from it. */
struct sso {
	const char *profile, *role, *account, *start_url, *region;
	const char *session; /* NULL: the older form, without one */
};

extern const struct credentials_server credentials_sso_server;

/* The token that `aws sso login` left in ~/.aws/sso/cache, renewed when it is about to expire and can be; then the file
 * has the new one, as the AWS CLI would have it. EACCES when there is none or it has expired. */
int credentials_sso_token(const struct credentials_context *context, const struct sso *sso, int cancel_fd,
			  struct buf *token, struct error *e);

/* The sentence for a session that has ended. */
int credentials_sso_ended(const struct sso *sso, struct error *e);
