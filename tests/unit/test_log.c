/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { READ_MAX = 8192 };

/* What was written to a pipe that takes the place of stderr. */
struct sink {
	struct log log;
	int ends[2];
	char text[READ_MAX];
};

static void sink_open(struct sink *sink)
{
	assert_int_equal(0, pipe(sink->ends));
	sink->log = LOG_NULL;
	sink->log.fd = sink->ends[1];
}

static const char *sink_close(struct sink *sink)
{
	close(sink->ends[1]);
	ssize_t n = read(sink->ends[0], sink->text, sizeof(sink->text) - 1);
	assert_true(n >= 0);
	sink->text[n] = '\0';
	close(sink->ends[0]);
	return sink->text;
}

static void test_levels(void **state)
{
	struct sink sink;

	(void)state;
	sink_open(&sink);
	log_debug(&sink.log, "dropped");
	log_info(&sink.log, "kept %d", 1);
	sink.log.level = LOG_LEVEL_ERROR;
	log_warning(&sink.log, "dropped");
	log_error(&sink.log, "kept %d", 2);
	log_error(NULL, "dropped");
	assert_string_equal("dynconf: kept 1\ndynconf: kept 2\n", sink_close(&sink));
}

static void test_names(void **state)
{
	enum log_level level;

	(void)state;
	for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++) {
		assert_int_equal(0, log_level_parse(log_level_name((enum log_level)i), &level));
		assert_int_equal(i, level);
	}
	assert_int_equal(-EINVAL, log_level_parse("loud", &level));
	assert_int_equal(-EINVAL, log_level_parse("", &level));
}

/* Names from a table must not write lines of their own, nor reach the terminal's control. */
static void test_one_line(void **state)
{
	struct sink sink;

	(void)state;
	sink_open(&sink);
	log_info(&sink.log, "a%sb", "\n\x1b[2J\x7f");
	const char *text = sink_close(&sink);
	assert_ptr_equal(text + strlen(text) - 1, strchr(text, '\n'));
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\x7f'));
}

static void test_long_line(void **state)
{
	struct sink sink;
	char *long_text = calloc(1, READ_MAX);

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'a', READ_MAX - 1);
	sink_open(&sink);
	log_info(&sink.log, "%s", long_text);
	const char *text = sink_close(&sink);
	assert_ptr_equal(text + strlen(text) - 1, strchr(text, '\n'));
	free(long_text);
}

static void test_file(void **state)
{
	struct log log = LOG_NULL;
	char folder[] = "/tmp/test_log.XXXXXX", path[64], text[256] = "", level[16], rest[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(0, log_open_file(&log, path));
		log_warning(&log, "line");
	}
	assert_int_equal(-ENOENT, log_open_file(&log, "/nowhere/log"));
	assert_true(log.owned);
	log_deinit(&log);
	assert_int_equal(2, log.fd);
	log_deinit(&log);
	assert_int_equal(0, stat(path, &st));
	assert_int_equal(0600, st.st_mode & 07777);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < 2; i++) {
		assert_non_null(fgets(text, sizeof(text), file));
		/* 2024-01-31 12:00:00,123 - dynconf - WARNING - line */
		assert_int_equal(2, sscanf(text, "%*d-%*d-%*d %*d:%*d:%*d,%*3d - dynconf - %15s - %63s", level, rest));
		assert_int_equal(0, strcasecmp("warning", level));
		assert_string_equal("line", rest);
	}
	assert_null(fgets(text, sizeof(text), file));
	fclose(file);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),    cmocka_unit_test(test_names), cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_long_line), cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
