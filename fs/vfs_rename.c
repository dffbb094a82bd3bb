/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renaming. Programs that replace a file safely write it under a temporary name and rename it over the key; editors
 * rename the key to a backup first. Both come to one update of the key here: what has a temporary name is in memory,
 * and a key that goes under one stays in the store ("parked") until its name is taken again. The rest is one
 * conditional update or transaction.
 */
#include "fs/document.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum how {
	RENAME_IN_MEMORY, /* neither name is in the store */
	RENAME_PARK,      /* the key stays in the store under its old name for now */
	RENAME_UNPARK,    /* and is back under it */
	RENAME_PUT,       /* from memory onto a key: the store sees a write */
	RENAME_STORED,    /* the store renames */
};

/* Both names resolved, and what travels; copies, for the lock is dropped meanwhile. */
struct move {
	struct target from, to;
	enum how how;
	struct folder *from_folder, *to_folder;
	const struct entry *entry;
	enum value_type type; /* of the key afterwards */
	struct buf bytes;     /* as it will be shown */
	char *parked;
	struct folder_move *tree; /* a folder that moves, and then nothing above */
};

#define MOVE_NULL ((struct move){ .bytes = BUF_INIT((size_t)4 * ITEM_SIZE_MAX) })

static void move_deinit(struct move *move)
{
	folder_unref(move->from_folder);
	folder_unref(move->to_folder);
	buf_deinit(&move->bytes);
	free(move->parked);
	vfs_move_folder_free(move->tree);
}

static enum how how_to_move(const struct call *c, const struct move *move, const struct fact *fact)
{
	const struct target *from = &move->from, *to = &move->to;
	const struct fact *over = view_fact_locked(to->view, to->folder->path, c->new_name);
	bool same_folder = from->view == to->view && strcmp(from->folder->path, to->folder->path) == 0;
	char raw[FILE_NAME_MAX + 1];
	bool onto_stored = to->entry && !(to->entry->flags & ENTRY_MEMORY);

	if (vfs_is_parked(fact))
		return same_folder && !to->entry && strcmp(fact->parked, c->new_name) == 0 ? RENAME_UNPARK
											   : RENAME_STORED;
	bool taken = onto_stored || vfs_is_parked(over) || vfs_backup_locked(to->view, to->folder->path, c->new_name);
	if (vfs_is_temporary(fact))
		return name_is_temporary(c->new_name) && !taken ? RENAME_IN_MEMORY : RENAME_PUT;
	if (vfs_is_new(fact))
		return to->entry ? RENAME_PUT : RENAME_IN_MEMORY;
	/* An alias does not tell under which name the store holds the key. */
	bool nameable = vfs_decode(from->view, from->folder->path, c->name, raw) >= 0;
	return same_folder && nameable && !to->entry && !taken && name_is_temporary(c->new_name) ? RENAME_PARK
												 : RENAME_STORED;
}

