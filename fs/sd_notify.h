/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

/* Readiness for a service manager: datagrams to the socket that NOTIFY_SOCKET names. See sd_notify(3). */
struct sd_notify {
	struct sockaddr_un address;
	socklen_t len; /* 0: nobody asked */
};

/* Takes NOTIFY_SOCKET out of the environment, so that no child of ours speaks for us. */
void sd_notify_init(struct sd_notify *notify);
/* "READY=1" or the like; a manager that does not listen is no error of ours. */
void sd_notify_send(const struct sd_notify *notify, const char *state);
