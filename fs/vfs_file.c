/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: open, create, read, write, flush, fsync, release. When a handle commits is in handle.c, how in
 * vfs_commit.c. */
#include "fs/control.h"
#include "fs/control_poll.h"
#include "fs/dispatch.h"
#include "fs/replay.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool for_writing(const struct call *c)
{
	return (c->flags & O_ACCMODE) != O_RDONLY;
}

static int open_control(struct mount *m, struct call *c)
{
	struct handle *h = handle_new(HANDLE_CONTROL);

	if (!h)
		return -ENOMEM;
	h->id = c->node;
	if (!for_writing(c) || (c->flags & O_ACCMODE) == O_RDWR) {
		h->text = control_open_locked(m, c->node);
		if (!h->text) {
			handle_free(h);
			return control_is_folder(c->node) ? -EISDIR : -ENOMEM;
		}
	}
	h->next = m->control_handles;
	m->control_handles = h;
	m->n_handles++;
	c->handle = h;
	c->direct = for_writing(c);
	c->no_flush = true;
	return 0;
}

size_t vfs_value_limit(const struct where *where)
{
	const struct folder *folder = where->folder;
	const struct entry *entry = where->entry;

	if (view_layout(where->view)->item_is_key)
		return ITEM_SIZE_MAX - folder->raw_path_len - (entry->raw_len ? entry->raw_len : entry->name_len);
	uint64_t others = folder->size - value_size((enum value_type)entry->type, entry->value_len);
	bool raw = entry->type == VALUE_S || entry->type == VALUE_B || entry->type == VALUE_NULL;

	if (others > folder->size)
		others = 0;
	/* Other types are longer as text than as they are counted; the store has the last word. */
	if (!raw)
		return 2 * ITEM_SIZE_MAX;
	return others < ITEM_SIZE_MAX ? ITEM_SIZE_MAX - (size_t)others : 0;
}

/* The handle of a value at `where`, for the flags of the call. */
static int make_handle(struct mount *m, struct call *c, const struct where *where, uint64_t shown)
{
	struct node *node = node_open_locked(m, shown, where);
	struct handle *h = node ? handle_new(HANDLE_VALUE) : NULL;

	if (!h) {
		if (node)
			node_close_locked(m, node);
		return -ENOMEM;
	}
	const struct fact *fact =
		for_writing(c) ? view_fact_locked(where->view, where->folder->path, node->name) : NULL;
	h->node = node;
	h->next = node->handles;
	node->handles = h;
	h->opened = clock_mono(m->clock);
	h->folder = folder_ref(where->folder);
	h->entry = where->entry;
	h->writes = for_writing(c);
	h->append = c->flags & O_APPEND;
	h->sync = (c->flags & O_DSYNC) || m->settings->commit == COMMIT_WRITE;
	h->newline = where->view->source->settings->newline;
	int chosen = vfs_chosen_type_locked(m, where->entry);
	/* What is in memory only has no type before it is stored, unless it is a key under another name. */
	h->known = chosen >= 0 || view_layout(where->view)->strings || !(where->entry->flags & ENTRY_MEMORY) ||
		   vfs_is_parked(fact);
	h->type = chosen >= 0 ? (enum value_type)chosen : (enum value_type)where->entry->type;
	h->limit = vfs_value_limit(where);
	if (id_is_document(where->entry->id))
		handle_of_document(h);
	h->changes = node->changes;
	m->n_handles++;
	c->handle = h;
	return 0;
}

/*
 * The kernel's size of a file follows a truncation and each direct write at once, long before they are committed: who
 * reads through the page cache meanwhile gets the old value cut, or padded with NULs. So a writer waits a moment for
 * such readers, and nobody becomes one while a writer waits or has the file open.
 */
static bool has_writer(struct mount *m, const struct node *node)
{
	const struct handle *h = node ? node->handles : NULL;

	while (h && !h->writes)
		h = h->next;
	return h || (node && clock_mono(m->clock) < node->awaited);
}

