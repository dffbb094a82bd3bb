/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/buf.h"
#include "fs/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS TEST_DATA "/vectors/names/"

static json_t *load(const char *file)
{
	json_error_t error;
	json_t *cases = json_load_file(file, JSON_ALLOW_NUL, &error);

	if (!cases)
		fail_msg("%s:%d: %s", file, error.line, error.text);
	return cases;
}

static FILE *open_lines(const char *file)
{
	FILE *lines = fopen(file, "r");

	if (!lines)
		fail_msg("%s cannot be opened", file);
	return lines;
}

static size_t from_hex(const char *hex, char *out)
{
	size_t len = 0;
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[len++] = (char)byte;
	return len;
}

static enum name_place place_of(const json_t *row)
{
	static const char *const places[NAME_PLACES] = { "anywhere", "at-root", "in-path", "at-path-top",
							 "at-path-root" };
	int place = 0;

	while (strcmp(places[place], json_string_value(json_array_get(row, 0))) != 0)
		assert_int_not_equal(++place, NAME_PLACES);
	return (enum name_place)place;
}

static void encodes_and_decodes(void **state)
{
	json_auto_t *cases = load(VECTORS "encoded.json");
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(cases, i, row)
	{
		enum name_place place = place_of(row);
		const json_t *raw = json_array_get(row, 1);
		const char *file = json_string_value(json_array_get(row, 2));
		char out[FILE_NAME_MAX + 1], back[FILE_NAME_MAX + 1];
		bool alias = true;
		int len = name_encode(json_string_value(raw), json_string_length(raw), place, out, &alias);
		assert_string_equal(out, file);
		assert_int_equal(len, strlen(file));
		assert_false(alias);
		assert_int_equal(name_decode(file, place, back), json_string_length(raw));
		assert_memory_equal(back, json_string_value(raw), json_string_length(raw) + 1);
	}
}

static void shortens_long_names(void **state)
{
	json_auto_t *cases = load(VECTORS "aliases.json");
	_buf_cleanup_ struct buf raw = BUF_INIT(RAW_NAME_MAX);
	size_t i, j;
	json_t *row, *piece;

	(void)state;
	json_array_foreach(cases, i, row)
	{
		const char *file = json_string_value(json_array_get(row, 1));
		char out[FILE_NAME_MAX + 1], back[FILE_NAME_MAX + 1];
		bool alias, expected = strstr(file, "%~");
		buf_reset(&raw);
		json_array_foreach(json_array_get(row, 0), j, piece)
		{
			for (json_int_t n = json_integer_value(json_array_get(piece, 1)); n > 0; n--)
				buf_str(&raw, json_string_value(json_array_get(piece, 0)));
		}
		int len = name_encode(raw.data, raw.len, NAME_ANYWHERE, out, &alias);
		assert_string_equal(out, file);
		assert_int_equal(len, strlen(file));
		assert_int_equal(alias, expected);
		assert_int_equal(name_decode(out, NAME_ANYWHERE, back), expected ? -EINVAL : (int)raw.len);
	}
}

static void refuses_names_that_no_key_has(void **state)
{
	json_auto_t *cases = load(VECTORS "undecodable.json");
	char raw[FILE_NAME_MAX + 1] = "untouched", longer[FILE_NAME_MAX + 2] = "";
	size_t i;
	json_t *name;

	(void)state;
	json_array_foreach(cases, i, name)
	{
		assert_int_equal(name_decode(json_string_value(name), NAME_ANYWHERE, raw), -EINVAL);
		assert_int_equal(name_decode(json_string_value(name), NAME_AT_ROOT, raw), -EINVAL);
	}
	memset(longer, 'a', FILE_NAME_MAX + 1);
	assert_int_equal(name_decode(longer, NAME_ANYWHERE, raw), -EINVAL);
	assert_int_equal(name_decode("\xff", NAME_ANYWHERE, raw), -EINVAL);
	assert_int_equal(name_decode("%2Econtrol", NAME_ANYWHERE, raw), -EINVAL);
	assert_int_equal(name_decode(".control", NAME_AT_ROOT, raw), -EINVAL);
	assert_string_equal(raw, "untouched");
}

static void refuses_raw_names(void **state)
{
	static char longest[RAW_NAME_MAX + 1];
	char out[FILE_NAME_MAX + 1];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(name_encode("", 0, NAME_ANYWHERE, out, NULL), -EINVAL);
	assert_int_equal(name_encode("\xc3", 1, NAME_ANYWHERE, out, NULL), -EINVAL);
	assert_int_equal(name_encode(longest, sizeof(longest), NAME_ANYWHERE, out, NULL), -EINVAL);
	assert_int_equal(name_encode(longest, RAW_NAME_MAX, NAME_ANYWHERE, out, NULL), FILE_NAME_MAX);
}

