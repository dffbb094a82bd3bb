/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/replay.h"

#include "fs/dispatch.h"
#include "fs/node.h"
#include "fs/ops.h"
#include "fs/vfs_private.h"
#include "fs/visitor.h"
#include "fs/watches.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* From so many changes at once it is worth finding out who watches. WAITING_MAX: items; beyond, watchers miss some. */
enum { MANY = 100, WAITING_MAX = 1 << 20 };

struct batch {
	struct batch *next;
	struct view *view;
	struct snapshot *before, *after;
	size_t n;
	struct replay_item items[];
};

struct replay {
	struct mount *mount;
	pthread_t thread;
	struct visitor *visitor; /* what it does, it does there */
	/* The thread's own: */
	int clone; /* the root during one batch; negative: it is opened by path each time */
	bool said; /* that the path does not lead here */

	/* "replays": guards all below; may be taken with the state lock held, never the reverse. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct batch *first, **last;
	size_t waiting; /* items */
	_Atomic bool ending;

	/* state: what the thread does now */
	const struct batch *batch;
	const struct replay_item *item;
	uint64_t parent; /* of its name, as shown */
	bool made;       /* the kernel has been told that the new name is there */
	bool awaited;    /* somebody waits for it to go on */
};

bool replay_is_own(const struct replay *r, pid_t thread)
{
	return r && visitor_id(r->visitor) == thread;
}

bool replay_is_at_locked(struct replay *r, uint64_t natural)
{
	bool is_at = r && r->item && r->item->entry && r->item->entry->id == natural;

	if (is_at)
		r->awaited = true;
	return is_at;
}

static const char *item_name(const struct batch *batch, const struct replay_item *item)
{
	return item->entry ? entry_name(item->folder, item->entry) : batch->view->name;
}

static bool is_folder(const struct replay_item *item)
{
	return !item->entry || item->entry->kind == ENTRY_FOLDER;
}

/* What was removed is shown once more, as the snapshots of the batch have it: a folder, or
 * an entry of it. */
static int show_back(struct mount *m, struct call *c, const struct folder *folder, const struct entry *entry)
{
	struct view *view = m->replay->batch->view;

	if (entry)
		vfs_attr_value_locked(m, view, folder, entry, &c->attr);
	else if (folder)
		vfs_attr_folder_locked(m, view, folder, &c->attr);
	else
		return -ESTALE;
	c->attr.entry_ttl = c->attr.attr_ttl = 0;
	return 0;
}

static const struct snapshot *snapshot_of(const struct replay *r)
{
	return r->item->kind == REPLAY_REMOVED ? r->batch->before : r->batch->after;
}

/* By its id. */
static int look_back_at(struct mount *m, struct call *c)
{
	const struct folder *folder = NULL;
	const struct entry *entry = NULL;
	MOUNT_LOCKED(m);

	snapshot_find_id(snapshot_of(m->replay), node_natural_locked(m, c->node), &folder, &entry);
	return show_back(m, c, folder, entry);
}

/* By its name. */
static int look_back(struct mount *m, struct call *c)
{
	const struct snapshot *s = snapshot_of(m->replay);
	const struct folder *folder = NULL;
	const struct entry *entry = NULL;
	char path[VFS_PATH_MAX];

	if (vfs_is_top(m, c->node)) {
		bool store = strcmp(c->name, m->replay->batch->view->name) == 0;
		return show_back(m, c, store ? snapshot_folder(s, "") : NULL, NULL);
	}
	if (c->node == ROOT_ID)
		folder = s->folders[0];
	else
		snapshot_find_id(s, node_natural_locked(m, c->node), &folder, &entry);
	entry = folder && !entry ? folder_find(folder, c->name) : NULL;
	if (!entry)
		return -ENOENT;
	if (entry->kind != ENTRY_FOLDER)
		return show_back(m, c, folder, entry);
	return show_back(m, c, vfs_join(folder->path, c->name, path) ? snapshot_folder(s, path) : NULL, NULL);
}

/* Nobody else is asked for, so nothing is fetched and nobody waits. */
static int look_up(struct mount *m, struct call *c, bool made)
{
	mount_lock(m);
	const struct replay *replay = m->replay;
	m->replay->made = made || replay->made;
	bool hidden = replay->item->kind == REPLAY_CREATED && !replay->made && c->node == replay->parent &&
		      strcmp(c->name, item_name(replay->batch, replay->item)) == 0;
	pthread_mutex_unlock(&m->lock);
	if (hidden)
		return -ENOENT;
	c->fetched = true;
	if (vfs_lookup(m, c) == 0)
		return 0;
	MOUNT_LOCKED(m);
	return look_back(m, c);
}

/* The kernel asks before it refuses an owner: let him in, for this once. */
static int look_at(struct mount *m, struct call *c)
{
	int r = vfs_getattr(m, c);

	if (r != 0)
		r = look_back_at(m, c);
	if (r == 0 && geteuid() != 0 && (c->attr.uid != geteuid() || !(c->attr.mode & S_IWUSR))) {
		c->attr.uid = geteuid();
		c->attr.mode |= S_ISDIR(c->attr.mode) ? 0700 : 0600;
		c->attr.attr_ttl = 0;
	}
	return r;
}

