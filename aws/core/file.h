/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

/* Reads a whole file into `out`, which is empty and bounds it: only regular files, and /dev/null as an empty one.
 * ENOENT when it does not exist; EACCES; EFBIG; EINVAL when it is not a regular file. No copy is left behind in a
 * `secret` buffer. */
int file_read(const char *path, struct buf *out, struct error *e);

/* Whole or not at all: a new file, 0600, on the disk before it takes the old one's place. 0 or -errno with errno's own
 * meaning: the caller knows what the file is. */
int file_replace(const char *path, const char *text);

/* The path from the root, which another working directory does not change. NULL: no memory. The caller frees it. */
char *file_absolute(const char *path);
