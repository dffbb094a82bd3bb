/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/view.h"

#include <jansson.h>

/*
 * The newest things that happened, for .control/events: a ring of JSON lines, each with `time`, `event` and what it is
 * about. Guarded by the state lock. Everything accepts a mount without a ring.
 */
enum { EVENTS_MAX = 1000 };

struct events;

struct events *events_new(void); /* NULL: no memory */
void events_free(struct events *events);

/* `about` (stolen, may be NULL: no memory) is an object; `event` and the time go in front of it. */
void events_add_locked(struct mount *m, const char *event, json_t *about);

/* What differs between two pictures of a store; values in memory only are passed over. */
void events_difference_locked(struct view *view, const struct difference *difference);
/* What this mount did itself, before it is shown. */
void events_fact_locked(struct view *view, const struct fact *done);
/* A store that came or went. */
void events_store_locked(struct view *view);
void events_error_locked(struct mount *m, const char *what, const struct error *e);
void events_recovery_locked(struct mount *m, const char *what);

/* The lines that were added after the first `*seen` (0: all that are kept); `*seen` counts them afterwards. */
void events_show_locked(const struct mount *m, uint64_t *seen, struct buf *out);
