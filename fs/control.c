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

static const struct control_part *const parts[] = { &control_top, &control_store, &control_table, &control_scaling };

enum { N_PARTS = sizeof(parts) / sizeof(parts[0]) };

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

/* The families one by one; NULL past the end. */
static const struct control_family *family_at(size_t n)
{
	for (size_t i = 0; i < N_PARTS; i++) {
		if (n < parts[i]->n_families)
			return &parts[i]->families[n];
		n -= parts[i]->n_families;
	}
	return NULL;
}

/* NULL: there are only rows in that place. */
static const struct control_family *family_in(enum control_place place)
{
	const struct control_family *family;

	for (size_t i = 0; (family = family_at(i)); i++) {
		if (family->place == place)
			break;
	}
	return family;
}

/*
 * Ids: a subject and a row of it, of which 0 is the directory of the subject; from FIRST_FILE on the files of a family.
 * The mount's own are small numbers; other subjects have bit 61 and 53 bits of a hash. They are the same after a
 * restart.
 */
enum { ROW_BITS = 8, ROW_MASK = (1 << ROW_BITS) - 1, FIRST_ROW = 8, FIRST_FILE = ROW_MASK - CONTROL_FILES };

#define SUBJECT_BIT (UINT64_C(1) << 61)

static uint64_t id_of_subject(uint64_t hash)
{
	return SUBJECT_BIT | (hash & CONTROL_HASH) << ROW_BITS;
}

static uint64_t id_of_row(uint64_t subject, size_t row)
{
	return subject == CONTROL_ID ? FIRST_ROW + row : subject | (row + 1);
}

/* What an id is: a row, or (row NULL) a directory. */
struct spot {
	bool found;
	uint64_t subject;         /* its id */
	enum control_place place; /* of a directory's content */
	const struct control_row *row;
	struct control_at at;
};

static bool find_subject(struct spot *spot, enum control_place owner, uint64_t id);

static bool find_member(struct spot *spot, const struct control_family *family, uint64_t id)
{
	const struct control_at within = spot->at;

	spot->place = family->member;
	if (family->find && family->find(&spot->at, id >> ROW_BITS))
		return true;
	spot->at = within;
	for (size_t n = 0; family->nth(&spot->at, n); n++) {
		if (!family->find && id_of_subject(family->hash(&spot->at)) == id)
			return true;
		if (find_subject(spot, family->member, id))
			return true;
		spot->place = family->member;
		spot->at = within;
	}
	return false;
}

/* Looks for a subject in the families of an owner, and in those of their members. */
static bool find_subject(struct spot *spot, enum control_place owner, uint64_t id)
{
	const struct control_family *family;

	for (size_t i = 0; (family = family_at(i)); i++) {
		if (family->owner == owner && find_member(spot, family, id))
			return true;
	}
	return false;
}

/* The family of files; NULL: there is none. */
static const struct control_family *file_family(void)
{
	const struct control_family *family;

	for (size_t i = 0; (family = family_at(i)); i++) {
		if (family->file)
			break;
	}
	return family;
}

static const struct control_row *row_of_spot(struct spot *spot, size_t number)
{
	const struct control_family *files = file_family();

	if (number < FIRST_FILE)
		return row_at(number - 1);
	return files && files->nth(&spot->at, number - FIRST_FILE) ? files->file : NULL;
}

static struct spot spot_of(struct mount *m, uint64_t id)
{
	struct spot spot = { .subject = CONTROL_ID, .at = { .mount = m }, .place = AT_TOP };
	size_t number = id & SUBJECT_BIT ? id & ROW_MASK : id == CONTROL_ID ? 0 : id - FIRST_ROW + 1;

	spot.found = id == CONTROL_ID || id >= FIRST_ROW;
	if (id & SUBJECT_BIT) {
		spot.subject = id & ~(uint64_t)ROW_MASK;
		spot.found = find_subject(&spot, AT_TOP, spot.subject);
	}
	if (!spot.found || !number)
		return spot;
	spot.row = row_of_spot(&spot, number);
	spot.found = spot.row && (!spot.row->there || spot.row->there(&spot.at));
	if (spot.found && spot.row->leads) {
		spot.place = spot.row->leads;
		spot.row = NULL;
	}
	return spot;
}

