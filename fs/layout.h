/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/path.h"
#include "fs/settings.h"
#include "fs/snapshot.h"

/*
 * How the items of a source become files: one row a layout. What differs between them is said here once; how each item
 * is written and read is the stores' (store.h).
 */
struct layout {
	const char *name;
	const char *folders;          /* what people call its directories */
	const char *no_folder_inside; /* why directories hold none; NULL: to any depth */
	const char *no_value_at_top;  /* why the store's own directory holds no keys; NULL: it does */
	bool one_store;               /* a source is one store, which is there also without items */
	bool item_is_key;             /* else a directory, with all its keys; that can be empty in the source */
	bool strings;                 /* all values are S */
	enum name_place at_root;      /* names in the store's own directory, where that is the root, */
	enum name_place at_top;       /* where it is not, */
	enum name_place inside;       /* and in all others */
};

const struct layout *layout_of(enum layout_kind kind);

/* What names the folder of that path holds. */
enum name_place layout_names(const struct source_settings *source, const char *folder);

/* Why the folder of that path may not hold such an entry; NULL: it may. */
const char *layout_refusal(const struct layout *layout, const char *folder, enum entry_kind kind);
