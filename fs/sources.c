/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/sources.h"

#include "fs/backend.h"
#include "fs/layout.h"
#include "fs/store_sqlite.h"
#include "fs/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int open_dynamodb(struct source *source, struct error *e)
{
	const struct source_settings *s = source->settings;
	struct mount *m = source->mount;
	struct backend_setup setup = { .clock = m->clock, .log = m->log, .metrics = m->metrics };
	bool create = s->create && !settings_read_only(m->settings);
	int r = backend_new(s, &setup, &source->backend, e);

	return r < 0 ? r : backend_store(source->backend, s, create, &source->store, e);
}

static int make_store(struct source *source, struct error *e)
{
	const struct source_settings *s = source->settings;
	int r = s->kind == SOURCE_LOCAL ? store_sqlite_new(s->target, s->layout, &source->store, e)
					: open_dynamodb(source, e);

	if (r == 0)
		source->store->ops->about(source->store, &source->about);
	return r;
}

/* The store that a source is. */
static int add_only_store(struct source *source)
{
	const char *name = source->settings->name;
	struct view *view = view_add_locked(source, name, strlen(name));

	if (!view)
		return -ENOMEM;
	if (source->settings->root == ROOT_YES)
		source->mount->root = view;
	return 0;
}

/* Stores that are named need no load to be known. */
static int add_named_stores(struct source *source)
{
	MOUNT_LOCKED(source->mount);

	if (layout_of(source->settings->layout)->one_store)
		return add_only_store(source);

	for (char **store = source->settings->stores; store && *store; store++) {
		if (!view_add_locked(source, *store, strlen(*store)))
			return -ENOMEM;
	}
	return 0;
}

int sources_make(struct mount *m, struct error *e)
{
	m->sources = calloc(m->settings->n_sources, sizeof(*m->sources));
	if (!m->sources)
		return error_no_memory(e);
	for (size_t i = 0; i < m->settings->n_sources; i++) {
		struct source *source = &m->sources[i];
		source->settings = &m->settings->sources[i];
		source->mount = m;
		m->n_sources++;
		int r = make_store(source, e);
		if (r < 0)
			return r;
		if (add_named_stores(source) < 0)
			return error_no_memory(e);
	}
	return 0;
}

void sources_free(struct mount *m)
{
	for (size_t i = 0; i < m->n_sources; i++) {
		store_free(m->sources[i].store);
		backend_free(m->sources[i].backend);
	}
	free(m->sources);
	m->sources = NULL;
	m->n_sources = 0;
}
