/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/events.h"

#include "fs/control_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct events {
	char *lines[EVENTS_MAX]; /* line n is at n % EVENTS_MAX */
	uint64_t count;          /* of all that ever were */
};

struct events *events_new(void)
{
	return calloc(1, sizeof(struct events));
}

void events_free(struct events *events)
{
	for (size_t i = 0; events && i < EVENTS_MAX; i++)
		free(events->lines[i]);
	free(events);
}

static json_t *now(const struct mount *m)
{
	_buf_cleanup_ struct buf text = BUF_INIT(64);

	control_show_time(&text, clock_wall(m->clock));
	return json_string(buf_text(&text));
}

void events_add_locked(struct mount *m, const char *event, json_t *about)
{
	struct events *events = m->events;
	json_t *line = events && about ? json_pack("{s:o, s:s}", "time", now(m), "event", event) : NULL;

	if (line && json_object_update(line, about) == 0) {
		char **place = &events->lines[events->count++ % EVENTS_MAX];
		free(*place);
		*place = json_dumps(line, JSON_COMPACT);
	}
	json_decref(line);
	json_decref(about);
}

static void add_change(struct view *view, const char *how, const char *folder, const char *name)
{
	char path[8192];

	if (view_path(view, folder, name, path, sizeof(path)))
		events_add_locked(view->mount, how, json_pack("{s:s}", "path", path));
}

static const char *how_changed(bool before, bool after)
{
	if (!before)
		return "added";
	return after ? "changed" : "removed";
}

static bool is_stored(const struct entry *entry)
{
	return entry && !(entry->flags & ENTRY_MEMORY);
}

void events_difference_locked(struct view *view, const struct difference *difference)
{
	const struct folder *folder = difference->after ? difference->after_folder : difference->before_folder;
	const struct entry *entry = difference->after ? difference->after : difference->before;
	bool before = is_stored(difference->before), after = is_stored(difference->after);

	if (before || after)
		add_change(view, how_changed(before, after), folder->path, entry_name(folder, entry));
}

void events_fact_locked(struct view *view, const struct fact *done)
{
	const struct folder *folder = snapshot_folder(view->current, done->folder);
	bool there = done->kind == FACT_VALUE || done->kind == FACT_FOLDER;
	bool was = done->name ? folder && is_stored(folder_find(folder, done->name)) : folder != NULL;

	if (done->since != INT64_MAX && (was || there))
		add_change(view, how_changed(was, there), done->folder, done->name ? done->name : "");
}

void events_store_locked(struct view *view)
{
	add_change(view, how_changed(!view->announced, view->announced), "", "");
}

void events_error_locked(struct mount *m, const char *what, const struct error *e)
{
	const char *name = strerrorname_np(e->number);

	events_add_locked(m, "error",
			  json_pack("{s:s, s:s, s:s}", "about", what, "error", name ? name : "", "text", e->text));
}

void events_recovery_locked(struct mount *m, const char *what)
{
	events_add_locked(m, "recovery", json_pack("{s:s}", "about", what));
}

void events_show_locked(const struct mount *m, uint64_t *seen, struct buf *out)
{
	const struct events *events = m->events;
	uint64_t oldest = events && events->count > EVENTS_MAX ? events->count - EVENTS_MAX : 0;

	for (uint64_t n = *seen > oldest ? *seen : oldest; events && n < events->count; n++) {
		const char *line = events->lines[n % EVENTS_MAX];
		if (line)
			buf_printf(out, "%s\n", line);
	}
	*seen = events ? events->count : 0;
}
