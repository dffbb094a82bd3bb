/* SPDX-License-Identifier: Apache-2.0 */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/dispatch.h"
#include "fs/handle.h"
#include "fs/replay.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct kernel {
	struct mount *mount;
	struct fuse_session *session;
	pthread_t server;     /* the thread of kernel_serve, */
	_Atomic bool serving; /* while it runs */
	pthread_rwlock_t use; /* read-locked by whoever writes to the descriptor, write-locked to close it: */
	bool closed;          /* its number may mean another file from here on */
};

/* The connection, held open to the end of the block; `open_` is NULL once it is closed. */
static struct kernel *enter(struct kernel *k)
{
	pthread_rwlock_rdlock(&k->use);
	if (!k->closed)
		return k;
	pthread_rwlock_unlock(&k->use);
	return NULL;
}

static void leave(struct kernel **k)
{
	if (*k)
		pthread_rwlock_unlock(&(*k)->use);
}

#define HELD_OPEN(k) __attribute__((cleanup(leave))) struct kernel *open_ = enter(k)

static void to_entry(const struct attr *attr, struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){ .ino = attr->id,
					    .attr_timeout = attr_seconds(attr->attr_ttl),
					    .entry_timeout = attr_seconds(attr->entry_ttl) };
	attr_stat(attr, &entry->attr);
}

static int answer_entry(fuse_req_t req, const struct call *c)
{
	struct fuse_entry_param entry;

	to_entry(&c->attr, &entry);
	return fuse_reply_entry(req, &entry);
}

static struct fuse_file_info to_info(const struct call *c)
{
	struct fuse_file_info info = { .fh = (uintptr_t)c->handle };

	info.direct_io = c->direct;
	info.keep_cache = c->keep;
	info.noflush = c->no_flush;
	return info;
}

static int answer_open(fuse_req_t req, const struct call *c)
{
	struct fuse_file_info info = to_info(c);

	return fuse_reply_open(req, &info);
}

static int answer_create(fuse_req_t req, const struct call *c)
{
	struct fuse_file_info info = to_info(c);
	struct fuse_entry_param entry;

	to_entry(&c->attr, &entry);
	return fuse_reply_create(req, &entry, &info);
}

static int answer_attr(fuse_req_t req, const struct call *c)
{
	struct stat st;

	attr_stat(&c->attr, &st);
	return fuse_reply_attr(req, &st, attr_seconds(c->attr.attr_ttl));
}

static int answer_bytes(fuse_req_t req, const struct call *c)
{
	return fuse_reply_buf(req, c->out, c->out_len);
}

static int answer_xattr(fuse_req_t req, const struct call *c)
{
	return c->size ? fuse_reply_buf(req, c->out, c->out_len) : fuse_reply_xattr(req, c->out_len);
}

static int answer_written(fuse_req_t req, const struct call *c)
{
	return fuse_reply_write(req, c->done);
}

static int answer_statfs(fuse_req_t req, const struct call *c)
{
	struct statvfs st;

	call_statvfs(c, &st);
	return fuse_reply_statfs(req, &st);
}

static int answer_done(fuse_req_t req, const struct call *c)
{
	(void)c;
	return fuse_reply_err(req, 0);
}

static int answer_poll(fuse_req_t req, const struct call *c)
{
	return fuse_reply_poll(req, c->events);
}

static int (*const answers[CALL_KINDS])(fuse_req_t, const struct call *) = {
	[CALL_LOOKUP] = answer_entry,    [CALL_GETATTR] = answer_attr,  [CALL_SETATTR] = answer_attr,
	[CALL_MKNOD] = answer_entry,     [CALL_MKDIR] = answer_entry,   [CALL_UNLINK] = answer_done,
	[CALL_RMDIR] = answer_done,      [CALL_RENAME] = answer_done,   [CALL_OPEN] = answer_open,
	[CALL_CREATE] = answer_create,   [CALL_READ] = answer_bytes,    [CALL_WRITE] = answer_written,
	[CALL_FLUSH] = answer_done,      [CALL_FSYNC] = answer_done,    [CALL_RELEASE] = answer_done,
	[CALL_READDIR] = answer_bytes,   [CALL_STATFS] = answer_statfs, [CALL_GETXATTR] = answer_xattr,
	[CALL_LISTXATTR] = answer_xattr, [CALL_SETXATTR] = answer_done, [CALL_POLL] = answer_poll,
};

