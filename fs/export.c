/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/export.h"

#include "aws/core/buf.h"
#include "aws/core/clock.h"
#include "fs/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHOWN "..data"
#define NEXT "..next"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _fd_cleanup_ __attribute__((cleanup(close_fd)))

static void close_listing(DIR **listing)
{
	if (*listing)
		closedir(*listing);
}

#define _listing_cleanup_ __attribute__((cleanup(close_listing)))

static int failed(const char *what, struct error *e)
{
	int number = errno;

	return error_set(e, number, "%s: %s", what, strerror(number));
}

static int open_directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A descriptor of its own, so that reading it moves nobody's position. */
static DIR *list(int fd)
{
	int again = open_directory(fd, ".");
	DIR *listing = again < 0 ? NULL : fdopendir(again);

	if (!listing && again >= 0)
		close(again);
	return listing;
}

static const char *next_name(DIR *listing)
{
	const struct dirent *entry;

	while ((entry = readdir(listing)) && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0))
		;
	return entry ? entry->d_name : NULL;
}

static int remove_tree(int at, const char *name)
{
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	_fd_cleanup_ int fd = open_directory(at, name);
	_listing_cleanup_ DIR *listing = fd < 0 ? NULL : list(fd);
	const char *inner;
	int r = listing ? 0 : -errno;
	while (r == 0 && (inner = next_name(listing)))
		r = remove_tree(fd, inner);
	return r < 0 ? r : unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* ---- What is in the directory ---- */

/* "..2026-11-25T23:03:13.123456789Z" */
static bool is_version(const char *name)
{
	static const char pattern[] = "..dddd-dd-ddTdd:dd:dd.dddddddddZ";
	size_t i = 0;

	for (; pattern[i] && name[i]; i++) {
		if (pattern[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != pattern[i])
			return false;
	}
	return pattern[i] == name[i];
}

static bool links_to(int at, const char *name, const char *target)
{
	char found[PATH_MAX];
	ssize_t len = readlinkat(at, name, found, sizeof(found));

	return len == (ssize_t)strlen(target) && memcmp(found, target, (size_t)len) == 0;
}

static bool is_store_link(int at, const char *name)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), SHOWN "/%s", name);
	return links_to(at, name, target);
}

static bool is_ours(int at, const char *name)
{
	struct stat st;
	bool there = fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (strcmp(name, SHOWN) == 0 || strcmp(name, NEXT) == 0)
		return there && S_ISLNK(st.st_mode);
	return is_version(name) ? there && S_ISDIR(st.st_mode) : is_store_link(at, name);
}

static int check_content(const struct export_dir *dir, struct error *e)
{
	_listing_cleanup_ DIR *listing = list(dir->fd);
	const char *name;

	if (!listing)
		return failed(dir->path, e);
	while ((name = next_name(listing))) {
		if (!is_ours(dir->fd, name))
			return error_set(e, ENOTEMPTY,
					 "%.300s holds %.100s, which is not of an export: choose an empty directory",
					 dir->path, name);
	}
	return 0;
}

int export_open(const char *path, struct export_dir *dir, struct error *e)
{
	struct export_dir opened = { .path = path };

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return failed(path, e);
	opened.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (opened.fd < 0)
		return failed(path, e);
	int r = flock(opened.fd, LOCK_EX | LOCK_NB) < 0 ? error_set(e, EBUSY, "another process exports to %.300s", path)
							: check_content(&opened, e);
	if (r < 0) {
		close(opened.fd);
		return r;
	}
	*dir = opened;
	return 0;
}

void export_close(struct export_dir *dir)
{
	close_fd(&dir->fd);
	*dir = EXPORT_DIR_NULL;
}

/* ---- One version ---- */

static struct timespec time_of(int64_t wall)
{
	return (struct timespec){ .tv_sec = wall / CLOCK_SECOND, .tv_nsec = wall % CLOCK_SECOND };
}

/* Owner, permissions and time; the owner first, for chown(2) may take permissions away. Who is not root keeps his own
 * ids, as in his own mount. */
