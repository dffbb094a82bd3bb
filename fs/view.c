/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/view.h"

#include "fs/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool view_is_shown(const struct view *view)
{
	return !view->gone && !view->alias_of[0];
}

bool view_path(const struct view *view, const char *folder, const char *name, char *out, size_t size)
{
	const char *const parts[] = { view == view->mount->root ? "" : view->name, folder, name ? name : "" };
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && used < size; i++) {
		if (*parts[i])
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "/" : "", parts[i]);
	}
	return used < size;
}

/* The first position whose name is not below `name`. */
static size_t position(const struct mount *m, const char *name)
{
	size_t low = 0, high = m->n_views;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(m->views[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct view *view_find_locked(struct mount *m, const char *name)
{
	for (size_t i = position(m, name); i < m->n_views && strcmp(m->views[i]->name, name) == 0; i++) {
		if (view_is_shown(m->views[i]))
			return m->views[i];
	}
	return NULL;
}

struct view *view_of_store_locked(struct source *source, const char *store, size_t len)
{
	struct mount *m = source->mount;
	char name[FILE_NAME_MAX + 1];

	if (name_encode(store, len, NAME_AT_ROOT, name, NULL) < 0)
		return NULL;
	for (size_t i = position(m, name); i < m->n_views && strcmp(m->views[i]->name, name) == 0; i++) {
		if (m->views[i]->source == source)
			return m->views[i];
	}
	return NULL;
}

/* Among stores of one name the first source in the file that has one wins; the others are hidden, and said to be. */
static void settle_names(struct mount *m, const char *name)
{
	const struct view *winner = NULL;
	size_t first = position(m, name);

	for (size_t i = first; i < m->n_views && strcmp(m->views[i]->name, name) == 0; i++) {
		if (!m->views[i]->gone && (!winner || m->views[i]->source < winner->source))
			winner = m->views[i];
	}
	for (size_t i = first; i < m->n_views && strcmp(m->views[i]->name, name) == 0; i++) {
		struct view *view = m->views[i];
		bool was_hidden = view->alias_of[0];
		struct error e = ERROR_NULL;
		bool hidden = view != winner && !view->gone;
		snprintf(view->alias_of, sizeof(view->alias_of), "%s", hidden ? winner->source->settings->name : "");
		if (!hidden || was_hidden)
			continue;
		error_set(&e, EEXIST,
			  "store %s of source %s is hidden: source %s, which comes first, has one of that name",
			  view->name, view->source->settings->name, view->alias_of);
		mount_fail_locked(m, view->name, &e);
	}
}

void view_set_gone_locked(struct view *view, bool gone)
{
	struct mount *m = view->mount;

	if (view->gone == gone)
		return;
	view->gone = gone;
	settle_names(m, view->name);
	m->root_mtime = clock_wall(m->clock);
	notify_wake(m->notifier);
}

bool view_is_empty(const struct snapshot *snapshot)
{
	return snapshot->n_folders <= 1 && snapshot->folders[0]->n_entries == 0;
}

int view_empty_snapshot(const char *store, struct snapshot **out)
{
	struct snapshot_draft *draft = NULL;
	int r = snapshot_draft_new(store, NULL, false, &draft, NULL);

	return r < 0 ? r : snapshot_draft_finish(draft, out, NULL);
}

static struct view *view_new(struct source *source, const char *store, size_t len)
{
	struct view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->mount = source->mount;
	view->source = source;
	view->ttl = source->settings->ttl;
	view->store = strndup(store, len);
	if (!view->store || name_encode(store, len, NAME_AT_ROOT, view->name, NULL) < 0 ||
	    view_empty_snapshot(view->store, &view->current) < 0) {
		free(view->store);
		free(view);
		return NULL;
	}
	view->access = settings_access(source->mount->settings, source->settings, view->store);
	view->told = snapshot_ref(view->current);
	return view;
}

struct view *view_add_locked(struct source *source, const char *store, size_t len)
{
	struct mount *m = source->mount;
	struct view **views = realloc(m->views, (m->n_views + 1) * sizeof(*views));

	if (!views)
		return NULL;
	m->views = views;
	struct view **by_age = realloc(m->by_age, (m->n_views + 1) * sizeof(*by_age));
	if (!by_age)
		return NULL;
	m->by_age = by_age;
	struct view *view = view_new(source, store, len);
	if (!view)
		return NULL;
	size_t at = position(m, view->name);
	memmove(views + at + 1, views + at, (m->n_views - at) * sizeof(*views));
	views[at] = view;
	by_age[m->n_views++] = view;
	settle_names(m, view->name);
	m->root_mtime = clock_wall(m->clock);
	notify_wake(m->notifier);
	return view;
}

void views_free(struct mount *m)
{
	for (size_t i = 0; i < m->n_views; i++) {
		struct view *view = m->views[i];
		view_facts_free(view);
		idmap_deinit(&view->ours);
		idmap_deinit(&view->known);
		snapshot_unref(view->current);
		snapshot_unref(view->told);
		snapshot_unref(view->telling);
		snapshot_unref(view->documented);
		free(view->store);
		free(view);
	}
	free(m->views);
	free(m->by_age);
	m->views = m->by_age = NULL;
	m->n_views = 0;
}

/* What the kernel did itself needs no telling, unless it has something to be told already. */
bool view_is_told(const struct view *view, bool kernel_knows)
{
	return kernel_knows && view->told == view->current && !view->telling;
}

void view_publish_locked(struct view *view, struct snapshot *next, bool kernel_knows)
{
	if (next == view->current) {
		snapshot_unref(next);
		return;
	}
	if (view_is_told(view, kernel_knows)) {
		snapshot_unref(view->told);
		view->told = snapshot_ref(next);
	}
	snapshot_unref(view->current);
	view->current = next;
	if (view->told != view->current || view->documented)
		notify_wake(view->mount->notifier);
}
