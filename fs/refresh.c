/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/refresh.h"

#include "fs/dispatch.h"
#include "fs/events.h"
#include "fs/vfs.h"
#include "fs/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One store of a load that is under way. */
struct loading {
	char *store;
	size_t len;
	struct snapshot *base; /* what equal options are shared with */
	struct snapshot_draft *draft;
	struct snapshot *result;
	uint64_t bytes; /* its share of what the load costs */
};

struct load {
	struct source *source;
	const char *only; /* the one store, NULL: all */
	int64_t began, began_wall;
	bool opened; /* the source was loaded before */
	struct loading *stores;
	size_t n, last;
	uint64_t bytes;
};

static void load_deinit(struct load *load)
{
	for (size_t i = 0; i < load->n; i++) {
		struct loading *l = &load->stores[i];
		free(l->store);
		snapshot_draft_free(l->draft);
		snapshot_unref(l->base);
		snapshot_unref(l->result);
	}
	free(load->stores);
}

static struct snapshot *base_of(struct source *source, const char *store, size_t len)
{
	MOUNT_LOCKED(source->mount);
	struct view *view = view_of_store_locked(source, store, len);

	return view ? snapshot_ref(view->current) : NULL;
}

/* The store's place in the load; items of one store mostly come together. */
static struct loading *loading_of(struct load *load, const char *store, size_t len)
{
	for (size_t i = 0; i < load->n; i++) {
		struct loading *l = &load->stores[(load->last + i) % load->n];
		if (l->len == len && memcmp(l->store, store, len) == 0) {
			load->last = (size_t)(l - load->stores);
			return l;
		}
	}
	struct loading *stores = realloc(load->stores, (load->n + 1) * sizeof(*stores));
	if (!stores)
		return NULL;
	load->stores = stores;
	struct loading *l = &stores[load->n];
	*l = (struct loading){ .store = strndup(store, len), .len = len, .base = base_of(load->source, store, len) };
	if (!l->store || snapshot_draft_new(l->store, l->base, false, &l->draft, NULL) < 0) {
		free(l->store);
		snapshot_unref(l->base);
		return NULL;
	}
	load->last = load->n++;
	return l;
}

static int draft_option(struct load *load, const char *option, size_t option_len, const struct attribute *attributes,
			size_t n, struct folder_draft **out, struct error *e)
{
	char name[FILE_NAME_MAX + 1];
	struct folder_draft *folder = NULL;

	if (name_encode(option, option_len, NAME_ANYWHERE, name, NULL) < 0)
		return 1;
	int r = folder_draft_new(name, option, option_len, NULL, &folder, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct attribute *a = &attributes[i];
		struct entry_spec spec = { .name = name,
					   .raw = a->name,
					   .raw_len = a->name_len,
					   .type = a->type,
					   .value = a->bytes,
					   .value_len = a->len,
					   .mtime = load->began_wall };
		if (name_encode(a->name, a->name_len, NAME_ANYWHERE, name, NULL) < 0)
			continue;
		r = folder_draft_set(folder, &spec, e);
	}
	if (r < 0) {
		folder_draft_free(folder);
		return r;
	}
	*out = folder;
	return 0;
}

static int take_item(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		     const struct attribute *attributes, size_t n, struct error *e)
{
	struct load *load = data;
	struct folder_draft *folder = NULL;
	struct loading *l = loading_of(load, store, store_len);

	if (!l)
		return error_no_memory(e);
	int r = draft_option(load, option, option_len, attributes, n, &folder, e);
	if (r != 0)
		return r < 0 ? r : 0;
	for (size_t i = 0; i < n; i++)
		l->bytes += attributes[i].len + attributes[i].name_len;
	return snapshot_draft_put(l->draft, folder, load->began_wall, e);
}

static void page_arrived(void *data, bool throttled)
{
	struct load *load = data;
	struct source *source = load->source;
	MOUNT_LOCKED(source->mount);

	/* A throttle is an answer too: the source is there. */
	(void)throttled;
	source->reached = true;
	pthread_cond_broadcast(&source->wake);
}

static int finish_drafts(struct load *load, struct error *e)
{
	for (size_t i = 0; i < load->n; i++) {
		struct loading *l = &load->stores[i];
		struct snapshot_draft *draft = l->draft;
		l->draft = NULL;
		int r = snapshot_draft_finish(draft, &l->result, e);
		if (r < 0)
			return r;
		load->bytes += l->bytes + 1;
	}
	return 0;
}

static const struct loading *result_for(const struct load *load, const struct view *view)
{
	for (size_t i = 0; i < load->n; i++) {
		if (strcmp(load->stores[i].store, view->store) == 0)
			return &load->stores[i];
	}
	return NULL;
}

static int show(struct load *load, bool consistent, double units, struct error *e)
{
	struct source *source = load->source;
	struct mount *m = source->mount;
	int r = 0;

	for (size_t i = 0; i < load->n; i++) {
		const struct loading *l = &load->stores[i];
		if (!view_of_store_locked(source, l->store, l->len) && !view_add_locked(source, l->store, l->len))
			return error_no_memory(e);
	}
	for (size_t i = 0; i < m->n_views && r == 0; i++) {
		struct view *view = m->views[i];
		if (view->source != source || (load->only && strcmp(load->only, view->store) != 0))
			continue;
		const struct loading *l = result_for(load, view);
		struct snapshot *next = l ? snapshot_ref(l->result) : NULL;
		/* A store that had items, and has none now. */
		if (!l)
			view_empty_snapshot(view->store, &next);
		r = next ? view_loaded_locked(view, next, load->began, load->began_wall, consistent) : -ENOMEM;
		if (l)
			view->read_units += units * (double)(l->bytes + 1) / (double)load->bytes;
	}
	return r < 0 ? error_no_memory(e) : 0;
}

