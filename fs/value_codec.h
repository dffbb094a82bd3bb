/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "fs/value.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Private to value*.c: four functions for each type, which the table in value.c names. The "inner" value is what an
 * attribute value holds under its type's name, in the API's JSON. All return 0, -EINVAL or -ENOMEM, and set outputs on
 * success only.
 *
 *   clean   gives a new reference to the inner value's canonical form: equal values look equal
 *   render  appends a clean inner value as the file shows it
 *   parse   makes the inner value, not yet clean, of a file's bytes
 *   prefix  tells whether some continuation of the bytes could be parsed and cleaned
 */
struct text {
	const char *at;
	size_t len;
};

/* What is written must obey DynamoDB's limits; what is read may come from an engine that has others, and is shown. */
struct cleaning {
	bool strict;
	int depth; /* how many more levels of L and M are allowed */
};

enum { LEVELS_MAX = 32 }; /* DynamoDB's */

typedef int (*cleaner)(const json_t *inner, struct cleaning how, json_t **out);

struct text text_trim_start(struct text text);
struct text text_trim(struct text text);
/* Cuts the first line (without its newline) off `rest`; false when there is none left. */
bool text_line(struct text *rest, struct text *line);

/* A clean copy of {"S": "text"} or another attribute value. */
int attribute_clean(const json_t *attribute, struct cleaning how, json_t **out);

/* -ENOMEM for NULL, which is all that is wrong where jansson was given what it accepts. */
int json_result(json_t *made, json_t **out);

/* Appends the normal form: plain decimal digits, no zeros in front or behind. */
int number_normalize(struct text text, struct buf *out);
int number_prefix(struct text text);

/* RFC 4648 with padding: whether something could follow, if only nothing. */
int base64_prefix(struct text text);

int string_clean(const json_t *inner, struct cleaning how, json_t **out);
int string_render(const json_t *inner, struct buf *out);
int string_parse(struct text text, json_t **inner);
int string_prefix(struct text text);
/* Without the white space around. */
int trimmed_parse(struct text text, json_t **inner);
int number_clean(const json_t *inner, struct cleaning how, json_t **out);
int bool_clean(const json_t *inner, struct cleaning how, json_t **out);
int bool_render(const json_t *inner, struct buf *out);
int bool_parse(struct text text, json_t **inner);
int bool_prefix(struct text text);
int binary_clean(const json_t *inner, struct cleaning how, json_t **out);
int binary_render(const json_t *inner, struct buf *out);
int binary_parse(struct text text, json_t **inner);
int binary_prefix(struct text text);
int null_clean(const json_t *inner, struct cleaning how, json_t **out);
int null_render(const json_t *inner, struct buf *out);
int null_parse(struct text text, json_t **inner);

int string_set_clean(const json_t *inner, struct cleaning how, json_t **out);
int string_set_render(const json_t *inner, struct buf *out);
int string_set_parse(struct text text, json_t **inner);
int string_set_prefix(struct text text);
int number_set_clean(const json_t *inner, struct cleaning how, json_t **out);
int number_set_parse(struct text text, json_t **inner);
int number_set_prefix(struct text text);
int binary_set_clean(const json_t *inner, struct cleaning how, json_t **out);
int binary_set_parse(struct text text, json_t **inner);
int binary_set_prefix(struct text text);
int plain_set_render(const json_t *inner, struct buf *out);

int list_clean(const json_t *inner, struct cleaning how, json_t **out);
int list_parse(struct text text, json_t **inner);
int list_prefix(struct text text);
int map_clean(const json_t *inner, struct cleaning how, json_t **out);
int map_parse(struct text text, json_t **inner);
int map_prefix(struct text text);
int nested_render(const json_t *inner, struct buf *out);
