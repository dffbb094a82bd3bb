/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/settings.h"
#include "fs/store.h"

/*
 * The embedded store: one SQLite file, 0600, WAL, shared by any number of processes. `file` is copied; where it is
 * relative, it is taken from the working directory of this call. The file and its missing parent directories (0700) are
 * made by open, which is to be called after a fork. A symbolic link is followed.
 *
 * An acknowledged change is on the disk. One connection and one lock serve all calls, so a sink must not call the
 * store back. `changed` tells of commits of other connections only, never of this store's own.
 */
int store_sqlite_new(const char *file, enum layout_kind layout, struct store **store, struct error *e);
