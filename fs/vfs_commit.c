/* SPDX-License-Identifier: Apache-2.0 */
/* Committing: one atomic update of one attribute for each commit, conditional wherever a byte of it may come from the
 * old value. */
#include "fs/vfs_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One value on its way to the store: copies, for the lock is not held while it travels. */
struct commit {
	struct view *view;
	char *folder, *option;
	size_t option_len;
	char *name, *raw;
	size_t raw_len;
	struct buf bytes; /* as written, then as a load will show them */
	enum value_type type;
	enum expect_kind expect;
	struct buf base;
	enum value_type base_type;
	bool memory; /* a file with a temporary name: committed to memory */
	bool backup; /* a key renamed away, which the store still holds under its old name */
};

enum { COMMIT_BYTES_MAX = 4 * ITEM_SIZE_MAX };

#define COMMIT_NULL ((struct commit){ .bytes = BUF_INIT(COMMIT_BYTES_MAX), .base = BUF_INIT(COMMIT_BYTES_MAX) })

static void commit_deinit(struct commit *commit)
{
	free(commit->folder);
	free(commit->option);
	free(commit->name);
	free(commit->raw);
	buf_deinit(&commit->bytes);
	buf_deinit(&commit->base);
}

static char *copy(const char *bytes, size_t len)
{
	char *to = malloc(len + 1);

	if (to) {
		memcpy(to, bytes, len);
		to[len] = '\0';
	}
	return to;
}

/* Where the value goes. What the picture has lost meanwhile is named by its path, and the store decides. */
static int commit_place(struct commit *commit, struct view *view, const char *folder_path, const char *name,
			struct error *e)
{
	const struct folder *folder = snapshot_folder(view->current, folder_path);
	const struct entry *entry = folder ? folder_find(folder, name) : NULL;
	char decoded[FILE_NAME_MAX + 1];
	size_t len = 0;

	if (!folder)
		return error_set(e, ESTALE, "the option was removed meanwhile: create it again, then write");
	const char *raw = entry ? entry_raw(folder, entry, &len) : decoded;
	if (!entry) {
		int r = vfs_decode(view, folder_path, name, decoded);
		if (r < 0)
			return error_set(e, ESTALE, "the key was removed meanwhile: create it again, then write");
		len = (size_t)r;
	}
	commit->view = view;
	commit->memory = vfs_is_temporary(view_fact_locked(view, folder_path, name));
	commit->backup = vfs_is_parked(view_fact_locked(view, folder_path, name));
	commit->folder = strdup(folder_path);
	commit->option = copy(folder->raw_path, folder->raw_path_len);
	commit->option_len = folder->raw_path_len;
	commit->name = strdup(name);
	commit->raw = copy(raw, len);
	commit->raw_len = len;
	if (!commit->folder || !commit->option || !commit->name || !commit->raw)
		return error_no_memory(e);
	return 0;
}

static bool fits(enum value_type type, const struct buf *bytes)
{
	_buf_cleanup_ struct buf ignored = BUF_INIT(COMMIT_BYTES_MAX);

	return value_normalize(&type, buf_text(bytes), bytes->len, &ignored, NULL) == 0;
}

/* The type that the value keeps: the key's, one that setfattr chose, that of a key renamed away from here. */
static enum value_type type_to_keep(struct mount *m, const struct view *view, const char *folder_path, const char *name,
				    const struct buf *bytes)
{
	const struct folder *folder = snapshot_folder(view->current, folder_path);
	const struct entry *entry = folder ? folder_find(folder, name) : NULL;
	const struct fact *fact = view_fact_locked((struct view *)view, folder_path, name);
	const struct fact *replaced = vfs_is_new(fact) && fact->replaces ? fact : NULL;

	if (view_layout(view)->strings)
		return VALUE_S;
	int chosen = entry && bytes->len > 0 ? vfs_chosen_type_locked(m, entry) : -1;

	if (chosen >= 0)
		return (enum value_type)chosen;
	if (entry && (!(entry->flags & ENTRY_MEMORY) || vfs_is_parked(fact)))
		return (enum value_type)entry->type;
	const struct fact *backup = vfs_backup_locked(view, folder_path, name);
	if (backup)
		return backup->type;
	if (replaced && fits(replaced->type, bytes))
		return replaced->type;
	return value_type_of_new(buf_text(bytes), bytes->len);
}

