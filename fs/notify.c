/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/notify_private.h"

#include "fs/dispatch.h"
#include "fs/events.h"
#include "fs/ops.h"
#include "fs/ours.h"
#include "fs/view.h"
#include "fs/visitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 256 };

#define SWEEP_EVERY (60 * CLOCK_SECOND)

static int compare_places(const char *a_folder, const char *a_name, const char *b_folder, const char *b_name)
{
	int order = strcmp(a_folder, b_folder);

	return order ? order : strcmp(a_name, b_name);
}

/* The position of a value among what is being told; SIZE_MAX: it is not among it. */
static size_t position(const struct notifier *n, const char *folder, const char *name)
{
	size_t low = 0, high = n->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct change_told *change = &n->changes[middle];
		int order = compare_places(folder_of(change)->path, entry_name(folder_of(change), entry_of(change)),
					   folder, name);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

bool version_same_bytes(const struct version *a, const struct version *b)
{
	return a->entry->value_len == b->entry->value_len &&
	       memcmp(entry_value(a->folder, a->entry), entry_value(b->folder, b->entry), a->entry->value_len) == 0;
}

static bool same_value(const struct version *a, const struct folder *folder, const struct entry *entry)
{
	struct version b = { folder, entry, false };

	return a->entry == entry || (a->entry->type == entry->type && version_same_bytes(a, &b));
}

static struct version version_in(const struct view *view, const struct snapshot *snapshot, const char *path,
				 const char *name, bool document)
{
	struct version version = { .folder = snapshot_folder(snapshot, path) };

	if (version.folder && document)
		version.entry = node_document(view, snapshot, &version.folder, name);
	else if (version.folder)
		version.entry = folder_find(version.folder, name);
	return version;
}

static bool is_kept_document(const struct view *view, const struct entry *entry)
{
	struct mount *m = view->mount;

	return idmap_get(&m->documents, node_shown_locked(m, entry->id), NULL);
}

struct version notify_version_locked(const struct view *view, const struct folder *folder, const struct entry *entry,
				     const struct node *node)
{
	const struct notifier *n = view->mount->notifier;
	const char *name = entry_name(folder, entry);
	struct version now = { folder, entry, true };
	bool document = id_is_document(entry->id);
	const struct snapshot *of = document ? view->documented : view->told;

	if (node && node->held)
		return (struct version){ node->held_folder, node->held, false };
	/* What is read on every access is in no page cache, nor is a document of which no change would be told. */
	if (of == view->current || view->ttl == 0 || (document && !is_kept_document(view, entry)))
		return now;
	if (ours_is_known_locked(view, folder, entry))
		return now;
	struct version told = version_in(view, of, folder->path, name, document);
	size_t at = view->telling ? position(n, folder->path, name) : SIZE_MAX;
	bool settled = at == SIZE_MAX || at < n->settled;
	if (at != SIZE_MAX && at < n->flipped && n->changes[at].after)
		told = (struct version){ n->changes[at].after_folder, n->changes[at].after, false };
	/* A new value has no old version that anybody could have. */
	if (!told.entry || told.entry->kind != ENTRY_VALUE)
		return now;
	told.settled = settled && same_value(&told, folder, entry);
	return told.settled ? now : told;
}

void notify_wake(struct notifier *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->woken = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}

void notify_forget_listing_locked(struct notifier *n, uint64_t folder)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	if (n->n_forget < FORGET_MAX)
		n->forget[n->n_forget++] = folder;
	n->woken = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}

static void collect(void *data, const struct difference *difference)
{
	struct notifier *n = data;

	if (n->n == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : BATCH;
		struct change_told *changes = realloc(n->changes, cap * sizeof(*changes));
		/* Without memory the kernel keeps what it has until the next change. */
		if (!changes)
			return;
		n->changes = changes;
		n->cap = cap;
	}
	n->changes[n->n++] = (struct change_told){
		.before_folder = difference->before_folder ? folder_ref(difference->before_folder) : NULL,
		.after_folder = difference->after_folder ? folder_ref(difference->after_folder) : NULL,
		.before = difference->before,
		.after = difference->after,
	};
}

static bool is_untold(const struct view *view)
{
	return view->told != view->current || (view->documented && view->documented != view->current);
}

