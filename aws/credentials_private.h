/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/credentials.h"
#include "aws/http.h"

#include <jansson.h>

/* What the providers share. */

extern const struct credentials_provider credentials_fixed;
extern const struct credentials_provider credentials_container;
extern const struct credentials_provider credentials_environment;
extern const struct credentials_provider credentials_instance;
extern const struct credentials_provider credentials_process;
extern const struct credentials_provider credentials_role;
extern const struct credentials_provider credentials_sso;
extern const struct credentials_provider credentials_web_identity;
extern const struct credentials_provider credentials_shared_file;
extern const struct credentials_provider credentials_config_file;

/* The provider that a credential_source names, in any case; NULL: none. */
const struct credentials_provider *credentials_source(const char *name);

/* Fit for a header: no blank, no control or non-ASCII byte. */
bool credentials_is_plain(const char *text);

/* The token in the file that `variable` names, without line ends after it. EACCES when there is none. */
int credentials_read_token(const char *variable, const char *path, struct buf *token, struct error *e);

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

/* How a JSON document calls the parts of credentials. */
struct credentials_names {
	const char *inside; /* the object that holds them, NULL: the document itself */
	const char *id, *secret, *token, *expires;
	bool temporary; /* it must have a token and a time; else it may */
};

/* As the metadata services of instances and containers do. */
extern const struct credentials_names credentials_metadata_names;

/* Reads such a document; its memory is the caller's to wipe. EACCES when something is missing or odd; the sentence
 * quotes nothing but a short error code. The time is ISO 8601, or milliseconds. */
int credentials_from_json(const char *provider, const struct credentials_names *names, const struct buf *document,
			  struct credentials *out, struct error *e);

/* jansson's document, overwritten before it is freed. */
void credentials_json_wipe(json_t **document);
#define _json_wipe_ __attribute__((cleanup(credentials_json_wipe)))
