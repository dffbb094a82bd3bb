/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/cli.h"

#include "aws/core/help.h"
#include "aws/core/secret.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Where a flag's type, value and help come from. */
enum origin { OWN = SCALER_SCOPES };

static const struct flag {
	const char *name;
	int scope;  /* of the row in scaler_options, or OWN */
	bool added; /* the original has no such flag */
	char letter;
	const char *values, *help; /* of OWN; no values: a switch */
} flags[] = {
	{ "help", OWN, .letter = 'h', .help = "print this" },
	{ "config", SCALER_COMMAND, .letter = 'c' },
	{ "dry-run", SCALER_COMMAND },
	{ "run-once", SCALER_COMMAND },
	{ "show-config", SCALER_COMMAND },
	{ "check-interval", SCALER_GLOBAL },
	{ "log-file", SCALER_LOGGING },
	{ "log-level", SCALER_LOGGING },
	{ "log-config-file", SCALER_LOGGING },
	{ "version", OWN, .help = "print the version" },
	{ "aws-access-key-id", SCALER_GLOBAL },
	{ "aws-secret-access-key", SCALER_GLOBAL },
	{ "daemon", SCALER_COMMAND },
	{ "instance", SCALER_COMMAND },
	{ "pid-file-dir", SCALER_COMMAND },
	{ "region", SCALER_GLOBAL, .letter = 'r' },
	{ "table-name", OWN, .letter = 't', .values = "KEY",
	  .help = "scale the tables that match this expression, with "
		  "the options below; sections of the file are left out" },
	{ "reads-upper-threshold", SCALER_SECTION },
	{ "throttled-reads-upper-threshold", SCALER_SECTION },
	{ "reads-lower-threshold", SCALER_SECTION },
	{ "increase-reads-with", SCALER_SECTION },
	{ "decrease-reads-with", SCALER_SECTION },
	{ "increase-reads-unit", SCALER_SECTION },
	{ "decrease-reads-unit", SCALER_SECTION },
	{ "min-provisioned-reads", SCALER_SECTION },
	{ "max-provisioned-reads", SCALER_SECTION },
	{ "num-read-checks-before-scale-down", SCALER_SECTION },
	{ "num-read-checks-reset-percent", SCALER_SECTION },
	{ "writes-upper-threshold", SCALER_SECTION },
	{ "throttled-writes-upper-threshold", SCALER_SECTION },
	{ "writes-lower-threshold", SCALER_SECTION },
	{ "increase-writes-with", SCALER_SECTION },
	{ "decrease-writes-with", SCALER_SECTION },
	{ "increase-writes-unit", SCALER_SECTION },
	{ "decrease-writes-unit", SCALER_SECTION },
	{ "min-provisioned-writes", SCALER_SECTION },
	{ "max-provisioned-writes", SCALER_SECTION },
	{ "num-write-checks-before-scale-down", SCALER_SECTION },
	{ "num-write-checks-reset-percent", SCALER_SECTION },
	{ "strict", SCALER_COMMAND, true },
	{ "compat", SCALER_GLOBAL, true },
	{ "state-file", SCALER_GLOBAL, true },
	{ "endpoint-url", SCALER_GLOBAL, true },
	{ "role-arn", SCALER_GLOBAL, true },
	{ "simulate", OWN, true, .values = "FILE",
	  .help = "print what is decided for recorded checks; - is standard input" },
	{ "backtest", OWN, true, .values = "TRACE", .help = "replay a trace of a table's load, and compare costs" },
	{ "backtest-table", OWN, true, .values = "TABLE",
	  .help = "whose section of the configuration --backtest takes" },
	{ "svg", OWN, true, .values = "FILE", .help = "draw the outcome of --backtest" },
};

static const struct scaler_option *row_of(const struct flag *flag)
{
	return flag->scope == OWN ? NULL : scaler_option_find((enum scaler_scope)flag->scope, flag->name);
}

