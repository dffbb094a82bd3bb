/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses a type for the rest as written bytes; from "{" on the input is an attribute value instead. */
#include "fs/value.h"

#include <errno.h>
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

/* What was accepted is shown in a form that, written back, is shown the same, and could have been written in pieces. */
static void written(enum value_type type, const char *bytes, size_t len)
{
	_buf_cleanup_ struct buf once = BUF_INIT(1 << 20), twice = BUF_INIT(1 << 20);
	enum value_type first = type;
	int r = value_normalize(&first, bytes, len, &once, NULL);

	require(r == 0 || r == -EINVAL);
	require(first == type || (type == VALUE_NULL && first == VALUE_S));
	if (r < 0)
		return;
	enum value_type second = first;
	require(value_normalize(&second, buf_text(&once), once.len, &twice, NULL) == 0 && second == first);
	require(once.len == twice.len && memcmp(buf_text(&once), buf_text(&twice), once.len) == 0);
	for (size_t i = 0; i <= len && i <= PREFIXES_MAX; i++)
		require(value_check_prefix(type, bytes, i, NULL) == 0);
}

static void judged(enum value_type type, const char *bytes, size_t len)
{
	size_t stored = value_stored_length(type, NEWLINE_AUTO, bytes, len);

	require(stored == len || (stored == len - 1 && bytes[stored] == '\n'));
	value_append_wants_break(type, NEWLINE_AUTO, bytes, len / 2, bytes + len / 2, len - len / 2);
	require(value_size(type, len) <= len);
	/* Nothing can follow what nothing could precede. */
	if (len && value_check_prefix(type, bytes, len / 2, NULL) < 0)
		require(value_to_attribute(type, bytes, len, &(json_t *){ NULL }, NULL) == -EINVAL);
	value_check_prefix(type, bytes, len, NULL);
}

static void received(const char *bytes, size_t len)
{
	_buf_cleanup_ struct buf text = BUF_INIT(1 << 20);
	json_auto_t *attribute = json_loadb(bytes, len, JSON_ALLOW_NUL, NULL);
	enum value_type type;

	if (attribute && value_from_attribute(attribute, &type, &text, NULL) == 0)
		written(type, buf_text(&text), text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;

	if (size == 0)
		return 0;
	if (bytes[0] == '{') {
		received(bytes, size);
		return 0;
	}
	enum value_type type = (enum value_type)(data[0] % VALUE_TYPES);
	written(type, bytes + 1, size - 1);
	judged(type, bytes + 1, size - 1);
	return 0;
}
