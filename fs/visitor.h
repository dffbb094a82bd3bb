/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/*
 * A thread for what the daemon asks of its own mount.
 *
 * A request that the serving thread has read cannot be killed any more: it waits for its answer. A thread that waits
 * for one keeps the process's files open, the FUSE connection among them; so after kill -9 in that moment the thread
 * would wait for an answer that nobody gives, the mount for a daemon that never ends. This thread has a table of files
 * of its own (unshare(2), CLONE_FILES) in which that descriptor is not: when the others are gone the connection closes,
 * and its request ends. What it opens is known to it alone, and it must neither log nor notify the kernel.
 */
struct visitor;

/* 0 or -errno. Where the system does not let it have a table of its own it shares the process's. */
int visitor_start(int fuse_descriptor, struct visitor **visitor);
/* Runs that on the thread and returns when it is done; NULL: in this thread. One caller at a time, the others wait. */
void visitor_run(struct visitor *visitor, void (*visit)(void *data), void *data);
/* What fuse_req_ctx() calls it; 0: none. */
pid_t visitor_id(const struct visitor *visitor);
/* Accepts NULL. Nobody may wait for it any more. */
void visitor_stop(struct visitor *visitor);