/* Whoever has begun to write sees his own size. */
static int keep_size(struct mount *m, struct call *c)
{
	int r = look_at(m, c);
	MOUNT_LOCKED(m);
	const struct node *node = node_find_locked(m, c->node);

	for (const struct handle *h = node ? node->handles : NULL; r == 0 && h; h = h->next) {
		if (h->working && h->pending)
			c->attr.size = h->work.len;
	}
	return r;
}

bool replay_answer(struct mount *m, struct call *c, int *r)
{
	switch (c->kind) {
	case CALL_LOOKUP:
	case CALL_MKNOD:
	case CALL_MKDIR:
		*r = look_up(m, c, c->kind != CALL_LOOKUP);
		return true;
	case CALL_GETATTR:
		*r = look_at(m, c);
		return true;
	case CALL_SETATTR:
		*r = keep_size(m, c);
		return true;
	case CALL_OPEN:
		c->keep = c->no_flush = true;
		*r = 0;
		return true;
	case CALL_UNLINK:
	case CALL_RMDIR:
		*r = 0;
		return true;
	default:
		return false;
	}
}

/* Every step stays on the filesystem that it starts on. */
static int open_within(int folder, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* The mount's root, where the path leads to it. */
static int check_root(const struct replay *r, int fd)
{
	struct statx st;

	if (fd < 0)
		return -errno;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) == 0 && st.stx_dev_major == r->mount->major &&
	    st.stx_dev_minor == r->mount->minor)
		return fd;
	close(fd);
	return -EXDEV;
}

/* As a mount of its own that nobody else sees: while it is open, umount of the one that people see is not busy. It
 * takes CAP_SYS_ADMIN. */
