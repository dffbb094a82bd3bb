/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/credentials.h"
#include "aws/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * What providers of credentials look at, one world a test: a home of its own with an empty .aws, an environment, a
 * clock that stands at 2015-08-30 12:36:00 UTC until somebody sleeps, and servers that answer from a script.
 */
enum { WORLD_SET = 12 };

/* One exchange: what must be asked, and what comes of it. */
struct world_answer {
	const char *ask;    /* "GET http://host/path" */
	const char *header; /* "name: value", which the request must have; NULL: whatever */
	const char *body;   /* a part that the request's body must have; NULL: whatever */
	int failure;        /* positive errno, 0: an answer */
	int status;         /* 0: 200 */
	const char *answer; /* NULL: empty */
};

struct world {
	char home[64];
	const char *set[2 * WORLD_SET];
	struct credentials_context context;
	struct clock clock;
	_Atomic int64_t wall, mono;
	struct http http;
	const struct world_answer *script;
	size_t n_script, asked;
	int proxied; /* requests that a proxy might have seen */
};

int world_make(void **state);
int world_clean(void **state);

/* Below the home; folders are made. Overwrites. */
const char *world_path(const struct world *world, const char *name);
void world_write(const struct world *world, const char *name, const char *text);
/* What a file holds; freed by the caller. */
char *world_read(const struct world *world, const char *name);

/* Name and value in turn, in place of what was set before. */
void world_environment(struct world *world, const char *const *set);
#define ENVIRONMENT(world, ...) world_environment(world, (const char *const[]){ __VA_ARGS__, NULL })
/* From the script's beginning; all rows must be asked for, which assert_found and assert_refused check. */
#define SCRIPT(world, rows) \
	((world)->script = (rows), (world)->n_script = sizeof(rows) / sizeof((rows)[0]), (world)->asked = 0)

/* All providers are asked: "provider: id secret token", and " until TIME" where they expire. */
void assert_found(struct world *world, const char *expected);
/* No secret of a test is in the sentence: all of them have "hunter2" in them. */
void assert_refused(struct world *world, int number, const char *part);

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_clean)
