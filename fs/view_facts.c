/* SPDX-License-Identifier: Apache-2.0 */
/* What this mount knows better than a load, and what comes of both. */
#include "fs/events.h"
#include "fs/notify.h"
#include "fs/ours.h"
#include "fs/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fact_free(struct fact *fact)
{
	free(fact->folder);
	free(fact->folder_raw);
	free(fact->name);
	free(fact->raw);
	free(fact->bytes);
	free(fact->parked);
	free(fact);
}

static void facts_free(struct fact *facts)
{
	while (facts) {
		struct fact *fact = facts;
		facts = fact->next;
		fact_free(fact);
	}
}

void view_facts_free(struct view *view)
{
	facts_free(view->facts);
	idmap_deinit(&view->option_loads);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The link that points to what is known of a name, or to the end of the list. */
static struct fact **fact_link(struct view *view, const char *folder, const char *name)
{
	struct fact **link = &view->facts;

	while (*link && !(same_text((*link)->folder, folder) && same_text((*link)->name, name)))
		link = &(*link)->next;
	return link;
}

struct fact *view_fact_locked(struct view *view, const char *folder, const char *name)
{
	return *fact_link(view, folder, name);
}

static char *copy_bytes(const char *bytes, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy) {
		memcpy(copy, bytes ? bytes : "", bytes ? len : 0);
		copy[len] = '\0';
	}
	return copy;
}

static struct fact *fact_copy(const struct fact *from)
{
	struct fact *to = malloc(sizeof(*to));

	if (!to)
		return NULL;
	*to = *from;
	to->next = NULL;
	to->folder = strdup(from->folder);
	to->folder_raw = copy_bytes(from->folder_raw, from->folder_raw_len);
	to->name = from->name ? strdup(from->name) : NULL;
	to->raw = from->name ? copy_bytes(from->raw, from->raw_len) : NULL;
	to->bytes = copy_bytes(from->bytes, from->len);
	to->parked = from->parked ? strdup(from->parked) : NULL;
	if (!to->folder || !to->folder_raw || !to->bytes || (from->name && (!to->name || !to->raw)) ||
	    (from->parked && !to->parked)) {
		fact_free(to);
		return NULL;
	}
	return to;
}

/* Puts the value of a fact, or its absence, into the draft of its folder. */
static int overlay_value(struct snapshot_draft *draft, const struct fact *fact)
{
	const struct folder *base = snapshot_draft_folder(draft, fact->folder);
	struct folder_draft *folder = NULL;
	struct entry_spec spec = {
		.name = fact->name,
		.raw = fact->raw,
		.raw_len = fact->raw_len,
		.type = fact->type,
		.flags = fact->since == INT64_MAX ? ENTRY_MEMORY : 0,
		.value = fact->bytes,
		.value_len = fact->len,
		.mtime = fact->mtime ? fact->mtime : fact->wall,
	};

	if (fact->kind == FACT_GONE && !(base && folder_find(base, fact->name)))
		return 0;
	int r = folder_draft_new(fact->folder, fact->folder_raw, fact->folder_raw_len, base, &folder, NULL);
	if (r < 0)
		return r;
	if (fact->kind == FACT_GONE)
		folder_draft_remove(folder, fact->name);
	else
		r = folder_draft_set(folder, &spec, NULL);
	if (r < 0) {
		folder_draft_free(folder);
		return r;
	}
	return snapshot_draft_put(draft, folder, fact->wall, NULL);
}

/* Whether a folder of the draft holds nothing, now that others may have been taken out of it. */
static bool is_empty(const struct snapshot_draft *draft, const char *path)
{
	const struct folder *folder = snapshot_draft_folder(draft, path);
	char child[FILE_PATH_MAX];

	for (size_t i = 0; folder && i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[i];
		int len = snprintf(child, sizeof(child), "%s/%s", path, entry_name(folder, entry));
		if (entry->kind == ENTRY_VALUE || len >= (int)sizeof(child) || snapshot_draft_folder(draft, child))
			return false;
	}
	return true;
}

