/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files and command lines of dynamic-dynamodb 2.5.1, vectors/scaler/config, less the deliberate
 * differences that vectors/scaler-differences lists; and what the original did not have. */
#include "scaler/config.h"
#include "scaler_json.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define CASES TEST_DATA "/vectors/scaler/config"

enum { SHOWN_MAX = 1 << 20, ARGUMENTS_MAX = 32 };

/* The command line of a case, as scaler/cli.c would hand it over; false where it does not get that far. */
struct command {
	struct scaler_argument arguments[ARGUMENTS_MAX];
	struct scaler_config_request request;
};

static const char *long_name(const char *word)
{
	static const char *const shorts[] = { "-cconfig", "-ttable-name", "-rregion" };

	for (size_t i = 0; i < 3; i++) {
		if (strncmp(word, shorts[i], 2) == 0 && !word[2])
			return shorts[i] + 2;
	}
	return strncmp(word, "--", 2) == 0 ? word + 2 : NULL;
}

static bool known(const char *name)
{
	for (enum scaler_scope scope = 0; scope <= SCALER_SECTION; scope++) {
		if (scaler_option_find(scope, name))
			return true;
	}
	return strcmp(name, "table-name") == 0;
}

static bool read_command(json_t *argv, struct command *command)
{
	*command = (struct command){ .request.arguments = command->arguments };
	for (size_t i = 0; i < json_array_size(argv); i++) {
		const char *name = long_name(json_string_value(json_array_get(argv, i)));
		const struct scaler_option *row = scaler_option_find(SCALER_COMMAND, name);
		if (!name || !known(name))
			return false;
		bool flag = row && (row->flags & SCALER_FLAG);
		const char *value = flag ? "true" : json_string_value(json_array_get(argv, ++i));
		if (strcmp(name, "config") == 0)
			command->request.file = value;
		else if (strcmp(name, "table-name") == 0)
			command->request.table = value;
		else
			command->arguments[command->request.n_arguments++] = (struct scaler_argument){ name, value };
	}
	return true;
}

/* What README of the vectors and vectors/scaler-differences name. */
static void adapt(json_t *expected)
{
	json_t *global = json_object_get(expected, "global");

	json_object_set_new(global, "pid_file_dir", json_string("*"));
	if (json_is_string(json_object_get(global, "aws_secret_access_key")))
		json_object_set_new(global, "aws_secret_access_key", json_string("***"));
}

static json_t *shown(const struct scaler_config *config)
{
	_buf_cleanup_ struct buf text = BUF_INIT(SHOWN_MAX), plain = BUF_INIT(SHOWN_MAX);

	scaler_config_show(config, &text);
	/* NaN is what Python prints, and no JSON. */
	for (const char *at = buf_text(&text); *at; at++) {
		if (strncmp(at, "NaN", 3) == 0)
			buf_str(&plain, "{\"non-finite\": \"NaN\"}"), at += 2;
		else
			buf_char(&plain, *at);
	}
	json_t *json = json_loads(buf_text(&plain), 0, NULL);
	assert_non_null(json);
	return json;
}

/* The word after a case's name in vectors/scaler-differences: "accepted" or "refused"; "" for a case like the original.
 */
static void difference(const char *name, char word[16])
{
	char line[512], listed[128];
	FILE *file = fopen(TEST_DATA "/vectors/scaler-differences", "r");

	*word = '\0';
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char found[16];
		if (sscanf(line, "%127s %15s", listed, found) == 2 && strcmp(listed, name) == 0)
			strcpy(word, found);
	}
	fclose(file);
}

static void compare_config(const char *name, const struct scaler_config *config, json_t *expected)
{
	json_t *got = shown(config);

	adapt(expected);
	adapt(got);
	if (!json_same(expected, got)) {
		char *wanted = json_dumps(expected, JSON_SORT_KEYS), *made = json_dumps(got, JSON_SORT_KEYS);
		fail_msg("%s\n--- expected\n%s\n--- got\n%s", name, wanted, made);
	}
	json_decref(got);
}

