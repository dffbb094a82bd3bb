/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the place, the rest is a raw name, a file name and a key of the path layout. */
#include "fs/path.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool is_file_name(const char *name, size_t len)
{
	return len > 0 && len <= FILE_NAME_MAX && strlen(name) == len && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && utf8_valid(name, len, false);
}

static void raw_comes_back(const char *raw, size_t len, enum name_place place)
{
	char name[FILE_NAME_MAX + 1], back[FILE_NAME_MAX + 1];
	bool alias;
	int n = name_encode(raw, len, place, name, &alias);

	bool bad = len == 0 || len > RAW_NAME_MAX || !utf8_valid(raw, len, false);
	require(place >= NAME_IN_PATH ? !bad || n < 0 : bad == (n < 0));
	if (n < 0)
		return;
	require(is_file_name(name, (size_t)n));
	require((place != NAME_AT_ROOT && place != NAME_AT_PATH_ROOT) || strcmp(name, ".control") != 0);
	int m = name_decode(name, place, back);
	require(alias ? m < 0 : m == (int)len && memcmp(back, raw, len) == 0);
}

static void name_comes_back(const char *name, enum name_place place)
{
	char raw[FILE_NAME_MAX + 1], again[FILE_NAME_MAX + 1];
	int n = name_decode(name, place, raw);

	if (n < 0)
		return;
	require(name_encode(raw, (size_t)n, place, again, NULL) == (int)strlen(name));
	require(strcmp(name, again) == 0);
}

static void prefixes_agree(const char *bytes, size_t len)
{
	bool valid = utf8_valid(bytes, len, false);

	require(!valid || utf8_valid(bytes, len, true));
	for (size_t cut = 1; valid && cut <= 4 && cut <= len; cut++)
		require(utf8_valid(bytes, len - cut, true));
}

/* Every key is in one place, and has a name there. */
static void key_comes_back(const char *key, size_t len)
{
	_buf_cleanup_ struct buf whole = BUF_INIT(RAW_NAME_MAX + 1), again = BUF_INIT(RAW_NAME_MAX + 1);
	struct key_path path = { 0 };
	bool clean = key_split(key, len, &path);
	char name[FILE_NAME_MAX + 1];

	if (len == 0 || len >= RAW_NAME_MAX || !utf8_valid(key, len, false)) {
		require(!clean || len >= RAW_NAME_MAX || !utf8_valid(key, len, false));
		return;
	}
	buf_char(&whole, '/');
	buf_append(&whole, key, len);
	if (!clean)
		path = (struct key_path){ .dir = "", .name = whole.data, .name_len = whole.len };
	key_join(&path, &again);
	require(again.len == len && memcmp(again.data, key, len) == 0);
	require(name_encode(path.name, path.name_len, path.dir_len ? NAME_IN_PATH : NAME_AT_PATH_TOP, name, NULL) > 0);
	require(clean || strncmp(name, "%=", 2) == 0);
	require(clean == (name_encode(whole.data, whole.len, NAME_AT_PATH_TOP, name, NULL) < 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum name_place place = (enum name_place)(data[0] % NAME_PLACES);
	const char *bytes = (const char *)data + 1;
	size_t len = size - 1;
	char *name = strndup(bytes, len);

	raw_comes_back(bytes, len, place);
	prefixes_agree(bytes, len);
	key_comes_back(bytes, len);
	if (name) {
		name_comes_back(name, place);
		name_is_temporary(name);
	}
	free(name);
	return 0;
}
