/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that system calls become. */
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call fake_call(enum call_kind kind)
{
	return CALL_INIT(kind, NULL);
}

/* The id of a path's folder, and its last name. */
static uint64_t parent_of(struct fake *f, const char *path, char name[FILE_NAME_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	char parent[4096] = "";

	snprintf(name, FILE_NAME_MAX + 1, "%s", slash ? slash + 1 : path);
	if (!slash)
		return ROOT_ID;
	memcpy(parent, path, (size_t)(slash - path));
	return fake_id(f, parent);
}

struct call fake_call_name(struct fake *f, enum call_kind kind, const char *path)
{
	struct call c = CALL_INIT(kind, NULL);

	c.node = parent_of(f, path, c.name);
	return c;
}

struct call fake_call_handle(enum call_kind kind, struct handle *h, uint64_t owner)
{
	struct call c = CALL_INIT(kind, NULL);

	c.handle = h;
	c.node = h->node ? h->node->id : h->id;
	c.owner = owner;
	c.size = 131072;
	return c;
}

struct call fake_call_rename(struct fake *f, const char *from, const char *to)
{
	struct call c = fake_call_name(f, CALL_RENAME, from);

	c.new_node = parent_of(f, to, c.new_name);
	return c;
}

int fake_step(struct fake *f, struct call *c)
{
	c->may_block = false;
	return vfs_run(&f->mount, c);
}

int fake_finish(struct fake *f, struct call *c)
{
	c->may_block = true;
	int r = vfs_run(&f->mount, c);
	fake_settle(f);
	return r;
}

int fake_run(struct fake *f, struct call *c)
{
	int r = fake_step(f, c);

	if (r == CALL_BLOCKS)
		r = fake_finish(f, c);
	fake_settle(f);
	return r;
}

static int run_and_end(struct fake *f, struct call *c)
{
	int r = fake_run(f, c);

	call_deinit(c);
	return r;
}

static int lookup_in(struct fake *f, uint64_t parent, const char *name, struct attr *attr)
{
	struct call c = CALL_INIT(CALL_LOOKUP, NULL);

	c.node = parent;
	snprintf(c.name, sizeof(c.name), "%s", name);
	int r = fake_run(f, &c);
	*attr = c.attr;
	call_deinit(&c);
	return r;
}

int fake_lookup(struct fake *f, const char *path, struct attr *attr)
{
	char copy[4096], *rest = copy;
	int r = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	*attr = (struct attr){ .id = ROOT_ID };
	for (char *name; r == 0 && (name = strsep(&rest, "/"));)
		r = name[0] ? lookup_in(f, attr->id, name, attr) : 0;
	return r;
}

uint64_t fake_id(struct fake *f, const char *path)
{
	struct attr attr;

	return fake_lookup(f, path, &attr) == 0 ? attr.id : 0;
}

static int create(struct fake *f, const char *path, int flags, struct handle **h)
{
	struct call c = fake_call_name(f, CALL_CREATE, path);

	c.flags = (unsigned)flags;
	c.mode = S_IFREG | 0644;
	int r = run_and_end(f, &c);
	*h = c.handle;
	return r;
}

int fake_try_open(struct fake *f, const char *path, int flags, struct handle **h)
{
	struct call c = CALL_INIT(CALL_OPEN, NULL);
	struct attr attr;
	int r = fake_lookup(f, path, &attr);

	if (r == -ENOENT && (flags & O_CREAT))
		return create(f, path, flags, h);
	if (r == 0 && (flags & O_EXCL))
		return -EEXIST;
	if (r != 0)
		return r;
	c.node = attr.id;
	c.flags = (unsigned)flags & ~(unsigned)(O_CREAT | O_EXCL);
	r = run_and_end(f, &c);
	*h = c.handle;
	return r;
}

struct handle *fake_open(struct fake *f, const char *path, int flags)
{
	struct handle *h = NULL;

	assert_int_equal(fake_try_open(f, path, flags, &h), 0);
	return h;
}

int fake_write(struct fake *f, struct handle *h, uint64_t owner, const char *text, int64_t offset)
{
	struct call c = fake_call_handle(CALL_WRITE, h, owner);

	c.data = text;
	c.size = strlen(text);
	c.offset = offset;
	return run_and_end(f, &c);
}

static int of_handle(struct fake *f, enum call_kind kind, struct handle *h, uint64_t owner)
{
	struct call c = fake_call_handle(kind, h, owner);

	return run_and_end(f, &c);
}

int fake_flush(struct fake *f, struct handle *h, uint64_t owner)
{
	return of_handle(f, CALL_FLUSH, h, owner);
}

int fake_fsync(struct fake *f, struct handle *h)
{
	return of_handle(f, CALL_FSYNC, h, 0);
}

int fake_release(struct fake *f, struct handle *h)
{
	return of_handle(f, CALL_RELEASE, h, 0);
}

int fake_close(struct fake *f, struct handle *h, uint64_t owner)
{
	int r = fake_flush(f, h, owner);

	fake_release(f, h);
	return r;
}

int fake_read(struct fake *f, struct handle *h, char out[256])
{
	/* read(2) past the page cache has an owner. */
	struct call c = fake_call_handle(CALL_READ, h, h->cached ? 0 : 1);
	int r = fake_run(f, &c);
	size_t len = c.out_len < 255 ? c.out_len : 255;

	if (r == 0) {
		memcpy(out, c.out, len);
		out[len] = '\0';
	}
	call_deinit(&c);
	return r;
}

int fake_stat(struct fake *f, const char *path, struct attr *attr)
{
	struct call c = CALL_INIT(CALL_GETATTR, NULL);

	c.node = fake_id(f, path);
	int r = c.node ? run_and_end(f, &c) : -ENOENT;
	*attr = c.attr;
	return r;
}

static int set_size(struct fake *f, uint64_t node, struct handle *h, int64_t size)
{
	struct call c = CALL_INIT(CALL_SETATTR, NULL);

	c.node = node;
	c.handle = h;
	c.set = SET_SIZE;
	c.wish.size = (uint64_t)size;
	return run_and_end(f, &c);
}

int fake_truncate(struct fake *f, const char *path, int64_t size)
{
	return set_size(f, fake_id(f, path), NULL, size);
}

int fake_ftruncate(struct fake *f, struct handle *h, int64_t size)
{
	return set_size(f, h->node->id, h, size);
}

static int of_name(struct fake *f, enum call_kind kind, const char *path)
{
	struct call c = fake_call_name(f, kind, path);

	c.mode = S_IFDIR | 0755;
	return run_and_end(f, &c);
}

int fake_unlink(struct fake *f, const char *path)
{
	return of_name(f, CALL_UNLINK, path);
}

int fake_mkdir(struct fake *f, const char *path)
{
	return of_name(f, CALL_MKDIR, path);
}

int fake_rmdir(struct fake *f, const char *path)
{
	return of_name(f, CALL_RMDIR, path);
}

int fake_rename(struct fake *f, const char *from, const char *to)
{
	struct call c = fake_call_rename(f, from, to);

	return run_and_end(f, &c);
}

int fake_setxattr(struct fake *f, const char *path, const char *name, const char *value)
{
	struct call c = CALL_INIT(CALL_SETXATTR, NULL);

	c.node = fake_id(f, path);
	snprintf(c.name, sizeof(c.name), "%s", name);
	c.data = value;
	c.size = strlen(value);
	return run_and_end(f, &c);
}

int fake_getxattr(struct fake *f, const char *path, const char *name, char out[256])
{
	struct call c = CALL_INIT(CALL_GETXATTR, NULL);

	c.node = fake_id(f, path);
	snprintf(c.name, sizeof(c.name), "%s", name);
	int r = fake_run(f, &c);
	snprintf(out, 256, "%.*s", r == 0 ? (int)c.out_len : 0, r == 0 ? c.out : "");
	call_deinit(&c);
	return r;
}

/* A listing under way: names go into the call's text. */
static bool fill(struct call *c, const char *name, const struct attr *attr, int64_t next)
{
	(void)attr;
	if (c->size-- == 0)
		return false;
	c->offset = next;
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		buf_printf(&c->text, "%s ", name);
	return true;
}

int fake_list(struct fake *f, const char *path, size_t most, char *out, size_t size)
{
	int64_t offset = 0;
	size_t len = 0;
	bool more = true;

	while (more) {
		struct call c = CALL_INIT(CALL_READDIR, NULL);
		c.node = fake_id(f, path);
		c.offset = offset;
		c.size = most;
		c.fill = fill;
		int r = fake_run(f, &c);
		more = r == 0 && c.offset != offset;
		offset = c.offset;
		len += (size_t)snprintf(out + len, size - len, "%s", buf_text(&c.text));
		call_deinit(&c);
		if (r != 0)
			return r;
	}
	return 0;
}

static int put(struct fake *f, const char *path, const char *text, int flags)
{
	struct handle *h = NULL;
	int r = fake_try_open(f, path, O_WRONLY | O_CREAT | flags, &h);

	if (r < 0)
		return r;
	fake_flush(f, h, 1);
	r = fake_write(f, h, 1, text, 0);
	int closed = fake_close(f, h, 1);
	return r < 0 ? r : closed;
}

int fake_echo(struct fake *f, const char *path, const char *text)
{
	return put(f, path, text, O_TRUNC);
}

int fake_append(struct fake *f, const char *path, const char *text)
{
	return put(f, path, text, O_APPEND);
}

int fake_touch(struct fake *f, const char *path)
{
	struct handle *h = NULL;
	int r = fake_try_open(f, path, O_WRONLY | O_CREAT, &h);

	return r < 0 ? r : fake_close(f, h, 1);
}

void fake_expect_stored(struct fake *f, const char *path, const char *bytes, const char *file, int line)
{
	const struct fake_row *row = fake_store_row(f->stores[0], path);

	if (!bytes && !row)
		return;
	if (!bytes || !row)
		print_error("%s in the store is %s\n", path, row ? row->bytes : "absent");
	_assert_true(bytes && row, "stored as expected", file, line);
	_assert_string_equal(row->bytes, bytes, file, line);
}

void fake_expect_shown(struct fake *f, const char *path, const char *bytes, const char *file, int line)
{
	struct handle *h = NULL;
	char shown[256] = "";
	int r = fake_try_open(f, path, O_RDONLY, &h);

	if (r == 0) {
		_assert_int_equal(fake_read(f, h, shown), 0, file, line);
		fake_close(f, h, 1);
	}
	if (!bytes && r == -ENOENT)
		return;
	if (!bytes || r != 0)
		print_error("%s shows %s (%d)\n", path, r ? "nothing" : shown, r);
	_assert_true(bytes && r == 0, "shown as expected", file, line);
	_assert_string_equal(shown, bytes, file, line);
}
