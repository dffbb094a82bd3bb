/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/cli.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 16, WORD_MAX = 64 };

/* A command line in memory that may be written to. */
struct line {
	char words[WORDS_MAX][WORD_MAX];
	char *argv[WORDS_MAX];
	int argc;
};

static void split(struct line *line, const char *text)
{
	char copy[256], *save;

	snprintf(copy, sizeof(copy), "dynamic-dynamodb %s", text);
	line->argc = 0;
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		strcpy(line->words[line->argc], word);
		line->argv[line->argc] = line->words[line->argc];
		line->argc++;
	}
}

/* What one flag ends up with. */
static void test_understood(void **state)
{
	static const struct {
		const char *line, *name, *value;
	} rows[] = {
		{ "--dry-run", "dry-run", "true" },
		{ "-c file", "config", "file" },
		{ "-cfile", "config", "file" },
		{ "--config=file", "config", "file" },
		{ "--config=", "config", "" },
		{ "--check-interval -5", "check-interval", "-5" },
		{ "-r a -r b", "region", "b" },
		{ "--simulate -", "simulate", "-" },
		{ "-t ^a-b$", "table-name", "^a-b$" },
		/* Prefixes that were unique in the original, whatever was added. */
		{ "--s", "show-config", "true" },
		{ "--con f", "config", "f" },
		{ "--c 5", NULL, "ambiguous" },
		{ "--ch 5", "check-interval", "5" },
		{ "--dr", "dry-run", "true" },
		{ "--da start", "daemon", "start" },
		{ "--r eu", NULL, "ambiguous" },
		{ "--reg eu", "region", "eu" },
		{ "--i x", NULL, "ambiguous" },
		{ "--ins x", "instance", "x" },
		{ "--v", "version", "true" },
		{ "--t x", NULL, "ambiguous" },
		{ "--ta x", "table-name", "x" },
		{ "--num-r", NULL, "ambiguous" },
		{ "--log-c f", "log-config-file", "f" },
		/* …and of those that were added. */
		{ "--st", NULL, "ambiguous" },
		{ "--str", "strict", "true" },
		{ "--com 2.5.1", "compat", "2.5.1" },
		{ "--sim f", "simulate", "f" },
		{ "--b f", NULL, "ambiguous" },
		{ "--backtest f", "backtest", "f" },
		/* Not understood. */
		{ "--frobnicate", NULL, "unrecognized" },
		{ "-x", NULL, "unrecognized" },
		{ "word", NULL, "unrecognized" },
		{ "--", NULL, "unrecognized" },
		{ "--dry-run=yes", NULL, "no value" },
		{ "--config", NULL, "expected one argument" },
		{ "--config --dry-run", NULL, "expected one argument" },
		{ "--check-interval 5.5", NULL, "whole number" },
		{ "--reads-upper-threshold 90.5", NULL, "whole number" },
		{ "--log-level loud", NULL, "debug" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_scaler_cli_cleanup_ struct scaler_cli cli = SCALER_CLI_NULL;
		struct error e = ERROR_NULL;
		struct line line;
		split(&line, rows[i].line);
		int rc = scaler_cli_parse(line.argc, line.argv, &cli, &e);
		if (rc != (rows[i].name ? 0 : -EINVAL))
			fail_msg("%s: %d, %s", rows[i].line, rc, e.text);
		const char *said = rows[i].name ? scaler_cli_get(&cli, rows[i].name) : e.text;
		bool right = said && (rows[i].name ? strcmp(said, rows[i].value) == 0 : !!strstr(said, rows[i].value));
		if (!right)
			fail_msg("%s: %s", rows[i].line, said ? said : "nothing");
	}
}

static void test_secret(void **state)
{
	static const char *const lines[] = { "--aws-secret-access-key hush", "--aws-secret-access-key=hush",
					     "--aws-s hush" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		_scaler_cli_cleanup_ struct scaler_cli cli = SCALER_CLI_NULL;
		struct line line;
		split(&line, lines[i]);
		assert_int_equal(scaler_cli_parse(line.argc, line.argv, &cli, NULL), 0);
		assert_string_equal(scaler_cli_get(&cli, "aws-secret-access-key"), "hush");
		assert_true(scaler_cli_had_secret(&cli));
		for (int k = 0; k < line.argc; k++)
			assert_null(strstr(line.argv[k], "hush"));
	}
}

/* Flags go to the configuration; what the program keeps for itself does not. */
static void test_request(void **state)
{
	_scaler_cli_cleanup_ struct scaler_cli cli = SCALER_CLI_NULL;
	struct line line;

	(void)state;
	split(&line, "-c f -t k --strict --increase-reads-with 5 --svg o");
	assert_int_equal(scaler_cli_parse(line.argc, line.argv, &cli, NULL), 0);
	struct scaler_config_request request = scaler_cli_request(&cli);
	assert_string_equal(request.file, "f");
	assert_string_equal(request.table, "k");
	assert_true(request.strict);
	assert_int_equal(request.n_arguments, 3);
	for (size_t i = 0; i < request.n_arguments; i++)
		assert_string_not_equal(request.arguments[i].name, "svg");
}

/* The words of a heading of the manual page, without its macro, quotes and backslashes. */
static void heading(const char *line, char *out)
{
	for (line += strcspn(line, " ") + 1; *line && *line != '\n'; line++) {
		if (!strchr("\\\" ", *line))
			*out++ = *line;
	}
	*out = '\0';
}

/* The next heading of that section; false at the section's end. */
static bool next_heading(FILE *page, const char *section, bool *inside, char *out)
{
	char line[1024];
	bool title = false;

	while (fgets(line, sizeof(line), page)) {
		if (strncmp(line, ".SH ", 4) == 0) {
			if (*inside)
				return false;
			line[strcspn(line, "\n")] = '\0';
			*inside = strcmp(line + 4, section) == 0;
		}
		if (*inside && title) {
			heading(line, out);
			return true;
		}
		title = strcmp(line, ".TP\n") == 0;
	}
	return false;
}

static FILE *open_page(void)
{
	FILE *page = fopen(TEST_DATA "/../contrib/man/dynconf-scaler.1", "r");

	assert_non_null(page);
	return page;
}

/* The page has every flag that --help has, with its value, in the same order, and no other. */
static void test_flags_of_the_page(void **state)
{
	FILE *page = open_page();
	char *help, *save, found[1024], wanted[1024];
	size_t size;
	bool inside = false;
	int n = 0;

	(void)state;
	FILE *out = open_memstream(&help, &size);
	scaler_cli_help(out, "x");
	fclose(out);
	for (char *line = strtok_r(help, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "  -", 3) != 0)
			continue;
		char *gap = strstr(line + 2, "  ");
		if (gap)
			*gap = '\0';
		assert_true(next_heading(page, "COMMAND LINE", &inside, found));
		heading(line + 1, wanted);
		if (strcmp(wanted, found) != 0)
			fail_msg("the page has %s, --help has %s", found, wanted);
		n++;
	}
	assert_false(next_heading(page, "COMMAND LINE", &inside, found));
	assert_true(n > 40);
	fclose(page);
	free(help);
}

/* …and every option of the file, in the table's order. */
static void test_options_of_the_page(void **state)
{
	static const enum scaler_scope scopes[] = { SCALER_GLOBAL, SCALER_LOGGING, SCALER_SECTION, SCALER_SCHEDULE };
	FILE *page = open_page();
	char found[1024], wanted[1024], line[1024];
	bool inside = false;

	(void)state;
	for (size_t s = 0; s < sizeof(scopes) / sizeof(scopes[0]); s++) {
		for (size_t i = 0; i < scaler_option_count; i++) {
			if (scaler_options[i].scope != scopes[s])
				continue;
			assert_true(next_heading(page, "CONFIGURATION", &inside, found));
			snprintf(line, sizeof(line), ". %s = %s", scaler_options[i].name, scaler_options[i].values);
			heading(line, wanted);
			assert_string_equal(found, wanted);
		}
	}
	assert_false(next_heading(page, "CONFIGURATION", &inside, found));
	fclose(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_understood),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_flags_of_the_page),
		cmocka_unit_test(test_options_of_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
