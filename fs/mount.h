/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/core/log.h"
#include "fs/settings.h"

/*
 * One mount, from opening its sources to unmounting: everything between the command line and the kernel.
 *
 * Opens the sources, loads them, mounts and serves until the mount goes away or SIGTERM or SIGINT arrives; SIGHUP
 * reloads. The caller has forked already where it means to (threads are started here) and has checked the mountpoint.
 * `ready` is called once, when the mount answers. Returns 0 after a clean end; on failure nothing stays mounted.
 */
int mount_serve(const struct settings *settings, struct log *log, void (*ready)(void *data), void *data,
		struct error *e);
