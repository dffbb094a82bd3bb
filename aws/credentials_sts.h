/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/credentials.h"
#include "aws/sts.h"

/* Assumes a role at the region's STS, signed with `with`, or else against the token of an identity provider, within 10
 * seconds. A session without a name gets one. ENOENT with a clause when the context has no http. */
int credentials_assume(const struct credentials_context *context, const struct sts_role *role,
		       const struct credentials *with, const char *token, int cancel_fd, struct credentials *out,
		       struct error *e);