static int clone_root(const struct replay *r)
{
	const char *path = r->mount->settings->mountpoint;

	return check_root(r, (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

static int open_root(const struct replay *r)
{
	if (r->clone >= 0)
		return fcntl(r->clone, F_DUPFD_CLOEXEC, 0);
	return check_root(r, open(r->mount->settings->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static int open_parent(const struct replay *r)
{
	const struct folder *folder = r->item->folder;
	char path[2 * VFS_PATH_MAX];
	int root = open_root(r);

	if (root < 0 || !r->item->entry || !view_path(r->batch->view, folder->path, NULL, path, sizeof(path)) || !*path)
		return root;
	int fd = open_within(root, path, O_PATH | O_DIRECTORY);
	close(root);
	return fd;
}

static int change(int parent, const char *name, off_t size)
{
	int fd = open_within(parent, name, O_WRONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return fd;
	/* The size that the kernel gets is that of the answer. */
	int r = ftruncate(fd, size) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int create(int parent, const char *name, bool folder)
{
	int made = folder ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);

	return made < 0 ? -errno : 0;
}

static int raise_events(struct replay *r)
{
	const struct replay_item *item = r->item;
	const char *name = item_name(r->batch, item);
	int parent = open_parent(r), done;

	if (parent < 0)
		return parent;
	if (item->kind == REPLAY_CHANGED)
		done = change(parent, name, item->entry->value_len);
	else if (item->kind == REPLAY_CREATED)
		done = create(parent, name, is_folder(item));
	else
		done = unlinkat(parent, name, is_folder(item) ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
	close(parent);
	return done;
}

static uint64_t ino_of(struct mount *m, uint64_t natural)
{
	return m->settings->values == VALUES_RO ? natural : node_shown_locked(m, natural);
}

static bool is_watched(struct replay *r, const struct watches *watches, const struct replay_item *item)
{
	struct mount *m = r->mount;
	MOUNT_LOCKED(m);
	uint64_t parent = item->entry ? ino_of(m, item->folder->id) : ROOT_ID;

	return watches_may_have(watches, parent) ||
	       (item->entry && watches_may_have(watches, ino_of(m, item->entry->id))) ||
	       (!item->entry && watches_may_have(watches, ino_of(m, item->folder->id)));
}

/* A value that has changed again is raised again: this time is for the last one. */
static bool is_over(const struct batch *batch, const struct replay_item *item)
{
	struct version was = { item->folder, item->entry, false }, is = { NULL, NULL, false };

	if (item->kind != REPLAY_CHANGED || id_is_document(item->entry->id))
		return false;
	is.folder = snapshot_folder(batch->view->current, item->folder->path);
	if (is.folder)
		is.entry = folder_find(is.folder, entry_name(item->folder, item->entry));
	return !is.entry || is.entry->kind != ENTRY_VALUE || !version_same_bytes(&was, &is);
}

/* False: there is nothing to do. */
static bool take_up(struct replay *r, const struct batch *batch, const struct replay_item *item)
{
	struct mount *m = r->mount;
	MOUNT_LOCKED(m);

	if (r->awaited) {
		notify_wake(m->notifier);
		dispatch_wake(m->dispatcher);
	}
	r->awaited = false;
	r->item = NULL;
	if (!item || is_over(batch, item))
		return false;
	r->batch = batch;
	r->item = item;
	r->parent = item->entry ? node_shown_locked(r->mount, item->folder->id) : ROOT_ID;
	r->made = false;
	return true;
}

/* What is gone, or there, by now is another replay's affair. */
static bool is_affair_of_ours(int number)
{
	return number != 0 && number != -ENOENT && number != -EEXIST && number != -ENOTEMPTY && number != -ENOTCONN;
}

static void say_once(struct replay *r, int number)
{
	if (r->said || number == 0)
		return;
	r->said = true;
	log_warning(r->mount->log, "programs that watch %s may not be told of changes made elsewhere: %s",
		    r->mount->settings->mountpoint, strerror(-number));
}

/* How far a batch is. */
struct progress {
	struct replay *replay;
	const struct batch *batch;
	const struct watches *watches;
	size_t at;
	int tries;    /* to make this one */
	int failure;  /* the first that counts */
	bool blocked; /* the kernel has the new name already: it must forget it first */
};

static bool is_wanted(const struct progress *p)
{
	const struct replay_item *item = &p->batch->items[p->at];

	if (p->batch->n > MANY && !is_watched(p->replay, p->watches, item))
		return false;
	return take_up(p->replay, p->batch, item);
}

/* As far as it goes; on the visitor's thread. */
static void replay_items(void *data)
{
	enum { TRIES = 3 };
	struct progress *p = data;
	struct replay *r = p->replay;

	r->clone = clone_root(r);
	p->blocked = false;
	for (; p->at < p->batch->n && !r->ending; p->at++, p->tries = 0) {
		int done = is_wanted(p) ? raise_events(r) : 0;
		if (!p->failure && is_affair_of_ours(done))
			p->failure = done;
		/* Somebody may have looked at it before the watchers were told. */
		p->blocked = done == -EEXIST && ++p->tries < TRIES;
		if (p->blocked)
			break;
	}
	if (r->clone >= 0)
		close(r->clone);
}

static void replay_batch(struct replay *r, const struct batch *batch)
{
	struct watches watches = WATCHES_NULL;
	struct progress progress = { .replay = r, .batch = batch, .watches = &watches };

	if (batch->n > MANY)
		watches_scan(&watches, "/proc", r->mount->major, r->mount->minor);
	do {
		visitor_run(r->visitor, replay_items, &progress);
		if (progress.blocked)
			kernel_invalidate_name(r->mount->kernel, r->parent, item_name(batch, r->item));
	} while (progress.blocked);
	take_up(r, NULL, NULL);
	say_once(r, progress.failure);
	watches_deinit(&watches);
}

static void batch_free(struct batch *batch)
{
	snapshot_unref(batch->before);
	snapshot_unref(batch->after);
	free(batch);
}

/* Waits for the next batch; NULL: the end. */
static struct batch *next_batch(struct replay *r)
{
	pthread_mutex_lock(&r->lock);
	while (!r->first && !r->ending)
		pthread_cond_wait(&r->wake, &r->lock);
	struct batch *batch = r->ending ? NULL : r->first;
	if (batch) {
		r->waiting -= batch->n;
		r->first = batch->next;
		r->last = r->first ? r->last : &r->first;
	}
	pthread_mutex_unlock(&r->lock);
	return batch;
}

static void *replay_main(void *data)
{
	struct replay *r = data;

	for (struct batch *batch; (batch = next_batch(r));) {
		replay_batch(r, batch);
		batch_free(batch);
	}
	return NULL;
}

void replay_add(struct replay *r, struct view *view, const struct snapshot *before, const struct snapshot *after,
		const struct replay_item *items, size_t n)
{
	struct batch *batch = r && n ? malloc(sizeof(*batch) + n * sizeof(*items)) : NULL;

	if (!batch)
		return;
	*batch = (struct batch){ .view = view, .n = n };
	batch->before = snapshot_ref(before);
	batch->after = snapshot_ref(after);
	memcpy(batch->items, items, n * sizeof(*items));
	pthread_mutex_lock(&r->lock);
	bool room = r->waiting < WAITING_MAX;
	if (room) {
		r->waiting += n;
		*r->last = batch;
		r->last = &batch->next;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	if (!room)
		batch_free(batch);
}

int replay_start(struct mount *m, struct replay **replay)
{
	bool wanted = m->settings->watch && !m->settings->read_only;
	struct replay *r = wanted ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return wanted ? -ENOMEM : 0;
	r->mount = m;
	r->last = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	int error = -visitor_start(kernel_descriptor(m->kernel), &r->visitor);
	if (error == 0)
		error = pthread_create(&r->thread, NULL, replay_main, r);
	if (error == 0) {
		*replay = r;
		return 0;
	}
	visitor_stop(r->visitor);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->wake);
	free(r);
	return -error;
}

void replay_stop(struct replay *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	visitor_stop(r->visitor);
	while (r->first) {
		struct batch *batch = r->first;
		r->first = batch->next;
		batch_free(batch);
	}
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->wake);
	free(r);
}