static int commit_of_handle(struct mount *m, const struct handle *h, struct commit *commit, struct error *e)
{
	const struct node *node = h->node;
	int r = commit_place(commit, node->view, node->folder, node->name, e);

	if (r < 0)
		return r;
	buf_append(&commit->bytes, buf_text(&h->work), h->work.len);
	commit->type = type_to_keep(m, node->view, node->folder, node->name, &commit->bytes);
	commit->bytes.len = value_stored_length(commit->type, h->newline, buf_text(&h->work), h->work.len);
	if (h->derived && h->has_base) {
		commit->expect = EXPECT_VALUE;
		commit->base_type = h->base_type;
		buf_append(&commit->base, buf_text(&h->base), h->base.len);
	} else if (h->exclusive && vfs_is_new(view_fact_locked(node->view, node->folder, node->name)) &&
		   !vfs_backup_locked(node->view, node->folder, node->name)) {
		/* Nobody else may have made it meanwhile; it may be stored already, or have replaced a key. */
		commit->expect = EXPECT_ABSENT;
	}
	return buf_error(&commit->bytes) < 0 || buf_error(&commit->base) < 0 ? error_no_memory(e) : 0;
}

/* As written → as stored. */
static int normalize(struct commit *commit, struct error *e)
{
	struct buf stored = BUF_INIT(COMMIT_BYTES_MAX);
	int r = value_normalize(&commit->type, buf_text(&commit->bytes), commit->bytes.len, &stored, e);

	if (r == 0 && buf_error(&stored) < 0)
		r = error_set(e, EFBIG, "the value is larger than an item may be (400 KB)");
	if (r < 0) {
		buf_deinit(&stored);
		return r;
	}
	buf_deinit(&commit->bytes);
	commit->bytes = stored;
	return 0;
}

static int send(struct mount *m, struct call *c, const struct commit *commit, struct error *e)
{
	struct change change = {
		.kind = CHANGE_PUT,
		.to = { commit->view->store, commit->option, commit->raw, strlen(commit->view->store),
			commit->option_len, commit->raw_len },
		.value = { .type = commit->type, .bytes = buf_text(&commit->bytes), .len = commit->bytes.len },
		.expect = commit->expect,
		.expected = { .type = commit->base_type, .bytes = buf_text(&commit->base), .len = commit->base.len },
	};

	return vfs_apply(m, c, commit->view, &change, e);
}

/* What was stored is what this mount shows from here on. */
static int record(struct mount *m, const struct commit *commit)
{
	const struct folder *folder = snapshot_folder(commit->view->current, commit->folder);
	const struct entry *entry = folder ? folder_find(folder, commit->name) : NULL;
	struct node *node = entry ? node_find_locked(m, node_shown_locked(m, entry->id)) : NULL;
	const struct fact *memory =
		commit->memory ? view_fact_locked(commit->view, commit->folder, commit->name) : NULL;
	struct fact fact = {
		.kind = FACT_VALUE,
		.folder = commit->folder,
		.folder_raw = commit->option,
		.folder_raw_len = commit->option_len,
		.name = commit->name,
		.raw = commit->raw,
		.raw_len = commit->raw_len,
		.type = commit->type,
		.bytes = commit->bytes.data ? commit->bytes.data : (char *)"",
		.len = commit->bytes.len,
		.wall = clock_wall(m->clock),
		.since = memory ? memory->since : clock_mono(m->clock),
		.store_at = memory ? memory->store_at : 0,
		.parked = memory ? memory->parked : NULL,
	};

	if (node)
		node->changes++;
	/* Its own write made the kernel forget size and time, and with them its pages; but not under a reader. */
	return view_record_locked(commit->view, &fact, !node_is_read(node));
}

bool vfs_commit_blocks_locked(const struct handle *h)
{
	const struct node *node = h->node;

	if (!handle_release_commits(h) || node->unlinked || (h->truncated && h->changes != node->changes))
		return false;
	const struct fact *fact = view_fact_locked(node->view, node->folder, node->name);
	return !vfs_is_temporary(fact) || fact->storing || fact->parked;
}

/* What there is to commit: 0 and `commit` filled, 1 when there is nothing. */
static int begin(struct mount *m, struct handle *h, struct commit *commit, uint64_t *version, struct error *e)
{
	MOUNT_LOCKED(m);

	if (!handle_release_commits(h))
		return 1;
	/* A removed file has nowhere to go; a mere truncation gives way to what was done to the key since. */
	if (h->node->unlinked || (h->truncated && h->changes != h->node->changes)) {
		h->pending = false;
		return 1;
	}
	struct where where = where_locked(m, h->node->id);
	if (where.kind == WHERE_VALUE)
		handle_rebase(h, (enum value_type)where.entry->type, entry_value(where.folder, where.entry),
			      where.entry->value_len);
	*version = h->version;
	return commit_of_handle(m, h, commit, e);
}

