/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

#include <jansson.h>

/*
 * Attribute values in DynamoDB's typed form ({"N":"5"}) ↔ plain JSON (5), purely. Numbers keep their digits: nothing
 * here is ever a double.
 *
 *   S "text" · N 5 · BOOL true · NULL null · B "base64" · SS ["a"] · NS [1] · BS ["base64"] · L [1, "a"] · M {"a": 1}
 *
 * Plain JSON says less than types do. plain_parse gives the type that the JSON kind is closest to, and plain_fit
 * the one that the value had before.
 */

/* Appends a JSON string. The bytes must be UTF-8. */
void plain_string(struct buf *out, const char *bytes, size_t len);
/* Appends the value of an attribute, on one line. -EINVAL: it has no plain form. */
int plain_render(const json_t *attribute, struct buf *out);

/* One JSON text → an attribute of type S, N, BOOL, NULL, L or M, owned by the caller. EINVAL, with the line: no JSON
 * (RFC 8259), a name that stands twice in one object, a number that DynamoDB does not keep digit for digit, more levels
 * than it allows. */
int plain_parse(const char *text, size_t len, json_t **attribute, struct error *e);
/* 0 when some continuation could make it parse, -EINVAL when none could. */
int plain_check_prefix(const char *text, size_t len, struct error *e);

/* The parsed attribute with the types of `stored` (may be NULL), at every level, wherever the values fit them. Owned by
 * the caller. -ENOMEM. */
int plain_fit(json_t *attribute, const json_t *stored, json_t **out);
