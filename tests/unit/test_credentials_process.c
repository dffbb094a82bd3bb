/* SPDX-License-Identifier: Apache-2.0 */
/* credential_process: how its line is split, what it may print, how long it may take. */
#include "tests/unit/aws_world.h"

#include "aws/core/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_words(void **state)
{
	static const struct {
		const char *line, *words; /* words: each in brackets; NULL: refused */
	} rows[] = {
		{ "a", "[a]" },
		{ "  a\tb\n c ", "[a][b][c]" },
		{ "a 'b  c' d", "[a][b  c][d]" },
		{ "a \"b 'c'\" d", "[a][b 'c'][d]" },
		{ "a'b'\"c\"d", "[abcd]" },
		{ "a '' \"\"", "[a][][]" },
		{ "a\\ b \\\\ \\'", "[a b][\\][']" },
		{ "\"a\\\"b\\\\c\\d\\$\"", "[a\"b\\c\\d\\$]" },
		{ "'a\\b'", "[a\\b]" },
		{ "$HOME `x` ~ a;b", "[$HOME][`x`][~][a;b]" },
		{ "", NULL },
		{ " \t", NULL },
		{ "a 'b", NULL },
		{ "a \"b\\\"", NULL },
		{ "a\\", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char got[128] = "", **words = NULL;
		int result = words_split(rows[i].line, &words, NULL);
		assert_int_equal(rows[i].words ? 0 : -EINVAL, result);
		for (char **word = words; word && *word; word++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "[%s]", *word);
		if (rows[i].words)
			assert_string_equal(rows[i].words, got);
		words_free(words);
	}
}

/* A script in the home, and a profile that runs it. */
static void use_script(struct world *world, const char *text)
{
	char config[512];

	world_write(world, "a script", text);
	assert_int_equal(0, chmod(world_path(world, "a script"), 0700));
	snprintf(config, sizeof(config), "[default]\ncredential_process = '%s' one \"two three\"\n",
		 world_path(world, "a script"));
	world_write(world, ".aws/config", config);
}

static void test_found(void **state)
{
	struct world *world = *state;

	use_script(world, "#!/bin/sh\n"
			  "echo hunter2 >&2\n"
			  "echo '{\"Version\": 1, \"AccessKeyId\": \"'$1'\", \"SecretAccessKey\": \"'${2% *}'\"}'\n");
	assert_found(world, "credential_process: one two -");
	use_script(world,
		   "#!/bin/sh\n"
		   "cat <<'.'\n"
		   "{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\", \"SessionToken\": \"t\",\n"
		   "\"Expiration\": \"2015-08-30T13:36:00+01:00\"}\n.\n");
	assert_found(world, "credential_process: A s t until 2015-08-30T12:36:00Z");
}

/* Descriptors of ours are none of its business. */
static void test_inherits_nothing(void **state)
{
	struct world *world = *state;

	assert_int_equal(99, dup2(STDERR_FILENO, 99));
	use_script(world, "#!/bin/sh\n[ -e /proc/$$/fd/99 ] && exit 99\n"
			  "echo '{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\"}'\n");
	assert_found(world, "credential_process: A s -");
	close(99);
}

/* Keys in the credentials file go before it, those in the config file after. */
static void test_its_place(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/config",
		    "[default]\naws_access_key_id = C\naws_secret_access_key = c\ncredential_process = false\n");
	assert_refused(world, EACCES, "status 1");
	world_write(world, ".aws/credentials", "[default]\naws_access_key_id = F\naws_secret_access_key = f\n");
	assert_found(world, "shared credentials file: F f -");
}

