/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/credentials.h"
#include "aws/http.h"

/* What the providers share. */

extern const struct credentials_provider credentials_fixed;
extern const struct credentials_provider credentials_environment;
extern const struct credentials_provider credentials_shared_file;
extern const struct credentials_provider credentials_config_file;

/* Overwrites and frees a string, which becomes NULL. */
void credentials_wipe(char **text);
/* Fit for a header: no blank, no control or non-ASCII byte. */
bool credentials_is_plain(const char *text);

/* Time of this machine, corrected by what the chain was told. */
int64_t credentials_now(const struct credentials_context *context);
struct clock *credentials_clock(const struct credentials_context *context);

/* A server that gives credentials, and how much patience it deserves. */
struct credentials_server {
	const char *what; /* in sentences */
	int tries;
	int64_t patience; /* for each try, nanoseconds */
	bool no_proxy;
};

enum { CREDENTIALS_ANSWER_MAX = 64 << 10 };

/* Asks until there is an answer of a status below 500 that is not 429, or the tries are used up. The method, the URL,
 * the headers and the body of `request` are the caller's. 0 with an answer of any status; ETIMEDOUT, ECANCELED, EIO
 * without one. No sentence quotes the URL: its path may be a secret. */
int credentials_ask_server(const struct credentials_context *context, const struct credentials_server *server,
			   struct http_request *request, struct http_response *response, struct error *e);
