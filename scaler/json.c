/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/json.h"

#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 sequence at `text`, 0 if it is none. RFC 3629, section 4. */
static size_t utf8_length(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *text < 0xc2 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 0;
	uint32_t code = *text & (0xffU >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : len;
}

void json_text(const char *text, struct buf *out)
{
	buf_char(out, '"');
	while (*text) {
		const unsigned char *at = (const unsigned char *)text;
		size_t len = *at < 0x80 ? 1 : utf8_length(at);
		if (*at == '"' || *at == '\\')
			buf_printf(out, "\\%c", *text);
		else if (*at < 0x20 && *at == '\n')
			buf_str(out, "\\n");
		else if (*at < 0x20 || len == 0)
			buf_printf(out, "\\u%04x", len ? (unsigned)*at : 0xfffdU);
		else
			buf_append(out, text, len);
		text += len ? len : 1;
	}
	buf_char(out, '"');
}