static int dress(int fd, const struct access *access, mode_t mode, int64_t mtime)
{
	struct timespec times[] = { time_of(mtime), time_of(mtime) };

	if (geteuid() == 0 && fchown(fd, access->uid, access->gid) < 0)
		return -errno;
	return fchmod(fd, mode) < 0 || futimens(fd, times) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int write_value(int at, const struct folder *folder, const struct entry *entry, const struct access *access)
{
	_fd_cleanup_ int fd =
		openat(at, entry_name(folder, entry), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, entry_value(folder, entry), entry->value_len);

	return r < 0 ? r : dress(fd, access, access->mode, entry->mtime);
}

/* The directory of a folder, and its values. Parents come first, by the order of paths. */
static int write_folder(int at, const struct folder *folder, const struct access *access)
{
	const char *path = folder->path[0] ? folder->path : ".";
	int r = folder->path[0] && mkdirat(at, path, 0700) < 0 ? -errno : 0;
	_fd_cleanup_ int fd = r < 0 ? -1 : open_directory(at, path);

	if (r == 0 && fd < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < folder->n_entries; i++) {
		if (folder->entries[i].kind == ENTRY_VALUE)
			r = write_value(fd, folder, &folder->entries[i], access);
	}
	return r;
}

/* What was put into a directory has moved its time: innermost first. */
static int dress_folder(int at, const struct folder *folder, const struct access *access)
{
	_fd_cleanup_ int fd = open_directory(at, folder->path[0] ? folder->path : ".");

	return fd < 0 ? -errno : dress(fd, access, access->dir_mode, folder->mtime);
}

static int write_store(int version, const struct export_store *store)
{
	const struct snapshot *s = store->snapshot;
	int r = mkdirat(version, store->name, 0700) < 0 ? -errno : 0;
	_fd_cleanup_ int fd = r < 0 ? -1 : open_directory(version, store->name);

	if (r == 0 && fd < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < s->n_folders; i++)
		r = write_folder(fd, s->folders[i], &store->access);
	for (size_t i = s->n_folders; r == 0 && i-- > 0;)
		r = dress_folder(fd, s->folders[i], &store->access);
	return r;
}

/* The names of a version's own making begin so. */
static bool is_showable(const struct export_store *store)
{
	return strncmp(store->name, "..", 2) != 0;
}

static int write_version(int at, const char *name, const struct export_store *stores, size_t n, struct log *log,
			 struct error *e)
{
	int r = mkdirat(at, name, 0755) < 0 ? -errno : 0;
	_fd_cleanup_ int fd = r < 0 ? -1 : open_directory(at, name);

	if (r == 0 && (fd < 0 || fchmod(fd, 0755) < 0))
		r = -errno;
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (is_showable(&stores[i]))
			r = write_store(fd, &stores[i]);
		else
			log_warning(log, "store %s is left out: an export has such names itself", stores[i].name);
	}
	/* All of it is on the disk before anybody is led to it. */
	if (r == 0 && syncfs(fd) < 0)
		r = -errno;
	return r < 0 ? error_set(e, -r, "%s cannot be written: %s", name, strerror(-r)) : 0;
}

/* ---- Showing it ---- */

static int replace_link(int at, const char *target, const char *name, struct error *e)
{
	unlinkat(at, NEXT, 0);
	if (symlinkat(target, at, NEXT) < 0 || renameat(at, NEXT, at, name) < 0)
		return failed(name, e);
	return 0;
}

static int link_stores(int at, const struct export_store *stores, size_t n, struct error *e)
{
	char target[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		snprintf(target, sizeof(target), SHOWN "/%s", stores[i].name);
		if (is_showable(&stores[i]) && !links_to(at, stores[i].name, target))
			r = replace_link(at, target, stores[i].name, e);
	}
	return r;
}

/* The version that was shown until now stays for those who are on their way into it. */
struct kept {
	const char *version;
	char before[PATH_MAX];
};

static void find_shown(int at, struct kept *kept)
{
	ssize_t len = readlinkat(at, SHOWN, kept->before, sizeof(kept->before) - 1);

	kept->before[len > 0 ? len : 0] = '\0';
}

static bool is_wanted(const char *name, const struct kept *kept, const struct export_store *stores, size_t n)
{
	if (strcmp(name, SHOWN) == 0 || strcmp(name, kept->version) == 0 || strcmp(name, kept->before) == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(stores[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Older versions, links to stores that are gone, and what a run that was killed left behind. A failure leaves them to
 * the next run. */
static void clean(const struct export_dir *dir, const struct kept *kept, const struct export_store *stores, size_t n,
		  struct log *log)
{
	_listing_cleanup_ DIR *listing = list(dir->fd);
	const char *name;

	while (listing && (name = next_name(listing))) {
		if (is_wanted(name, kept, stores, n) || !is_ours(dir->fd, name))
			continue;
		int r = remove_tree(dir->fd, name);
		if (r < 0)
			log_warning(log, "%s/%s cannot be removed: %s", dir->path, name, strerror(-r));
	}
}

static void name_version(char name[64])
{
	int64_t now = clock_wall(clock_system());
	time_t seconds = (time_t)(now / CLOCK_SECOND);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(name, 64, "..%s.%09lldZ", text, (long long)(now % CLOCK_SECOND));
}

int export_write(const struct export_dir *dir, const struct export_store *stores, size_t n, struct log *log,
		 struct error *e)
{
	char name[64];
	struct kept kept = { .version = name };

	name_version(name);
	find_shown(dir->fd, &kept);
	int r = write_version(dir->fd, name, stores, n, log, e);
	if (r == 0)
		r = replace_link(dir->fd, name, SHOWN, e);
	if (r < 0) {
		remove_tree(dir->fd, name);
		return error_context(e, "%s", dir->path);
	}
	r = link_stores(dir->fd, stores, n, e);
	clean(dir, &kept, stores, n, log);
	if (r == 0 && fsync(dir->fd) < 0)
		r = failed(dir->path, e);
	return r;
}
