/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int preflight_fuse(struct error *e)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return error_set(e, errno, "/dev/fuse cannot be opened: %s; %s", strerror(errno),
				 errno == EACCES ? "let this user read and write it"
						 : "`modprobe fuse` loads the driver");
	close(fd);
	return 0;
}

static bool fuse_conf_allows_others(void)
{
	FILE *file = fopen("/etc/fuse.conf", "re");
	char line[256], word[32];
	bool allows = false;

	while (file && !allows && fgets(line, sizeof(line), file))
		allows = sscanf(line, "%31s", word) == 1 && strcmp(word, "user_allow_other") == 0;
	if (file)
		fclose(file);
	return allows;
}

int preflight_allow_other(const struct settings *settings, struct error *e)
{
	if (settings->allow_other && !fuse_conf_allows_others())
		return error_set(e, EACCES,
				 "allow-other needs the line user_allow_other in /etc/fuse.conf, or root to mount");
	return 0;
}

int preflight_directory(const char *directory, struct error *e)
{
	if (access(directory, W_OK) < 0)
		return error_set(e, EACCES, "%.300s is not yours to mount on: choose a directory that you can write to",
				 directory);
	return 0;
}

int preflight_user(const struct settings *settings, struct error *e)
{
	int r = preflight_allow_other(settings, e);

	return r < 0 ? r : preflight_directory(settings->mountpoint, e);
}
