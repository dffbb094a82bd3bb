/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Like realloc, but for what it leaves behind. */
static char *move(struct buf *b, size_t cap)
{
	if (!b->secret)
		return realloc(b->data, cap);
	char *data = malloc(cap);
	if (data && b->data) {
		memcpy(data, b->data, b->cap);
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	return data;
}

char *buf_reserve(struct buf *b, size_t len)
{
	if (b->failed)
		return NULL;
	if (len > b->max - b->len) {
		b->failed = EFBIG;
		return NULL;
	}
	if (b->data && b->len + len < b->cap)
		return b->data + b->len;
	size_t cap = b->cap ? b->cap : 64;
	while (cap <= b->len + len)
		cap *= 2;
	/* Doubled past the bound would be memory that can never be used. */
	if (cap > b->max + 1)
		cap = b->max + 1;
	char *data = move(b, cap);
	if (!data) {
		b->failed = ENOMEM;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return data + b->len;
}

void buf_append(struct buf *b, const void *bytes, size_t len)
{
	char *room = buf_reserve(b, len);

	if (!room)
		return;
	if (len)
		memcpy(room, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_char(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	char *room = len < 0 ? NULL : buf_reserve(b, (size_t)len);
	if (room) {
		vsnprintf(room, (size_t)len + 1, format, again);
		b->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

void buf_hex(struct buf *b, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = bytes;
	char *room = buf_reserve(b, 2 * len);

	if (!room)
		return;
	for (size_t i = 0; i < len; i++) {
		*room++ = digits[at[i] >> 4];
		*room++ = digits[at[i] & 15];
	}
	*room = '\0';
	b->len += 2 * len;
}

int buf_error(const struct buf *b)
{
	return -b->failed;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_take(struct buf *b, size_t *len)
{
	buf_append(b, "", 0);
	if (b->failed)
		return NULL;
	char *data = b->data;
	if (len)
		*len = b->len;
	*b = (struct buf){ .max = b->max, .secret = b->secret };
	return data;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

void buf_deinit(struct buf *b)
{
	if (b->secret && b->data)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	*b = (struct buf){ .max = b->max, .secret = b->secret };
}

void buf_wipe(struct buf *b)
{
	bool secret = b->secret;

	b->secret = true;
	buf_deinit(b);
	b->secret = secret;
}