/* What the kernel was told of, and what it is to be told of. */
struct told {
	struct snapshot *before, *documents, *current; /* documents NULL: it holds none */
};

static struct view *untold_view_locked(struct mount *m)
{
	for (size_t i = 0; i < m->n_views; i++) {
		if (is_untold(m->views[i]))
			return m->views[i];
	}
	return NULL;
}

void notify_wait(struct mount *m)
{
	int64_t until = clock_mono(m->clock) + 2 * CLOCK_SECOND;
	struct timespec at = clock_timespec(until);
	MOUNT_LOCKED(m);

	while (untold_view_locked(m) && !m->stopping) {
		if (pthread_cond_timedwait(&m->notifier->told, &m->lock, &at) == ETIMEDOUT)
			break;
	}
}

/* A view whose current snapshot is not the told one, with references to all. */
static struct view *untold_view(struct mount *m, struct told *told)
{
	MOUNT_LOCKED(m);

	struct view *view = untold_view_locked(m);

	if (!view)
		return NULL;
	told->before = snapshot_ref(view->told);
	told->documents = view->documented ? snapshot_ref(view->documented) : NULL;
	told->current = snapshot_ref(view->current);
	return view;
}

static int by_place(const void *a, const void *b)
{
	const struct change_told *x = a, *y = b;
	int order = compare_places(folder_of(x)->path, entry_name(folder_of(x), entry_of(x)), folder_of(y)->path,
				   entry_name(folder_of(y), entry_of(y)));

	/* A name that became another kind of thing goes first, then comes. */
	return order ? order : (x->before == NULL) - (y->before == NULL);
}

/* What a store brings when it is first shown is no news. */
static void remember_locked(const struct notifier *n)
{
	size_t first = n->n > EVENTS_MAX ? n->n - EVENTS_MAX : 0;

	for (size_t i = first; n->view->announced && i < n->n; i++) {
		struct difference difference = difference_of(&n->changes[i]);
		if (!id_is_document(entry_of(&n->changes[i])->id))
			events_difference_locked(n->view, &difference);
	}
}

/* Takes up one view. The comparison needs no lock: nobody looks at the changes before `telling` is set. */
static bool take_view(struct notifier *n)
{
	struct mount *m = n->mount;
	struct told told;

	n->view = untold_view(m, &told);
	if (!n->view)
		return false;
	n->n = n->flipped = n->settled = 0;
	snapshot_diff(told.before, told.current, collect, n);
	n->with_documents = told.documents;
	if (told.documents && node_documents_diff(n->view, told.documents, told.current, collect, n) > 0)
		qsort(n->changes, n->n, sizeof(*n->changes), by_place);
	notify_find_watches(n);
	MOUNT_LOCKED(m);
	snapshot_unref(told.before);
	snapshot_unref(told.documents);
	n->view->telling = told.current;
	for (size_t i = 0; i < n->n; i++) {
		struct difference difference = difference_of(&n->changes[i]);
		n->changes[i].ours = ours_has(&n->view->ours, &difference);
	}
	idmap_deinit(&n->view->ours);
	remember_locked(n);
	return true;
}

static void drop_view(struct notifier *n)
{
	struct mount *m = n->mount;
	MOUNT_LOCKED(m);

	for (size_t i = 0; i < n->n; i++) {
		folder_unref(n->changes[i].before_folder);
		folder_unref(n->changes[i].after_folder);
	}
	snapshot_unref(n->view->told);
	n->view->told = n->view->telling;
	if (n->with_documents) {
		snapshot_unref(n->view->documented);
		n->view->documented = snapshot_ref(n->view->telling);
	}
	n->view->telling = NULL;
	if (n->view->told == n->view->current)
		idmap_deinit(&n->view->known);
	n->view = NULL;
	n->n = 0;
	pthread_cond_broadcast(&n->told);
}

static bool is_known_to_kernel(struct mount *m, uint64_t shown)
{
	struct where where = where_locked(m, shown);

	return where.kind == WHERE_VALUE && ours_is_known_locked(where.view, where.folder, where.entry);
}

