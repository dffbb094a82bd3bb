/* SPDX-License-Identifier: Apache-2.0 */
/* The input is what a server sends, headers included, to a client that asks over loopback. */
#include "aws/errors.h"
#include "aws/http_curl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX = 1 << 16, ANSWER_MAX = 1 << 17, PATIENCE_MS = 60000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Answers one connection after the other, and closes each. */
struct server {
	int listener;
	pthread_mutex_t lock; /* guards what follows */
	uint8_t data[ANSWER_MAX];
	size_t size;
};

static void load(struct server *server, const uint8_t *data, size_t size)
{
	pthread_mutex_lock(&server->lock);
	server->size = size < ANSWER_MAX ? size : ANSWER_MAX;
	memcpy(server->data, data, server->size);
	pthread_mutex_unlock(&server->lock);
}

static void serve(struct server *server, int fd)
{
	char request[4096];

	if (read(fd, request, sizeof(request)) <= 0)
		return;
	pthread_mutex_lock(&server->lock);
	for (size_t at = 0; at < server->size;) {
		ssize_t n = send(fd, server->data + at, server->size - at, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	pthread_mutex_unlock(&server->lock);
	shutdown(fd, SHUT_WR);
}

static void *serve_all(void *data)
{
	for (int fd; (fd = accept(((struct server *)data)->listener, NULL, NULL)) >= 0; close(fd))
		serve(data, fd);
	return NULL;
}

static int start(struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	pthread_t thread;

	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(bind(server->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	require(listen(server->listener, 8) == 0);
	require(getsockname(server->listener, (struct sockaddr *)&address, &len) == 0);
	require(http_curl_global_init(NULL) == 0);
	require(pthread_create(&thread, NULL, serve_all, server) == 0);
	return ntohs(address.sin_port);
}

static void check(const struct http_response *response)
{
	struct aws_error_answer answer;
	int64_t wall;

	require(response->status >= 200 && response->status <= 999);
	require(response->body.len <= BODY_MAX);
	require(memchr(response->date, 0, sizeof(response->date)) != NULL);
	require(memchr(response->content_type, 0, sizeof(response->content_type)) != NULL);
	require(memchr(response->error_type, 0, sizeof(response->error_type)) != NULL);
	require(memchr(response->crc32, 0, sizeof(response->crc32)) != NULL);
	require(memchr(response->request_id, 0, sizeof(response->request_id)) != NULL);
	require(http_date(response->date, &wall) < 0 || wall >= 0);
	aws_error_decode(response, &answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct server server = { .lock = PTHREAD_MUTEX_INITIALIZER };
	static int port;
	struct http_curl_options options = { .clock = clock_system(), .user_agent = "fuzz" };
	struct http_response response = HTTP_RESPONSE_NULL(BODY_MAX);
	struct error e = ERROR_NULL;
	struct http *http;
	bool sent;
	char url[64];

	if (!port)
		port = start(&server);
	load(&server, data, size);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	require(http_curl_new(&options, &http, NULL) == 0);
	struct http_request request = { .method = "GET",
					.url = url,
					.deadline = clock_mono(clock_system()) + PATIENCE_MS * CLOCK_MS,
					.cancel_fd = -1,
					.no_proxy = true };
	if (http_perform(http, &request, &response, &sent, &e) == 0)
		check(&response);
	else
		/* Whatever comes, it is not waited for, and is a failure of the exchange. */
		require(e.number == EIO || e.number == EFBIG);
	http_free(http);
	http_response_deinit(&response);
	return 0;
}
