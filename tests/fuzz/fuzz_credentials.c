/* SPDX-License-Identifier: Apache-2.0 */
/* What others write about credentials: 'w' and a command line, 'j' and a JSON document, 't' and a time. */
#include "aws/core/words.h"
#include "aws/credentials_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

/* Words in single quotes are split as they stand. */
static void check_words(const char *line)
{
	struct buf again = BUF_INIT(1 << 20);
	char **words, **same;

	if (words_split(line, &words, NULL) < 0)
		return;
	check(words[0] != NULL);
	for (char **word = words; *word; word++) {
		buf_str(&again, word == words ? "'" : " '");
		for (const char *at = *word; *at; at++) {
			if (*at == '\'')
				buf_str(&again, "'\\''");
			else
				buf_char(&again, *at);
		}
		buf_char(&again, '\'');
	}
	check(words_split(buf_text(&again), &same, NULL) == 0);
	for (size_t i = 0; words[i] || same[i]; i++)
		check(words[i] && same[i] && strcmp(words[i], same[i]) == 0);
	words_free(words);
	words_free(same);
	buf_deinit(&again);
}

/* What is found could go into a header. */
static void check_document(const struct buf *document)
{
	static const struct credentials_names rows[] = {
		{ .id = "AccessKeyId",
		  .secret = "SecretAccessKey",
		  .token = "Token",
		  .expires = "Expiration",
		  .temporary = true },
		{ "roleCredentials", "accessKeyId", "secretAccessKey", "sessionToken", "expiration", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
		if (credentials_from_json("fuzz", &rows[i], document, &found, NULL) < 0) {
			check(!found.access_key_id && !found.secret_access_key);
			continue;
		}
		check(credentials_is_plain(found.access_key_id) && credentials_is_plain(found.secret_access_key));
		check(!rows[i].temporary || (found.session_token && found.expires));
	}
}

/* A time that is understood is understood the same when it is written again. */
static void check_time(const char *text)
{
	char again[CLOCK_ISO8601_SIZE];
	int64_t wall, same;

	if (clock_parse_iso8601(text, &wall) < 0)
		return;
	clock_format_iso8601(wall, again);
	check(clock_parse_iso8601(again, &same) < 0 || same == wall);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(1 << 16);

	if (size < 1)
		return 0;
	buf_append(&text, data + 1, size - 1);
	if (!buf_error(&text) && data[0] == 'w')
		check_words(buf_text(&text));
	else if (!buf_error(&text) && data[0] == 'j')
		check_document(&text);
	else if (!buf_error(&text) && data[0] == 't')
		check_time(buf_text(&text));
	buf_deinit(&text);
	return 0;
}
