/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/http_curl.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PLENTY_S = 60, REQUEST_MAX = 8192 };

/* A server that treats its connections one after the other, each with `serve`. */
struct server {
	int listener, port;
	pthread_t thread;
	void (*serve)(struct server *server, int fd, int connection);
	_Atomic int connections, requests;
	char request[REQUEST_MAX]; /* the last one, whole */
	int cancel;                /* an eventfd for the handlers that use it */
	sem_t event;
};

static void *serve_all(void *data)
{
	struct server *server = data;

	for (int fd; (fd = accept(server->listener, NULL, NULL)) >= 0; close(fd))
		server->serve(server, fd, ++server->connections);
	return NULL;
}

static void server_start(struct server *server, void (*serve)(struct server *, int, int))
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	memset(server, 0, sizeof(*server));
	server->serve = serve;
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->listener, 8), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
	server->port = ntohs(address.sin_port);
	server->cancel = eventfd(0, EFD_CLOEXEC);
	sem_init(&server->event, 0, 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve_all, server), 0);
}

static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	close(server->cancel);
	sem_destroy(&server->event);
}

/* Reads one request with its body; false when the client has closed. */
static bool read_request(struct server *server, int fd)
{
	char request[REQUEST_MAX] = "";
	size_t len = 0, want = 0;

	while (!want || len < want) {
		ssize_t n = read(fd, request + len, sizeof(request) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		request[len] = '\0';
		const char *end = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");
		if (end)
			want = (size_t)(end + 4 - request) + (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	memcpy(server->request, request, sizeof(request));
	server->requests++;
	return true;
}

static void answer(int fd, const char *text)
{
	size_t len = strlen(text);

	/* The client may have gone: then there is nobody to tell. */
	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		return;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void serve_ok(struct server *server, int fd, int connection)
{
	(void)connection;
	while (read_request(server, fd))
		answer(fd, OK);
}

/* A transport and one exchange over it. */
struct run {
	struct http *http;
	char url[64];
	struct http_request request;
	struct http_response response;
	bool sent;
	struct error error;
	int rc;
};

static void begin(struct run *r, const struct server *server)
{
	struct http_curl_options options = { .clock = clock_system(), .user_agent = "test/1" };

	*r = (struct run){ .response = HTTP_RESPONSE_NULL(1 << 16) };
	assert_int_equal(http_curl_new(&options, &r->http, NULL), 0);
	snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%d/", server->port);
	r->request = (struct http_request){
		.method = "POST",
		.url = r->url,
		.body = "{}",
		.body_len = 2,
		.cancel_fd = -1,
		.deadline = clock_mono(clock_system()) + PLENTY_S * CLOCK_SECOND,
	};
}

static void perform(struct run *r)
{
	r->error = ERROR_NULL;
	r->rc = http_perform(r->http, &r->request, &r->response, &r->sent, &r->error);
	assert_int_equal(r->error.number, -r->rc);
}

static void end(struct run *r)
{
	http_response_deinit(&r->response);
	http_free(r->http);
}

static void expect(struct run *r, int rc, bool sent)
{
	perform(r);
	if (r->rc != rc || r->sent != sent)
		fail_msg("%d (%s), sent %d", r->rc, r->error.text, (int)r->sent);
}

static void test_what_is_sent(void **state)
{
	const struct http_header headers[] = { { "Content-Type", "a/b" }, { "Host", "elsewhere" }, { "X-Empty", "" } };
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_ok);
	begin(&r, &server);
	snprintf(r.url, sizeof(r.url), "http://127.0.0.1:%d/a/../b%%20c?d=e", server.port);
	r.request.headers = headers;
	r.request.n_headers = 2;
	expect(&r, 0, true);
	assert_int_equal(r.response.status, 200);
	assert_string_equal(buf_text(&r.response.body), "ok");
	assert_string_equal(server.request, "POST /a/../b%20c?d=e HTTP/1.1\r\nHost: elsewhere\r\nUser-Agent: test/1\r\n"
					    "Content-Type: a/b\r\nContent-Length: 2\r\n\r\n{}");
	r.request.method = "GET";
	r.request.body = NULL;
	r.request.n_headers = 1;
	expect(&r, 0, true);
	assert_null(strstr(server.request, "Content-Length"));
	assert_non_null(strstr(server.request, "GET /a"));
	r.request.method = "PUT";
	r.request.body_len = 0;
	expect(&r, 0, true);
	assert_non_null(strstr(server.request, "PUT /a"));
	assert_non_null(strstr(server.request, "Content-Length: 0\r\n"));
	end(&r);
	server_stop(&server);
}

static void test_header_lines_cannot_be_smuggled(void **state)
{
	const struct http_header headers[] = { { "X-Token", "a\r\nX-Other: b" } };
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_ok);
	begin(&r, &server);
	r.request.headers = headers;
	r.request.n_headers = 1;
	expect(&r, -EINVAL, false);
	end(&r);
	server_stop(&server);
}

static void serve_headers(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
	answer(fd, "HTTP/1.1 100 Continue\r\nx-amz-crc32: 7\r\n\r\n"
		   "HTTP/1.1 418 Odd\r\nDATE:  Sat, 21 Nov 2026 11:39:23 GMT \r\ncontent-type: a/b\r\n"
		   "X-Amzn-ErrorType: Broken\r\nx-amzn-requestid: 17\r\nx-amz-crc32-not: 8\r\nContent-Length: "
		   "3\r\n\r\nbad");
}

static void test_what_is_read(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_headers);
	begin(&r, &server);
	buf_str(&r.response.body, "from before");
	expect(&r, 0, true);
	assert_int_equal(r.response.status, 418);
	assert_string_equal(buf_text(&r.response.body), "bad");
	assert_string_equal(r.response.date, "Sat, 21 Nov 2026 11:39:23 GMT");
	assert_string_equal(r.response.content_type, "a/b");
	assert_string_equal(r.response.error_type, "Broken");
	assert_string_equal(r.response.request_id, "17");
	assert_string_equal(r.response.crc32, "");
	end(&r);
	server_stop(&server);
}

static void *perform_elsewhere(void *data)
{
	perform(data);
	return NULL;
}

static void test_connections_are_reused_across_threads(void **state)
{
	struct server server;
	pthread_t thread;
	struct run r;

	(void)state;
	server_start(&server, serve_ok);
	begin(&r, &server);
	expect(&r, 0, true);
	expect(&r, 0, true);
	pthread_create(&thread, NULL, perform_elsewhere, &r);
	pthread_join(thread, NULL);
	assert_int_equal(r.rc, 0);
	assert_false(r.response.resent);
	assert_int_equal(server.requests, 3);
	assert_int_equal(server.connections, 1);
	end(&r);
	server_stop(&server);
}

/* Closes after its first answer, and says so. */
static void serve_once(struct server *server, int fd, int connection)
{
	if (!read_request(server, fd))
		return;
	answer(fd, OK);
	if (connection == 1) {
		shutdown(fd, SHUT_RDWR);
		sem_post(&server->event);
	}
}

static void test_a_connection_closed_while_idle(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_once);
	begin(&r, &server);
	expect(&r, 0, true);
	sem_wait(&server.event);
	expect(&r, 0, true);
	assert_false(r.response.resent);
	assert_int_equal(server.connections, 2);
	end(&r);
	server_stop(&server);
}

