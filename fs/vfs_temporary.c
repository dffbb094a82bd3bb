/* SPDX-License-Identifier: Apache-2.0 */
/* Files with temporary names that nobody renamed or removed in time are stored after all, and keys parked under such a
 * name are renamed in the store. */
#include "fs/vfs_private.h"
#include "fs/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct overdue {
	struct job job; /* first */
	struct view *view;
	char *folder, *name;
};

struct fact *vfs_backup_locked(const struct view *view, const char *folder, const char *name)
{
	struct fact *fact = view->facts;

	while (fact && !(vfs_is_parked(fact) && strcmp(fact->folder, folder) == 0 && strcmp(fact->parked, name) == 0))
		fact = fact->next;
	return fact;
}

void vfs_unpark_locked(struct view *view, const char *folder, const char *name)
{
	struct fact *fact = vfs_backup_locked(view, folder, name);

	if (!fact)
		return;
	free(fact->parked);
	fact->parked = NULL;
}

void vfs_unhide_locked(struct view *view, const char *folder, const char *name)
{
	struct fact *fact = view_fact_locked(view, folder, name);

	if (fact && fact->kind == FACT_GONE && fact->since == INT64_MAX)
		fact->since = clock_mono(view->mount->clock);
}

/* What is to be done in the store: copies that `folder` and the strings of `fact` keep alive. */
struct storing {
	struct folder *folder;
	const struct entry *entry;
	char *parked;
};

static bool begin(struct overdue *o, struct storing *s, struct change *change)
{
	MOUNT_LOCKED(o->view->mount);
	struct fact *fact = view_fact_locked(o->view, o->folder, o->name);
	const struct folder *folder = snapshot_folder(o->view->current, o->folder);
	const struct entry *entry = folder ? folder_find(folder, o->name) : NULL;
	size_t len;

	if (!vfs_is_temporary(fact) || !entry)
		return false;
	fact->storing = true;
	s->folder = folder_ref(folder);
	s->entry = entry;
	s->parked = fact->parked ? strdup(fact->parked) : NULL;
	const char *raw = entry_raw(folder, entry, &len);
	change->kind = s->parked ? CHANGE_RENAME : CHANGE_PUT;
	change->to = vfs_place(o->view, s->folder, raw, len);
	change->value = (struct attribute){ .type = (enum value_type)entry->type,
					    .bytes = entry_value(folder, entry),
					    .len = entry->value_len };
	change->expected = change->value;
	return true;
}

static void finish(struct overdue *o, const struct storing *s, int r, const struct error *e)
{
	struct mount *m = o->view->mount;
	MOUNT_LOCKED(m);
	struct fact *fact = view_fact_locked(o->view, o->folder, o->name);

	if (!vfs_is_temporary(fact))
		return;
	fact->storing = false;
	if (r == -ENOMEM || r == -EBUSY || r == -ETIMEDOUT || r == -EIO || r == -EACCES) {
		fact->store_at = clock_mono(m->clock) + FACT_TEMPORARY;
		mount_fail_locked(m, o->name, e);
		return;
	}
	if (r < 0) {
		/* The option is gone, or the key that was renamed was changed elsewhere: there is nothing to keep. */
		vfs_unreported_locked(o->view, o->folder, o->name, e);
		view_forget_locked(o->view, o->folder, o->name, false);
	} else {
		struct fact stored = *fact;
		stored.since = clock_mono(m->clock);
		stored.store_at = 0;
		stored.parked = NULL;
		view_record_locked(o->view, &stored, true);
	}
	if (s->parked)
		vfs_unhide_locked(o->view, o->folder, s->parked);
}

static void store_one(struct job *job)
{
	struct overdue *o = (struct overdue *)job;
	struct mount *m = o->view->mount;
	struct call call = { .may_block = true };
	struct storing s = { 0 };
	struct change change = { 0 };
	struct error e = ERROR_NULL;
	char raw[FILE_NAME_MAX + 1];

	if (begin(o, &s, &change)) {
		int len = s.parked ? vfs_decode(o->view, o->folder, s.parked, raw) : 0;
		if (s.parked)
			change.from = vfs_place(o->view, s.folder, raw, len < 0 ? 0 : (size_t)len);
		finish(o, &s, vfs_apply(m, &call, o->view, &change, &e), &e);
	}
	folder_unref(s.folder);
	free(s.parked);
	free(o->folder);
	free(o->name);
	free(o);
}

static struct overdue *overdue_new(struct view *view, const struct fact *fact)
{
	struct overdue *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->view = view;
	o->folder = strdup(fact->folder);
	o->name = strdup(fact->name);
	o->job.run = store_one;
	o->job.strands[0] = vfs_strand(view, fact->folder);
	if (o->folder && o->name)
		return o;
	free(o->folder);
	free(o->name);
	free(o);
	return NULL;
}

static void schedule(struct view *view, const struct fact *fact)
{
	struct overdue *o = overdue_new(view, fact);

	if (o)
		workers_add(view->mount->workers, &o->job);
}

int vfs_store_backup(struct view *view, const char *folder, const char *name)
{
	struct mount *m = view->mount;

	mount_lock(m);
	const struct fact *fact = view_fact_locked(view, folder, name);
	struct overdue *o = vfs_is_parked(fact) ? overdue_new(view, fact) : NULL;
	pthread_mutex_unlock(&m->lock);
	if (o)
		store_one(&o->job);
	MOUNT_LOCKED(m);
	return vfs_is_parked(view_fact_locked(view, folder, name)) ? -EBUSY : 0;
}

int64_t vfs_store_temporary(struct source *source, bool all)
{
	struct mount *m = source->mount;
	int64_t next = INT64_MAX;
	MOUNT_LOCKED(m);
	int64_t now = clock_mono(m->clock);

	for (size_t i = 0; i < m->n_views; i++) {
		struct view *view = m->views[i];
		for (struct fact *fact = view->source == source ? view->facts : NULL; fact; fact = fact->next) {
			if (!vfs_is_temporary(fact))
				continue;
			if (all || fact->store_at <= now) {
				fact->store_at = now + FACT_TEMPORARY;
				schedule(view, fact);
			}
			next = fact->store_at < next ? fact->store_at : next;
		}
	}
	return next;
}
