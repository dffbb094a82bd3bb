/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing: mkdir, mknod, unlink, rmdir. */
#include "fs/control.h"
#include "fs/document.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A failure that the caller is told of by errno is told as a sentence too. */
static int tell(struct mount *m, const struct call *c, int r, const struct error *e)
{
	if (r < 0 && e->number)
		mount_fail(m, c->name, e);
	return r;
}

/* NULL: every source is one store itself. */
static struct source *default_source(struct mount *m)
{
	const char *name = m->settings->default_source;

	for (size_t i = 0; i < m->n_sources; i++) {
		const struct source_settings *s = m->sources[i].settings;
		if (name ? strcmp(s->name, name) == 0 : !layout_of(s->layout)->one_store)
			return layout_of(s->layout)->one_store ? NULL : &m->sources[i];
	}
	return NULL;
}

static bool may_hold(const struct source *source, const char *store)
{
	char **stores = source->settings->stores;

	while (stores && *stores && strcmp(*stores, store) != 0)
		stores++;
	return !stores || *stores;
}

/* A new store is in memory until it has its first option: DynamoDB has no empty stores. */
static int make_store(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct source *source = default_source(m);
	char raw[FILE_NAME_MAX + 1];
	int len = name_decode(c->name, NAME_AT_ROOT, raw);

	if (strcmp(c->name, ".control") == 0 || view_find_locked(m, c->name))
		return -EEXIST;
	if (len < 0)
		return vfs_refuse_locked(m, c, EINVAL, VFS_NOT_A_NAME);
	if (settings_read_only(m->settings))
		return -EROFS;
	if (!source)
		return vfs_refuse_locked(
			m, c, EPERM,
			"a source with layout=path is one store: default-source= names one that holds more");
	if (!may_hold(source, raw))
		return vfs_refuse_locked(m, c, EPERM, "this mount is limited to the stores that stores= names");
	struct view *view = view_of_store_locked(source, raw, (size_t)len);
	if (!view)
		view = view_add_locked(source, raw, (size_t)len);
	if (!view)
		return -ENOMEM;
	view->kept = true;
	view->loaded = clock_mono(m->clock);
	view->loaded_wall = clock_wall(m->clock);
	view_set_gone_locked(view, false);
	/* The kernel made it itself, and somebody may be in it already. */
	view->announced = view->raised = true;
	vfs_attr_folder_locked(m, view, snapshot_folder(view->current, ""), &c->attr);
	return 0;
}

/* A folder that is to be made or removed. */
struct folder_place {
	struct view *view;
	char path[VFS_PATH_MAX];
	struct buf raw; /* its raw path */
};

#define FOLDER_PLACE_NULL ((struct folder_place){ .raw = BUF_INIT(2 * RAW_NAME_MAX) })

static void folder_place_deinit(struct folder_place *at)
{
	buf_deinit(&at->raw);
}

#define _folder_place_ __attribute__((cleanup(folder_place_deinit)))

static struct place place_of_folder(const struct folder_place *at)
{
	return (struct place){ .store = at->view->store,
			       .store_len = strlen(at->view->store),
			       .option = buf_text(&at->raw),
			       .option_len = at->raw.len };
}

static struct fact fact_of_folder(struct mount *m, enum fact_kind kind, const struct folder_place *at)
{
	return (struct fact){ .kind = kind,
			      .folder = (char *)at->path,
			      .folder_raw = (char *)buf_text(&at->raw),
			      .folder_raw_len = at->raw.len,
			      .wall = clock_wall(m->clock),
			      .since = clock_mono(m->clock) };
}

/* Folders that are no items are this mount's own business. */
static int may_change_folder(struct mount *m, struct call *c, const struct folder_place *at)
{
	c->strands[0] = vfs_strand(at->view, at->path);
	if (view_layout(at->view)->item_is_key)
		return settings_read_only(m->settings) ? -EROFS : 0;
	int r = vfs_may_change_locked(m, at->view, c);
	return r == 0 && !c->may_block ? CALL_BLOCKS : r;
}

static int begin_mkdir(struct mount *m, struct call *c, struct folder_place *at)
{
	MOUNT_LOCKED(m);
	struct target target;
	int r = vfs_target_locked(m, c, c->node, c->name, &target);

	if (r != 0)
		return r;
	if (target.entry)
		return -EEXIST;
	const char *why = layout_refusal(view_layout(target.view), target.folder->path, ENTRY_FOLDER);
	if (why)
		return vfs_refuse_locked(m, c, EPERM, why);
	if (target.raw_len < 0 || name_is_marked(c->name))
		return vfs_refuse_locked(m, c, EINVAL, VFS_NOT_A_NAME);
	if (!vfs_join(target.folder->path, c->name, at->path))
		return -ENAMETOOLONG;
	at->view = target.view;
	buf_append(&at->raw, target.folder->raw_path, target.folder->raw_path_len);
	if (at->raw.len > 0)
		buf_char(&at->raw, '/');
	buf_append(&at->raw, target.raw, (size_t)target.raw_len);
	return buf_error(&at->raw) < 0 ? -ENOMEM : may_change_folder(m, c, at);
}

