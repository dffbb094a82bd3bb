/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Windows of time, in UTC. `now` is Unix time in seconds.
 */

/* Maintenance windows, `22:00-06:00, 12:00-12:30`: minutes of the day, inclusive at both ends, past midnight when the
 * end is before the start. One malformed entry closes them all. `as_text` compares as 2.5.1 did: the digits as text,
 * without wrapping. */
bool window_open(const char *windows, int64_t now, bool as_text);
/* Whether one of them opens later in the UTC day of `now`. */
bool window_ahead(const char *windows, int64_t now);
/* EINVAL when an entry is malformed. */
int window_check(const char *windows, struct error *e);

/* Windows of the week, `mon-fri 07:30-18:00, sat 10:00-12:00, 23:00-01:00`; days are those on which a window begins. */
bool week_open(const char *windows, int64_t now);
int week_check(const char *windows, struct error *e);
