/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control.h"

#include "fs/handle.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/refresh.h"
#include "fs/view.h"
#include "version.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where a row stands. */
enum control_place { AT_TOP, AT_STORES, AT_STORE };

enum { PLACES = 3 };

static const char *const place_paths[PLACES] = { "", "stores/", "stores/STORE/" };

/* What a row's functions get; the lock is held for `show`, not for `act`. */
struct control_context {
	struct mount *mount;
	struct view *view; /* AT_STORE */
};

struct control_row {
	enum control_place place;
	const char *name;
	void (*show)(const struct control_context *at, struct buf *out);                 /* NULL: nothing to read */
	int (*act)(const struct control_context *at, const char *text, struct error *e); /* NULL: read-only */
	bool blocks;                                                                     /* act waits for the network */
	const char *help;
};

static void show_time(struct buf *out, int64_t wall)
{
	time_t seconds = wall / CLOCK_SECOND;
	struct tm utc;
	char text[40];

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	buf_str(out, text);
}

static void show_version(const struct control_context *at, struct buf *out)
{
	(void)at;
	buf_str(out, DYNCONF_VERSION);
}

static void show_last_error(const struct control_context *at, struct buf *out)
{
	const struct mount *m = at->mount;

	if (!m->last_error.number)
		return;
	show_time(out, m->last_error_wall);
	buf_printf(out, " %s", m->last_error.text);
}

static int64_t age_of(const struct view *view)
{
	return view->loaded ? clock_mono(view->mount->clock) - view->loaded : -1;
}

static bool is_stale(const struct view *view)
{
	return view->failure.number || view->source->failure.number || (!view->loaded && !view->kept);
}

static void show_source_trouble(const struct source *source, struct buf *out)
{
	const struct error *e = source->failure.number ? &source->failure : &source->trouble;

	if (e->number)
		buf_printf(out, "WRONG   source %s: %s\n", source->settings->name, e->text);
}

static void show_status_line(const struct view *view, struct buf *out)
{
	if (view->alias_of[0]) {
		buf_printf(out, "HIDDEN  %s of source %s: source %s, which comes first, has a store of that name\n",
			   view->name, view->source->settings->name, view->alias_of);
		return;
	}
	buf_printf(out, "%-7s %-24s %6zu options %8zu keys", is_stale(view) ? "STALE" : "ok", view->name,
		   view->current->n_folders - 1, view->current->n_values);
	if (view->loaded)
		buf_printf(out, "  loaded %" PRId64 " s ago", age_of(view) / CLOCK_SECOND);
	buf_printf(out, "  from %s\n", view->source->about.source);
}

/* For people: everything wrong first. */
static void show_status(const struct control_context *at, struct buf *out)
{
	const struct mount *m = at->mount;

	for (size_t i = 0; i < m->n_sources; i++)
		show_source_trouble(&m->sources[i], out);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < m->n_views; i++) {
			const struct view *view = m->views[i];
			bool wrong = view->alias_of[0] || is_stale(view);
			if (!view->gone && wrong == (pass == 0))
				show_status_line(view, out);
		}
	}
	buf_printf(out, "dynconf %s, mounted since ", DYNCONF_VERSION);
	show_time(out, m->started_wall);
	buf_printf(out, ", %zu open files", m->n_handles);
}

static int act_refresh_all(const struct control_context *at, const char *text, struct error *e)
{
	struct mount *m = at->mount;
	int result = 0;

	(void)text;
	for (size_t i = 0; i < m->n_sources; i++) {
		int r = refresh_wait(&m->sources[i], e);
		result = r < 0 ? r : result;
	}
	notify_wait(m);
	return result;
}

static void show_source(const struct control_context *at, struct buf *out)
{
	buf_str(out, at->view->source->about.source);
}

static void show_layout(const struct control_context *at, struct buf *out)
{
	(void)at;
	buf_str(out, "options");
}

static void show_ttl(const struct control_context *at, struct buf *out)
{
	buf_printf(out, "%" PRId64, at->view->ttl / CLOCK_SECOND);
}

