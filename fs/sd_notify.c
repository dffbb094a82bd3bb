/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/sd_notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sd_notify_init(struct sd_notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	*notify = (struct sd_notify){ .address.sun_family = AF_UNIX };
	if (len > 1 && len < sizeof(notify->address.sun_path) && (*path == '/' || *path == '@')) {
		memcpy(notify->address.sun_path, path, len);
		/* An abstract socket: a NUL in front, and the length is part of the name (unix(7)). */
		if (*path == '@')
			notify->address.sun_path[0] = '\0';
		notify->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	unsetenv("NOTIFY_SOCKET");
}

void sd_notify_send(const struct sd_notify *notify, const char *state)
{
	if (!notify->len)
		return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&notify->address, notify->len);
	close(fd);
}
