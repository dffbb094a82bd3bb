/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/json.h"
#include "aws/core/buf.h"
#include "aws/core/clock.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * The detour for texts that hold \u0000: NUL is written as U+E000 U+E002 and, so that nothing is ambiguous, U+E000
 * as U+E000 U+E001; both are turned back in the parsed value.
 */
static const char mark[] = "\xee\x80\x80", mark_itself[] = "\xee\x80\x81", mark_nul[] = "\xee\x80\x82";
enum { MARK_LEN = 3, ESCAPE_LEN = 6 };

static bool is_escape(const char *at, size_t left, const char *escape)
{
	return left >= ESCAPE_LEN && strncasecmp(at, escape, ESCAPE_LEN) == 0;
}

/* Writes the next piece of the text and returns its length. */
static size_t mark_piece(struct buf *out, const char *at, size_t left)
{
	size_t plain = strcspn(at, "\\\xee");

	if (plain) {
		buf_append(out, at, plain);
		return plain;
	}
	if (is_escape(at, left, "\\u0000")) {
		buf_str(out, mark);
		buf_str(out, mark_nul);
		return ESCAPE_LEN;
	}
	bool escaped = is_escape(at, left, "\\ue000");
	if (escaped || (left >= MARK_LEN && memcmp(at, mark, MARK_LEN) == 0)) {
		buf_str(out, mark);
		buf_str(out, mark_itself);
		return escaped ? ESCAPE_LEN : MARK_LEN;
	}
	/* An escape's second byte may be a backslash that escapes nothing. */
	plain = *at == '\\' && left > 1 ? 2 : 1;
	buf_append(out, at, plain);
	return plain;
}

static char *unmark(const char *text, size_t len, size_t *out_len)
{
	char *out = malloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < len;) {
		bool marked = len - i >= 2 * MARK_LEN && memcmp(text + i, mark, MARK_LEN) == 0;
		if (marked && memcmp(text + i + MARK_LEN, mark_nul, MARK_LEN) == 0) {
			out[n++] = '\0';
			i += 2 * MARK_LEN;
		} else if (marked) {
			memcpy(out + n, mark, MARK_LEN);
			n += MARK_LEN;
			i += 2 * MARK_LEN;
		} else {
			out[n++] = text[i++];
		}
	}
	*out_len = n;
	return out;
}

static json_t *restore(json_t *value);

static json_t *restore_object(const json_t *object)
{
	json_t *made = json_object(), *member;
	size_t key_len, len;
	const char *key;

	json_object_keylen_foreach((json_t *)object, key, key_len, member)
	{
		char *name = unmark(key, key_len, &len);
		int rc = name ? json_object_setn_new(made, name, len, restore(member)) : -1;
		free(name);
		if (rc < 0) {
			json_decref(made);
			return NULL;
		}
	}
	return made;
}

static json_t *restore_array(const json_t *array)
{
	json_t *made = json_array(), *element;
	size_t i;

	json_array_foreach(array, i, element)
	{
		if (json_array_append_new(made, restore(element)) < 0) {
			json_decref(made);
			return NULL;
		}
	}
	return made;
}

static json_t *restore_string(const json_t *string)
{
	size_t len;
	char *text = unmark(json_string_value(string), json_string_length(string), &len);
	json_t *made = text ? json_stringn(text, len) : NULL;

	free(text);
	return made;
}

/* A copy with the marks turned back; NULL without memory. */
static json_t *restore(json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return restore_object(value);
	case JSON_ARRAY:
		return restore_array(value);
	case JSON_STRING:
		return restore_string(value);
	default:
		return json_incref(value);
	}
}

json_t *aws_json_load(const char *text, size_t len, json_error_t *why)
{
	/* A raw NUL is no JSON: jansson says so. */
	if (strlen(text) != len || !strstr(text, "\\u0000"))
		return json_loadb(text, len, JSON_REJECT_DUPLICATES, why);
	_buf_cleanup_ struct buf marked = BUF_INIT(2 * len);
	for (size_t at = 0; at < len;)
		at += mark_piece(&marked, text + at, len - at);
	json_t *value = buf_error(&marked) ? NULL : json_loadb(marked.data, marked.len, JSON_REJECT_DUPLICATES, why);
	json_t *restored = value ? restore(value) : NULL;
	json_decref(value);
	return restored;
}

json_t *aws_json_present(const json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	return json_is_null(member) || (json_is_object(member) && !json_object_size(member)) ? NULL : member;
}

bool aws_json_text(const json_t *object, const char *name, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text || strlen(text) >= size)
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

int64_t aws_json_count(const json_t *object, const char *name)
{
	const json_t *number = json_object_get(object, name);
	double value = json_number_value(number);

	if (json_is_integer(number))
		return json_integer_value(number) > 0 ? json_integer_value(number) : 0;
	return value >= 0 && value < 9e18 ? (int64_t)value : 0;
}

int64_t aws_json_time(const json_t *value)
{
	double seconds = json_number_value(value);

	/* To the microsecond: a double has no more. */
	return seconds > 0 && seconds < 9e9 ? (int64_t)(seconds * 1e6) * (CLOCK_MS / 1000) : 0;
}
