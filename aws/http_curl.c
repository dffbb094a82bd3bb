/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/http_curl.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_MAX = 16, HEADERS_MAX = 64 << 10, CONNECT_SECONDS = 3 };

/* An easy handle and a multi handle of its own. Connections live in the multi, so that a session used again finds
 * its connection open. */
struct session {
	CURL *easy;
	CURLM *multi;
	struct session *next;
	char reason[CURL_ERROR_SIZE];
};

struct http_curl {
	struct http http;
	struct clock *clock;
	char *user_agent;
	char *ca_bundle;
	int64_t connect_timeout;
	pthread_mutex_t lock; /* guards what follows */
	struct session *idle; /* the last used first: its connection is the likeliest to be alive */
	unsigned n_idle;
};

/* What curl's callbacks are given. */
struct exchange {
	const struct http_request *request;
	struct http_response *response;
	unsigned sends; /* how often curl was about to send the request */
	size_t header_bytes;
};

static const struct {
	CURLoption option;
	long value;
} constants[] = {
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_TCP_NODELAY, 1 },
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	/* Older idle connections are not tried: something between may have forgotten them without a word. */
	{ CURLOPT_MAXAGE_CONN, 60 },
	/* What was signed is what must be sent. */
	{ CURLOPT_PATH_AS_IS, 1 },
	/* Without it, giving up while a name is being looked up waits for the resolver. */
	{ CURLOPT_QUICK_EXIT, 1 },
};

#define FIELD(name, member)                                                                               \
	{                                                                                                 \
		name, offsetof(struct http_response, member), sizeof(((struct http_response *)0)->member) \
	}

static const struct field {
	const char *name;
	size_t offset, size;
} fields[] = {
	FIELD("Date", date),         FIELD("Content-Type", content_type),   FIELD("x-amzn-ErrorType", error_type),
	FIELD("x-amz-crc32", crc32), FIELD("x-amzn-RequestId", request_id), FIELD("Location", location),
};

enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]) };

static char *field_of(struct http_response *response, const struct field *field)
{
	return (char *)response + field->offset;
}

static void forget_headers(struct http_response *response)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		*field_of(response, &fields[i]) = '\0';
}

static void keep_header(struct http_response *response, const struct field *field, const char *value, size_t len)
{
	char *to = field_of(response, field);

	while (len && strchr(" \t", value[0])) {
		value++;
		len--;
	}
	while (len && strchr(" \t\r\n", value[len - 1]))
		len--;
	if (len >= field->size)
		len = field->size - 1;
	memcpy(to, value, len);
	to[len] = '\0';
}

static size_t on_header(char *line, size_t size, size_t n, void *data)
{
	struct exchange *x = data;
	size_t len = size * n;

	/* curl bounds one line, not their number. */
	x->header_bytes += len;
	if (x->header_bytes > HEADERS_MAX)
		return 0;
	/* A status line: what came before belonged to a 1xx answer. */
	if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0)
		forget_headers(x->response);
	for (size_t i = 0; i < N_FIELDS; i++) {
		size_t name = strlen(fields[i].name);
		if (len > name && line[name] == ':' && strncasecmp(line, fields[i].name, name) == 0)
			keep_header(x->response, &fields[i], line + name + 1, len - name - 1);
	}
	return len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
	struct exchange *x = data;

	buf_append(&x->response->body, bytes, size * n);
	return buf_error(&x->response->body) ? 0 : size * n;
}

/* Called each time the connection stands and the request is about to go out. */
static int on_send(void *data, char *to, char *from, int to_port, int from_port)
{
	struct exchange *x = data;

	(void)to, (void)from, (void)to_port, (void)from_port;
	x->sends++;
	return CURL_PREREQFUNC_OK;
}

static void session_free(struct session *s)
{
	curl_easy_cleanup(s->easy);
	curl_multi_cleanup(s->multi);
	free(s);
}

static bool session_init(const struct http_curl *h, struct session *s)
{
	bool ok = s->easy && s->multi;

	for (size_t i = 0; ok && i < sizeof(constants) / sizeof(constants[0]); i++)
		ok = curl_easy_setopt(s->easy, constants[i].option, constants[i].value) == CURLE_OK;
	return ok && !curl_easy_setopt(s->easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       !curl_easy_setopt(s->easy, CURLOPT_USERAGENT, h->user_agent) &&
	       (!h->ca_bundle || !curl_easy_setopt(s->easy, CURLOPT_CAINFO, h->ca_bundle)) &&
	       !curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(h->connect_timeout / CLOCK_MS)) &&
	       !curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->reason) &&
	       !curl_easy_setopt(s->easy, CURLOPT_HEADERFUNCTION, on_header) &&
	       !curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body) &&
	       !curl_easy_setopt(s->easy, CURLOPT_PREREQFUNCTION, on_send);
}

