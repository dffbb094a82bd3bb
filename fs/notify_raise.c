/* SPDX-License-Identifier: Apache-2.0 */
/* What was told to the kernel goes on to those who watch. */
#include "fs/notify_private.h"
#include "fs/replay.h"
#include "fs/view.h"

#include <stdlib.h>

static bool same_bytes(const struct change_told *change)
{
	struct version before = { change->before_folder, change->before, false };
	struct version after = { change->after_folder, change->after, false };

	return version_same_bytes(&before, &after);
}

static bool is(const struct change_told *change, enum replay_kind kind)
{
	bool changed = is_value_change(change);

	/* What was held back for readers comes later. */
	if (change->ours || (changed && (change->held || same_bytes(change))))
		return false;
	if (kind == REPLAY_CHANGED)
		return changed;
	return !changed && (kind == REPLAY_REMOVED ? change->before : change->after);
}

static size_t add(const struct notifier *n, size_t i, enum replay_kind kind, struct replay_item *item)
{
	const struct change_told *change = &n->changes[i];

	if (!is(change, kind))
		return 0;
	if (kind == REPLAY_REMOVED)
		*item = (struct replay_item){ kind, change->before_folder, change->before };
	else
		*item = (struct replay_item){ kind, change->after_folder, change->after };
	return 1;
}

/* A store that watchers have not seen yet comes before what it holds. */
static size_t add_store(const struct notifier *n, struct replay_item *item)
{
	MOUNT_LOCKED(n->mount);
	struct view *view = n->view;

	if (view->raised || !view_is_shown(view))
		return 0;
	view->raised = true;
	*item = (struct replay_item){ REPLAY_CREATED, snapshot_folder(view->telling, ""), NULL };
	return 1;
}

void notify_raise_view(const struct notifier *n)
{
	/* A folder in the place of a value is two. */
	struct replay_item *items = calloc(2 * n->n + 1, sizeof(*items));
	size_t k = 0;

	if (!items)
		return;
	k += add_store(n, items);
	/* A directory goes after what was in it. */
	for (size_t i = n->n; i-- > 0;)
		k += add(n, i, REPLAY_REMOVED, &items[k]);
	for (size_t i = 0; i < n->n; i++)
		k += add(n, i, REPLAY_CREATED, &items[k]);
	for (size_t i = 0; i < n->n; i++)
		k += add(n, i, REPLAY_CHANGED, &items[k]);
	replay_add(n->mount->replay, n->view, n->view->told, n->view->telling, items, k);
	free(items);
}

void notify_raise_value(struct mount *m, struct view *view, const char *folder, const char *name)
{
	MOUNT_LOCKED(m);
	struct replay_item item = { REPLAY_CHANGED, snapshot_folder(view->current, folder), NULL };

	if (item.folder)
		item.entry = folder_find(item.folder, name);
	if (item.entry && item.entry->kind == ENTRY_VALUE)
		replay_add(m->replay, view, view->current, view->current, &item, 1);
}

void notify_raise_store(struct mount *m, struct view *view)
{
	MOUNT_LOCKED(m);
	bool shown = view_is_shown(view);
	struct replay_item item = { shown ? REPLAY_CREATED : REPLAY_REMOVED, snapshot_folder(view->current, ""), NULL };

	if (view->raised == shown)
		return;
	view->raised = shown;
	replay_add(m->replay, view, view->current, view->current, &item, 1);
}
