/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/snapshot_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A change that removes a name. Bit of entry.flags that no finished folder has. */
enum { ENTRY_GONE = 4 };

/* An entry on its way into a folder: where it is, and its forerunner of the same name and kind, if any. */
struct part {
	const char *text;
	const struct entry *entry;
	const struct entry *old;
};

static bool is_path(const char *path)
{
	size_t len = 1;

	for (bool more = *path; more && len > 0 && len <= FILE_NAME_MAX; path += more) {
		len = strcspn(path, "/");
		path += len;
		more = *path;
	}
	return len > 0 && len <= FILE_NAME_MAX;
}

int folder_draft_new(const char *path, const char *raw, size_t raw_len, const struct folder *base,
		     struct folder_draft **draft, struct error *e)
{
	if (!is_path(path) || raw_len > RAW_NAME_MAX)
		return error_set(e, EINVAL, "%.300s is no path of file names: encode them first", path);
	struct folder_draft *d = calloc(1, sizeof(*d));
	if (!d)
		return error_no_memory(e);
	d->text = BUF_INIT(UINT32_MAX);
	d->path_len = strlen(path);
	d->raw_len = raw_len;
	buf_append(&d->text, path, d->path_len + 1);
	buf_append(&d->text, raw, raw_len);
	buf_char(&d->text, '\0');
	if (buf_error(&d->text)) {
		folder_draft_free(d);
		return error_no_memory(e);
	}
	d->base = base ? folder_ref(base) : NULL;
	*draft = d;
	return 0;
}

void folder_draft_free(struct folder_draft *draft)
{
	if (!draft)
		return;
	folder_unref(draft->base);
	buf_deinit(&draft->text);
	free(draft->changes);
	free(draft);
}

static bool has_room(struct folder_draft *draft)
{
	if (draft->n_changes < draft->room)
		return true;
	size_t room = draft->room ? 2 * draft->room : 8;
	struct entry *changes = reallocarray(draft->changes, room, sizeof(*changes));
	if (!changes) {
		draft->text.failed = ENOMEM;
		return false;
	}
	draft->changes = changes;
	draft->room = room;
	return true;
}

static int too_large(const struct folder_draft *draft, struct error *e)
{
	return error_set(e, EFBIG, "%.300s holds more than 4 GB: spread its keys over several directories",
			 folder_draft_path(draft));
}

/* The reason why something did not fit into the text. */
static int dropped(const struct folder_draft *draft, struct error *e)
{
	return buf_error(&draft->text) == -EFBIG ? too_large(draft, e) : error_no_memory(e);
}

/* Lengths and everything else but name_at are in `change`. */
static int add_change(struct folder_draft *draft, struct entry change, const char *name, const char *raw,
		      const char *value, struct error *e)
{
	if (!has_room(draft))
		return error_no_memory(e);
	change.name_at = (uint32_t)draft->text.len;
	buf_append(&draft->text, name, (size_t)change.name_len + 1);
	buf_append(&draft->text, raw, change.raw_len);
	buf_append(&draft->text, value, change.value_len);
	if (buf_error(&draft->text))
		return dropped(draft, e);
	draft->changes[draft->n_changes++] = change;
	return 0;
}

int folder_draft_set(struct folder_draft *draft, const struct entry_spec *spec, struct error *e)
{
	size_t name_len = strlen(spec->name);
	bool same = !spec->raw || (spec->raw_len == name_len && memcmp(spec->raw, spec->name, name_len) == 0);

	if (name_len == 0 || name_len > FILE_NAME_MAX || strchr(spec->name, '/'))
		return error_set(e, EINVAL, "%.300s is no file name: encode it first", spec->name);
	if (!same && (spec->raw_len == 0 || spec->raw_len > RAW_NAME_MAX))
		return error_set(e, EINVAL, "the key behind %s has no name or one over 65,535 bytes", spec->name);
	if (spec->value_len > UINT32_MAX)
		return error_set(e, EFBIG, "the value of %s is larger than 4 GB: split it", spec->name);
	struct entry change = {
		.mtime = spec->mtime,
		.value_len = (uint32_t)spec->value_len,
		.raw_len = same ? 0 : (uint16_t)spec->raw_len,
		.name_len = (uint8_t)name_len,
		.kind = ENTRY_VALUE,
		.type = spec->type & 15,
		.flags = spec->flags & ENTRY_MEMORY,
	};
	return add_change(draft, change, spec->name, spec->raw, spec->value, e);
}

