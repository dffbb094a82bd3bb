/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void close_file(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int cannot_read(const char *path, int number, struct error *e)
{
	int kind = number == ENOENT || number == EACCES || number == ENOMEM ? number : EIO;

	return error_set(e, kind, "%s cannot be read: %s", path, strerror(number));
}

int file_read(const char *path, struct buf *out, struct error *e)
{
	struct stat st;

	/* A FIFO would keep open(2) waiting for a writer. */
	int fd __attribute__((cleanup(close_file))) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot_read(path, errno, e);
	/* AWS_CONFIG_FILE=/dev/null is how people say that there is none. */
	bool null = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
	if (!S_ISREG(st.st_mode) && !null)
		return error_set(e, EINVAL, "%s cannot be read: it is not a regular file", path);
	for (;;) {
		char piece[4096];
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot_read(path, errno, e);
		buf_append(out, piece, (size_t)n);
		explicit_bzero(piece, (size_t)n);
		if (buf_error(out) == -EFBIG)
			return error_set(e, EFBIG, "%s: expected at most %zu bytes", path, out->max);
		if (buf_error(out))
			return error_no_memory(e);
		if (n == 0)
			return 0;
	}
}

static int write_all(int fd, const char *text)
{
	for (size_t left = strlen(text); left > 0;) {
		ssize_t n = write(fd, text, left);
		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* A rename is on the disk when its folder is. */
static int sync_folder(const char *path)
{
	_buf_cleanup_ struct buf folder = BUF_INIT(PATH_MAX);
	const char *slash = strrchr(path, '/');

	buf_append(&folder, slash ? path : ".", slash ? (size_t)(slash - path) + 1 : 1);
	int fd = open(buf_text(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

int file_replace(const char *path, const char *text)
{
	_buf_cleanup_ struct buf next = BUF_INIT(PATH_MAX);

	buf_printf(&next, "%s.new", path);
	if (buf_error(&next))
		return -ENAMETOOLONG;
	unlink(buf_text(&next));
	int fd = open(buf_text(&next), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = write_all(fd, text);
	close(fd);
	if (rc == 0 && rename(buf_text(&next), path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(buf_text(&next));
	return rc < 0 ? rc : sync_folder(path);
}

char *file_absolute(const char *path)
{
	char folder[PATH_MAX], *made = NULL;

	if (*path == '/' || !getcwd(folder, sizeof(folder)))
		return strdup(path);
	return asprintf(&made, "%s/%s", folder, path) < 0 ? NULL : made;
}
