/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * Ids as the kernel knows them ↔ places.
 *
 * An id is the natural one of its path (snapshot.h) unless a rename or a removal stands in between: a renamed file
 * keeps its id under the new name, and a name whose natural id another file holds gets the next free one. Those
 * exceptions are two maps; an exception is dropped when the kernel has forgotten the id (node_sweep).
 */
enum where_kind { WHERE_NOTHING, WHERE_ROOT, WHERE_CONTROL, WHERE_FOLDER, WHERE_VALUE };

enum { ROOT_ID = 1 }; /* of the stores, or of the one store that is the root (WHERE_FOLDER) */

/* What an id names now. Borrowed: good while the state lock is held. */
struct where {
	enum where_kind kind;
	struct view *view;
	const struct folder *folder; /* the folder itself, or the one that the value is in */
	const struct entry *entry;   /* WHERE_VALUE */
	struct node *node;           /* the open file, if it is open; with WHERE_NOTHING: removed but open */
};

struct where where_locked(struct mount *m, uint64_t shown);

/* A document of the folder as it is in that picture; `*folder` becomes the one that the document is in. NULL: there is
 * none of that name. */
const struct entry *node_document(const struct view *view, const struct snapshot *snapshot,
				  const struct folder **folder, const char *name);

struct where node_where_document_locked(struct mount *m, uint64_t shown);
/* snapshot_diff for the documents that the kernel may keep: those whose text differs, in any order. Without the lock.
 */
size_t node_documents_diff(const struct view *view, const struct snapshot *before, const struct snapshot *after,
			   void (*visit)(void *data, const struct difference *difference), void *data);

/* Whether the kernel may keep what it is shown of a document, because it will be told of changes. It may not while it
 * is being told of others. */
bool node_hold_document_locked(struct view *view, uint64_t shown);

/* The id to show for a natural one. */
uint64_t node_shown_locked(struct mount *m, uint64_t natural);
/* And back; 0: the file has no name any more. */
uint64_t node_natural_locked(const struct mount *m, uint64_t shown);

/* The open file of that id, made where there is none, with one more reference; NULL: no memory. */
struct node *node_open_locked(struct mount *m, uint64_t shown, const struct where *where);
void node_close_locked(struct mount *m, struct node *node);
/* The open files one by one, from `*at` 0; NULL at the end. Start again after one was closed. */
struct node *node_next_locked(const struct mount *m, size_t *at);
struct node *node_find_locked(struct mount *m, uint64_t shown);

/* Whether somebody reads the file through the page cache, or its old version is held back for one who did. */
bool node_is_read(const struct node *node);
/* Whether somebody has written what is not committed. */
bool node_is_written(const struct node *node);

/* After a rename the file of natural id `from` is at the place of natural id `to`: it keeps its shown id. What was at
 * `to` is no longer shown. */
void node_moved_locked(struct mount *m, uint64_t from, uint64_t to);
/* An open of the id of a file that a rename has replaced may be on its way: it finds the file that has the name now. */
void node_replaced_locked(struct mount *m, uint64_t shown, uint64_t natural);
struct where node_successor_locked(struct mount *m, uint64_t shown);
/* Follows a rename with what is open: the place that an open file writes to. `name` NULL: a whole folder moved. */
void node_follow_locked(struct mount *m, struct view *view, const char *folder, const char *name, struct view *to_view,
			const char *to_folder, const char *to_name);
/* The name is gone; when the file is still open, its id is not given to a new file of that name. */
void node_unlinked_locked(struct mount *m, uint64_t natural);

/* Exceptions and metadata whose ids the kernel does not hold any more are dropped; called now and then by the notifier,
 * without the lock. */
void node_sweep(struct mount *m);
/* Whether there are so many that it should be done before its time. */
bool node_sweep_is_due(struct mount *m);

/* The name gets an id that nobody knows; the one that it had goes on naming the same file. 0: no memory. */
uint64_t node_renew_locked(struct mount *m, uint64_t natural);
/* Such an id is forgotten. */
void node_retire_locked(struct mount *m, uint64_t shown);

/* The metadata of an id; NULL: none. node_meta_set_locked makes it; NULL: no memory. */
struct meta *node_meta_locked(struct mount *m, uint64_t shown);
struct meta *node_meta_make_locked(struct mount *m, uint64_t shown);

void nodes_free(struct mount *m);