static int check_ends(const struct call *c, const struct move *move)
{
	const struct target *from = &move->from, *to = &move->to;

	if (document_find(c->name) != DOCUMENTS || document_find(c->new_name) != DOCUMENTS)
		return -EPERM;
	if (!from->entry)
		return -ENOENT;
	if (from->view->source != to->view->source)
		return -EXDEV;
	if (to->entry && (c->flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (to->entry && from->entry->kind != to->entry->kind)
		return from->entry->kind == ENTRY_FOLDER ? -ENOTDIR : -EISDIR;
	if (layout_refusal(view_layout(to->view), to->folder->path, (enum entry_kind)from->entry->kind))
		return -EPERM;
	if (from->entry->kind == ENTRY_FOLDER && name_is_marked(c->new_name))
		return -EINVAL;
	return to->entry || to->raw_len >= 0 ? 0 : -EINVAL;
}

static int resolve(struct mount *m, struct call *c, struct move *move)
{
	int r = vfs_target_locked(m, c, c->node, c->name, &move->from);

	if (r == 0)
		r = vfs_target_locked(m, c, c->new_node, c->new_name, &move->to);
	/* The second look-up may have dropped the lock. */
	if (r == 0)
		r = vfs_target_locked(m, c, c->node, c->name, &move->from);
	return r != 0 ? r : check_ends(c, move);
}

/* What the key will hold: the bytes of the source, as the type of the key that is replaced. */
static int convert(struct move *move, const struct fact *parked_here, struct error *e)
{
	const struct target *from = &move->from, *to = &move->to;
	const char *bytes = entry_value(from->folder, from->entry);
	bool keeps = to->entry && !(to->entry->flags & ENTRY_MEMORY);

	move->type = (enum value_type)from->entry->type;
	if (view_layout(to->view)->strings)
		move->type = VALUE_S;
	else if (keeps)
		move->type = (enum value_type)to->entry->type;
	else if (parked_here)
		move->type = parked_here->type;
	else if ((from->entry->flags & ENTRY_MEMORY) && !move->parked)
		move->type = value_type_of_new(bytes, from->entry->value_len);
	int r = value_normalize(&move->type, bytes, from->entry->value_len, &move->bytes, e);
	return r == 0 && buf_error(&move->bytes) < 0 ? error_no_memory(e) : r;
}

static int begin_value(struct mount *m, struct call *c, struct move *move, struct error *e)
{
	const struct fact *fact = view_fact_locked(move->from.view, move->from.folder->path, c->name);

	c->strands[0] = vfs_strand(move->from.view, move->from.folder->path);
	c->strands[1] = vfs_strand(move->to.view, move->to.folder->path);
	if (!c->may_block && (vfs_is_committing_locked(m, &move->from) || (fact && fact->storing)))
		return CALL_BLOCKS;
	move->how = how_to_move(c, move, fact);
	if (fact && fact->parked) {
		move->parked = strdup(fact->parked);
		if (!move->parked)
			return error_no_memory(e);
	}
	int r = convert(move, vfs_backup_locked(move->to.view, move->to.folder->path, c->new_name), e);
	if (r < 0)
		return r;
	move->from_folder = folder_ref(move->from.folder);
	move->to_folder = folder_ref(move->to.folder);
	move->entry = move->from.entry;
	if (move->how == RENAME_PUT || move->how == RENAME_STORED) {
		r = vfs_may_change_locked(m, move->to.view, c);
		return r == 0 && !c->may_block ? CALL_BLOCKS : r;
	}
	return settings_read_only(m->settings) ? -EROFS : 0;
}

/* The raw name that the key has, or will have, at the target. */
static const char *target_raw(const struct move *move, size_t *len)
{
	if (move->to.entry)
		return entry_raw(move->to_folder, move->to.entry, len);
	*len = (size_t)move->to.raw_len;
	return move->to.raw;
}

static int send_value(struct mount *m, struct call *c, const struct move *move, struct error *e)
{
	char parked[FILE_NAME_MAX + 1];
	size_t from_len, to_len;
	const char *from = entry_raw(move->from_folder, move->entry, &from_len);
	const char *to = target_raw(move, &to_len);

	if (move->parked) {
		int len = vfs_decode(move->from.view, move->from_folder->path, move->parked, parked);
		if (len < 0)
			return error_set(e, ESTALE, "the key that this file is a backup of cannot be named any more");
		from = parked;
		from_len = (size_t)len;
	}
	struct change change = {
		.kind = move->how == RENAME_PUT ? CHANGE_PUT : CHANGE_RENAME,
		.from = vfs_place(move->from.view, move->from_folder, from, from_len),
		.to = vfs_place(move->to.view, move->to_folder, to, to_len),
		.value = { .type = move->type, .bytes = buf_text(&move->bytes), .len = move->bytes.len },
		.expect = (c->flags & RENAME_NOREPLACE) ? EXPECT_ABSENT : EXPECT_ANY,
		.expected = { .type = (enum value_type)move->entry->type,
			      .bytes = entry_value(move->from_folder, move->entry),
			      .len = move->entry->value_len },
	};
	return vfs_apply(m, c, move->to.view, &change, e);
}

/* The facts of a rename: first the key at its new place, then none at the old one. */
static int record_target(struct mount *m, struct call *c, const struct move *move, const struct fact *before)
{
	size_t len;
	const char *raw = target_raw(move, &len);
	struct fact fact = vfs_fact(m, FACT_VALUE, move->to_folder, c->new_name, raw, len);
	bool same = move->bytes.len == move->entry->value_len &&
		    memcmp(buf_text(&move->bytes), entry_value(move->from_folder, move->entry), move->bytes.len) == 0;

	fact.type = move->type;
	fact.bytes = (char *)buf_text(&move->bytes);
	fact.len = move->bytes.len;
	fact.mtime = move->entry->mtime;
	if (move->how == RENAME_IN_MEMORY) {
		fact.since = INT64_MAX;
		fact.store_at = before ? before->store_at : 0;
	} else if (move->how == RENAME_PARK) {
		fact.store_at = fact.since + FACT_TEMPORARY;
		fact.since = INT64_MAX;
		fact.parked = c->name;
	}
	return view_record_locked(move->to.view, &fact, same);
}

static void record_source(struct mount *m, struct call *c, const struct move *move)
{
	struct fact gone = vfs_fact(m, FACT_GONE, move->from_folder, c->name, c->name, 0);

	/* A key in the store whose name is not shown stays hidden for as long as it is parked. */
	if (move->how == RENAME_PARK)
		gone.since = INT64_MAX;
	view_record_locked(move->from.view, &gone, true);
	if (move->how != RENAME_STORED && move->how != RENAME_PARK)
		view_forget_locked(move->from.view, move->from_folder->path, c->name, true);
}

static uint64_t natural_at(const struct view *view, const char *folder_path, const char *name)
{
	const struct folder *folder = snapshot_folder(view->current, folder_path);
	const struct entry *entry = folder ? folder_find(folder, name) : NULL;

	return entry ? entry->id : 0;
}

static int finish_value(struct mount *m, struct call *c, const struct move *move)
{
	MOUNT_LOCKED(m);
	const char *from_path = move->from_folder->path, *to_path = move->to_folder->path;
	const struct fact *before = view_fact_locked(move->from.view, from_path, c->name);
	uint64_t replaced = natural_at(move->to.view, to_path, c->new_name);

	uint64_t replaced_id = replaced ? node_shown_locked(m, replaced) : 0;
	if (replaced)
		node_unlinked_locked(m, replaced);
	/* What the store was sent is the whole file: a truncation of it is done. */
	struct node *node = node_find_locked(m, node_shown_locked(m, move->entry->id));
	if (node && move->how == RENAME_PUT)
		node->changes++;
	int r = record_target(m, c, move, before);
	if (r < 0)
		return r;
	node_follow_locked(m, move->from.view, from_path, c->name, move->to.view, to_path, c->new_name);
	uint64_t natural = natural_at(move->to.view, to_path, c->new_name);
	node_moved_locked(m, move->entry->id, natural);
	if (replaced_id)
		node_replaced_locked(m, replaced_id, natural);
	record_source(m, c, move);
	if (move->parked)
		vfs_unhide_locked(move->from.view, from_path, move->parked);
	vfs_unpark_locked(move->to.view, to_path, c->new_name);
	vfs_keep_emptied_locked(move->from.view, from_path);
	return 0;
}

static int rename_value(struct mount *m, struct call *c, struct move *move, struct error *e)
{
	int r = 0;

	if (move->how == RENAME_PUT || move->how == RENAME_STORED)
		r = send_value(m, c, move, e);
	return r < 0 ? r : finish_value(m, c, move);
}

static int begin(struct mount *m, struct call *c, struct move *move, struct error *e)
{
	MOUNT_LOCKED(m);
	int r = resolve(m, c, move);

	if (r != 0)
		return r;
	if (move->from.entry->kind == ENTRY_FOLDER)
		return vfs_move_folder_begin_locked(c, &move->from, &move->to, &move->tree);
	return begin_value(m, c, move, e);
}

/* What was written to a file in memory, and not closed yet, goes along. On the thread that also releases handles. */
static void commit_source(struct mount *m, struct call *c)
{
	struct target from;
	struct handle *h = NULL;

	mount_lock(m);
	if (vfs_target_locked(m, c, c->node, c->name, &from) == 0 && from.entry &&
	    vfs_is_temporary(view_fact_locked(from.view, from.folder->path, c->name))) {
		struct node *node = node_find_locked(m, from.shown);
		for (h = node ? node->handles : NULL; h && (vfs_commit_blocks_locked(h) || !handle_release_commits(h));)
			h = h->next;
	}
	pthread_mutex_unlock(&m->lock);
	if (h)
		vfs_commit(m, c, h);
}

/* A key that is parked under the new name goes for good: the store has to know it under that name. */
static int replace_backup(struct mount *m, struct call *c)
{
	struct target to;

	mount_lock(m);
	int r = vfs_target_locked(m, c, c->new_node, c->new_name, &to);
	char *folder = r == 0 && vfs_is_parked(view_fact_locked(to.view, to.folder->path, c->new_name))
			       ? strdup(to.folder->path)
			       : NULL;
	c->strands[0] = c->strands[1] = folder ? vfs_strand(to.view, folder) : 0;
	pthread_mutex_unlock(&m->lock);
	if (folder)
		r = c->may_block ? vfs_store_backup(to.view, folder, c->new_name) : CALL_BLOCKS;
	free(folder);
	return r;
}

/* Stores move by being copied: they may have any number of options. */
static int rename_at_root(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);

	if (c->node != ROOT_ID || c->new_node != ROOT_ID || strcmp(c->name, ".control") == 0)
		return -EPERM;
	return view_find_locked(m, c->name) ? -EXDEV : -ENOENT;
}

int vfs_rename(struct mount *m, struct call *c)
{
	__attribute__((cleanup(move_deinit))) struct move move = MOVE_NULL;
	struct error e = ERROR_NULL;

	if (c->flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	if (vfs_is_top(m, c->node) || vfs_is_top(m, c->new_node))
		return rename_at_root(m, c);
	if (!c->may_block)
		commit_source(m, c);
	int r = replace_backup(m, c);
	if (r == 0)
		r = begin(m, c, &move, &e);
	if (r == 0)
		r = move.tree ? vfs_move_folder(m, c, move.tree, &e) : rename_value(m, c, &move, &e);
	if (r < 0 && e.number)
		mount_fail(m, c->new_name, &e);
	return r;
}
