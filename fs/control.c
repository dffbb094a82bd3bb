/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control.h"

#include "fs/control_row.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/view.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const place_paths[CONTROL_PLACES] = {
	[AT_TOP] = "",
	[AT_STORES] = "stores/",
	[AT_STORE] = "stores/STORE/",
};

static const struct control_part *const parts[] = { &control_top, &control_store };

enum { N_PARTS = sizeof(parts) / sizeof(parts[0]), ROW_BITS = 8, FIRST_ROW = 8 };

/* Rows are counted through all parts; NULL past the end. */
static const struct control_row *row_at(size_t n)
{
	for (size_t i = 0; i < N_PARTS; i++) {
		if (n < parts[i]->n)
			return &parts[i]->rows[n];
		n -= parts[i]->n;
	}
	return NULL;
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
	struct control_at at;
};

static struct spot spot_of_store(struct mount *m, uint64_t id)
{
	const uint64_t low = (1 << ROW_BITS) - 1;
	struct spot spot = { .at = { .mount = m }, .place = AT_STORE };

	for (size_t i = 0; i < m->n_views; i++) {
		if (!view_is_shown(m->views[i]) || id_of_view(m->views[i]) != (id & ~low))
			continue;
		spot.at.view = m->views[i];
		spot.row = id & low ? row_at((id & low) - 1) : NULL;
		spot.found = spot.row || !(id & low);
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
	} else if (id >= FIRST_ROW) {
		spot.row = row_at(id - FIRST_ROW);
		spot.found = spot.row;
	}
	if (spot.row && spot.row->leads) {
		spot.place = spot.row->leads;
		spot.row = NULL;
	}
	return spot;
}

bool control_is_folder(uint64_t id)
{
	if (id >> 61)
		return (id & ((1 << ROW_BITS) - 1)) == 0;
	const struct control_row *row = id >= FIRST_ROW ? row_at(id - FIRST_ROW) : NULL;
	return id == CONTROL_ID || (row && row->leads);
}

static bool is_shown(const struct control_row *row)
{
	return row->show || row->grow;
}

static void render(const struct spot *spot, uint64_t *seen, struct buf *out)
{
	if (spot->row->show)
		spot->row->show(&spot->at, out);
	else if (spot->row->grow)
		spot->row->grow(&spot->at, seen, out);
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

enum { TEXT_MAX = 16 << 20, GROWN_MAX = 4 << 20 };

void control_grow_locked(struct mount *m, struct control_text *text)
{
	struct spot spot = spot_of(m, text->id);
	uint64_t seen = text->seen;

	if (!spot.found || !spot.row->grow)
		return;
	/* Somebody has followed it for long: it begins anew, as a log does that was rotated. */
	if (text->text.len > GROWN_MAX) {
		buf_reset(&text->text);
		text->seen = 0;
	}
	render(&spot, &text->seen, &text->text);
	if (text->seen != seen)
		text->mtime = clock_wall(m->clock);
}

static int attr_of(struct mount *m, uint64_t id, const struct spot *spot, struct attr *attr)
{
	const struct settings *s = m->settings;
	struct control_text *text = open_text(m, id);
	_buf_cleanup_ struct buf fresh = BUF_INIT(TEXT_MAX);
	uint64_t seen = 0;

	/* Whatever is said here may be old a moment later. */
	*attr = (struct attr){ .id = id, .uid = s->uid, .gid = s->gid, .mode = S_IFDIR | 0700, .mtime = m->root_mtime };
	if (!spot->row)
		return 0;
	attr->mode = S_IFREG | (is_shown(spot->row) ? 0400 : 0) | (spot->row->act ? 0200 : 0);
	if (text)
		control_grow_locked(m, text);
	attr->mtime = text ? text->mtime : clock_wall(m->clock);
	if (!text)
		render(spot, &seen, &fresh);
	attr->size = text ? text->text.len : fresh.len;
	return 0;
}

int control_attr_locked(struct mount *m, uint64_t id, struct attr *attr)
{
	struct spot spot = spot_of(m, id);

	return spot.found ? attr_of(m, id, &spot, attr) : -ESTALE;
}

/* The n-th row of a place, or (`name`) the one of that name; `*number` counts it among all rows. */
static const struct control_row *find_row(enum control_place place, size_t n, const char *name, size_t *number)
{
	const struct control_row *row;

	for (size_t i = 0; (row = row_at(i)); i++) {
		if (row->place != place || (name ? strcmp(row->name, name) != 0 : n-- != 0))
			continue;
		*number = i;
		return row;
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
	size_t number;
	const struct control_row *row = find_row(spot.place, n, NULL, &number);
	if (!row)
		return false;
	*name = row->name;
	return control_attr_locked(m, id_of_row(spot.at.view, number), attr) == 0;
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
	size_t number;
	if (!find_row(spot.place, 0, name, &number))
		return -ENOENT;
	return control_attr_locked(m, id_of_row(spot.at.view, number), attr);
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
	render(&spot, &text->seen, &text->text);
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
	const struct control_row *row = row_at(n);

	if (!row)
		return false;
	*path = row->name;
	*access = place_paths[row->place];
	*help = row->help;
	return true;
}
