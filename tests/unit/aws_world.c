/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/aws_world.h"

#include "aws/core/buf.h"
#include "aws/core/file.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct world *world_of_clock(struct clock *clock)
{
	return (void *)((char *)clock - offsetof(struct world, clock));
}

static int64_t clock_now(struct clock *clock)
{
	return world_of_clock(clock)->wall;
}

static int64_t clock_ticks(struct clock *clock)
{
	return world_of_clock(clock)->mono;
}

static int clock_wait(struct clock *clock, int64_t until, int cancel_fd)
{
	struct world *world = world_of_clock(clock);

	(void)cancel_fd;
	world->wall += until - world->mono;
	world->mono = until;
	return 0;
}

static const char *lookup(void *data, const char *name)
{
	struct world *world = data;

	for (size_t i = 0; i < WORLD_SET && world->set[2 * i]; i++) {
		if (strcmp(name, world->set[2 * i]) == 0)
			return world->set[2 * i + 1];
	}
	return strcmp(name, "HOME") == 0 ? world->home : NULL;
}

static bool has_header(const struct http_request *request, const char *wanted)
{
	char line[512];

	for (size_t i = 0; i < request->n_headers; i++) {
		snprintf(line, sizeof(line), "%s: %s", request->headers[i].name, request->headers[i].value);
		if (strcasecmp(line, wanted) == 0)
			return true;
	}
	return false;
}

static int perform(struct http *http, const struct http_request *request, struct http_response *response, bool *sent,
		   struct error *e)
{
	struct world *world = (void *)((char *)http - offsetof(struct world, http));
	char ask[512];

	snprintf(ask, sizeof(ask), "%s %s", request->method, request->url);
	if (world->asked == world->n_script)
		fail_msg("%s was not to be asked", ask);
	const struct world_answer *row = &world->script[world->asked++];
	assert_string_equal(row->ask, ask);
	if (row->header && !has_header(request, row->header))
		fail_msg("%s was asked without %s", ask, row->header);
	if (row->body && !(request->body && strstr(request->body, row->body)))
		fail_msg("%s was asked without %s", ask, row->body);
	assert_true(request->deadline > world->mono);
	world->proxied += !request->no_proxy;
	*sent = !row->failure;
	if (row->failure)
		return error_set(e, row->failure, "scripted failure");
	buf_reset(&response->body);
	buf_str(&response->body, row->answer ? row->answer : "");
	response->status = row->status ? row->status : 200;
	return 0;
}

int world_make(void **state)
{
	static const struct clock_ops clock_ops = { .wall = clock_now, .mono = clock_ticks, .sleep = clock_wait };
	static const struct http_ops http_ops = { .perform = perform };
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->home, "/tmp/test_credentials.XXXXXX");
	assert_non_null(mkdtemp(world->home));
	assert_int_equal(0, mkdir(world_path(world, ".aws"), 0700));
	world->clock.ops = &clock_ops;
	world->http.ops = &http_ops;
	world->wall = INT64_C(1440938160) * CLOCK_SECOND;
	world->mono = CLOCK_SECOND;
	world->context = (struct credentials_context){
		.getenv = lookup,
		.data = world,
		.clock = &world->clock,
		.region = "eu-west-1",
	};
	*state = world;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int world_clean(void **state)
{
	struct world *world = *state;

	nftw(world->home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(world);
	return 0;
}

const char *world_path(const struct world *world, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", world->home, name);
	return path;
}

void world_write(const struct world *world, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", world_path(world, name));
	for (char *slash = path + strlen(world->home) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(0, fclose(file));
}

char *world_read(const struct world *world, const char *name)
{
	struct buf text = BUF_INIT(1 << 20);

	assert_int_equal(0, file_read(world_path(world, name), &text, NULL));
	return buf_take(&text, NULL);
}

void world_environment(struct world *world, const char *const *set)
{
	size_t i = 0;

	memset(world->set, 0, sizeof(world->set));
	for (; set[i]; i++) {
		assert_true(i < 2 * WORLD_SET);
		world->set[i] = set[i];
	}
	assert_true(i % 2 == 0);
}

void assert_found(struct world *world, const char *expected)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct error e = ERROR_NULL;
	char got[ERROR_TEXT_MAX + 16], until[CLOCK_ISO8601_SIZE];

	if (credentials_find(&world->context, false, -1, &found, &e) < 0)
		snprintf(got, sizeof(got), "%d: %s", e.number, e.text);
	else
		snprintf(got, sizeof(got), "%s: %s %s %s", found.provider, found.access_key_id, found.secret_access_key,
			 found.session_token ? found.session_token : "-");
	clock_format_iso8601(found.expires, until);
	if (found.expires)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), " until %s", until);
	assert_string_equal(expected, got);
	assert_int_equal(world->n_script, world->asked);
}

void assert_refused(struct world *world, int number, const char *part)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct error e = ERROR_NULL;

	assert_int_equal(-number, credentials_find(&world->context, false, -1, &found, &e));
	if (!strstr(e.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, e.text);
	assert_int_equal(number, e.number);
	assert_null(found.access_key_id);
	assert_null(strstr(e.text, "hunter2"));
	assert_int_equal(world->n_script, world->asked);
}
