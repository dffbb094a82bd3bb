/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes that belong to the host (mode, owner, times: kept in memory) and extended attributes. */
#include "fs/vfs_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static int set_host_attributes(struct mount *m, const struct call *c)
{
	int64_t now = clock_wall(m->clock);
	struct meta *meta = node_meta_make_locked(m, c->node);

	if (!meta)
		return -ENOSPC;
	if (c->set & SET_MODE)
		meta->mode = c->wish.mode;
	if (c->set & SET_UID)
		meta->uid = c->wish.uid;
	if (c->set & SET_GID)
		meta->gid = c->wish.gid;
	if (c->set & (SET_MTIME | SET_MTIME_NOW)) {
		meta->mtime = (c->set & SET_MTIME_NOW) ? now : c->wish.mtime;
		meta->mtime_set = now;
	}
	meta->set |= c->set & (SET_MODE | SET_UID | SET_GID);
	if (c->set & (SET_MTIME | SET_MTIME_NOW))
		meta->set |= SET_MTIME;
	return 0;
}

static int truncate_open(struct mount *m, struct call *c)
{
	struct error e = ERROR_NULL;
	struct handle *h = c->handle;
	MOUNT_LOCKED(m);

	if (!h->writes)
		return -EBADF;
	int r = vfs_begin_locked(m, h, &e);
	if (r == 0)
		r = handle_truncate(h, (int64_t)c->wish.size, &e);
	if (r < 0)
		vfs_unreported_locked(h->node->view, h->node->folder, h->node->name, &e);
	return r;
}

static int set_size(struct mount *m, struct call *c)
{
	mount_lock(m);
	enum where_kind kind = where_locked(m, c->node).kind;
	pthread_mutex_unlock(&m->lock);
	/* A control file is replaced by what is written; to empty it first changes nothing. */
	if (kind == WHERE_CONTROL)
		return 0;
	if (settings_read_only(m->settings))
		return -EROFS;
	if (c->handle && c->handle->kind == HANDLE_VALUE)
		return truncate_open(m, c);
	return kind == WHERE_VALUE ? vfs_truncate_closed(m, c) : -EISDIR;
}

int vfs_setattr(struct mount *m, struct call *c)
{
	const unsigned host = SET_MODE | SET_UID | SET_GID | SET_MTIME | SET_MTIME_NOW;
	int r = (c->set & SET_SIZE) ? set_size(m, c) : 0;

	if (r != 0)
		return r;
	MOUNT_LOCKED(m);
	enum where_kind kind = where_locked(m, c->node).kind;
	if ((c->set & host) && kind == WHERE_CONTROL && (c->set & (SET_MODE | SET_UID | SET_GID)))
		return -EPERM;
	/* The kernel sends the time along with a truncation. */
	if ((c->set & host) && !(c->set & SET_SIZE) && kind != WHERE_CONTROL)
		r = set_host_attributes(m, c);
	if (r == 0)
		r = vfs_attr_locked(m, c->node, &c->attr);
	/* While a handle has the file cut, the kernel must see it so. */
	if (r == 0 && (c->set & SET_SIZE) && c->handle && c->handle->working) {
		c->attr.size = c->handle->work.len;
		c->attr.attr_ttl = 0;
	}
	return r;
}

/* One row an attribute; each renders what it knows of a value, a document or a folder. */
static void show_type(struct mount *m, const struct where *w, struct buf *out)
{
	int chosen = vfs_chosen_type_locked(m, w->entry);

	buf_str(out, value_type_name(chosen >= 0 ? (enum value_type)chosen : (enum value_type)w->entry->type));
}

static void show_store(struct mount *m, const struct where *w, struct buf *out)
{
	(void)m;
	buf_str(out, w->view->store);
}

static void show_option(struct mount *m, const struct where *w, struct buf *out)
{
	(void)m;
	buf_append(out, w->folder->raw_path, w->folder->raw_path_len);
}

static void show_key(struct mount *m, const struct where *w, struct buf *out)
{
	size_t len;
	const char *raw = entry_raw(w->folder, w->entry, &len);

	(void)m;
	buf_append(out, raw, len);
}

