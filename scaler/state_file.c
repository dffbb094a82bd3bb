/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/state.h"

#include "aws/core/buf.h"
#include "aws/core/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, STATE_FILE_MAX = 64 << 20, MONTH = 31 * 86400 };

static const char *const checks_names[DIMENSIONS] = { "reads-checks", "writes-checks" };
static const char *const before_names[DIMENSIONS] = { "reads-before", "writes-before" };
static const char *const after_names[DIMENSIONS] = { "reads-after", "writes-after" };

static int64_t number(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? value : 0;
}

static struct units get_units(const json_t *object, const char *const names[DIMENSIONS])
{
	struct units units;

	for (int d = 0; d < DIMENSIONS; d++)
		units.of[d] = number(object, names[d]);
	return units;
}

static bool set_number(json_t *object, const char *name, int64_t value)
{
	return json_object_set_new(object, name, json_integer(value)) == 0;
}

static bool set_units(json_t *object, const char *const names[DIMENSIONS], struct units units)
{
	bool ok = true;

	for (int d = 0; d < DIMENSIONS; d++)
		ok &= set_number(object, names[d], units.of[d]);
	return ok;
}

static int read_event(const json_t *object, struct state_entry *entry, struct error *e)
{
	const char *text = json_string_value(json_object_get(object, "text"));
	struct state_event event = {
		.at = number(object, "at"),
		.before = get_units(object, before_names),
		.after = get_units(object, after_names),
		.done = json_is_true(json_object_get(object, "done")),
	};

	snprintf(event.text, sizeof(event.text), "%s", text ? text : "");
	return state_record(entry, &event, e);
}

static struct state_pending read_pending(const json_t *object)
{
	return (struct state_pending){
		.set = json_is_object(object),
		.before = get_units(object, before_names),
		.after = get_units(object, after_names),
		.checks = get_units(object, checks_names),
	};
}

static int read_entry(const json_t *object, struct state *state, struct error *e)
{
	const char *site = json_string_value(json_object_get(object, "site"));
	struct target target = {
		.table = json_string_value(json_object_get(object, "table")),
		.index = json_string_value(json_object_get(object, "index")),
	};
	struct state_entry *entry;
	json_t *event;
	size_t i;

	if (!target.table)
		return error_set(e, EINVAL, "an entry has no table");
	int rc = state_get(state, site ? site : "", &target, &entry, e);
	if (rc < 0)
		return rc;
	entry->checks = get_units(object, checks_names);
	entry->history = (struct policy_history){
		.last_change = number(object, "last-change"),
		.day = number(object, "day"),
		.decreases = number(object, "decreases"),
	};
	entry->seen = number(object, "seen");
	entry->pending = read_pending(json_object_get(object, "pending"));
	json_array_foreach(json_object_get(object, "history"), i, event)
	{
		rc = rc < 0 ? rc : read_event(event, entry, e);
	}
	return rc;
}

static int read_root(const json_t *root, struct state *state, struct error *e)
{
	const json_t *entries = json_object_get(root, "entries");
	json_t *entry;
	size_t i;
	int rc = 0;

	if (number(root, "version") != VERSION || !json_is_array(entries))
		return error_set(e, EINVAL, "it is no state file of this version");
	json_array_foreach(entries, i, entry)
	{
		rc = rc < 0 ? rc : read_entry(entry, state, e);
	}
	return rc;
}

int state_load(const char *path, struct state *state, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_INIT(STATE_FILE_MAX);
	struct state loaded = STATE_NULL;
	struct error missing = ERROR_NULL;
	int rc = file_read(path, &text, &missing);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return error_set(e, missing.number, "the state file: %s", missing.text);
	json_t *root = json_loadb(buf_text(&text), text.len, 0, NULL);
	rc = read_root(root, &loaded, e);
	json_decref(root);
	if (rc < 0) {
		state_deinit(&loaded);
		return error_context(e, "the state file %s cannot be used; remove it or name another", path);
	}
	state_deinit(state);
	*state = loaded;
	return 0;
}

static json_t *event_json(const struct state_event *event)
{
	json_t *object = json_object();
	bool ok = set_number(object, "at", event->at) && set_units(object, before_names, event->before) &&
		  set_units(object, after_names, event->after) &&
		  json_object_set_new(object, "done", json_boolean(event->done)) == 0;

	/* Text that is not UTF-8 is not worth losing the event for. */
	json_object_set_new(object, "text", json_string(event->text));
	if (ok)
		return object;
	json_decref(object);
	return NULL;
}

static bool set_pending(json_t *object, const struct state_pending *pending)
{
	json_t *inner = json_object();

	return set_units(inner, before_names, pending->before) && set_units(inner, after_names, pending->after) &&
	       set_units(inner, checks_names, pending->checks) && json_object_set_new(object, "pending", inner) == 0;
}

static json_t *entry_json(const struct state_entry *entry)
{
	json_t *object = json_object(), *history = json_array();
	bool ok = json_object_set_new(object, "table", json_string(entry->table)) == 0 &&
		  (!*entry->site || json_object_set_new(object, "site", json_string(entry->site)) == 0) &&
		  (!entry->index || json_object_set_new(object, "index", json_string(entry->index)) == 0) &&
		  set_units(object, checks_names, entry->checks) &&
		  set_number(object, "last-change", entry->history.last_change) &&
		  set_number(object, "day", entry->history.day) &&
		  set_number(object, "decreases", entry->history.decreases) && set_number(object, "seen", entry->seen);

	if (entry->pending.set)
		ok &= set_pending(object, &entry->pending);
	for (size_t i = 0; i < entry->n_events; i++)
		ok &= json_array_append_new(history, event_json(&entry->events[i])) == 0;
	ok &= json_object_set_new(object, "history", history) == 0;
	if (ok)
		return object;
	json_decref(object);
	return NULL;
}

char *state_text(const struct state *state, int64_t now)
{
	json_t *root = json_object(), *entries = json_array();
	bool ok = set_number(root, "version", VERSION);
	char *text = NULL;

	for (size_t i = 0; i < state->n; i++) {
		if (state->entries[i]->seen && state->entries[i]->seen >= now - MONTH)
			ok &= json_array_append_new(entries, entry_json(state->entries[i])) == 0;
	}
	ok &= json_object_set_new(root, "entries", entries) == 0;
	if (ok)
		text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

int state_write(const char *path, const char *text, struct error *e)
{
	int rc = file_replace(path, text);

	return rc < 0 ? error_set(e, EIO, "the state file %s cannot be written: %s", path, strerror(-rc)) : 0;
}
