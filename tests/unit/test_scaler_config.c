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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
