/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * poll(2) of a file of .control: POLLPRI and POLLERR, as in sysfs, once the text is another than the one that is open.
 * Whoever is told opens the file again to read it. A thread, which starts with the first who waits, looks at the texts
 * several times a second while somebody does.
 */
struct poller;

struct poller *poller_new(struct mount *m); /* NULL: no memory */
/* Ends the thread, and forgets who waits. Accepts NULL. */
void poller_stop(struct poller *poller);
void poller_free(struct poller *poller);

/* The handle is closed: who waits with it is told nothing any more. */
void poller_forget_locked(struct poller *poller, const struct handle *handle);