static int send_answer(fuse_req_t req, struct call *c, int r)
{
	if (r == -ENOENT && c->kind == CALL_LOOKUP && c->attr.entry_ttl > 0) {
		/* Id 0 lets the kernel keep that there is none. */
		c->attr.id = 0;
		return answer_entry(req, c);
	}
	return r < 0 ? fuse_reply_err(req, -r) : answers[c->kind](req, c);
}

int kernel_answer(struct call *c, int r)
{
	HELD_OPEN(fuse_req_userdata(c->request));

	if (open_)
		return send_answer(c->request, c, r);
	fuse_reply_none(c->request);
	return -ENODEV;
}

static void on_interrupt(fuse_req_t req, void *data)
{
	(void)req;
	dispatch_interrupted(data);
}

void kernel_watch(struct call *c, struct pending *pending)
{
	fuse_req_interrupt_func(c->request, pending ? on_interrupt : NULL, pending);
}

static bool opens_itself(const struct kernel *k)
{
	return k->mount->settings->values == VALUES_RO;
}

static void dispatch(fuse_req_t req, struct call *c)
{
	struct kernel *k = fuse_req_userdata(req);

	c->own = replay_is_own(k->mount->replay, fuse_req_ctx(req)->pid);
	dispatch_call(k->mount, c);
}

static struct call call_of(fuse_req_t req, enum call_kind kind, fuse_ino_t ino, const struct fuse_file_info *info)
{
	struct call c = CALL_INIT(kind, req);

	c.node = ino;
	c.handle = info ? (struct handle *)(uintptr_t)info->fh : NULL;
	c.owner = info ? info->lock_owner : 0;
	c.flags = info ? (unsigned)info->flags : 0;
	return c;
}

/* One function an operation: what the kernel said goes into a call. Strings longer than a name are no names of ours. */
static bool take_name(fuse_req_t req, struct call *c, const char *name)
{
	if (strlen(name) > FILE_NAME_MAX) {
		fuse_reply_err(req, c->kind == CALL_GETXATTR ? ENODATA : ENAMETOOLONG);
		return false;
	}
	strcpy(c->name, name);
	return true;
}

static void named(fuse_req_t req, enum call_kind kind, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct call c = call_of(req, kind, parent, NULL);

	c.mode = mode;
	if (take_name(req, &c, name))
		dispatch(req, &c);
}

#define ON_NAME(function, kind)                                                   \
	static void function(fuse_req_t req, fuse_ino_t parent, const char *name) \
	{                                                                         \
		named(req, kind, parent, name, 0);                                \
	}

ON_NAME(on_lookup, CALL_LOOKUP)
ON_NAME(on_unlink, CALL_UNLINK)
ON_NAME(on_rmdir, CALL_RMDIR)

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)device;
	named(req, CALL_MKNOD, parent, name, mode);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	named(req, CALL_MKDIR, parent, name, mode);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
		      unsigned flags)
{
	struct call c = call_of(req, CALL_RENAME, parent, NULL);

	c.new_node = new_parent;
	c.flags = flags;
	if (!take_name(req, &c, new_name))
		return;
	strcpy(c.new_name, c.name);
	if (take_name(req, &c, name))
		dispatch(req, &c);
}

static void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	(void)ino;
	(void)new_parent;
	(void)new_name;
	fuse_reply_err(req, EPERM);
}

static void on_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link;
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}

static void plain(fuse_req_t req, enum call_kind kind, fuse_ino_t ino, const struct fuse_file_info *info)
{
	struct call c = call_of(req, kind, ino, info);

	dispatch(req, &c);
}

#define ON_FILE(function, kind)                                                           \
	static void function(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) \
	{                                                                                 \
		plain(req, kind, ino, info);                                              \
	}

ON_FILE(on_getattr, CALL_GETATTR)
ON_FILE(on_release, CALL_RELEASE)

/* Answered so once, the kernel opens and closes files itself from there on. */
#define ON_OPEN(function, kind)                                                           \
	static void function(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) \
	{                                                                                 \
		if (opens_itself(fuse_req_userdata(req)))                                 \
			fuse_reply_err(req, ENOSYS);                                      \
		else                                                                      \
			plain(req, kind, ino, info);                                      \
	}

ON_OPEN(on_open, CALL_OPEN)
ON_OPEN(on_flush, CALL_FLUSH)

static void on_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *info)
{
	(void)datasync;
	plain(req, CALL_FSYNC, ino, info);
}

