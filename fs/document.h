/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"
#include "fs/snapshot.h"
#include "fs/store.h"

#include <stdbool.h>

/*
 * A whole option, or store, as one text, purely. An option's `%json` is an object of its keys, its `%env` the lines
 * that a shell or systemd reads; a store's `%json` is an object of its options. Keys that are in memory only are in
 * none. No key has such a name: its % would be encoded.
 */
enum document_kind { DOCUMENT_JSON, DOCUMENT_ENV, DOCUMENTS };

/* "%json", "%env" */
const char *document_name(enum document_kind kind);
/* DOCUMENTS: it is the name of none. */
enum document_kind document_find(const char *name);

/* Values have the plain form of plain.h; one that has none is a string of what its file shows. */
void document_render_json(const struct folder *option, struct buf *out);
/*
 * KEY=value, quoted for a shell where it has to be. Values are as in their files, but binary ones in base64. A key
 * whose name is no name of a variable, or whose value has a NUL, is left out, and a comment says so.
 */
void document_render_env(const struct folder *option, struct buf *out);
void document_render_store(const struct snapshot *store, struct buf *out);

/* What a text that is written to an option's %json changes: owned. All keys that are there, or shall be, are in
 * `changes`, changed or not. */
struct document_edit {
	struct key_change *changes;
	size_t n;
	size_t n_changed;
	/* private: what the changes point into */
	char *text;
};

#define DOCUMENT_EDIT_NULL ((struct document_edit){ 0 })

/* Each key keeps its type where the new value fits it. EINVAL: no JSON object, or a name that no key can have; EFBIG:
 * larger than an item may be. The edit borrows from `option`. */
int document_edit(const struct folder *option, const char *text, size_t len, struct document_edit *edit,
		  struct error *e);
/* Idempotent. */
void document_edit_deinit(struct document_edit *edit);

/*
 * The documents of an option, or of a store, as the entries of a folder with its path and id: made when first asked
 * for, and kept as long as the option's folder, or the snapshot. Ids are document_id's; the modification time is that
 * of the newest change. Any thread. NULL: no memory, or a store whose text would be larger than DOCUMENT_MAX.
 */
enum { DOCUMENT_MAX = 64 << 20 };
const struct folder *document_folder(const struct folder *option);
const struct folder *document_folder_of_store(const struct snapshot *store);
