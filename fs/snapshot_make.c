/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/snapshot_private.h"

#include <stdlib.h>
#include <string.h>

/* What the new snapshot is put together from. */
struct assembly {
	struct snapshot_draft *draft;
	struct slot **list;
	size_t n;
	bool same_set;   /* of folders */
	uint32_t *moved; /* to where the base's folders went, plus 1; NULL for the same set: nowhere */
	struct snapshot *made;
};

/* The base's folders from `from` on go to `to`. */
static void lay_run(struct assembly *a, size_t from, size_t to, size_t n)
{
	if (n > 0)
		memcpy(a->made->folders + to, a->draft->base->folders + from, n * sizeof(struct folder *));
	for (size_t i = 0; a->moved && i < n; i++)
		a->moved[from + i] = (uint32_t)(to + i + 1);
}

/* The base's folders with the changes among them; nothing is referenced yet. */
static void lay_out(struct assembly *a)
{
	size_t from = 0, to = 0;

	for (size_t i = 0; i < a->n; i++) {
		struct slot *slot = a->list[i];
		size_t n = slot->at_base - from;
		lay_run(a, from, to, n);
		from += n;
		to += n;
		slot->at = to;
		if (!slot->gone)
			a->made->folders[to] = slot->after;
		if (!slot->gone && slot->before && a->moved)
			a->moved[from] = (uint32_t)to + 1;
		to += !slot->gone;
		from += slot->before != NULL;
	}
	lay_run(a, from, to, a->made->n_folders - to);
}

static int make_layout(struct assembly *a, struct error *e)
{
	const struct snapshot *base = a->draft->base;
	struct snapshot *made = a->made;
	size_t n_base = base ? base->n_folders : 0;

	made->n_folders = n_base;
	a->same_set = base != NULL;
	for (size_t i = 0; i < a->n; i++) {
		struct slot *slot = a->list[i];
		bool found;
		slot->at_base = base ? snapshot_position(base, slot_path(slot), &found) : 0;
		made->n_folders += gain(slot);
		a->same_set = a->same_set && gain(slot) == 0;
	}
	made->folders = malloc(made->n_folders * sizeof(struct folder *));
	if (!a->same_set)
		a->moved = calloc(n_base + 1, sizeof(*a->moved));
	if (!made->folders || (!a->same_set && !a->moved))
		return error_no_memory(e);
	lay_out(a);
	return 0;
}

/* All ids of folders, first those that stay, which are sorted. */
static void list_ids(const struct assembly *a, struct id_slot *ids)
{
	const struct folder_index *old = a->draft->base ? a->draft->base->index : NULL;
	size_t m = 0;

	for (size_t i = 0; old && i < old->n; i++) {
		uint32_t at = a->moved[old->at[i]];
		if (at)
			ids[m++] = (struct id_slot){ old->ids[i], at - 1, false };
	}
	for (size_t i = 0; i < a->n; i++) {
		const struct slot *slot = a->list[i];
		if (!slot->before && !slot->gone)
			ids[m++] = (struct id_slot){ slot->after->id, (uint32_t)slot->at, true };
	}
}

static int make_index(struct assembly *a, struct error *e)
{
	struct snapshot *made = a->made;
	size_t n = made->n_folders;

	if (a->same_set) {
		made->index = folder_index_ref(a->draft->base->index);
		return 0;
	}
	struct id_slot *ids = malloc(n * sizeof(*ids));
	struct folder_index *index = malloc(sizeof(*index) + n * (sizeof(uint64_t) + sizeof(uint32_t)));
	if (!ids || !index) {
		free(ids);
		free(index);
		return error_no_memory(e);
	}
	made->index = index;
	*index = (struct folder_index){ .refs = 1, .n = n, .at = (uint32_t *)(index->ids + n) };
	list_ids(a, ids);
	ids_settle(ids, n);
	for (size_t i = 0; i < n; i++) {
		index->ids[i] = ids[i].id;
		index->at[i] = ids[i].index;
		/* Nobody else has seen a folder that is fresh. */
		if (ids[i].fresh)
			made->folders[ids[i].index]->id = ids[i].id;
	}
	free(ids);
	return 0;
}

static int link_child(struct slot *parent, const struct folder *child, bool gone, struct error *e)
{
	const struct folder *folder = parent->after;
	int r = 0;

	if (!parent->links)
		r = folder_draft_new(folder->path, folder->raw_path, folder->raw_path_len, folder, &parent->links, e);
	if (r < 0)
		return r;
	return gone ? folder_draft_unlink(parent->links, child, e) : folder_draft_link(parent->links, child, e);
}

/* Tells the parent of a folder that came or went. */
static int link_slot(struct snapshot_draft *draft, struct slot *slot, struct error *e)
{
	struct slot *parent = snapshot_draft_parent(draft, slot);

	/* The store's own folder is in no other. */
	if (parent == slot || parent->gone)
		return 0;
	return link_child(parent, slot->gone ? slot->before : slot->after, slot->gone, e);
}

static size_t count_children(const struct folder *folder)
{
	size_t n = 0;

	for (size_t i = 0; i < folder->n_entries; i++)
		n += folder->entries[i].kind == ENTRY_FOLDER;
	return n;
}