/* Takes a second request and closes without a word. */
static void serve_and_drop(struct server *server, int fd, int connection)
{
	if (!read_request(server, fd))
		return;
	answer(fd, OK);
	if (connection == 1)
		read_request(server, fd);
}

static void test_a_kept_connection_that_dies_under_a_request(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_and_drop);
	begin(&r, &server);
	expect(&r, 0, true);
	expect(&r, 0, true);
	assert_true(r.response.resent);
	assert_int_equal(server.connections, 2);
	assert_int_equal(server.requests, 3);
	end(&r);
	server_stop(&server);
}

static void serve_nothing(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
}

static void serve_cut(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
	answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
}

static void serve_cut_chunk(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
	answer(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
}

static void serve_reset(struct server *server, int fd, int connection)
{
	const struct linger hard = { .l_onoff = 1 };

	(void)connection;
	read_request(server, fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static void serve_noise(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
	answer(fd, "220 mail.example.org ESMTP\r\n");
}

static void serve_endless_headers(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
	answer(fd, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 10000; i++)
		answer(fd, "X-Header: and another one\r\n");
}

static void serve_redirect(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
	answer(fd, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
}

static void serve_large(struct server *server, int fd, int connection)
{
	_buf_cleanup_ struct buf body = BUF_INIT(1 << 20);

	(void)connection;
	read_request(server, fd);
	buf_printf(&body, "HTTP/1.1 200 OK\r\n\r\n%0*d", (1 << 16) + 1, 0);
	answer(fd, buf_text(&body));
}

static void test_answers_that_break(void **state)
{
	static const struct {
		void (*serve)(struct server *, int, int);
		int rc;
	} rows[] = {
		{ serve_nothing, -EIO }, { serve_cut, -EIO },   { serve_cut_chunk, -EIO },
		{ serve_reset, -EIO },   { serve_noise, -EIO }, { serve_endless_headers, -EIO },
		{ serve_large, -EFBIG }, { serve_redirect, 0 },
	};
	struct server server;
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		server_start(&server, rows[i].serve);
		begin(&r, &server);
		expect(&r, rows[i].rc, true);
		assert_int_equal(server.connections, 1);
		end(&r);
		server_stop(&server);
	}
}

/* Says nothing until the client leaves. */
static void serve_silence(struct server *server, int fd, int connection)
{
	(void)connection;
	read_request(server, fd);
	if (eventfd_write(server->cancel, 1) == 0)
		read_request(server, fd);
	sem_post(&server->event);
}

static void test_the_deadline_ends_it(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_silence);
	begin(&r, &server);
	r.request.deadline = clock_mono(clock_system()) + 200 * CLOCK_MS;
	expect(&r, -ETIMEDOUT, true);
	/* The connection is gone at once, not when the transport is. */
	sem_wait(&server.event);
	r.request.deadline = clock_mono(clock_system());
	expect(&r, -ETIMEDOUT, false);
	end(&r);
	server_stop(&server);
}

static void test_cancel_ends_it(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_silence);
	begin(&r, &server);
	r.request.cancel_fd = server.cancel;
	expect(&r, -ECANCELED, true);
	sem_wait(&server.event);
	expect(&r, -ECANCELED, false);
	end(&r);
	server_stop(&server);
}

static void serve_no_tls(struct server *server, int fd, int connection)
{
	(void)server, (void)connection;
	answer(fd, "220 mail.example.org ESMTP\r\n");
}

static void test_nothing_was_sent(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_no_tls);
	begin(&r, &server);
	snprintf(r.url, sizeof(r.url), "https://127.0.0.1:%d/", server.port);
	expect(&r, -ECONNREFUSED, false);
	server_stop(&server);
	/* Nobody there. */
	snprintf(r.url, sizeof(r.url), "http://127.0.0.1:%d/", server.port);
	expect(&r, -ECONNREFUSED, false);
	assert_non_null(strstr(r.error.text, "127.0.0.1"));
	r.request.url = "file:///etc/hostname";
	expect(&r, -ECONNREFUSED, false);
	end(&r);
}

