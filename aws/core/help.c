/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/help.h"

#include <string.h>

/* Words from `column` on, each line filled up to HELP_WIDTH. */
static void print_wrapped(FILE *out, const char *text, int column)
{
	for (int used = column; *text;) {
		int word = (int)strcspn(text, " ");
		if (used > column && used + 1 + word > HELP_WIDTH) {
			fprintf(out, "\n%*s", column, "");
			used = column;
		}
		used += fprintf(out, "%s%.*s", used > column ? " " : "", word, text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void help_row(FILE *out, const char *name, const char *text)
{
	int used = fprintf(out, "  %s", name);

	if (used >= HELP_COLUMN) {
		fputc('\n', out);
		used = 0;
	}
	fprintf(out, "%*s", HELP_COLUMN - used, "");
	print_wrapped(out, text, HELP_COLUMN);
}