static void on_statfs(fuse_req_t req, fuse_ino_t ino)
{
	plain(req, CALL_STATFS, ino, NULL);
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *info)
{
	struct call c = call_of(req, CALL_CREATE, parent, info);

	c.mode = mode;
	if (take_name(req, &c, name))
		dispatch(req, &c);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct call c = call_of(req, CALL_READ, ino, info);

	c.size = size;
	c.offset = offset;
	dispatch(req, &c);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *info)
{
	struct call c = call_of(req, CALL_WRITE, ino, info);

	c.data = data;
	c.size = size;
	c.offset = offset;
	dispatch(req, &c);
}

_Static_assert(SET_ALL == (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_SIZE |
			   FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW),
	       "enum call_set is the kernel's");

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set, struct fuse_file_info *info)
{
	struct call c = call_of(req, CALL_SETATTR, ino, info);

	c.set = (unsigned)to_set & SET_ALL;
	c.wish = (struct attr){ .mode = st->st_mode,
				.uid = st->st_uid,
				.gid = st->st_gid,
				.size = (uint64_t)st->st_size,
				.mtime = st->st_mtim.tv_sec * CLOCK_SECOND + st->st_mtim.tv_nsec };
	dispatch(req, &c);
}

/* From here on the kernel opens directories itself, and keeps their listings. */
static void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	(void)ino;
	(void)info;
	fuse_reply_err(req, ENOSYS);
}

static bool fill(struct call *c, const char *name, const struct attr *attr, int64_t next)
{
	struct fuse_entry_param entry;
	size_t room = c->size - c->text.len, need;
	char *at = c->text.data + c->text.len;

	to_entry(attr, &entry);
	/* "." and ".." are told without being looked up. */
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		entry.ino = 0;
	if (c->plus)
		need = fuse_add_direntry_plus(c->request, at, room, name, &entry, next);
	else
		need = fuse_add_direntry(c->request, at, room, name, &entry.attr, next);
	if (need > room)
		return false;
	c->text.len += need;
	c->out = buf_text(&c->text);
	c->out_len = c->text.len;
	return true;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool plus)
{
	struct call c = call_of(req, CALL_READDIR, ino, NULL);

	c.size = size;
	c.offset = offset;
	c.fill = fill;
	c.plus = plus;
	if (!buf_reserve(&c.text, size)) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	dispatch(req, &c);
}

#define ON_LIST(function, plus)                                                                                      \
	static void function(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) \
	{                                                                                                            \
		(void)info;                                                                                          \
		list(req, ino, size, offset, plus);                                                                  \
	}

ON_LIST(on_readdir, false)
ON_LIST(on_readdirplus, true)

static void xattr_call(fuse_req_t req, enum call_kind kind, fuse_ino_t ino, const char *name, const char *value,
		       size_t size)
{
	struct call c = call_of(req, kind, ino, NULL);

	c.data = value;
	c.size = size;
	if (take_name(req, &c, name))
		dispatch(req, &c);
}

static void on_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	xattr_call(req, CALL_GETXATTR, ino, name, NULL, size);
}

static void on_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	(void)flags;
	xattr_call(req, CALL_SETXATTR, ino, name, value, size);
}

static void on_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	xattr_call(req, CALL_LISTXATTR, ino, "", NULL, size);
}

static void on_init(void *data, struct fuse_conn_info *connection)
{
	/* Where nobody is asked to open, a truncation must come by itself. */
	unsigned truncates = opens_itself(data) ? 0 : FUSE_CAP_ATOMIC_O_TRUNC;

	/* All writes carry their lock owner, and nobody sees half of one: no write-back cache. */
	connection->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ | FUSE_CAP_ATOMIC_O_TRUNC);
	connection->want |= connection->capable &
			    (truncates | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
			     FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_NO_OPENDIR_SUPPORT);
}

static void on_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info, struct fuse_pollhandle *waiter)
{
	struct call c = call_of(req, CALL_POLL, ino, info);

	c.waiter = (struct poll_waiter *)waiter;
	dispatch(req, &c);
}

void kernel_poll_end(struct poll_waiter *waiter, bool tell)
{
	if (tell)
		fuse_lowlevel_notify_poll((struct fuse_pollhandle *)waiter);
	fuse_pollhandle_destroy((struct fuse_pollhandle *)waiter);
}