static struct session *session_new(const struct http_curl *h)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->easy = curl_easy_init();
	s->multi = curl_multi_init();
	if (session_init(h, s))
		return s;
	session_free(s);
	return NULL;
}

static struct session *session_take(struct http_curl *h)
{
	pthread_mutex_lock(&h->lock);
	struct session *s = h->idle;
	if (s) {
		h->idle = s->next;
		h->n_idle--;
	}
	pthread_mutex_unlock(&h->lock);
	return s ? s : session_new(h);
}

static void session_give(struct http_curl *h, struct session *s)
{
	pthread_mutex_lock(&h->lock);
	bool keep = h->n_idle < IDLE_MAX;
	if (keep) {
		s->next = h->idle;
		h->idle = s;
		h->n_idle++;
	}
	pthread_mutex_unlock(&h->lock);
	if (!keep)
		session_free(s);
}

/* Headers hold the session token and the signature. */
static void headers_free(struct curl_slist **headers)
{
	for (struct curl_slist *h = *headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(*headers);
	*headers = NULL;
}

static int add_header(struct curl_slist **headers, const char *name, const char *value, struct error *e)
{
	_buf_wipe_ struct buf line = BUF_INIT(HEADERS_MAX);

	if (strpbrk(value, "\r\n"))
		return error_set(e, EINVAL, "the value of the header %s has a line break", name);
	buf_printf(&line, "%s:%s%s", name, *value ? " " : "", value);
	struct curl_slist *longer = buf_error(&line) ? NULL : curl_slist_append(*headers, buf_text(&line));
	if (!longer)
		return error_no_memory(e);
	*headers = longer;
	return 0;
}

static int make_headers(const struct http_request *request, struct curl_slist **headers, struct error *e)
{
	/* Without a value: curl leaves these out. */
	int rc = add_header(headers, "Accept", "", e);

	if (rc == 0)
		rc = add_header(headers, "Expect", "", e);
	for (size_t i = 0; rc == 0 && i < request->n_headers; i++)
		rc = add_header(headers, request->headers[i].name, request->headers[i].value, e);
	return rc;
}

static bool set_request(struct session *s, struct exchange *x, struct curl_slist *headers)
{
	const struct http_request *r = x->request;
	bool bare = !r->body && strcmp(r->method, "GET") == 0;
	bool ok = bare ? !curl_easy_setopt(s->easy, CURLOPT_HTTPGET, 1L)
		       : !curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len) &&
				  !curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, r->body ? r->body : "");

	return ok && !curl_easy_setopt(s->easy, CURLOPT_CUSTOMREQUEST, r->method) &&
	       !curl_easy_setopt(s->easy, CURLOPT_URL, r->url) &&
	       !curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, headers) &&
	       !curl_easy_setopt(s->easy, CURLOPT_PROXY, r->no_proxy ? "" : NULL) &&
	       !curl_easy_setopt(s->easy, CURLOPT_HEADERDATA, x) && !curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, x) &&
	       !curl_easy_setopt(s->easy, CURLOPT_PREREQDATA, x);
}

/* The milliseconds left, at least 1; a failure where the exchange is to be given up. */
static int time_left(const struct http_curl *h, const struct http_request *r, int *ms, struct error *e)
{
	struct pollfd canceled = { .fd = r->cancel_fd, .events = POLLIN };
	int64_t left = (r->deadline - clock_mono(h->clock) + CLOCK_MS - 1) / CLOCK_MS;

	if (poll(&canceled, 1, 0) > 0)
		return error_set(e, ECANCELED, "the request was given up");
	if (left <= 0)
		return error_set(e, ETIMEDOUT, "no answer came before the deadline");
	*ms = left > INT_MAX ? INT_MAX : (int)left;
	return 0;
}

/* Drives the exchange to its end: `*code` is how curl saw it. A failure is a reason to give up before that. */
static int drive(const struct http_curl *h, struct session *s, const struct http_request *r, CURLcode *code,
		 struct error *e)
{
	struct curl_waitfd cancel = { .fd = r->cancel_fd, .events = CURL_WAIT_POLLIN };
	int ms = 0, left, running = 1, rc;