bool control_is_folder(uint64_t id)
{
	size_t number = id & SUBJECT_BIT ? id & ROW_MASK : id == CONTROL_ID ? 0 : id - FIRST_ROW + 1;
	const struct control_row *row = number && number < FIRST_FILE ? row_at(number - 1) : NULL;

	return !number || (row && row->leads);
}

/* The n-th row of a directory, or (`name`) the one of that name; `*number` counts it among all rows. */
static const struct control_row *find_row(const struct spot *spot, size_t n, const char *name, size_t *number)
{
	const struct control_row *row;

	for (size_t i = 0; (row = row_at(i)); i++) {
		if (!(row->places & spot->place) || (row->there && !row->there(&spot->at)))
			continue;
		if (name ? strcmp(row->name, name) != 0 : n-- != 0)
			continue;
		*number = i;
		return row;
	}
	return NULL;
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

enum { TEXT_MAX = 16 << 20, GROWN_MAX = 4 << 20, WRITE_MAX = 1 << 16 };

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
	bool kept = s->values == VALUES_RO && spot->row;
	struct control_text *text = kept ? control_keep_locked(m, id) : open_text(m, id);
	_buf_cleanup_ struct buf fresh = BUF_INIT(TEXT_MAX);
	uint64_t seen = 0;

	/* Whatever is said here may be old a moment later. By its time the kernel sees that a listing has changed. */
	*attr = (struct attr){ .id = id, .uid = s->access.uid, .gid = s->access.gid, .mode = S_IFDIR | 0700 };
	attr->mtime = m->root_mtime > m->tables_mtime ? m->root_mtime : m->tables_mtime;
	if (!spot->row)
		return 0;
	attr->mode = S_IFREG | (is_shown(spot->row) ? 0400 : 0) | (spot->row->act ? 0200 : 0);
	if (text && !kept)
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

/* The n-th name in a directory, or (`name`) the one of that name: its id; 0: there is none. */
static uint64_t find_name(const struct spot *spot, size_t n, const char *name, const char **found)
{
	const struct control_family *family = family_in(spot->place);
	struct control_at at = spot->at;
	size_t number;

	for (size_t i = name ? 0 : n; family && family->nth(&at, i); i++) {
		*found = family->name(&at);
		if (!name || strcmp(*found, name) == 0)
			return family->file ? spot->subject | (FIRST_FILE + i) : id_of_subject(family->hash(&at));
	}
	const struct control_row *row = family ? NULL : find_row(spot, n, name, &number);
	if (!row)
		return 0;
	*found = row->name;
	return id_of_row(spot->subject, number);
}

bool control_entry_locked(struct mount *m, uint64_t id, size_t n, const char **name, struct attr *attr)
{
	struct spot spot = spot_of(m, id);
	uint64_t child = spot.found && !spot.row ? find_name(&spot, n, NULL, name) : 0;

	return child && control_attr_locked(m, child, attr) == 0;
}

int control_lookup_locked(struct mount *m, uint64_t parent, const char *name, struct attr *attr)
{
	struct spot spot = spot_of(m, parent);
	const char *found;
	uint64_t child = spot.found && !spot.row ? find_name(&spot, 0, name, &found) : 0;

	return child ? control_attr_locked(m, child, attr) : -ENOENT;
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
		.next = m->control_texts,
		.id = id,
		.refs = 1,
		.mtime = clock_wall(m->clock),
		.rendered = clock_mono(m->clock),
		.text = BUF_INIT(TEXT_MAX),
	};
	render(&spot, &text->seen, &text->text);
	m->control_texts = text;
	return text;
}