static void test_refusals(void **state)
{
	static const struct {
		const char *script, *part;
	} rows[] = {
		{ "#!/bin/sh\necho hunter2; echo hunter2 >&2; exit 3\n", "ended with status 3: run it to see why" },
		{ "#!/bin/sh\nkill -9 $$\n", "ended by signal 9" },
		{ "#!/bin/sh\necho hunter2\n", "the answer is not JSON" },
		{ "#!/bin/sh\n", "the answer is not JSON" },
		{ "#!/bin/sh\necho '{\"AccessKeyId\": \"hunter2\", \"SecretAccessKey\": \"hunter2\"}'\n",
		  "its output is not of \"Version\": 1" },
		{ "#!/bin/sh\necho '{\"Version\": 2}'\n", "its output is not of \"Version\": 1" },
		{ "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"hunter2\"}'\n", "has no SecretAccessKey" },
		{ "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"hunter2\", "
		  "\"Expiration\": \"never\"}'\n",
		  "Expiration of the answer is not a time" },
		{ "#!/bin/sh\nexec yes hunter2\n", "it printed more than 65536 bytes and was killed" },
		{ "#!/nowhere\n", "it cannot be started" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < N(rows); i++) {
		use_script(world, rows[i].script);
		assert_refused(world, EACCES, rows[i].part);
		assert_refused(world, EACCES, "credential_process of profile \"default\"");
	}
	world_write(world, ".aws/config", "[default]\ncredential_process = 'hunter2\n");
	assert_refused(world, EINVAL, "a quotation mark or a backslash has nothing after it");
}

/* A script that would not end after it did `last`, and the process id of its child, which must end with it. */
static void use_endless_script(struct world *world, const char *last)
{
	char text[128];

	snprintf(text, sizeof(text), "#!/bin/sh\nsleep 1000 >&2 &\necho $! > \"${0%%/*}/child\"\n%s\nwait\n", last);
	use_script(world, text);
}

static int64_t jump(struct clock *clock)
{
	struct world *world = (void *)((char *)clock - offsetof(struct world, clock));

	/* Time passes once the child is there to be killed. */
	if (access(world_path(world, "child"), F_OK) == 0)
		world->mono += 61 * CLOCK_SECOND;
	else
		world->mono += CLOCK_MS;
	return world->mono;
}

static void assert_child_is_gone(struct world *world)
{
	char *text = world_read(world, "child");
	pid_t child = atoi(text);

	free(text);
	assert_true(child > 1);
	/* It is init's to reap: until then it is a zombie. */
	for (int i = 0; i < 10000; i++) {
		char path[64], state = 'X';
		snprintf(path, sizeof(path), "/proc/%d/stat", child);
		FILE *file = fopen(path, "re");
		if (!file)
			return;
		int n = fscanf(file, "%*d %*s %c", &state);
		fclose(file);
		if (n != 1 || state == 'Z' || state == 'X')
			return;
		usleep(1000);
	}
	fail_msg("%d goes on", child);
}

static void test_given_up(void **state)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct world *world = *state;
	struct error e = ERROR_NULL;
	int cancel = eventfd(1, EFD_CLOEXEC);

	use_script(world, "#!/bin/sh\nexec sleep 1000\n");
	assert_int_equal(-ECANCELED, credentials_find(&world->context, false, cancel, &found, &e));
	assert_non_null(strstr(e.text, "it was given up and killed"));
	close(cancel);
}

/* The clock of this one moves by being looked at. */
static void test_too_slow(void **state)
{
	struct world *world = *state;
	const struct clock_ops *before = world->clock.ops;
	const struct clock_ops ops = { before->wall, jump, before->sleep };

	world->clock.ops = &ops;
	for (int i = 0; i < 2; i++) {
		use_endless_script(world, i ? "exec >&-" : "echo");
		assert_refused(world, ETIMEDOUT, "it took longer than 60 s and was killed");
		assert_child_is_gone(world);
		assert_int_equal(0, unlink(world_path(world, "child")));
	}
	world->clock.ops = before;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_words),     WORLD_TEST(test_found),    WORLD_TEST(test_inherits_nothing),
		WORLD_TEST(test_its_place), WORLD_TEST(test_refusals), WORLD_TEST(test_given_up),
		WORLD_TEST(test_too_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