int vfs_wait_for_readers_locked(struct mount *m, struct call *c, const struct where *where)
{
	struct node *node = where->node;
	const struct handle *h = node ? node->handles : NULL;
	bool busy = replay_is_at_locked(m->replay, where->entry->id) ||
		    notify_is_storing_locked(m->notifier, where->folder);

	while (h && !h->cached)
		h = h->next;
	if (!c->park_end)
		c->park_end = clock_mono(m->clock) + NOTIFY_PARK;
	/* Nor may the kernel be about to be shown a version that was held back for one. */
	if ((!h && !busy && !(node && node->held)) || clock_mono(m->clock) >= c->park_end)
		return 0;
	if (node)
		node->awaited = c->park_end;
	return CALL_PARKED;
}

/* Reads go through the page cache once the value has settled there. */
static int settle(struct mount *m, struct call *c, const struct where *where)
{
	struct version version = notify_version_locked(where->view, where->folder, where->entry, where->node);

	bool document = id_is_document(where->entry->id);

	if (where->view->ttl == 0 || has_writer(m, where->node) ||
	    (document && !node_hold_document_locked(where->view, node_shown_locked(m, where->entry->id)))) {
		c->direct = true;
		return 0;
	}
	if (version.settled) {
		c->keep = true;
		return 0;
	}
	if (!c->park_end)
		c->park_end = clock_mono(m->clock) + NOTIFY_PARK;
	c->direct = clock_mono(m->clock) >= c->park_end;
	return c->direct ? 0 : CALL_PARKED;
}

/* Brings a value that is read on every access up to date before it is opened. */
static int fetch_value(struct mount *m, struct call *c, const struct where *where)
{
	char path[VFS_PATH_MAX], name[FILE_NAME_MAX + 1];
	struct view *view = where->view;
	struct error e = ERROR_NULL;

	if (view->ttl > 0 || c->fetched || (where->entry->flags & ENTRY_MEMORY))
		return 0;
	if (!c->may_block)
		return CALL_BLOCKS;
	c->fetched = true;
	snprintf(path, sizeof(path), "%s", where->folder->path);
	snprintf(name, sizeof(name), "%s", entry_name(where->folder, where->entry));
	pthread_mutex_unlock(&m->lock);
	int r = vfs_fetch(view, path, name, true, &e);
	pthread_mutex_lock(&m->lock);
	return r;
}

int vfs_open(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct where where = where_locked(m, c->node);

	if (where.kind == WHERE_CONTROL)
		return open_control(m, c);
	/* Replaced since its name was looked up: what has the name now is meant, past the pages of what had it. */
	bool replaced = where.kind == WHERE_NOTHING;
	if (replaced)
		where = node_successor_locked(m, c->node);
	if (where.kind != WHERE_VALUE)
		return where.kind == WHERE_NOTHING ? -ESTALE : -EISDIR;
	int r = fetch_value(m, c, &where);
	if (r != 0)
		return r;
	/* The fetch may have found it changed or gone. */
	if (c->fetched)
		where = replaced ? node_successor_locked(m, c->node) : where_locked(m, c->node);
	if (where.kind != WHERE_VALUE)
		return -ESTALE;
	if (for_writing(c)) {
		if (id_is_document(where.entry->id) && !vfs_document_is_writable(where.folder, where.entry))
			return -EACCES;
		r = settings_read_only(m->settings) ? -EROFS : vfs_wait_for_readers_locked(m, c, &where);
		c->direct = true;
	} else {
		r = replaced ? 0 : settle(m, c, &where);
		c->direct = c->direct || replaced;
		c->no_flush = true;
	}
	if (r == 0)
		r = make_handle(m, c, &where, node_shown_locked(m, where.entry->id));
	if (r != 0)
		return r;
	c->handle->cached = !c->direct;
	if (c->flags & O_TRUNC)
		handle_begin_empty(c->handle);
	return 0;
}

/* Whether a new file stays in memory. One whose name the store still has for another file, a backup, does not: they
 * would be one there. */
static bool is_for_a_moment(const struct call *c, const struct target *target)
{
	return (c->flags & O_EXCL) && name_is_temporary(c->name) &&
	       !vfs_backup_locked(target->view, target->folder->path, c->name);
}