static void refuses_names_of_other_places(void **state)
{
	json_auto_t *cases = load(VECTORS "refused.json");
	char out[FILE_NAME_MAX + 1], raw[FILE_NAME_MAX + 1];
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(cases, i, row)
	{
		const json_t *name = json_array_get(row, 1);
		assert_int_equal(
			name_encode(json_string_value(name), json_string_length(name), place_of(row), out, NULL),
			-EINVAL);
	}
	/* What would be one of these is not decoded either. */
	assert_int_equal(name_decode("%2E", NAME_IN_PATH, raw), -EINVAL);
	assert_int_equal(name_decode("a%2Fb", NAME_IN_PATH, raw), -EINVAL);
	assert_int_equal(name_decode("%=host", NAME_IN_PATH, raw), -EINVAL);
	assert_int_equal(name_decode("%=", NAME_AT_PATH_TOP, raw), -EINVAL);
	assert_int_equal(name_decode("%=%2Fhost", NAME_AT_PATH_TOP, raw), -EINVAL);
	assert_int_equal(name_decode("%value", NAME_AT_PATH_TOP, raw), -EINVAL);
}

static void shortens_long_keys(void **state)
{
	char raw[512] = "/", out[FILE_NAME_MAX + 1], back[FILE_NAME_MAX + 1];
	bool alias;

	(void)state;
	memset(raw + 1, 'a', sizeof(raw) - 2);
	assert_int_equal(name_encode(raw, 254, NAME_AT_PATH_TOP, out, &alias), 255);
	assert_false(alias);
	assert_int_equal(name_decode(out, NAME_AT_PATH_TOP, back), 254);
	assert_memory_equal(back, raw, 254);
	assert_int_equal(name_encode(raw, 255, NAME_AT_PATH_TOP, out, &alias), 255);
	assert_true(alias);
	assert_memory_equal(out, "%=aaa", 5);
	assert_int_equal(name_decode(out, NAME_AT_PATH_TOP, back), -EINVAL);
}

static void splits_and_joins_keys(void **state)
{
	json_auto_t *cases = load(VECTORS "keys.json");
	size_t i;
	json_t *row;

	(void)state;
	json_array_foreach(cases, i, row)
	{
		const json_t *key = json_array_get(row, 0), *dir = json_array_get(row, 1),
			     *name = json_array_get(row, 2);
		_buf_cleanup_ struct buf again = BUF_INIT(1000);
		struct key_path path;
		assert_int_equal(key_split(json_string_value(key), json_string_length(key), &path),
				 json_is_string(dir));
		if (!json_is_string(dir))
			continue;
		assert_int_equal(path.dir_len, json_string_length(dir));
		assert_memory_equal(path.dir, json_string_value(dir), path.dir_len);
		assert_int_equal(path.name_len, json_string_length(name));
		assert_memory_equal(path.name, json_string_value(name), path.name_len);
		key_join(&path, &again);
		assert_int_equal(again.len, json_string_length(key));
		assert_memory_equal(again.data, json_string_value(key), again.len);
	}
}

static void joins_what_is_no_segment(void **state)
{
	static const struct {
		struct key_path path;
		const char *key;
	} rows[] = {
		{ { "app/db", ".", 6, 1 }, "/app/db" },
		{ { "", "/app/", 0, 5 }, "app/" },
		{ { "", "//", 0, 2 }, "/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf key = BUF_INIT(100);
		key_join(&rows[i].path, &key);
		assert_string_equal(buf_text(&key), rows[i].key);
	}
}

static void knows_utf8(void **state)
{
	FILE *lines = open_lines(VECTORS "utf8.txt");
	char hex[64], verdict[8], bytes[32];

	(void)state;
	while (fscanf(lines, "%63s %7s", hex, verdict) == 2) {
		size_t len = from_hex(hex, bytes);
		if (utf8_valid(bytes, len, false) != (strcmp(verdict, "valid") == 0) ||
		    utf8_valid(bytes, len, true) != (strcmp(verdict, "bad") != 0))
			fail_msg("%s is %s", hex, verdict);
	}
	assert_true(feof(lines));
	fclose(lines);
	assert_true(utf8_valid(NULL, 0, false));
}

static void knows_temporary_names(void **state)
{
	FILE *lines = open_lines(VECTORS "temporary.txt");
	char verdict, name[64];

	(void)state;
	while (fscanf(lines, " %c %63s", &verdict, name) == 2) {
		if (name_is_temporary(name) != (verdict == '+'))
			fail_msg("%c %s", verdict, name);
	}
	assert_true(feof(lines));
	fclose(lines);
}

static void hashes_never_change(void **state)
{
	FILE *lines = open_lines(VECTORS "hashes.txt");
	unsigned long long seed, hash;
	char hex[160], bytes[80];

	(void)state;
	while (fscanf(lines, "%llx %159s %llx", &seed, hex, &hash) == 3)
		assert_int_equal(name_hash(seed, bytes, from_hex(hex, bytes)), hash);
	assert_true(feof(lines));
	fclose(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes),
		cmocka_unit_test(shortens_long_names),
		cmocka_unit_test(refuses_names_that_no_key_has),
		cmocka_unit_test(refuses_raw_names),
		cmocka_unit_test(refuses_names_of_other_places),
		cmocka_unit_test(shortens_long_keys),
		cmocka_unit_test(splits_and_joins_keys),
		cmocka_unit_test(joins_what_is_no_segment),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(knows_temporary_names),
		cmocka_unit_test(hashes_never_change),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