static bool is_switch(const struct flag *flag)
{
	const struct scaler_option *row = row_of(flag);

	return row ? row->flags & SCALER_FLAG : !flag->values;
}

/* Among the original's flags or the added ones: the only flag that begins so. `*many`: there are several. */
static const struct flag *find_prefix(const char *name, size_t len, bool added, bool *many)
{
	const struct flag *found = NULL;

	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (flags[i].added != added || strncmp(flags[i].name, name, len) != 0)
			continue;
		*many |= found != NULL;
		found = &flags[i];
	}
	return *many ? NULL : found;
}

static const struct flag *find_name(const char *name, size_t len, bool *many)
{
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (strlen(flags[i].name) == len && strncmp(flags[i].name, name, len) == 0)
			return &flags[i];
	}
	const struct flag *found = find_prefix(name, len, false, many);
	return found || *many ? found : find_prefix(name, len, true, many);
}

static const struct flag *find_letter(char letter)
{
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (letter && flags[i].letter == letter)
			return &flags[i];
	}
	return NULL;
}

/* A word that cannot be a value: it looks like a flag, and not like a negative number or standard input. */
static bool looks_like_flag(const char *word)
{
	return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]) && word[1] != '.';
}

/* One word of argv as flag and, where it holds one, value. */
static int split(char *word, const struct flag **flag, char **value, struct error *e)
{
	bool many = false;

	*value = NULL;
	if (word[0] == '-' && word[1] == '-' && word[2]) {
		size_t len = strcspn(word + 2, "=");
		*flag = find_name(word + 2, len, &many);
		*value = word[2 + len] ? word + 3 + len : NULL;
	} else {
		*flag = word[0] == '-' ? find_letter(word[1]) : NULL;
		*value = *flag && word[2] ? word + 2 + (word[2] == '=') : NULL;
	}
	/* The word is not quoted past its name: what follows could be a secret. */
	int shown = (int)strcspn(word, "=");
	if (many)
		return error_set(e, EINVAL, "ambiguous option: %.*s could be several; see --help", shown, word);
	if (!*flag)
		return error_set(e, EINVAL, "unrecognized arguments: %.*s; see --help", shown, word);
	if (*value && is_switch(*flag))
		return error_set(e, EINVAL, "argument --%s: takes no value", (*flag)->name);
	return 0;
}

static bool is_whole(const char *text)
{
	text += strspn(text, " \t");
	text += *text == '-' || *text == '+';
	size_t digits = strspn(text, "0123456789");
	return digits && !text[digits + strspn(text + digits, " \t")];
}

/* What argparse looked at before the configuration did. */
static int check_value(const struct flag *flag, const char *value, struct error *e)
{
	const struct scaler_option *row = row_of(flag);
	struct global_options scratch = { 0 };

	if (!row)
		return 0;
	if ((row->type == SCALER_INT || row->flags & SCALER_WHOLE) && !is_whole(value))
		return error_set(e, EINVAL, "argument --%s: a whole number is expected", flag->name);
	if (flag->scope == SCALER_LOGGING && row->type == SCALER_WORD && scaler_option_set(row, &scratch, value, e) < 0)
		return error_set(e, EINVAL, "argument --%s: %s is expected", flag->name, row->values);
	return 0;
}

static int append(struct scaler_argument **list, size_t *n, const char *name, const char *value, struct error *e)
{
	struct scaler_argument *longer = reallocarray(*list, *n + 1, sizeof(*longer));

	if (!longer)
		return error_no_memory(e);
	*list = longer;
	longer[*n] = (struct scaler_argument){ .name = name, .value = strdup(value) };
	if (!longer[*n].value)
		return error_no_memory(e);
	++*n;
	return 0;
}