static int act_ttl(const struct control_context *at, const char *text, struct error *e)
{
	const long long most = 365LL * 86400;
	char *end;
	long long seconds = strtoll(text, &end, 10);
	MOUNT_LOCKED(at->mount);

	if (!isdigit((unsigned char)text[0]) || *end || seconds > most)
		return error_set(e, EINVAL, "ttl is a number of seconds from 0 to %lld", most);
	if (at->view->ttl == seconds * CLOCK_SECOND)
		return 0;
	at->view->ttl = seconds * CLOCK_SECOND;
	refresh_reschedule_locked(at->view->source);
	return 0;
}

static int act_refresh_store(const struct control_context *at, const char *text, struct error *e)
{
	(void)text;
	int r = refresh_store(at->view->source, at->view->store, true, e);

	notify_wait(at->mount);
	return r;
}

static void show_age(const struct control_context *at, struct buf *out)
{
	if (at->view->loaded)
		buf_printf(out, "%" PRId64, age_of(at->view) / CLOCK_SECOND);
}

static void show_stale(const struct control_context *at, struct buf *out)
{
	buf_char(out, is_stale(at->view) ? '1' : '0');
}

static void show_items(const struct control_context *at, struct buf *out)
{
	buf_printf(out, "%zu", at->view->current->n_folders - 1);
}

static void show_keys(const struct control_context *at, struct buf *out)
{
	buf_printf(out, "%zu", at->view->current->n_values);
}

static void show_bytes(const struct control_context *at, struct buf *out)
{
	buf_printf(out, "%" PRIu64, at->view->current->bytes);
}

static void show_last_refresh(const struct control_context *at, struct buf *out)
{
	if (at->view->loaded)
		show_time(out, at->view->loaded_wall);
}

static void show_failure(const struct control_context *at, struct buf *out)
{
	const struct view *view = at->view;

	buf_str(out, view->failure.number ? view->failure.text : view->source->failure.text);
}

static void show_read_units(const struct control_context *at, struct buf *out)
{
	buf_printf(out, "%.1f", at->view->read_units);
}

static void show_write_units(const struct control_context *at, struct buf *out)
{
	buf_printf(out, "%.1f", at->view->write_units);
}

static const struct control_row rows[] = {
	{ AT_TOP, "version", show_version, NULL, false, "the version of dynconf" },
	{ AT_TOP, "status", show_status, NULL, false, "how the sources and stores are, what is wrong first" },
	{ AT_TOP, "last-error", show_last_error, NULL, false,
	  "when and why something failed last; empty if nothing did" },
	{ AT_TOP, "refresh", NULL, act_refresh_all, true, "any write loads all sources now" },
	{ AT_TOP, "stores", NULL, NULL, false, "one directory a store" },
	{ AT_STORE, "source", show_source, NULL, false, "where it is kept" },
	{ AT_STORE, "layout", show_layout, NULL, false, "how items become files" },
	{ AT_STORE, "ttl", show_ttl, act_ttl, false, "seconds between loads; 0: read on every access" },
	{ AT_STORE, "refresh", NULL, act_refresh_store, true, "any write loads the store now" },
	{ AT_STORE, "age", show_age, NULL, false, "seconds since the load that is shown began" },
	{ AT_STORE, "stale", show_stale, NULL, false, "1 when the newest load failed, else 0" },
	{ AT_STORE, "items", show_items, NULL, false, "options in it" },
	{ AT_STORE, "keys", show_keys, NULL, false, "keys in it" },
	{ AT_STORE, "bytes", show_bytes, NULL, false, "bytes of their values" },
	{ AT_STORE, "last-refresh", show_last_refresh, NULL, false, "when the load that is shown began (UTC)" },
	{ AT_STORE, "last-error", show_failure, NULL, false, "why its newest load failed; empty if it did not" },
	{ AT_STORE, "consumed-read-units", show_read_units, NULL, false, "read units this mount has used" },
	{ AT_STORE, "consumed-write-units", show_write_units, NULL, false, "write units this mount has used" },
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), ROW_BITS = 8, FIRST_ROW = 8 };