static int overlay_folder(struct snapshot_draft *draft, const struct view *view, const struct fact *fact)
{
	struct folder_draft *folder = NULL;

	if (fact->kind == FACT_NO_FOLDER && view_layout(view)->item_is_key && !is_empty(draft, fact->folder))
		return 0;
	if (fact->kind == FACT_NO_FOLDER)
		return snapshot_draft_remove(draft, fact->folder, fact->wall, NULL);
	if (snapshot_draft_folder(draft, fact->folder))
		return 0;
	int r = folder_draft_new(fact->folder, fact->folder_raw, fact->folder_raw_len, NULL, &folder, NULL);
	return r < 0 ? r : snapshot_draft_put(draft, folder, fact->wall, NULL);
}

static int overlay(struct snapshot_draft *draft, const struct view *view, const struct fact *fact)
{
	return fact->name ? overlay_value(draft, fact) : overlay_folder(draft, view, fact);
}

static int overlay_all(struct snapshot_draft *draft, const struct view *view, const struct fact *facts,
		       const char *folder)
{
	int r = 0;

	for (const struct fact *fact = facts; fact && r == 0; fact = fact->next) {
		if (!folder || strcmp(folder, fact->folder) == 0)
			r = overlay(draft, view, fact);
	}
	return r;
}

typedef bool is_over(const struct view *view, const struct fact *fact, const void *data);

static void drop_facts(struct view *view, is_over *over, const void *data)
{
	for (struct fact **link = &view->facts; *link;) {
		struct fact *fact = *link;
		if (over(view, fact, data)) {
			*link = fact->next;
			fact_free(fact);
		} else {
			link = &fact->next;
		}
	}
}

static bool is_in(const struct view *view, const struct fact *fact, const void *folder)
{
	(void)view;
	return strcmp(fact->folder, folder) == 0;
}

/* A folder that is in memory only. */
static bool is_made_here(const struct fact *fact)
{
	return fact->kind == FACT_FOLDER && fact->since == INT64_MAX;
}

/* Such a folder is in the store from here on, for something is stored in it, or below it. A folder's own value is not
 * in it in the store. */
static bool leads_to(const struct view *view, const struct fact *fact, const void *stored)
{
	const struct fact *value = stored;
	size_t len = strlen(fact->folder);
	char next = is_made_here(fact) && strncmp(value->folder, fact->folder, len) == 0 ? value->folder[len] : 'x';

	(void)view;
	return next == '/' || (next == '\0' && strcmp(value->name, NAME_OWN_VALUE) != 0);
}

/* Or because a load has found something in it, beside the value that its name has as a key. */
static bool is_found_in(const struct view *view, const struct fact *fact, const void *loaded)
{
	const struct folder *folder = is_made_here(fact) ? snapshot_folder(loaded, fact->folder) : NULL;
	bool found = false;

	(void)view;
	for (size_t i = 0; folder && i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[i];
		bool own = strcmp(entry_name(folder, entry), NAME_OWN_VALUE) == 0;
		found = found || (!own && !(entry->flags & ENTRY_MEMORY));
	}
	return found;
}

/* A load that is still to begin brings what was committed here; only one that is under way may not. What is gone is
 * known for a while longer: a file that is removed and made anew is the same key. */
static bool is_old(const struct view *view, const struct fact *fact, const void *data)
{
	const int64_t *began = data;
	bool at_once = view->source->settings->kind == SOURCE_LOCAL && fact->kind == FACT_VALUE;

	return fact->since != INT64_MAX && fact->since + (at_once ? 0 : FACT_MARGIN) < *began;
}

static void drop_old_facts(struct view *view)
{
	const struct source *source = view->source;
	int64_t began = source->loads ? source->loads_since : clock_mono(view->mount->clock);

	drop_facts(view, is_old, &began);
}

/* Committed facts that a load of the folder (NULL: of all) must have seen have served. */
struct served {
	const char *folder;
	int64_t began, margin;
};

static bool has_served(const struct view *view, const struct fact *fact, const void *data)
{
	const struct served *served = data;
	bool covered = !served->folder || strcmp(served->folder, fact->folder) == 0;

	(void)view;
	return covered && fact->since != INT64_MAX && fact->since + served->margin < served->began;
}

static void add_fact(struct view *view, struct fact *fact)
{
	/* What was known of names in a folder is void once the folder itself came or went. */
	if (!fact->name && !view_layout(view)->item_is_key)
		drop_facts(view, is_in, fact->folder);
	if (fact->kind == FACT_VALUE && fact->since != INT64_MAX)
		drop_facts(view, leads_to, fact);
	struct fact **link = fact_link(view, fact->folder, fact->name);
	if (*link) {
		struct fact *old = *link;
		*link = old->next;
		fact_free(old);
	}
	/* Oldest first: a fact of a folder must be laid over before those of its keys. */
	while (*link)
		link = &(*link)->next;
	*link = fact;
}

