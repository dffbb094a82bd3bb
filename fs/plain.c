/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/plain.h"

#include "fs/path.h"
#include "fs/value.h"
#include "fs/value_codec.h"

#include <errno.h>
#include <string.h>

static void append_escaped(struct buf *out, unsigned char c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *pair = shorts; *pair; pair += 2) {
		if (*pair == (char)c) {
			buf_char(out, '\\');
			buf_char(out, pair[1]);
			return;
		}
	}
	buf_printf(out, "\\u%04x", c);
}

void plain_string(struct buf *out, const char *bytes, size_t len)
{
	size_t from = 0;

	buf_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_append(out, bytes + from, i - from);
		append_escaped(out, c);
		from = i + 1;
	}
	buf_append(out, bytes + from, len - from);
	buf_char(out, '"');
}

static const json_t *inner_of(const json_t *attribute, enum value_type *type)
{
	void *member = json_object_iter((json_t *)attribute);
	const char *name = member ? json_object_iter_key(member) : "";

	return value_type_parse(name, strlen(name), type) == 0 ? json_object_iter_value(member) : NULL;
}

static int render_string(const json_t *inner, struct buf *out)
{
	if (!json_is_string(inner))
		return -EINVAL;
	plain_string(out, json_string_value(inner), json_string_length(inner));
	return 0;
}

/* DynamoDB's digits are JSON's; another engine may have sent "+5" or ".5". */
static int render_number(const json_t *inner, struct buf *out)
{
	if (!json_is_string(inner))
		return -EINVAL;
	return number_normalize((struct text){ json_string_value(inner), json_string_length(inner) }, out);
}

static int render_bool(const json_t *inner, struct buf *out)
{
	buf_str(out, json_is_true(inner) ? "true" : "false");
	return 0;
}

static int render_null(const json_t *inner, struct buf *out)
{
	(void)inner;
	buf_str(out, "null");
	return 0;
}

static int render_elements(const json_t *inner, int (*render)(const json_t *, struct buf *), struct buf *out)
{
	size_t i;
	json_t *element;
	int r = json_is_array(inner) ? 0 : -EINVAL;

	buf_char(out, '[');
	json_array_foreach(inner, i, element)
	{
		if (i > 0)
			buf_str(out, ", ");
		if (r == 0)
			r = render(element, out);
	}
	buf_char(out, ']');
	return r;
}

static int render_strings(const json_t *inner, struct buf *out)
{
	return render_elements(inner, render_string, out);
}

static int render_numbers(const json_t *inner, struct buf *out)
{
	return render_elements(inner, render_number, out);
}

static int render_list(const json_t *inner, struct buf *out)
{
	return render_elements(inner, plain_render, out);
}

static int render_map(const json_t *inner, struct buf *out)
{
	const char *name, *separator = "";
	json_t *member;
	int r = json_is_object(inner) ? 0 : -EINVAL;

	buf_char(out, '{');
	json_object_foreach((json_t *)inner, name, member)
	{
		buf_str(out, separator);
		plain_string(out, name, strlen(name));
		buf_str(out, ": ");
		if (r == 0)
			r = plain_render(member, out);
		separator = ", ";
	}
	buf_char(out, '}');
	return r;
}

int plain_render(const json_t *attribute, struct buf *out)
{
	static int (*const rows[VALUE_TYPES])(const json_t *, struct buf *) = {
		[VALUE_S] = render_string,   [VALUE_N] = render_number,   [VALUE_BOOL] = render_bool,
		[VALUE_B] = render_string,   [VALUE_NULL] = render_null,  [VALUE_SS] = render_strings,
		[VALUE_NS] = render_numbers, [VALUE_BS] = render_strings, [VALUE_L] = render_list,
		[VALUE_M] = render_map,
	};
	enum value_type type;
	const json_t *inner = inner_of(attribute, &type);

	return inner ? rows[type](inner, out) : -EINVAL;
}

