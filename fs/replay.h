/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * Raises inotify events for changes made elsewhere, which notifications of the kernel do not: a thread of its own does
 * through the mount what was done to the store. A changed key is opened and truncated to the size that it has, a new
 * one made, a removed one unlinked. The kernel's requests for that carry the thread's id (fuse_req_ctx), and are
 * answered here: they change nothing and never reach the store.
 *
 * It opens by path and keeps nothing open, so that umount is not busy; where the path leads to another filesystem it
 * does nothing. The thread waits for the kernel's locks and for the serving thread; nobody waits for it.
 */
struct replay;

enum replay_kind {
	REPLAY_REMOVED, /* goes before what was created: a move is a removal, then a creation */
	REPLAY_CREATED,
	REPLAY_CHANGED,
};

/* What happened to one name, once the kernel was told. */
struct replay_item {
	enum replay_kind kind;
	const struct folder *folder; /* that holds the name: of the snapshot before for what was removed, else after */
	const struct entry *entry;   /* NULL: the store itself, `folder` being its "" */
};

/* A mount that does not want it (`watch`), or that the kernel keeps read-only, has none: `*replay` stays NULL. */
int replay_start(struct mount *m, struct replay **replay);
/* When nothing is served any more. Accepts NULL. */
void replay_stop(struct replay *replay);

/* Adds one view's items, in the order in which they are to be replayed; they are copied, the snapshots referenced. From
 * any thread; accepts NULL. */
void replay_add(struct replay *replay, struct view *view, const struct snapshot *before, const struct snapshot *after,
		const struct replay_item *items, size_t n);

/* Whether the replay is at the value of that natural id: what the kernel was answered for it must stay true until it
 * has gone on; whoever asks is woken then. Accepts NULL. */
bool replay_is_at_locked(struct replay *replay, uint64_t natural);

/* Whether a request of this thread is the replay's own. Accepts NULL. */
bool replay_is_own(const struct replay *replay, pid_t thread);
/* Answers it; false: it is to be answered like any other. */
bool replay_answer(struct mount *m, struct call *c, int *r);
