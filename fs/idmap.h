/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A hash map from 64-bit ids, which are never 0 and well mixed already, to pointers or numbers. Not thread-safe. */
struct idmap {
	struct idmap_slot {
		uint64_t id; /* 0: free */
		uint64_t value;
	} * slots;
	size_t n, cap;
};

#define IDMAP_NULL ((struct idmap){ 0 })

/* Whether the id is there; `value` may be NULL. */
bool idmap_get(const struct idmap *map, uint64_t id, uint64_t *value);
/* Adds or replaces. False when there is no memory; nothing changed then. */
bool idmap_set(struct idmap *map, uint64_t id, uint64_t value);
void idmap_remove(struct idmap *map, uint64_t id);
/* Idempotent. What the values stand for stays the caller's. */
void idmap_deinit(struct idmap *map);
