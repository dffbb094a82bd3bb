/* SPDX-License-Identifier: Apache-2.0 */
/* L and M: JSON in the API's typed form, `[{"S":"a"},{"N":"1"}]` and `{"k":{"S":"v"}}`. */
#include "fs/value_codec.h"

#include <errno.h>
#include <string.h>

enum { LOAD_FLAGS = JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES };

int list_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	json_auto_t *list = json_array();
	size_t i;
	json_t *element;

	if (!list)
		return -ENOMEM;
	if (!json_is_array(inner) || how.depth-- == 0)
		return -EINVAL;
	json_array_foreach(inner, i, element)
	{
		json_t *cleaned;
		int r = attribute_clean(element, how, &cleaned);
		if (r < 0)
			return r;
		if (json_array_append_new(list, cleaned) < 0)
			return -ENOMEM;
	}
	*out = json_incref(list);
	return 0;
}

int map_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	json_auto_t *map = json_object();
	const char *name;
	json_t *member;

	if (!map)
		return -ENOMEM;
	if (!json_is_object(inner) || how.depth-- == 0)
		return -EINVAL;
	json_object_foreach((json_t *)inner, name, member)
	{
		json_t *cleaned;
		int r = attribute_clean(member, how, &cleaned);
		if (r < 0)
			return r;
		if (json_object_set_new_nocheck(map, name, cleaned) < 0)
			return -ENOMEM;
	}
	*out = json_incref(map);
	return 0;
}

static int append_dump(const char *bytes, size_t len, void *out)
{
	buf_append(out, bytes, len);
	return 0;
}

int nested_render(const json_t *inner, struct buf *out)
{
	return json_dump_callback(inner, append_dump, out, JSON_COMPACT | JSON_SORT_KEYS) < 0 ? -ENOMEM : 0;
}

static int parse(struct text text, json_type type, json_t **inner)
{
	json_auto_t *value = json_loadb(text.len ? text.at : "", text.len, LOAD_FLAGS, NULL);

	if (!value || json_typeof(value) != type)
		return -EINVAL;
	*inner = json_incref(value);
	return 0;
}

int list_parse(struct text text, json_t **inner)
{
	return parse(text, JSON_ARRAY, inner);
}

int map_parse(struct text text, json_t **inner)
{
	return parse(text, JSON_OBJECT, inner);
}

/*
 * The parser tells a text that ends too early from a wrong one, but not where the end cuts a character, an escape or a
 * word: these are completed first, in every way that there is. Nothing else of JSON can be cut, for the typed form has
 * no bare numbers.
 */
static const char *const endings[] = {
	"",   "\x80", "\x80\x80", "\x80\x80\x80", "\xa0\x80", "\x90\x80\x80", "\\",  "0000", "000",
	"00", "0",    "rue",      "ue",           "e",        "alse",         "lse", "se",
};

/* Whether the text is whole and clean, or ends too early. */
static bool may_go_on(struct text text, bool whole, cleaner clean)
{
	json_error_t error;
	json_auto_t *value = json_loadb(text.at, text.len, LOAD_FLAGS, &error);
	json_t *cleaned;

	if (!value)
		return json_error_code(&error) == json_error_premature_end_of_input;
	struct cleaning how = { .strict = true, .depth = LEVELS_MAX };
	if (!whole || clean(value, how, &cleaned) < 0)
		return false;
	json_decref(cleaned);
	return true;
}

static int prefix(struct text text, char opening, cleaner clean)
{
	text = text_trim_start(text);
	if (!text.len)
		return 0;
	if (text.at[0] != opening)
		return -EINVAL;
	_buf_cleanup_ struct buf completed = BUF_INIT(text.len + 4);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		buf_reset(&completed);
		buf_append(&completed, text.at, text.len);
		buf_str(&completed, endings[i]);
		if (buf_error(&completed))
			return -ENOMEM;
		if (may_go_on((struct text){ completed.data, completed.len }, i == 0, clean))
			return 0;
	}
	return -EINVAL;
}

int list_prefix(struct text text)
{
	return prefix(text, '[', list_clean);
}

int map_prefix(struct text text)
{
	return prefix(text, '{', map_clean);
}
