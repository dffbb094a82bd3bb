/* SPDX-License-Identifier: Apache-2.0 */
/* Both dialects against vectors/ini (one folder a case: the dialect's name, input, expected), and reading of files. */
#include "aws/core/buf.h"
#include "aws/core/ini.h"

#include <dirent.h>
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

#define VECTORS TEST_DATA "/vectors/ini"

enum { FILE_MAX = 16 << 10, FILL = 1 << 18 };

static void read_whole(const char *folder, const char *name, struct buf *out)
{
	char path[512];

	snprintf(path, sizeof(path), VECTORS "/%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	char *room = buf_reserve(out, FILE_MAX);
	assert_non_null(room);
	out->len = fread(room, 1, FILE_MAX, file);
	room[out->len] = '\0';
	fclose(file);
}

static void render(const struct ini *ini, struct buf *out)
{
	for (size_t i = 0; i < ini->n_sections; i++)
		buf_printf(out, "%d [%s]\n", ini->sections[i].line, ini->sections[i].name);
	for (size_t i = 0; i < ini->n_entries; i++) {
		const struct ini_entry *entry = &ini->entries[i];
		buf_printf(out, "%d [%s] %s = '", entry->line, entry->section, entry->name);
		for (const char *at = entry->value; *at; at++)
			buf_printf(out, *at == '\n' ? "\\n" : "%c", *at);
		buf_str(out, "'\n");
	}
}

static void run_vector(const char *folder)
{
	const struct ini_dialect *dialect = strncmp(folder, "aws-", 4) == 0 ? &ini_aws : &ini_python;
	_buf_cleanup_ struct buf input = BUF_INIT(FILE_MAX), expected = BUF_INIT(FILE_MAX), got = BUF_INIT(FILE_MAX);
	_ini_cleanup_ struct ini ini = INI_NULL;
	struct error e = ERROR_NULL;

	read_whole(folder, "input", &input);
	read_whole(folder, "expected", &expected);
	/* A copy of the exact size lets the sanitizer see a read past the end. */
	char *exact = malloc(input.len ? input.len : 1);
	assert_non_null(exact);
	memcpy(exact, input.data, input.len);
	int result = ini_parse(dialect, "FILE", exact, input.len, &ini, &e);
	free(exact);
	if (result < 0) {
		assert_int_equal(-EINVAL, result);
		buf_printf(&got, "error: %s\n", e.text);
	} else {
		render(&ini, &got);
	}
	if (strcmp(expected.data, buf_text(&got)) != 0)
		fail_msg("%s\n--- expected\n%s--- got\n%s", folder, expected.data, buf_text(&got));
}

static void test_vectors(void **state)
{
	int n = 0;
	DIR *folder = opendir(VECTORS);

	(void)state;
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		run_vector(entry->d_name);
		n++;
	}
	closedir(folder);
	assert_true(n >= 20);
}

static void parse(const struct ini_dialect *dialect, const char *text, struct ini *ini)
{
	assert_int_equal(0, ini_parse(dialect, "FILE", text, strlen(text), ini, NULL));
}

static void test_get(void **state)
{
	_ini_cleanup_ struct ini ini = INI_NULL;

	(void)state;
	parse(&ini_python, "[DEFAULT]\na=0\nb=0\n[s]\na=1\na=2\n[t]\na=3\n[s]\nc=4\n", &ini);
	assert_string_equal("2", ini_get(&ini, "s", "a"));
	assert_string_equal("0", ini_get(&ini, "s", "b"));
	assert_string_equal("4", ini_get(&ini, "s", "c"));
	assert_string_equal("3", ini_get(&ini, "t", "a"));
	assert_null(ini_get(&ini, "t", "c"));
	assert_null(ini_get(&ini, "t", "A"));
	assert_int_equal(2, ini.n_sections);
}

static void test_no_defaults_for_aws(void **state)
{
	_ini_cleanup_ struct ini ini = INI_NULL;

	(void)state;
	parse(&ini_aws, "[DEFAULT]\na=0\n[s]\nB=1\n", &ini);
	assert_null(ini_get(&ini, "s", "a"));
	assert_string_equal("1", ini_get(&ini, "s", "b"));
	assert_int_equal(2, ini.n_sections);
}

/* The sections of a file that has nothing else, many of them twice. */
static void test_many_sections(void **state)
{
	_buf_cleanup_ struct buf text = BUF_INIT(INI_FILE_MAX);
	_ini_cleanup_ struct ini ini = INI_NULL;

	(void)state;
	for (int i = 0; i < 60000; i++)
		buf_printf(&text, "[%d]\n", i % 40000);
	assert_int_equal(0, buf_error(&text));
	parse(&ini_python, buf_text(&text), &ini);
	assert_int_equal(40000, ini.n_sections);
	assert_string_equal("0", ini.sections[0].name);
	assert_string_equal("39999", ini.sections[39999].name);
}

static void test_values_stay_out_of_errors(void **state)
{
	static const char *const rows[] = { "[s]\n hunter2\n", "[s]\nhunter2\n", "hunter2 = x\n", "[s]\n=hunter2\n",
					    "[s]\na=1\n[]hunter2\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ini ini = INI_NULL;
		struct error e = ERROR_NULL;
		assert_int_equal(-EINVAL, ini_parse(&ini_python, "FILE", rows[i], strlen(rows[i]), &ini, &e));
		assert_null(strstr(e.text, "hunter2"));
		assert_null(ini.text);
	}
}

static char *new_folder(void)
{
	char *folder = strdup("/tmp/test_ini.XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	return folder;
}

static void write_file(const char *path, size_t fill)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("[s]\na = 1\n", file);
	for (size_t i = 0; i < fill; i++)
		fputs("# fill\n", file);
	assert_int_equal(0, fclose(file));
}

static int load(const char *path, struct error *e)
{
	_ini_cleanup_ struct ini ini = INI_NULL;
	int result = ini_load(&ini_python, path, &ini, e);

	if (result == 0 && ini.n_sections)
		assert_string_equal("1", ini_get(&ini, "s", "a"));
	return result;
}

static void test_load(void **state)
{
	char *folder = new_folder();
	_buf_cleanup_ struct buf path = BUF_INIT(256);
	struct error e = ERROR_NULL;

	(void)state;
	buf_printf(&path, "%s/file", folder);
	assert_int_equal(-ENOENT, load(path.data, &e));
	assert_non_null(strstr(e.text, path.data));
	write_file(path.data, 0);
	assert_int_equal(0, load(path.data, &e));
	write_file(path.data, FILL);
	assert_int_equal(-EFBIG, load(path.data, &e));
	unlink(path.data);
	assert_int_equal(0, mkfifo(path.data, 0600));
	assert_int_equal(-EINVAL, load(path.data, &e));
	unlink(path.data);
	assert_int_equal(-EINVAL, load(folder, &e));
	assert_int_equal(0, load("/dev/null", &e));
	assert_int_equal(-EINVAL, load("/dev/zero", &e));
	rmdir(folder);
	free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_no_defaults_for_aws),
		cmocka_unit_test(test_many_sections),
		cmocka_unit_test(test_values_stay_out_of_errors),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
