/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/*
 * Time, passed in: tests hand over a clock that they move. All times are nanoseconds; `mono` never jumps and
 * is what deadlines and ages are made of, `wall` is Unix time and what is signed and shown.
 * Implementations must be callable from any thread.
 */
struct clock {
	const struct clock_ops *ops;
};

struct clock_ops {
	int64_t (*wall)(struct clock *clock);
	int64_t (*mono)(struct clock *clock);
	/* Waits until `until` (mono) or until `cancel_fd` (-1: none) is readable. Returns 0 or -ECANCELED. */
	int (*sleep)(struct clock *clock, int64_t until, int cancel_fd);
};

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_SECOND INT64_C(1000000000)

static inline int64_t clock_wall(struct clock *clock)
{
	return clock->ops->wall(clock);
}

static inline int64_t clock_mono(struct clock *clock)
{
	return clock->ops->mono(clock);
}

static inline int clock_sleep(struct clock *clock, int64_t until, int cancel_fd)
{
	return clock->ops->sleep(clock, until, cancel_fd);
}

/* A condition whose timed waits are told clock_mono() times of the machine's own clock; and one such time for them. */
void clock_cond_init(pthread_cond_t *condition);
struct timespec clock_timespec(int64_t mono);

/* ISO 8601 as AWS and its tools write it: "2026-11-21T11:39:23Z", with a fraction, an offset or "UTC" too. -EINVAL for
 * anything else. */
int clock_parse_iso8601(const char *text, int64_t *wall);

enum { CLOCK_ISO8601_SIZE = 24 };
/* "2026-11-21T11:39:23Z" */
void clock_format_iso8601(int64_t wall, char out[CLOCK_ISO8601_SIZE]);

/* The machine's own clocks. */
struct clock *clock_system(void);