static int folder_made(struct mount *m, struct call *c, const struct folder_place *at)
{
	MOUNT_LOCKED(m);
	const struct layout *layout = view_layout(at->view);
	struct fact fact = fact_of_folder(m, FACT_FOLDER, at);

	/* In memory until its first key. */
	if (layout->item_is_key)
		fact.since = INT64_MAX;
	int r = view_record_locked(at->view, &fact, true);
	const struct folder *made = snapshot_folder(at->view->current, at->path);

	at->view->kept = at->view->kept && !made;
	if (r == 0 && made)
		vfs_attr_folder_locked(m, at->view, made, &c->attr);
	return r;
}

static int make_in_control(struct mount *m, struct call *c)
{
	struct error e = ERROR_NULL;
	int r = control_mkdir(m, c->node, c->name, c->may_block, &e);

	if (r != 0)
		return r < 0 ? tell(m, c, r, &e) : r;
	MOUNT_LOCKED(m);
	return control_lookup_locked(m, c->node, c->name, &c->attr);
}

static bool is_control(struct mount *m, uint64_t node)
{
	MOUNT_LOCKED(m);

	return where_locked(m, node).kind == WHERE_CONTROL;
}

int vfs_mkdir(struct mount *m, struct call *c)
{
	_folder_place_ struct folder_place at = FOLDER_PLACE_NULL;
	struct error e = ERROR_NULL;

	if (vfs_is_top(m, c->node))
		return make_store(m, c);
	if (is_control(m, c->node))
		return make_in_control(m, c);
	int r = begin_mkdir(m, c, &at);
	if (r != 0)
		return r;
	struct change change = { .kind = CHANGE_MKDIR, .to = place_of_folder(&at) };
	if (!view_layout(at.view)->item_is_key)
		r = vfs_apply(m, c, at.view, &change, &e);
	if (r == -EEXIST)
		refresh_ask(at.view->source);
	return r < 0 ? tell(m, c, r, &e) : folder_made(m, c, &at);
}

/* mknod(2) of a regular file: created as open(O_CREAT|O_EXCL) and close do, at once. */
int vfs_mknod(struct mount *m, struct call *c)
{
	if (!S_ISREG(c->mode))
		return -EPERM;
	c->flags = O_WRONLY | O_CREAT | O_EXCL;
	if (!c->begun) {
		int r = vfs_create(m, c);
		if (r != 0)
			return r;
		c->begun = true;
	}
	int r = vfs_release(m, c);
	if (r != 0)
		return r;
	MOUNT_LOCKED(m);
	return vfs_attr_locked(m, c->attr.id, &c->attr) < 0 ? -EIO : 0;
}

/* The key is gone for everybody. */
static void forget_key(struct mount *m, struct call *c, const struct target *target)
{
	struct fact fact = vfs_fact(m, FACT_GONE, target->folder, c->name, target->raw, 0);

	/* What replaces a file by removing it first means the same key. */
	fact.type = (enum value_type)target->entry->type;
	fact.typed = true;
	node_unlinked_locked(m, target->entry->id);
	view_record_locked(target->view, &fact, true);
}

/* What has to be removed from the store. */
struct removal {
	struct target target;
	struct folder *folder; /* keeps the names alive while the lock is not held */
	struct place place;
	char *parked; /* the old name of a key that was renamed away, as a file and raw */
	char *raw;
};

static void removal_deinit(struct removal *removal)
{
	folder_unref(removal->folder);
	free(removal->parked);
	free(removal->raw);
}

/* A key renamed away is in the store under its old name: that is what goes. */
static int place_of_parked(struct removal *removal, const struct fact *fact)
{
	char raw[FILE_NAME_MAX + 1];
	int len = vfs_decode(removal->target.view, removal->folder->path, fact->parked, raw);

	removal->parked = strdup(fact->parked);
	removal->raw = len < 0 ? NULL : malloc((size_t)len + 1);
	if (!removal->parked || !removal->raw)
		return -ENOMEM;
	memcpy(removal->raw, raw, (size_t)len + 1);
	removal->place.key = removal->raw;
	removal->place.key_len = (size_t)len;
	return 0;
}

