/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"
#include "aws/credentials.h"

/*
 * Calls of the Security Token Service, on a client of the service "sts".
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
 */
struct sts_role {
	const char *arn;
	const char *session_name;
	const char *external_id; /* NULL: none; not for a web identity */
	int duration;            /* seconds; 0: the service's default, an hour */
	const char *provider;    /* what the credentials say they come from */
};

/* Temporary credentials of a role; the caller deinits them. */
int sts_assume_role(struct client *client, struct client_frame *frame, const struct sts_role *role,
		    struct credentials *out, struct error *e);
/* The same against a token (of at most 20,000 bytes) that an identity provider signed, with a client that has no
 * credentials. */
int sts_assume_role_with_web_identity(struct client *client, struct client_frame *frame, const struct sts_role *role,
				      const char *token, struct credentials *out, struct error *e);

/* Whose credentials the client signs with; needs no permission. */
struct sts_identity {
	char account[16];
	char arn[2049];
	char user_id[256];
};
int sts_get_caller_identity(struct client *client, struct client_frame *frame, struct sts_identity *out,
			    struct error *e);
