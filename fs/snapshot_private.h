/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "fs/snapshot.h"

#include <stdatomic.h>

/* What the files of this module share: folder*.c and snapshot*.c. */

struct folder_draft {
	struct folder *base;    /* a reference; NULL: none */
	struct entry *changes;  /* in the order they came; their names and values are in `text` */
	size_t n_changes, room; /* room: entries that fit */
	struct buf text;        /* path NUL raw NUL, then of each change what a folder's text holds */
	size_t path_len, raw_len;
};

static inline const char *folder_draft_path(const struct folder_draft *draft)
{
	return buf_text(&draft->text);
}

/* The entry of a child folder. */
int folder_draft_link(struct folder_draft *draft, const struct folder *child, struct error *e);
int folder_draft_unlink(struct folder_draft *draft, const struct folder *child, struct error *e);

/* The folder that a draft describes. `old` (may be NULL) is the one that the last snapshot has in its place: ids and
 * times come from there, and when nothing differs, `*out` is that one with one more reference. With `adopt`, the
 * entries of child folders are those of `old`, otherwise those of the draft. `mtime` is for a changed set of names. */
int folder_build(struct folder_draft *draft, uint64_t seed, const struct folder *old, bool adopt, int64_t mtime,
		 struct folder **out, struct error *e);

/* Whether two values are the same: type, flags and bytes. */
bool entry_same_value(const struct folder *a, const struct entry *x, const struct folder *b, const struct entry *y);

/* An id and whose it is. */
struct id_slot {
	uint64_t id;
	uint32_t index;
	bool fresh; /* may be moved */
};

/* Sorts by id, and moves fresh ones until all differ. The others must differ already. */
void ids_settle(struct id_slot *slots, size_t n);

/* Natural ids before any probing. `path_hash` is name_hash of the path, seeded with the store's seed. */
uint64_t folder_natural_id(uint64_t seed, uint64_t path_hash);
uint64_t value_natural_id(uint64_t seed, uint64_t path_hash, const char *name, size_t len);

/* All folders by id. Shared by the snapshots that have the same folders, whatever is in them. */
struct folder_index {
	_Atomic uint32_t refs;
	size_t n;
	uint32_t *at;   /* positions in the snapshot */
	uint64_t ids[]; /* sorted; apart from the positions, so that a search touches little memory */
};

struct folder_index *folder_index_ref(struct folder_index *index);

/*
 * A run of folders, in order. A snapshot owns its folders through groups: one that differs from another in one folder
 * shares all groups but one, so that making and dropping it does not touch the counter of every folder.
 */
struct folder_group {
	_Atomic uint32_t refs;
	uint32_t n;
	struct folder *folders[]; /* references */
};

enum { GROUP_MAX = 256 };

/* Takes references of the folders. NULL: no memory. */
struct folder_group *folder_group_new(struct folder *const *folders, size_t n);
struct folder_group *folder_group_ref(struct folder_group *group);

/* The position of a path, or where it would be. */
size_t snapshot_position(const struct snapshot *snapshot, const char *path, bool *found);

/* A path that the draft knows more of than the base does. */
struct slot {
	uint64_t hash;
	const struct folder *before; /* the base's; NULL: it has none */
	struct folder *after;        /* a reference; NULL: never put. Stays when removed: the path is in it */
	struct folder_draft *added;  /* values that came one by one; NULL: none */
	struct folder_draft *links;  /* changed entries of child folders, while finishing */
	size_t at_base, at;          /* positions in the base and in the new snapshot, while finishing */
	bool gone;
	bool parent; /* of a folder that came or went */
};

/* Slots are in the order of their coming; `table` finds them by hash (open addressing, slot number + 1, 0 is free). */
struct snapshot_draft {
	const struct snapshot *base;
	uint64_t seed;
	bool keep;
	int64_t mtime; /* the last that was given */
	struct slot *slots;
	size_t n_slots, room;
	uint32_t *table;
	size_t table_size; /* a power of two, or 0 */
};

static inline const char *slot_path(const struct slot *slot)
{
	return slot->after ? slot->after->path : slot->before->path;
}

static inline bool came_or_went(const struct slot *slot)
{
	return slot->gone == (slot->before != NULL);
}

/* How many folders more there are with it. */
static inline size_t gain(const struct slot *slot)
{
	return (size_t)!slot->gone - (slot->before != NULL);
}

/* The slot of the folder that holds this one's entry; "" is its own. NULL: the draft has not touched it. */
struct slot *snapshot_draft_parent(const struct snapshot_draft *draft, const struct slot *slot);

/* The base with the changes in the `n` slots of `list`, which are sorted by path; the parents of all that came or went
 * are among the draft's slots. */
int snapshot_make(struct snapshot_draft *draft, struct slot **list, size_t n, struct snapshot **out, struct error *e);
