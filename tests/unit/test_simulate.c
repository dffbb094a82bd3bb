/* SPDX-License-Identifier: Apache-2.0 */
/* What dynamic-dynamodb 2.5.1 decided, and what the six repairs make of it: vectors/scaler, every field of `expect`. */
#include "scaler/simulate.h"
#include "scaler_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define VECTORS TEST_DATA "/vectors/scaler/"

/* The one deliberate difference here: a dry run sends nothing (README of the vectors). */
static void send_nothing(json_t *announcements)
{
	size_t i;
	json_t *announcement;

	json_array_foreach(announcements, i, announcement)
	{
		json_object_set_new(announcement, "sent", json_false());
		json_object_del(announcement, "topic");
	}
}

static void compare_step(const char *id, size_t number, bool dry_run, json_t *expected, json_t *got)
{
	if (dry_run) {
		send_nothing(json_object_get(expected, "alarms"));
		send_nothing(json_object_get(expected, "notifications"));
	}
	if (json_same(expected, got))
		return;
	char *wanted = json_dumps(expected, JSON_SORT_KEYS), *made = json_dumps(got, JSON_SORT_KEYS);
	fail_msg("%s, step %zu\n--- expected\n%s\n--- got\n%s", id, number + 1, wanted, made);
}

static size_t run_vector(const char *text, enum compat compat)
{
	_simulate_cleanup_ struct simulation simulation = SIMULATION_NULL;
	_buf_cleanup_ struct buf line = BUF_INIT(SIMULATE_LINE_MAX);
	struct error e = ERROR_NULL;
	json_t *vector = json_loads(text, 0, NULL), *steps = json_object_get(vector, "steps"), *step;
	size_t i, n = json_array_size(steps);

	if (simulate_parse(text, strlen(text), &simulation, &e) < 0)
		fail_msg("%s\n%s", e.text, text);
	simulate_line(&simulation, compat, &line);
	json_t *got = json_loads(buf_text(&line), 0, NULL);
	assert_true(json_equal(json_object_get(vector, "id"), json_object_get(got, "id")));
	json_t *got_steps = json_object_get(got, "steps");
	assert_int_equal(n, json_array_size(got_steps));
	json_array_foreach(steps, i, step)
	{
		compare_step(json_string_value(json_object_get(vector, "id")), i, simulation.dry_run,
			     json_object_get(step, "expect"), json_array_get(got_steps, i));
	}
	json_decref(got);
	json_decref(vector);
	return n;
}

static void run_file(const char *path, enum compat compat, size_t least)
{
	enum { LINE_MAX_BYTES = 1 << 20 };
	gzFile file = gzopen(path, "rb");
	char *text = malloc(LINE_MAX_BYTES);
	size_t steps = 0;

	assert_non_null(file);
	assert_non_null(text);
	while (gzgets(file, text, LINE_MAX_BYTES))
		steps += run_vector(text, compat);
	free(text);
	gzclose(file);
	assert_true(steps >= least);
}

static void test_tables_as_2_5_1(void **state)
{
	(void)state;
	run_file(VECTORS "compat-2.5.1/table.jsonl.gz", COMPAT_2_5_1, 9000);
}

static void test_indexes_as_2_5_1(void **state)
{
	(void)state;
	run_file(VECTORS "compat-2.5.1/gsi.jsonl.gz", COMPAT_2_5_1, 3000);
}

static void test_tables_repaired(void **state)
{
	(void)state;
	run_file(VECTORS "recommended/table.jsonl.gz", COMPAT_NONE, 9000);
}

static void test_indexes_repaired(void **state)
{
	(void)state;
	run_file(VECTORS "recommended/gsi.jsonl.gz", COMPAT_NONE, 3000);
}

/* Lines that are no scenario, each with what is said of it. */
static const struct {
	const char *line, *sentence;
} bad_lines[] = {
	{ "x\n", "expected a JSON object" },
	{ "{}\n", "\"table\"" },
	{ "{\"table\": \"t\", \"options\": {\"no-such\": \"1\"}, \"steps\": []}\n", "no-such" },
	{ "{\"table\": \"t\", \"options\": {\"increase-reads-with\": \"many\"}, \"steps\": []}\n",
	  "increase-reads-with" },
	{ "{\"table\": \"t\", \"steps\": [{\"status\": \"ACTIVE\", \"now\": \"noon\"}]}\n", "step 1" },
	{ "{\"table\": \"t\", \"steps\": [{\"status\": \"ACTIVE\", \"now\": \"2024-01-15T05:30:03Z\","
	  " \"provisioned\": {\"read\": 1.5, \"write\": 1}}]}\n",
	  "whole number of reads" },
	{ "{\"table\": \"t\", \"options\": {\"circuit-breaker-url\": \"ftp://x\"}, \"steps\": []}\n", "http://" },
};

static void test_bad_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		_simulate_cleanup_ struct simulation simulation = SIMULATION_NULL;
		struct error e = ERROR_NULL;
		int r = simulate_parse(bad_lines[i].line, strlen(bad_lines[i].line), &simulation, &e);
		assert_int_equal(-22, r);
		if (!strstr(e.text, bad_lines[i].sentence))
			fail_msg("%s%s", bad_lines[i].line, e.text);
	}
}

/* user:password@ as the original's expression found it: the last `@`, the last colon with text on both sides. */
static void test_breaker_credentials(void **state)
{
	static const struct {
		const char *url, *asked, *user, *password;
	} rows[] = {
		{ "http://a:b@c:d@h/", "http://h/", "a:b@c", "d" }, { "http://a:b:@h/", "http://h/", "a", "b:" },
		{ "http://:x:y@h/", "http://h/", ":x", "y" },       { "http://u:p@h:@x", "http://x", "u", "p@h:" },
		{ "http://u:@h/", "http://u:@h/", NULL, NULL },     { "http://:p@h/", "http://:p@h/", NULL, NULL },
		{ "http://@h:1/", "http://@h:1/", NULL, NULL },     { "https://", "https://", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct global_options global = { .breaker_url = (char *)rows[i].url };
		const struct section_options section = { .breaker_url = NULL };
		_breaker_cleanup_ struct breaker_request request = BREAKER_NULL;
		assert_int_equal(0, breaker_request(&section, &global, &request, NULL));
		assert_string_equal(rows[i].asked, request.url);
		assert_string_equal(rows[i].user ? rows[i].user : "", request.user ? request.user : "");
		assert_string_equal(rows[i].password ? rows[i].password : "", request.password ? request.password : "");
	}
}

/* A file's lines, and where one of them is wrong. */
static void test_file(void **state)
{
	char path[] = "/tmp/simulate-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w"), *out = tmpfile();
	struct error e = ERROR_NULL;
	char text[256] = "";

	(void)state;
	fputs("{\"id\": 7, \"table\": \"t\", \"steps\": []}\n\nno\n", file);
	fclose(file);
	assert_int_equal(-22, simulate_file(path, COMPAT_NONE, out, &e));
	assert_non_null(strstr(e.text, ":3: "));
	rewind(out);
	assert_non_null(fgets(text, sizeof(text), out));
	assert_string_equal("{\"id\": 7, \"steps\": []}\n", text);
	fclose(out);
	unlink(path);
	assert_int_equal(-5, simulate_file(path, COMPAT_NONE, stderr, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_as_2_5_1),
		cmocka_unit_test(test_indexes_as_2_5_1),
		cmocka_unit_test(test_tables_repaired),
		cmocka_unit_test(test_indexes_repaired),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_breaker_credentials),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
