/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The FUSE adapter: turns requests of the kernel into calls of vfs.h and its results into answers. ops.c is the only
 * file that knows libfuse.
 *
 * The requests are read by one thread, which answers whatever memory can answer; the rest runs on workers.
 */
struct call;
struct kernel;
struct mount;
struct pending;

/* Mounts; the session then waits for kernel_serve. */
int kernel_new(struct mount *m, struct kernel **kernel, struct error *e);
/* Serves until the mount is gone or kernel_stop was called; 0, or -errno when the connection broke. */
int kernel_serve(struct kernel *kernel);
/* From any thread: unmounts, lazily where somebody still uses the mount, which ends kernel_serve. */
void kernel_stop(struct kernel *kernel);
void kernel_free(struct kernel *kernel);
/* Of the connection; for visitor.h. */
int kernel_descriptor(const struct kernel *kernel);

/* For dispatch.c: sends a call's result; negative when nobody took it. */
int kernel_answer(struct call *call, int result);
/* Tells dispatch_interrupted(pending) when the caller is interrupted, also if he was already; NULL: no more, and
 * returns only when no such telling is under way. */
void kernel_watch(struct call *call, struct pending *pending);

/*
 * Notifications; 0 or -errno, -ENOENT when the kernel does not hold the id or name. They wait for the kernel's locks
 * (a folder's while a LOOKUP or CREATE in it is answered, a file's while it is read), so only a thread that no request
 * waits for may call them. See fuse_lowlevel_notify_inval_inode() in fuse_lowlevel.h.
 */
int kernel_invalidate_attributes(struct kernel *kernel, uint64_t id);
int kernel_invalidate_data(struct kernel *kernel, uint64_t id); /* and attributes; of a folder: its listing */
int kernel_invalidate_name(struct kernel *kernel, uint64_t parent, const char *name);
/* The whole of a file's bytes, of the size that the kernel knows of it, before anybody asks for them. */
int kernel_store(struct kernel *kernel, uint64_t id, const char *bytes, size_t len);
/* Of poll(2): whoever waits is let go, and (`tell`) looks again. */
struct poll_waiter;
void kernel_poll_end(struct poll_waiter *waiter, bool tell);
/* Returns when no LOOKUP or READDIRPLUS of that folder is being answered any more. */
static inline void kernel_barrier(struct kernel *kernel, uint64_t parent)
{
	/* No file has this name: "%" alone decodes to nothing. */
	kernel_invalidate_name(kernel, parent, "%");
}
