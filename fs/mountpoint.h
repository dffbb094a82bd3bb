/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What stands on a directory: mounts, dead mounts of ours, and who keeps one busy. */

#define MOUNT_TYPE "fuse.dynconf"

/* /proc/self/mountinfo, see proc_pid_mountinfo(5); what stands higher comes later. */
struct mount_table {
	struct mount_row {
		unsigned major, minor;
		const char *dir, *type, *source;
	} * rows;
	size_t n;
	char *text; /* what the strings point into */
};

#define MOUNT_TABLE_NULL ((struct mount_table){ 0 })

/* Takes `text` (NUL-terminated, from malloc), also on failure. Lines that are none are left out. */
int mount_table_parse(char *text, struct mount_table *table, struct error *e);
int mount_table_read(struct mount_table *table, struct error *e);
void mount_table_deinit(struct mount_table *table);

/* The topmost mount on exactly that directory, and the one that an absolute path without symlinks is on. NULL: none. */
const struct mount_row *mount_table_at(const struct mount_table *table, const char *dir);
const struct mount_row *mount_table_over(const struct mount_table *table, const char *path);

/* Whether a directory could be mounted on, as below, without changing anything: `*dead` tells of a dead mount of ours
 * there, under which nobody can look. The caller frees `*resolved`. */
int mountpoint_check(const char *dir, char **resolved, bool *dead, struct error *e);

/*
 * Makes a directory ready to be mounted on: resolves it, takes a dead mount of ours away, and refuses a live one
 * (EBUSY), what is no directory (EINVAL) and what has content (ENOTEMPTY). The caller frees `*resolved`.
 */
int mountpoint_prepare(const char *dir, char **resolved, struct error *e);

/* Unmounts a mount of ours; by fusermount3 unless root does it. `lazy`: at once, whoever still holds it. EINVAL: no
 * dynconf mount; EBUSY: the sentence says who holds it. */
int mountpoint_unmount(const char *dir, bool lazy, struct error *e);

/* Whether a path, which need not exist, lies on a mount of ours. */
bool mountpoint_is_ours(const char *path);

/*
 * Appends who uses the mount at `row`: "bash (pid 12) has its working directory there; …". `proc` is /proc, where only
 * links and maps are read: nothing on the mount is touched, which may hang.
 */
void mountpoint_holders(const char *proc, const struct mount_table *table, const struct mount_row *row,
			struct buf *out);
