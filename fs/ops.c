/* SPDX-License-Identifier: Apache-2.0 */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/dispatch.h"
#include "fs/handle.h"

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

static void to_stat(const struct attr *attr, struct stat *st)
{
	*st = (struct stat){
		.st_ino = attr->id,
		.st_mode = attr->mode,
		.st_nlink = 1,
		.st_uid = attr->uid,
		.st_gid = attr->gid,
		.st_size = (off_t)attr->size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)((attr->size + 511) / 512),
		.st_mtim = { attr->mtime / CLOCK_SECOND, attr->mtime % CLOCK_SECOND },
	};
	st->st_atim = st->st_ctim = st->st_mtim;
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)CLOCK_SECOND;
}

static void to_entry(const struct attr *attr, struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){ .ino = attr->id,
					    .attr_timeout = seconds(attr->attr_ttl),
					    .entry_timeout = seconds(attr->entry_ttl) };
	to_stat(attr, &entry->attr);
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

	to_stat(&c->attr, &st);
	return fuse_reply_attr(req, &st, seconds(c->attr.attr_ttl));
}

static int answer_bytes(fuse_req_t req, const struct call *c)
{
	return fuse_reply_buf(req, c->out, c->out_len);
}

/* The directory's bytes were put into the call's text by fill(). */
static int answer_listing(fuse_req_t req, const struct call *c)
{
	return fuse_reply_buf(req, buf_text(&c->text), c->text.len);
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
	/* As much again as there is, at least 1 GiB: nobody knows how much a table can hold. */
	const uint64_t block = 4096, spare = (uint64_t)1 << 30;
	uint64_t used = (c->attr.size + block - 1) / block, free = used > spare / block ? used : spare / block;
	struct statvfs st = { .f_bsize = block,
			      .f_frsize = block,
			      .f_blocks = used + free,
			      .f_bfree = free,
			      .f_bavail = free,
			      .f_files = c->done + (1 << 20),
			      .f_ffree = 1 << 20,
			      .f_favail = 1 << 20,
			      .f_namemax = FILE_NAME_MAX };

	return fuse_reply_statfs(req, &st);
}

static int answer_done(fuse_req_t req, const struct call *c)
{
	(void)c;
	return fuse_reply_err(req, 0);
}

static int (*const answers[CALL_KINDS])(fuse_req_t, const struct call *) = {
	[CALL_LOOKUP] = answer_entry,    [CALL_GETATTR] = answer_attr,  [CALL_SETATTR] = answer_attr,
	[CALL_MKNOD] = answer_entry,     [CALL_MKDIR] = answer_entry,   [CALL_UNLINK] = answer_done,
	[CALL_RMDIR] = answer_done,      [CALL_RENAME] = answer_done,   [CALL_OPEN] = answer_open,
	[CALL_CREATE] = answer_create,   [CALL_READ] = answer_bytes,    [CALL_WRITE] = answer_written,
	[CALL_FLUSH] = answer_done,      [CALL_FSYNC] = answer_done,    [CALL_RELEASE] = answer_done,
	[CALL_READDIR] = answer_listing, [CALL_STATFS] = answer_statfs, [CALL_GETXATTR] = answer_xattr,
	[CALL_LISTXATTR] = answer_xattr, [CALL_SETXATTR] = answer_done,
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
	struct kernel *k = fuse_req_userdata(c->request);
	int sent = -ENODEV;

	pthread_rwlock_rdlock(&k->use);
	if (k->closed)
		fuse_reply_none(c->request);
	else
		sent = send_answer(c->request, c, r);
	pthread_rwlock_unlock(&k->use);
	return sent;
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

static void dispatch(fuse_req_t req, struct call *c)
{
	struct kernel *k = fuse_req_userdata(req);

	dispatch_call(k->mount, c);
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
	struct call c = CALL_INIT(kind, req);

	c.node = parent;
	c.mode = mode;
	if (take_name(req, &c, name))
		dispatch(req, &c);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	named(req, CALL_LOOKUP, parent, name, 0);
}

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)device;
	named(req, CALL_MKNOD, parent, name, mode);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	named(req, CALL_MKDIR, parent, name, mode);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	named(req, CALL_UNLINK, parent, name, 0);
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	named(req, CALL_RMDIR, parent, name, 0);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
		      unsigned flags)
{
	struct call c = CALL_INIT(CALL_RENAME, req);

	c.node = parent;
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

static struct handle *handle_of(const struct fuse_file_info *info)
{
	return info ? (struct handle *)(uintptr_t)info->fh : NULL;
}

static void plain(fuse_req_t req, enum call_kind kind, fuse_ino_t ino, const struct fuse_file_info *info)
{
	struct call c = CALL_INIT(kind, req);

	c.node = ino;
	c.handle = handle_of(info);
	c.owner = info ? info->lock_owner : 0;
	c.flags = info ? (unsigned)info->flags : 0;
	dispatch(req, &c);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	plain(req, CALL_GETATTR, ino, info);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct call c = CALL_INIT(CALL_OPEN, req);

	c.node = ino;
	c.flags = (unsigned)info->flags;
	dispatch(req, &c);
}

static void on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	plain(req, CALL_FLUSH, ino, info);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	plain(req, CALL_RELEASE, ino, info);
}

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
	struct call c = CALL_INIT(CALL_CREATE, req);

	c.node = parent;
	c.mode = mode;
	c.flags = (unsigned)info->flags;
	if (take_name(req, &c, name))
		dispatch(req, &c);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct call c = CALL_INIT(CALL_READ, req);

	c.node = ino;
	c.size = size;
	c.offset = offset;
	c.handle = handle_of(info);
	dispatch(req, &c);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *info)
{
	struct call c = CALL_INIT(CALL_WRITE, req);

	c.node = ino;
	c.data = data;
	c.size = size;
	c.offset = offset;
	c.owner = info->lock_owner;
	c.handle = handle_of(info);
	dispatch(req, &c);
}

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set, struct fuse_file_info *info)
{
	static const struct {
		int fuse;
		unsigned set;
	} bits[] = { { FUSE_SET_ATTR_MODE, SET_MODE },   { FUSE_SET_ATTR_UID, SET_UID },
		     { FUSE_SET_ATTR_GID, SET_GID },     { FUSE_SET_ATTR_SIZE, SET_SIZE },
		     { FUSE_SET_ATTR_MTIME, SET_MTIME }, { FUSE_SET_ATTR_MTIME_NOW, SET_MTIME_NOW } };
	struct call c = CALL_INIT(CALL_SETATTR, req);

	c.node = ino;
	c.handle = handle_of(info);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		c.set |= (to_set & bits[i].fuse) ? bits[i].set : 0;
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
	c->text.len += need <= room ? need : 0;
	return need <= room;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool plus)
{
	struct call c = CALL_INIT(CALL_READDIR, req);

	c.node = ino;
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

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	(void)info;
	list(req, ino, size, offset, false);
}