/* [table, table key] or [table, table key, index, index key], in the order in which a pass handles them. */
static void compare_handled(const char *name, const struct scaler_config *config, json_t *vector)
{
	json_t *handled = json_array(), *indexes, *index;
	const char *table;
	size_t i;

	json_object_foreach(json_object_get(vector, "tables_present"), table, indexes)
	{
		const struct scaler_section *section = scaler_config_match(config, table, NULL);
		if (!section)
			continue;
		json_array_append_new(handled, json_pack("[ss]", table, section->key));
		json_array_foreach(indexes, i, index)
		{
			for (size_t j = 0; j < section->n_indexes; j++) {
				const struct scaler_section *one = &section->indexes[j];
				if (scaler_section_matches(one, json_string_value(index)))
					json_array_append_new(
						handled, json_pack("[ssOs]", table, section->key, index, one->key));
			}
		}
	}
	if (!json_equal(json_object_get(vector, "handled"), handled))
		fail_msg("%s: handled\n%s", name, json_dumps(handled, 0));
	json_decref(handled);
	bool refused = json_integer_value(json_object_get(vector, "match_exit")) != 0;
	struct error e = ERROR_NULL;
	assert_int_equal(refused ? -22 : 0, scaler_config_check_patterns(config, &e));
}

static void run_case(const char *name, json_t *vector)
{
	struct scaler_config config = SCALER_CONFIG_NULL;
	struct command command;
	struct error e = ERROR_NULL;
	char word[16];
	int r = -22;

	difference(name, word);
	if (read_command(json_object_get(vector, "argv"), &command))
		r = scaler_config_load(&command.request, NULL, &config, &e);
	json_t *expected = json_object_get(vector, "config");
	bool accepted = *word ? strcmp(word, "accepted") == 0 : expected != NULL;
	if (accepted != (r == 0))
		fail_msg("%s is %s: %s", name, r == 0 ? "accepted" : "refused", e.text);
	if (*word && accepted == (expected != NULL))
		fail_msg("%s is no difference", name);
	if (r == 0 && expected)
		compare_config(name, &config, expected);
	if (r == 0 && json_object_get(vector, "handled"))
		compare_handled(name, &config, vector);
	scaler_config_deinit(&config);
}

static void test_cases(void **state)
{
	DIR *folder = opendir(CASES);
	int n = 0;

	(void)state;
	assert_non_null(folder);
	assert_int_equal(0, chdir(CASES));
	for (struct dirent *entry; (entry = readdir(folder));) {
		char *end = strstr(entry->d_name, ".expected.json");
		if (!end)
			continue;
		json_t *vector = json_load_file(entry->d_name, 0, NULL);
		*end = '\0';
		run_case(entry->d_name, vector);
		json_decref(vector);
		n++;
	}
	closedir(folder);
	assert_true(n >= 55);
}

#define TABLE "[table: t]\n"

static int parse(const char *text, bool strict, struct log *log, struct scaler_config *config, struct error *e)
{
	const struct scaler_config_request request = { .file = "FILE", .strict = strict };

	return scaler_config_parse(&request, text, strlen(text), log, config, e);
}

