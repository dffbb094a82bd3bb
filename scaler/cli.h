/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "scaler/config.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * The command line of dynconf-scaler, which is that of dynamic-dynamodb and a few flags more: one table, which parsing,
 * help, completion and the test of the manual page are made of.
 */
enum scaler_exit { SCALER_EXIT_OK, SCALER_EXIT_FAILED, SCALER_EXIT_USAGE };

struct scaler_cli {
	struct scaler_argument *arguments; /* what the configuration takes; owned with their values, not the names */
	size_t n;
	struct scaler_argument *own; /* the other flags */
	size_t n_own;
};

#define SCALER_CLI_NULL ((struct scaler_cli){ 0 })

/*
 * Reads `--flag value`, `--flag=value`, `-f value` and prefixes: one that was unique among the original's flags means
 * that flag, whatever was added. A secret is copied and then overwritten in `argv`. EINVAL: not understood, with a
 * sentence for stderr.
 */
int scaler_cli_parse(int argc, char **argv, struct scaler_cli *cli, struct error *e);
/* The value that a flag was given last, NULL if it was not given; "true" for switches. Borrowed. */
const char *scaler_cli_get(const struct scaler_cli *cli, const char *name);
/* Whether a secret stood on the command line, where every user of the machine could read it for a moment. */
bool scaler_cli_had_secret(const struct scaler_cli *cli);
/* What the configuration is read with; borrows from `cli`. */
struct scaler_config_request scaler_cli_request(const struct scaler_cli *cli);
/* Idempotent; wipes secrets. */
void scaler_cli_deinit(struct scaler_cli *cli);

#define _scaler_cli_cleanup_ __attribute__((cleanup(scaler_cli_deinit)))

/* `program` is what it was called as. */
void scaler_cli_help(FILE *out, const char *program);
