/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/buf.h"
#include "fs/store_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_error(const char *file, const char *what, struct error *e)
{
	int number = errno == EACCES || errno == EROFS ? errno : EIO;

	return error_set(e, number, "%s cannot be %s: %s", file, what, strerror(errno));
}

static int make_parents(char *file, struct error *e)
{
	int r = 0;

	for (char *at = strchr(file + 1, '/'); at && r == 0; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(file, 0700) < 0 && errno != EEXIST)
			r = file_error(file, "made", e);
		*at = '/';
	}
	return r;
}

/* The -wal and -shm files take their mode from this one. An existing file is not opened here: closing it again would
 * drop the locks that another connection of this process has on it. */
static int make_file(const char *file, struct error *e)
{
	struct stat st;

	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		fchmod(fd, 0600); /* gives back what umask took */
		close(fd);
	} else if (errno != EEXIST) {
		return file_error(file, "made", e);
	}
	if (stat(file, &st) < 0)
		return file_error(file, "opened", e);
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "%s is not a regular file: name another with local:FILE", file);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return error_set(e, EACCES, "%s belongs to another user: chown it, or name another with local:FILE",
				 file);
	return 0;
}

int local_file_make(char *file, struct error *e)
{
	int r = make_parents(file, e);

	return r < 0 ? r : make_file(file, e);
}

int local_file_resolve(const char *file, char **out, struct error *e)
{
	_buf_cleanup_ struct buf path = BUF_INIT(4096);

	if (file[0] != '/') {
		char *directory = get_current_dir_name();
		if (!directory)
			return error_set(e, errno, "the working directory cannot be told: %s", strerror(errno));
		buf_printf(&path, "%s/", directory);
		free(directory);
	}
	buf_str(&path, file);
	if (buf_error(&path) == -EFBIG)
		return error_set(e, EINVAL, "the path of the local store is too long");
	char *text = buf_take(&path, NULL);
	if (!text)
		return error_no_memory(e);
	*out = text;
	return 0;
}
