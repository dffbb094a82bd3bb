/* SPDX-License-Identifier: Apache-2.0 */
/* The input is plain JSON, as somebody writes it to an option's %json. */
#include "fs/plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every beginning is looked at, which takes the square of this. */
enum { PREFIXES_MAX = 512 };

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* What was accepted is shown in a form that means the same, and could have been written in pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_buf_cleanup_ struct buf shown = BUF_INIT(64 << 20);
	const char *text = (const char *)data;
	json_auto_t *first = NULL, *second = NULL, *fitted = NULL;

	if (plain_parse(text, size, &first, NULL) < 0)
		return 0;
	for (size_t i = 0; i <= size && i <= PREFIXES_MAX; i++)
		require(plain_check_prefix(text, i, NULL) == 0);
	require(plain_fit(first, first, &fitted) == 0 && json_equal(first, fitted));
	/* A name of a key may hold a NUL, and is shown by others. */
	if (memchr(text, 0, size) || memmem(text, size, "\\u0000", 6))
		return 0;
	require(plain_render(first, &shown) == 0 && buf_error(&shown) == 0);
	require(plain_parse(buf_text(&shown), shown.len, &second, NULL) == 0 && json_equal(first, second));
	return 0;
}
