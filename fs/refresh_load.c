/* SPDX-License-Identifier: Apache-2.0 */
/* What a load does; when there is one is in refresh.c. */
#include "fs/layout.h"
#include "fs/refresh.h"
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
	size_t skipped; /* what cannot be shown, */
	struct error first_skipped;
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

static struct entry_spec spec_of(const struct load *load, const struct attribute *a, const char *name)
{
	return (struct entry_spec){ .name = name,
				    .raw = a->name,
				    .raw_len = a->name_len,
				    .type = a->type,
				    .value = a->bytes,
				    .value_len = a->len,
				    .mtime = load->began_wall };
}

static int draft_option(struct load *load, const char *option, size_t option_len, const struct attribute *attributes,
			size_t n, struct folder_draft **out, struct error *e)
{
	char name[FILE_NAME_MAX + 1];
	struct folder_draft *folder = NULL;

	if (name_encode(option, option_len, layout_names(load->source->settings, ""), name, NULL) < 0)
		return 1;
	enum name_place names = layout_names(load->source->settings, name);
	int r = folder_draft_new(name, option, option_len, NULL, &folder, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct attribute *a = &attributes[i];
		struct entry_spec spec = spec_of(load, a, name);
		if (name_encode(a->name, a->name_len, names, name, NULL) < 0)
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

/* Keys of a directory: some of them, for each is an item of its own. */
static int draft_keys(struct load *load, struct loading *l, const char *dir, size_t dir_len,
		      const struct attribute *attributes, size_t n, struct error *e)
{
	const struct source_settings *settings = load->source->settings;
	char path[FILE_PATH_MAX], name[FILE_NAME_MAX + 1];
	int r = 0;

	if (path_encode(dir, dir_len, layout_names(settings, ""), path) < 0)
		return 0;
	for (const struct attribute *a = attributes; a < attributes + n && r == 0; a++) {
		struct entry_spec spec = spec_of(load, a, name);
		if (name_encode(a->name, a->name_len, layout_names(settings, path), name, NULL) >= 0)
			r = snapshot_draft_add(l->draft, path, dir, dir_len, &spec, e);
	}
	return r;
}

static int take_item(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		     const struct attribute *attributes, size_t n, struct error *e)
{
	struct load *load = data;
	struct folder_draft *folder = NULL;
	struct loading *l = loading_of(load, store, store_len);

	if (!l)
		return error_no_memory(e);
	for (size_t i = 0; i < n; i++)
		l->bytes += attributes[i].len + attributes[i].name_len;
	if (layout_of(load->source->settings->layout)->item_is_key)
		return draft_keys(load, l, option, option_len, attributes, n, e);
	int r = draft_option(load, option, option_len, attributes, n, &folder, e);
	if (r != 0)
		return r < 0 ? r : 0;
	return snapshot_draft_put(l->draft, folder, load->began_wall, e);
}

static void skip_item(void *data, const char *store, size_t store_len, const struct error *why)
{
	struct loading *l = loading_of(data, store, store_len);

	/* Without memory the load itself fails. */
	if (l && l->skipped++ == 0)
		l->first_skipped = *why;
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

/* One warning for all of it, and none for what was so before. */
static void warn_of_skipped(struct view *view, const struct loading *l)
{
	size_t skipped = l ? l->skipped : 0;
	struct error e = ERROR_NULL;

	if (skipped > 0 && skipped != view->skipped) {
		error_set(&e, EINVAL, "%zu values are not shown; the first: %s", skipped, l->first_skipped.text);
		mount_warn_locked(view->mount, view->name, &e);
	}
	view->skipped = skipped;
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
		warn_of_skipped(view, l);
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
	struct store_sink sink = {
		.item = take_item, .data = load, .skip = skip_item, .page = page_arrived, .patient = patient
	};
	const char *only = layout_of(source->settings->layout)->one_store ? source->settings->name : load->only;
	int r = 0;

	if (only || !stores)
		r = store_load(source->store, &call, only, &sink, e);
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
	int len = name_decode(option, layout_names(view->source->settings, ""), raw);

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

/* One key's answer. */
struct found_key {
	bool found;
	enum value_type type;
	struct buf bytes;
};

static int take_key(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		    const struct attribute *attributes, size_t n, struct error *e)
{
	struct found_key *found = data;

	(void)store;
	(void)store_len;
	(void)option;
	(void)option_len;
	for (size_t i = 0; i < n; i++) {
		found->found = true;
		found->type = attributes[i].type;
		buf_append(&found->bytes, attributes[i].bytes, attributes[i].len);
	}
	return buf_error(&found->bytes) < 0 ? error_no_memory(e) : 0;
}

/* A key by its name in a folder that is there: what the fact of it begins with, and the folder, referenced. */
static struct folder *key_place(struct view *view, const char *path, const char *name, struct fact *fact,
				char raw[FILE_NAME_MAX + 1])
{
	MOUNT_LOCKED(view->mount);
	const struct folder *folder = snapshot_folder(view->current, path);
	const struct entry *entry = folder ? folder_find(folder, name) : NULL;
	int len = name_decode(name, layout_names(view->source->settings, path), raw);

	if (!folder || (!entry && len < 0))
		return NULL;
	*fact = (struct fact){ .folder = (char *)folder->path,
			       .folder_raw = (char *)folder->raw_path,
			       .folder_raw_len = folder->raw_path_len,
			       .name = (char *)name,
			       .raw = raw,
			       .raw_len = (size_t)len,
			       .wall = clock_wall(view->mount->clock) };
	if (entry)
		fact->raw = (char *)entry_raw(folder, entry, &fact->raw_len);
	return folder_ref(folder);
}

/* What was read is a fact as good as what was written, unless something was done to the key meanwhile. */
static int record_key(struct view *view, struct fact *fact, const struct found_key *found)
{
	const struct fact *known = view_fact_locked(view, fact->folder, fact->name);
	const struct folder *folder = snapshot_folder(view->current, fact->folder);
	const struct entry *entry = folder ? folder_find(folder, fact->name) : NULL;

	if (!folder || (known && known->since >= fact->since) || (!found->found && !entry))
		return 0;
	fact->kind = found->found ? FACT_VALUE : FACT_GONE;
	fact->type = found->type;
	fact->bytes = (char *)buf_text(&found->bytes);
	fact->len = found->bytes.len;
	return view_record_all_locked(view, fact, 1);
}

/* 1: there is such a key. */
static int load_key(struct view *view, struct fact *fact, struct error *e)
{
	struct source *source = view->source;
	struct load load = { .source = source };
	struct found_key found = { .bytes = BUF_INIT(16 << 20) };
	struct store_sink sink = { .item = take_key, .data = &found };
	struct store_call call = { .timeout = source->settings->timeout,
				   .cancel_fd = view->mount->stop_fd,
				   .consistent = true };
	const struct place place = { view->store,         fact->folder_raw,     fact->raw,
				     strlen(view->store), fact->folder_raw_len, fact->raw_len };

	begin_load(&load);
	call.deadline = load.began + call.timeout;
	fact->since = load.began;
	int r = store_load_option(source->store, &call, &place, &sink, e);
	MOUNT_LOCKED(view->mount);
	source->loads--;
	view->read_units += call.read_units;
	if (r < 0)
		source_failed_locked(source, e);
	else
		source_answered_locked(source);
	if (r == 0 && record_key(view, fact, &found) < 0)
		r = error_no_memory(e);
	buf_deinit(&found.bytes);
	return r < 0 ? r : found.found;
}

int refresh_key(struct view *view, const char *folder, const char *name, bool known, struct error *e)
{
	char raw[FILE_NAME_MAX + 1];
	struct fact fact;
	struct folder *held = key_place(view, folder, name, &fact, raw);
	int r = held ? load_key(view, &fact, e) : 0;

	folder_unref(held);
	/* It may be a directory, which is there by what is in it. */
	if (r == 0 && !known)
		r = refresh_store(view->source, view->store, true, e);
	return r < 0 ? r : 0;
}
