/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/http.h"

/*
 * The real transport, on libcurl: connections are kept and reused, TLS 1.2 or newer is verified, redirects are
 * never followed, HTTPS_PROXY and NO_PROXY are honoured. Call http_curl_global_init once, before any thread.
 */
struct http_curl_options {
	struct clock *clock;
	const char *user_agent;
	const char *ca_bundle;   /* NULL: the system's */
	int64_t connect_timeout; /* nanoseconds, TLS included; 0: 3 s */
};

int http_curl_global_init(struct error *e);
int http_curl_new(const struct http_curl_options *options, struct http **http, struct error *e);