void folder_draft_remove(struct folder_draft *draft, const char *name)
{
	size_t len = strlen(name);
	struct entry change = { .name_len = (uint8_t)len, .kind = ENTRY_VALUE, .flags = ENTRY_GONE };

	/* A failure stays in draft->text, and folder_build reports it. */
	if (len <= FILE_NAME_MAX)
		add_change(draft, change, name, NULL, NULL, NULL);
}

static int change_folder(struct folder_draft *draft, const struct folder *child, unsigned flags, struct error *e)
{
	const char *slash = strrchr(child->path, '/');
	const char *name = slash ? slash + 1 : child->path;
	/* Only the first component may hold a slash. */
	const char *raw_slash = slash ? memrchr(child->raw_path, '/', child->raw_path_len) : NULL;
	const char *raw = raw_slash ? raw_slash + 1 : child->raw_path;
	size_t len = strlen(name), raw_len = child->raw_path_len - (size_t)(raw - child->raw_path);
	bool same = raw_len == len && memcmp(raw, name, len) == 0;
	struct entry change = {
		.id = child->id,
		.mtime = child->mtime,
		.raw_len = same ? 0 : (uint16_t)raw_len,
		.name_len = (uint8_t)len,
		.kind = ENTRY_FOLDER,
		.flags = flags & 7,
	};

	return add_change(draft, change, name, raw, NULL, e);
}

int folder_draft_link(struct folder_draft *draft, const struct folder *child, struct error *e)
{
	return change_folder(draft, child, 0, e);
}

int folder_draft_unlink(struct folder_draft *draft, const struct folder *child, struct error *e)
{
	return change_folder(draft, child, ENTRY_GONE, e);
}

static int by_name(const void *a, const void *b, void *text)
{
	const struct entry *x = a, *y = b;
	int order = strcmp((const char *)text + x->name_at, (const char *)text + y->name_at);

	/* Texts were added in order. */
	return order ? order : x->name_at < y->name_at ? -1 : 1;
}

/* Sorts the changes and leaves the last one of each name. */
static void settle_changes(struct folder_draft *draft)
{
	struct entry *changes = draft->changes;
	const char *text = draft->text.data;
	size_t n = 0;

	if (draft->n_changes < 2)
		return;
	qsort_r(changes, draft->n_changes, sizeof(*changes), by_name, draft->text.data);
	for (size_t i = 0; i < draft->n_changes; i++) {
		if (n > 0 && strcmp(text + changes[n - 1].name_at, text + changes[i].name_at) == 0)
			n--;
		changes[n++] = changes[i];
	}
	draft->n_changes = n;
}

/* Entries to merge, in order. */
struct source {
	const char *text;
	const struct entry *next;
	size_t left;
	int without; /* entries of this kind are passed over; -1: none */
};

static struct source source_of(const struct folder *folder, int without)
{
	if (!folder)
		return (struct source){ 0 };
	return (struct source){ folder->text, folder->entries, folder->n_entries, without };
}

/* The name that comes next, or the lesser of it and `name`. NULL: none left. */
static const char *lesser(struct source *source, const char *name)
{
	for (; source->left > 0 && source->next->kind == source->without; source->left--)
		source->next++;
	if (source->left == 0)
		return name;
	const char *mine = source->text + source->next->name_at;
	return name && strcmp(name, mine) <= 0 ? name : mine;
}

static const struct entry *take(struct source *source, const char *name)
{
	if (source->left == 0 || strcmp(source->text + source->next->name_at, name) != 0)
		return NULL;
	source->left--;
	return source->next++;
}

/* Puts the changes over the base. With `adopt`, child folders' entries are those of `old`, and a value of the name goes
 * first: whether the child stays is not known yet. Without, they are changed like any other, and go before a value of
 * the name. */
