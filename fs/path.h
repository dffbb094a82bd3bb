/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names of stores, options and keys ("raw": any UTF-8) ↔ names of files, reversibly and purely.
 *
 * Percent-encoded (upper-case hex) are `/`, bytes below 0x20 and 0x7f, `%`, and the first byte of a name that is "."
 * or ".."; at the root also the first byte of a name that is ".control". A name that would be longer than 255 bytes
 * gets an alias: a prefix of its encoding, cut at a whole character, then "%~" and 16 hex digits of a hash of the
 * raw name. Neither an alias nor any other "%" that two hex digits do not follow decodes.
 */
/* FILE_PATH_MAX: of a path within a store; the longest key, of 2,048 bytes, fits with everything encoded. */
enum { FILE_NAME_MAX = 255, RAW_NAME_MAX = 65535, FILE_PATH_MAX = 8192 };

/*
 * In the path layout a key is a path, "/app/db/host", and a raw name one segment of it: no "/", and not "..". Two more
 * raw names are there: "." in a directory is the directory's own value, for a key that others go on from, and a file
 * "%value"; "/KEY" at the top is a whole key that is no clean path, and a file "%=" with KEY encoded.
 */
enum name_place {
	NAME_ANYWHERE,
	NAME_AT_ROOT,
	NAME_IN_PATH,      /* in a directory of a path store */
	NAME_AT_PATH_TOP,  /* in the store's own directory, */
	NAME_AT_PATH_ROOT, /* and that is the root */
	NAME_PLACES
};

#define NAME_OWN_VALUE "%value"
#define NAME_WHOLE_KEY "%=" /* and the key */
/* Whether a file name is one of these two: no directory has such a name. */
bool name_is_marked(const char *name);

/* Encodes; `out` gets a NUL-terminated name of 1 to 255 bytes. Returns its length, or -EINVAL for a raw name that is
 * empty, too long or not UTF-8 (which DynamoDB never holds), or not one of that place. `alias` (may be NULL) tells
 * whether it was shortened. */
int name_encode(const char *raw, size_t len, enum name_place place, char out[FILE_NAME_MAX + 1], bool *alias);

/* Decodes the one canonical encoding of a raw name into `raw`: at most 255 bytes and a NUL after them; the name may
 * hold NULs itself, so use the length. Returns it, or -EINVAL for everything that name_encode would not have given,
 * aliases included. */
int name_decode(const char *name, enum name_place place, char raw[FILE_NAME_MAX + 1]);

/* A key of the path layout in two: the raw path of its directory, without "/" at its ends and "" at the top, and a raw
 * name. False for a key that is no clean path: one without a leading slash, with an empty segment (and so with a final
 * slash), or with one that is "." or "..". Borrowed from the key. */
struct key_path {
	const char *dir, *name;
	size_t dir_len, name_len;
};
bool key_split(const char *key, size_t len, struct key_path *path);
/* Appends the key of a directory and any of the raw names in it. */
void key_join(const struct key_path *path, struct buf *key);

/* Encodes a directory of key_split, segment by segment; names in its first one's place are those of `top`. EINVAL: not
 * UTF-8, or too long. */
int path_encode(const char *dir, size_t len, enum name_place top, char out[FILE_PATH_MAX]);

/* Whether a file name is one that programs use for a file that they rename or remove at once: `.*.sw?`, `.*.swpx`,
 * `*~`, `4913`, `sed??????`, `.*.??????`, `#*#`, `.goutputstream-*`, `.ansible_tmp*`. */
bool name_is_temporary(const char *name);

/* Whether the bytes are well-formed UTF-8 (RFC 3629). With `prefix`, a sequence cut at the very end is accepted. */
bool utf8_valid(const char *bytes, size_t len, bool prefix);

/* The hash that ids and aliases are made of: the same over restarts, versions and machines. Chain by passing the
 * result as `seed`. */
uint64_t name_hash(uint64_t seed, const void *bytes, size_t len);
