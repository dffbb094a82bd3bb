/* SPDX-License-Identifier: Apache-2.0 */
/* Versions that are held back for readers who have just opened them. */
#include "fs/notify_private.h"

#include "fs/dispatch.h"
#include "fs/handle.h"
#include "fs/replay.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_MAX = 4096 };

/* A reader younger than this is waited for. */
#define YOUNG CLOCK_SECOND

/* Whoever bypasses the page cache is waited for too, fstat(2) and mmap(2) do not; but others come after him without
 * end. */
static bool is_young(const struct node *node, const struct handle *h, int64_t now)
{
	if (h->writes || now - h->opened >= YOUNG)
		return false;
	return h->cached || !node->held || now - node->held_since < YOUNG;
}

static bool has_young_reader(struct mount *m, const struct node *node)
{
	int64_t now = clock_mono(m->clock);

	for (const struct handle *h = node ? node->handles : NULL; h; h = h->next) {
		if (is_young(node, h, now))
			return true;
	}
	return false;
}

/* Somebody relies on what the file shows. */
static bool is_in_use(struct mount *m, const struct node *node, const struct entry *entry)
{
	return has_young_reader(m, node) || replay_is_at_locked(m->replay, entry->id);
}

bool notify_hold_locked(struct notifier *n, const struct change_told *change)
{
	struct mount *m = n->mount;
	struct where where = { WHERE_VALUE, n->view, change->before_folder, change->before, NULL };
	struct node *node = node_find_locked(m, change->shown);

	if (!(node && node->held) && is_in_use(m, node, change->before)) {
		/* It outlives its readers: somebody must tell the kernel. */
		node = node_open_locked(m, change->shown, &where);
		if (!node)
			return false;
		node->held_folder = folder_ref(change->before_folder);
		node->held = change->before;
		node->held_since = clock_mono(m->clock);
		node->held_for_watchers = false;
	}
	if (!node || !node->held)
		return false;
	node->held_for_watchers = node->held_for_watchers || !change->ours;
	return true;
}

static struct node *next_held(struct mount *m, size_t *at)
{
	struct node *node;

	do {
		node = node_next_locked(m, at);
	} while (node && (!node->held || node->due));
	return node;
}

/* A node whose version need not be held back any more: it shows the told one from here on, opens still wait. */
static struct node *due_locked(struct mount *m)
{
	size_t at = 0;
	struct node *node;

	do {
		node = next_held(m, &at);
	} while (node && is_in_use(m, node, node->held));
	if (!node)
		return NULL;
	struct where where = where_locked(m, node->id);
	if (where.kind == WHERE_VALUE) {
		/* The one that is shown once nothing is held: newer ones have not been told yet. */
		struct version told = notify_version_locked(where.view, where.folder, where.entry, NULL);
		folder_unref(node->held_folder);
		node->held_folder = folder_ref(told.folder);
		node->held = told.entry;
	}
	return node;
}

/* Where a file is, outside of the lock. */
struct place_held {
	struct view *view;
	char folder[PLACE_MAX], name[FILE_NAME_MAX + 1];
	bool for_watchers;
};

static struct node *take_held(struct mount *m, struct place_held *place)
{
	MOUNT_LOCKED(m);
	struct node *node = due_locked(m);

	if (node) {
		place->view = node->view;
		place->for_watchers = node->held_for_watchers;
		snprintf(place->folder, sizeof(place->folder), "%s", node->folder);
		snprintf(place->name, sizeof(place->name), "%s", node->name);
	}
	return node;
}

static void drop_held(struct mount *m, struct node *node)
{
	MOUNT_LOCKED(m);

	node->held_folder = folder_unref(node->held_folder);
	node->held = NULL;
	node_close_locked(m, node);
}

static bool any_held(struct mount *m)
{
	size_t at = 0;
	MOUNT_LOCKED(m);

	return next_held(m, &at) != NULL;
}

void notify_tell_held(struct notifier *n)
{
	struct mount *m = n->mount;
	struct place_held place;

	for (struct node *node; (node = take_held(m, &place));) {
		if (notify_forget_file(m, node->id))
			notify_settle_size(place.view, place.folder, place.name);
		drop_held(m, node);
		dispatch_wake(m->dispatcher);
		if (place.for_watchers)
			notify_raise_value(m, place.view, place.folder, place.name);
	}
	n->holds = any_held(m);
}
