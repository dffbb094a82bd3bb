/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/node.h"

#include "fs/handle.h"
#include "fs/notify.h"
#include "fs/ops.h"
#include "fs/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { META_MAX = 100000, SWEEP_FIRST = 64, SWEEP_MANY = 1024 };

static void *pointer_of(const struct idmap *map, uint64_t id)
{
	uint64_t value = 0;

	return idmap_get(map, id, &value) ? (void *)(uintptr_t)value : NULL;
}

struct node *node_next_locked(const struct mount *m, size_t *at)
{
	while (*at < m->nodes.cap) {
		const struct idmap_slot *slot = &m->nodes.slots[(*at)++];
		if (slot->id)
			return (struct node *)(uintptr_t)slot->value;
	}
	return NULL;
}

struct node *node_find_locked(struct mount *m, uint64_t shown)
{
	return pointer_of(&m->nodes, shown);
}

struct meta *node_meta_locked(struct mount *m, uint64_t shown)
{
	return pointer_of(&m->metas, shown);
}

struct meta *node_meta_make_locked(struct mount *m, uint64_t shown)
{
	struct meta *meta = node_meta_locked(m, shown);

	if (meta || m->metas.n >= META_MAX)
		return meta;
	meta = calloc(1, sizeof(*meta));
	if (!meta)
		return NULL;
	meta->type = -1;
	if (!idmap_set(&m->metas, shown, (uintptr_t)meta)) {
		free(meta);
		return NULL;
	}
	return meta;
}

uint64_t node_natural_locked(const struct mount *m, uint64_t shown)
{
	uint64_t natural = shown;

	if (!idmap_get(&m->natural, shown, &natural) && idmap_get(&m->shown, shown, NULL))
		return 0;
	return natural;
}

static bool find_natural(struct mount *m, uint64_t natural, struct where *where)
{
	unsigned tag = SNAPSHOT_TAG(natural);

	for (size_t i = 0; natural && i < m->n_views; i++) {
		struct view *view = m->views[i];
		if (SNAPSHOT_TAG(view->current->seed) != tag || !view_is_shown(view) ||
		    !snapshot_find_id(view->current, natural, &where->folder, &where->entry))
			continue;
		where->view = view;
		where->kind = where->entry ? WHERE_VALUE : WHERE_FOLDER;
		return true;
	}
	return false;
}

struct where where_locked(struct mount *m, uint64_t shown)
{
	struct where where = { .kind = WHERE_NOTHING };

	if (shown == ROOT_ID) {
		where.kind = m->root ? WHERE_FOLDER : WHERE_ROOT;
		where.view = m->root;
		where.folder = m->root ? m->root->current->folders[0] : NULL;
		return where;
	}
	if (id_is_document(shown))
		return node_where_document_locked(m, shown);
	if (!id_is_folder(shown) && !id_is_value(shown)) {
		where.kind = WHERE_CONTROL;
		return where;
	}
	where.node = node_find_locked(m, shown);
	find_natural(m, node_natural_locked(m, shown), &where);
	return where;
}

/* The n-th id to try for a name whose own is taken: the same kind, store and folder, another file. */
static uint64_t probe(uint64_t natural, uint64_t n)
{
	const uint64_t low = id_is_folder(natural) ? (UINT64_C(1) << 56) - 2 : (UINT64_C(1) << 34) - 1;

	return (natural & ~low) | (name_hash(natural, &n, sizeof(n)) & low);
}

static bool is_taken(struct mount *m, uint64_t id)
{
	struct where ignored = { 0 };

	return idmap_get(&m->natural, id, NULL) || find_natural(m, id, &ignored);
}