static int open_source(struct source *source, struct error *e)
{
	struct mount *m = source->mount;
	/* DynamoDB takes some ten seconds to make a table. */
	const int64_t patience = 180 * CLOCK_SECOND;
	struct store_call call = { .deadline = clock_mono(m->clock) + patience,
				   .timeout = source->settings->timeout,
				   .cancel_fd = m->stop_fd };

	return store_open(source->store, &call, e);
}

static int load_pages(struct load *load, bool consistent, bool patient, double *units, struct error *e)
{
	struct source *source = load->source;
	struct mount *m = source->mount;
	char **stores = source->settings->stores;
	struct store_call call = { .timeout = source->settings->timeout,
				   .cancel_fd = m->stop_fd,
				   .consistent = consistent };
	struct store_sink sink = { .item = take_item, .data = load, .page = page_arrived, .patient = patient };
	int r = 0;

	if (load->only || !stores)
		r = store_load(source->store, &call, load->only, &sink, e);
	for (; !load->only && stores && *stores && r == 0; stores++)
		r = store_load(source->store, &call, *stores, &sink, e);
	*units = call.read_units;
	return r;
}

static void load_failed(struct load *load, const struct error *e)
{
	struct source *source = load->source;
	MOUNT_LOCKED(source->mount);

	for (size_t i = 0; i < source->mount->n_views; i++) {
		struct view *view = source->mount->views[i];
		if (view->source == source && (!load->only || strcmp(load->only, view->store) == 0))
			view->failure = *e;
	}
	source_failed_locked(source, e);
	mount_fail_locked(source->mount, source->settings->name, e);
}

static void begin_load(struct load *load)
{
	struct source *source = load->source;
	MOUNT_LOCKED(source->mount);

	load->began = clock_mono(source->mount->clock);
	load->began_wall = clock_wall(source->mount->clock);
	load->opened = source->loaded;
	if (source->loads++ == 0)
		source->loads_since = load->began;
}

static int load_all(struct load *load, bool consistent, bool patient, struct error *e)
{
	struct source *source = load->source;
	struct mount *m = source->mount;
	double units = 0;
	int r = 0;

	begin_load(load);
	if (!load->opened && !load->only)
		r = open_source(source, e);
	if (r == 0)
		r = load_pages(load, consistent, patient, &units, e);
	if (r == 0)
		r = finish_drafts(load, e);
	if (r == 0) {
		MOUNT_LOCKED(m);
		r = show(load, consistent, units, e);
		source_answered_locked(source);
	}
	if (r < 0 && r != -ECANCELED)
		load_failed(load, e);
	MOUNT_LOCKED(m);
	source->loads--;
	return r;
}

int refresh_source(struct source *source, bool consistent, bool patient, struct error *e)
{
	__attribute__((cleanup(load_deinit))) struct load load = { .source = source };

	return load_all(&load, consistent, patient, e);
}

int refresh_store(struct source *source, const char *store, bool consistent, struct error *e)
{
	__attribute__((cleanup(load_deinit))) struct load load = { .source = source, .only = store };

	return load_all(&load, consistent, false, e);
}

/* One option's answer: a draft, or none when it is proven absent. */
struct found {
	struct load *load;
	struct folder_draft *draft;
};

static int take_option(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		       const struct attribute *attributes, size_t n, struct error *e)
{
	struct found *found = data;

	(void)store;
	(void)store_len;
	folder_draft_free(found->draft);
	found->draft = NULL;
	return draft_option(found->load, option, option_len, attributes, n, &found->draft, e) < 0 ? -ENOMEM : 0;
}

static int option_place(struct view *view, const char *option, char raw[FILE_NAME_MAX + 1], struct place *place)
{
	MOUNT_LOCKED(view->mount);
	const struct folder *folder = snapshot_folder(view->current, option);
	int len = name_decode(option, NAME_ANYWHERE, raw);

	/* An alias does not decode; a name that is none cannot be there. */
	if (len < 0 && !folder)
		return -EINVAL;
	*place = (struct place){
		.store = view->store, .store_len = strlen(view->store), .option = raw, .option_len = (size_t)len
	};
	if (len < 0) {
		place->option = folder->raw_path;
		place->option_len = folder->raw_path_len;
	}
	return 0;
}

int refresh_option(struct view *view, const char *option, struct error *e)
{
	struct mount *m = view->mount;
	struct load load = { .source = view->source };
	struct found found = { .load = &load };
	struct store_sink sink = { .item = take_option, .data = &found };
	int64_t timeout = view->source->settings->timeout;
	struct store_call call = { .timeout = timeout, .cancel_fd = m->stop_fd, .consistent = true };
	char raw[FILE_NAME_MAX + 1];
	struct place place;

	if (option_place(view, option, raw, &place) < 0)
		return 0;
	begin_load(&load);
	call.deadline = load.began + timeout;
	int r = store_load_option(view->source->store, &call, &place, &sink, e);
	MOUNT_LOCKED(m);
	view->source->loads--;
	view->read_units += call.read_units;
	if (r < 0) {
		folder_draft_free(found.draft);
		source_failed_locked(view->source, e);
		return r;
	}
	source_answered_locked(view->source);
	return view_option_loaded_locked(view, option, found.draft, load.began) < 0 ? error_no_memory(e) : 0;
}

void source_answered_locked(struct source *source)
{
	if (source->trouble.number)
		events_recovery_locked(source);
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
