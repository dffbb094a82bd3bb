/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

static int64_t system_wall(struct clock *clock)
{
	(void)clock;
	return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(struct clock *clock)
{
	(void)clock;
	return read_clock(CLOCK_MONOTONIC);
}

static int system_sleep(struct clock *clock, int64_t until, int cancel_fd)
{
	struct pollfd cancel = { .fd = cancel_fd, .events = POLLIN };

	for (;;) {
		int64_t left = until - clock_mono(clock);
		if (left <= 0)
			return 0;
		int64_t ms = (left + CLOCK_MS - 1) / CLOCK_MS;
		if (poll(&cancel, 1, ms > INT_MAX ? INT_MAX : (int)ms) > 0)
			return -ECANCELED;
	}
}

void clock_cond_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct timespec clock_timespec(int64_t mono)
{
	return (struct timespec){ .tv_sec = mono / CLOCK_SECOND, .tv_nsec = mono % CLOCK_SECOND };
}

struct clock *clock_system(void)
{
	static const struct clock_ops ops = { .wall = system_wall, .mono = system_mono, .sleep = system_sleep };
	static struct clock clock = { .ops = &ops };

	return &clock;
}
