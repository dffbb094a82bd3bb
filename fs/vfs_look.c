/* SPDX-License-Identifier: Apache-2.0 */
/* Looking: names, attributes, listings. Nothing here changes anything. */
#include "fs/control.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <string.h>

static struct attr attr_base(struct mount *m, const struct access *access, uint64_t id, mode_t type, int64_t mtime)
{
	mode_t unwritable = m->settings->values == VALUES_RO ? 0222 : 0;
	struct attr attr = {
		.id = id,
		.mode = type | ((type == S_IFDIR ? access->dir_mode : access->mode) & ~unwritable),
		.uid = access->uid,
		.gid = access->gid,
		.mtime = mtime,
		.entry_ttl = VFS_KEEP,
		.attr_ttl = VFS_KEEP,
	};
	const struct meta *meta = node_meta_locked(m, id);

	if (!meta)
		return attr;
	if (meta->set & SET_MODE)
		attr.mode = type | (meta->mode & 07777);
	if (meta->set & SET_UID)
		attr.uid = meta->uid;
	if (meta->set & SET_GID)
		attr.gid = meta->gid;
	if ((meta->set & SET_MTIME) && mtime <= meta->mtime_set)
		attr.mtime = meta->mtime;
	return attr;
}

void vfs_attr_root_locked(struct mount *m, struct attr *attr)
{
	*attr = attr_base(m, &m->settings->access, ROOT_ID, S_IFDIR, m->root_mtime);
}

/* A store that is read on every access is never shown from the kernel's memory. */
static void set_lifetime(const struct view *view, struct attr *attr)
{
	if (view->ttl == 0)
		attr->attr_ttl = 0;
}

void vfs_attr_folder_locked(struct mount *m, const struct view *view, const struct folder *folder, struct attr *attr)
{
	*attr = attr_base(m, &view->access, node_shown_locked(m, folder->id), S_IFDIR, folder->mtime);
	set_lifetime(view, attr);
}

/* The value as the id `shown` has it: an id that it had before may have an older one. */
static void attr_of_value(struct mount *m, const struct view *view, const struct folder *folder,
			  const struct entry *entry, uint64_t shown, struct attr *attr)
{
	const struct node *node = node_find_locked(m, shown);
	bool document = id_is_document(entry->id);
	bool kept = document && node_hold_document_locked((struct view *)view, shown);
	struct version version = notify_version_locked(view, folder, entry, node);

	*attr = attr_base(m, &view->access, shown, S_IFREG, version.entry->mtime);
	attr->size = version.entry->value_len;
	/* Where ids are renewed nothing is renamed: the file keeps its number. */
	if (m->settings->values == VALUES_RO)
		attr->ino = version.entry->id;
	set_lifetime(view, attr);
	if (document && !vfs_document_is_writable(folder, entry))
		attr->mode &= ~0222U;
	if (document && !kept)
		attr->attr_ttl = 0;
	/* What a commit changes in a moment must be asked for again. */
	if (node_is_written(node))
		attr->attr_ttl = 0;
}

void vfs_attr_value_locked(struct mount *m, const struct view *view, const struct folder *folder,
			   const struct entry *entry, struct attr *attr)
{
	attr_of_value(m, view, folder, entry, node_shown_locked(m, entry->id), attr);
}

static void attr_of_entry(struct mount *m, const struct view *view, const struct folder *folder,
			  const struct entry *entry, struct attr *attr)
{
	char path[VFS_PATH_MAX];
	const struct folder *child = NULL;

	if (entry->kind == ENTRY_FOLDER && vfs_join(folder->path, entry_name(folder, entry), path))
		child = snapshot_folder(view->current, path);
	if (child)
		vfs_attr_folder_locked(m, view, child, attr);
	else
		vfs_attr_value_locked(m, view, folder, entry, attr);
}

int vfs_attr_locked(struct mount *m, uint64_t id, struct attr *attr)
{
	struct where where = where_locked(m, id);

	switch (where.kind) {
	case WHERE_ROOT:
		vfs_attr_root_locked(m, attr);
		return 0;
	case WHERE_CONTROL:
		return control_attr_locked(m, id, attr);
	case WHERE_FOLDER:
		vfs_attr_folder_locked(m, where.view, where.folder, attr);
		return 0;
	case WHERE_VALUE:
		attr_of_value(m, where.view, where.folder, where.entry, id, attr);
		return 0;
	case WHERE_NOTHING:
		break;
	}
	return -ESTALE;
}

/* A removed file that is still open has the attributes of what was opened. */
static int attr_of_removed(struct mount *m, const struct node *node, struct attr *attr)
{
	const struct handle *h = node ? node->handles : NULL;

	if (!h && node && node->held) {
		attr_of_value(m, node->view, node->held_folder, node->held, node->id, attr);
		return 0;
	}
	if (!h)
		return -ESTALE;
	*attr = attr_base(m, &node->view->access, node->id, S_IFREG, h->entry ? h->entry->mtime : m->started_wall);
	attr->size = h->working ? h->work.len : h->entry ? h->entry->value_len : 0;
	return 0;
}

