/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/cli.h"

#include "aws/core/help.h"
#include "fs/control.h"
#include "fs/options.h"
#include "version.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { FLAGS_MAX = 8 };

static int cli_version(int argc, char **argv);
static int cli_help(int argc, char **argv);

static const struct verb {
	const char *name, *arguments, *help; /* arguments begin with a blank */
	int (*run)(int argc, char **argv);
	bool takes_options; /* those of option_table, after -o */
	struct {
		const char *flag, *help;
	} flags[FLAGS_MAX];
} verbs[] = {
	{ "mount",
	  " [-c FILE] [-o OPTIONS] [-f] [SOURCE] MOUNTPOINT",
	  "mount configuration on an empty directory",
	  cli_mount,
	  true,
	  {
		  { "SOURCE", "local, local:FILE or dynamodb:TABLE; else the sources of the configuration file; "
			      "without any, local" },
		  { "-c FILE", "configuration file; else /etc/dynconf/dynconf.conf where there is one" },
		  { "-o OPTIONS", "options with commas between, which win over the file; \\, or quotes for a comma "
				  "inside a value" },
		  { "-f", "stay in the foreground, with the log on stderr" },
	  } },
	{ "umount",
	  " [-l] DIR",
	  "unmount; says who holds a busy mount",
	  cli_umount,
	  false,
	  { { "-l", "take it away at once, whoever still holds it" } } },
	{ "get",
	  " [--type TYPE] [--default VALUE] PATH",
	  "print the value in a file of a mount",
	  cli_get,
	  false,
	  {
		  { "--type TYPE", "string, number or bool (true, false, 1, 0): fail with exit status 4 where it is "
				   "something else" },
		  { "--default VALUE", "print this where the key does not exist; without it the exit status is 3" },
	  } },
	{ "export",
	  " [--follow] [-c FILE] [-o OPTIONS] [SOURCE] DIR",
	  "write the tree as plain files, changed all at once",
	  cli_export,
	  true,
	  {
		  { "SOURCE", "as of mount; else the sources of the configuration file" },
		  { "DIR", "a directory that holds nothing else; made where it is missing" },
		  { "--follow", "go on, and write it again whenever something changed" },
		  { "-c FILE", "as of mount" },
		  { "-o OPTIONS", "as of mount" },
	  } },
	{ "doctor",
	  " [-c FILE] [-o OPTIONS] [SOURCE] [MOUNTPOINT]",
	  "look at all that a mount would use: a tick, or a cross and what to do",
	  cli_doctor,
	  true,
	  {
		  { "SOURCE", "as of mount; else the sources of the configuration file" },
		  { "MOUNTPOINT", "the directory to be mounted on, as a path that is no source's name" },
		  { "-c FILE", "as of mount" },
		  { "-o OPTIONS", "as of mount" },
	  } },
	{ "version", "", "print the version", cli_version, false, { { 0 } } },
	{ "help",
	  " [VERB | control]",
	  "print this, all about a verb, or the files of .control",
	  cli_help,
	  false,
	  { { 0 } } },
};

static const char *const aliases[][2] = {
	{ "-h", "help" },
	{ "--help", "help" },
	{ "-V", "version" },
	{ "--version", "version" },
};

int cli_failed(const struct error *e)
{
	fprintf(stderr, "dynconf: %s\n", e->text);
	return CLI_FAILED;
}

int cli_usage(const char *format, ...)
{
	va_list args;

	fputs("dynconf: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CLI_USAGE;
}

int cli_bad_flag(int answer, char **argv)
{
	const char *flag = argv[optind - 1];
	char letter[] = { '-', (char)optopt, '\0' };

	/* Several letters may stand behind one dash; getopt names the one it means. */
	if (strncmp(flag, "--", 2) != 0 && optopt)
		flag = letter;
	if (answer == ':')
		return cli_usage("%s needs a value; `dynconf help %s` says more", flag, argv[0]);
	return cli_usage("%s is not a flag of this verb; `dynconf help %s` lists them", flag, argv[0]);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(aliases); i++) {
		if (strcmp(aliases[i][0], name) == 0)
			name = aliases[i][1];
	}
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static int unknown_verb(const char *name)
{
	const struct verb *closest = NULL;
	size_t best = 3;

	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		size_t distance = edit_distance(name, verbs[i].name);
		if (distance < best) {
			best = distance;
			closest = &verbs[i];
		}
	}
	if (closest)
		return cli_usage("there is no verb %s; did you mean %s?", name, closest->name);
	return cli_usage("there is no verb %s; `dynconf help` lists them", name);
}

