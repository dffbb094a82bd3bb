/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * Loads: on time, on demand and on access. Each source has a thread that loads when its ttl is over, jittered, when
 * somebody asks, and sooner after a failure. A load replaces pictures only when it is whole; a failure leaves them and
 * their age, and is remembered.
 */
int refresh_start(struct source *source);
/* The thread ends when the mount's stop_fd is readable. */
void refresh_join(struct source *source);

/* Asks for a load now and does not wait. */
void refresh_ask(struct source *source);
/* Asks and waits until a load that began after this call has ended; its result. */
int refresh_wait(struct source *source, struct error *e);

/* One load of everything, by the caller; `patient` waits out throttling. */
int refresh_source(struct source *source, bool consistent, bool patient, struct error *e);
/* One store, one option (both as file names), by the caller, consistently: for stores that are read on every access. */
int refresh_store(struct source *source, const char *store, bool consistent, struct error *e);
int refresh_option(struct view *view, const char *option, struct error *e);
/* Where keys are items: one key, consistently, and where there is none, and the name was not `known` to be one either,
 * the whole store: it may be a directory, which is there by what is in it. */
int refresh_key(struct view *view, const char *folder, const char *name, bool known, struct error *e);
/* After the ttl of a view or a source changed. */
void refresh_reschedule_locked(struct source *source);

/* What a request tells about its source: an answer ends its trouble, a failure begins one. */
void source_answered_locked(struct source *source);
void source_failed_locked(struct source *source, const struct error *e);
/* 0, or the -errno that a write may expect now. */
int source_trouble_locked(struct source *source, struct error *e);