static void on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	(void)info;
	list(req, ino, size, offset, true);
}

static void xattr_call(fuse_req_t req, enum call_kind kind, fuse_ino_t ino, const char *name, const char *value,
		       size_t size)
{
	struct call c = CALL_INIT(kind, req);

	c.node = ino;
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
	(void)data;
	/* All writes carry their lock owner, and nobody sees half of one: no write-back cache. */
	connection->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ);
	connection->want |= connection->capable &
			    (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS |
			     FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_NO_OPENDIR_SUPPORT);
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

static void serve_until_exit(struct kernel *k, int *r)
{
	struct fuse_buf buffer = { .mem = NULL };

	while (!fuse_session_exited(k->session)) {
		*r = fuse_session_receive_buf(k->session, &buffer);
		if (*r == -EINTR)
			continue;
		if (*r <= 0)
			break;
		fuse_session_process_buf(k->session, &buffer);
	}
	free(buffer.mem);
}

int kernel_serve(struct kernel *k)
{
	/* Without SA_RESTART the signal ends a read, and nothing else. */
	struct sigaction wake = { .sa_handler = on_wake };
	int r = 0;

	sigaction(SIGUSR1, &wake, NULL);
	k->server = pthread_self();
	atomic_store(&k->serving, true);
	serve_until_exit(k, &r);
	atomic_store(&k->serving, false);
	pthread_rwlock_wrlock(&k->use);
	k->closed = true;
	fuse_session_unmount(k->session);
	pthread_rwlock_unlock(&k->use);
	/* ENODEV: somebody else unmounted it. */
	return r == -ENODEV || r == -EINTR || r >= 0 ? 0 : r;
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

/* From an offset below 0: the attributes alone. */
static int invalidate_file(struct kernel *k, uint64_t id, off_t from)
{
	pthread_rwlock_rdlock(&k->use);
	int r = k->closed ? -ENODEV : fuse_lowlevel_notify_inval_inode(k->session, id, from, 0);
	pthread_rwlock_unlock(&k->use);
	return r;
}

int kernel_invalidate_attributes(struct kernel *k, uint64_t id)
{
	return invalidate_file(k, id, -1);
}

int kernel_invalidate_data(struct kernel *k, uint64_t id)
{
	return invalidate_file(k, id, 0);
}

int kernel_invalidate_name(struct kernel *k, uint64_t parent, const char *name)
{
	pthread_rwlock_rdlock(&k->use);
	int r = k->closed ? -ENODEV : fuse_lowlevel_notify_inval_entry(k->session, parent, name, strlen(name));
	pthread_rwlock_unlock(&k->use);
	return r;
}

void kernel_barrier(struct kernel *k, uint64_t parent)
{
	/* No file has this name: "%" alone decodes to nothing. */
	kernel_invalidate_name(k, parent, "%");
}
