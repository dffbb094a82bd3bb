/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SS, NS and BS: one element a line.
 *
 * A set may hold the empty string, and that is an empty line. Elements are unique and sorted, so it can only be the
 * first; an empty line anywhere else is an editor's, and ignored.
 */
#include "fs/path.h"
#include "fs/value_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef int (*element_parser)(struct text line, json_t **element);

static int compare_elements(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	size_t a_len = json_string_length(a), b_len = json_string_length(b);
	int order = memcmp(json_string_value(a), json_string_value(b), a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* A new array of the elements in order, each once. */
static int sort_elements(const json_t *elements, json_t **out)
{
	size_t n = json_array_size(elements);
	json_auto_t *sorted = json_array();
	json_t **order = calloc(n ? n : 1, sizeof(*order));
	int r = sorted && order ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		order[i] = json_array_get(elements, i);
	if (r == 0)
		qsort(order, n, sizeof(*order), compare_elements);
	for (size_t i = 0; r == 0 && i < n; i++) {
		bool again = i > 0 && compare_elements(&order[i - 1], &order[i]) == 0;
		if (!again && json_array_append(sorted, order[i]) < 0)
			r = -ENOMEM;
	}
	free(order);
	if (r == 0)
		*out = json_incref(sorted);
	return r;
}

static int set_clean(const json_t *inner, struct cleaning how, cleaner clean, json_t **out)
{
	json_auto_t *elements = json_array();
	size_t i;
	json_t *element;

	if (!elements)
		return -ENOMEM;
	if (!json_is_array(inner) || (how.strict && json_array_size(inner) == 0))
		return -EINVAL;
	json_array_foreach(inner, i, element)
	{
		json_t *cleaned;
		int r = clean(element, how, &cleaned);
		if (r < 0)
			return r;
		if (json_array_append_new(elements, cleaned) < 0)
			return -ENOMEM;
	}
	return sort_elements(elements, out);
}

static int set_parse(struct text text, element_parser parse, json_t **inner)
{
	json_auto_t *elements = json_array();
	struct text line;

	if (!elements)
		return -ENOMEM;
	for (bool first = true; text_line(&text, &line); first = false) {
		json_t *element;
		int r = parse(line, &element);
		if (r < 0)
			return r;
		if (!first && json_string_length(element) == 0)
			json_decref(element);
		else if (json_array_append_new(elements, element) < 0)
			return -ENOMEM;
	}
	*inner = json_incref(elements);
	return 0;
}

int string_set_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	return set_clean(inner, how, string_clean, out);
}

int string_set_render(const json_t *inner, struct buf *out)
{
	size_t i;
	json_t *element;

	json_array_foreach(inner, i, element)
	{
		const char *at = json_string_value(element), *end = at + json_string_length(element);
		for (; at < end; at++) {
			if (*at == '\\')
				buf_str(out, "\\\\");
			else if (*at == '\n')
				buf_str(out, "\\n");
			else
				buf_char(out, *at);
		}
		buf_char(out, '\n');
	}
	return 0;
}

static int parse_escaped(struct text line, json_t **element)
{
	_buf_cleanup_ struct buf plain = BUF_INIT(line.len);

	for (size_t i = 0; i < line.len; i++) {
		char c = line.at[i];
		if (c == '\\') {
			if (++i == line.len || (line.at[i] != '\\' && line.at[i] != 'n'))
				return -EINVAL;
			c = line.at[i] == 'n' ? '\n' : '\\';
		}
		buf_char(&plain, c);
	}
	int r = buf_error(&plain);
	return r < 0 ? r : string_parse((struct text){ buf_text(&plain), plain.len }, element);
}

int string_set_parse(struct text text, json_t **inner)
{
	return set_parse(text, parse_escaped, inner);
}

int string_set_prefix(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\\' && ++i < text.len && text.at[i] != '\\' && text.at[i] != 'n')
			return -EINVAL;
	}
	return string_prefix(text);
}

int number_set_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	return set_clean(inner, how, number_clean, out);
}

int number_set_parse(struct text text, json_t **inner)
{
	return set_parse(text_trim(text), trimmed_parse, inner);
}

int binary_set_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	return set_clean(inner, how, binary_clean, out);
}

int binary_set_parse(struct text text, json_t **inner)
{
	return set_parse(text, trimmed_parse, inner);
}

int plain_set_render(const json_t *inner, struct buf *out)
{
	size_t i;
	json_t *element;

	json_array_foreach(inner, i, element)
	{
		string_render(element, out);
		buf_char(out, '\n');
	}
	return 0;
}

/* Every line but the last is whole. */
int number_set_prefix(struct text text)
{
	_buf_cleanup_ struct buf plain = BUF_INIT(512);
	struct text line;

	while (text_line(&text, &line)) {
		bool last = text.len == 0 && (line.at + line.len == text.at);
		struct text body = text_trim(line);
		if (last)
			return number_prefix(line);
		buf_reset(&plain);
		if (body.len && number_normalize(body, &plain) < 0)
			return -EINVAL;
	}
	return 0;
}

int binary_set_prefix(struct text text)
{
	struct text line;

	while (text_line(&text, &line)) {
		bool open = text.len == 0 && line.at + line.len == text.at;
		struct text rest = text_trim_start(line), body = text_trim(line);
		bool whole = !open || body.len < rest.len;
		if (base64_prefix(body) < 0 || (whole && body.len % 4))
			return -EINVAL;
	}
	return 0;
}
