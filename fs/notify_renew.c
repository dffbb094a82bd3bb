/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changed values where opens never reach the daemon: it cannot know who reads, so it swaps no value under an id. A
 * changed key gets a new id (and keeps its st_ino), which lookups hand out from then on; the old id shows the old value
 * for a while, and is then bound to the current one, for those who still have it open.
 */
#include "fs/notify_private.h"
#include "fs/ops.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <stdio.h>

/* How long an old id keeps its value: longer than anybody takes to read one. */
#define OLD_STAYS (500 * CLOCK_MS)

void notify_find_watches(struct notifier *n)
{
	struct mount *m = n->mount;

	if (m->settings->values != VALUES_RO || !n->n)
		return;
	watches_deinit(&n->watches);
	watches_scan(&n->watches, "/proc", m->major, m->minor);
}

/* A watch on the file itself would go silent, and what is mounted on it would be detached. Documents have no other
 * ids. */
static bool keeps_id(const struct notifier *n, const struct change_told *change)
{
	const struct folder *folder = change->after_folder;
	char path[2 * VFS_PATH_MAX];

	if (id_is_document(change->after->id) ||
	    !view_path(n->view, folder->path, entry_name(folder, change->after), path, sizeof(path)))
		return true;
	return watches_has(&n->watches, change->after->id) || watches_is_mounted(&n->watches, path);
}

bool notify_renew_locked(struct notifier *n, const struct change_told *change)
{
	struct mount *m = n->mount;
	struct where where = { WHERE_VALUE, n->view, change->before_folder, change->before, NULL };

	if (m->settings->values != VALUES_RO || keeps_id(n, change))
		return false;
	struct node *node = node_open_locked(m, change->shown, &where);
	if (!node)
		return false;
	if (!node_renew_locked(m, change->after->id)) {
		node_close_locked(m, node);
		return false;
	}
	node->held_folder = folder_ref(change->before_folder);
	node->held = change->before;
	node->due = clock_mono(m->clock) + OLD_STAYS;
	if (n->retired)
		n->newest->later = node;
	else
		n->retired = node;
	n->newest = node;
	return true;
}

/* The next old id that is due, bound to the current value; `*changed`: that is another one. */
static struct node *take_retired(struct notifier *n, bool *changed)
{
	struct mount *m = n->mount;
	MOUNT_LOCKED(m);
	struct node *node = n->retired;

	if (!node || node->due > clock_mono(m->clock))
		return NULL;
	n->retired = node->later;
	node->later = NULL;
	struct where where = where_locked(m, node->id);
	*changed = where.kind == WHERE_VALUE && where.entry != node->held;
	if (*changed) {
		folder_unref(node->held_folder);
		node->held_folder = folder_ref(where.folder);
		node->held = where.entry;
	}
	return node;
}

static void keep_retired(struct notifier *n, struct node *node)
{
	MOUNT_LOCKED(n->mount);

	node->due = clock_mono(n->mount->clock) + OLD_STAYS;
	if (n->retired)
		n->newest->later = node;
	else
		n->retired = node;
	n->newest = node;
}

static void drop_retired(struct mount *m, struct node *node)
{
	MOUNT_LOCKED(m);

	node_retire_locked(m, node->id);
	node->held = NULL;
	node_close_locked(m, node);
}

void notify_tell_retired(struct notifier *n)
{
	struct mount *m = n->mount;
	bool changed;

	for (struct node *node; (node = take_retired(n, &changed));) {
		int r = changed ? kernel_invalidate_data(m->kernel, node->id)
				: kernel_invalidate_attributes(m->kernel, node->id);
		if (r == -ENOENT)
			drop_retired(m, node);
		else
			keep_retired(n, node);
	}
}
