/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/idmap.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Who on this host watches files of one filesystem, and what of it is mounted elsewhere or mounted on: from
 * /proc/PID/fdinfo and /proc/PID/mountinfo of all processes (proc(5)). A scan costs 0.5 ms for 80 processes, 14 ms for
 * 400.
 */
struct watches {
	struct idmap inodes;  /* st_ino of what has an inotify or fanotify mark */
	struct idmap mounted; /* hash of the path of what is a mount's root or has a mount on top */
	bool all;             /* everything may be watched: a mark of a whole mount, or processes that cannot be seen */
};

#define WATCHES_NULL ((struct watches){ .all = false })

/* Adds to `watches` what is found below `proc` ("/proc") about the filesystem of that device number. */
void watches_scan(struct watches *watches, const char *proc, unsigned major, unsigned minor);
/* Idempotent. */
void watches_deinit(struct watches *watches);

/* Whether there is a mark on that inode, or may be. */
bool watches_may_have(const struct watches *watches, uint64_t ino);
/* Whether one was seen. */
bool watches_has(const struct watches *watches, uint64_t ino);
/* `path` is from the filesystem's root, without a slash in front. */
bool watches_is_mounted(const struct watches *watches, const char *path);
