/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"
#include "fs/snapshot_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The path is the first `len` bytes. */
static struct slot *find_part(const struct snapshot_draft *draft, const char *path, size_t len)
{
	size_t mask = draft->table_size - 1;
	uint64_t hash = name_hash(draft->seed, path, len);

	if (draft->table_size == 0)
		return NULL;
	for (size_t i = hash & mask; draft->table[i]; i = (i + 1) & mask) {
		struct slot *slot = &draft->slots[draft->table[i] - 1];
		const char *found = slot_path(slot);
		if (slot->hash == hash && strncmp(found, path, len) == 0 && found[len] == '\0')
			return slot;
	}
	return NULL;
}

static struct slot *find(const struct snapshot_draft *draft, const char *path)
{
	return find_part(draft, path, strlen(path));
}

static void enter(struct snapshot_draft *draft, size_t number)
{
	size_t mask = draft->table_size - 1, i = draft->slots[number].hash & mask;

	while (draft->table[i])
		i = (i + 1) & mask;
	draft->table[i] = (uint32_t)number + 1;
}

/* Room for one more slot; the table stays at most half full. */
static int grow(struct snapshot_draft *draft, struct error *e)
{
	if (draft->n_slots < draft->room)
		return 0;
	size_t room = draft->room ? 2 * draft->room : 16;
	struct slot *slots = reallocarray(draft->slots, room, sizeof(*slots));
	if (!slots)
		return error_no_memory(e);
	draft->slots = slots;
	uint32_t *table = calloc(2 * room, sizeof(*table));
	if (!table)
		return error_no_memory(e);
	free(draft->table);
	draft->table = table;
	draft->table_size = 2 * room;
	draft->room = room;
	for (size_t i = 0; i < draft->n_slots; i++)
		enter(draft, i);
	return 0;
}

/* The base's folder, or `made` where that has none, gets a slot; there must be none yet. Takes `made` on success. */
static int add(struct snapshot_draft *draft, const struct folder *before, struct folder *made, struct slot **out,
	       struct error *e)
{
	int r = grow(draft, e);

	if (r < 0)
		return r;
	struct slot *slot = &draft->slots[draft->n_slots];
	*slot = (struct slot){ .before = before, .after = made };
	if (!made && draft->keep)
		slot->after = folder_ref(before);
	slot->gone = !slot->after;
	slot->hash = name_hash(draft->seed, slot_path(slot), strlen(slot_path(slot)));
	enter(draft, draft->n_slots++);
	if (out)
		*out = slot;
	return 0;
}

static const struct folder *base_folder(const struct snapshot_draft *draft, const char *path)
{
	return draft->base ? snapshot_folder(draft->base, path) : NULL;
}

const struct folder *snapshot_draft_folder(const struct snapshot_draft *draft, const char *path)
{
	const struct slot *slot = find(draft, path);

	if (slot)
		return slot->gone ? NULL : slot->after;
	return draft->keep ? base_folder(draft, path) : NULL;
}

static int put(struct snapshot_draft *draft, struct folder_draft *folder, int64_t mtime, struct error *e)
{
	const char *path = folder_draft_path(folder);
	struct slot *slot = find(draft, path);
	const struct folder *before = slot ? slot->before : base_folder(draft, path);
	struct folder *made;
	int r = folder_build(folder, draft->seed, before, true, mtime, &made, e);

	if (r < 0)
		return r;
	draft->mtime = mtime;
	if (slot) {
		folder_unref(slot->after);
		slot->after = made;
		slot->gone = false;
		return 0;
	}
	r = add(draft, before, made, NULL, e);
	if (r < 0)
		folder_unref(made);
	return r;
}

static int put_empty(struct snapshot_draft *draft, const char *path, const char *raw, size_t raw_len, int64_t mtime,
		     struct error *e)
{
	struct folder_draft *folder;
	int r = folder_draft_new(path, raw, raw_len, NULL, &folder, e);

	if (r < 0)
		return r;
	r = put(draft, folder, mtime, e);
	folder_draft_free(folder);
	return r;
}

static int put_parents(struct snapshot_draft *draft, const char *path, const char *raw, size_t raw_len, int64_t mtime,
		       struct error *e)
{
	const char *slash = strrchr(path, '/'), *raw_slash = memrchr(raw, '/', raw_len);
	char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	int r = 0;

	if (!slash)
		return 0;
	if (!parent)
		return error_no_memory(e);
	if (!snapshot_draft_folder(draft, parent)) {
		size_t len = raw_slash ? (size_t)(raw_slash - raw) : 0;
		r = raw_slash ? put_parents(draft, parent, raw, len, mtime, e)
			      : error_set(e, EINVAL, "the raw path of %.300s is too short", path);
		if (r == 0)
			r = put_empty(draft, parent, raw, len, mtime, e);
	}
	free(parent);
	return r;
}

