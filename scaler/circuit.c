/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/circuit.h"

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { REDIRECTS_MAX = 30, ANSWER_MAX = 1 << 20, URL_MAX = 4096, HEADERS_MAX = 3, AUTH_MAX = 8192 };
static const double timeout_max = 3600;

/* https://www.rfc-editor.org/rfc/rfc7617#section-2 */
static int authorization(const struct breaker_request *request, struct buf *out, struct error *e)
{
	_buf_wipe_ struct buf pair = BUF_INIT(AUTH_MAX / 2);

	if (!request->user)
		return 0;
	buf_printf(&pair, "%s:%s", request->user, request->password ? request->password : "");
	buf_str(out, "Basic ");
	char *room = buf_reserve(out, pair.len / 3 * 4 + 8);
	if (buf_error(&pair) || !room)
		return error_set(e, EINVAL, "the circuit breaker's user or password is too long");
	out->len +=
		(size_t)EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)buf_text(&pair), (int)pair.len);
	return 0;
}

/* Where scheme, host and port of a URL end. */
static size_t origin_len(const char *url)
{
	const char *rest = strstr(url, "://");

	return rest ? (size_t)(rest - url) + 3 + strcspn(rest + 3, "/?#") : 0;
}

/* How much of the old URL stays in front of a redirect's location: all of it has a scheme of its own, a host, a path
 * from the root, a query only, or a path beside the old one. https://www.rfc-editor.org/rfc/rfc3986#section-5.2 as far
 * as servers use it. */
static size_t kept_len(const char *old, const char *location)
{
	size_t origin = origin_len(old), len = origin + strcspn(old + origin, "?#");

	if (strncasecmp(location, "http://", 7) == 0 || strncasecmp(location, "https://", 8) == 0)
		return 0;
	if (strncmp(location, "//", 2) == 0)
		return strcspn(old, "/");
	if (location[0] == '/')
		return origin;
	if (location[0] == '?')
		return len;
	while (len > origin && old[len - 1] != '/')
		len--;
	return len;
}

static void resolve(struct buf *url, const char *location)
{
	_buf_cleanup_ struct buf next = BUF_INIT(URL_MAX);
	size_t kept = kept_len(buf_text(url), location);

	buf_append(&next, buf_text(url), kept);
	/* A path beside one that is empty. */
	if (kept && kept == origin_len(buf_text(url)) && !strchr("/?", location[0]))
		buf_char(&next, '/');
	buf_append(&next, location, strcspn(location, "#"));
	buf_reset(url);
	if (!buf_error(&next))
		buf_append(url, buf_text(&next), next.len);
}

static bool is_redirect(const struct http_response *response)
{
	static const int codes[] = { 301, 302, 303, 307, 308 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (response->status == codes[i])
			return response->location[0] != '\0';
	}
	return false;
}

struct question {
	struct http *http;
	struct http_request request;
	struct http_header headers[HEADERS_MAX];
	struct buf url;
	size_t origin; /* of the first URL: credentials go nowhere else */
	bool authorized;
};

/* The last header is the authorization, where there is one. */
static int ask(struct question *q, struct http_response *response, struct error *e)
{
	bool sent;

	q->request.url = buf_text(&q->url);
	int rc = http_perform(q->http, &q->request, response, &sent, e);
	if (rc < 0 || !is_redirect(response))
		return rc;
	_buf_cleanup_ struct buf old = BUF_INIT(URL_MAX);
	buf_str(&old, buf_text(&q->url));
	resolve(&q->url, response->location);
	if (q->authorized && (origin_len(buf_text(&q->url)) != q->origin ||
			      strncmp(buf_text(&old), buf_text(&q->url), q->origin) != 0)) {
		q->request.n_headers--;
		q->authorized = false;
	}
	return q->url.len ? 1 : error_set(e, EINVAL, "it redirects to a URL that is too long");
}

bool circuit_closed(struct http *http, struct clock *clock, int cancel_fd, const struct breaker_request *request,
		    const struct target *target, struct error *why)
{
	_buf_wipe_ struct buf basic = BUF_INIT(AUTH_MAX);
	struct http_response response = HTTP_RESPONSE_NULL(ANSWER_MAX);
	struct question q = { .http = http, .url = BUF_INIT(URL_MAX) };
	double timeout = request->timeout >= 0 && request->timeout < timeout_max ? request->timeout : timeout_max;
	size_t n = 0;

	if (authorization(request, &basic, why) < 0)
		return false;
	q.headers[n++] = (struct http_header){ "x-table-name", target->table };
	if (target->index)
		q.headers[n++] = (struct http_header){ "x-gsi-name", target->index };
	q.authorized = request->user != NULL;
	if (q.authorized)
		q.headers[n++] = (struct http_header){ "Authorization", buf_text(&basic) };
	buf_str(&q.url, request->url);
	q.origin = origin_len(request->url);
	q.request = (struct http_request){
		.method = "GET",
		.headers = q.headers,
		.n_headers = n,
		.deadline = clock_mono(clock) + (int64_t)(timeout * (double)CLOCK_SECOND),
		.cancel_fd = cancel_fd,
	};
	int rc = 1;
	for (int i = 0; rc > 0 && i <= REDIRECTS_MAX; i++)
		rc = ask(&q, &response, why);
	if (rc > 0)
		error_set(why, EIO, "it redirects more than %d times", REDIRECTS_MAX);
	if (rc == 0 && !breaker_closes(response.status))
		error_set(why, EIO, "it answered with status %d", response.status);
	bool closed = rc == 0 && breaker_closes(response.status);
	buf_deinit(&q.url);
	http_response_deinit(&response);
	return closed;
}