/* The value flips now, or stays as it was for a reader that has just opened it. */
static void flip(struct notifier *n, struct change_told *change)
{
	struct mount *m = n->mount;
	const struct folder *folder = folder_of(change);

	change->shown = node_shown_locked(m, entry_of(change)->id);
	change->parent = node_shown_locked(m, folder->id);
	if (!is_value_change(change))
		return;
	/* Whoever reads what the kernel wrote itself has the newest version; documents have no ids but their folder's.
	 */
	bool known = is_known_to_kernel(m, change->shown);
	change->renewed = !known && !id_is_document(change->after->id) && notify_renew_locked(n, change);
	change->held = !known && !change->renewed && notify_hold_locked(n, change);
	if (known || change->held || change->renewed)
		change->shown = 0;
}

static void flip_batch(struct notifier *n, size_t end)
{
	MOUNT_LOCKED(n->mount);

	for (size_t i = n->flipped; i < end; i++)
		flip(n, &n->changes[i]);
	n->flipped = end;
}

bool notify_forget_file(struct mount *m, uint64_t shown)
{
	return kernel_invalidate_data(m->kernel, shown) != -ENOENT;
}

static void tell_change(struct mount *m, struct change_told *change)
{
	if (change->renewed) {
		/* Whoever looks for it finds the new id; the old one has its time. */
		kernel_invalidate_name(m->kernel, change->parent, entry_name(folder_of(change), entry_of(change)));
		return;
	}
	if (is_value_change(change)) {
		change->known = change->shown && notify_forget_file(m, change->shown);
		return;
	}
	/* A name that came or went: what the kernel believes of it, and its listing of the folder. */
	kernel_invalidate_name(m->kernel, change->parent, entry_name(folder_of(change), entry_of(change)));
	kernel_invalidate_data(m->kernel, change->parent);
}

/* A file that the kernel did not hold may be in an answer that is on its way: behind a barrier, once more. */
static void tell_again(struct mount *m, struct change_told *changes, size_t n)
{
	uint64_t barrier = 0;

	for (size_t i = 0; i < n; i++) {
		struct change_told *change = &changes[i];
		if (!is_value_change(change) || change->known || !change->shown)
			continue;
		if (change->parent != barrier)
			kernel_barrier(m->kernel, change->parent);
		barrier = change->parent;
		change->known = notify_forget_file(m, change->shown);
	}
}

static void settle_size(const struct view *view, const char *folder, const char *name)
{
	char path[2 * FILE_PATH_MAX];
	struct statx ignored;
	int len = snprintf(path, FILE_PATH_MAX, "%s/", view->mount->settings->mountpoint);

	if (len < FILE_PATH_MAX && view_path(view, folder, name, path + len, sizeof(path) - (size_t)len))
		statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW, STATX_SIZE, &ignored);
}

struct settling {
	const struct view *view;
	const char *folder, *name;
};

static void settle_one(void *data)
{
	const struct settling *s = data;

	settle_size(s->view, s->folder, s->name);
}

void notify_settle_size(const struct view *view, const char *folder, const char *name)
{
	struct settling s = { view, folder, name };

	visitor_run(view->mount->visitor, settle_one, &s);
}

/* What the kernel held of the changes that are not settled yet. */
static void settle_batch(void *data)
{
	const struct notifier *n = data;

	for (size_t i = n->settled; i < n->flipped; i++) {
		if (n->changes[i].known)
			settle_size(n->view, folder_of(&n->changes[i])->path,
				    entry_name(folder_of(&n->changes[i]), entry_of(&n->changes[i])));
	}
}

static void tell_batch(struct notifier *n, size_t end)
{
	struct mount *m = n->mount;
	size_t start = n->flipped;

	flip_batch(n, end);
	for (size_t i = start; i < end; i++)
		tell_change(m, &n->changes[i]);
	tell_again(m, n->changes + start, end - start);
	visitor_run(m->visitor, settle_batch, n);
	MOUNT_LOCKED(m);
	n->settled = end;
}

static void tell_view(struct notifier *n)
{
	while (n->settled < n->n) {
		size_t end = n->settled + BATCH;
		tell_batch(n, end < n->n ? end : n->n);
		dispatch_wake(n->mount->dispatcher);
	}
	notify_raise_view(n);
	drop_view(n);
	dispatch_wake(n->mount->dispatcher);
}