static size_t merge(const struct folder_draft *draft, const struct folder *old, bool adopt, struct part *parts)
{
	struct source bases = source_of(draft->base, adopt ? ENTRY_FOLDER : -1);
	struct source inherited = source_of(adopt ? old : NULL, ENTRY_VALUE);
	struct source changes = { draft->text.data, draft->changes, draft->n_changes, -1 };
	const char *name;
	size_t n = 0;

	while ((name = lesser(&bases, lesser(&inherited, lesser(&changes, NULL))))) {
		const struct entry *before = take(&bases, name), *child = take(&inherited, name);
		const struct entry *change = take(&changes, name);
		if (change && !(change->flags & ENTRY_GONE))
			parts[n++] = (struct part){ changes.text, change, NULL };
		else if (before && !(change && change->kind == before->kind))
			parts[n++] = (struct part){ bases.text, before, NULL };
		else if (child)
			parts[n++] = (struct part){ inherited.text, child, NULL };
	}
	return n;
}

static const char *part_name(const struct part *part)
{
	return part->text + part->entry->name_at;
}

static size_t part_len(const struct part *part)
{
	return (size_t)part->entry->name_len + 1 + part->entry->raw_len + part->entry->value_len;
}

static bool same_as_old(const struct part *part, const struct folder *old)
{
	const struct entry *x = part->entry, *y = part->old;

	if (x == y)
		return true;
	return x->raw_len == y->raw_len && x->type == y->type && x->flags == y->flags && x->value_len == y->value_len &&
	       memcmp(part_name(part), entry_name(old, y), part_len(part)) == 0;
}

static bool same_kind(const struct entry *x, const struct entry *y)
{
	return x->kind == y->kind && (x->kind == ENTRY_VALUE || x->id == y->id);
}

struct likeness {
	bool names; /* the same names, in the same kinds */
	bool all;
};

/* Finds each part's forerunner. */
static struct likeness match(const struct folder_draft *draft, struct part *parts, size_t n, const struct folder *old)
{
	size_t i = 0, n_old = old ? old->n_entries : 0;
	const char *raw = folder_draft_path(draft) + draft->path_len + 1;
	struct likeness like = { .names = old && n == n_old };

	like.all = like.names && old->raw_path_len == draft->raw_len && memcmp(old->raw_path, raw, draft->raw_len) == 0;
	for (struct part *part = parts; part < parts + n; part++) {
		int order = 1;
		while (i < n_old && (order = strcmp(entry_name(old, &old->entries[i]), part_name(part))) < 0)
			i++;
		if (i < n_old && order == 0 && same_kind(part->entry, &old->entries[i]))
			part->old = &old->entries[i];
		like.names = like.names && part->old;
		like.all = like.all && part->old && same_as_old(part, old);
	}
	return like;
}

/* A folder with room for its entries and texts. */
static int allocate(const struct folder_draft *draft, const struct part *parts, size_t n, struct folder **out,
		    struct error *e)
{
	const char *path = folder_draft_path(draft);
	bool same = draft->raw_len == draft->path_len && memcmp(path, path + draft->path_len + 1, draft->raw_len) == 0;
	size_t head = draft->path_len + 1 + (same ? 0 : draft->raw_len + 1), text_len = head;

	for (size_t i = 0; i < n; i++)
		text_len += part_len(&parts[i]);
	if (text_len > UINT32_MAX)
		return too_large(draft, e);
	struct folder *folder = malloc(sizeof(*folder) + n * (sizeof(struct entry) + sizeof(uint32_t)) + text_len);
	if (!folder)
		return error_no_memory(e);
	struct entry *entries = (struct entry *)(folder + 1);
	uint32_t *by_id = (uint32_t *)(entries + n);
	char *text = memcpy(by_id + n, draft->text.data, head);
	*folder = (struct folder){
		.refs = 1,
		.n_entries = (uint32_t)n,
		.entries = entries,
		.by_id = by_id,
		.path = text,
		.raw_path = same ? text : text + draft->path_len + 1,
		.raw_path_len = (uint32_t)draft->raw_len,
		.text = text,
	};
	*out = folder;
	return 0;
}

