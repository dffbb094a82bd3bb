/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * The filesystem itself: answers calls from the state of the mount, and commits what they change. Any thread.
 *
 * Returns 0 with the call's results filled in, -errno, or an enum call_result. Without call.may_block it never
 * waits.
 */
int vfs_run(struct mount *m, struct call *call);

/* At the end, when nobody reads requests any more: truncations and creations whose files were closed, and whose RELEASE
 * did not come. */
void vfs_commit_left_behind(struct mount *m);

/* Stores files with temporary names whose time is over, or all of them, on workers; without the lock. Returns when the
 * next one is due (mono), INT64_MAX for none. */
int64_t vfs_store_temporary(struct source *source, bool all);
