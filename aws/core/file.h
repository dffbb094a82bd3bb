/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

/* Reads a whole file into `out`, which is empty and bounds it: only regular files, and /dev/null as an empty one.
 * ENOENT when it does not exist; EACCES; EFBIG; EINVAL when it is not a regular file. No copy is left behind in a
 * `secret` buffer. */
int file_read(const char *path, struct buf *out, struct error *e);
