/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: %json and %env of an option, %json of a store. Their texts are in document.c. */
#include "fs/document.h"
#include "fs/ours.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct entry *vfs_document_locked(const struct view *view, const struct folder **folder, const char *name)
{
	return node_document(view, view->current, folder, name);
}

bool vfs_document_is_writable(const struct folder *folder, const struct entry *entry)
{
	return folder->path[0] && document_find(entry_name(folder, entry)) == DOCUMENT_JSON;
}

/* What a document is made of: a folder, or a snapshot for a store's. */
struct material {
	struct folder *folder;
	struct snapshot *store;
	bool large;
};

static struct material material_of(struct mount *m, const struct call *c)
{
	enum { LARGE = 1 << 16 };
	MOUNT_LOCKED(m);
	struct where where = where_locked(m, c->kind == CALL_LOOKUP ? c->node : document_owner(c->node));

	if (where.kind != WHERE_FOLDER || where.view->source->settings->layout != LAYOUT_OPTIONS)
		return (struct material){ 0 };
	if (where.folder->path[0])
		return (struct material){ .folder = folder_ref(where.folder), .large = where.folder->size > LARGE };
	return (struct material){ .store = snapshot_ref(where.view->current),
				  .large = where.view->current->bytes > LARGE };
}

int vfs_document_prepare(struct mount *m, struct call *c)
{
	bool named = c->kind == CALL_LOOKUP && c->node != ROOT_ID && document_find(c->name) != DOCUMENTS;

	if (!named && !id_is_document(c->node))
		return 0;
	struct material of = material_of(m, c);
	bool made = (of.folder && of.folder->documents) || (of.store && of.store->documents);
	int r = of.large && !made && !c->may_block ? CALL_BLOCKS : 0;
	if (r == 0 && of.folder)
		document_folder(of.folder);
	if (r == 0 && of.store)
		document_folder_of_store(of.store);
	folder_unref(of.folder);
	snapshot_unref(of.store);
	return r;
}

/* What was written, on its way to the store. */
struct replacing {
	struct view *view;
	struct folder *folder; /* the option as the edit saw it */
	struct buf text;
	uint64_t version;
	struct document_edit edit;
};

static void replacing_deinit(struct replacing *r)
{
	document_edit_deinit(&r->edit);
	folder_unref(r->folder);
	buf_deinit(&r->text);
}

/* A key that is parked under another name is renamed in the store first: it would be in the way there. */
static int store_backups(struct mount *m, const struct handle *h, struct error *e)
{
	const struct node *node = h->node;
	int r = 0;

	for (char *name = (char *)""; name && r == 0;) {
		mount_lock(m);
		const struct fact *fact = node->view->facts;
		while (fact && !(vfs_is_parked(fact) && strcmp(fact->folder, node->folder) == 0))
			fact = fact->next;
		name = fact ? strdup(fact->name) : NULL;
		pthread_mutex_unlock(&m->lock);
		if (name)
			r = vfs_store_backup(node->view, node->folder, name);
		free(name);
	}
	return r < 0 ? error_set(e, EBUSY, "a key that was renamed a moment ago could not be renamed in the store") : 0;
}

/* Whoever wrote into the text that he read must have read the newest one. */
static bool is_as_read(const struct handle *h, const struct view *view, const struct folder *folder)
{
	const struct entry *entry = vfs_document_locked(view, &folder, h->node->name);

	if (!h->derived || !h->has_base)
		return true;
	return entry && entry->value_len == h->base.len &&
	       memcmp(entry_value(folder, entry), buf_text(&h->base), h->base.len) == 0;
}

/* 1: there is nothing to do. */
static int begin(struct mount *m, struct handle *h, struct replacing *r, struct error *e)
{
	MOUNT_LOCKED(m);
	const struct node *node = h->node;

	if (!handle_release_commits(h))
		return 1;
	const struct folder *folder = node->unlinked ? NULL : snapshot_folder(node->view->current, node->folder);
	if (!folder)
		return error_set(e, ESTALE, "the option was removed meanwhile: create it again, then write");
	if (!is_as_read(h, node->view, folder))
		return error_set(e, ESTALE, "the option was changed since it was read: read it again");
	r->view = node->view;
	r->folder = folder_ref(folder);
	r->version = h->version;
	buf_append(&r->text, buf_text(&h->work), h->work.len);
	return buf_error(&r->text) < 0 ? error_no_memory(e) : 0;
}

