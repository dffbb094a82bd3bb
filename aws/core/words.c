/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

/* Writes the word that begins at `at` to `*to`, which has room for it; NULL when it has no end. */
static const char *copy_word(const char *at, char **to)
{
	char quote = '\0';

	for (; *at && (quote || !strchr(blanks, *at)); at++) {
		if (quote ? *at == quote : *at == '\'' || *at == '"') {
			quote = quote ? '\0' : *at;
			continue;
		}
		/* Between double quotes a backslash goes before these two only. */
		bool escapes = *at == '\\' && (!quote || (quote == '"' && (at[1] == '"' || at[1] == '\\')));
		if (escapes && !*++at)
			return NULL;
		*(*to)++ = *at;
	}
	*(*to)++ = '\0';
	return quote ? NULL : at;
}

int words_split(const char *line, char ***words, struct error *e)
{
	size_t n = 0, len = strlen(line);
	char **made = calloc(len / 2 + 2, sizeof(*made)), *text = malloc(len + 1), *to = text;

	for (line += strspn(line, blanks); made && text && line && *line; line += strspn(line, blanks)) {
		made[n++] = to;
		line = copy_word(line, &to);
		if (!line)
			break;
	}
	if (made && text && line && n) {
		*words = made;
		return 0;
	}
	int result = !made || !text ? error_no_memory(e)
		     : line         ? error_set(e, EINVAL, "there is no command")
				    : error_set(e, EINVAL, "a quotation mark or a backslash has nothing after it");
	if (text)
		explicit_bzero(text, (size_t)(to - text));
	free(text);
	free(made);
	return result;
}

void words_free(char **words)
{
	if (!words)
		return;
	for (char **word = words; *word; word++)
		explicit_bzero(*word, strlen(*word));
	/* The first begins where all of them do. */
	free(words[0]);
	free(words);
}
