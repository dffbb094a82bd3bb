/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/credentials.h"
#include "aws/http.h"

/*
 * Signature Version 4, pure: request, credentials and time in, headers out. For every service but S3, which alone
 * wants its paths encoded once. Callable from any thread.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
 */
enum { SIGV4_HEADERS_MAX = 16, SIGV4_QUERY_MAX = 64 };

struct sigv4_request {
	const char *method;
	const char *host;  /* as sent in the Host header: with the port unless it is the scheme's own */
	const char *path;  /* absolute, percent-encoded as sent; "/" when empty */
	const char *query; /* percent-encoded as sent, "" when none; at most SIGV4_QUERY_MAX parameters */
	/* Further headers to sign, any order and case, at most SIGV4_HEADERS_MAX. Not among them: host, x-amz-date and
	 * x-amz-security-token, which the signer adds. */
	const struct http_header *headers;
	size_t n_headers;
	const char *body;
	size_t body_len;
	const char *region;
	const char *service;
	int64_t wall; /* nanoseconds of Unix time to sign for */
};

enum { SIGV4_AUTHORIZATION_MAX = 1024 };

struct sigv4_signature {
	char date[17];                               /* x-amz-date: 20150830T123600Z */
	char authorization[SIGV4_AUTHORIZATION_MAX]; /* the Authorization header's value */
	/* x-amz-security-token is signed when the credentials have a token; send it as it stands there. */
};

/* EINVAL when the request has too many headers or parameters, or a time before 1970; EFBIG when it is too
 * long to sign. */
int sigv4_sign(const struct sigv4_request *request, const struct credentials *credentials,
	       struct sigv4_signature *signature, struct error *e);
/* The two stages before the signature, for tests that want to name the stage that differs. */
int sigv4_canonical_request(const struct sigv4_request *request, const struct credentials *credentials, struct buf *out,
			    struct error *e);
int sigv4_string_to_sign(const struct sigv4_request *request, const struct credentials *credentials, struct buf *out,
			 struct error *e);
