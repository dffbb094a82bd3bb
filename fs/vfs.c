/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/document.h"
#include "fs/replay.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool vfs_join(const char *folder, const char *name, char out[VFS_PATH_MAX])
{
	int len = snprintf(out, VFS_PATH_MAX, "%s%s%s", folder, folder[0] ? "/" : "", name);

	return len > 0 && len < VFS_PATH_MAX;
}

bool vfs_is_top(const struct mount *m, uint64_t node)
{
	return node == ROOT_ID && !m->root;
}

int vfs_decode(const struct view *view, const char *folder, const char *name, char raw[FILE_NAME_MAX + 1])
{
	return name_decode(name, layout_names(view->source->settings, folder), raw);
}

int vfs_view_ready_locked(struct view *view)
{
	if (view->loaded || view->kept)
		return 0;
	if (view->failure.number)
		return -view->failure.number;
	return view->source->failure.number ? -view->source->failure.number : CALL_PARKED;
}

uint64_t vfs_strand(const struct view *view, const char *folder)
{
	return name_hash(view->current->seed, folder, strlen(folder)) | 1;
}

int vfs_may_change_locked(struct mount *m, struct view *view, struct call *c)
{
	struct error e = ERROR_NULL;

	if (settings_read_only(m->settings))
		return -EROFS;
	/* On a worker the request itself finds out. */
	return c->may_block ? 0 : source_trouble_locked(view->source, &e);
}

struct place vfs_place(const struct view *view, const struct folder *folder, const char *raw, size_t raw_len)
{
	return (struct place){
		.store = view->store,
		.store_len = strlen(view->store),
		.option = folder->raw_path,
		.option_len = folder->raw_path_len,
		.key = raw,
		.key_len = raw_len,
	};
}

/* It holds nothing but the value that its name has as a key. */
static bool is_bare(const struct folder *folder)
{
	const char *first = folder->n_entries ? entry_name(folder, &folder->entries[0]) : NAME_OWN_VALUE;

	return folder->n_entries <= 1 && strcmp(first, NAME_OWN_VALUE) == 0;
}

void vfs_keep_emptied_locked(struct view *view, const char *path)
{
	const struct folder *folder = snapshot_folder(view->current, path);

	if (!view_layout(view)->item_is_key || !*path || !folder || !is_bare(folder))
		return;
	struct fact fact = vfs_fact(view->mount, FACT_FOLDER, folder, NULL, NULL, 0);
	fact.since = INT64_MAX;
	view_record_locked(view, &fact, true);
}

struct fact vfs_fact(struct mount *m, enum fact_kind kind, const struct folder *folder, const char *name,
		     const char *raw, size_t raw_len)
{
	return (struct fact){
		.kind = kind,
		.folder = (char *)folder->path,
		.folder_raw = (char *)folder->raw_path,
		.folder_raw_len = folder->raw_path_len,
		.name = (char *)name,
		.raw = (char *)raw,
		.raw_len = raw_len,
		.wall = clock_wall(m->clock),
		.since = clock_mono(m->clock),
	};
}

bool vfs_is_new(const struct fact *fact)
{
	return fact && fact->kind == FACT_VALUE && fact->since == INT64_MAX && !fact->store_at;
}

bool vfs_is_temporary(const struct fact *fact)
{
	return fact && fact->kind == FACT_VALUE && fact->since == INT64_MAX && fact->store_at;
}

bool vfs_is_parked(const struct fact *fact)
{
	return vfs_is_temporary(fact) && fact->parked;
}

int vfs_apply(struct mount *m, struct call *c, struct view *view, const struct change *change, struct error *e)
{
	int64_t timeout = view->source->settings->timeout;
	struct store_call call = {
		.deadline = (c->arrived ? c->arrived : clock_mono(m->clock)) + timeout,
		.timeout = timeout,
		.cancel_fd = m->stop_fd,
	};
	int r = store_apply(view->source->store, &call, change, e);

	MOUNT_LOCKED(m);
	view->read_units += call.read_units;
	view->write_units += call.write_units;
	if (r < 0)
		source_failed_locked(view->source, e);
	else
		source_answered_locked(view->source);
	return r;
}

bool vfs_is_committing_locked(struct mount *m, const struct target *target)
{
	const struct node *node = target->entry ? node_find_locked(m, target->shown) : NULL;

	return node && node->committing > 0;
}

void vfs_fail_key_locked(struct view *view, const char *folder, const char *name, const struct error *e)
{
	char path[VFS_PATH_MAX * 2];

	view_path(view, folder, name, path, sizeof(path));
	mount_fail_locked(view->mount, path, e);
}

int vfs_refuse_locked(struct mount *m, const struct call *c, int number, const char *why)
{
	struct error e = ERROR_NULL;

	error_set(&e, number, "%s", why);
	mount_fail_locked(m, c->name, &e);
	return -number;
}