/* Takes over `inner`; NULL: no memory. */
static json_t *wrap(enum value_type type, json_t *inner)
{
	return inner ? json_pack("{s:o}", value_type_name(type), inner) : NULL;
}

/* The inner values of a list whose elements all have that type; NULL: they have not, or there are none. */
static json_t *inner_elements(const json_t *list, enum value_type type)
{
	json_t *elements = json_array(), *element;
	size_t i;

	json_array_foreach(list, i, element)
	{
		enum value_type found;
		const json_t *inner = inner_of(element, &found);
		if (inner && found == type && json_array_append(elements, (json_t *)inner) == 0)
			continue;
		json_decref(elements);
		return NULL;
	}
	return elements;
}

/* What plain JSON has no kind for, and what it looks like there. */
static const struct alike {
	enum value_type stored, plain, element;
	bool is_set;
} alikes[] = {
	{ VALUE_B, VALUE_S, VALUE_S, false },
	{ VALUE_SS, VALUE_L, VALUE_S, true },
	{ VALUE_NS, VALUE_L, VALUE_N, true },
	{ VALUE_BS, VALUE_L, VALUE_S, true },
};

static const struct alike *find_alike(enum value_type stored, enum value_type plain)
{
	for (size_t i = 0; i < sizeof(alikes) / sizeof(alikes[0]); i++) {
		if (alikes[i].stored == stored && alikes[i].plain == plain)
			return &alikes[i];
	}
	return NULL;
}

/* The value under the stored type, if that holds exactly it: base64 as it would be shown, no element twice. */
static json_t *fit_alike(const struct alike *alike, const json_t *inner)
{
	const struct cleaning strict = { .strict = true, .depth = LEVELS_MAX };
	json_t *bare = alike->is_set ? inner_elements(inner, alike->element) : json_incref((json_t *)inner);
	json_auto_t *candidate = wrap(alike->stored, bare);
	json_t *cleaned = NULL;
	enum value_type type;

	if (!candidate || attribute_clean(candidate, strict, &cleaned) < 0)
		return NULL;
	const json_t *now = inner_of(cleaned, &type);
	bool same = alike->is_set ? json_array_size(now) == json_array_size(inner) : json_equal(now, inner);
	if (!same) {
		json_decref(cleaned);
		return NULL;
	}
	return cleaned;
}

static int fit_list(const json_t *inner, const json_t *stored, json_t **out)
{
	json_auto_t *list = json_array();
	json_t *element;
	size_t i;

	json_array_foreach(inner, i, element)
	{
		json_t *fitted;
		int r = plain_fit(element, json_array_get(stored, i), &fitted);
		if (r < 0)
			return r;
		if (json_array_append_new(list, fitted) < 0)
			return -ENOMEM;
	}
	*out = wrap(VALUE_L, json_incref(list));
	return *out ? 0 : -ENOMEM;
}

static int fit_map(const json_t *inner, const json_t *stored, json_t **out)
{
	json_auto_t *map = json_object();
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)inner, name, member)
	{
		json_t *fitted;
		int r = plain_fit(member, json_object_get(stored, name), &fitted);
		if (r < 0)
			return r;
		if (json_object_set_new_nocheck(map, name, fitted) < 0)
			return -ENOMEM;
	}
	*out = wrap(VALUE_M, json_incref(map));
	return *out ? 0 : -ENOMEM;
}

int plain_fit(json_t *attribute, const json_t *stored, json_t **out)
{
	enum value_type plain = VALUE_TYPES, before = VALUE_TYPES;
	const json_t *inner = inner_of(attribute, &plain);
	const json_t *stored_inner = stored ? inner_of(stored, &before) : NULL;
	const struct alike *alike = stored_inner ? find_alike(before, plain) : NULL;

	*out = alike ? fit_alike(alike, inner) : NULL;
	if (*out)
		return 0;
	if (before == plain && plain == VALUE_L)
		return fit_list(inner, stored_inner, out);
	if (before == plain && plain == VALUE_M)
		return fit_map(inner, stored_inner, out);
	*out = json_incref(attribute);
	return 0;
}
