/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/refresh.h"

#include "fs/dispatch.h"
#include "fs/events.h"
#include "fs/vfs.h"
#include "fs/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void source_answered_locked(struct source *source)
{
	if (source->trouble.number)
		events_recovery_locked(source->mount, source->settings->name);
	source->trouble = ERROR_NULL;
}

/* What tells of the source and not of the one request. */
static bool is_trouble(int number)
{
	return number == EACCES || number == ETIMEDOUT || number == EIO || number == ENXIO;
}

void source_failed_locked(struct source *source, const struct error *e)
{
	if (!is_trouble(e->number))
		return;
	source->trouble = *e;
	source->trouble_end = clock_mono(source->mount->clock) + source->settings->timeout;
}

int source_trouble_locked(struct source *source, struct error *e)
{
	const struct error *trouble = &source->trouble;

	/* Once in a while somebody must find out. */
	if (!trouble->number || clock_mono(source->mount->clock) >= source->trouble_end)
		return 0;
	return error_set(e, trouble->number, "%s", trouble->text);
}

/* Somewhere within a tenth around the interval, so that a fleet does not come all at once. */
static int64_t jittered(struct mount *m, int64_t interval)
{
	int64_t now = clock_mono(m->clock);
	uint64_t random = name_hash((uint64_t)(uintptr_t)m, &now, sizeof(now)) >> 1;

	return interval - interval / 10 + (int64_t)(random % (uint64_t)(interval / 5 + 1));
}

static void schedule_locked(struct source *source, int r)
{
	const int64_t soonest = CLOCK_SECOND, latest = 60 * CLOCK_SECOND;
	struct mount *m = source->mount;
	int64_t interval = source->settings->ttl;

	if (r < 0) {
		unsigned shift = source->failures < 6 ? source->failures : 6;
		int64_t pause = soonest << shift;
		source->failures++;
		interval = pause < latest ? pause : latest;
	} else {
		source->failures = 0;
	}
	/* Read on every access: nothing to do on time once it is loaded. */
	source->next_load = interval ? clock_mono(m->clock) + jittered(m, interval) : INT64_MAX;
}

void refresh_reschedule_locked(struct source *source)
{
	struct mount *m = source->mount;

	for (size_t i = 0; i < m->n_views; i++) {
		struct view *view = m->views[i];
		if (view->source != source)
			continue;
		bool own = view->ttl != source->settings->ttl && view->ttl > 0;
		view->next_load = own ? clock_mono(m->clock) + jittered(m, view->ttl) : 0;
	}
	pthread_cond_broadcast(&source->wake);
}

static void run_load(struct source *source)
{
	struct mount *m = source->mount;
	struct error e = ERROR_NULL;

	mount_lock(m);
	uint64_t serves = source->wanted;
	bool first = !source->loaded;
	/* Who asks for a load wants what is there now, and pays for it; the first one was asked for by the start. */
	bool consistent = source->settings->ttl == 0 || source->settings->kind == SOURCE_LOCAL ||
			  (!first && source->wanted > source->finished);
	pthread_mutex_unlock(&m->lock);
	int r = refresh_source(source, consistent, first, &e);
	MOUNT_LOCKED(m);
	source->failure = e;
	source->loaded = source->loaded || r == 0;
	source->reached = source->reached || r == 0;
	source->finished = serves;
	source->finished_number = r;
	schedule_locked(source, r);
	pthread_cond_broadcast(&source->wake);
	/* Calls that waited for a first load go on, or fail. */
	dispatch_wake(m->dispatcher);
}

/* A store whose ttl differs from its source's, and whose time has come. */
static char *due_store_locked(struct source *source, int64_t now, int64_t *next)
{
	struct mount *m = source->mount;

	for (size_t i = 0; i < m->n_views; i++) {
		struct view *view = m->views[i];
		if (view->source != source || !view->next_load || view->gone)
			continue;
		if (view->next_load <= now) {
			view->next_load = now + jittered(m, view->ttl);
			return strdup(view->store);
		}
		*next = view->next_load < *next ? view->next_load : *next;
	}
	return NULL;
}

static void wait_locked(struct source *source, int64_t until)
{
	struct timespec at = clock_timespec(until);

	pthread_cond_timedwait(&source->wake, &source->mount->lock, &at);
}

/* What to do next: load everything, one store, or nothing before `*next`. */
static bool next_task(struct source *source, char **store, int64_t *next)
{
	struct mount *m = source->mount;
	MOUNT_LOCKED(m);
	int64_t now = clock_mono(m->clock);

	*next = source->next_load;
	if (source->wanted > source->finished || source->next_load <= now)
		return true;
	*store = due_store_locked(source, now, next);
	return false;
}

static bool changed_elsewhere(struct source *source)
{
	const struct store_ops *ops = source->store->ops;

	return source->loaded && ops->changed && ops->changed(source->store) == 1;
}

static void *refresh_main(void *data)
{
	struct source *source = data;
	struct mount *m = source->mount;
	struct error e = ERROR_NULL;

	for (;;) {
		char *store = NULL;
		int64_t next = 0;
		bool all = next_task(source, &store, &next);
		all = all || changed_elsewhere(source);
		if (all)
			run_load(source);
		else if (store)
			refresh_store(source, store, false, &e);
		free(store);
		int64_t temporary = vfs_store_temporary(source, false);
		MOUNT_LOCKED(m);
		if (m->stopping)
			return NULL;
		if (all || store || source->wanted > source->finished)
			continue;
		next = temporary < next ? temporary : next;
		/* Another process's change of an embedded store shows within a second. */
		int64_t look = clock_mono(m->clock) + CLOCK_SECOND;
		wait_locked(source, source->store->ops->changed && look < next ? look : next);
	}
}

int refresh_start(struct source *source)
{

	clock_cond_init(&source->wake);
	source->wanted = 1;
	int r = pthread_create(&source->thread, NULL, refresh_main, source);
	source->started = r == 0;
	return -r;
}

void refresh_join(struct source *source)
{
	if (!source->started)
		return;
	mount_lock(source->mount);
	pthread_cond_broadcast(&source->wake);
	pthread_mutex_unlock(&source->mount->lock);
	pthread_join(source->thread, NULL);
	pthread_cond_destroy(&source->wake);
	source->started = false;
}

void refresh_ask(struct source *source)
{
	MOUNT_LOCKED(source->mount);

	source->wanted++;
	pthread_cond_broadcast(&source->wake);
}

int refresh_wait(struct source *source, struct error *e)
{
	struct mount *m = source->mount;
	MOUNT_LOCKED(m);
	uint64_t ticket = ++source->wanted;

	pthread_cond_broadcast(&source->wake);
	while (source->finished < ticket && !m->stopping)
		pthread_cond_wait(&source->wake, &m->lock);
	if (source->finished < ticket)
		return error_set(e, ECANCELED, "the mount is ending");
	if (source->finished_number < 0 && e)
		*e = source->failure;
	return source->finished_number;
}
