/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/store.h"

/* The embedded store: one SQLite file, 0600, WAL, shared by any number of processes. `file` is copied. The file and its
 * missing parent directories (0700) are made by open. */
int store_sqlite_new(const char *file, struct store **store, struct error *e);
