/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever reads one value of a directory will read the others: they are put into the page cache before they are asked
 * for. On the notifier's thread, so that no value flips meanwhile.
 */
#include "fs/dispatch.h"
#include "fs/handle.h"
#include "fs/notify_private.h"
#include "fs/ops.h"

#include <errno.h>

/* What is stored of one directory at most, and how many values unknown to the kernel end it: nobody listed them. */
enum { VALUES_MAX = 1024, BYTES_MAX = 1 << 20, UNKNOWN_MAX = 8 };

/* A directory is not looked at again for so long. */
#define AGAIN CLOCK_SECOND
/* A listing so soon after values of another directory were read is that of somebody who walks the tree and reads. */
#define WALKING (200 * CLOCK_MS)

/* The folder's place among those that were asked for lately. */
static struct ahead *find(struct notifier *n, uint64_t folder, int64_t now)
{
	for (size_t i = 0; i < AHEAD_MAX; i++) {
		if (n->ahead[i].folder == folder && now - n->ahead[i].asked < AGAIN)
			return &n->ahead[i];
	}
	return NULL;
}

static void ask(struct notifier *n, uint64_t folder, int64_t now)
{
	n->ahead[n->ahead_next++ % AHEAD_MAX] = (struct ahead){ folder, now, true };
	notify_wake(n);
}

void notify_read_locked(struct notifier *n, uint64_t folder)
{
	if (!n)
		return;
	n->read = clock_mono(n->mount->clock);
	if (!find(n, folder, n->read))
		ask(n, folder, n->read);
}

bool notify_listed_locked(struct notifier *n, uint64_t folder)
{
	int64_t now = n ? clock_mono(n->mount->clock) : 0;

	if (!n || !n->read || now - n->read > WALKING)
		return false;
	const struct ahead *ahead = find(n, folder, now);
	if (!ahead)
		ask(n, folder, now);
	return !ahead || ahead->wanted;
}

static struct ahead *next_ahead(struct notifier *n, uint64_t *folder)
{
	MOUNT_LOCKED(n->mount);

	for (size_t i = 0; i < AHEAD_MAX; i++) {
		*folder = n->ahead[i].folder;
		if (n->ahead[i].wanted)
			return &n->ahead[i];
	}
	return NULL;
}

/* The folder with a reference, and its id; NULL: it is gone. */
static struct folder *begin(struct notifier *n, uint64_t id, struct view **view)
{
	MOUNT_LOCKED(n->mount);
	struct where where = where_locked(n->mount, id);

	if (where.kind != WHERE_FOLDER || where.view->ttl == 0)
		return NULL;
	*view = where.view;
	/* Writers wait until this is done. */
	n->storing = where.folder->id;
	return folder_ref(where.folder);
}

static void end(struct notifier *n, struct ahead *ahead, uint64_t id, struct folder *folder)
{
	MOUNT_LOCKED(n->mount);

	n->storing = 0;
	/* Its place may be another's by now. */
	ahead->wanted = ahead->wanted && ahead->folder != id;
	folder_unref(folder);
}

/* The id of a value whose shown version is the only one that the kernel can have; 0: it has others, or is being
 * written. */
static uint64_t storable(struct view *view, const struct folder *folder, const struct entry *entry)
{
	struct mount *m = view->mount;
	MOUNT_LOCKED(m);
	const struct folder *now = snapshot_folder(view->current, folder->path);
	uint64_t shown = node_shown_locked(m, entry->id);
	const struct node *node = node_find_locked(m, shown);

	/* A change that is still to be told, or was committed meanwhile. */
	if (now != folder || !notify_version_locked(view, folder, entry, node).settled)
		return 0;
	for (const struct handle *h = node ? node->handles : NULL; h; h = h->next) {
		if (h->writes)
			return 0;
	}
	return shown;
}

static void store_folder(struct view *view, const struct folder *folder)
{
	size_t bytes = 0, unknown = 0;

	for (size_t i = 0; i < folder->n_entries && i < VALUES_MAX && bytes < BYTES_MAX && unknown < UNKNOWN_MAX; i++) {
		const struct entry *entry = &folder->entries[folder->by_id[i]];
		if (entry->kind != ENTRY_VALUE || entry->value_len == 0)
			continue;
		uint64_t shown = storable(view, folder, entry);
		int r = shown ? kernel_store(view->mount->kernel, shown, entry_value(folder, entry), entry->value_len)
			      : 0;
		unknown += r == -ENOENT;
		bytes += entry->value_len;
	}
}

void notify_store_ahead(struct notifier *n)
{
	struct ahead *ahead;
	struct view *view;
	uint64_t id;

	while ((ahead = next_ahead(n, &id))) {
		struct folder *folder = begin(n, id, &view);
		if (folder)
			store_folder(view, folder);
		end(n, ahead, id, folder);
		dispatch_wake(n->mount->dispatcher);
	}
}

bool notify_is_storing_locked(const struct notifier *n, const struct folder *folder)
{
	return n && n->storing == folder->id;
}