static const struct fuse_lowlevel_ops operations = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.mknod = on_mknod,
	.mkdir = on_mkdir,
	.unlink = on_unlink,
	.rmdir = on_rmdir,
	.rename = on_rename,
	.link = on_link,
	.symlink = on_symlink,
	.open = on_open,
	.create = on_create,
	.read = on_read,
	.write = on_write,
	.flush = on_flush,
	.release = on_release,
	.fsync = on_fsync,
	.opendir = on_opendir,
	.readdir = on_readdir,
	.readdirplus = on_readdirplus,
	.statfs = on_statfs,
	.getxattr = on_getxattr,
	.setxattr = on_setxattr,
	.listxattr = on_listxattr,
	.poll = on_poll,
};

static struct fuse_session *new_session(struct kernel *k, struct error *e)
{
	_buf_cleanup_ struct buf options = BUF_INIT(4096);
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session = NULL;

	settings_mount_options(k->mount->settings, &options);
	if (buf_error(&options) == 0 && fuse_opt_add_arg(&args, "dynconf") == 0 && fuse_opt_add_arg(&args, "-o") == 0 &&
	    fuse_opt_add_arg(&args, buf_text(&options)) == 0)
		session = fuse_session_new(&args, &operations, sizeof(operations), k);
	fuse_opt_free_args(&args);
	if (!session)
		error_set(e, EIO, "the FUSE session cannot be made with the options %s", buf_text(&options));
	return session;
}

int kernel_new(struct mount *m, struct kernel **kernel, struct error *e)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return error_no_memory(e);
	k->mount = m;
	pthread_rwlock_init(&k->use, NULL);
	k->session = new_session(k, e);
	if (k->session && fuse_session_mount(k->session, m->settings->mountpoint) == 0) {
		*kernel = k;
		return 0;
	}
	if (k->session)
		error_set(e, EIO, "%s cannot be mounted on: is /dev/fuse there, and may you use it?",
			  m->settings->mountpoint);
	kernel_free(k);
	return -EIO;
}

static void on_wake(int number)
{
	(void)number;
}

int kernel_serve(struct kernel *k)
{
	/* Without SA_RESTART the signal ends a read, and nothing else. */
	struct sigaction wake = { .sa_handler = on_wake };

	sigaction(SIGUSR1, &wake, NULL);
	k->server = pthread_self();
	atomic_store(&k->serving, true);
	int r = fuse_session_loop(k->session);
	atomic_store(&k->serving, false);
	pthread_rwlock_wrlock(&k->use);
	k->closed = true;
	fuse_session_unmount(k->session);
	pthread_rwlock_unlock(&k->use);
	return r < 0 ? r : 0;
}

void kernel_stop(struct kernel *k)
{
	const struct timespec pause = { .tv_nsec = 10 * CLOCK_MS };

	fuse_session_exit(k->session);
	/* A signal that comes just before the read is lost. */
	while (atomic_load(&k->serving)) {
		pthread_kill(k->server, SIGUSR1);
		nanosleep(&pause, NULL);
	}
}

int kernel_descriptor(const struct kernel *k)
{
	return fuse_session_fd(k->session);
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	if (k->session) {
		fuse_session_unmount(k->session);
		fuse_session_destroy(k->session);
	}
	pthread_rwlock_destroy(&k->use);
	free(k);
}

int kernel_invalidate_attributes(struct kernel *k, uint64_t id)
{
	HELD_OPEN(k);

	/* From an offset below 0: the attributes alone. */
	return open_ ? fuse_lowlevel_notify_inval_inode(k->session, id, -1, 0) : -ENODEV;
}

int kernel_invalidate_data(struct kernel *k, uint64_t id)
{
	HELD_OPEN(k);

	return open_ ? fuse_lowlevel_notify_inval_inode(k->session, id, 0, 0) : -ENODEV;
}

int kernel_invalidate_name(struct kernel *k, uint64_t parent, const char *name)
{
	HELD_OPEN(k);

	return open_ ? fuse_lowlevel_notify_inval_entry(k->session, parent, name, strlen(name)) : -ENODEV;
}

int kernel_store(struct kernel *k, uint64_t id, const char *bytes, size_t len)
{
	struct fuse_bufvec vector = FUSE_BUFVEC_INIT(len);
	HELD_OPEN(k);

	vector.buf[0].mem = (char *)bytes;
	return open_ ? fuse_lowlevel_notify_store(k->session, id, 0, &vector, 0) : -ENODEV;
}
