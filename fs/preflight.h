/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "fs/settings.h"

/* What this machine must offer before anything is mounted: the refusals of the kernel and of fusermount3, earlier and
 * with words that say what to do. */

/* /dev/fuse can be opened. */
int preflight_fuse(struct error *e);
/* EACCES: allow-other, which an ordinary user may use only where /etc/fuse.conf has user_allow_other. */
int preflight_allow_other(const struct settings *settings, struct error *e);
/* EACCES: a directory that an ordinary user may not mount on. */
int preflight_directory(const char *directory, struct error *e);
/* Both, for the settings of an ordinary user. */
int preflight_user(const struct settings *settings, struct error *e);