static bool is_folder_row(const struct control_row *row)
{
	return !row->show && !row->act;
}

/*
 * Ids: CONTROL_ID; rows at the top from FIRST_ROW; a store's directory and its rows have bit 61, 53 bits of the store's
 * hash and the row, of which 0 is the directory. They are the same after a restart.
 */
static uint64_t id_of_view(const struct view *view)
{
	const uint64_t hash = (UINT64_C(1) << 53) - 1;

	return UINT64_C(1) << 61 | (view->current->seed & hash) << ROW_BITS;
}

static uint64_t id_of_row(const struct view *view, size_t row)
{
	return view ? id_of_view(view) | (row + 1) : FIRST_ROW + row;
}

/* What an id is: a row, or (row NULL) a directory of stores or of one store. */
struct spot {
	bool found;
	enum control_place place; /* of a directory's content */
	const struct control_row *row;
	struct control_context at;
};

static struct spot spot_of_store(struct mount *m, uint64_t id)
{
	const uint64_t low = (1 << ROW_BITS) - 1;
	struct spot spot = { .at = { .mount = m }, .place = AT_STORE };

	for (size_t i = 0; i < m->n_views; i++) {
		if (!view_is_shown(m->views[i]) || id_of_view(m->views[i]) != (id & ~low))
			continue;
		spot.at.view = m->views[i];
		spot.found = (id & low) <= N_ROWS;
		spot.row = spot.found && (id & low) ? &rows[(id & low) - 1] : NULL;
		break;
	}
	return spot;
}

static struct spot spot_of(struct mount *m, uint64_t id)
{
	struct spot spot = { .at = { .mount = m }, .place = AT_TOP };

	if (id >> 61)
		return spot_of_store(m, id);
	if (id == CONTROL_ID) {
		spot.found = true;
	} else if (id >= FIRST_ROW && id < FIRST_ROW + N_ROWS) {
		spot.found = true;
		spot.row = &rows[id - FIRST_ROW];
		if (is_folder_row(spot.row)) {
			spot.place = AT_STORES;
			spot.row = NULL;
		}
	}
	return spot;
}

bool control_is_folder(uint64_t id)
{
	if (id >> 61)
		return (id & ((1 << ROW_BITS) - 1)) == 0;
	return id == CONTROL_ID || (id >= FIRST_ROW && id < FIRST_ROW + N_ROWS && is_folder_row(&rows[id - FIRST_ROW]));
}

static void render(const struct spot *spot, struct buf *out)
{
	if (!spot->row->show)
		return;
	spot->row->show(&spot->at, out);
	/* One value and its newline; nothing is an empty file. */
	if (out->len && out->data[out->len - 1] != '\n')
		buf_char(out, '\n');
}

static struct control_text *open_text(struct mount *m, uint64_t id)
{
	struct control_text *text = m->control_texts;

	while (text && text->id != id)
		text = text->next;
	return text;
}

enum { TEXT_MAX = 16 << 20 };

static int attr_of(struct mount *m, uint64_t id, const struct spot *spot, struct attr *attr)
{
	const struct settings *s = m->settings;
	const struct control_text *text = open_text(m, id);
	_buf_cleanup_ struct buf fresh = BUF_INIT(TEXT_MAX);

	/* Whatever is said here may be old a moment later. */
	*attr = (struct attr){ .id = id, .uid = s->uid, .gid = s->gid, .mode = S_IFDIR | 0700, .mtime = m->root_mtime };
	if (!spot->row)
		return 0;
	attr->mode = S_IFREG | (spot->row->show ? 0400 : 0) | (spot->row->act ? 0200 : 0);
	attr->mtime = text ? text->mtime : clock_wall(m->clock);
	if (!text)
		render(spot, &fresh);
	attr->size = text ? text->text.len : fresh.len;
	return 0;
}

