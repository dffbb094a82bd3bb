/* SPDX-License-Identifier: Apache-2.0 */
/* Versions that are held back for readers who have just opened them. */
#include "fs/notify_private.h"

#include "fs/dispatch.h"
#include "fs/handle.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_MAX = 4096 };

/* A reader younger than this is waited for. */
#define YOUNG CLOCK_SECOND

static bool has_young_reader(struct mount *m, const struct node *node)
{
	int64_t now = clock_mono(m->clock);

	for (const struct handle *h = node ? node->handles : NULL; h; h = h->next) {
		if (h->cached && now - h->opened < YOUNG)
			return true;
	}
	return false;
}

bool notify_hold_locked(struct mount *m, struct node *node, const struct change_told *change)
{
	if (!node->held && has_young_reader(m, node)) {
		node->held_folder = folder_ref(change->before_folder);
		node->held = change->before;
		node->held_for_watchers = false;
		/* It outlives its readers: somebody must tell the kernel. */
		node->refs++;
	}
	if (node->held && !change->ours)
		node->held_for_watchers = true;
	return node->held;
}

static struct node *next_held(struct mount *m, size_t *at)
{
	struct node *node;

	do {
		node = node_next_locked(m, at);
	} while (node && !node->held);
	return node;
}

/* A node whose version need not be held back any more: it shows the current one from here on, opens still wait. */
static struct node *due_locked(struct mount *m)
{
	size_t at = 0;
	struct node *node;

	do {
		node = next_held(m, &at);
	} while (node && has_young_reader(m, node));
	if (!node)
		return NULL;
	struct where where = where_locked(m, node->id);
	if (where.kind == WHERE_VALUE) {
		folder_unref(node->held_folder);
		node->held_folder = folder_ref(where.folder);
		node->held = where.entry;
	}
	return node;
}

static struct node *take_held(struct mount *m, struct view **view, char *folder, char *name)
{
	MOUNT_LOCKED(m);
	struct node *node = due_locked(m);

	if (node) {
		*view = node->view;
		snprintf(folder, PLACE_MAX, "%s", node->folder);
		snprintf(name, FILE_NAME_MAX + 1, "%s", node->name);
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
	char folder[PLACE_MAX], name[FILE_NAME_MAX + 1];
	struct view *view;

	for (struct node *node; (node = take_held(m, &view, folder, name));) {
		if (notify_forget_file(m, node->id))
			notify_settle_size(view, folder, name);
		drop_held(m, node);
		dispatch_wake(m->dispatcher);
	}
	n->holds = any_held(m);
}
