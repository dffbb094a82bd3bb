/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VECTORS TEST_DATA "/vectors/values/"

static json_t *load(const char *file)
{
	json_error_t error;
	json_t *cases = json_load_file(file, JSON_ALLOW_NUL, &error);

	if (!cases)
		fail_msg("%s:%d: %s", file, error.line, error.text);
	return cases;
}

static enum value_type parse_type(const json_t *name)
{
	enum value_type type = VALUE_TYPES;

	assert_int_equal(value_type_parse(json_string_value(name), json_string_length(name), &type), 0);
	assert_string_equal(value_type_name(type), json_string_value(name));
	return type;
}

static void assert_text(const struct buf *found, const json_t *expected)
{
	assert_string_equal(buf_text(found), json_string_value(expected));
	assert_int_equal(found->len, json_string_length(expected));
	assert_memory_equal(buf_text(found), json_string_value(expected), found->len);
}

/* Writing in pieces must not refuse what the whole is accepted for. */
static void assert_prefixes(enum value_type type, const char *bytes, size_t len)
{
	for (size_t i = 0; i <= len; i++) {
		if (value_check_prefix(type, bytes, i, NULL) < 0)
			fail_msg("%s: the first %zu bytes of %s", value_type_name(type), i, bytes);
	}
}

static void check_written(enum value_type type, const json_t *bytes, const json_t *normal)
{
	_buf_cleanup_ struct buf out = BUF_INIT(ITEM_SIZE_MAX);
	struct error e = ERROR_NULL;
	enum value_type after = type;
	int r = value_normalize(&after, json_string_value(bytes), json_string_length(bytes), &out, &e);

	if ((r == 0) != json_is_string(normal))
		fail_msg("%s %s: %s", value_type_name(type), json_string_value(bytes), r ? e.text : "accepted");
	assert_int_equal(after, type);
	if (r < 0) {
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(e.text, value_type_name(type)));
		assert_int_equal(out.len, 0);
		return;
	}
	assert_text(&out, normal);
	assert_prefixes(type, json_string_value(bytes), json_string_length(bytes));
}

static void shows_attributes(void **state)
{
	json_auto_t *cases = load(VECTORS "read.json");
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(cases, i, row)
	{
		_buf_cleanup_ struct buf out = BUF_INIT(ITEM_SIZE_MAX);
		const json_t *attribute = json_array_get(row, 0), *text = json_array_get(row, 1);
		enum value_type type = VALUE_TYPES;
		assert_int_equal(value_from_attribute(attribute, &type, &out, NULL), 0);
		assert_string_equal(value_type_name(type),
				    json_object_iter_key(json_object_iter(json_array_get(row, 0))));
		assert_text(&out, text);
		check_written(type, text, text);
	}
}

static void shows_what_other_engines_hold(void **state)
{
	json_auto_t *cases = load(VECTORS "foreign.json");
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(cases, i, row)
	{
		_buf_cleanup_ struct buf out = BUF_INIT(ITEM_SIZE_MAX);
		enum value_type type;
		assert_int_equal(value_from_attribute(json_array_get(row, 0), &type, &out, NULL), 0);
		assert_text(&out, json_array_get(row, 1));
	}
}

static void refuses_what_is_no_attribute(void **state)
{
	json_auto_t *cases = load(VECTORS "malformed.json");
	size_t i;
	json_t *attribute;

	(void)state;
	json_array_foreach(cases, i, attribute)
	{
		_buf_cleanup_ struct buf out = BUF_INIT(ITEM_SIZE_MAX);
		enum value_type type = VALUE_TYPES;
		struct error e = ERROR_NULL;
		if (value_from_attribute(attribute, &type, &out, &e) != -EIO)
			fail_msg("row %zu is accepted", i);
		assert_int_equal(e.number, EIO);
		assert_int_equal(type, VALUE_TYPES);
		assert_int_equal(out.len, 0);
	}
}

static void normalizes_what_is_written(void **state)
{
	json_auto_t *cases = load(VECTORS "written.json");
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(cases, i, row)
		check_written(parse_type(json_array_get(row, 0)), json_array_get(row, 1), json_array_get(row, 2));
}

static void normalizes_numbers(void **state)
{
	FILE *lines = fopen(VECTORS "numbers.txt", "r");
	char written[160], normal[160];

	(void)state;
	assert_non_null(lines);
	while (fscanf(lines, "%159s %159s", written, normal) == 2) {
		json_auto_t *bytes = json_string(written);
		json_auto_t *expected = strcmp(normal, "!") == 0 ? json_null() : json_string(normal);
		check_written(VALUE_N, bytes, expected);
		if (json_is_string(expected))
			check_written(VALUE_N, expected, expected);
	}
	assert_true(feof(lines));
	fclose(lines);
}

