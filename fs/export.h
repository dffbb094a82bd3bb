/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/core/log.h"
#include "fs/settings.h"

#include <stdbool.h>

/*
 * Stores as plain files, changed all at once, the way in which Kubernetes writes a ConfigMap's:
 *
 *   DIR/..2026-11-25T23:03:13.123456789Z/prod/db/host   a version
 *   DIR/..data → ..2026-11-25T23:03:13.123456789Z       the one that is shown; replaced by rename(2)
 *   DIR/prod → ..data/prod
 *
 * A version is complete on the disk before it is shown, and stays until the next but one is. What a run that was killed
 * left behind is removed by the next.
 * Nothing outside of DIR is touched: no symbolic link is followed on the way.
 */
struct snapshot;

/* One store as it is to be shown. */
struct export_store {
	const char *name; /* of its directory */
	const struct snapshot *snapshot;
	struct access access;
};

/* A directory that holds nothing but an export; made where it is missing. ENOTEMPTY: it holds something else; EBUSY:
 * another process exports to it. */
struct export_dir {
	int fd;
	const char *path; /* borrowed, for errors */
};

#define EXPORT_DIR_NULL ((struct export_dir){ .fd = -1 })

int export_open(const char *path, struct export_dir *dir, struct error *e);
/* Writes a version and shows it. On failure the old one stays. */
int export_write(const struct export_dir *dir, const struct export_store *stores, size_t n, struct log *log,
		 struct error *e);
/* Idempotent. */
void export_close(struct export_dir *dir);

/* Exports the sources that the settings name to a directory: once, when all are loaded; or, with `follow`, again
 * whenever something changed, until SIGTERM or SIGINT. Then a failure leaves the directory as it is. Starts threads. */
int export_run(const struct settings *settings, struct log *log, const char *path, bool follow, struct error *e);