static void test_proxies(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	server_start(&server, serve_ok);
	begin(&r, &server);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	expect(&r, -ECONNREFUSED, false);
	r.request.no_proxy = true;
	expect(&r, 0, true);
	r.request.no_proxy = false;
	unsetenv("http_proxy");
	expect(&r, 0, true);
	end(&r);
	server_stop(&server);
}

/* A name server that does not answer: in place of libc's, for this program. */
static sem_t resolve_go, resolve_gone;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (name && strcmp(name, "slow.test") == 0) {
		sem_wait(&resolve_go);
		sem_post(&resolve_gone);
		return EAI_AGAIN;
	}
	return ((resolver *)dlsym(RTLD_NEXT, "getaddrinfo"))(name, service, hints, list);
}

static void test_a_name_server_that_hangs(void **state)
{
	struct server server;
	struct run r;

	(void)state;
	sem_init(&resolve_go, 0, 0);
	sem_init(&resolve_gone, 0, 0);
	server_start(&server, serve_ok);
	begin(&r, &server);
	r.request.url = "http://slow.test/";
	r.request.deadline = clock_mono(clock_system()) + 100 * CLOCK_MS;
	expect(&r, -ETIMEDOUT, false);
	end(&r);
	server_stop(&server);
	sem_post(&resolve_go);
	sem_wait(&resolve_gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sent),
		cmocka_unit_test(test_header_lines_cannot_be_smuggled),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_connections_are_reused_across_threads),
		cmocka_unit_test(test_a_connection_closed_while_idle),
		cmocka_unit_test(test_a_kept_connection_that_dies_under_a_request),
		cmocka_unit_test(test_answers_that_break),
		cmocka_unit_test(test_the_deadline_ends_it),
		cmocka_unit_test(test_cancel_ends_it),
		cmocka_unit_test(test_nothing_was_sent),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_a_name_server_that_hangs),
	};

	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	if (http_curl_global_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
