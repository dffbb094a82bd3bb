/* SPDX-License-Identifier: Apache-2.0 */
/* Renaming folders: an option is one item, and moves as it is in the store; a directory of paths is its keys, which
 * move as they are shown. */
#include "fs/vfs_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One folder of those that move. */
struct moved_folder {
	const struct folder *from; /* in the snapshot */
	char *to;                  /* its new path */
	char *raw;                 /* and raw path */
	size_t raw_len;
};

struct folder_move {
	struct view *from_view, *to_view;
	struct snapshot *snapshot;    /* what it was begun with; names and values are borrowed from it */
	struct moved_folder *folders; /* parents first */
	size_t n_folders;
	struct key_move *keys; /* where keys are items */
	size_t n_keys;
};

void vfs_move_folder_free(struct folder_move *move)
{
	if (!move)
		return;
	for (size_t i = 0; i < move->n_folders; i++) {
		free(move->folders[i].to);
		free(move->folders[i].raw);
	}
	free(move->folders);
	free(move->keys);
	snapshot_unref(move->snapshot);
	free(move);
}

/* Where it all goes. */
struct ends {
	char from[VFS_PATH_MAX], to[VFS_PATH_MAX];
	struct buf raw;      /* the raw path of `to` */
	size_t from_raw_len; /* what it stands for in raw paths */
};

static void ends_deinit(struct ends *ends)
{
	buf_deinit(&ends->raw);
}

static bool name_ends(const struct target *from, const struct target *to, const struct call *c, struct ends *ends)
{
	if (!vfs_join(from->folder->path, c->name, ends->from) || !vfs_join(to->folder->path, c->new_name, ends->to))
		return false;
	const struct folder *source = snapshot_folder(from->view->current, ends->from);
	const struct folder *target = snapshot_folder(to->view->current, ends->to);
	if (!source || (!target && to->raw_len < 0))
		return false;
	ends->from_raw_len = source->raw_path_len;
	if (target) {
		buf_append(&ends->raw, target->raw_path, target->raw_path_len);
		return true;
	}
	buf_append(&ends->raw, to->folder->raw_path, to->folder->raw_path_len);
	if (ends->raw.len > 0)
		buf_char(&ends->raw, '/');
	buf_append(&ends->raw, to->raw, (size_t)to->raw_len);
	return true;
}

/* `text` with what replaces its first `cut` bytes; the caller frees. */
static char *replace_start(const char *start, size_t start_len, const char *text, size_t len, size_t cut)
{
	char *out = malloc(start_len + len - cut + 1);

	if (out) {
		memcpy(out, start, start_len);
		memcpy(out + start_len, text + cut, len - cut);
		out[start_len + len - cut] = '\0';
	}
	return out;
}

