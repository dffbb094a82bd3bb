/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
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

/* "Z", "UTC", "+01:00", "-0530": the seconds to take off. */
static int parse_offset(const char *text, int64_t *seconds)
{
	int hours, minutes, used = 0;

	*seconds = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "UTC") == 0)
		return 0;
	if ((*text != '+' && *text != '-') || !strchr("0123456789", text[1]))
		return -EINVAL;
	if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
	    sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &used) != 2)
		return -EINVAL;
	if (text[1 + used] || hours > 14 || minutes < 0 || minutes > 59)
		return -EINVAL;
	*seconds = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return 0;
}

int clock_parse_iso8601(const char *text, int64_t *wall)
{
	struct tm tm = { 0 };
	int64_t offset;
	int used = 0;

	if (strspn(text, "0123456789") != 4 || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
						      &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6)
		return -EINVAL;
	text += used;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	if (parse_offset(text, &offset) < 0 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_year < 1970 || tm.tm_year > 2200 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
	    tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*wall = (timegm(&tm) - offset) * CLOCK_SECOND;
	return 0;
}

void clock_format_iso8601(int64_t wall, char out[CLOCK_ISO8601_SIZE])
{
	time_t seconds = wall / CLOCK_SECOND;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(out, CLOCK_ISO8601_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

struct clock *clock_system(void)
{
	static const struct clock_ops ops = { .wall = system_wall, .mono = system_mono, .sleep = system_sleep };
	static struct clock clock = { .ops = &ops };

	return &clock;
}
