/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

/* A command line as a shell would split it, without running one: blanks separate, quotes and backslashes keep together,
 * nothing is expanded. The rules are those of Python's shlex.split, which the AWS CLI uses.
 * https://docs.python.org/3/library/shlex.html#parsing-rules */

/* `*words` is NULL-terminated and not empty; words_free frees it. EINVAL: a quote without its second, a backslash at
 * the end, or nothing. */
int words_split(const char *line, char ***words, struct error *e);
/* Accepts NULL; wipes, since a command line may hold a secret. */
void words_free(char **words);
