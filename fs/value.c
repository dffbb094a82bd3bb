/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/value.h"

#include "fs/path.h"
#include "fs/value_codec.h"

#include <errno.h>
#include <string.h>

/* The JSON parser takes no more than twice the second number of brackets. */
static const struct cleaning writing = { .strict = true, .depth = LEVELS_MAX };
static const struct cleaning reading = { .strict = false, .depth = 1024 };

/* 1E-130 counts 2 bytes and has 132 characters; nothing else is worse. */
enum { CHARACTERS_PER_BYTE = 66 };

struct codec {
	const char *name;
	const char *looks; /* completes "write …" */
	size_t characters; /* of text, at most, for one byte as DynamoDB counts */
	cleaner clean;
	int (*render)(const json_t *inner, struct buf *out);
	int (*parse)(struct text text, json_t **inner);
	int (*prefix)(struct text text);
};

static const struct codec codecs[VALUE_TYPES] = {
	[VALUE_S] = { "S", "text in UTF-8", 1, string_clean, string_render, string_parse, string_prefix },
	[VALUE_N] = { "N", "a number of at most 38 digits, such as -12.5", CHARACTERS_PER_BYTE, number_clean,
		      string_render, trimmed_parse, number_prefix },
	[VALUE_BOOL] = { "BOOL", "true or false", 5, bool_clean, bool_render, bool_parse, bool_prefix },
	[VALUE_B] = { "B", "any bytes", 1, binary_clean, binary_render, binary_parse, binary_prefix },
	[VALUE_NULL] = { "NULL", "text in UTF-8", 1, null_clean, null_render, null_parse, string_prefix },
	[VALUE_SS] = { "SS", "one element a line, in UTF-8, with \\\\ for a backslash and \\n for a line break in it",
		       2, string_set_clean, string_set_render, string_set_parse, string_set_prefix },
	[VALUE_NS] = { "NS", "one number of at most 38 digits a line", CHARACTERS_PER_BYTE, number_set_clean,
		       plain_set_render, number_set_parse, number_set_prefix },
	[VALUE_BS] = { "BS", "one element a line, in base64", 5, binary_set_clean, plain_set_render, binary_set_parse,
		       binary_set_prefix },
	[VALUE_L] = { "L", "a JSON array of typed values, such as [{\"S\":\"a\"},{\"N\":\"1\"}]", CHARACTERS_PER_BYTE,
		      list_clean, nested_render, list_parse, list_prefix },
	[VALUE_M] = { "M", "a JSON object of typed values, such as {\"a\":{\"S\":\"b\"}}", CHARACTERS_PER_BYTE,
		      map_clean, nested_render, map_parse, map_prefix },
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct text text_trim_start(struct text text)
{
	while (text.len && is_space(text.at[0])) {
		text.at++;
		text.len--;
	}
	return text;
}

struct text text_trim(struct text text)
{
	text = text_trim_start(text);
	while (text.len && is_space(text.at[text.len - 1]))
		text.len--;
	return text;
}

bool text_line(struct text *rest, struct text *line)
{
	if (!rest->len)
		return false;
	const char *newline = memchr(rest->at, '\n', rest->len);
	*line = (struct text){ rest->at, newline ? (size_t)(newline - rest->at) : rest->len };
	size_t used = line->len + (newline != NULL);
	rest->at += used;
	rest->len -= used;
	return true;
}

int json_result(json_t *made, json_t **out)
{
	if (!made)
		return -ENOMEM;
	*out = made;
	return 0;
}

const char *value_type_name(enum value_type type)
{
	return codecs[type].name;
}

int value_type_parse(const char *name, size_t len, enum value_type *type)
{
	for (int i = 0; i < VALUE_TYPES; i++) {
		if (strlen(codecs[i].name) == len && memcmp(codecs[i].name, name, len) == 0) {
			*type = (enum value_type)i;
			return 0;
		}
	}
	return -EINVAL;
}

static const json_t *inner_of(const json_t *attribute)
{
	return json_object_iter_value(json_object_iter((json_t *)attribute));
}

static int attribute_type(const json_t *attribute, enum value_type *type)
{
	if (json_object_size(attribute) != 1)
		return -EINVAL;
	const char *name = json_object_iter_key(json_object_iter((json_t *)attribute));
	return value_type_parse(name, strlen(name), type);
}

/* Takes over the reference. */
static int attribute_wrap(enum value_type type, json_t *inner, json_t **attribute)
{
	json_t *wrapped = json_object();

	if (!wrapped) {
		json_decref(inner);
		return -ENOMEM;
	}
	if (json_object_set_new_nocheck(wrapped, codecs[type].name, inner) < 0) {
		json_decref(wrapped);
		return -ENOMEM;
	}
	*attribute = wrapped;
	return 0;
}

int attribute_clean(const json_t *attribute, struct cleaning how, json_t **out)
{
	enum value_type type;
	json_t *inner = NULL;
	int r = attribute_type(attribute, &type);

	if (r == 0)
		r = codecs[type].clean(inner_of(attribute), how, &inner);
	return r < 0 ? r : attribute_wrap(type, inner, out);
}

int value_from_attribute(const json_t *attribute, enum value_type *type, struct buf *bytes, struct error *e)
{
	enum value_type found;
	json_t *inner = NULL;
	int r = attribute_type(attribute, &found);

	if (r == 0)
		r = codecs[found].clean(inner_of(attribute), reading, &inner);
	if (r == 0)
		r = codecs[found].render(inner, bytes);
	json_decref(inner);
	if (r == 0)
		r = buf_error(bytes);
	if (r == -ENOMEM)
		return error_no_memory(e);
	if (r == -EFBIG)
		return error_set(e, EFBIG, "the store sent a value of more than %zu bytes", bytes->max);
	if (r < 0)
		return error_set(e, EIO, "the store sent something that is not an attribute value of the DynamoDB API");
	*type = found;
	return 0;
}

static int value_error(int r, enum value_type type, struct error *e)
{
	if (r == -ENOMEM)
		return error_no_memory(e);
	return error_set(e, EINVAL, "this is not a value of type %s: write %s", codecs[type].name, codecs[type].looks);
}

int value_to_attribute(enum value_type type, const char *bytes, size_t len, json_t **attribute, struct error *e)
{
	if (type == VALUE_NULL && len)
		type = VALUE_S;
	const struct codec *codec = &codecs[type];
	json_auto_t *parsed = NULL;
	json_t *inner = NULL;
	int r = codec->parse((struct text){ bytes, len }, &parsed);

	if (r == 0)
		r = codec->clean(parsed, writing, &inner);
	if (r == 0)
		r = attribute_wrap(type, inner, attribute);
	return r < 0 ? value_error(r, type, e) : 0;
}

int value_normalize(enum value_type *type, const char *bytes, size_t len, struct buf *out, struct error *e)
{
	json_auto_t *attribute = NULL;
	int r = value_to_attribute(*type, bytes, len, &attribute, e);

	return r < 0 ? r : value_from_attribute(attribute, type, out, e);
}

int value_check_prefix(enum value_type type, const char *bytes, size_t len, struct error *e)
{
	int r = codecs[type].prefix((struct text){ bytes, len });

	return r < 0 ? value_error(r, type, e) : 0;
}

enum value_type value_type_of_new(const char *bytes, size_t len)
{
	return utf8_valid(bytes, len, false) ? VALUE_S : VALUE_B;
}

static bool has_newline(const char *bytes, size_t len)
{
	return len && memchr(bytes, '\n', len);
}

/* A NULL that is written becomes text. */
static bool is_text(enum value_type type)
{
	return type == VALUE_S || type == VALUE_NULL;
}

size_t value_stored_length(enum value_type type, enum newline_mode mode, const char *bytes, size_t len)
{
	if (!is_text(type) || mode == NEWLINE_EXACT || !len || bytes[len - 1] != '\n')
		return len;
	return mode == NEWLINE_STRIP || !has_newline(bytes, len - 1) ? len - 1 : len;
}

bool value_append_wants_break(enum value_type type, enum newline_mode mode, const char *old, size_t old_len,
			      const char *added, size_t added_len)
{
	return is_text(type) && mode == NEWLINE_AUTO && old_len && !has_newline(old, old_len) && added_len &&
	       added[added_len - 1] == '\n';
}

size_t value_size(enum value_type type, size_t len)
{
	return len / codecs[type].characters;
}