static bool in_memory(const struct where *w)
{
	return w->entry && (w->entry->flags & ENTRY_MEMORY);
}

static void show_origin(struct mount *m, const struct where *w, struct buf *out)
{
	bool stale = w->view->failure.number || w->view->source->failure.number;

	(void)m;
	buf_str(out, in_memory(w) ? "memory" : stale ? "stale" : "live");
}

/* Whole seconds since the load began that this is of. */
static void show_age(struct mount *m, const struct where *w, struct buf *out)
{
	int64_t age = w->view->loaded ? clock_mono(m->clock) - w->view->loaded : 0;

	buf_printf(out, "%lld", (long long)(age / CLOCK_SECOND));
}

static void show_limit(struct mount *m, const struct where *w, struct buf *out)
{
	(void)m;
	buf_printf(out, "%zu", vfs_value_limit(w));
}

enum { OF_KEY = 1, OF_DOCUMENT = 2, OF_OPTION = 4, OF_STORE = 8, OF_ALL = 15 };

static const struct xattr_row {
	const char *name;
	void (*show)(struct mount *m, const struct where *where, struct buf *out);
	unsigned of;
} xattr_rows[] = {
	{ "user.dynconf.type", show_type, OF_KEY },
	{ "user.dynconf.store", show_store, OF_ALL },
	{ "user.dynconf.option", show_option, OF_KEY | OF_OPTION },
	{ "user.dynconf.key", show_key, OF_KEY },
	{ "user.dynconf.origin", show_origin, OF_ALL },
	{ "user.dynconf.age", show_age, OF_ALL },
	{ "user.dynconf.size-limit", show_limit, OF_KEY },
};

enum { XATTR_ROWS = sizeof(xattr_rows) / sizeof(xattr_rows[0]) };

static bool has_row(const struct where *w, const struct xattr_row *row)
{
	if (w->kind == WHERE_VALUE)
		return row->of & (id_is_document(w->entry->id) ? OF_DOCUMENT : OF_KEY);
	return w->kind == WHERE_FOLDER && (row->of & (w->folder->path[0] ? OF_OPTION : OF_STORE));
}

static const struct xattr_row *find_row(const struct where *w, const char *name)
{
	for (size_t i = 0; i < XATTR_ROWS; i++) {
		if (strcmp(xattr_rows[i].name, name) == 0 && has_row(w, &xattr_rows[i]))
			return &xattr_rows[i];
	}
	return NULL;
}

static int answer_text(struct call *c)
{
	c->out = buf_text(&c->text);
	c->out_len = c->text.len;
	if (buf_error(&c->text) < 0)
		return buf_error(&c->text);
	return c->size > 0 && c->text.len > c->size ? -ERANGE : 0;
}

int vfs_getxattr(struct mount *m, struct call *c)
{
	/* Refused outright, the kernel asks no more for security.capability and its like. */
	if (strncmp(c->name, "user.", 5) != 0)
		return -EOPNOTSUPP;
	MOUNT_LOCKED(m);
	struct where where = where_locked(m, c->node);
	const struct xattr_row *row = find_row(&where, c->name);

	if (!row)
		return -ENODATA;
	row->show(m, &where, &c->text);
	return answer_text(c);
}

int vfs_listxattr(struct mount *m, struct call *c)
{
	MOUNT_LOCKED(m);
	struct where where = where_locked(m, c->node);

	for (size_t i = 0; i < XATTR_ROWS; i++) {
		if (has_row(&where, &xattr_rows[i]))
			buf_append(&c->text, xattr_rows[i].name, strlen(xattr_rows[i].name) + 1);
	}
	return answer_text(c);
}

int vfs_chosen_type_locked(struct mount *m, const struct entry *entry)
{
	const struct meta *meta = node_meta_locked(m, node_shown_locked(m, entry->id));

	return meta && entry->value_len == 0 ? meta->type : -1;
}

