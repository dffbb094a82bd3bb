/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * Attribute values ↔ the bytes of files, purely. Numbers are text, digit for digit, and never a double.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
 *
 *   S raw · N digits · BOOL true/false · B raw · NULL empty · SS, NS, BS one element a line, sorted bytewise, each line
 *   ended by a newline (BS in base64; in SS a backslash and a newline inside an element are `\\` and `\n`) · L, M JSON
 *   in DynamoDB's typed form, object members sorted by name, one line without a final newline.
 */
enum value_type {
	VALUE_S,
	VALUE_N,
	VALUE_BOOL,
	VALUE_B,
	VALUE_NULL,
	VALUE_SS,
	VALUE_NS,
	VALUE_BS,
	VALUE_L,
	VALUE_M,
	VALUE_TYPES
};

enum { ITEM_SIZE_MAX = 400 * 1024 }; /* bytes, names and values of one item together */

/* "S", "N", …; value_type_parse: -EINVAL for anything else. */
const char *value_type_name(enum value_type type);
int value_type_parse(const char *name, size_t len, enum value_type *type);

enum newline_mode { NEWLINE_AUTO, NEWLINE_STRIP, NEWLINE_EXACT };

/* {"S": "text"} → type and bytes, appended to `bytes`. EIO: not an attribute value of the API. */
int value_from_attribute(const json_t *attribute, enum value_type *type, struct buf *bytes, struct error *e);

/* The file's bytes → attribute value; the caller owns `*attribute`. EINVAL with a sentence that names the type and what
 * its text looks like. For S the bytes are taken as they are and must be UTF-8; for N, BOOL and each line of NS and BS
 * surrounding white space is ignored, and so are a set's empty lines, but for the first of an SS or BS, which is an
 * empty element. A NULL with any bytes becomes an S. An empty set is EINVAL, as in DynamoDB; equal
 * elements of a set are one. Numbers: at most 38 significant digits, magnitude 1E-130 to 9.99…E+125. */
int value_to_attribute(enum value_type type, const char *bytes, size_t len, json_t **attribute, struct error *e);

/* What a later load will show for these bytes: parse and render. `*type` changes only from NULL to S. */
int value_normalize(enum value_type *type, const char *bytes, size_t len, struct buf *out, struct error *e);

/* While bytes are still being written: 0 when some continuation could make them a value of that type, -EINVAL
 * when none could. */
int value_check_prefix(enum value_type type, const char *bytes, size_t len, struct error *e);

/* The type of a new key: S, or B when the bytes are not UTF-8. */
enum value_type value_type_of_new(const char *bytes, size_t len);

/* How many of the written bytes are stored: all, or one less where the final newline is dropped. Only S loses one:
 * in AUTO when that is the only newline, in STRIP always. */
size_t value_stored_length(enum value_type type, enum newline_mode mode, const char *bytes, size_t len);

/* Whether an append of `added` to `old` needs the line break back between them (AUTO, S: the old value is one line
 * without newline, not empty, and what is added ends with one). */
bool value_append_wants_break(enum value_type type, enum newline_mode mode, const char *old, size_t old_len,
			      const char *added, size_t added_len);

/* The size that DynamoDB counts for a value, approximately from below, in bytes. */
size_t value_size(enum value_type type, size_t len);
