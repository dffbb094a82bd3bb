/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/snapshot_private.h"

#include <stdlib.h>
#include <string.h>

/* A folder is one block of memory: the header, entries, by_id, and text: path NUL raw path NUL (once where both are the
 * same), then for each entry name NUL raw name value. */

const char *entry_name(const struct folder *folder, const struct entry *entry)
{
	return folder->text + entry->name_at;
}

const char *entry_raw(const struct folder *folder, const struct entry *entry, size_t *len)
{
	const char *name = entry_name(folder, entry);

	*len = entry->raw_len ? entry->raw_len : entry->name_len;
	return entry->raw_len ? name + entry->name_len + 1 : name;
}

const char *entry_value(const struct folder *folder, const struct entry *entry)
{
	return entry_name(folder, entry) + entry->name_len + 1 + entry->raw_len;
}

bool entry_same_value(const struct folder *a, const struct entry *x, const struct folder *b, const struct entry *y)
{
	return x->type == y->type && x->flags == y->flags && x->value_len == y->value_len &&
	       memcmp(entry_value(a, x), entry_value(b, y), x->value_len) == 0;
}

const struct entry *folder_find(const struct folder *folder, const char *name)
{
	size_t low = 0, high = folder->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct entry *entry = &folder->entries[middle];
		int order = strcmp(name, entry_name(folder, entry));
		if (order == 0)
			return entry;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct entry *folder_find_id(const struct folder *folder, uint64_t id)
{
	size_t low = 0, high = folder->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct entry *entry = &folder->entries[folder->by_id[middle]];
		if (entry->id == id)
			return entry;
		if (id < entry->id)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct folder *folder_ref(const struct folder *folder)
{
	/* The counter is the one thing in it that is not constant. */
	struct folder *shared = (struct folder *)folder;

	atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
	return shared;
}

struct folder *folder_unref(struct folder *folder)
{
	if (!folder || atomic_fetch_sub_explicit(&folder->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	folder_unref(folder->documents);
	free(folder);
	return NULL;
}