static void tell_listings(struct notifier *n)
{
	uint64_t forget[FORGET_MAX];

	pthread_mutex_lock(&n->lock);
	unsigned count = n->n_forget;
	memcpy(forget, n->forget, sizeof(forget));
	n->n_forget = 0;
	pthread_mutex_unlock(&n->lock);
	for (unsigned i = 0; i < count; i++)
		kernel_invalidate_data(n->mount->kernel, forget[i]);
}

/* Takes up what has become of the i-th store; NULL: nothing has. */
static struct view *take_store(struct mount *m, size_t i)
{
	MOUNT_LOCKED(m);
	struct view *view = i < m->n_views ? m->views[i] : NULL;

	if (!view || view->announced == view_is_shown(view))
		return NULL;
	view->announced = !view->announced;
	events_store_locked(view);
	return view;
}

/* Stores that came or went: the kernel may believe in their absence, or presence. */
static void tell_root(struct notifier *n)
{
	struct mount *m = n->mount;

	mount_lock(m);
	bool moved = m->told_root != m->root_mtime;
	m->told_root = m->root_mtime;
	size_t views = m->n_views;
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; moved && i < views; i++) {
		struct view *view = take_store(m, i);
		/* A store that is the root itself has no name in it. */
		if (!view || view == m->root)
			continue;
		kernel_invalidate_name(m->kernel, ROOT_ID, view->name);
		notify_raise_store(m, view);
	}
	if (moved)
		kernel_invalidate_data(m->kernel, ROOT_ID);
}

static void sweep(struct notifier *n)
{
	int64_t now = clock_mono(n->mount->clock);

	if (now < n->next_sweep && !node_sweep_is_due(n->mount))
		return;
	n->next_sweep = now + SWEEP_EVERY;
	node_sweep(n->mount);
}

/* Waits until woken or until `until`; false: the end. */
static bool wait(struct notifier *n, int64_t until)
{
	struct timespec at = clock_timespec(until);

	pthread_mutex_lock(&n->lock);
	if (!n->woken && !n->ending)
		pthread_cond_timedwait(&n->wake, &n->lock, &at);
	n->woken = false;
	bool ending = n->ending;
	pthread_mutex_unlock(&n->lock);
	return !ending;
}

static void *notify_main(void *data)
{
	struct notifier *n = data;
	int64_t next = clock_mono(n->mount->clock);

	while (wait(n, next)) {
		while (take_view(n))
			tell_view(n);
		notify_tell_held(n);
		notify_tell_retired(n);
		notify_store_ahead(n);
		tell_root(n);
		tell_listings(n);
		sweep(n);
		dispatch_wake(n->mount->dispatcher);
		next = clock_mono(n->mount->clock) + (n->holds ? HELD_LOOK : SWEEP_EVERY);
		if (n->retired && n->retired->due < next)
			next = n->retired->due;
	}
	return NULL;
}

/* The kernel has been told nothing, and has asked for nothing. */
static void begin_locked(struct mount *m)
{
	for (size_t i = 0; i < m->n_views; i++) {
		struct view *view = m->views[i];
		snapshot_unref(view->told);
		view->told = snapshot_ref(view->current);
		view->announced = view->raised = view_is_shown(view);
	}
	m->told_root = m->root_mtime;
}

int notify_start(struct mount *m, struct notifier **notifier)
{
	struct notifier *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->mount = m;
	pthread_mutex_init(&n->lock, NULL);
	clock_cond_init(&n->wake);
	clock_cond_init(&n->told);
	/* Refresh threads look at it already. */
	MOUNT_LOCKED(m);
	begin_locked(m);
	int r = pthread_create(&n->thread, NULL, notify_main, n);
	if (r == 0) {
		*notifier = n;
		return 0;
	}
	pthread_mutex_destroy(&n->lock);
	pthread_cond_destroy(&n->wake);
	pthread_cond_destroy(&n->told);
	free(n);
	return -r;
}

void notify_stop(struct notifier *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->ending = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
	pthread_mutex_destroy(&n->lock);
	pthread_cond_destroy(&n->wake);
	pthread_cond_destroy(&n->told);
	watches_deinit(&n->watches);
	free(n->changes);
	free(n);
}