/* In the order of their coming. */
static int copy_facts(const struct fact *done, size_t n, struct fact **copies)
{
	while (n-- > 0) {
		struct fact *copy = fact_copy(&done[n]);
		if (!copy)
			return -ENOMEM;
		copy->next = *copies;
		*copies = copy;
	}
	return 0;
}

/* The current picture with the facts laid over it. */
static int draw(const struct view *view, const struct fact *facts, struct snapshot **next)
{
	struct snapshot_draft *draft = NULL;
	int r = snapshot_draft_new(view->store, view->current, true, &draft, NULL);

	if (r == 0)
		r = overlay_all(draft, view, facts, NULL);
	if (r == 0)
		return snapshot_draft_finish(draft, next, NULL);
	snapshot_draft_free(draft);
	return r;
}

/* `raised`: the kernel has told the watchers, whatever else it has to be told. */
static int record(struct view *view, const struct fact *done, size_t n, bool kernel_knows, bool raised)
{
	struct snapshot *next = NULL;
	struct fact *facts = NULL;

	int r = copy_facts(done, n, &facts);
	if (r == 0)
		r = draw(view, facts, &next);
	if (r < 0) {
		facts_free(facts);
		return r;
	}
	/* Else the notifier sees the difference. */
	bool tells = next != view->current && view_is_told(view, kernel_knows);
	while (facts) {
		struct fact *fact = facts;
		facts = fact->next;
		fact->next = NULL;
		if (tells)
			events_fact_locked(view, fact);
		else if (raised)
			ours_add_locked(view, fact);
		if (kernel_knows && !tells)
			ours_known_locked(view, fact);
		add_fact(view, fact);
	}
	drop_old_facts(view);
	view_publish_locked(view, next, kernel_knows);
	return 0;
}

int view_record_locked(struct view *view, const struct fact *done, bool kernel_knows)
{
	return record(view, done, 1, kernel_knows, true);
}

int view_record_all_locked(struct view *view, const struct fact *done, size_t n)
{
	return record(view, done, n, false, false);
}

void view_forget_locked(struct view *view, const char *folder, const char *name, bool kernel_knows)
{
	struct fact **link = fact_link(view, folder, name);
	struct fact *fact = *link;
	struct snapshot_draft *draft = NULL;
	struct snapshot *next = NULL;

	if (!fact)
		return;
	*link = fact->next;
	bool in_memory = fact->kind == FACT_VALUE && fact->since == INT64_MAX;
	fact->kind = FACT_GONE;
	if (in_memory && snapshot_draft_new(view->store, view->current, true, &draft, NULL) == 0) {
		if (overlay(draft, view, fact) < 0)
			snapshot_draft_free(draft);
		else if (snapshot_draft_finish(draft, &next, NULL) == 0) {
			if (kernel_knows)
				ours_add_locked(view, fact);
			view_publish_locked(view, next, kernel_knows);
		}
	}
	fact_free(fact);
}

static int overlay_facts(struct view *view, struct snapshot **loaded)
{
	struct snapshot_draft *draft = NULL;
	struct snapshot *next = NULL;

	if (!view->facts)
		return 0;
	int r = snapshot_draft_new(view->store, *loaded, true, &draft, NULL);
	if (r == 0)
		r = overlay_all(draft, view, view->facts, NULL);
	if (r < 0) {
		snapshot_draft_free(draft);
		return r;
	}
	r = snapshot_draft_finish(draft, &next, NULL);
	if (r < 0)
		return r;
	snapshot_unref(*loaded);
	*loaded = next;
	return 0;
}

static uint64_t option_hash(const char *folder)
{
	return name_hash(0, folder, strlen(folder)) | 1;
}

/* Whether the option was loaded by itself after a load that began at `began` had begun. */
static bool is_newer(const struct view *view, const char *folder, int64_t began)
{
	uint64_t loaded = 0;

	return idmap_get(&view->option_loads, option_hash(folder), &loaded) && (int64_t)loaded > began;
}

static int keep_option(struct snapshot_draft *draft, const struct folder *folder)
{
	struct folder_draft *copy = NULL;
	int r = folder_draft_new(folder->path, folder->raw_path, folder->raw_path_len, folder, &copy, NULL);

	return r < 0 ? r : snapshot_draft_put(draft, copy, folder->mtime, NULL);
}