int snapshot_draft_put(struct snapshot_draft *draft, struct folder_draft *folder, int64_t mtime, struct error *e)
{
	const char *path = folder_draft_path(folder), *raw = path + folder->path_len + 1;
	int r = put_parents(draft, path, raw, folder->raw_len, mtime, e);

	if (r == 0)
		r = put(draft, folder, mtime, e);
	folder_draft_free(folder);
	return r;
}

int snapshot_draft_add(struct snapshot_draft *draft, const char *path, const char *raw, size_t raw_len,
		       const struct entry_spec *spec, struct error *e)
{
	struct slot *slot = find(draft, path);
	int r = 0;

	if (!slot) {
		r = put_parents(draft, path, raw, raw_len, spec->mtime, e);
		if (r == 0)
			r = put_empty(draft, path, raw, raw_len, spec->mtime, e);
		if (r < 0)
			return r;
		slot = find(draft, path);
	}
	if (!slot->added)
		r = folder_draft_new(path, raw, raw_len, slot->after, &slot->added, e);
	draft->mtime = spec->mtime;
	return r < 0 ? r : folder_draft_set(slot->added, spec, e);
}

int snapshot_draft_new(const char *store, const struct snapshot *base, bool keep, struct snapshot_draft **draft,
		       struct error *e)
{
	struct snapshot_draft *d = calloc(1, sizeof(*d));

	if (!d)
		return error_no_memory(e);
	d->base = base;
	d->seed = snapshot_seed(store);
	d->keep = keep && base;
	/* Until a put or a removal brings a time. */
	int r = d->keep ? 0 : put_empty(d, "", "", 0, clock_wall(clock_system()), e);
	if (r < 0) {
		snapshot_draft_free(d);
		return r;
	}
	*draft = d;
	return 0;
}

void snapshot_draft_free(struct snapshot_draft *draft)
{
	if (!draft)
		return;
	for (size_t i = 0; i < draft->n_slots; i++) {
		folder_unref(draft->slots[i].after);
		folder_draft_free(draft->slots[i].added);
		folder_draft_free(draft->slots[i].links);
	}
	free(draft->slots);
	free(draft->table);
	free(draft);
}

/* Gives what the base has in a folder, and that itself, slots. */
static int add_within(struct snapshot_draft *draft, const char *path, struct error *e)
{
	const struct folder *folder = NULL;
	int r = 0;

	while (r == 0 && (folder = snapshot_within(draft->base, path, folder)))
		r = find(draft, folder->path) ? 0 : add(draft, folder, NULL, NULL, e);
	return r;
}

