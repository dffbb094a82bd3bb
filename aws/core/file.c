/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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
