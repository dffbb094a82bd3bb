/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing byte buffer with a bound from birth. What is appended past the bound, or where memory ends, is
 * dropped and remembered: append freely, ask buf_error() once. The bytes are always followed by a NUL that
 * `len` does not count.
 *
 * Not thread-safe: one owner at a time.
 */
struct buf {
	char *data; /* NULL until the first append */
	size_t len;
	size_t cap;
	size_t max;
	int failed;  /* 0, EFBIG or ENOMEM; sticky until buf_reset */
	bool secret; /* it may hold keys: no memory is given back before it was overwritten */
};

#define BUF_INIT(bound) ((struct buf){ .max = (bound) })
#define BUF_SECRET(bound) ((struct buf){ .max = (bound), .secret = true })

void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lower-case hexadecimal. */
void buf_hex(struct buf *b, const void *bytes, size_t len);

/* Room for `len` more bytes, to be filled by the caller who then adds to `len`; NULL when there is none. */
char *buf_reserve(struct buf *b, size_t len);

/* 0, -EFBIG or -ENOMEM: whether something was dropped. */
int buf_error(const struct buf *b);

/* Empties it and forgets a failure; keeps the memory. */
void buf_reset(struct buf *b);

/* Hands the NUL-terminated bytes to the caller, who frees them; "" and not NULL for an empty buffer. NULL when
 * something was dropped. The buffer is empty afterwards. */
char *buf_take(struct buf *b, size_t *len);

/* The text so far, "" when empty. Borrowed until the next change. */
const char *buf_text(const struct buf *b);

/* Idempotent. buf_wipe overwrites first, secret or not. */
void buf_deinit(struct buf *b);
void buf_wipe(struct buf *b);

#define _buf_cleanup_ __attribute__((cleanup(buf_deinit)))
#define _buf_wipe_ __attribute__((cleanup(buf_wipe)))
