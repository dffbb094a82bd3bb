/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as files: they go with their folder, and change with every key in it. */
#include "fs/document.h"
#include "fs/node.h"

#include <stdlib.h>
#include <string.h>

const struct entry *node_document(const struct view *view, const struct snapshot *snapshot,
				  const struct folder **folder, const char *name)
{
	enum document_kind kind = document_find(name);

	if (kind == DOCUMENTS || view->source->settings->layout != LAYOUT_OPTIONS)
		return NULL;
	bool store = (*folder)->path[0] == '\0';
	const struct folder *made = store ? document_folder_of_store(snapshot) : document_folder(*folder);
	const struct entry *entry = made ? folder_find(made, name) : NULL;
	if (entry)
		*folder = made;
	return entry;
}

bool node_hold_document_locked(struct view *view, uint64_t shown)
{
	struct mount *m = view->mount;

	if (!view->documented)
		view->documented = snapshot_ref(view->current);
	return idmap_get(&m->documents, shown, NULL) ||
	       (view->documented == view->current && !view->telling && idmap_set(&m->documents, shown, 1));
}

struct where node_where_document_locked(struct mount *m, uint64_t shown)
{
	struct where where = where_locked(m, document_owner(shown));
	const char *name = document_name((enum document_kind)(shown & 1));

	if (where.kind == WHERE_FOLDER)
		where.entry = node_document(where.view, where.view->current, &where.folder, name);
	where.kind = where.entry ? WHERE_VALUE : WHERE_NOTHING;
	where.node = node_find_locked(m, shown);
	return where;
}

/* The folders whose documents may have changed, each once: the walk is in order. */
struct changed_folders {
	const struct folder **pairs; /* before, after, before, … */
	size_t n, cap;
};

static void note_folder(void *data, const struct difference *difference)
{
	struct changed_folders *c = data;
	const struct folder *before = difference->before_folder, *after = difference->after_folder;

	if (!before || !after || (c->n > 0 && c->pairs[c->n - 2] == before))
		return;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		const struct folder **pairs = reallocarray(c->pairs, cap, sizeof(*pairs));
		if (!pairs)
			return;
		c->pairs = pairs;
		c->cap = cap;
	}
	c->pairs[c->n++] = before;
	c->pairs[c->n++] = after;
}

static bool is_kept(struct mount *m, const struct folder *folder, unsigned kind)
{
	MOUNT_LOCKED(m);

	return idmap_get(&m->documents, node_shown_locked(m, document_id(folder->id, kind)), NULL);
}

static bool find_difference(const struct view *view, const struct snapshot *before, const struct snapshot *after,
			    const char *name, struct difference *d)
{
	d->before = node_document(view, before, &d->before_folder, name);
	d->after = node_document(view, after, &d->after_folder, name);
	return d->before && d->after &&
	       (d->before->value_len != d->after->value_len ||
		memcmp(entry_value(d->before_folder, d->before), entry_value(d->after_folder, d->after),
		       d->after->value_len) != 0);
}

size_t node_documents_diff(const struct view *view, const struct snapshot *before, const struct snapshot *after,
			   void (*visit)(void *data, const struct difference *difference), void *data)
{
	/* A store's own document is of all its options. */
	const struct difference root = { .before_folder = before->folders[0], .after_folder = after->folders[0] };
	struct changed_folders changed = { 0 };
	size_t told = 0;

	note_folder(&changed, &root);
	snapshot_diff(before, after, note_folder, &changed);
	for (size_t i = 0; i < changed.n; i += 2) {
		for (unsigned kind = 0; kind < DOCUMENTS; kind++) {
			struct difference d = { .before_folder = changed.pairs[i],
						.after_folder = changed.pairs[i + 1] };
			if (!is_kept(view->mount, d.after_folder, kind) ||
			    !find_difference(view, before, after, document_name((enum document_kind)kind), &d))
				continue;
			visit(data, &d);
			told++;
		}
	}
	free(changed.pairs);
	return told;
}
