/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * Where a call runs: at once, on the thread that read it; on a worker, when it needs the network; or parked, until a
 * first load ends or a value has settled. A caller who is interrupted is released at once; what he began goes on.
 */
struct dispatcher;
struct pending;

int dispatcher_new(struct mount *m, struct dispatcher **dispatcher);
/* Parked calls end with EINTR, and what would be parked from here on too. Both accept NULL. */
void dispatcher_stop(struct dispatcher *dispatcher);
/* After the workers have ended. */
void dispatcher_free(struct dispatcher *dispatcher);

/* Runs a call and answers it; the call is the callee's. */
void dispatch_call(struct mount *m, struct call *call);
/* From the adapter: the caller of a pending call was interrupted. */
void dispatch_interrupted(struct pending *pending);
/* Something happened that calls may be parked for. From any thread, with or without the state lock. */
void dispatch_wake(struct dispatcher *dispatcher);
