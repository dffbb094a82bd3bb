/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/handle.h"

#include "fs/plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A type's white space and a final newline may pass the limit of what is stored a little. */
enum { WORK_MAX = ITEM_SIZE_MAX * 3 };

struct handle *handle_new(enum handle_kind kind)
{
	/* Not calloc, which is far slower in glibc: it passes over the thread's cache. */
	struct handle *h = malloc(sizeof(*h));

	if (h)
		*h = (struct handle){ .kind = kind, .work = BUF_INIT(WORK_MAX), .base = BUF_INIT(WORK_MAX) };
	return h;
}

void handle_free(struct handle *h)
{
	folder_unref(h->folder);
	buf_deinit(&h->work);
	buf_deinit(&h->base);
	free(h);
}

static void set_base(struct handle *h, enum value_type type, const char *bytes, size_t len)
{
	buf_reset(&h->base);
	buf_append(&h->base, bytes, len);
	h->base_type = type;
	h->has_base = true;
}

void handle_of_document(struct handle *h)
{
	/* A character of a value is six of JSON at most. */
	h->limit = (size_t)7 * ITEM_SIZE_MAX;
	h->work.max = h->base.max = 2 * h->limit;
	h->newline = NEWLINE_EXACT;
	h->document = true;
	h->known = false;
}

int handle_begin(struct handle *h, enum value_type type, const char *bytes, size_t len, struct error *e)
{
	if (h->working)
		return 0;
	buf_append(&h->work, bytes, len);
	set_base(h, type, bytes, len);
	if (buf_error(&h->work) < 0 || buf_error(&h->base) < 0)
		return error_no_memory(e);
	h->working = true;
	h->derived = true;
	h->checked = len;
	return 0;
}

void handle_begin_empty(struct handle *h)
{
	buf_reset(&h->work);
	h->working = true;
	h->truncated = true;
	h->pending = true;
	h->derived = false;
	h->checked = 0;
	h->version++;
}

static int fail(struct handle *h, int number)
{
	h->failed = number < 0 ? -number : number;
	h->pending = false;
	return -h->failed;
}

static void add_writer(struct handle *h, uint64_t owner)
{
	for (unsigned i = 0; i < h->n_writers && i < HANDLE_WRITERS; i++) {
		if (h->writers[i] == owner)
			return;
	}
	if (h->n_writers < HANDLE_WRITERS)
		h->writers[h->n_writers] = owner;
	if (h->n_writers <= HANDLE_WRITERS)
		h->n_writers++;
}

/* Grows work with zeros or cuts it. */
static int resize(struct handle *h, size_t size, struct error *e)
{
	if (size > h->work.len) {
		size_t more = size - h->work.len;
		char *room = buf_reserve(&h->work, more);
		if (!room)
			return error_set(e, EFBIG, "a value may have %zu bytes here, not %zu", h->limit, size);
		memset(room, 0, more);
	}
	h->work.len = size;
	if (h->work.data)
		h->work.data[size] = '\0';
	return 0;
}

/* Checking each piece of a long value from its start would take the square of its length. */
static int check(struct handle *h, struct error *e)
{
	enum { ALWAYS = 4096 };

	/* Who writes into an old document may cut it afterwards. */
	if ((h->document ? h->derived : !h->known) || (h->work.len > ALWAYS && h->work.len < 2 * h->checked))
		return 0;
	h->checked = h->work.len;
	if (h->document)
		return plain_check_prefix(buf_text(&h->work), h->work.len, e);
	return value_check_prefix(h->type, buf_text(&h->work), h->work.len, e);
}