/* The store first, then the picture; `e` on failure. */
static int commit_to(struct mount *m, struct call *c, struct commit *commit, struct error *e)
{
	int r = normalize(commit, e);

	/* The store learns the new name first, or it would keep the old value under the old one. */
	if (r == 0 && commit->backup) {
		commit->memory = false;
		if (vfs_store_backup(commit->view, commit->folder, commit->name) < 0)
			r = error_set(e, EBUSY,
				      "the key that was renamed to this name could not be renamed in the store");
	}
	if (r == 0 && !commit->memory)
		r = send(m, c, commit, e);
	if (r < 0)
		return r;
	MOUNT_LOCKED(m);
	vfs_unpark_locked(commit->view, commit->folder, commit->name);
	vfs_reported_locked(commit->view, commit->folder, commit->name);
	return record(m, commit) < 0 ? error_no_memory(e) : 0;
}

static void failed(struct mount *m, struct handle *h, int r, const struct error *e)
{
	MOUNT_LOCKED(m);
	struct node *node = h->node;

	handle_commit_failed(h, r);
	vfs_unreported_locked(node->view, node->folder, node->name, e);
	/* A key that could not be created is not there. */
	if (!node->unlinked && vfs_is_new(view_fact_locked(node->view, node->folder, node->name))) {
		view_forget_locked(node->view, node->folder, node->name, false);
		vfs_keep_emptied_locked(node->view, node->folder);
	}
}

int vfs_commit(struct mount *m, struct call *c, struct handle *h)
{
	__attribute__((cleanup(commit_deinit))) struct commit commit = COMMIT_NULL;
	struct error e = ERROR_NULL;
	uint64_t version = 0;
	if (h->document) {
		int done = vfs_document_commit(m, c, h, &e);
		if (done < 0)
			failed(m, h, done, &e);
		return done;
	}
	int r = begin(m, h, &commit, &version, &e);
	if (r > 0)
		return 0;
	if (r == 0)
		r = commit_to(m, c, &commit, &e);
	if (r < 0) {
		failed(m, h, r, &e);
		return r;
	}
	MOUNT_LOCKED(m);
	handle_committed(h, version, commit.type, buf_text(&commit.bytes), commit.bytes.len);
	h->changes = h->node->changes;
	return 0;
}

/* The value of a closed file, cut or filled to a size. */
static int commit_of_size(struct mount *m, struct call *c, struct commit *commit, struct error *e)
{
	MOUNT_LOCKED(m);
	struct where where = where_locked(m, c->node);

	if (where.kind != WHERE_VALUE)
		return error_set(e, ESTALE, "the key was removed meanwhile");
	int r = commit_place(commit, where.view, where.folder->path, entry_name(where.folder, where.entry), e);
	if (r < 0)
		return r;
	c->strands[0] = vfs_strand(where.view, where.folder->path);
	size_t size = (size_t)c->wish.size, old = where.entry->value_len;
	const char *bytes = entry_value(where.folder, where.entry);
	commit->type = (enum value_type)where.entry->type;
	commit->base_type = commit->type;
	commit->expect = size > 0 ? EXPECT_VALUE : EXPECT_ANY;
	buf_append(&commit->base, bytes, old);
	buf_append(&commit->bytes, bytes, size < old ? size : old);
	if (size > old) {
		char *room = buf_reserve(&commit->bytes, size - old);
		if (room)
			memset(room, 0, size - old);
		commit->bytes.len += room ? size - old : 0;
	}
	return buf_error(&commit->bytes) < 0 ? error_set(e, EFBIG, "an item holds 400 KB in all") : 0;
}

static int await_readers(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct where where = where_locked(m, c->node);

	return where.kind == WHERE_VALUE ? vfs_wait_for_readers_locked(m, c, &where) : 0;
}

int vfs_truncate_closed(struct mount *m, struct call *c)
{
	__attribute__((cleanup(commit_deinit))) struct commit commit = COMMIT_NULL;
	struct error e = ERROR_NULL;
	if (id_is_document(c->node))
		return -EINVAL;
	if (!c->may_block && await_readers(m, c) != 0)
		return CALL_PARKED;
	int r = c->wish.size > ITEM_SIZE_MAX ? error_set(&e, EFBIG, "an item holds 400 KB in all") : 0;

	if (r == 0)
		r = commit_of_size(m, c, &commit, &e);
	if (r == 0 && (!commit.memory || commit.backup) && !c->may_block)
		return CALL_BLOCKS;
	if (r == 0)
		r = commit_to(m, c, &commit, &e);
	if (r < 0)
		mount_fail(m, commit.name ? commit.name : "truncate", &e);
	return r;
}