/* Child folders that stayed although a value was given their name. */
static int link_hidden(struct snapshot_draft *draft, struct slot *slot, struct error *e)
{
	const struct folder *before = slot->before, *after = slot->after;
	_buf_cleanup_ struct buf path = BUF_INIT(UINT32_MAX);
	int r = 0;

	if (!before || slot->gone || before == after || count_children(before) == count_children(after))
		return 0;
	for (const struct entry *entry = before->entries; r == 0 && entry < before->entries + before->n_entries;
	     entry++) {
		const struct entry *now = folder_find(after, entry_name(before, entry));
		if (entry->kind != ENTRY_FOLDER || !now || now->kind == ENTRY_FOLDER)
			continue;
		buf_reset(&path);
		buf_printf(&path, "%s%s%s", before->path, *before->path ? "/" : "", entry_name(before, entry));
		if (buf_error(&path))
			return error_no_memory(e);
		const struct folder *child = snapshot_draft_folder(draft, buf_text(&path));
		r = child ? link_child(slot, child, false, e) : 0;
	}
	return r;
}

static int link_folders(struct assembly *a, struct error *e)
{
	struct snapshot_draft *draft = a->draft;

	for (size_t i = 0; i < a->n; i++) {
		int r = came_or_went(a->list[i]) ? link_slot(draft, a->list[i], e) : link_hidden(draft, a->list[i], e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < a->n; i++) {
		struct slot *slot = a->list[i];
		struct folder *made;
		if (!slot->links)
			continue;
		int r = folder_build(slot->links, draft->seed, slot->before, false, draft->mtime, &made, e);
		if (r < 0)
			return r;
		/* Where there was none before, it may have been moved. */
		if (!slot->before)
			made->id = slot->after->id;
		folder_unref(slot->after);
		slot->after = made;
		a->made->folders[slot->at] = made;
	}
	return 0;
}

/* Groups of the folders from `from` to `to`. */
static int add_groups(struct snapshot *made, size_t from, size_t to, struct error *e)
{
	size_t pieces = (to - from + GROUP_MAX - 1) / GROUP_MAX;

	for (; pieces > 0; pieces--) {
		size_t n = (to - from) / pieces;
		struct folder_group *group = folder_group_new(made->folders + from, n);
		if (!group)
			return error_no_memory(e);
		made->groups[made->n_groups++] = group;
		from += n;
	}
	return 0;
}

/* The base's groups, but for those that hold a change. */
static int make_groups(struct assembly *a, struct error *e)
{
	const struct snapshot *base = a->draft->base;
	struct snapshot *made = a->made;
	size_t n = base ? base->n_groups : 0, start = 0, end_base = 0, k = 0;

	made->groups = malloc((n + made->n_folders / GROUP_MAX + 1) * sizeof(struct folder_group *));
	if (!made->groups)
		return error_no_memory(e);
	for (size_t i = 0; i < n; i++) {
		struct folder_group *group = base->groups[i];
		size_t end = start + group->n, first = k;
		end_base += group->n;
		for (; k < a->n && (a->list[k]->at_base < end_base || i + 1 == n); k++)
			end += gain(a->list[k]);
		int r = 0;
		if (k > first)
			r = add_groups(made, start, end, e);
		else
			made->groups[made->n_groups++] = folder_group_ref(group);
		if (r < 0)
			return r;
		start = end;
	}
	return add_groups(made, start, made->n_folders, e);
}

static void count(struct snapshot *made, const struct folder *folder, bool gone)
{
	for (size_t i = 0; folder && i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[i];
		if (entry->kind != ENTRY_VALUE || entry->flags & ENTRY_MEMORY)
			continue;
		made->n_values += gone ? (size_t)-1 : 1;
		made->bytes += gone ? -(uint64_t)entry->value_len : entry->value_len;
	}
}

static int assemble(struct assembly *a, struct error *e)
{
	const struct snapshot *base = a->draft->base;
	struct snapshot *made = a->made;
	int r = make_layout(a, e);

	if (r == 0)
		r = make_index(a, e);
	if (r == 0)
		r = link_folders(a, e);
	if (r == 0)
		r = make_groups(a, e);
	if (r < 0)
		return r;
	made->n_values = base ? base->n_values : 0;
	made->bytes = base ? base->bytes : 0;
	for (size_t i = 0; i < a->n; i++) {
		count(made, a->list[i]->before, true);
		count(made, a->list[i]->gone ? NULL : a->list[i]->after, false);
	}
	return 0;
}

static bool is_base(const struct assembly *a)
{
	bool same = a->same_set;

	for (size_t i = 0; i < a->n; i++)
		same = same && a->list[i]->before == a->list[i]->after;
	return same;
}

int snapshot_make(struct snapshot_draft *draft, struct slot **list, size_t n, struct snapshot **out, struct error *e)
{
	struct assembly a = { .draft = draft, .list = list, .n = n };

	if (n == 0) {
		*out = snapshot_ref(draft->base);
		return 0;
	}
	a.made = calloc(1, sizeof(*a.made));
	if (!a.made)
		return error_no_memory(e);
	a.made->refs = 1;
	a.made->seed = draft->seed;
	int r = assemble(&a, e);
	if (r == 0)
		*out = is_base(&a) ? snapshot_ref(draft->base) : snapshot_ref(a.made);
	snapshot_unref(a.made);
	free(a.moved);
	return r;
}