int control_attr_locked(struct mount *m, uint64_t id, struct attr *attr)
{
	struct spot spot = spot_of(m, id);

	return spot.found ? attr_of(m, id, &spot, attr) : -ESTALE;
}

/* The n-th row of a place. */
static const struct control_row *nth_row(enum control_place place, size_t n)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].place == place && n-- == 0)
			return &rows[i];
	}
	return NULL;
}

static struct view *nth_view(struct mount *m, size_t n)
{
	for (size_t i = 0; i < m->n_views; i++) {
		if (view_is_shown(m->views[i]) && n-- == 0)
			return m->views[i];
	}
	return NULL;
}

bool control_entry_locked(struct mount *m, uint64_t id, size_t n, const char **name, struct attr *attr)
{
	struct spot spot = spot_of(m, id);

	if (!spot.found || spot.row)
		return false;
	if (spot.place == AT_STORES) {
		struct view *view = nth_view(m, n);
		if (!view)
			return false;
		*name = view->name;
		return control_attr_locked(m, id_of_view(view), attr) == 0;
	}
	const struct control_row *row = nth_row(spot.place, n);
	if (!row)
		return false;
	*name = row->name;
	return control_attr_locked(m, id_of_row(spot.at.view, (size_t)(row - rows)), attr) == 0;
}

int control_lookup_locked(struct mount *m, uint64_t parent, const char *name, struct attr *attr)
{
	struct spot spot = spot_of(m, parent);

	if (!spot.found || spot.row)
		return -ENOENT;
	if (spot.place == AT_STORES) {
		struct view *view = view_find_locked(m, name);
		return view ? control_attr_locked(m, id_of_view(view), attr) : -ENOENT;
	}
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].place == spot.place && strcmp(rows[i].name, name) == 0)
			return control_attr_locked(m, id_of_row(spot.at.view, i), attr);
	}
	return -ENOENT;
}

struct control_text *control_open_locked(struct mount *m, uint64_t id)
{
	struct spot spot = spot_of(m, id);
	struct control_text *text = open_text(m, id);

	if (text) {
		text->refs++;
		return text;
	}
	if (!spot.found || !spot.row)
		return NULL;
	text = calloc(1, sizeof(*text));
	if (!text)
		return NULL;
	*text = (struct control_text){
		.next = m->control_texts, .id = id, .refs = 1, .mtime = clock_wall(m->clock), .text = BUF_INIT(TEXT_MAX)
	};
	render(&spot, &text->text);
	m->control_texts = text;
	return text;
}

void control_close_locked(struct mount *m, struct control_text *text)
{
	if (--text->refs > 0)
		return;
	struct control_text **link = &m->control_texts;
	while (*link != text)
		link = &(*link)->next;
	*link = text->next;
	buf_deinit(&text->text);
	free(text);
}

void control_free(struct mount *m)
{
	while (m->control_handles) {
		struct handle *h = m->control_handles;
		m->control_handles = h->next;
		if (h->text)
			control_close_locked(m, h->text);
		handle_free(h);
	}
}

int control_write(struct mount *m, uint64_t id, const char *text, size_t len, bool may_block, struct error *e)
{
	enum { WORD_MAX = 256 };
	char word[WORD_MAX];

	mount_lock(m);
	struct spot spot = spot_of(m, id);
	pthread_mutex_unlock(&m->lock);
	if (!spot.found || !spot.row || !spot.row->act)
		return error_set(e, EPERM, "this file of .control can only be read");
	if (len >= sizeof(word) || memchr(text, '\0', len))
		return error_set(e, EINVAL, "%s takes one short line of text", spot.row->name);
	if (spot.row->blocks && !may_block)
		return CALL_BLOCKS;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	memcpy(word, text, len);
	word[len] = '\0';
	return spot.row->act(&spot.at, word, e);
}

bool control_help(size_t n, const char **path, const char **access, const char **help)
{
	if (n >= N_ROWS)
		return false;
	*path = rows[n].name;
	*access = place_paths[rows[n].place];
	*help = rows[n].help;
	return true;
}
