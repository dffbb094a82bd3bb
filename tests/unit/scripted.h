/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A typed call to a scripted service, and looks at what was asked: for tests with cmocka, which includes it first. */
#include "aws/dynamodb.h"
#include "tests/unit/fake_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	struct fake_service service;
	struct client_frame frame; /* for calls on service.client */
	struct dynamodb *db;       /* for those of DynamoDB */
	struct dynamodb_call call;
	struct error error;
};

static inline void begin(struct run *r, const struct fake_answer *script, size_t n)
{
	*r = (struct run){ 0 };
	assert_int_equal(fake_service_init(&r->service, script, n), 0);
	assert_int_equal(dynamodb_new(r->service.client, &r->db, NULL), 0);
	r->frame = (struct client_frame){ .deadline = fake_deadline(&r->service), .cancel_fd = -1 };
	r->call = (struct dynamodb_call){ .deadline = fake_deadline(&r->service), .cancel_fd = -1 };
}

static inline void end(struct run *r)
{
	dynamodb_free(r->db);
	fake_service_deinit(&r->service);
}

#define BEGIN(r, ...)                                               \
	static const struct fake_answer script[] = { __VA_ARGS__ }; \
	begin(&(r), script, sizeof(script) / sizeof(script[0]))

static inline void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

/* The header as a whole line, without its end. */
static inline void assert_sent(const struct run *r, size_t i, const char *header, const char *body)
{
	char line[128];

	snprintf(line, sizeof(line), "%s\n", header);
	assert_true(i < r->service.asked);
	assert_holds(r->service.requests[i].headers, line);
	assert_string_equal(r->service.requests[i].body, body);
}

static inline void assert_asked(const struct run *r, size_t i, const char *operation, const char *body)
{
	char target[96];

	snprintf(target, sizeof(target), "X-Amz-Target: DynamoDB_20120810.%s", operation);
	assert_sent(r, i, target, body);
}

/* The value as compact text against `text`; releases the value. */
static inline void assert_json(json_t *value, const char *text)
{
	char *dump = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	assert_non_null(dump);
	assert_string_equal(dump, text);
	free(dump);
	json_decref(value);
}
