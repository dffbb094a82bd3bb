/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

/* The command line: verbs are rows of one table, which dispatch and help are made of. */
enum cli_exit { CLI_OK, CLI_FAILED, CLI_USAGE, CLI_MISSING, CLI_WRONG_TYPE };

/* Every command of this program, and mount(8)'s helper where that is its name. Returns the exit status. */
int cli_run(int argc, char **argv);

/* The verbs: argv[0] is the verb's own name. */
int cli_mount(int argc, char **argv);
int cli_mount_helper(int argc, char **argv);
int cli_umount(int argc, char **argv);
int cli_get(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_doctor(int argc, char **argv);

/* "dynconf: " and one sentence to stderr; return CLI_FAILED and CLI_USAGE. */
int cli_failed(const struct error *e);
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What getopt(3) did not understand, with an option string that begins with ':'. */
int cli_bad_flag(int answer, char **argv);