static void print_option(FILE *out, const struct option_spec *spec)
{
	char name[64], help[256];

	snprintf(name, sizeof(name), "%s=%s", spec->name, spec->values);
	snprintf(help, sizeof(help), spec->fallback ? "%s (%s)" : "%s", spec->help, spec->fallback);
	help_row(out, name, help);
}

static void print_options(FILE *out)
{
	static const char *const titles[] = {
		[OPTION_GLOBAL] = "Of the mount",
		[OPTION_ACCESS] = "Who may",
		[OPTION_LOGGING] = "Of the log",
		[OPTION_SOURCE] = "Of a source (in [global]: of all)",
	};

	for (int scope = 0; scope < OPTION_SCOPES; scope++) {
		fprintf(out, "\n%s, after -o and in %s of the file:\n", titles[scope],
			option_section((enum option_scope)scope));
		for (size_t i = 0; i < option_count; i++) {
			if ((int)option_table[i].scope == scope)
				print_option(out, &option_table[i]);
		}
	}
}

static int help_all(FILE *out)
{
	fputs("dynconf: configuration from DynamoDB, or from a file of its own, as files\n\n", out);
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		fprintf(out, "  dynconf %s%s\n      %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
	fputs("\nExit status: 0 done, 1 failed, 2 not understood; of get also 3 missing,\n4 another type.\n", out);
	return CLI_OK;
}

static int help_verb(FILE *out, const struct verb *verb)
{
	fprintf(out, "dynconf %s%s\n    %s\n", verb->name, verb->arguments, verb->help);
	if (verb->flags[0].flag)
		fputc('\n', out);
	for (size_t i = 0; i < FLAGS_MAX && verb->flags[i].flag; i++)
		help_row(out, verb->flags[i].flag, verb->flags[i].help);
	if (verb->takes_options)
		print_options(out);
	return CLI_OK;
}

static int help_control(FILE *out)
{
	_buf_cleanup_ struct buf path = BUF_INIT(256), name = BUF_INIT(256);
	const char *access, *help;

	fputs(".control, at the root of a mount; r can be read, w written:\n\n", out);
	for (size_t n = 0; control_help(n, &path, &access, &help); n++) {
		buf_reset(&name);
		buf_printf(&name, "%-2s %s", access, buf_text(&path));
		help_row(out, buf_text(&name), help);
	}
	return CLI_OK;
}

static int cli_help(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;

	if (argc < 2)
		return help_all(stdout);
	if (strcmp(argv[1], "control") == 0)
		return help_control(stdout);
	return verb ? help_verb(stdout, verb) : unknown_verb(argv[1]);
}

static int cli_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return cli_usage("version takes no arguments");
	printf("dynconf %s\n", DYNCONF_VERSION);
	return CLI_OK;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	/* `dynconf mount --help` is what many try first. */
	if (argc > 1 && find_verb(argv[1]) == find_verb("help") && argv[1][0] == '-')
		return help_verb(stdout, verb);
	return verb->run(argc, argv);
}

int cli_run(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *program = slash ? slash + 1 : argc > 0 ? argv[0] : "dynconf";

	if (strncmp(program, "mount.", 6) == 0)
		return cli_mount_helper(argc, argv);
	if (argc < 2) {
		help_all(stderr);
		return CLI_USAGE;
	}
	const struct verb *verb = find_verb(argv[1]);
	int status = verb ? run_verb(verb, argc - 1, argv + 1) : unknown_verb(argv[1]);
	/* A full disk behind stdout must not look like success. */
	if (fflush(stdout) != 0 && status == CLI_OK)
		return cli_failed(&(struct error){ .text = "the output could not be written" });
	return status;
}
