/* SPDX-License-Identifier: Apache-2.0 */
/* S, BOOL, B and NULL; N has a file of its own. */
#include "fs/path.h"
#include "fs/value_codec.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

static int share(const json_t *inner, json_t **out)
{
	*out = json_incref((json_t *)inner);
	return 0;
}

int string_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	(void)how;
	return json_is_string(inner) ? share(inner, out) : -EINVAL;
}

int string_render(const json_t *inner, struct buf *out)
{
	buf_append(out, json_string_value(inner), json_string_length(inner));
	return 0;
}

int string_parse(struct text text, json_t **inner)
{
	if (!utf8_valid(text.at, text.len, false))
		return -EINVAL;
	return json_result(json_stringn_nocheck(text.len ? text.at : "", text.len), inner);
}

int trimmed_parse(struct text text, json_t **inner)
{
	return string_parse(text_trim(text), inner);
}

int string_prefix(struct text text)
{
	return utf8_valid(text.at, text.len, true) ? 0 : -EINVAL;
}

int bool_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	(void)how;
	return json_is_boolean(inner) ? share(inner, out) : -EINVAL;
}

int bool_render(const json_t *inner, struct buf *out)
{
	buf_str(out, json_is_true(inner) ? "true" : "false");
	return 0;
}

static bool is_word(struct text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

int bool_parse(struct text text, json_t **inner)
{
	text = text_trim(text);
	if (!is_word(text, "true") && !is_word(text, "false"))
		return -EINVAL;
	*inner = json_boolean(text.at[0] == 't');
	return 0;
}

static bool starts_word(struct text text, const char *word)
{
	return text.len <= strlen(word) && memcmp(text.at, word, text.len) == 0;
}

int bool_prefix(struct text text)
{
	text = text_trim_start(text);
	if (!text.len || starts_word(text, "true") || starts_word(text, "false"))
		return 0;
	text = text_trim(text);
	return is_word(text, "true") || is_word(text, "false") ? 0 : -EINVAL;
}

static bool is_base64_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

int base64_prefix(struct text text)
{
	size_t digits = 0;

	while (digits < text.len && is_base64_digit(text.at[digits]))
		digits++;
	size_t padding = text.len - digits;
	for (size_t i = digits; i < text.len; i++) {
		if (text.at[i] != '=')
			return -EINVAL;
	}
	return padding == 0 || (digits % 4 >= 2 && digits % 4 + padding <= 4) ? 0 : -EINVAL;
}

static int base64_encode(struct text bytes, json_t **text)
{
	if (bytes.len > INT_MAX / 2)
		return -EINVAL;
	_buf_cleanup_ struct buf out = BUF_INIT(bytes.len / 3 * 4 + 4);
	char *room = buf_reserve(&out, out.max);
	if (!room)
		return buf_error(&out);
	int len = EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)bytes.at, (int)bytes.len);
	return json_result(json_stringn_nocheck(room, (size_t)len), text);
}

/* The library decodes more than the standard allows, so what it gets is looked at first. Bits that padding leaves over
 * are ignored, as everybody does. */
static int base64_decode(struct text text, struct buf *bytes)
{
	if (text.len % 4 || text.len > INT_MAX || base64_prefix(text) < 0)
		return -EINVAL;
	if (text.len == 0)
		return 0;
	char *room = buf_reserve(bytes, text.len / 4 * 3);
	if (!room)
		return buf_error(bytes);
	int len = EVP_DecodeBlock((unsigned char *)room, (const unsigned char *)text.at, (int)text.len);
	if (len < 0)
		return -EINVAL;
	bytes->len += (size_t)len - (text.at[text.len - 1] == '=') - (text.at[text.len - 2] == '=');
	bytes->data[bytes->len] = '\0';
	return 0;
}

/* Through the bytes, so that bits left over by padding make no second form of a value. */
int binary_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	struct text text = { json_string_value(inner), json_string_length(inner) };
	_buf_cleanup_ struct buf bytes = BUF_INIT(text.len);

	(void)how;
	int r = text.at ? base64_decode(text, &bytes) : -EINVAL;
	return r < 0 ? r : base64_encode((struct text){ buf_text(&bytes), bytes.len }, out);
}

int binary_render(const json_t *inner, struct buf *out)
{
	return base64_decode((struct text){ json_string_value(inner), json_string_length(inner) }, out);
}

int binary_parse(struct text text, json_t **inner)
{
	return base64_encode(text, inner);
}

int binary_prefix(struct text text)
{
	(void)text;
	return 0;
}

/* Some engines hold {"NULL": false}; there is nothing else that it could mean. */
int null_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	if (how.strict ? !json_is_true(inner) : !json_is_boolean(inner))
		return -EINVAL;
	*out = json_true();
	return 0;
}

int null_render(const json_t *inner, struct buf *out)
{
	(void)inner;
	(void)out;
	return 0;
}

int null_parse(struct text text, json_t **inner)
{
	if (text.len)
		return -EINVAL;
	*inner = json_true();
	return 0;
}
