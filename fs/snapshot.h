/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "fs/path.h"
#include "fs/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An immutable, sorted picture of one store.
 *
 * A snapshot is an array of folders sorted by path; a folder is one immutable, reference-counted block of memory that
 * holds its sorted entries with names and values. Two snapshots share the folders that are equal, so a reload
 * with nothing changed keeps nothing new, a change of one key copies one folder, and a comparison skips what is shared
 * by looking at pointers. Lookups are binary searches and allocate nothing.
 *
 * Paths are of file names (encoded): the store's own folder is "", an option's is its name, deeper ones are joined with
 * "/". Every folder but "" has an entry of kind ENTRY_FOLDER in its parent folder, made by this module. A value whose
 * name is also a folder's is in that folder, as NAME_OWN_VALUE with the raw name ".".
 *
 * References may be taken and dropped on any thread; everything else that is reachable is constant.
 */
enum entry_kind { ENTRY_VALUE, ENTRY_FOLDER };

/* Facts about an entry that the layer above keeps here. */
enum entry_flags {
	ENTRY_MEMORY = 1, /* on this host only, not in the store */
};

struct entry {
	uint64_t id;      /* natural id, see below */
	int64_t mtime;    /* wall nanoseconds: when this value, or set of names, was first seen */
	uint32_t name_at; /* offset of the name in the folder's text; the raw name and the value follow it */
	uint32_t value_len;
	uint16_t raw_len; /* 0: the raw name is the file name */
	uint8_t name_len;
	uint8_t kind : 1;  /* enum entry_kind */
	uint8_t type : 4;  /* enum value_type */
	uint8_t flags : 3; /* enum entry_flags */
};

struct folder {
	/* private: */
	_Atomic uint32_t refs;
	struct folder *_Atomic documents; /* document.h */
	/* public, constant: */
	uint32_t n_entries;
	uint64_t id;                 /* natural id of the directory */
	int64_t mtime;               /* wall nanoseconds: when its set of names last changed */
	uint64_t size;               /* bytes of raw key names and values, as an item's size is counted */
	const struct entry *entries; /* sorted by file name, bytewise */
	const uint32_t *by_id;       /* indices of entries sorted by id */
	const char *path;
	const char *raw_path; /* raw names of its components, joined with "/"; NUL-terminated */
	uint32_t raw_path_len;
	const char *text;
};

struct snapshot {
	/* private: */
	_Atomic uint32_t refs;
	/* public, constant: */
	uint64_t seed; /* hash of the store's name: what ids are derived from */
	size_t n_folders;
	struct folder **folders; /* sorted by path, bytewise; [0] is "" */
	size_t n_values;         /* entries of kind ENTRY_VALUE without ENTRY_MEMORY */
	uint64_t bytes;          /* of their values */
	/* private: */
	struct folder_index *index;
	struct folder_group **groups;
	size_t n_groups;
	struct folder *_Atomic documents; /* document.h */
};

/* Borrowed strings of an entry. Names are NUL-terminated; raw names and values have lengths. */
const char *entry_name(const struct folder *folder, const struct entry *entry);
const char *entry_raw(const struct folder *folder, const struct entry *entry, size_t *len);
const char *entry_value(const struct folder *folder, const struct entry *entry);

/* NULL when there is none. */
const struct entry *folder_find(const struct folder *folder, const char *name);
const struct entry *folder_find_id(const struct folder *folder, uint64_t id);
struct folder *folder_ref(const struct folder *folder);
struct folder *folder_unref(struct folder *folder); /* NULL, for `f = folder_unref(f)` */

/* A folder while it is being made: entries in any order; the last one of a name wins. */
struct folder_draft;

/* `base` (may be NULL): start with its entries. `path` is the folder's path, `raw` its raw path. EINVAL: not a path of
 * file names. */
int folder_draft_new(const char *path, const char *raw, size_t raw_len, const struct folder *base,
		     struct folder_draft **draft, struct error *e);
void folder_draft_free(struct folder_draft *draft);

struct entry_spec {
	const char *name; /* file name */
	const char *raw;  /* NULL: the same as the file name */
	size_t raw_len;
	enum value_type type;
	unsigned flags;
	const char *value;
	size_t value_len;
	int64_t mtime; /* taken where the value differs from the previous folder's, or is new there */
};
int folder_draft_set(struct folder_draft *draft, const struct entry_spec *spec, struct error *e);
/* Removing what is not there is no error. */
void folder_draft_remove(struct folder_draft *draft, const char *name);