static const struct {
	const char *text, *sentence;
} refused[] = {
	{ "", "FILE: there is no section [table: KEY]" },
	{ "[default_options]\n", "FILE: there is no section [table: KEY]" },
	{ "[global]\ncheck-interval: -1\n" TABLE, "check-interval may not be lower than 0" },
	{ "[global]\ncheck-interval: soon\n" TABLE, "FILE:2: [global]: check-interval takes a whole number" },
	{ TABLE "lookback-window-start: 99999999999999999999\n", "lookback-window-start takes a whole number" },
	{ "[global]\ncompat: 2.4\n" TABLE, "FILE:2: [global]: compat takes one of: 2.5.1" },
	{ "[logging]\nlog-level: loud\n" TABLE, "FILE:2: [logging]: log-level takes one of: debug|info|warning|error" },
	{ TABLE "increase-reads-with: 0\n", "FILE:2: [table: t]: increase-reads-with may not be lower than 1" },
	{ "[default_options]\nincrease-reads-with: 0\n" TABLE, "FILE:2: [table: t]: increase-reads-with may not be" },
	{ "[default_options]\nincrease-reads-with: x\n" TABLE, "FILE:2: [default_options]: increase-reads-with takes" },
	{ TABLE "reads-upper-threshold: 0.5\n", "reads-upper-threshold may not be lower than 1; 0 switches it off" },
	{ TABLE "reads-upper-threshold: 0x5A\n", "FILE:2: [table: t]: reads-upper-threshold takes a number" },
	{ TABLE "writes-lower-threshold: 3 0\n", "writes-lower-threshold takes a whole number" },
	{ TABLE "enable-reads-autoscaling: maybe\n", "enable-reads-autoscaling takes true or false" },
	{ TABLE "increase-reads-unit: Percent\n", "increase-reads-unit takes one of: percent|units" },
	{ TABLE "increase-consumed-reads-scale: [1]\n",
	  "FILE:2: [table: t]: increase-consumed-reads-scale: expected a scale" },
	{ TABLE "min-provisioned-writes: 9\nmax-provisioned-writes: 8\n",
	  "FILE:2: [table: t]: min-provisioned-writes (9) may not be higher than max-provisioned-writes (8)" },
	{ TABLE "lookback-window-start: 4\n", "lookback-period (5) may not be longer than lookback-window-start (4)" },
	{ TABLE "lookback-window-start: 655201\n",
	  "FILE:2: [table: t]: lookback-window-start (655201) may not be longer" },
	{ TABLE "lookback-period: 0\n", "lookback-period may not be lower than 1" },
	{ TABLE "decreases-reserved-window: noon\n", "decreases-reserved-window: \"noon\" is no window" },
	{ TABLE "exclude: a(\n", "exclude: \"a(\" is not a regular expression" },
	{ TABLE "[gsi: i table: u]\n", "FILE:2: [gsi: i table: u]: there is no section [table: u]" },
	{ TABLE "[gsi: i table: t]\ndecrease-consumed-reads-with: -1\n",
	  "decrease-consumed-reads-with may not be lower" },
	{ TABLE "[schedule: s table: t]\n", "FILE:2: [schedule: s table: t]: windows is missing" },
	{ TABLE "[schedule: s table: t]\nwindows: noon\n",
	  "FILE:3: [schedule: s table: t]: windows: \"noon\" is no window" },
	{ TABLE "[schedule: s table: t]\nwindows: 01:00-02:00\n",
	  "min-provisioned-reads and min-provisioned-writes are" },
	{ TABLE "max-provisioned-reads: 5\n[schedule: s table: t]\nwindows: 01:00-02:00\nmin-provisioned-reads: 6\n",
	  "min-provisioned-reads may not be higher than the section's maximum (5)" },
	{ TABLE "text\n", "FILE:2: expected" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct scaler_config config = SCALER_CONFIG_NULL;
		struct error e = ERROR_NULL;
		if (parse(refused[i].text, false, NULL, &config, &e) != -22)
			fail_msg("%s is accepted", refused[i].text);
		if (!strstr(e.text, refused[i].sentence))
			fail_msg("%s\n--- expected\n%s\n--- got\n%s", refused[i].text, refused[i].sentence, e.text);
	}
}

/* What is accepted with a warning, and refused with --strict; "" where there is nothing to say. */
static const struct {
	const char *text, *warning;
} doubtful[] = {
	{ TABLE "reads_lower_threshold: 5\n", "FILE:2: [table: t] there is no option reads_lower_threshold here" },
	{ TABLE "[tabel: u]\n", "FILE:2: [tabel: u] is no section that is known here" },
	{ TABLE "[table : u]\n", "FILE:2: [table : u] is no section that is known here" },
	{ TABLE "[table: a:b]\n", "FILE:2: [table: a:b] is ignored; write [table: KEY], the key without a colon" },
	{ TABLE "[gsi:  i table: t]\n",
	  "FILE:2: [gsi:  i table: t] is ignored; write [gsi: KEY table: KEY], with single" },
	{ TABLE "[gsi: i table: t ]\n", "is ignored; write [gsi: KEY table: KEY], with single spaces" },
	{ TABLE "[schedule: s]\n", "is ignored; write [schedule: NAME table: KEY]" },
	{ TABLE "sns-topic-arn: arn:x # prod\n", "FILE:2: sns-topic-arn: the value goes on after the `#`" },
	{ TABLE "sns-topic-arn: arn:x\n  # prod\n",
	  "FILE:2: sns-topic-arn: its value goes on with an indented comment" },
	{ TABLE "sns-topic-arn: arn:x\n  reads-lower-threshold: 5\n", "its value goes on with an indented option" },
	{ "[DEFAULT]\nsns-topic-arn: arn:x # prod\n" TABLE "[table: u]\n", "FILE:2: sns-topic-arn: the value goes on" },
	{ "[default_options]\nspeed: 3\n" TABLE "[table: u]\n",
	  "FILE:2: [default_options] there is no option speed here" },
	{ TABLE "sns-message-types: scale-up, bogus\n", "FILE:2: sns-message-types: there is no type bogus" },
	{ TABLE "maintenance-windows: noon\n", "FILE:1: [table: t] maintenance-windows has an entry that is none" },
	{ TABLE "circuit-breaker-url: ftp://x\n", "circuit-breaker-url begins with neither http:// nor https://" },
	{ "[table: t(]\n", "FILE:1: [table: t(] \"t(\" is not a regular expression" },
	{ "[global]\nttl: 5\n" TABLE, "FILE:2: [global] there is no option ttl here" },
	{ "[global]\nttl: 5\n[source: s]\nsource: local\n" TABLE, "" },
	{ "[ global ]\ncheck-interval: 5\n[DEFAULT]\nregion: x\n" TABLE, "" },
	{ "[global]\naws-secret-access-key: a\n[default_options]\nreads-lower-threshold: 0\n" TABLE
	  "max-provisioned-reads: 0\nsns-topic-arn: a\n b\ncool-down: 5\n[gsi: i tbl "
	  "t]\nnum-read-checks-before-scale-down: 0\n",
	  "" },
};

