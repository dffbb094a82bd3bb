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

static struct source *default_source(struct mount *m)
{
	for (size_t i = 0; m->settings->default_source && i < m->n_sources; i++) {
		if (strcmp(m->sources[i].settings->name, m->settings->default_source) == 0)
			return &m->sources[i];
	}
	return &m->sources[0];
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

static int may_make_option(struct mount *m, struct call *c, struct target *target)
{
	int r = vfs_target_locked(m, c, c->node, c->name, target);

	if (r != 0)
		return r;
	if (target->entry)
		return -EEXIST;
	if (target->folder->path[0] != '\0')
		return vfs_refuse_locked(m, c, EPERM,
					 "an option has no directories: stores hold options, options keys");
	if (target->raw_len < 0)
		return vfs_refuse_locked(m, c, EINVAL, VFS_NOT_A_NAME);
	c->strands[0] = vfs_strand(target->view, c->name);
	r = vfs_may_change_locked(m, target->view, c);
	return r == 0 && !c->may_block ? CALL_BLOCKS : r;
}

static int option_made(struct mount *m, struct call *c, struct view *view, const char *raw, size_t len)
{
	MOUNT_LOCKED(m);
	struct fact fact = {
		.kind = FACT_FOLDER,
		.folder = c->name,
		.folder_raw = (char *)raw,
		.folder_raw_len = len,
		.wall = clock_wall(m->clock),
		.since = clock_mono(m->clock),
	};
	int r = view_record_locked(view, &fact, true);
	const struct folder *made = snapshot_folder(view->current, c->name);

	view->kept = view->kept && !made;
	if (r == 0 && made)
		vfs_attr_folder_locked(m, view, made, &c->attr);
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

int vfs_mkdir(struct mount *m, struct call *c)
{
	struct error e = ERROR_NULL;
	struct target target;

	if (c->node == ROOT_ID)
		return make_store(m, c);
	mount_lock(m);
	bool control = where_locked(m, c->node).kind == WHERE_CONTROL;
	int r = control ? 0 : may_make_option(m, c, &target);
	pthread_mutex_unlock(&m->lock);
	if (control)
		return make_in_control(m, c);
	if (r != 0)
		return r;
	struct change change = {
		.kind = CHANGE_MKDIR,
		.to = { .store = target.view->store,
			.store_len = strlen(target.view->store),
			.option = target.raw,
			.option_len = (size_t)target.raw_len },
	};
	r = vfs_apply(m, c, target.view, &change, &e);
	if (r == -EEXIST)
		refresh_ask(target.view->source);
	return r < 0 ? tell(m, c, r, &e) : option_made(m, c, target.view, target.raw, (size_t)target.raw_len);
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
	int len = name_decode(fact->parked, NAME_ANYWHERE, raw);

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
		view_forget_locked(target->view, target->folder->path, c->name, true);
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

	if (c->node == ROOT_ID)
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
	if (view->current->n_folders > 1)
		return -ENOTEMPTY;
	view->kept = false;
	view_set_gone_locked(view, true);
	view->announced = view->raised = false;
	return 0;
}

static int begin_rmdir(struct mount *m, struct call *c, struct target *target, char **option, size_t *len)
{
	MOUNT_LOCKED(m);
	int r = vfs_target_locked(m, c, c->node, c->name, target);

	if (r != 0)
		return r;
	if (!target->entry)
		return -ENOENT;
	if (target->entry->kind != ENTRY_FOLDER)
		return -ENOTDIR;
	const struct folder *folder = snapshot_folder(target->view->current, c->name);
	if (!folder || folder->n_entries > 0)
		return -ENOTEMPTY;
	r = vfs_may_change_locked(m, target->view, c);
	c->strands[0] = vfs_strand(target->view, c->name);
	if (r == 0 && !c->may_block)
		return CALL_BLOCKS;
	*len = folder->raw_path_len;
	*option = r == 0 ? strdup(folder->raw_path) : NULL;
	return r == 0 && !*option ? -ENOMEM : r;
}

static void option_gone(struct mount *m, struct call *c, struct view *view)
{
	MOUNT_LOCKED(m);
	struct fact fact = {
		.kind = FACT_NO_FOLDER,
		.folder = c->name,
		.folder_raw = c->name,
		.wall = clock_wall(m->clock),
		.since = clock_mono(m->clock),
	};

	view_record_locked(view, &fact, true);
	/* Emptied here, the store stays until somebody removes it too. */
	if (view->current->n_folders <= 1)
		view->kept = true;
}

int vfs_rmdir(struct mount *m, struct call *c)
{
	struct error e = ERROR_NULL;
	struct target target;
	char *option = NULL;
	size_t len = 0;

	if (c->node == ROOT_ID)
		return remove_store(m, c);
	int r = begin_rmdir(m, c, &target, &option, &len);
	if (r != 0)
		return r;
	struct change change = {
		.kind = CHANGE_RMDIR,
		.from = { .store = target.view->store,
			  .store_len = strlen(target.view->store),
			  .option = option,
			  .option_len = len },
	};
	r = vfs_apply(m, c, target.view, &change, &e);
	free(option);
	if (r == -ENOTEMPTY)
		refresh_ask(target.view->source);
	if (r < 0 && r != -ENOENT)
		return tell(m, c, r, &e);
	option_gone(m, c, target.view);
	return r;
}
