/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/path.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { ALIAS_TAIL = 2 + 16 }; /* "%~" and the hash */

/* What may follow a lead byte, by RFC 3629's table: the second byte's range keeps out overlong forms, surrogates and
 * what lies above U+10FFFF; further bytes are always 80 to BF. */
static const struct utf8_lead {
	unsigned char first, last, low, high;
	uint8_t length;
} utf8_leads[] = {
	{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* The length of the character at `at`, which may be more than `len` where it is cut; 0 for malformed bytes. */
static size_t utf8_length(const unsigned char *at, size_t len)
{
	const struct utf8_lead *lead = utf8_leads;
	const struct utf8_lead *end = lead + sizeof(utf8_leads) / sizeof(utf8_leads[0]);

	while (lead < end && (*at < lead->first || *at > lead->last))
		lead++;
	if (lead == end)
		return 0;
	if (lead->length > 1 && len > 1 && (at[1] < lead->low || at[1] > lead->high))
		return 0;
	for (size_t i = 2; i < lead->length && i < len; i++) {
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	}
	return lead->length;
}

bool utf8_valid(const char *bytes, size_t len, bool prefix)
{
	const unsigned char *at = (const unsigned char *)bytes;

	while (len) {
		size_t n = utf8_length(at, len);
		if (!n)
			return false;
		if (n > len)
			return prefix;
		at += n;
		len -= n;
	}
	return true;
}

static bool is_name(const char *raw, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(raw, name, len) == 0;
}

bool name_is_marked(const char *name)
{
	return strcmp(name, NAME_OWN_VALUE) == 0 || strncmp(name, NAME_WHOLE_KEY, strlen(NAME_WHOLE_KEY)) == 0;
}

/* What a raw name may be beside an ordinary one, by place. */
static const struct name_rules {
	bool control;   /* ".control" is taken */
	bool segments;  /* it is a segment of a path, */
	bool own_value; /* or "." for the directory itself, */
	bool whole_key; /* or "/KEY" */
} name_rules[NAME_PLACES] = {
	[NAME_AT_ROOT] = { .control = true },
	[NAME_IN_PATH] = { .segments = true, .own_value = true },
	[NAME_AT_PATH_TOP] = { .segments = true, .whole_key = true },
	[NAME_AT_PATH_ROOT] = { .control = true, .segments = true, .whole_key = true },
};

static bool is_dots(const char *raw, size_t len)
{
	return is_name(raw, len, ".") || is_name(raw, len, "..");
}

/* These are taken: the first byte's encoding makes another name of them. */
static bool is_reserved(const char *raw, size_t len, enum name_place place)
{
	return is_dots(raw, len) || (name_rules[place].control && is_name(raw, len, ".control"));
}

static bool needs_escape(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '/' || c == '%';
}

static size_t put_escaped(unsigned char c, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	out[0] = '%';
	out[1] = digits[c >> 4];
	out[2] = digits[c & 15];
	return 3;
}

/* Cuts after the last whole character that leaves room for the hash. `out` holds the encoding as far as it fits. */
static int make_alias(const char *raw, size_t len, size_t cut, char *out)
{
	return (int)cut + snprintf(out + cut, ALIAS_TAIL + 1, "%%~%016llx", (unsigned long long)name_hash(0, raw, len));
}

/* Encodes behind the `used` bytes that `out` holds already. */
static int encode(const char *raw, size_t len, enum name_place place, size_t used, char *out, bool *alias)
{
	if (len == 0 || len > RAW_NAME_MAX || !utf8_valid(raw, len, false))
		return -EINVAL;
	bool reserved = is_reserved(raw, len, place);
	size_t cut = used;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_length((const unsigned char *)raw + i, len - i);
		bool escape = needs_escape((unsigned char)raw[i]) || (reserved && i == 0);
		if (used + (escape ? 3 : n) > FILE_NAME_MAX) {
			if (alias)
				*alias = true;
			return make_alias(raw, len, cut, out);
		}
		if (escape)
			used += put_escaped((unsigned char)raw[i], out + used);
		else
			used += (size_t)((char *)mempcpy(out + used, raw + i, n) - (out + used));
		i += n;
		if (used <= FILE_NAME_MAX - ALIAS_TAIL)
			cut = used;
	}
	out[used] = '\0';
	return (int)used;
}

int name_encode(const char *raw, size_t len, enum name_place place, char out[FILE_NAME_MAX + 1], bool *alias)
{
	const struct name_rules *rules = &name_rules[place];
	struct key_path ignored;
	size_t used = 0;

	if (alias)
		*alias = false;
	if (rules->own_value && is_name(raw, len, "."))
		return (int)strlen(strcpy(out, NAME_OWN_VALUE));
	if (rules->whole_key && len > 0 && *raw == '/') {
		raw++;
		len--;
		if (key_split(raw, len, &ignored))
			return -EINVAL;
		used = strlen(strcpy(out, NAME_WHOLE_KEY));
	} else if (rules->segments && (is_dots(raw, len) || memchr(raw, '/', len))) {
		return -EINVAL;
	}
	return encode(raw, len, place, used, out, alias);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Without looking at whether the name is canonical. */
static int unescape(const char *name, char raw[FILE_NAME_MAX + 1])
{
	int len = 0;

	while (*name) {
		if (len == FILE_NAME_MAX)
			return -EINVAL;
		if (*name != '%') {
			raw[len++] = *name++;
			continue;
		}
		int high = hex_value(name[1]), low = high < 0 ? -1 : hex_value(name[2]);
		if (low < 0)
			return -EINVAL;
		raw[len++] = (char)(high << 4 | low);
		name += 3;
	}
	raw[len] = '\0';
	return len;
}

/* The marked names of the path layout; -EINVAL: it is an ordinary one. */
static int unmark(const char *name, enum name_place place, char raw[FILE_NAME_MAX + 2])
{
	if (name_rules[place].own_value && strcmp(name, NAME_OWN_VALUE) == 0)
		return (int)strlen(strcpy(raw, "."));
	if (!name_rules[place].whole_key || strncmp(name, NAME_WHOLE_KEY, strlen(NAME_WHOLE_KEY)) != 0)
		return -EINVAL;
	/* The mark leaves room for the slash. */
	int len = unescape(name + strlen(NAME_WHOLE_KEY), raw + 1);
	raw[0] = '/';
	return len < 0 || len == FILE_NAME_MAX ? -EINVAL : len + 1;
}

int name_decode(const char *name, enum name_place place, char raw[FILE_NAME_MAX + 1])
{
	char decoded[FILE_NAME_MAX + 2], again[FILE_NAME_MAX + 1];
	int len = unmark(name, place, decoded);

	if (len < 0)
		len = unescape(name, decoded);
	if (len < 0 || name_encode(decoded, (size_t)len, place, again, NULL) < 0 || strcmp(name, again) != 0)
		return -EINVAL;
	memcpy(raw, decoded, (size_t)len + 1);
	return len;
}

bool key_split(const char *key, size_t len, struct key_path *path)
{
	const char *at = key, *end = key + len;

	do {
		if (at == end || *at != '/')
			return false;
		path->name = ++at;
		while (at < end && *at != '/')
			at++;
		path->name_len = (size_t)(at - path->name);
		if (path->name_len == 0 || is_dots(path->name, path->name_len))
			return false;
	} while (at < end);
	path->dir = key + 1;
	path->dir_len = path->name == path->dir ? 0 : (size_t)(path->name - path->dir) - 1;
	return true;
}

void key_join(const struct key_path *path, struct buf *key)
{
	if (path->name_len > 0 && path->name[0] == '/') {
		buf_append(key, path->name + 1, path->name_len - 1);
		return;
	}
	buf_char(key, '/');
	buf_append(key, path->dir, path->dir_len);
	if (is_name(path->name, path->name_len, "."))
		return;
	if (path->dir_len > 0)
		buf_char(key, '/');
	buf_append(key, path->name, path->name_len);
}

int path_encode(const char *dir, size_t len, enum name_place top, char out[FILE_PATH_MAX])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t at = 0; at < len; top = NAME_IN_PATH) {
		const char *slash = memchr(dir + at, '/', len - at);
		size_t n = slash ? (size_t)(slash - dir) - at : len - at;
		if (used + FILE_NAME_MAX + 2 > FILE_PATH_MAX)
			return -EINVAL;
		if (used > 0)
			out[used++] = '/';
		int r = name_encode(dir + at, n, top, out + used, NULL);
		if (r < 0)
			return r;
		used += (size_t)r;
		at += n + 1;
	}
	return (int)used;
}

bool name_is_temporary(const char *name)
{
	static const char *const patterns[] = {
		".*.sw?", ".*.swpx", "*~", "4913", "sed??????", ".*.??????", "#*#", ".goutputstream-*", ".ansible_tmp*",
	};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	}
	return false;
}

/* MurmurHash3's 64-bit finaliser: every bit of the input changes half of the output's. */
static uint64_t stir(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
	return h ^ h >> 33;
}

/*
 * 64-bit FNV-1a (RFC 9923), byte by byte, so that the machine's byte order does not matter. Its high bits are weak, and
 * a small seed would only look like another first byte: both ends are stirred.
 */
uint64_t name_hash(uint64_t seed, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t h = 0xcbf29ce484222325 ^ stir(seed);

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * 0x100000001b3;
	return stir(h ^ len);
}
