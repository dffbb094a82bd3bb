/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/store.h"

/* Shared by the files of the embedded store only. */

/* ---- store_sqlite_file.c: the file on the disk ---- */

/* An absolute path, owned by the caller. */
int local_file_resolve(const char *file, char **out, struct error *e);
/* Makes the file, 0600, and its missing parents, 0700, unless they are there; refuses what is not a regular file of
 * this user or root. `file` is written to, and as before afterwards. */
int local_file_make(char *file, struct error *e);

/* ---- store_sqlite.c: the connection. All of it while the caller holds the lock ---- */

struct local;

enum statement {
	SQL_IDENTIFY, /* does not need the tables */
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_DATA_VERSION,
	SQL_LOAD,
	SQL_LOAD_STORE,
	SQL_LOAD_OPTION,
	SQL_LOAD_KEY,
	SQL_HAS_OPTION,
	SQL_HAS_KEYS,
	SQL_SIZES,
	SQL_GET,
	SQL_PUT,
	SQL_REMOVE,
	SQL_MKDIR,
	SQL_RMDIR,
	SQL_MOVE_KEYS,
	SQL_STATEMENTS
};

/* Whether it has the path layout: an option is a directory there, and exists while it has keys. */
bool local_has_paths(const struct local *l);
/* For queries: whether there is a row. For the rest: 0. */
int local_run(struct local *l, enum statement which, const struct place *place, struct error *e);
/* How many rows it changed. */
int local_edit(struct local *l, enum statement which, const struct place *place, struct error *e);
/* 1: the key is there and holds that value; 0: not. */
int local_holds(struct local *l, const struct place *place, const struct attribute *expected, struct error *e);
/* EFBIG when the option would pass what an item of a table can hold. */
int local_put(struct local *l, const struct place *place, const struct attribute *value, struct error *e);
int local_move_keys(struct local *l, const struct place *from, const struct place *to, struct error *e);

/* ---- store_sqlite_change.c ---- */

/* Where a key of the path layout is: a directory's own value is with its neighbours. */
struct place local_key_place(const struct place *place);
/* One change, inside a transaction. */
int local_change(struct local *l, const struct change *c, struct error *e);