	for (;;) {
		rc = time_left(h, r, &ms, e);
		if (rc < 0)
			return rc;
		if (curl_multi_perform(s->multi, &running) != CURLM_OK)
			return error_no_memory(e);
		if (!running)
			break;
		if (curl_multi_poll(s->multi, &cancel, r->cancel_fd >= 0, ms, NULL) != CURLM_OK)
			return error_no_memory(e);
	}
	for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));) {
		if (m->msg == CURLMSG_DONE)
			*code = m->data.result;
	}
	return 0;
}

static int failure(const struct session *s, const struct exchange *x, CURLcode code, struct error *e)
{
	int dropped = buf_error(&x->response->body);
	const char *reason = s->reason[0] ? s->reason : curl_easy_strerror(code);

	if (dropped == -EFBIG)
		return error_set(e, EFBIG, "the answer is larger than %zu bytes", x->response->body.max);
	if (dropped || code == CURLE_OUT_OF_MEMORY)
		return error_no_memory(e);
	if (x->header_bytes > HEADERS_MAX)
		return error_set(e, EIO, "the answer's headers are larger than %d bytes", (int)HEADERS_MAX);
	/* curl's only own timer here is the one for connecting. */
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(e, ETIMEDOUT, "%s", reason);
	return error_set(e, x->sends ? EIO : ECONNREFUSED, "%s", reason);
}

static int session_perform(const struct http_curl *h, struct session *s, struct exchange *x, struct error *e)
{
	__attribute__((cleanup(headers_free))) struct curl_slist *headers = NULL;
	CURLcode code = CURLE_FAILED_INIT;
	long status = 0;
	int rc = make_headers(x->request, &headers, e);

	if (rc < 0)
		return rc;
	s->reason[0] = '\0';
	if (!set_request(s, x, headers) || curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
		return error_no_memory(e);
	rc = drive(h, s, x->request, &code, e);
	/* Closes the connection when the exchange is unfinished. */
	curl_multi_remove_handle(s->multi, s->easy);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, NULL);
	if (rc < 0)
		return rc;
	if (code != CURLE_OK)
		return failure(s, x, code, e);
	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return error_set(e, EIO, "the connection ended before an answer had come");
	x->response->status = (int)status;
	x->response->resent = x->sends > 1;
	return 0;
}

static int curl_perform(struct http *http, const struct http_request *request, struct http_response *response,
			bool *sent, struct error *e)
{
	struct http_curl *h = (struct http_curl *)http;
	struct exchange x = { .request = request, .response = response };
	struct session *s = session_take(h);

	*sent = false;
	if (!s)
		return error_no_memory(e);
	buf_reset(&response->body);
	forget_headers(response);
	response->status = 0;
	response->resent = false;
	int rc = session_perform(h, s, &x, e);
	*sent = x.sends > 0;
	session_give(h, s);
	return rc;
}

static void curl_free_http(struct http *http)
{
	struct http_curl *h = (struct http_curl *)http;

	for (struct session *s; (s = h->idle);) {
		h->idle = s->next;
		session_free(s);
	}
	pthread_mutex_destroy(&h->lock);
	free(h->user_agent);
	free(h->ca_bundle);
	free(h);
}

int http_curl_global_init(struct error *e)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_ALL);

	return code ? error_set(e, EIO, "libcurl does not start: %s", curl_easy_strerror(code)) : 0;
}

int http_curl_new(const struct http_curl_options *options, struct http **http, struct error *e)
{
	static const struct http_ops ops = { .perform = curl_perform, .free = curl_free_http };
	struct http_curl *h = calloc(1, sizeof(*h));

	if (!h)
		return error_no_memory(e);
	h->http.ops = &ops;
	h->clock = options->clock;
	h->connect_timeout = options->connect_timeout ? options->connect_timeout : CONNECT_SECONDS * CLOCK_SECOND;
	pthread_mutex_init(&h->lock, NULL);
	h->user_agent = strdup(options->user_agent);
	h->ca_bundle = options->ca_bundle ? strdup(options->ca_bundle) : NULL;
	if (!h->user_agent || (options->ca_bundle && !h->ca_bundle)) {
		http_free(&h->http);
		return error_no_memory(e);
	}
	*http = &h->http;
	return 0;
}