/* Why a key of this name cannot be made here; 0: it can. */
static int creatable(struct mount *m, struct call *c, const struct target *target)
{
	const struct source_settings *s = target->view->source->settings;
	const struct layout *layout = view_layout(target->view);
	const char *why = layout_refusal(layout, target->folder->path, ENTRY_VALUE);

	if (why)
		return vfs_refuse_locked(m, c, EPERM, why);
	if (target->raw_len < 0)
		return vfs_refuse_locked(m, c, EINVAL, VFS_NOT_A_NAME);
	if (!layout->item_is_key && (strcmp(target->raw, s->store_key) == 0 || strcmp(target->raw, s->option_key) == 0))
		return vfs_refuse_locked(m, c, EINVAL, "this is one of the table's own key names: choose another");
	if (is_for_a_moment(c, target))
		return settings_read_only(m->settings) ? -EROFS : 0;
	return vfs_may_change_locked(m, target->view, c);
}

/* The new key, on this host only until it is committed. */
static int record_new(struct mount *m, struct call *c, const struct target *target)
{
	struct fact fact = vfs_fact(m, FACT_VALUE, target->folder, c->name, target->raw, (size_t)target->raw_len);
	bool temporary = is_for_a_moment(c, target);
	const struct fact *before = view_fact_locked(target->view, target->folder->path, c->name);

	fact.type = VALUE_S;
	/* install(1), mv(1) and their like remove the file and create it anew: it is the same key to them. */
	if ((c->flags & O_EXCL) && before && before->kind == FACT_GONE && before->typed) {
		fact.type = before->type;
		fact.replaces = true;
	}
	fact.store_at = temporary ? fact.since + FACT_TEMPORARY : 0;
	fact.since = INT64_MAX;
	return view_record_locked(target->view, &fact, true);
}

int vfs_create(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct target target;

	if (vfs_is_top(m, c->node) || where_locked(m, c->node).kind == WHERE_CONTROL)
		return -EPERM;
	int r = vfs_target_locked(m, c, c->node, c->name, &target);
	if (r == 0 && target.entry)
		/* The kernel knew of none: somebody else made it meanwhile. */
		r = (c->flags & O_EXCL) ? -EEXIST : target.entry->kind == ENTRY_FOLDER ? -EISDIR : 0;
	else if (r == 0)
		r = creatable(m, c, &target);
	bool fresh = r == 0 && !target.entry;
	if (fresh)
		r = record_new(m, c, &target);
	if (r == 0)
		r = vfs_target_locked(m, c, c->node, c->name, &target);
	if (r != 0)
		return r;
	struct where where = { WHERE_VALUE, target.view, target.folder, target.entry, NULL };
	r = make_handle(m, c, &where, target.shown);
	if (r != 0)
		return r;
	c->handle->exclusive = fresh && (c->flags & O_EXCL);
	c->direct = true;
	if (fresh || (c->flags & O_TRUNC))
		handle_begin_empty(c->handle);
	vfs_attr_value_locked(m, target.view, target.folder, target.entry, &c->attr);
	return 0;
}

/* The version that a handle's reads show: through the page cache that of the file, else the one it opened. */
static struct version readable(struct mount *m, const struct call *c)
{
	const struct handle *h = c->handle;
	struct version opened = { h->folder, h->entry, true };
	struct where where = { 0 };

	/* Without an owner it is the page cache that asks, also where it was to be bypassed: for mmap(2). */
	bool paged = h->cached || (!h->writes && !c->owner);
	if (!paged || h->node->unlinked)
		return opened;
	where = where_locked(m, h->node->id);
	if (where.kind != WHERE_VALUE)
		return opened;
	return notify_version_locked(where.view, where.folder, where.entry, h->node);
}

static void give(struct call *c, const char *bytes, size_t len)
{
	size_t offset = c->offset < 0 || (uint64_t)c->offset > len ? len : (size_t)c->offset;

	c->out = bytes + offset;
	c->out_len = len - offset < c->size ? len - offset : c->size;
}

static int read_control(struct mount *m, struct call *c)
{
	struct control_text *text = c->handle ? c->handle->text : control_keep_locked(m, c->node);

	if (!text)
		return c->handle ? -EBADF : -ENOMEM;
	if (c->handle)
		control_grow_locked(m, text);
	buf_append(&c->text, buf_text(&text->text), text->text.len);
	give(c, buf_text(&c->text), c->text.len);
	return buf_error(&c->text);
}