static int add_folder(struct folder_move *move, const struct ends *ends, const struct folder *folder)
{
	struct moved_folder *folders = realloc(move->folders, (move->n_folders + 1) * sizeof(*folders));

	if (!folders)
		return -ENOMEM;
	move->folders = folders;
	struct moved_folder *moved = &folders[move->n_folders++];
	*moved = (struct moved_folder){ .from = folder };
	moved->to = replace_start(ends->to, strlen(ends->to), folder->path, strlen(folder->path), strlen(ends->from));
	moved->raw = replace_start(buf_text(&ends->raw), ends->raw.len, folder->raw_path, folder->raw_path_len,
				   ends->from_raw_len);
	moved->raw_len = ends->raw.len + folder->raw_path_len - ends->from_raw_len;
	if (!moved->to || !moved->raw)
		return -ENOMEM;
	return strlen(moved->to) < VFS_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int add_keys(struct folder_move *move, const struct moved_folder *moved)
{
	const struct folder *from = moved->from;
	struct key_move *keys = realloc(move->keys, (move->n_keys + from->n_entries) * sizeof(*keys) + 1);
	size_t len;

	if (!keys)
		return -ENOMEM;
	move->keys = keys;
	for (const struct entry *entry = from->entries; entry < from->entries + from->n_entries; entry++) {
		if (entry->kind != ENTRY_VALUE)
			continue;
		const char *raw = entry_raw(from, entry, &len);
		keys[move->n_keys++] = (struct key_move){
			.from = vfs_place(move->from_view, from, raw, len),
			.to = { move->to_view->store, moved->raw, raw, strlen(move->to_view->store), moved->raw_len,
				len },
			.expected = { .type = (enum value_type)entry->type,
				      .bytes = entry_value(from, entry),
				      .len = entry->value_len },
		};
	}
	return 0;
}

/* Files in memory have no place in the store that could be moved. */
static bool has_memory(const struct folder *folder)
{
	for (uint32_t i = 0; i < folder->n_entries; i++) {
		if (folder->entries[i].flags & ENTRY_MEMORY)
			return true;
	}
	return false;
}

static int gather(struct folder_move *move, const struct ends *ends)
{
	const struct folder *folder = NULL;
	int r = buf_error(&ends->raw);

	while (r == 0 && (folder = snapshot_within(move->snapshot, ends->from, folder)))
		r = has_memory(folder) ? -EBUSY : add_folder(move, ends, folder);
	for (size_t i = 0; r == 0 && view_layout(move->from_view)->item_is_key && i < move->n_folders; i++)
		r = add_keys(move, &move->folders[i]);
	return r;
}

/* Whether the store has a part in it. */
static bool is_stored(const struct folder_move *move)
{
	return move->n_keys > 0 || !view_layout(move->from_view)->item_is_key;
}

static int begin(struct call *c, const struct target *from, const struct target *to, struct folder_move *move)
{
	__attribute__((cleanup(ends_deinit))) struct ends ends = { .raw = BUF_INIT(2 * RAW_NAME_MAX) };

	move->from_view = from->view;
	move->to_view = to->view;
	move->snapshot = snapshot_ref(from->view->current);
	int r = name_ends(from, to, c, &ends) ? 0 : -EINVAL;
	const struct folder *target = r == 0 ? snapshot_folder(to->view->current, ends.to) : NULL;
	if (target && target->n_entries > 0)
		r = -ENOTEMPTY;
	if (r == 0)
		r = gather(move, &ends);
	if (r < 0)
		return r;
	c->strands[0] = vfs_strand(from->view, ends.from);
	c->strands[1] = vfs_strand(to->view, ends.to);
	if (!is_stored(move))
		return settings_read_only(from->view->mount->settings) ? -EROFS : 0;
	r = vfs_may_change_locked(from->view->mount, to->view, c);
	return r == 0 && !c->may_block ? CALL_BLOCKS : r;
}

int vfs_move_folder_begin_locked(struct call *c, const struct target *from, const struct target *to,
				 struct folder_move **move)
{
	struct folder_move *made = calloc(1, sizeof(*made));
	int r = made ? begin(c, from, to, made) : -ENOMEM;

	if (r != 0)
		vfs_move_folder_free(made);
	else
		*move = made;
	return r;
}

static struct place place_of(const struct view *view, const char *raw, size_t len)
{
	return (struct place){
		.store = view->store, .store_len = strlen(view->store), .option = raw, .option_len = len
	};
}

static int send(struct mount *m, struct call *c, const struct folder_move *move, struct error *e)
{
	const struct moved_folder *top = &move->folders[0];
	struct change change = {
		.kind = CHANGE_RENAME_DIR,
		.from = place_of(move->from_view, top->from->raw_path, top->from->raw_path_len),
		.to = place_of(move->to_view, top->raw, top->raw_len),
		.moves = move->keys,
		.n_moves = move->n_keys,
	};

	return vfs_apply(m, c, move->to_view, &change, e);
}

/* The folder at its new place, with its values. */
static int record_folder(struct mount *m, const struct folder_move *move, const struct moved_folder *moved)
{
	struct fact made = { .kind = FACT_FOLDER,
			     .folder = moved->to,
			     .folder_raw = moved->raw,
			     .folder_raw_len = moved->raw_len,
			     .wall = clock_wall(m->clock),
			     .since = clock_mono(m->clock) };
	const struct folder *from = moved->from;

	/* Until its first key, which may come at once. */
	if (view_layout(move->to_view)->item_is_key)
		made.since = INT64_MAX;
	int r = view_record_locked(move->to_view, &made, true);
	for (uint32_t i = 0; i < from->n_entries && r == 0; i++) {
		const struct entry *entry = &from->entries[i];
		struct fact fact = made;
		if (entry->kind != ENTRY_VALUE)
			continue;
		fact.kind = FACT_VALUE;
		fact.since = clock_mono(m->clock);
		fact.name = (char *)entry_name(from, entry);
		fact.raw = (char *)entry_raw(from, entry, &fact.raw_len);
		fact.type = (enum value_type)entry->type;
		fact.bytes = (char *)entry_value(from, entry);
		fact.len = entry->value_len;
		fact.mtime = entry->mtime;
		r = view_record_locked(move->to_view, &fact, true);
	}
	return r;
}

/* The ids that the kernel holds, and what is open, go along. */
static void follow_folder(struct mount *m, const struct folder_move *move, const struct moved_folder *moved)
{
	const struct folder *from = moved->from, *to = snapshot_folder(move->to_view->current, moved->to);

	node_follow_locked(m, move->from_view, from->path, NULL, move->to_view, moved->to, NULL);
	node_moved_locked(m, from->id, to->id);
	for (uint32_t i = 0; i < from->n_entries; i++) {
		const struct entry *entry = folder_find(to, entry_name(from, &from->entries[i]));
		if (entry && entry->kind == ENTRY_VALUE)
			node_moved_locked(m, from->entries[i].id, entry->id);
	}
}

static int forget_folder(struct mount *m, const struct folder_move *move, const struct folder *folder)
{
	struct fact gone = vfs_fact(m, FACT_NO_FOLDER, folder, NULL, NULL, 0);
	int r = 0;

	for (uint32_t i = 0; r == 0 && view_layout(move->from_view)->item_is_key && i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[i];
		const char *name = entry_name(folder, entry);
		struct fact fact = vfs_fact(m, FACT_GONE, folder, name, name, 0);
		r = entry->kind == ENTRY_VALUE ? view_record_locked(move->from_view, &fact, true) : 0;
	}
	return r < 0 ? r : view_record_locked(move->from_view, &gone, true);
}

static int finish(struct mount *m, const struct folder_move *move)
{
	MOUNT_LOCKED(m);
	char *parent = strdup(move->folders[0].from->path), *slash = parent ? strrchr(parent, '/') : NULL;
	int r = parent ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < move->n_folders; i++)
		r = record_folder(m, move, &move->folders[i]);
	for (size_t i = 0; r == 0 && i < move->n_folders; i++)
		follow_folder(m, move, &move->folders[i]);
	for (size_t i = move->n_folders; r == 0 && i-- > 0;)
		r = forget_folder(m, move, move->folders[i].from);
	if (view_is_empty(move->from_view->current))
		move->from_view->kept = true;
	if (slash) {
		*slash = '\0';
		vfs_keep_emptied_locked(move->from_view, parent);
	}
	free(parent);
	return r;
}

int vfs_move_folder(struct mount *m, struct call *c, struct folder_move *move, struct error *e)
{
	struct error ignored = ERROR_NULL;
	int r = is_stored(move) ? send(m, c, move, e) : 0;

	if (r == 0)
		r = finish(m, move);
	/* The store moved the option as it was there, which may be newer than the picture. */
	if (r == 0 && !view_layout(move->to_view)->item_is_key &&
	    refresh_option(move->to_view, move->folders[0].to, &ignored) < 0)
		refresh_ask(move->to_view->source);
	return r;
}