static int check_names(const struct replacing *r, struct error *e)
{
	const struct source_settings *s = r->view->source->settings;

	for (size_t i = 0; i < r->edit.n; i++) {
		const struct attribute *name = key_change_name(&r->edit.changes[i]);
		if ((strlen(s->store_key) == name->name_len && memcmp(s->store_key, name->name, name->name_len) == 0) ||
		    (strlen(s->option_key) == name->name_len && memcmp(s->option_key, name->name, name->name_len) == 0))
			return error_set(e, EINVAL, "%.*s is one of the table's own key names: choose another",
					 (int)name->name_len, name->name);
	}
	return 0;
}

static int send(struct mount *m, struct call *c, const struct replacing *r, struct error *e)
{
	struct change change = { .kind = CHANGE_REPLACE,
				 .to = vfs_place(r->view, r->folder, NULL, 0),
				 .keys = r->edit.changes,
				 .n_keys = r->edit.n };

	return vfs_apply(m, c, r->view, &change, e);
}

/* One key, done: what an open handle of it still has to truncate or write gives way. `name` keeps the fact's name. */
static struct fact fact_of(struct mount *m, const struct replacing *r, const struct key_change *change,
			   char name[FILE_NAME_MAX + 1])
{
	const struct attribute *of = key_change_name(change);
	const struct folder *current = snapshot_folder(r->view->current, r->folder->path);

	name_encode(of->name, of->name_len, NAME_ANYWHERE, name, NULL);
	const struct entry *entry = current ? folder_find(current, name) : NULL;
	struct fact fact = vfs_fact(m, change->is ? FACT_VALUE : FACT_GONE, r->folder, name, of->name, of->name_len);
	fact.type = change->is ? change->after.type : change->before.type;
	fact.bytes = (char *)change->after.bytes;
	fact.len = change->is ? change->after.len : 0;
	struct node *node = entry ? node_find_locked(m, node_shown_locked(m, entry->id)) : NULL;
	if (node)
		node->changes++;
	if (entry && !change->is)
		node_unlinked_locked(m, entry->id);
	return fact;
}

/* The text as it is shown from here on is what further writes start from; its watchers know of it. */
static void committed_locked(const struct replacing *r, struct handle *h)
{
	const struct folder *folder = snapshot_folder(r->view->current, r->folder->path);
	const struct entry *entry = folder ? vfs_document_locked(r->view, &folder, h->node->name) : NULL;

	vfs_reported_locked(r->view, h->node->folder, h->node->name);
	if (!entry)
		return;
	ours_add_locked(r->view, &(struct fact){ .kind = FACT_VALUE,
						 .folder = h->node->folder,
						 .name = h->node->name,
						 .mtime = entry->mtime });
	handle_committed(h, r->version, VALUE_S, entry_value(folder, entry), entry->value_len);
}

static int record(struct mount *m, const struct replacing *r, struct handle *h, struct error *e)
{
	struct fact *facts = calloc(r->edit.n_changed + 1, sizeof(*facts));
	char(*names)[FILE_NAME_MAX + 1] = calloc(r->edit.n_changed + 1, sizeof(*names));
	size_t n = 0;
	int done = -ENOMEM;

	mount_lock(m);
	for (size_t i = 0; facts && names && i < r->edit.n; i++) {
		if (!r->edit.changes[i].changes)
			continue;
		facts[n] = fact_of(m, r, &r->edit.changes[i], names[n]);
		n++;
	}
	if (facts && names)
		done = view_record_all_locked(r->view, facts, n);
	committed_locked(r, h);
	pthread_mutex_unlock(&m->lock);
	free(facts);
	free(names);
	return done < 0 ? error_no_memory(e) : 0;
}

int vfs_document_commit(struct mount *m, struct call *c, struct handle *h, struct error *e)
{
	__attribute__((cleanup(replacing_deinit))) struct replacing r = { .text = BUF_INIT(h->work.max) };
	int done = store_backups(m, h, e);

	if (done == 0)
		done = begin(m, h, &r, e);
	if (done == 0)
		done = document_edit(r.folder, buf_text(&r.text), r.text.len, &r.edit, e);
	if (done == 0)
		done = check_names(&r, e);
	if (done == 0 && r.edit.n_changed > 0)
		done = send(m, c, &r, e);
	if (done == 0)
		done = record(m, &r, h, e);
	if (done != 0)
		return done < 0 ? done : 0;
	/* Whoever reads a key after close(2) sees what he wrote. While the kernel holds the file it cannot be told. */
	if (r.edit.n_changed > 0 && c->kind == CALL_FLUSH && m->notifier)
		notify_wait(m);
	return 0;
}
