/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/window.h"

#include "scaler/list.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 86400, PIECE_MAX = 32 };

static int minute_of_day(int64_t now)
{
	return (int)(((now % DAY) + DAY) % DAY / 60);
}

/* 1970-01-01 was a Thursday; Monday is 0. */
static int day_of_week(int64_t now)
{
	int64_t day = now / DAY - (now % DAY < 0);

	return (int)(((day + 3) % 7 + 7) % 7);
}

/* The next entry of a list, into `piece`, cut where it is too long. */
static void next_entry(const char **list, bool trim, char piece[PIECE_MAX + 1])
{
	const char *entry;
	size_t len = list_next(list, &entry);

	if (trim)
		len = list_trim(&entry, len);
	if (len > PIECE_MAX)
		len = PIECE_MAX;
	memcpy(piece, entry, len);
	piece[len] = '\0';
}

/* Digits and what they mean; NULL when there are fewer than `least` or more than two. */
static const char *read_digits(const char *text, size_t least, int *number)
{
	size_t digits = strspn(text, "0123456789");

	if (digits < least || digits > 2)
		return NULL;
	*number = digits == 2 ? (text[0] - '0') * 10 + text[1] - '0' : text[0] - '0';
	return text + digits;
}

/* "7:30", "07:30" or "07:30:59", of which the seconds do not count; 24:00 is the day's end. NULL for anything else. */
static const char *read_time(const char *text, int *minutes)
{
	int hours, rest, seconds = 0;

	text = read_digits(text, 1, &hours);
	text = text && *text == ':' ? read_digits(text + 1, 2, &rest) : NULL;
	if (text && *text == ':')
		text = read_digits(text + 1, 2, &seconds);
	if (!text || rest > 59 || seconds > 59 || hours > 24 || (hours == 24 && rest))
		return NULL;
	*minutes = hours * 60 + rest;
	return text;
}

/* "07:30-18:00", and nothing after it. */
static bool read_span(const char *text, int *start, int *end)
{
	text = read_time(text + strspn(text, LIST_BLANKS), start);
	text = text ? text + strspn(text, LIST_BLANKS) : NULL;
	if (!text || *text != '-')
		return false;
	text = read_time(text + 1 + strspn(text + 1, LIST_BLANKS), end);
	return text && !*text;
}

/* 2.5.1 took the colons away and compared what stood at both sides of the first hyphen with HHMM, as text. */
static bool text_open(const char *entry, int minute)
{
	char text[2][PIECE_MAX + 1], clock[8];
	size_t side = 0, len[2] = { 0, 0 };

	for (; *entry; entry++) {
		if (*entry == '-' && side == 0)
			side++;
		else if (*entry != ':')
			text[side][len[side]++] = *entry;
	}
	text[0][len[0]] = text[1][len[1]] = '\0';
	snprintf(clock, sizeof(clock), "%02d%02d", minute / 60 % 24, minute % 60);
	return strcmp(text[0], clock) <= 0 && strcmp(clock, text[1]) <= 0;
}

static bool span_open(const char *entry, int minute)
{
	int start, end;

	if (!read_span(entry, &start, &end))
		return false;
	return start <= end ? start <= minute && minute <= end : minute >= start || minute <= end;
}

static bool is_malformed(const char *entry, bool as_text)
{
	int start, end;

	return as_text ? !strchr(entry, '-') : !read_span(entry, &start, &end);
}

bool window_open(const char *windows, int64_t now, bool as_text)
{
	char entry[PIECE_MAX + 1];
	int minute = minute_of_day(now);
	bool open = false;

	while (windows) {
		next_entry(&windows, !as_text, entry);
		if (is_malformed(entry, as_text))
			return false;
		open |= as_text ? text_open(entry, minute) : span_open(entry, minute);
	}
	return open;
}

bool window_ahead(const char *windows, int64_t now)
{
	char entry[PIECE_MAX + 1];
	int start, end;
	bool ahead = false;

	while (windows) {
		next_entry(&windows, true, entry);
		ahead |= read_span(entry, &start, &end) && start > minute_of_day(now);
	}
	return ahead;
}

static int check_entries(const char *windows, bool (*good)(const char *entry), const char *expected, struct error *e)
{
	char entry[PIECE_MAX + 1];

	while (windows) {
		next_entry(&windows, true, entry);
		if (!good(entry))
			return error_set(e, EINVAL, "\"%s\" is no window; write %s", entry, expected);
	}
	return 0;
}

static bool good_span(const char *entry)
{
	return !is_malformed(entry, false);
}

int window_check(const char *windows, struct error *e)
{
	return check_entries(windows, good_span, "HH:MM-HH:MM, with commas between windows", e);
}

/* "mon", "Mon": 0 to 6; -1 for anything else. */
static int read_day(const char *text)
{
	static const char days[] = "mon\0tue\0wed\0thu\0fri\0sat\0sun";

	for (int i = 0; i < 7; i++) {
		if (strncasecmp(text, days + 4 * i, 3) == 0)
			return i;
	}
	return -1;
}

struct week_window {
	unsigned days; /* bits of the days on which it begins */
	int start, end;
};

/* "mon-fri 07:30-18:00", "sat 10:00-12:00" or "23:00-01:00". */
static bool read_week(const char *entry, struct week_window *window)
{
	int first = read_day(entry), last = first;

	window->days = 0x7f;
	if (first >= 0) {
		entry += 3;
		if (*entry == '-') {
			last = read_day(entry + 1);
			entry += 4;
		}
		if (last < 0 || !*entry || !strchr(LIST_BLANKS, *entry))
			return false;
		window->days = 0;
		for (int day = first;; day = (day + 1) % 7) {
			window->days |= 1U << day;
			if (day == last)
				break;
		}
	}
	return read_span(entry, &window->start, &window->end);
}

static bool week_window_open(const struct week_window *window, int day, int minute)
{
	bool today = window->days >> day & 1, yesterday = window->days >> (day + 6) % 7 & 1;

	if (window->start <= window->end)
		return today && window->start <= minute && minute <= window->end;
	return (today && minute >= window->start) || (yesterday && minute <= window->end);
}

bool week_open(const char *windows, int64_t now)
{
	char entry[PIECE_MAX + 1];
	struct week_window window;
	bool open = false;

	while (windows) {
		next_entry(&windows, true, entry);
		open |= read_week(entry, &window) && week_window_open(&window, day_of_week(now), minute_of_day(now));
	}
	return open;
}

static bool good_week(const char *entry)
{
	struct week_window window;

	return read_week(entry, &window);
}

int week_check(const char *windows, struct error *e)
{
	return check_entries(windows, good_week, "mon-fri 07:30-18:00, with commas between windows", e);
}