int vfs_getattr(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	int r = vfs_attr_locked(m, c->node, &c->attr);

	if (r == -ESTALE)
		r = attr_of_removed(m, node_find_locked(m, c->node), &c->attr);
	/* The kernel asks with a handle where it wants the end of the file: that is the writer's own copy. */
	if (r == 0 && c->handle && c->handle->kind == HANDLE_VALUE && c->handle->working && c->handle->pending) {
		c->attr.size = c->handle->work.len;
		c->attr.attr_ttl = 0;
	}
	return r;
}

/* Whether a source has stores that only a load tells of. */
static bool may_bring_stores(const struct source *source)
{
	return !source->settings->stores && !layout_of(source->settings->layout)->one_store;
}

/* A name that no store has: absent only when every source that may hold it has been heard. */
static int root_absent(struct mount *m)
{
	for (size_t i = 0; i < m->n_sources; i++) {
		const struct source *source = &m->sources[i];
		if (!source->loaded && may_bring_stores(source))
			return source->failure.number ? -source->failure.number : CALL_PARKED;
	}
	return -ENOENT;
}

/* Asks the sources that are read on every access for one store. */
static int fetch_store(struct mount *m, struct call *c)
{
	char raw[FILE_NAME_MAX + 1];
	int r = 0;

	if (c->fetched || name_decode(c->name, NAME_AT_ROOT, raw) < 0)
		return 0;
	for (size_t i = 0; i < m->n_sources && r == 0; i++) {
		struct source *source = &m->sources[i];
		struct error e = ERROR_NULL;
		if (source->settings->ttl > 0 || !may_bring_stores(source) || !source->loaded)
			continue;
		if (!c->may_block)
			return CALL_BLOCKS;
		pthread_mutex_unlock(&m->lock);
		r = refresh_store(source, raw, true, &e);
		pthread_mutex_lock(&m->lock);
	}
	c->fetched = true;
	return r;
}

static int lookup_root(struct mount *m, struct call *c)
{
	struct view *view = view_find_locked(m, c->name);
	if (!view) {
		int r = fetch_store(m, c);
		if (r != 0)
			return r;
		view = view_find_locked(m, c->name);
	}
	if (!view)
		return root_absent(m);
	vfs_attr_folder_locked(m, view, snapshot_folder(view->current, ""), &c->attr);
	return 0;
}

int vfs_lookup(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct target target;

	if (c->node == ROOT_ID && m->settings->control != CONTROL_OFF && strcmp(c->name, ".control") == 0)
		return control_attr_locked(m, CONTROL_ID, &c->attr);
	if (vfs_is_top(m, c->node))
		return lookup_root(m, c);
	if (where_locked(m, c->node).kind == WHERE_CONTROL)
		return control_lookup_locked(m, c->node, c->name, &c->attr);
	int r = vfs_target_locked(m, c, c->node, c->name, &target);
	if (r != 0)
		return r;
	if (!target.entry)
		target.entry = vfs_document_locked(target.view, &target.folder, c->name);
	if (!target.entry) {
		/* How long the kernel may believe that. */
		c->attr.entry_ttl = target.view->ttl ? VFS_KEEP : 0;
		return -ENOENT;
	}
	attr_of_entry(m, target.view, target.folder, target.entry, &c->attr);
	return 0;
}

/*
 * A listing is in the order of ids, and an offset is the id of the name before: it stays good whatever comes and goes
 * between two READDIRs, without a handle.
 */
enum { COOKIE_FIRST = 3 };

static int64_t cookie_of(uint64_t id)
{
	return (int64_t)((id & ((UINT64_C(1) << 56) - 1)) | (uint64_t)id_is_value(id) << 56) + COOKIE_FIRST;
}