/* A new empty key has no type yet: the one chosen is kept until it is written. */
static int choose_type(struct mount *m, const struct where *where, enum value_type type)
{
	struct meta *meta = node_meta_make_locked(m, node_shown_locked(m, where->entry->id));

	if (!meta)
		return -ENOSPC;
	meta->type = (int)type;
	return 0;
}

/* The value under another type: `pin` is set when `change` is to be applied. */
static int begin_retype(struct mount *m, struct call *c, struct where *where, struct folder **pin,
			struct change *change, struct error *e)
{
	MOUNT_LOCKED(m);
	enum value_type type;
	size_t len;

	*where = where_locked(m, c->node);
	const struct xattr_row *row = find_row(where, c->name);
	if (!row)
		return -EPERM;
	/* The others only tell: whoever copies a tree with them writes them too. */
	if (row->show != show_type)
		return 0;
	if (value_type_parse(buf_text(&c->text), c->text.len, &type) < 0)
		return error_set(e, EINVAL, "a type is one of S, N, BOOL, B, NULL, SS, NS, BS, L and M");
	const struct entry *entry = where->entry;
	if (settings_read_only(m->settings))
		return -EROFS;
	if (type != VALUE_S && view_layout(where->view)->strings)
		return error_set(e, EINVAL, "in the path layout all values are strings");
	if (entry->value_len == 0 && (entry->type == VALUE_S || entry->type == VALUE_NULL) && type != VALUE_S)
		return choose_type(m, where, type);
	if (type == (enum value_type)entry->type)
		return 0;
	if (entry->flags & ENTRY_MEMORY)
		return error_set(e, EBUSY, "the file is not in the store yet: write it first");
	c->strands[0] = vfs_strand(where->view, where->folder->path);
	if (!c->may_block)
		return CALL_BLOCKS;
	*pin = folder_ref(where->folder);
	const char *raw = entry_raw(*pin, entry, &len);
	change->to = vfs_place(where->view, *pin, raw, len);
	change->value.type = type;
	change->expected = (struct attribute){ .type = (enum value_type)entry->type,
					       .bytes = entry_value(*pin, entry),
					       .len = entry->value_len };
	return 0;
}

static int retyped(struct mount *m, const struct where *where, const struct folder *folder, const struct change *change)
{
	MOUNT_LOCKED(m);
	struct fact fact =
		vfs_fact(m, FACT_VALUE, folder, entry_name(folder, where->entry), change->to.key, change->to.key_len);

	fact.type = change->value.type;
	fact.bytes = (char *)change->value.bytes;
	fact.len = change->value.len;
	return view_record_locked(where->view, &fact, false);
}

static int retype(struct mount *m, struct call *c, const struct where *where, const struct folder *folder,
		  struct change *change, struct error *e)
{
	_buf_cleanup_ struct buf bytes = BUF_INIT((size_t)4 * ITEM_SIZE_MAX);
	enum value_type type = change->value.type;
	int r = value_normalize(&type, change->expected.bytes, change->expected.len, &bytes, e);

	if (r < 0)
		return r;
	change->kind = CHANGE_PUT;
	change->expect = EXPECT_VALUE;
	change->value = (struct attribute){ .type = type, .bytes = buf_text(&bytes), .len = bytes.len };
	r = vfs_apply(m, c, where->view, change, e);
	return r < 0 ? r : retyped(m, where, folder, change);
}

int vfs_setxattr(struct mount *m, struct call *c)
{
	struct error e = ERROR_NULL;
	struct change change = { 0 };
	struct folder *pin = NULL;
	struct where where;

	if (strncmp(c->name, "user.", 5) != 0)
		return -EOPNOTSUPP;
	/* The kernel's buffer is gone once this returns. */
	if (!c->begun)
		buf_append(&c->text, c->data, c->size);
	c->begun = true;
	int r = begin_retype(m, c, &where, &pin, &change, &e);
	if (r == 0 && pin)
		r = retype(m, c, &where, pin, &change, &e);
	/* The kernel did not make the new text. */
	if (r == 0 && pin && m->notifier)
		notify_wait(m);
	folder_unref(pin);
	if (r < 0 && e.number)
		mount_fail(m, c->name, &e);
	return r;
}