static void read_log(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
}

static void test_doubtful(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++) {
		struct scaler_config config = SCALER_CONFIG_NULL;
		struct log log = { .level = LOG_LEVEL_WARNING, .fd = memfd_create("log", MFD_CLOEXEC) };
		struct error e = ERROR_NULL;
		char said[1024];
		assert_int_equal(0, parse(doubtful[i].text, false, &log, &config, &e));
		scaler_config_deinit(&config);
		read_log(log.fd, said, sizeof(said));
		close(log.fd);
		const char *line = strchr(said, '\n');
		bool once = line && !line[1] && strstr(said, doubtful[i].warning);
		if (*doubtful[i].warning ? !once : *said)
			fail_msg("%s\n--- expected\n%s\n--- got\n%s", doubtful[i].text, doubtful[i].warning, said);
		int r = parse(doubtful[i].text, true, NULL, &config, &e);
		scaler_config_deinit(&config);
		assert_int_equal(*doubtful[i].warning ? -22 : 0, r);
		if (*doubtful[i].warning)
			assert_non_null(strstr(e.text, doubtful[i].warning));
	}
}

static void test_no_secret_is_shown(void **state)
{
	struct scaler_config config = SCALER_CONFIG_NULL;
	_buf_cleanup_ struct buf text = BUF_INIT(SHOWN_MAX);

	(void)state;
	assert_int_equal(
		0, parse("[global]\naws-secret-access-key-id: hidden\ncircuit-breaker-url: http://u:hidden@h/\n" TABLE
			 "circuit-breaker-url: https://u:x:hidden@h/a\n",
			 false, NULL, &config, NULL));
	scaler_config_show(&config, &text);
	assert_null(strstr(buf_text(&text), "hidden"));
	assert_non_null(strstr(buf_text(&text), "\"http://u:***@h/\""));
	assert_string_equal("hidden", config.global.secret_key);
	scaler_config_deinit(&config);
}

static void expect_option(const struct scaler_section *section, const char *name, const char *value)
{
	_buf_cleanup_ struct buf text = BUF_INIT(1024);

	assert_int_equal(0, scaler_section_get(section, name, &text, NULL));
	assert_string_equal(value, buf_text(&text));
}