/* A file that was opened without the daemon. */
static int read_unopened(struct mount *m, struct call *c)
{
	struct where where = where_locked(m, c->node);

	if (where.kind == WHERE_CONTROL)
		return read_control(m, c);
	struct version version;
	if (where.kind == WHERE_VALUE)
		version = notify_version_locked(where.view, where.folder, where.entry, where.node);
	else if (where.node && where.node->held)
		version = (struct version){ where.node->held_folder, where.node->held, false };
	else
		return -ESTALE;
	notify_read_locked(m->notifier, node_shown_locked(m, version.folder->id));
	c->pinned = folder_ref(version.folder);
	give(c, entry_value(version.folder, version.entry), version.entry->value_len);
	return 0;
}

int vfs_read(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct handle *h = c->handle;

	if (!h)
		return read_unopened(m, c);
	if (h->kind == HANDLE_CONTROL)
		return read_control(m, c);
	struct version version = readable(m, c);
	const char *bytes = entry_value(version.folder, version.entry);
	/* Whoever writes what he read writes on the condition that it is still so. */
	h->looked = true;
	if (h->writes &&
	    handle_begin(h, (enum value_type)version.entry->type, bytes, version.entry->value_len, NULL) < 0)
		return -ENOMEM;
	if (h->working) {
		buf_append(&c->text, buf_text(&h->work), h->work.len);
		give(c, buf_text(&c->text), c->text.len);
		return buf_error(&c->text);
	}
	if (h->cached)
		notify_read_locked(m->notifier, node_shown_locked(m, version.folder->id));
	c->pinned = folder_ref(version.folder);
	give(c, bytes, version.entry->value_len);
	return 0;
}

int vfs_begin_locked(struct mount *m, struct handle *h, struct error *e)
{
	struct where where = h->node->unlinked ? (struct where){ 0 } : where_locked(m, h->node->id);
	const struct folder *folder = where.kind == WHERE_VALUE ? where.folder : h->folder;
	const struct entry *entry = where.kind == WHERE_VALUE ? where.entry : h->entry;

	return handle_begin(h, (enum value_type)entry->type, entry_value(folder, entry), entry->value_len, e);
}

static int write_value(struct mount *m, struct call *c, struct error *e)
{
	MOUNT_LOCKED(m);
	struct handle *h = c->handle;
	const struct fact *fact = view_fact_locked(h->node->view, h->node->folder, h->node->name);

	int r = vfs_is_temporary(fact) ? 0 : source_trouble_locked(h->node->view->source, e);
	if (r < 0)
		handle_commit_failed(h, r);
	if (r == 0)
		r = vfs_begin_locked(m, h, e);
	if (r == 0)
		r = handle_write(h, c->data, c->size, c->offset, c->owner, e);
	if (r < 0) {
		vfs_fail_key_locked(h->node->view, h->node->folder, h->node->name, e);
		return r;
	}
	c->done = c->size;
	c->begun = true;
	return 0;
}

/* Commits, on a worker where that waits for the network. */
static int commit_here(struct mount *m, struct call *c)
{
	struct handle *h = c->handle;

	mount_lock(m);
	bool waits = !c->may_block && vfs_commit_blocks_locked(h);
	c->strands[0] = vfs_strand(h->node->view, h->node->folder);
	h->node->committing += waits;
	c->counted = c->counted || waits;
	pthread_mutex_unlock(&m->lock);
	if (waits)
		return CALL_BLOCKS;
	int r = vfs_commit(m, c, h);
	mount_lock(m);
	/* fsync(2) tells its caller itself. Nothing looks at the handle after this. */
	if (r < 0 && c->kind == CALL_FSYNC)
		vfs_reported_locked(h->node->view, h->node->folder, h->node->name);
	h->node->committing -= c->counted;
	c->counted = false;
	pthread_mutex_unlock(&m->lock);
	return r;
}

static int write_control(struct mount *m, struct call *c)
{
	struct error e = ERROR_NULL;

	if (!c->begun)
		buf_append(&c->text, c->data, c->size);
	c->begun = true;
	int r = control_write(m, c->handle ? c->handle->id : c->node, buf_text(&c->text), c->text.len, c->may_block,
			      &e);
	if (r < 0)
		mount_fail(m, ".control", &e);
	c->done = c->size;
	return r;
}

int vfs_write(struct mount *m, struct call *c)
{
	struct error e = ERROR_NULL;
	struct handle *h = c->handle;
	int r = 0;

	if (id_is_value(c->node) && !h)
		return -EROFS;
	if (!h || h->kind == HANDLE_CONTROL)
		return write_control(m, c);
	if (!c->begun)
		r = write_value(m, c, &e);
	return r == 0 && h->sync ? commit_here(m, c) : r;
}