static void judges_beginnings(void **state)
{
	json_auto_t *cases = load(VECTORS "prefixes.json");
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(cases, i, row)
	{
		enum value_type type = parse_type(json_array_get(row, 0));
		const json_t *text = json_array_get(row, 1);
		int expected = json_is_true(json_array_get(row, 2)) ? 0 : -EINVAL;
		if (value_check_prefix(type, json_string_value(text), json_string_length(text), NULL) != expected)
			fail_msg("%s %s", value_type_name(type), json_string_value(text));
	}
}

static void keeps_any_bytes_of_a_binary(void **state)
{
	char bytes[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)(255 - i);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		_buf_cleanup_ struct buf out = BUF_INIT(ITEM_SIZE_MAX);
		enum value_type type = VALUE_B;
		assert_int_equal(value_normalize(&type, bytes, len, &out, NULL), 0);
		assert_int_equal(out.len, len);
		assert_memory_equal(buf_text(&out), bytes, len);
	}
}

static void refuses_text_that_is_not_utf8(void **state)
{
	static const enum value_type types[] = { VALUE_S, VALUE_NULL, VALUE_SS, VALUE_L, VALUE_M };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		json_t *attribute = NULL;
		assert_int_equal(value_to_attribute(types[i], "\xff", 1, &attribute, NULL), -EINVAL);
		assert_int_equal(value_check_prefix(types[i], "\xff", 1, NULL), -EINVAL);
		assert_null(attribute);
	}
	assert_int_equal(value_check_prefix(VALUE_S, "\xf0\x9f\x98", 3, NULL), 0);
	assert_int_equal(value_check_prefix(VALUE_SS, "a\n\xc3", 3, NULL), 0);
	assert_int_equal(value_check_prefix(VALUE_L, "[{\"S\":\"\xf0", 8, NULL), 0);
	assert_int_equal(value_check_prefix(VALUE_L, "[{\"S\":\"\xe0", 8, NULL), 0);
	assert_int_equal(value_check_prefix(VALUE_L, "[{\"S\":\"\xe0\xa0", 9, NULL), 0);
	assert_int_equal(value_check_prefix(VALUE_L, "[{\"S\":\"\xf4", 8, NULL), 0);
	assert_int_equal(value_check_prefix(VALUE_L, "[{\"S\":\"\xe0\x80", 9, NULL), -EINVAL);
	assert_int_equal(value_check_prefix(VALUE_L, "[\xc3", 2, NULL), -EINVAL);
	assert_int_equal(value_type_of_new("", 0), VALUE_S);
	assert_int_equal(value_type_of_new("\xc3\xa9", 2), VALUE_S);
	assert_int_equal(value_type_of_new("\xc3", 1), VALUE_B);
}

static void a_null_becomes_text_once_written(void **state)
{
	_buf_cleanup_ struct buf out = BUF_INIT(16);
	enum value_type type = VALUE_NULL;

	(void)state;
	assert_int_equal(value_normalize(&type, NULL, 0, &out, NULL), 0);
	assert_int_equal(type, VALUE_NULL);
	assert_int_equal(value_normalize(&type, "x", 1, &out, NULL), 0);
	assert_int_equal(type, VALUE_S);
	assert_string_equal(buf_text(&out), "x");
}

static int write_nested(int levels)
{
	_buf_cleanup_ struct buf text = BUF_INIT(ITEM_SIZE_MAX), out = BUF_INIT(ITEM_SIZE_MAX);
	enum value_type type = VALUE_L;

	for (int i = 1; i < levels; i++)
		buf_str(&text, "[{\"L\":");
	buf_str(&text, "[]");
	for (int i = 1; i < levels; i++)
		buf_str(&text, "}]");
	return value_normalize(&type, text.data, text.len, &out, NULL);
}

static void nests_32_levels(void **state)
{
	(void)state;
	assert_int_equal(write_nested(32), 0);
	assert_int_equal(write_nested(33), -EINVAL);
	assert_int_equal(write_nested(1000), -EINVAL);
	assert_int_equal(write_nested(10000), -EINVAL);
}

static void keeps_to_the_callers_bound(void **state)
{
	_buf_cleanup_ struct buf out = BUF_INIT(3);
	json_auto_t *attribute = json_pack("{s:s}", "S", "four");
	enum value_type type = VALUE_TYPES;
	struct error e = ERROR_NULL;

	(void)state;
	assert_int_equal(value_from_attribute(attribute, &type, &out, &e), -EFBIG);
	assert_int_equal(e.number, EFBIG);
	assert_int_equal(type, VALUE_TYPES);
}