bool control_differs_locked(struct mount *m, const struct control_text *text)
{
	struct spot spot = spot_of(m, text->id);
	_buf_cleanup_ struct buf fresh = BUF_INIT(TEXT_MAX);
	uint64_t seen = text->seen;

	if (!spot.found)
		return true;
	render(&spot, &seen, &fresh);
	if (spot.row->grow)
		return seen != text->seen;
	return fresh.len != text->text.len || memcmp(buf_text(&fresh), buf_text(&text->text), fresh.len) != 0;
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

/* Texts that were kept, and whose time is over. */
static void drop_kept(struct mount *m, int64_t now)
{
	for (struct control_text *text = m->control_texts, *next; text; text = next) {
		next = text->next;
		if (text->kept && text->kept <= now) {
			text->kept = 0;
			control_close_locked(m, text);
		}
	}
}

struct control_text *control_keep_locked(struct mount *m, uint64_t id)
{
	const int64_t pause = 20 * CLOCK_MS, longest = CLOCK_SECOND;
	int64_t now = clock_mono(m->clock);

	drop_kept(m, now);
	struct control_text *text = open_text(m, id);
	if (!text)
		text = control_open_locked(m, id);
	else if (!text->kept)
		text->refs++;
	if (text)
		text->kept = now + pause < text->rendered + longest ? now + pause : text->rendered + longest;
	return text;
}

void control_free(struct mount *m)
{
	drop_kept(m, INT64_MAX);
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
	_buf_cleanup_ struct buf word = BUF_INIT(WRITE_MAX + 1);

	mount_lock(m);
	struct spot spot = spot_of(m, id);
	pthread_mutex_unlock(&m->lock);
	if (!spot.found || !spot.row || !spot.row->act)
		return error_set(e, EPERM, "this file of .control can only be read");
	if (len > WRITE_MAX || memchr(text, '\0', len))
		return error_set(e, EINVAL, "%s takes one line of text", spot.row->name);
	if (spot.row->blocks && !may_block)
		return CALL_BLOCKS;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	buf_append(&word, text, len);
	int r = buf_error(&word) ? error_no_memory(e) : spot.row->act(&spot.at, buf_text(&word), e);
	MOUNT_LOCKED(m);
	/* Whoever looks next looks for what came of it. */
	drop_kept(m, INT64_MAX);
	return r;
}

int control_mkdir(struct mount *m, uint64_t parent, const char *name, bool may_block, struct error *e)
{
	mount_lock(m);
	struct spot spot = spot_of(m, parent);
	pthread_mutex_unlock(&m->lock);
	const struct control_family *family = spot.found && !spot.row ? family_in(spot.place) : NULL;

	if (!family || !family->make)
		return error_set(e, EPERM, "nothing can be made in this directory of .control");
	return may_block ? family->make(m, name, e) : CALL_BLOCKS;
}

/* The path of a directory as help shows it: that of the row or family that leads there. */
static void show_path(enum control_place place, struct buf *out)
{
	const struct control_family *family;
	const struct control_row *row;

	for (size_t i = 0; (row = row_at(i)); i++) {
		if (row->leads != place)
			continue;
		show_path((enum control_place)(row->places & -row->places), out);
		buf_printf(out, "%s/", row->name);
	}
	for (size_t i = 0; (family = family_at(i)); i++) {
		if (family->member != place)
			continue;
		show_path(family->place, out);
		buf_printf(out, "%s/", family->label);
	}
}

bool control_help(size_t n, struct buf *path, const char **access, const char **help)
{
	const struct control_row *row = row_at(n), *file = file_family() ? file_family()->file : NULL;

	/* After the last row, what a family's files are. */
	if (!row && n > 0 && row_at(n - 1))
		row = file;
	if (!row)
		return false;
	buf_reset(path);
	show_path((enum control_place)(row->places & -row->places), path);
	buf_printf(path, "%s%s", row->name, row->leads ? "/" : "");
	*access = row->leads ? "" : row->act ? is_shown(row) ? "rw" : "w" : "r";
	*help = row->help;
	return true;
}
