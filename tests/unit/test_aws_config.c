/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the AWS CLI: variables, then the profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One variable, one line of the default profile, and what is made of them. */
struct row {
	const char *name, *value; /* of the variable; NULL: none */
	const char *line;         /* NULL: none */
	int result;
	int attempts;
	const char *bundle;
	const char *complaint; /* a part of it */
};

struct world {
	const struct row *row;
	char path[32];
};

static const char *lookup(void *data, const char *name)
{
	const struct world *world = data;

	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
		return "/dev/null";
	if (strcmp(name, "AWS_CONFIG_FILE") == 0)
		return world->path;
	return world->row->name && strcmp(name, world->row->name) == 0 ? world->row->value : NULL;
}

static void begin(struct world *world, const struct row *row)
{
	*world = (struct world){ row, "/tmp/test_aws_config.XXXXXX" };
	int fd = mkstemp(world->path);

	assert_true(fd >= 0);
	dprintf(fd, "[default]\nunrelated = x\n%s\n", row->line ? row->line : "");
	close(fd);
}

static void check(const struct row *row)
{
	_aws_config_cleanup_ struct aws_config config = AWS_CONFIG_NULL;
	struct credentials_context context = { .getenv = lookup };
	struct error e = ERROR_NULL;
	struct world world;

	begin(&world, row);
	context.data = &world;
	int result = aws_config_load(&context, &config, &e);
	unlink(world.path);
	if (result != row->result)
		fail_msg("%s, %s: %d %s", row->value, row->line, result, e.text);
	assert_int_equal(row->attempts, config.max_attempts);
	assert_int_equal(!row->bundle, !config.ca_bundle);
	if (row->bundle)
		assert_string_equal(row->bundle, config.ca_bundle);
	if (row->complaint && !strstr(e.text, row->complaint))
		fail_msg("'%s' is not in: %s", row->complaint, e.text);
}

static void test_settings(void **state)
{
	static const struct row rows[] = {
		{ NULL, NULL, NULL, 0, 0, NULL, NULL },
		{ "AWS_MAX_ATTEMPTS", "7", "max_attempts = 5", 0, 7, NULL, NULL },
		{ "AWS_MAX_ATTEMPTS", "", "max_attempts = 5", 0, 5, NULL, NULL },
		{ "AWS_MAX_ATTEMPTS", "0", NULL, -EINVAL, 0, NULL, "AWS_MAX_ATTEMPTS is no number from 1" },
		{ "AWS_MAX_ATTEMPTS", "1001", NULL, -EINVAL, 0, NULL, "to 1000" },
		{ "AWS_MAX_ATTEMPTS", "3x", NULL, -EINVAL, 0, NULL, "no number" },
		{ NULL, NULL, "max_attempts = some", -EINVAL, 0, NULL, "max_attempts is no number" },
		{ "AWS_CA_BUNDLE", "/etc/passwd", "ca_bundle = /none", 0, 0, "/etc/passwd", NULL },
		{ NULL, NULL, "ca_bundle = /etc/group", 0, 0, "/etc/group", NULL },
		{ NULL, NULL, "ca_bundle = /dev/zero", -EINVAL, 0, NULL, "/dev/zero, which is not a regular file" },
		{ "AWS_CA_BUNDLE", "/none/at/all", NULL, -EINVAL, 0, NULL, "AWS_CA_BUNDLE names /none/at/all" },
		{ "AWS_PROFILE", "nobody", NULL, -EACCES, 0, NULL, "there is no profile \"nobody\"" },
		{ "AWS_RETRY_MODE", "adaptive", NULL, 0, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* What the log holds after the configuration was loaded. */
static void load_with_log(const char *mode, char *text, size_t size)
{
	const struct row row = { .name = "AWS_RETRY_MODE", .value = mode };
	_aws_config_cleanup_ struct aws_config config = AWS_CONFIG_NULL;
	FILE *file = tmpfile();
	struct log log = LOG_NULL;
	struct world world;

	assert_non_null(file);
	log.fd = fileno(file);
	begin(&world, &row);
	struct credentials_context context = { .getenv = lookup, .data = &world, .log = &log };
	assert_int_equal(0, aws_config_load(&context, &config, NULL));
	unlink(world.path);
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void test_other_retry_modes_are_told(void **state)
{
	char text[256];

	(void)state;
	load_with_log("adaptive", text, sizeof(text));
	assert_non_null(strstr(text, "AWS_RETRY_MODE: adaptive is taken as standard"));
	load_with_log("standard", text, sizeof(text));
	assert_string_equal("", text);
}

static void test_switches(void **state)
{
	static const struct {
		struct row row;
		bool on;
	} rows[] = {
		{ { .name = "AWS_X", .value = "true" }, true },
		{ { .name = "AWS_X", .value = "TRUE" }, true },
		{ { .name = "AWS_X", .value = "yes" }, false },
		{ { .name = "AWS_X", .value = "1" }, false },
		{ { .line = "x = True" }, true },
		{ { .line = "x = false" }, false },
		{ { "AWS_X", "false", "x = true", 0, 0, NULL, NULL }, false },
		{ { 0 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		bool on = !rows[i].on;
		begin(&world, &rows[i].row);
		struct credentials_context context = { .getenv = lookup, .data = &world };
		assert_int_equal(0, aws_switch(&context, "AWS_X", "x", &on, NULL));
		unlink(world.path);
		assert_int_equal(rows[i].on, on);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_other_retry_modes_are_told),
		cmocka_unit_test(test_switches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