/* 0: `removal` is to be applied; 1: it was in memory and is gone; -errno, CALL_BLOCKS, CALL_PARKED. */
static int begin_unlink(struct mount *m, struct call *c, struct removal *removal, bool *done)
{
	MOUNT_LOCKED(m);
	struct target *target = &removal->target;
	size_t len;
	int r = vfs_target_locked(m, c, c->node, c->name, target);

	if (r != 0)
		return r;
	if (!target->entry)
		return document_find(c->name) == DOCUMENTS ? -ENOENT : -EPERM;
	if (target->entry->kind == ENTRY_FOLDER)
		return -EISDIR;
	const struct fact *fact = view_fact_locked(target->view, target->folder->path, c->name);
	c->strands[0] = vfs_strand(target->view, target->folder->path);
	if (!c->may_block && (vfs_is_committing_locked(m, target) || (fact && fact->storing)))
		return CALL_BLOCKS;
	*done = (vfs_is_new(fact) || vfs_is_temporary(fact)) && !vfs_is_parked(fact);
	if (*done) {
		node_unlinked_locked(m, target->entry->id);
		removal->folder = folder_ref(target->folder);
		view_forget_locked(target->view, removal->folder->path, c->name, true);
		vfs_keep_emptied_locked(target->view, removal->folder->path);
		return 0;
	}
	r = vfs_may_change_locked(m, target->view, c);
	if (r == 0 && !c->may_block)
		return CALL_BLOCKS;
	removal->folder = folder_ref(target->folder);
	const char *raw = entry_raw(target->folder, target->entry, &len);
	removal->place = vfs_place(target->view, target->folder, raw, len);
	return r == 0 && vfs_is_parked(fact) ? place_of_parked(removal, fact) : r;
}

int vfs_unlink(struct mount *m, struct call *c)
{
	__attribute__((cleanup(removal_deinit))) struct removal removal = { 0 };
	struct error e = ERROR_NULL;
	bool done = false;

	if (vfs_is_top(m, c->node))
		return -EPERM;
	int r = begin_unlink(m, c, &removal, &done);
	if (r != 0 || done)
		return r;
	struct change change = { .kind = CHANGE_REMOVE, .from = removal.place };
	r = vfs_apply(m, c, removal.target.view, &change, &e);
	if (r < 0 && r != -ENOENT)
		return tell(m, c, r, &e);
	MOUNT_LOCKED(m);
	struct target *target = &removal.target;
	if (vfs_target_locked(m, c, c->node, c->name, target) == 0 && target->entry)
		forget_key(m, c, target);
	vfs_keep_emptied_locked(removal.target.view, removal.folder->path);
	if (removal.parked)
		vfs_unhide_locked(removal.target.view, removal.folder->path, removal.parked);
	return r;
}

/* A store without options is in memory only. */
static int remove_store(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct view *view = view_find_locked(m, c->name);

	if (!view)
		return strcmp(c->name, ".control") == 0 ? -EPERM : -ENOENT;
	if (settings_read_only(m->settings))
		return -EROFS;
	int r = vfs_view_ready_locked(view);
	if (r != 0)
		return r;
	if (view_layout(view)->one_store)
		return vfs_refuse_locked(m, c, EPERM, "this directory is a source of the mount");
	if (!view_is_empty(view->current))
		return -ENOTEMPTY;
	view->kept = false;
	view_set_gone_locked(view, true);
	view->announced = view->raised = false;
	return 0;
}

static int begin_rmdir(struct mount *m, struct call *c, struct folder_place *at)
{
	MOUNT_LOCKED(m);
	struct target target;
	int r = vfs_target_locked(m, c, c->node, c->name, &target);

	if (r != 0)
		return r;
	if (!target.entry)
		return -ENOENT;
	if (target.entry->kind != ENTRY_FOLDER)
		return -ENOTDIR;
	bool fits = vfs_join(target.folder->path, c->name, at->path);
	const struct folder *folder = fits ? snapshot_folder(target.view->current, at->path) : NULL;
	if (!folder || folder->n_entries > 0)
		return -ENOTEMPTY;
	at->view = target.view;
	buf_append(&at->raw, folder->raw_path, folder->raw_path_len);
	return buf_error(&at->raw) < 0 ? -ENOMEM : may_change_folder(m, c, at);
}

static void folder_gone(struct mount *m, struct folder_place *at)
{
	MOUNT_LOCKED(m);
	struct fact fact = fact_of_folder(m, FACT_NO_FOLDER, at);
	char *slash = strrchr(at->path, '/');

	view_record_locked(at->view, &fact, true);
	/* Emptied here, the store, or the directory above, stays until somebody removes it too. */
	if (view_is_empty(at->view->current))
		at->view->kept = true;
	if (slash) {
		*slash = '\0';
		vfs_keep_emptied_locked(at->view, at->path);
	}
}

int vfs_rmdir(struct mount *m, struct call *c)
{
	_folder_place_ struct folder_place at = FOLDER_PLACE_NULL;
	struct error e = ERROR_NULL;

	if (vfs_is_top(m, c->node))
		return remove_store(m, c);
	int r = begin_rmdir(m, c, &at);
	if (r != 0)
		return r;
	struct change change = { .kind = CHANGE_RMDIR, .from = place_of_folder(&at) };
	if (!view_layout(at.view)->item_is_key)
		r = vfs_apply(m, c, at.view, &change, &e);
	if (r == -ENOTEMPTY)
		refresh_ask(at.view->source);
	if (r < 0 && r != -ENOENT)
		return tell(m, c, r, &e);
	folder_gone(m, &at);
	return r;
}