uint64_t node_shown_locked(struct mount *m, uint64_t natural)
{
	uint64_t shown = natural;

	if (m->root && natural == m->root->current->folders[0]->id)
		return ROOT_ID;
	if (!m->shown.n && !m->natural.n)
		return natural;
	if (id_is_document(natural))
		return document_id(node_shown_locked(m, document_owner(natural)), natural & 1);
	if (idmap_get(&m->shown, natural, &shown) || !idmap_get(&m->natural, natural, NULL))
		return shown;
	/* Another file holds this id, under a name that it was renamed to or under none. The ids tried before are
	 * mostly taken too, one for each exception: start behind them. */
	for (uint64_t n = m->natural.n; shown == natural || is_taken(m, shown); n++)
		shown = probe(natural, n);
	if (idmap_set(&m->shown, natural, shown))
		idmap_set(&m->natural, shown, natural);
	return shown;
}

uint64_t node_renew_locked(struct mount *m, uint64_t natural)
{
	uint64_t before = node_shown_locked(m, natural), fresh;

	do {
		fresh = probe(natural, ++m->renewed);
	} while (is_taken(m, fresh));
	if (!idmap_set(&m->natural, before, natural) || !idmap_set(&m->natural, fresh, natural) ||
	    !idmap_set(&m->shown, natural, fresh))
		return 0;
	return fresh;
}

void node_retire_locked(struct mount *m, uint64_t shown)
{
	idmap_remove(&m->natural, shown);
}

static void unmap(struct mount *m, uint64_t natural)
{
	uint64_t shown = 0;

	if (idmap_get(&m->shown, natural, &shown)) {
		idmap_remove(&m->shown, natural);
		idmap_remove(&m->natural, shown);
	}
}

/* `shown` has no name any more, and must not be given again while the kernel holds it. */
static void orphan(struct mount *m, uint64_t natural)
{
	uint64_t shown = node_shown_locked(m, natural);

	unmap(m, natural);
	idmap_set(&m->natural, shown, 0);
}

void node_moved_locked(struct mount *m, uint64_t from, uint64_t to)
{
	uint64_t shown = node_shown_locked(m, from);

	orphan(m, to);
	unmap(m, from);
	if (shown == to) {
		idmap_remove(&m->natural, shown);
	} else if (idmap_set(&m->shown, to, shown)) {
		idmap_set(&m->natural, shown, to);
	}
}

void node_replaced_locked(struct mount *m, uint64_t shown, uint64_t natural)
{
	idmap_set(&m->successors, shown, natural);
	if (m->natural.n >= m->sweep_at)
		notify_wake(m->notifier);
}

struct where node_successor_locked(struct mount *m, uint64_t shown)
{
	struct where where = { .kind = WHERE_NOTHING };
	uint64_t natural = 0;

	if (idmap_get(&m->successors, shown, &natural) && find_natural(m, natural, &where))
		where.node = node_find_locked(m, node_shown_locked(m, natural));
	return where;
}

void node_unlinked_locked(struct mount *m, uint64_t natural)
{
	struct node *node = node_find_locked(m, node_shown_locked(m, natural));

	if (!node)
		return;
	node->unlinked = true;
	node->changes++;
	orphan(m, natural);
}

struct node *node_open_locked(struct mount *m, uint64_t shown, const struct where *where)
{
	struct node *node = node_find_locked(m, shown);

	if (node) {
		node->refs++;
		return node;
	}
	node = malloc(sizeof(*node));
	if (!node)
		return NULL;
	*node = (struct node){ .id = shown, .refs = 1, .view = where->view };
	node->folder = strdup(where->folder->path);
	node->name = strdup(entry_name(where->folder, where->entry));
	if (!node->folder || !node->name || !idmap_set(&m->nodes, shown, (uintptr_t)node)) {
		free(node->folder);
		free(node->name);
		free(node);
		return NULL;
	}
	return node;
}

void node_close_locked(struct mount *m, struct node *node)
{
	if (--node->refs > 0)
		return;
	idmap_remove(&m->nodes, node->id);
	folder_unref(node->held_folder);
	free(node->folder);
	free(node->name);
	free(node);
}

bool node_is_read(const struct node *node)
{
	const struct handle *h = node ? node->handles : NULL;

	while (h && !h->cached)
		h = h->next;
	return h || (node && node->held);
}

bool node_is_written(const struct node *node)
{
	const struct handle *h = node ? node->handles : NULL;

	while (h && !h->pending)
		h = h->next;
	return h;
}