int vfs_flush(struct mount *m, struct call *c)
{
	struct handle *h = c->handle;

	if (h->kind == HANDLE_CONTROL)
		return 0;
	mount_lock(m);
	bool commits = handle_flush_commits(h, c->owner);
	h->flushed = true;
	pthread_mutex_unlock(&m->lock);
	return commits ? commit_here(m, c) : 0;
}

/* A truncation whose process has closed the file, and whose RELEASE is still to come. */
static struct handle *left_behind(const struct node *node)
{
	struct handle *h = node->handles;

	while (h && !(h->truncated && h->flushed && handle_release_commits(h)))
		h = h->next;
	return h;
}

/* The file as the store has it: this handle's bytes, and what closed handles left to be committed. */
static int sync_others(struct mount *m, struct call *c, const struct node *node)
{
	mount_lock(m);
	struct handle *other = left_behind(node);
	c->strands[0] = vfs_strand(node->view, node->folder);
	bool waits = !c->may_block && (other || node->committing > 0);
	int r = waits ? CALL_BLOCKS : other ? 0 : vfs_reported_locked(node->view, node->folder, node->name);
	pthread_mutex_unlock(&m->lock);
	/* Its RELEASE, which frees it, waits behind this call: they share a strand. */
	return r == 0 && other ? vfs_commit(m, c, other) : r;
}

int vfs_fsync(struct mount *m, struct call *c)
{
	struct handle *h = c->handle;

	if (!h || h->kind == HANDLE_CONTROL)
		return 0;
	mount_lock(m);
	bool commits = handle_release_commits(h);
	pthread_mutex_unlock(&m->lock);
	return commits ? commit_here(m, c) : sync_others(m, c, h->node);
}

/* A new key whose writes all failed is not there. */
static void forget_if_never_made(const struct node *node)
{
	if (!node->handles && !node->unlinked && !node->committing &&
	    vfs_is_new(view_fact_locked(node->view, node->folder, node->name)))
		view_forget_locked(node->view, node->folder, node->name, false);
}

static void close_handle_locked(struct mount *m, struct call *c)
{
	struct handle *h = c->handle;
	struct handle **link = h->node ? &h->node->handles : &m->control_handles;

	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	if (h->text) {
		poller_forget_locked(m->poller, h);
		control_close_locked(m, h->text);
	}
	if (h->node) {
		if (h->writes)
			forget_if_never_made(h->node);
		/* A version that was held back for this reader may be due now. */
		if (h->node->held)
			notify_wake(m->notifier);
		if (h->cached && h->node->awaited)
			dispatch_wake(m->dispatcher);
		node_close_locked(m, h->node);
	}
	m->n_handles--;
	handle_free(h);
	c->handle = NULL;
}

int vfs_release(struct mount *m, struct call *c)
{
	struct handle *h = c->handle;

	if (!h)
		return 0;
	mount_lock(m);
	bool commits = h->writes && handle_release_commits(h);
	/* A call whose caller was interrupted may still be at work on the handle. */
	bool busy = h->writes && h->node->committing && !c->may_block;
	if (busy)
		c->strands[0] = vfs_strand(h->node->view, h->node->folder);
	if (!commits && !busy)
		close_handle_locked(m, c);
	pthread_mutex_unlock(&m->lock);
	if (!commits)
		return busy ? CALL_BLOCKS : 0;
	if (commit_here(m, c) == CALL_BLOCKS)
		return CALL_BLOCKS;
	MOUNT_LOCKED(m);
	close_handle_locked(m, c);
	return 0;
}

static struct handle *any_left_behind(struct mount *m)
{
	struct handle *h = NULL;
	size_t at = 0;
	MOUNT_LOCKED(m);

	for (struct node *node; !h && (node = node_next_locked(m, &at));)
		h = left_behind(node);
	return h;
}

void vfs_commit_left_behind(struct mount *m)
{
	struct handle *h;
	int r = 0;

	/* A store that does not answer would not answer the next one either. */
	while (r != -ETIMEDOUT && (h = any_left_behind(m))) {
		struct call c = CALL_INIT(CALL_RELEASE, NULL);
		c.may_block = true;
		r = vfs_commit(m, &c, h);
		call_deinit(&c);
	}
}
