/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

/*
 * How every command line here shows its help: names on the left, what they mean beside them, in 79 columns.
 */
enum { HELP_WIDTH = 79, HELP_COLUMN = 24 };

/* "  NAME   text", the text wrapped; below the name where that is too long. */
void help_row(FILE *out, const char *name, const char *text);
