/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reading what services answer in JSON. */

/*
 * Parses an answer: like json_loadb with duplicate names refused and NUL allowed, in names too. DynamoDB takes an
 * attribute name with a NUL in it, jansson's objects hold one, but its parser refuses the whole text; one such
 * attribute must not make a table unreadable. NULL and `*why` where it is not JSON. `text` is followed by a NUL.
 * Iterate with json_object_keylen_foreach.
 */
json_t *aws_json_load(const char *text, size_t len, json_error_t *why);

/* The member, borrowed; NULL where it is absent, null or an empty object: engines differ in how they say "none". */
json_t *aws_json_present(const json_t *object, const char *name);
/* Copies a string; false where there is none or it does not fit, and `to` is left alone. */
bool aws_json_text(const json_t *object, const char *name, char *to, size_t size);
/* A number, whole or not, that is not negative; 0 where there is none. */
int64_t aws_json_count(const json_t *object, const char *name);
/* Unix seconds, which is how AWS JSON tells time, as wall nanoseconds; 0 where there is none. */
int64_t aws_json_time(const json_t *value);

static inline void aws_json_cleanup(json_t **value)
{
	json_decref(*value);
}

#define _json_cleanup_ __attribute__((cleanup(aws_json_cleanup)))