static void move_node(struct node *node, struct view *view, const char *folder, const char *name)
{
	char *new_folder = strdup(folder), *new_name = strdup(name ? name : node->name);

	if (!new_folder || !new_name) {
		/* Without a place it must not write anywhere. */
		node->unlinked = true;
		free(new_folder);
		free(new_name);
		return;
	}
	free(node->folder);
	free(node->name);
	node->view = view;
	node->folder = new_folder;
	node->name = new_name;
}

void node_follow_locked(struct mount *m, struct view *view, const char *folder, const char *name, struct view *to_view,
			const char *to_folder, const char *to_name)
{
	size_t at = 0;

	for (struct node *node; (node = node_next_locked(m, &at));) {
		if (!node->unlinked && node->view == view && strcmp(node->folder, folder) == 0 &&
		    (!name || strcmp(node->name, name) == 0))
			move_node(node, to_view, to_folder, to_name);
	}
}

/* The ids that may be dropped if the kernel agrees; the caller frees. */
static uint64_t *candidates(struct mount *m, size_t *n)
{
	MOUNT_LOCKED(m);
	size_t i = 0;
	uint64_t *ids = NULL;

	*n = 0;
	if (m->natural.n + m->metas.n < SWEEP_FIRST)
		return NULL;
	ids = malloc((m->natural.n + m->metas.n) * sizeof(*ids));
	/* Renewed ids are given again and again: only their retirement ends them. */
	for (i = 0; ids && m->settings->values == VALUES_RW && i < m->natural.cap; i++) {
		if (m->natural.slots[i].id)
			ids[(*n)++] = m->natural.slots[i].id;
	}
	for (i = 0; ids && i < m->metas.cap; i++) {
		if (m->metas.slots[i].id)
			ids[(*n)++] = m->metas.slots[i].id;
	}
	return ids;
}

static void drop_id(struct mount *m, uint64_t shown)
{
	MOUNT_LOCKED(m);
	uint64_t natural = 0;

	if (node_find_locked(m, shown))
		return;
	if (idmap_get(&m->natural, shown, &natural)) {
		idmap_remove(&m->natural, shown);
		idmap_remove(&m->successors, shown);
		if (natural)
			idmap_remove(&m->shown, natural);
	}
	/* Metadata lives as long as its file has a name. */
	if (where_locked(m, shown).kind == WHERE_NOTHING) {
		free(node_meta_locked(m, shown));
		idmap_remove(&m->metas, shown);
	}
}

void node_sweep(struct mount *m)
{
	size_t n = 0;
	uint64_t *ids = candidates(m, &n);

	for (size_t i = 0; i < n; i++) {
		if (kernel_invalidate_attributes(m->kernel, ids[i]) == -ENOENT)
			drop_id(m, ids[i]);
	}
	free(ids);
	MOUNT_LOCKED(m);
	/* Sooner than in time where names are replaced at a rate. */
	m->sweep_at = m->natural.n < SWEEP_MANY / 2 ? SWEEP_MANY : 2 * m->natural.n;
}

bool node_sweep_is_due(struct mount *m)
{
	MOUNT_LOCKED(m);

	return m->natural.n >= m->sweep_at;
}

void nodes_free(struct mount *m)
{
	size_t at = 0;

	for (struct node *node; (node = node_next_locked(m, &at));) {
		/* Files that were open when the mount was taken away are not released. */
		while (node->handles) {
			struct handle *h = node->handles;
			node->handles = h->next;
			handle_free(h);
		}
		folder_unref(node->held_folder);
		free(node->folder);
		free(node->name);
		free(node);
	}
	for (size_t i = 0; i < m->metas.cap; i++) {
		if (m->metas.slots[i].id)
			free((void *)(uintptr_t)m->metas.slots[i].value);
	}
	idmap_deinit(&m->nodes);
	idmap_deinit(&m->metas);
	idmap_deinit(&m->documents);
	idmap_deinit(&m->shown);
	idmap_deinit(&m->natural);
	idmap_deinit(&m->successors);
}