static int add(struct scaler_cli *cli, const struct flag *flag, char *value, struct error *e)
{
	const struct scaler_option *row = row_of(flag);
	int rc = check_value(flag, value, e);

	if (rc == 0 && row)
		rc = append(&cli->arguments, &cli->n, flag->name, value, e);
	else if (rc == 0)
		rc = append(&cli->own, &cli->n_own, flag->name, value, e);
	/* ps(1) and /proc show argv to everybody. */
	if (row && row->type == SCALER_SECRET)
		memset(value, '*', strlen(value));
	return rc;
}

int scaler_cli_parse(int argc, char **argv, struct scaler_cli *cli, struct error *e)
{
	_scaler_cli_cleanup_ struct scaler_cli out = SCALER_CLI_NULL;
	static char on[] = "true";
	const struct flag *flag;
	char *value;

	for (int i = 1; i < argc; i++) {
		int rc = split(argv[i], &flag, &value, e);
		if (rc < 0)
			return rc;
		if (is_switch(flag))
			value = on;
		else if (!value && i + 1 < argc && !looks_like_flag(argv[i + 1]))
			value = argv[++i];
		if (!value)
			return error_set(e, EINVAL, "argument --%s: expected one argument", flag->name);
		rc = add(&out, flag, value, e);
		if (rc < 0)
			return rc;
	}
	*cli = out;
	out = SCALER_CLI_NULL;
	return 0;
}

static const char *last_value(const struct scaler_argument *list, size_t n, const char *name)
{
	while (n-- > 0) {
		if (strcmp(list[n].name, name) == 0)
			return list[n].value;
	}
	return NULL;
}

const char *scaler_cli_get(const struct scaler_cli *cli, const char *name)
{
	const char *value = last_value(cli->arguments, cli->n, name);

	return value ? value : last_value(cli->own, cli->n_own, name);
}

bool scaler_cli_had_secret(const struct scaler_cli *cli)
{
	return scaler_cli_get(cli, "aws-secret-access-key") != NULL;
}

struct scaler_config_request scaler_cli_request(const struct scaler_cli *cli)
{
	return (struct scaler_config_request){
		.file = scaler_cli_get(cli, "config"),
		.table = scaler_cli_get(cli, "table-name"),
		.arguments = cli->arguments,
		.n_arguments = cli->n,
		.strict = scaler_cli_get(cli, "strict") != NULL,
	};
}

static void free_list(struct scaler_argument *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *value = (char *)list[i].value;
		secret_wipe(&value);
	}
	free(list);
}

void scaler_cli_deinit(struct scaler_cli *cli)
{
	free_list(cli->arguments, cli->n);
	free_list(cli->own, cli->n_own);
	*cli = SCALER_CLI_NULL;
}

static void print_flag(FILE *out, const struct flag *flag)
{
	const struct scaler_option *row = row_of(flag);
	const char *values = row ? row->values : flag->values;
	char name[128], letter[8] = "";

	if (flag->letter)
		snprintf(letter, sizeof(letter), "-%c, ", flag->letter);
	snprintf(name, sizeof(name), "%s--%s%s%s", letter, flag->name, is_switch(flag) ? "" : " ",
		 is_switch(flag) ? "" : values);
	help_row(out, name, row ? row->help : flag->help);
}

void scaler_cli_help(FILE *out, const char *program)
{
	static const char *const titles[] = { "of Dynamic DynamoDB", "added here" };

	fprintf(out,
		"%s: scales the provisioned throughput of DynamoDB tables\n\n"
		"  %s -c FILE [--daemon start|stop|restart|foreground] [OPTION...]\n"
		"  %s -t KEY [OPTION...]\n",
		program, program, program);
	for (int added = 0; added < 2; added++) {
		fprintf(out, "\nOptions %s:\n", titles[added]);
		for (size_t i = 0; i < COUNT_OF(flags); i++) {
			if (flags[i].added == added)
				print_flag(out, &flags[i]);
		}
	}
	fputs("\nExit status: 0 done, 1 failed, 2 not understood.\n", out);
}