/* Where an append goes is the end of work, whatever size the kernel believes in. */
static int prepare_append(struct handle *h, const char *data, size_t len, int64_t *offset, struct error *e)
{
	bool first = h->has_base && h->work.len == h->base.len && !h->version;

	if (first)
		h->own_from = h->work.len;
	enum value_type type = h->known ? h->type : value_type_of_new(buf_text(&h->work), h->work.len);
	if (first && value_append_wants_break(type, h->newline, buf_text(&h->work), h->work.len, data, len)) {
		int r = resize(h, h->work.len + 1, e);
		if (r < 0)
			return r;
		h->work.data[h->work.len - 1] = '\n';
		h->broke = true;
	}
	*offset = (int64_t)h->work.len;
	return 0;
}

int handle_write(struct handle *h, const char *data, size_t len, int64_t offset, uint64_t owner, struct error *e)
{
	int r = 0;

	if (h->failed)
		return error_set(e, h->failed, "an earlier write to this open file failed: open it again");
	if (h->append)
		r = prepare_append(h, data, len, &offset, e);
	/* One byte more than the limit may be a newline that is not stored. */
	if (r == 0 && (offset < 0 || (uint64_t)offset + len > (uint64_t)h->limit + 1))
		r = error_set(e, EFBIG, "a value may have %zu bytes here: an item holds 400 KB in all", h->limit);
	if (r == 0 && (size_t)offset + len > h->work.len)
		r = resize(h, (size_t)offset + len, e);
	if (r < 0)
		return fail(h, r);
	memcpy(h->work.data + offset, data, len);
	h->version++;
	r = check(h, e);
	if (r < 0)
		return fail(h, r);
	h->pending = true;
	h->truncated = false;
	add_writer(h, owner);
	return 0;
}

int handle_truncate(struct handle *h, int64_t size, struct error *e)
{
	if (h->failed)
		return error_set(e, h->failed, "an earlier write to this open file failed: open it again");
	if (size < 0 || (uint64_t)size > h->limit)
		return error_set(e, EFBIG, "a value may have %zu bytes here: an item holds 400 KB in all", h->limit);
	int r = resize(h, (size_t)size, e);
	if (r < 0)
		return r;
	if (size == 0)
		h->derived = false;
	h->version++;
	h->pending = true;
	h->truncated = false;
	h->n_writers = HANDLE_WRITERS + 1;
	return 0;
}

void handle_rebase(struct handle *h, enum value_type type, const char *bytes, size_t len)
{
	struct buf work = BUF_INIT(WORK_MAX);
	bool same = h->base.len == len && memcmp(buf_text(&h->base), bytes, len) == 0;

	if (!h->append || !h->derived || !h->has_base || h->looked || same || h->own_from > h->work.len)
		return;
	const char *own = buf_text(&h->work) + h->own_from;
	size_t own_len = h->work.len - h->own_from;
	/* The line break that the old value was given is given anew where the newest wants it. */
	if (own_len > 0 && own[0] == '\n' && h->broke) {
		own++;
		own_len--;
	}
	buf_append(&work, bytes, len);
	h->broke = value_append_wants_break(type, h->newline, bytes, len, own, own_len);
	if (h->broke)
		buf_char(&work, '\n');
	buf_append(&work, own, own_len);
	set_base(h, type, bytes, len);
	buf_deinit(&h->work);
	h->work = work;
	h->own_from = len;
}

bool handle_flush_commits(const struct handle *h, uint64_t owner)
{
	if (!h->pending || h->failed || h->truncated)
		return false;
	if (h->n_writers > HANDLE_WRITERS)
		return true;
	for (unsigned i = 0; i < h->n_writers; i++) {
		if (h->writers[i] == owner)
			return true;
	}
	return false;
}

bool handle_release_commits(const struct handle *h)
{
	return h->pending && !h->failed;
}

void handle_committed(struct handle *h, uint64_t version, enum value_type type, const char *bytes, size_t len)
{
	set_base(h, type, bytes, len);
	h->known = true;
	h->type = type;
	if (h->version != version)
		return;
	h->pending = false;
	h->truncated = false;
	h->n_writers = 0;
	h->own_from = h->work.len;
	h->broke = false;
}

void handle_commit_failed(struct handle *h, int number)
{
	fail(h, number);
}
