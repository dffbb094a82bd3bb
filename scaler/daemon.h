/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/core/error.h"

#include <stdbool.h>

/*
 * --daemon: the pid file, which is locked as long as its daemon lives, and the daemon's birth. A file that nobody locks
 * is stale, whatever number it holds. One thread.
 */
struct pid_file {
	int folder, fd; /* -1: none */
	char name[256]; /* "dynamic-dynamodb.INSTANCE.pid" */
};

#define PID_FILE_NULL ((struct pid_file){ .folder = -1, .fd = -1 })

/* Creates or takes over FOLDER/dynamic-dynamodb.INSTANCE.pid; the lock is held until pid_file_remove or the end of the
 * process and of its children. An ordinary user's /run is $XDG_RUNTIME_DIR. EEXIST: a daemon runs. EACCES: it is not
 * ours, or a symbolic link. EINVAL: an instance with a slash. */
int pid_file_take(const char *folder, const char *instance, struct pid_file *out, struct error *e);
/* Writes this process's number. */
int pid_file_write(const struct pid_file *file, struct error *e);
/* Removes what was taken. Idempotent. */
void pid_file_remove(struct pid_file *file);

/* Sends TERM to the daemon and waits until it has ended, at most a minute: ETIMEDOUT. 0 with `*stopped` false where
 * none runs; a stale file is removed. */
int daemon_stop(const char *folder, const char *instance, struct clock *clock, bool *stopped, struct error *e);

/* Goes on in a process of its own session, in /. Returns 0 there, with `*tell` to be handed to daemon_ready. In the
 * parent it returns 1 once the daemon said that it runs, or why it does not. */
int daemon_detach(int *tell, struct error *e);
/* In the daemon, once: it runs (`failure` NULL), or why it does not. Standard streams are /dev/null from here on. */
void daemon_ready(int tell, const struct error *failure);