static void knows_type_names(void **state)
{
	enum value_type type;

	(void)state;
	assert_int_equal(value_type_parse("NS", 1, &type), 0);
	assert_int_equal(type, VALUE_N);
	assert_int_equal(value_type_parse("NULLS", 5, &type), -EINVAL);
	assert_int_equal(value_type_parse("n", 1, &type), -EINVAL);
	assert_int_equal(value_type_parse("", 0, &type), -EINVAL);
}

static void drops_the_final_newline(void **state)
{
	static const struct {
		enum value_type type;
		enum newline_mode mode;
		const char *written;
		size_t stored;
	} cases[] = {
		{ VALUE_S, NEWLINE_AUTO, "", 0 },        { VALUE_S, NEWLINE_AUTO, "\n", 0 },
		{ VALUE_S, NEWLINE_AUTO, "a", 1 },       { VALUE_S, NEWLINE_AUTO, "a\n", 1 },
		{ VALUE_S, NEWLINE_AUTO, "a\n\n", 3 },   { VALUE_S, NEWLINE_AUTO, "a\nb\n", 4 },
		{ VALUE_S, NEWLINE_AUTO, "a\nb", 3 },    { VALUE_S, NEWLINE_STRIP, "a\n\n", 2 },
		{ VALUE_S, NEWLINE_STRIP, "a\nb\n", 3 }, { VALUE_S, NEWLINE_STRIP, "a", 1 },
		{ VALUE_S, NEWLINE_EXACT, "a\n", 2 },    { VALUE_NULL, NEWLINE_AUTO, "a\n", 1 },
		{ VALUE_B, NEWLINE_STRIP, "a\n", 2 },    { VALUE_N, NEWLINE_AUTO, "1\n", 2 },
		{ VALUE_SS, NEWLINE_AUTO, "a\n", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			value_stored_length(cases[i].type, cases[i].mode, cases[i].written, strlen(cases[i].written)),
			cases[i].stored);
	assert_int_equal(value_stored_length(VALUE_S, NEWLINE_AUTO, NULL, 0), 0);
}

static void puts_the_line_break_back(void **state)
{
	static const struct {
		enum value_type type;
		enum newline_mode mode;
		const char *old, *added;
		bool wanted;
	} cases[] = {
		{ VALUE_S, NEWLINE_AUTO, "a", "b\n", true },     { VALUE_S, NEWLINE_AUTO, "a", "b\nc\n", true },
		{ VALUE_S, NEWLINE_AUTO, "a", "b", false },      { VALUE_S, NEWLINE_AUTO, "a", "", false },
		{ VALUE_S, NEWLINE_AUTO, "", "b\n", false },     { VALUE_S, NEWLINE_AUTO, "a\n", "b\n", false },
		{ VALUE_S, NEWLINE_AUTO, "a\nb", "c\n", false }, { VALUE_S, NEWLINE_STRIP, "a", "b\n", false },
		{ VALUE_S, NEWLINE_EXACT, "a", "b\n", false },   { VALUE_B, NEWLINE_AUTO, "a", "b\n", false },
		{ VALUE_SS, NEWLINE_AUTO, "a", "b\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(value_append_wants_break(cases[i].type, cases[i].mode, cases[i].old,
							  strlen(cases[i].old), cases[i].added, strlen(cases[i].added)),
				 cases[i].wanted);
}

/* The server decides in the end; what it would take must not be refused here. */
static void sizes_are_not_above_the_real_ones(void **state)
{
	(void)state;
	assert_int_equal(value_size(VALUE_S, ITEM_SIZE_MAX), ITEM_SIZE_MAX);
	assert_int_equal(value_size(VALUE_B, 7), 7);
	assert_in_range(value_size(VALUE_SS, strlen("a\nb\n")), 1, 2);
	assert_in_range(value_size(VALUE_BS, strlen("YQ==\nYg==\n")), 1, 2);
	assert_in_range(value_size(VALUE_N, 170), 1, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_attributes),
		cmocka_unit_test(shows_what_other_engines_hold),
		cmocka_unit_test(refuses_what_is_no_attribute),
		cmocka_unit_test(normalizes_what_is_written),
		cmocka_unit_test(normalizes_numbers),
		cmocka_unit_test(judges_beginnings),
		cmocka_unit_test(keeps_any_bytes_of_a_binary),
		cmocka_unit_test(refuses_text_that_is_not_utf8),
		cmocka_unit_test(a_null_becomes_text_once_written),
		cmocka_unit_test(nests_32_levels),
		cmocka_unit_test(keeps_to_the_callers_bound),
		cmocka_unit_test(knows_type_names),
		cmocka_unit_test(drops_the_final_newline),
		cmocka_unit_test(puts_the_line_break_back),
		cmocka_unit_test(sizes_are_not_above_the_real_ones),
	};

	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
