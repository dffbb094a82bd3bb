/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/snapshot_private.h"

#include <stdlib.h>
#include <string.h>

/*
 * Ids: two bits of kind, six of the store, then 56 of hash. A value's are the upper 22 of its folder's, which lead the
 * search to the folder, and 34 of its own. Probing stays in the lower 34, so that a moved folder keeps its
 * values' ids.
 */
enum { OWN_BITS = 34 };
#define KIND_FOLDER (1ULL << 62)
#define KIND_VALUE (2ULL << 62)
#define STORE_MASK (63ULL << 56)
#define HASH_MASK ((1ULL << 56) - 1)
#define OWN_MASK ((1ULL << OWN_BITS) - 1)

uint64_t snapshot_seed(const char *store)
{
	return name_hash(0, store, strlen(store));
}

uint64_t folder_natural_id(uint64_t seed, uint64_t path_hash)
{
	return KIND_FOLDER | (seed & STORE_MASK) | (path_hash & HASH_MASK & ~1ULL);
}

uint64_t value_natural_id(uint64_t seed, uint64_t path_hash, const char *name, size_t len)
{
	return KIND_VALUE | (seed & STORE_MASK) | (path_hash & HASH_MASK & ~OWN_MASK) |
	       (name_hash(path_hash, name, len) & OWN_MASK);
}

static int by_id(const void *a, const void *b)
{
	const struct id_slot *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->fresh != y->fresh)
		return x->fresh ? 1 : -1;
	return x->index < y->index ? -1 : 1;
}

/* Ids mostly come from the last snapshot, where they were sorted: only what follows the sorted part costs. */
static void sort_ids(struct id_slot *slots, size_t n)
{
	size_t sorted = 1;

	while (sorted < n && by_id(&slots[sorted - 1], &slots[sorted]) < 0)
		sorted++;
	size_t rest = n - sorted;
	struct id_slot *late = rest > 0 && rest < sorted ? malloc(rest * sizeof(*late)) : NULL;
	if (!late) {
		if (rest > 0)
			qsort(slots, n, sizeof(*slots), by_id);
		return;
	}
	memcpy(late, slots + sorted, rest * sizeof(*late));
	qsort(late, rest, sizeof(*late), by_id);
	for (size_t to = n; rest > 0;) {
		bool early = sorted > 0 && by_id(&slots[sorted - 1], &late[rest - 1]) > 0;
		slots[--to] = early ? slots[--sorted] : late[--rest];
	}
	free(late);
}

void ids_settle(struct id_slot *slots, size_t n)
{
	bool moved = n > 0;

	while (moved) {
		sort_ids(slots, n);
		moved = false;
		for (size_t first = 0, i = 1; i < n; i++) {
			if (slots[i].id != slots[first].id) {
				first = i;
				continue;
			}
			size_t step = (i - first) << id_is_folder(slots[i].id);
			slots[i].id = (slots[i].id & ~OWN_MASK) | ((slots[i].id + step) & OWN_MASK);
			moved = true;
		}
	}
}

struct folder_index *folder_index_ref(struct folder_index *index)
{
	atomic_fetch_add_explicit(&index->refs, 1, memory_order_relaxed);
	return index;
}

static void index_unref(struct folder_index *index)
{
	if (index && atomic_fetch_sub_explicit(&index->refs, 1, memory_order_acq_rel) == 1)
		free(index);
}

struct folder_group *folder_group_new(struct folder *const *folders, size_t n)
{
	struct folder_group *group = malloc(sizeof(*group) + n * sizeof(struct folder *));

	if (!group)
		return NULL;
	group->refs = 1;
	group->n = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		group->folders[i] = folder_ref(folders[i]);
	return group;
}

struct folder_group *folder_group_ref(struct folder_group *group)
{
	atomic_fetch_add_explicit(&group->refs, 1, memory_order_relaxed);
	return group;
}

static void group_unref(struct folder_group *group)
{
	if (atomic_fetch_sub_explicit(&group->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < group->n; i++)
		folder_unref(group->folders[i]);
	free(group);
}

struct snapshot *snapshot_ref(const struct snapshot *snapshot)
{
	/* The counter is the one thing in it that is not constant. */
	struct snapshot *shared = (struct snapshot *)snapshot;

	atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
	return shared;
}

struct snapshot *snapshot_unref(struct snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	for (size_t i = 0; i < snapshot->n_groups; i++)
		group_unref(snapshot->groups[i]);
	index_unref(snapshot->index);
	folder_unref(snapshot->documents);
	free(snapshot->groups);
	free(snapshot->folders);
	free(snapshot);
	return NULL;
}

size_t snapshot_position(const struct snapshot *snapshot, const char *path, bool *found)
{
	size_t low = 0, high = snapshot->n_folders;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(snapshot->folders[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < snapshot->n_folders && strcmp(snapshot->folders[low]->path, path) == 0;
	return low;
}

/* The first folder in the index whose id is not below. */
static size_t index_search(const struct folder_index *index, uint64_t id)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool find_folder(const struct snapshot *snapshot, uint64_t id, const struct folder **folder,
			const struct entry **entry)
{
	const struct folder_index *index = snapshot->index;
	size_t i = index_search(index, id);

	if (i == index->n || index->ids[i] != id)
		return false;
	*folder = snapshot->folders[index->at[i]];
	*entry = NULL;
	return true;
}

const struct folder *snapshot_folder(const struct snapshot *snapshot, const char *path)
{
	uint64_t id = folder_natural_id(snapshot->seed, name_hash(snapshot->seed, path, strlen(path)));
	const struct folder *folder;
	const struct entry *entry;
	bool found;

	/* Far fewer cache lines than a search by path, which is for ids that were moved. */
	if (find_folder(snapshot, id, &folder, &entry) && strcmp(folder->path, path) == 0)
		return folder;
	size_t at = snapshot_position(snapshot, path, &found);
	return found ? snapshot->folders[at] : NULL;
}

bool snapshot_find_id(const struct snapshot *snapshot, uint64_t id, const struct folder **folder,
		      const struct entry **entry)
{
	const struct folder_index *index = snapshot->index;

	if (id_is_folder(id))
		return find_folder(snapshot, id, folder, entry);
	if (!id_is_value(id))
		return false;
	/* The folders that a value's id points at: few, and nearly always one. */
	uint64_t first = (id ^ KIND_VALUE ^ KIND_FOLDER) & ~OWN_MASK;
	for (size_t i = index_search(index, first); i < index->n && index->ids[i] <= (first | OWN_MASK); i++) {
		const struct folder *candidate = snapshot->folders[index->at[i]];
		const struct entry *hit = folder_find_id(candidate, id);
		if (!hit)
			continue;
		*folder = candidate;
		*entry = hit;
		return true;
	}
	return false;
}

static bool is_within(const char *path, const char *folder, size_t len)
{
	return len == 0 || (strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

const struct folder *snapshot_within(const struct snapshot *snapshot, const char *path, const struct folder *last)
{
	size_t len = strlen(path);
	bool found;

	/* "a b" sorts between "a" and "a/b": not all that is passed is within. */
	for (size_t i = snapshot_position(snapshot, last ? last->path : path, &found) + (last != NULL);
	     i < snapshot->n_folders; i++) {
		const char *at = snapshot->folders[i]->path;
		if (strncmp(at, path, len) != 0 || (len > 0 && (unsigned char)at[len] > '/'))
			break;
		if (is_within(at, path, len))
			return snapshot->folders[i];
	}
	return NULL;
}