/*
 * A snapshot while it is being made. `base` (may be NULL, borrowed until the end) is what equal folders are shared with
 * and where unchanged entries get their mtime and id from. With `keep`, the draft starts with all folders of the base
 * (an edit); without, with the folder "" only (a load), which takes the time from the system's clock where nothing is
 * put that brings one.
 */
struct snapshot_draft;

int snapshot_draft_new(const char *store, const struct snapshot *base, bool keep, struct snapshot_draft **draft,
		       struct error *e);
void snapshot_draft_free(struct snapshot_draft *draft);
/* Puts the folder in, in place of one with its path; missing parents are made. Takes ownership of `folder`, also on
 * failure; `mtime` is for a set of names that changed. Entries of kind ENTRY_FOLDER are looked after here, when the
 * draft ends. */
int snapshot_draft_put(struct snapshot_draft *draft, struct folder_draft *folder, int64_t mtime, struct error *e);
/* One more value of a folder of a load, for sources whose values come one by one; the folder is made at the first. */
int snapshot_draft_add(struct snapshot_draft *draft, const char *path, const char *raw, size_t raw_len,
		       const struct entry_spec *spec, struct error *e);
/* Takes the folder, and all below it, out. */
int snapshot_draft_remove(struct snapshot_draft *draft, const char *path, int64_t mtime, struct error *e);
/* The folder as the draft has it now; NULL if none. Borrowed until the next change. */
const struct folder *snapshot_draft_folder(const struct snapshot_draft *draft, const char *path);
/* Ends the draft, which is freed, also on failure. When nothing differs from the base, `*out` is the base with one more
 * reference. */
int snapshot_draft_finish(struct snapshot_draft *draft, struct snapshot **out, struct error *e);

struct snapshot *snapshot_ref(const struct snapshot *snapshot);
struct snapshot *snapshot_unref(struct snapshot *snapshot); /* NULL */

/* NULL when there is none. Borrowed from the snapshot. */
const struct folder *snapshot_folder(const struct snapshot *snapshot, const char *path);

/* The folders of a path and all below it, in order: the one after `last`, NULL: the first. NULL at the end. */
const struct folder *snapshot_within(const struct snapshot *snapshot, const char *path, const struct folder *last);

/*
 * Natural ids: derived from store and path, the same on every start. Bits 63-62 are 01 for folders and 10 for values;
 * 00 is left to others (the root is 1). Bits 61-56 are SNAPSHOT_TAG of the store. A folder's remaining 56 bits
 * are a hash of its path, the last of them 0; a value's are the upper 22 of its folder's and 34 of a hash of path and
 * name. Within a folder ids are distinct: a name whose place is taken takes the next free one, and keeps it as long as
 * it stays. 11 is for documents, whose other bits are their folder's but for the last, which tells them apart.
 */
#define SNAPSHOT_TAG(id) ((unsigned)((id) >> 56) & 63)
static inline bool id_is_folder(uint64_t id)
{
	return id >> 62 == 1;
}
static inline bool id_is_value(uint64_t id)
{
	return id >> 62 == 2;
}
static inline bool id_is_document(uint64_t id)
{
	return id >> 62 == 3;
}
static inline uint64_t document_id(uint64_t folder, unsigned kind)
{
	return folder | UINT64_C(1) << 63 | kind;
}
static inline uint64_t document_owner(uint64_t id)
{
	return id & ~(UINT64_C(1) << 63 | 1);
}
uint64_t snapshot_seed(const char *store); /* its tag: SNAPSHOT_TAG(seed) */

/* Finds what a natural id names: the folder itself (`*entry` NULL), or the folder and the entry in it. False when this
 * snapshot has no such id. */
bool snapshot_find_id(const struct snapshot *snapshot, uint64_t id, const struct folder **folder,
		      const struct entry **entry);

/* A merge walk over both, in order of path and name; shared folders are skipped. Either may be NULL (empty).
 * `before`/`after` is NULL for what is new/gone. A folder that is new or gone is told itself by its ENTRY_FOLDER entry
 * in the parent, and so are its entries. A value changed when its type, bytes or flags differ. Returns the number of
 * differences told; `visit` may be NULL to count. */
struct difference {
	const struct folder *before_folder, *after_folder; /* NULL where the folder is not there */
	const struct entry *before, *after;
};
size_t snapshot_diff(const struct snapshot *before, const struct snapshot *after,
		     void (*visit)(void *data, const struct difference *difference), void *data);
