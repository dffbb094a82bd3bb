/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 8192 };
/* 2015-08-30 12:36:00 UTC */
static const int64_t epoch = INT64_C(1440938160) * CLOCK_SECOND;

static int64_t fake_wall(struct clock *clock)
{
	return ((struct fake_clock *)clock)->wall;
}

static int64_t fake_mono(struct clock *clock)
{
	return ((struct fake_clock *)clock)->mono;
}

static void move_to(struct fake_clock *c, int64_t mono)
{
	int64_t by = mono > c->mono ? mono - c->mono : 0;

	c->mono += by;
	c->wall += by;
}

static int fake_sleep(struct clock *clock, int64_t until, int cancel_fd)
{
	struct fake_clock *c = (struct fake_clock *)clock;

	(void)cancel_fd;
	if (c->cancel)
		return -ECANCELED;
	c->sleeps++;
	c->slept += until - c->mono;
	move_to(c, until);
	return 0;
}

static void record(struct fake_service *s, const struct http_request *request)
{
	_buf_cleanup_ struct buf headers = BUF_INIT(HEADERS_MAX);

	if (s->asked++ >= FAKE_REQUESTS)
		return;
	for (size_t i = 0; i < request->n_headers; i++)
		buf_printf(&headers, "%s: %s\n", request->headers[i].name, request->headers[i].value);
	struct fake_request *r = &s->requests[s->asked - 1];
	r->url = strdup(request->url);
	r->headers = strdup(buf_text(&headers));
	r->body = strndup(request->body ? request->body : "", request->body_len);
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static int fail(struct fake_service *s, const struct fake_answer *answer, int64_t deadline, struct error *e)
{
	if (answer->failure == ETIMEDOUT && !answer->early)
		move_to(&s->clock, deadline);
	return error_set(e, answer->failure, "scripted failure");
}

static int fake_perform(struct http *http, const struct http_request *request, struct http_response *response,
			bool *sent, struct error *e)
{
	struct fake_service *s = (void *)((char *)http - offsetof(struct fake_service, http));
	size_t row = s->asked < s->n_script ? s->asked : s->n_script - 1;
	const struct fake_answer *answer = &s->script[row];

	record(s, request);
	if (answer->next_key)
		s->key = answer->next_key;
	*sent = !answer->failure || answer->sent;
	move_to(&s->clock, s->clock.mono + answer->takes);
	if (answer->failure)
		return fail(s, answer, request->deadline, e);
	buf_reset(&response->body);
	if (answer->body)
		buf_append(&response->body, answer->body, answer->len ? answer->len : strlen(answer->body));
	response->status = answer->status ? answer->status : 200;
	response->resent = answer->resent;
	copy(response->date, sizeof(response->date), answer->date);
	copy(response->crc32, sizeof(response->crc32), answer->crc32);
	copy(response->error_type, sizeof(response->error_type), answer->error_type);
	return 0;
}

static const char *fake_getenv(void *data, const char *name)
{
	const struct fake_service *s = data;

	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
		return s->key;
	return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? "not-a-secret" : NULL;
}

static uint32_t half(void *data)
{
	(void)data;
	return UINT32_C(1) << 31;
}

int fake_service_init(struct fake_service *s, const struct fake_answer *script, size_t n_script)
{
	static const struct clock_ops clock_ops = { .wall = fake_wall, .mono = fake_mono, .sleep = fake_sleep };
	static const struct http_ops http_ops = { .perform = fake_perform };

	*s = (struct fake_service){ .script = script, .n_script = n_script, .key = "AKIDEXAMPLE" };
	s->clock = (struct fake_clock){ .clock = { &clock_ops }, .wall = epoch, .mono = CLOCK_SECOND };
	s->http.ops = &http_ops;
	struct credentials_context context = { .getenv = fake_getenv, .data = s, .clock = &s->clock.clock };
	int rc = credentials_chain_new(&context, &s->credentials, NULL);
	if (rc < 0)
		return rc;
	struct client_config config = {
		.service = "dynamodb",
		.region = "us-east-1",
		.endpoint = "http://service.test:8000",
		.http = &s->http,
		.clock = &s->clock.clock,
		.credentials = s->credentials,
		.random = half,
	};
	return client_new(&config, &s->client, NULL);
}

void fake_service_deinit(struct fake_service *s)
{
	client_free(s->client);
	credentials_chain_free(s->credentials);
	for (size_t i = 0; i < s->asked && i < FAKE_REQUESTS; i++) {
		free(s->requests[i].url);
		free(s->requests[i].headers);
		free(s->requests[i].body);
	}
}

int64_t fake_deadline(const struct fake_service *s)
{
	return s->clock.mono + FAKE_SECONDS * CLOCK_SECOND;
}
