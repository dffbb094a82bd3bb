/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/idmap.h"

#include <stdlib.h>

enum { IDMAP_FIRST = 16 }; /* a power of two */

/* The slot that holds the id, or the free one where it would go. */
static size_t slot_of(const struct idmap *map, uint64_t id)
{
	size_t mask = map->cap - 1;
	size_t at = (size_t)(id ^ id >> 29) & mask;

	while (map->slots[at].id && map->slots[at].id != id)
		at = (at + 1) & mask;
	return at;
}

bool idmap_get(const struct idmap *map, uint64_t id, uint64_t *value)
{
	if (!map->n)
		return false;
	const struct idmap_slot *slot = &map->slots[slot_of(map, id)];
	if (slot->id && value)
		*value = slot->value;
	return slot->id != 0;
}

static bool grow(struct idmap *map)
{
	struct idmap larger = { .cap = map->cap ? map->cap * 2 : IDMAP_FIRST, .n = map->n };

	larger.slots = calloc(larger.cap, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < map->cap; i++) {
		if (map->slots[i].id)
			larger.slots[slot_of(&larger, map->slots[i].id)] = map->slots[i];
	}
	free(map->slots);
	*map = larger;
	return true;
}

bool idmap_set(struct idmap *map, uint64_t id, uint64_t value)
{
	if (map->n * 3 >= map->cap * 2 && !grow(map))
		return false;
	struct idmap_slot *slot = &map->slots[slot_of(map, id)];
	map->n += slot->id == 0;
	*slot = (struct idmap_slot){ .id = id, .value = value };
	return true;
}

void idmap_remove(struct idmap *map, uint64_t id)
{
	if (!idmap_get(map, id, NULL))
		return;
	size_t mask = map->cap - 1, at = slot_of(map, id);
	map->slots[at].id = 0;
	map->n--;
	/* What was pushed past the hole must be found without it: put the rest of the run in anew. */
	for (size_t next = (at + 1) & mask; map->slots[next].id; next = (next + 1) & mask) {
		struct idmap_slot moved = map->slots[next];
		map->slots[next].id = 0;
		map->slots[slot_of(map, moved.id)] = moved;
	}
}

void idmap_deinit(struct idmap *map)
{
	free(map->slots);
	*map = IDMAP_NULL;
}