void vfs_unreported_locked(struct view *view, const char *folder, const char *name, const struct error *e)
{
	enum { UNREPORTED_MAX = 1000 };
	struct mount *m = view->mount;
	size_t n = 0;

	vfs_fail_key_locked(view, folder, name, e);
	for (struct unreported *u = m->unreported; u; u = u->next)
		n++;
	struct unreported *u = n < UNREPORTED_MAX ? calloc(1, sizeof(*u)) : NULL;
	if (!u)
		return;
	u->view = view;
	u->folder = strdup(folder);
	u->name = strdup(name);
	u->number = e->number;
	u->next = m->unreported;
	m->unreported = u;
}

int vfs_reported_locked(struct view *view, const char *folder, const char *name)
{
	int number = 0;

	for (struct unreported **link = &view->mount->unreported; *link;) {
		struct unreported *u = *link;
		if (u->view != view || strcmp(u->folder, folder) != 0 || strcmp(u->name, name) != 0) {
			link = &u->next;
			continue;
		}
		number = u->number;
		*link = u->next;
		free(u->folder);
		free(u->name);
		free(u);
	}
	return -number;
}

int vfs_fetch(struct view *view, const char *folder, const char *name, bool known, struct error *e)
{
	if (view_layout(view)->item_is_key)
		return refresh_key(view, folder, name, known, e);
	if (*folder || document_find(name) == DOCUMENTS)
		return refresh_option(view, *folder ? folder : name, e);
	return refresh_store(view->source, view->store, true, e);
}

/* Brings a store that is read on every access up to date for one name. Drops the lock meanwhile. */
static int fetch(struct mount *m, struct call *c, struct view *view, const struct folder *folder, const char *name)
{
	const struct entry *entry = folder_find(folder, name);
	char path[VFS_PATH_MAX];
	struct error e = ERROR_NULL;

	if (view->ttl > 0 || c->fetched)
		return 0;
	/* What is in a directory tells whether it is there, and listing it asks for that. */
	if (view_layout(view)->item_is_key && entry && entry->kind == ENTRY_FOLDER)
		return 0;
	if (!c->may_block)
		return CALL_BLOCKS;
	c->fetched = true;
	snprintf(path, sizeof(path), "%s", folder->path);
	pthread_mutex_unlock(&m->lock);
	int r = vfs_fetch(view, path, name, entry, &e);
	if (r < 0)
		mount_fail(m, view->name, &e);
	pthread_mutex_lock(&m->lock);
	return r;
}

int vfs_target_locked(struct mount *m, struct call *c, uint64_t node, const char *name, struct target *target)
{
	for (;;) {
		bool fetched = c->fetched;
		*target = (struct target){ .parent = where_locked(m, node) };
		if (target->parent.kind != WHERE_FOLDER)
			return target->parent.kind == WHERE_NOTHING ? -ESTALE : -EPERM;
		target->view = target->parent.view;
		target->folder = target->parent.folder;
		int r = vfs_view_ready_locked(target->view);
		if (r == 0)
			r = fetch(m, c, target->view, target->folder, name);
		if (r != 0)
			return r;
		/* A fetch may have replaced what was looked up before it. */
		if (fetched == c->fetched)
			break;
	}
	target->entry = folder_find(target->folder, name);
	if (target->entry)
		target->shown = node_shown_locked(m, target->entry->id);
	target->raw_len = vfs_decode(target->view, target->folder->path, name, target->raw);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct mount *m, struct call *c);
} calls[CALL_KINDS] = {
	[CALL_LOOKUP] = { "lookup", vfs_lookup },
	[CALL_GETATTR] = { "getattr", vfs_getattr },
	[CALL_SETATTR] = { "setattr", vfs_setattr },
	[CALL_MKNOD] = { "mknod", vfs_mknod },
	[CALL_MKDIR] = { "mkdir", vfs_mkdir },
	[CALL_UNLINK] = { "unlink", vfs_unlink },
	[CALL_RMDIR] = { "rmdir", vfs_rmdir },
	[CALL_RENAME] = { "rename", vfs_rename },
	[CALL_OPEN] = { "open", vfs_open },
	[CALL_CREATE] = { "create", vfs_create },
	[CALL_READ] = { "read", vfs_read },
	[CALL_WRITE] = { "write", vfs_write },
	[CALL_FLUSH] = { "flush", vfs_flush },
	[CALL_FSYNC] = { "fsync", vfs_fsync },
	[CALL_RELEASE] = { "release", vfs_release },
	[CALL_READDIR] = { "readdir", vfs_readdir },
	[CALL_STATFS] = { "statfs", vfs_statfs },
	[CALL_GETXATTR] = { "getxattr", vfs_getxattr },
	[CALL_LISTXATTR] = { "listxattr", vfs_listxattr },
	[CALL_SETXATTR] = { "setxattr", vfs_setxattr },
	[CALL_POLL] = { "poll", vfs_poll },
};

const char *call_kind_name(enum call_kind kind)
{
	return calls[kind].name;
}

int vfs_run(struct mount *m, struct call *c)
{
	int r;

	if (c->own && replay_answer(m, c, &r))
		return r;
	r = vfs_document_prepare(m, c);
	if (r == 0)
		r = calls[c->kind].run(m, c);

	/* What only makes sense inside the house is a failure of the store to the world. */
	return r == -ENXIO || r == -ECANCELED ? -EIO : r;
}
