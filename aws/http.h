/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One HTTP exchange, as a vtable: http_curl is the real one, tests hand over their own.
 * Implementations must be callable from several threads at once.
 */
struct http_header {
	const char *name;
	const char *value;
};

struct http_request {
	const char *method;
	const char *url; /* scheme, host, port, path and query */
	const struct http_header *headers;
	size_t n_headers;
	const char *body; /* NULL: none */
	size_t body_len;
	int64_t deadline; /* clock_mono() value at which the exchange is given up with ETIMEDOUT */
	int cancel_fd;    /* readable: give up at once with ECANCELED; -1: none */
	bool no_proxy;    /* never through a proxy (link-local credential services) */
};

struct http_response {
	int status;      /* of the final answer; 1xx are passed over */
	bool resent;     /* a kept connection died without an answer and the request went out again on a new one */
	struct buf body; /* the bound of the body is set here by the caller before the call */
	char date[64];   /* the headers that somebody reads; "" where absent, cut where too long */
	char content_type[64];
	char error_type[128]; /* x-amzn-errortype */
	char crc32[16];       /* x-amz-crc32 */
	char request_id[128]; /* x-amzn-requestid */
	char location[2048];
};

#define HTTP_RESPONSE_NULL(bound) ((struct http_response){ .body = BUF_INIT(bound) })

void http_response_deinit(struct http_response *response);

/* "Sat, 21 Nov 2026 11:39:23 GMT" as wall nanoseconds; -EINVAL for anything else, and for years that no clock has.
 * https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats */
int http_date(const char *text, int64_t *wall);

struct http {
	const struct http_ops *ops;
};

struct http_ops {
	/*
	 * Performs one exchange: no retries but `resent`, no redirects. 0 when a whole answer arrived, whatever
	 * its status. ETIMEDOUT, ECANCELED, ECONNREFUSED (nothing was sent: refused, name not found, no route, TLS
	 * not trusted), EFBIG (the body passed its bound), EIO (the exchange broke after something may have been
	 * sent). `sent` (never NULL) tells whether the server may have seen the request, also on failure. What
	 * `response` held before is dropped, but for the bound of its body.
	 */
	int (*perform)(struct http *http, const struct http_request *request, struct http_response *response,
		       bool *sent, struct error *e);
	void (*free)(struct http *http);
};

static inline int http_perform(struct http *http, const struct http_request *request, struct http_response *response,
			       bool *sent, struct error *e)
{
	return http->ops->perform(http, request, response, sent, e);
}

/* Idempotent; accepts NULL. */
void http_free(struct http *http);
