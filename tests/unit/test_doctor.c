/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor prints of embedded stores and mountpoints; tables are looked at in the integration tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/doctor.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own for each test, and what doctor printed. */
struct world {
	char folder[64];
	char *out;
	int crosses;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->folder, "/tmp/test_doctor.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	assert_int_equal(system(command), 0);
	free(w->out);
	free(w);
	return 0;
}

static const char *in(const struct world *w, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", w->folder, name);
	return path;
}

static void write_file(const struct world *w, const char *name, const char *text)
{
	FILE *file = fopen(in(w, name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Looks at the embedded store in that file of the folder. */
static void look(struct world *w, const char *file, const char *mountpoint)
{
	struct option_pairs options = OPTION_PAIRS_NULL;
	char source[PATH_MAX + 16];
	size_t size;

	snprintf(source, sizeof(source), "local:%s", in(w, file));
	const struct config_request config = {
		.file = "/nonexistent", .file_optional = true, .source = source, .options = &options
	};
	free(w->out);
	FILE *out = open_memstream(&w->out, &size);
	assert_non_null(out);
	const struct doctor_request request = {
		.config = &config, .mountpoint = mountpoint, .clock = clock_system(), .out = out
	};
	w->crosses = doctor_run(&request);
	assert_int_equal(fclose(out), 0);
}

static void assert_says(const struct world *w, const char *line)
{
	if (!strstr(w->out, line))
		fail_msg("'%s' is not in:\n%s", line, w->out);
}

/* Of what the machine has to offer only the devices differ between machines. */
static int crosses_of_source(const struct world *w)
{
	return w->crosses - (strstr(w->out, "\u2717 /dev/fuse") ? 1 : 0);
}

static void test_a_store_that_is_not_there_yet(void **state)
{
	struct world *w = *state;

	look(w, "new/deep/x.db", NULL);
	assert_int_equal(crosses_of_source(w), 0);
	assert_says(w, "does not exist yet: a mount makes it\n");
	assert_says(w, "- left out: permissions, schema\n");
	assert_says(w, "- mountpoint: none was named\n");
	assert_int_equal(access(in(w, "new"), F_OK), -1);
}

static void test_an_empty_file(void **state)
{
	struct world *w = *state;

	write_file(w, "x.db", "");
	look(w, "x.db", NULL);
	assert_int_equal(crosses_of_source(w), 0);
	assert_says(w, "x.db, 0 bytes\n");
	assert_says(w, "- schema: the file is empty: a mount makes its tables\n");
	struct stat st;
	assert_int_equal(stat(in(w, "x.db"), &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void test_files_that_are_no_store(void **state)
{
	struct world *w = *state;

	write_file(w, "text",
		   "something else altogether, and longer than the header of a database would be: it is no store");
	look(w, "text", NULL);
	assert_int_equal(crosses_of_source(w), 1);
	assert_says(w, "\n\u2717 schema: ");
	look(w, "text/below", NULL);
	assert_int_equal(crosses_of_source(w), 1);
	assert_says(w, "\n\u2717 file: ");
	look(w, ".", NULL);
	assert_int_equal(crosses_of_source(w), 1);
	assert_says(w, "is not a regular file: name another with local:FILE\n- left out: permissions, schema\n");
}

static void test_mountpoints(void **state)
{
	struct world *w = *state;
	char empty[96], line[192];

	snprintf(empty, sizeof(empty), "%s/empty", w->folder);
	snprintf(line, sizeof(line), "\u2713 mountpoint: %s is an empty directory\n", empty);
	assert_int_equal(mkdir(empty, 0700), 0);
	look(w, "x.db", empty);
	assert_says(w, line);
	look(w, "x.db", w->folder);
	assert_int_equal(crosses_of_source(w), 1);
	assert_says(w, "is not empty: choose an empty directory\n");
	look(w, "x.db", "/nonexistent");
	assert_says(w, "\u2717 mountpoint: /nonexistent does not exist: make it with mkdir\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_store_that_is_not_there_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_empty_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_that_are_no_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mountpoints, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