/* Options while running: what is shown is accepted, and what is wrong changes nothing. */
static void test_set(void **state)
{
	struct scaler_config config = SCALER_CONFIG_NULL;
	struct error e = ERROR_NULL;

	(void)state;
	assert_int_equal(0, parse(TABLE "max-provisioned-reads: 50\nexclude: t_.*\n", false, NULL, &config, &e));
	struct scaler_section *section = &config.tables[0];
	assert_int_equal(0, scaler_section_set(section, "reads-upper-threshold", "72.5", &e));
	expect_option(section, "reads-upper-threshold", "72.5");
	assert_int_equal(0, scaler_section_set(section, "increase-consumed-reads-scale", "{50: 5, 0.25:1.5}", &e));
	expect_option(section, "increase-consumed-reads-scale", "{0.25: 1.5, 50: 5}");
	assert_int_equal(0, scaler_section_set(section, "sns-message-types", "scale-up,scale-down", &e));
	expect_option(section, "sns-message-types", "scale-up, scale-down");
	assert_int_equal(-22, scaler_section_set(section, "min-provisioned-reads", "51", &e));
	assert_non_null(strstr(e.text, "may not be higher"));
	expect_option(section, "min-provisioned-reads", "");
	assert_int_equal(-22, scaler_section_set(section, "sns-message-types", "scale-up, bogus", &e));
	expect_option(section, "sns-message-types", "scale-up, scale-down");
	assert_int_equal(-22, scaler_section_set(section, "increase-reads-unit", "pct", &e));
	expect_option(section, "increase-reads-unit", "percent");
	assert_int_equal(-2, scaler_section_set(section, "no-such-option", "1", &e));
	assert_false(scaler_section_matches(section, "t_1"));
	assert_int_equal(0, scaler_section_set(section, "exclude", "", &e));
	assert_true(scaler_section_matches(section, "t_1"));
	for (size_t i = 0; i < scaler_option_count; i++) {
		const struct scaler_option *row = &scaler_options[i];
		_buf_cleanup_ struct buf text = BUF_INIT(1024);
		if (row->scope != SCALER_SECTION)
			continue;
		assert_int_equal(0, scaler_section_get(section, row->name, &text, &e));
		if (scaler_section_set(section, row->name, buf_text(&text), &e) < 0)
			fail_msg("%s = %s: %s", row->name, buf_text(&text), e.text);
		expect_option(section, row->name, buf_text(&text));
	}
	assert_int_equal(0, scaler_section_set(section, "max-provisioned-reads", "", &e));
	expect_option(section, "max-provisioned-reads", "");
	assert_int_equal(0, scaler_section_set(section, "circuit-breaker-url", "http://u:hidden@h/", &e));
	assert_int_equal(0, scaler_section_set(section, "circuit-breaker-url", "http://u:***@h/", &e));
	assert_string_equal("http://u:hidden@h/", section->options.breaker_url);
	scaler_config_deinit(&config);
}

static void test_match(void **state)
{
	struct scaler_config config = SCALER_CONFIG_NULL;
	const struct scaler_section *another = NULL;
	static const char text[] =
		"[table: prod_.*]\nexclude: .*_tmp$, prod_x\n[gsi: by_ table: prod_.*]\n[table: .*]\n";

	(void)state;
	assert_int_equal(0, parse(text, false, NULL, &config, NULL));
	assert_ptr_equal(&config.tables[0], scaler_config_match(&config, "prod_users", &another));
	assert_ptr_equal(&config.tables[1], another);
	assert_ptr_equal(&config.tables[1], scaler_config_match(&config, "prod_users_tmp", NULL));
	assert_ptr_equal(&config.tables[1], scaler_config_match(&config, "prod_x", NULL));
	assert_true(scaler_section_matches(&config.tables[0].indexes[0], "by_name"));
	scaler_config_deinit(&config);
}

static void test_schedules(void **state)
{
	struct scaler_config config = SCALER_CONFIG_NULL;
	static const char text[] =
		TABLE "[gsi: i table: t]\n"
		      "[schedule: night table: t]\nwindows: 01:00-03:00\nmin-provisioned-writes: 140\n"
		      "[schedule: more table: t]\nwindows: 02:00-04:00\nmin-provisioned-writes: 90\n"
		      "min-provisioned-reads: 7\n"
		      "[schedule: index gsi: i table: t]\nwindows: 02:00-04:00\nmin-provisioned-reads: 3\n";

	(void)state;
	assert_int_equal(0, parse(text, true, NULL, &config, NULL));
	struct units units = scaler_section_scheduled(&config.tables[0], 2 * 3600 + 60);
	assert_int_equal(7, units.of[DIMENSION_READS]);
	assert_int_equal(140, units.of[DIMENSION_WRITES]);
	units = scaler_section_scheduled(&config.tables[0], 5 * 3600);
	assert_int_equal(0, units.of[DIMENSION_WRITES]);
	units = scaler_section_scheduled(&config.tables[0].indexes[0], 2 * 3600);
	assert_int_equal(3, units.of[DIMENSION_READS]);
	json_t *json = shown(&config);
	assert_non_null(json_object_get(json_object_get(json_object_get(json, "tables"), "t"), "schedules"));
	json_decref(json);
	scaler_config_deinit(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_doubtful),  cmocka_unit_test(test_no_secret_is_shown),
		cmocka_unit_test(test_set),       cmocka_unit_test(test_match),
		cmocka_unit_test(test_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