/* Entries and text; ids come later. */
static void fill(struct folder *folder, const struct folder *old, const struct part *parts)
{
	struct entry *entries = (struct entry *)folder->entries;
	char *text = (char *)folder->text;
	size_t at = (size_t)(folder->raw_path - text) + folder->raw_path_len + 1;

	for (size_t i = 0; i < folder->n_entries; i++) {
		const struct part *part = &parts[i];
		struct entry *entry = &entries[i];
		*entry = *part->entry;
		entry->name_at = (uint32_t)at;
		at = (size_t)((char *)mempcpy(text + at, part_name(part), part_len(part)) - text);
		if (part->old && entry_same_value(folder, entry, old, part->old))
			entry->mtime = part->old->mtime;
		if (entry->kind == ENTRY_VALUE && !(entry->flags & ENTRY_MEMORY))
			folder->size += (entry->raw_len ? entry->raw_len : entry->name_len) +
					value_size((enum value_type)entry->type, entry->value_len);
	}
}

/* Ids in the order in which they are likely sorted: those that stay, then the new ones. */
static void list_ids(const struct folder *folder, uint64_t seed, const struct folder *old, const struct part *parts,
		     uint32_t *stays, struct id_slot *slots)
{
	uint64_t path_hash = name_hash(seed, folder->path, strlen(folder->path));
	size_t m = 0;

	for (size_t i = 0; i < folder->n_entries; i++) {
		if (parts[i].old)
			stays[parts[i].old - old->entries] = (uint32_t)i + 1;
	}
	for (size_t i = 0; old && i < old->n_entries; i++) {
		uint32_t at = stays[old->by_id[i]];
		if (at)
			slots[m++] = (struct id_slot){ old->entries[old->by_id[i]].id, at - 1, false };
	}
	for (size_t i = 0; i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[i];
		bool fresh = entry->kind == ENTRY_VALUE;
		uint64_t id = entry->id;
		if (parts[i].old)
			continue;
		if (fresh)
			id = value_natural_id(seed, path_hash, entry_name(folder, entry), entry->name_len);
		slots[m++] = (struct id_slot){ id, (uint32_t)i, fresh };
	}
}

static int give_ids(struct folder *folder, uint64_t seed, const struct folder *old, const struct part *parts,
		    struct error *e)
{
	struct entry *entries = (struct entry *)folder->entries;
	uint32_t *by_id = (uint32_t *)folder->by_id;
	size_t n = folder->n_entries;
	struct id_slot *slots = malloc((n + 1) * sizeof(*slots));
	uint32_t *stays = calloc(old ? old->n_entries + 1 : 1, sizeof(*stays));
	int r = slots && stays ? 0 : error_no_memory(e);

	if (r == 0) {
		list_ids(folder, seed, old, parts, stays, slots);
		ids_settle(slots, n);
		for (size_t i = 0; i < n; i++) {
			by_id[i] = slots[i].index;
			entries[slots[i].index].id = slots[i].id;
		}
	}
	free(slots);
	free(stays);
	return r;
}

static int build(const struct folder_draft *draft, const struct part *parts, size_t n, uint64_t seed,
		 const struct folder *old, struct folder **out, struct error *e)
{
	struct folder *folder = NULL;
	int r = allocate(draft, parts, n, &folder, e);

	if (r < 0)
		return r;
	fill(folder, old, parts);
	r = give_ids(folder, seed, old, parts, e);
	if (r < 0)
		folder_unref(folder);
	else
		*out = folder;
	return r;
}

int folder_build(struct folder_draft *draft, uint64_t seed, const struct folder *old, bool adopt, int64_t mtime,
		 struct folder **out, struct error *e)
{
	int r = 0;

	if (buf_error(&draft->text))
		return dropped(draft, e);
	settle_changes(draft);
	size_t n = draft->n_changes + (draft->base ? draft->base->n_entries : 0) + (old ? old->n_entries : 0);
	struct part *parts = malloc((n + 1) * sizeof(*parts));
	if (!parts)
		return error_no_memory(e);
	n = merge(draft, old, adopt, parts);
	struct likeness like = match(draft, parts, n, old);
	if (like.all)
		*out = folder_ref(old);
	else
		r = build(draft, parts, n, seed, old, out, e);
	free(parts);
	if (r < 0 || like.all)
		return r;
	(*out)->id = old ? old->id : folder_natural_id(seed, name_hash(seed, (*out)->path, draft->path_len));
	(*out)->mtime = like.names ? old->mtime : mtime;
	return 0;
}