static bool is_within(const char *path, const char *folder, size_t len)
{
	return len == 0 || (strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

int snapshot_draft_remove(struct snapshot_draft *draft, const char *path, int64_t mtime, struct error *e)
{
	size_t len = strlen(path);
	int r = draft->keep ? add_within(draft, path, e) : 0;

	if (r < 0)
		return r;
	draft->mtime = mtime;
	for (size_t i = 0; i < draft->n_slots; i++) {
		struct slot *slot = &draft->slots[i];
		if (is_within(slot_path(slot), path, len))
			slot->gone = true;
	}
	return *path ? 0 : put_empty(draft, "", "", 0, mtime, e);
}

/* Replaces the folder of a slot by what a draft of it, which is freed, comes to. */
static int rebuild(struct snapshot_draft *draft, struct slot *slot, struct folder_draft *folder, struct error *e)
{
	struct folder *made;
	int r = folder_build(folder, draft->seed, slot->before, true, draft->mtime, &made, e);

	folder_draft_free(folder);
	if (r < 0)
		return r;
	folder_unref(slot->after);
	slot->after = made;
	return 0;
}

static int build_added(struct snapshot_draft *draft, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft->n_slots; i++) {
		struct folder_draft *added = draft->slots[i].added;
		draft->slots[i].added = NULL;
		r = added ? rebuild(draft, &draft->slots[i], added, e) : 0;
	}
	return r;
}

/* A load: what was not put is gone. */
static int drop_rest(struct snapshot_draft *draft, struct error *e)
{
	size_t known = 0, n = draft->base ? draft->base->n_folders : 0;

	for (size_t i = 0; i < draft->n_slots; i++)
		known += draft->slots[i].before != NULL;
	for (size_t i = 0; known < n && i < n; i++) {
		struct folder *folder = draft->base->folders[i];
		int r = find(draft, folder->path) ? 0 : add(draft, folder, NULL, NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

struct slot *snapshot_draft_parent(const struct snapshot_draft *draft, const struct slot *slot)
{
	const char *path = slot_path(slot), *slash = strrchr(path, '/');

	return find_part(draft, path, slash ? (size_t)(slash - path) : 0);
}

/* Gives the parent a slot, which an edit need not have touched. */
static int add_parent(struct snapshot_draft *draft, const struct slot *child, struct slot **out, struct error *e)
{
	const char *path = slot_path(child), *slash = strrchr(path, '/');
	char *parent = strndup(path, slash ? (size_t)(slash - path) : 0);

	if (!parent)
		return error_no_memory(e);
	int r = add(draft, base_folder(draft, parent), NULL, out, e);
	free(parent);
	return r;
}

static int mark_parents(struct snapshot_draft *draft, struct error *e)
{
	/* Slots that this adds neither came nor went. */
	for (size_t i = 0; i < draft->n_slots; i++) {
		if (!came_or_went(&draft->slots[i]))
			continue;
		struct slot *parent = snapshot_draft_parent(draft, &draft->slots[i]);
		int r = parent ? 0 : add_parent(draft, &draft->slots[i], &parent, e);
		if (r < 0)
			return r;
		parent->parent = true;
	}
	return 0;
}

/* What the parent has as a value of the folder's name is the folder's own value. */
static int take_own_value(struct snapshot_draft *draft, struct slot *slot, struct error *e)
{
	const struct slot *parent = snapshot_draft_parent(draft, slot);
	const struct folder *folder = slot->after;
	const char *path = slot_path(slot), *slash = strrchr(path, '/');
	const struct entry *entry = folder_find(parent->after, slash ? slash + 1 : path);
	struct folder_draft *own;

	if (parent == slot || parent->gone || !entry || entry->kind != ENTRY_VALUE)
		return 0;
	struct entry_spec spec = { .name = NAME_OWN_VALUE,
				   .raw = ".",
				   .raw_len = 1,
				   .type = (enum value_type)entry->type,
				   .flags = entry->flags,
				   .value = entry_value(parent->after, entry),
				   .value_len = entry->value_len,
				   .mtime = entry->mtime };
	int r = folder_draft_new(folder->path, folder->raw_path, folder->raw_path_len, folder, &own, e);
	if (r < 0)
		return r;
	r = folder_draft_set(own, &spec, e);
	if (r == 0)
		return rebuild(draft, slot, own, e);
	folder_draft_free(own);
	return r;
}

/* Child folders that stay although a value was given their name. `number` is a slot's; slots may move. */
static int take_hidden_values(struct snapshot_draft *draft, size_t number, struct error *e)
{
	const struct folder *before = draft->slots[number].before;
	_buf_cleanup_ struct buf path = BUF_INIT(UINT32_MAX);
	int r = 0;

	for (const struct entry *entry = before->entries; r == 0 && entry < before->entries + before->n_entries;
	     entry++) {
		const struct entry *now = folder_find(draft->slots[number].after, entry_name(before, entry));
		if (entry->kind != ENTRY_FOLDER || !now || now->kind == ENTRY_FOLDER)
			continue;
		buf_reset(&path);
		buf_printf(&path, "%s%s%s", before->path, *before->path ? "/" : "", entry_name(before, entry));
		if (buf_error(&path))
			return error_no_memory(e);
		struct slot *child = find(draft, buf_text(&path));
		if (!child)
			r = add(draft, base_folder(draft, buf_text(&path)), NULL, &child, e);
		if (r == 0 && !child->gone)
			r = take_own_value(draft, child, e);
	}
	return r;
}

static int take_own_values(struct snapshot_draft *draft, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft->n_slots; i++) {
		struct slot *slot = &draft->slots[i];
		if (slot->gone || slot->before == slot->after)
			continue;
		r = slot->before ? take_hidden_values(draft, i, e) : take_own_value(draft, slot, e);
	}
	return r;
}

static int by_path(const void *a, const void *b)
{
	struct slot *const *x = a, *const *y = b;

	return strcmp(slot_path(*x), slot_path(*y));
}

/* The slots that make a difference, sorted. */
static size_t list_changes(struct snapshot_draft *draft, struct slot **list)
{
	size_t n = 0;

	for (size_t i = 0; i < draft->n_slots; i++) {
		struct slot *slot = &draft->slots[i];
		bool present = !slot->gone;
		if (came_or_went(slot) || (present && (slot->parent || slot->before != slot->after)))
			list[n++] = slot;
	}
	qsort(list, n, sizeof(*list), by_path);
	return n;
}

int snapshot_draft_finish(struct snapshot_draft *draft, struct snapshot **out, struct error *e)
{
	int r = build_added(draft, e);

	if (r == 0 && !draft->keep)
		r = drop_rest(draft, e);
	if (r == 0)
		r = mark_parents(draft, e);
	if (r == 0)
		r = take_own_values(draft, e);
	if (r == 0) {
		struct slot **list = malloc((draft->n_slots + 1) * sizeof(struct slot *));
		r = list ? snapshot_make(draft, list, list_changes(draft, list), out, e) : error_no_memory(e);
		free(list);
	}
	snapshot_draft_free(draft);
	return r;
}
