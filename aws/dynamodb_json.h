/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * Parses an answer of DynamoDB: like json_loadb with duplicate names refused and NUL allowed, in names too.
 * DynamoDB takes an attribute name with a NUL in it, jansson's objects hold one, but its parser refuses the whole
 * text; one such attribute must not make a table unreadable. NULL and `*why` where it is not JSON. `text` is followed
 * by a NUL. Iterate with json_object_keylen_foreach.
 */
json_t *dynamodb_json_load(const char *text, size_t len, json_error_t *why);