static int overlay_newer_options(struct snapshot_draft *draft, const struct view *view, const struct snapshot *loaded,
				 int64_t began)
{
	int r = 0;

	for (size_t i = 1; i < loaded->n_folders && r == 0; i++) {
		const char *path = loaded->folders[i]->path;
		if (is_newer(view, path, began) && !snapshot_folder(view->current, path))
			r = snapshot_draft_remove(draft, path, view->loaded_wall, NULL);
	}
	for (size_t i = 1; i < view->current->n_folders && r == 0; i++) {
		if (is_newer(view, view->current->folders[i]->path, began))
			r = keep_option(draft, view->current->folders[i]);
	}
	return r;
}

/* Options that were loaded by themselves since this load began are newer than what it brings of them. */
static int keep_newer_options(struct view *view, struct snapshot **loaded, int64_t began)
{
	struct snapshot_draft *draft = NULL;
	struct snapshot *next = NULL;

	if (!view->option_loads.n)
		return 0;
	int r = snapshot_draft_new(view->store, *loaded, true, &draft, NULL);
	if (r == 0)
		r = overlay_newer_options(draft, view, *loaded, began);
	if (r < 0) {
		snapshot_draft_free(draft);
		return r;
	}
	r = snapshot_draft_finish(draft, &next, NULL);
	if (r == 0) {
		snapshot_unref(*loaded);
		*loaded = next;
	}
	return r;
}

/* Loads that began before this one are told by view.loaded alone. */
static void forget_option_loads(struct view *view, int64_t began)
{
	struct idmap newer = IDMAP_NULL;

	for (size_t i = 0; i < view->option_loads.cap; i++) {
		const struct idmap_slot *slot = &view->option_loads.slots[i];
		if (slot->id && (int64_t)slot->value > began)
			idmap_set(&newer, slot->id, slot->value);
	}
	idmap_deinit(&view->option_loads);
	view->option_loads = newer;
}

int view_loaded_locked(struct view *view, struct snapshot *loaded, int64_t began, int64_t began_wall, bool consistent)
{
	/* Another load that began later was faster. */
	if (began < view->loaded) {
		snapshot_unref(loaded);
		return 0;
	}
	drop_facts(view, has_served, &(struct served){ NULL, began, consistent ? 0 : FACT_MARGIN });
	int r = keep_newer_options(view, &loaded, began);
	if (r == 0)
		r = overlay_facts(view, &loaded);
	if (r < 0) {
		snapshot_unref(loaded);
		return r;
	}
	forget_option_loads(view, began);
	view->loaded = began;
	view->loaded_wall = began_wall;
	view->failure = ERROR_NULL;
	/* A store is its items: without any it is gone, unless somebody here made it. */
	drop_facts(view, is_found_in, loaded);
	view_set_gone_locked(view, view_is_empty(loaded) && !view->kept && !view_layout(view)->one_store);
	view_publish_locked(view, loaded, false);
	return 0;
}

int view_option_loaded_locked(struct view *view, const char *folder, struct folder_draft *found, int64_t began)
{
	int64_t now = clock_wall(view->mount->clock);
	struct snapshot_draft *draft = NULL;
	struct snapshot *next = NULL;

	if (began < view->loaded || is_newer(view, folder, began)) {
		folder_draft_free(found);
		return 0;
	}
	/* What never was there needs no order: the names that programs look for in vain have no end. */
	if ((found || snapshot_folder(view->current, folder)) &&
	    !idmap_set(&view->option_loads, option_hash(folder), (uint64_t)began)) {
		folder_draft_free(found);
		return -ENOMEM;
	}
	drop_facts(view, has_served, &(struct served){ folder, began, 0 });
	int r = snapshot_draft_new(view->store, view->current, true, &draft, NULL);
	if (r < 0) {
		folder_draft_free(found);
		return r;
	}
	r = found ? snapshot_draft_put(draft, found, now, NULL) : snapshot_draft_remove(draft, folder, now, NULL);
	if (r == 0)
		r = overlay_all(draft, view, view->facts, folder);
	if (r < 0) {
		snapshot_draft_free(draft);
		return r;
	}
	r = snapshot_draft_finish(draft, &next, NULL);
	if (r == 0)
		view_publish_locked(view, next, false);
	return r;
}