static size_t first_after(const struct folder *folder, int64_t cookie)
{
	size_t low = 0, high = folder->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (cookie_of(folder->entries[folder->by_id[middle]].id) <= cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool fill_dots(struct call *c, const struct attr *self)
{
	return (c->offset > 0 || c->fill(c, ".", self, 1)) && (c->offset > 1 || c->fill(c, "..", self, 2));
}

/* The last name in the root. */
static void list_control_itself(struct mount *m, struct call *c)
{
	const int64_t next = INT64_MAX;
	struct attr attr;

	if (c->node == ROOT_ID && m->settings->control == CONTROL_LISTED && next > c->offset &&
	    control_attr_locked(m, CONTROL_ID, &attr) == 0)
		c->fill(c, ".control", &attr, next);
}

/* Who lists a directory to its end may read its values next. */
static bool wait_for_values(struct mount *m, struct call *c)
{
	int64_t now = clock_mono(m->clock);

	if (!c->park_end)
		c->park_end = now + NOTIFY_PARK;
	return now < c->park_end && notify_listed_locked(m->notifier, c->node);
}

static int list_folder(struct mount *m, struct call *c, const struct view *view, const struct folder *folder)
{
	struct attr attr;

	vfs_attr_folder_locked(m, view, folder, &attr);
	if (c->offset > 0 && first_after(folder, c->offset) == folder->n_entries && wait_for_values(m, c))
		return CALL_PARKED;
	if (!fill_dots(c, &attr))
		return 0;
	for (size_t i = first_after(folder, c->offset); i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[folder->by_id[i]];
		attr_of_entry(m, view, folder, entry, &attr);
		if (!c->fill(c, entry_name(folder, entry), &attr, cookie_of(entry->id)))
			return 0;
	}
	list_control_itself(m, c);
	return 0;
}

static int list_root(struct mount *m, struct call *c)
{
	struct attr attr;
	int64_t next = COOKIE_FIRST;

	/* Oldest first: there an offset stays good when stores go. */
	vfs_attr_root_locked(m, &attr);
	if (!fill_dots(c, &attr))
		return 0;
	for (size_t i = 0; i < m->n_views; i++) {
		struct view *view = m->by_age[i];
		next = COOKIE_FIRST + 1 + (int64_t)i;
		if (!view_is_shown(view) || next <= c->offset)
			continue;
		vfs_attr_folder_locked(m, view, snapshot_folder(view->current, ""), &attr);
		if (!c->fill(c, view->name, &attr, next))
			return 0;
	}
	list_control_itself(m, c);
	return 0;
}

static int list_control(struct mount *m, struct call *c)
{
	struct attr attr;
	const char *name;
	int r = control_attr_locked(m, c->node, &attr);

	if (r < 0 || !fill_dots(c, &attr))
		return r;
	size_t n = c->offset >= COOKIE_FIRST ? (size_t)(c->offset - COOKIE_FIRST + 1) : 0;
	for (; control_entry_locked(m, c->node, n, &name, &attr); n++) {
		if (!c->fill(c, name, &attr, COOKIE_FIRST + (int64_t)n))
			break;
	}
	return 0;
}

static bool read_on_access(const struct mount *m, const struct where *where)
{
	if (where->kind == WHERE_FOLDER)
		return where->view->ttl == 0;
	for (size_t i = 0; where->kind == WHERE_ROOT && i < m->n_sources; i++) {
		if (m->sources[i].settings->ttl == 0)
			return true;
	}
	return false;
}

/* A listing of a store that is read on every access starts with a load of it. */
static int fetch_listing(struct mount *m, struct call *c)
{
	struct where where = where_locked(m, c->node);
	struct error e = ERROR_NULL;
	int r = 0;

	if (!read_on_access(m, &where))
		return 0;
	/* The kernel keeps what it lists, and is told of changes; here nobody would tell it. */
	notify_forget_listing_locked(m->notifier, c->node);
	if (c->fetched || c->offset > 0)
		return 0;
	if (!c->may_block)
		return CALL_BLOCKS;
	c->fetched = true;
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; where.kind == WHERE_ROOT && i < m->n_sources && r == 0; i++) {
		if (m->sources[i].settings->ttl == 0)
			r = refresh_source(&m->sources[i], true, false, &e);
	}
	if (where.kind == WHERE_FOLDER)
		r = refresh_store(where.view->source, where.view->store, true, &e);
	pthread_mutex_lock(&m->lock);
	return r;
}

static int root_ready(struct mount *m)
{
	int r = root_absent(m);

	/* What can be listed is; a source that failed is named in status. */
	return r == CALL_PARKED || (r != -ENOENT && !m->n_views) ? r : 0;
}

int vfs_readdir(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	int r = fetch_listing(m, c);

	if (r != 0)
		return r;
	struct where where = where_locked(m, c->node);
	switch (where.kind) {
	case WHERE_ROOT:
		r = root_ready(m);
		return r != 0 ? r : list_root(m, c);
	case WHERE_CONTROL:
		return list_control(m, c);
	case WHERE_FOLDER:
		r = vfs_view_ready_locked(where.view);
		return r != 0 ? r : list_folder(m, c, where.view, where.folder);
	case WHERE_VALUE:
		return -ENOTDIR;
	case WHERE_NOTHING:
		break;
	}
	return -ESTALE;
}

int vfs_statfs(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	uint64_t bytes = 0, files = 0;

	for (size_t i = 0; i < m->n_views; i++) {
		const struct snapshot *s = m->views[i]->current;
		if (!view_is_shown(m->views[i]))
			continue;
		bytes += s->bytes;
		files += s->n_values + s->n_folders;
	}
	c->attr.size = bytes;
	c->done = files;
	return 0;
}
