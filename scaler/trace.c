/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/trace.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_BYTES = 1024, COLUMNS_MAX = 5, COLUMNS_MIN = 4, MINUTE = 60 };

struct row {
	int64_t time;
	double demand[DIMENSIONS]; /* of the whole period */
};

struct rows {
	struct row *rows;
	size_t n;
};

static bool read_number(const char *text, double *number)
{
	char *end;

	*number = strtod(text, &end);
	return end != text && !end[strspn(end, " \t\r\n")] && isfinite(*number);
}

static bool read_time(const char *text, int64_t *seconds)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%MZ",
					     "%Y-%m-%d %H:%M" };
	double number;

	if (read_number(text, &number) && number >= 0 && number < 1e11) {
		*seconds = (int64_t)number;
		return true;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm time = { 0 };
		const char *end = strptime(text, forms[i], &time);
		if (end && !end[strspn(end, " \t\r\n")]) {
			*seconds = timegm(&time);
			return true;
		}
	}
	return false;
}

/* Throttled requests asked for a unit each. */
static void share_throttles(const double numbers[], size_t n, struct row *row)
{
	double consumed = numbers[0] + numbers[1];

	for (int d = 0; d < DIMENSIONS; d++) {
		double part = consumed > 0 ? numbers[d] / consumed : 0.5;
		row->demand[d] = numbers[d] + (n == COLUMNS_MAX ? numbers[DIMENSIONS + d] : numbers[DIMENSIONS] * part);
	}
}

static int read_row(char *line, struct row *row, struct error *e)
{
	double numbers[COLUMNS_MAX - 1] = { 0 };
	size_t n = 0;

	for (char *cell; (cell = strsep(&line, ",")); n++) {
		cell += strspn(cell, " \t");
		bool good =
			n == 0 ? read_time(cell, &row->time) : n < COLUMNS_MAX && read_number(cell, &numbers[n - 1]);
		if (!good || (n > 0 && numbers[n - 1] < 0))
			return error_set(e, EINVAL,
					 "expected a time, consumed reads, consumed writes and throttled requests");
	}
	if (n < COLUMNS_MIN)
		return error_set(e, EINVAL,
				 "expected %d columns: time, consumed reads, consumed writes, throttled requests",
				 COLUMNS_MIN);
	share_throttles(numbers, n, row);
	return 0;
}

static int add_row(struct rows *rows, const struct row *row, struct error *e)
{
	if (rows->n && row->time <= rows->rows[rows->n - 1].time)
		return error_set(e, EINVAL, "expected a later time than that of the line above");
	if (rows->n == TRACE_ROWS_MAX)
		return error_set(e, EFBIG, "there are more than %d lines", TRACE_ROWS_MAX);
	if ((rows->n & (rows->n - 1)) == 0) {
		struct row *grown = reallocarray(rows->rows, rows->n ? 2 * rows->n : 1, sizeof(*grown));
		if (!grown)
			return error_no_memory(e);
		rows->rows = grown;
	}
	rows->rows[rows->n++] = *row;
	return 0;
}

static int read_rows(FILE *file, const char *path, struct rows *rows, struct error *e)
{
	char line[LINE_BYTES];
	int number = 0;

	while (fgets(line, sizeof(line), file)) {
		struct row row;
		bool blank = !line[strspn(line, " \t\r\n")],
		     heading = number++ == 0 && strpbrk(line, "0123456789") == NULL;
		if (blank || heading || *line == '#')
			continue;
		int r = read_row(line, &row, e);
		if (r == 0)
			r = add_row(rows, &row, e);
		if (r < 0)
			return error_context(e, "%.200s:%d", path, number);
	}
	if (ferror(file))
		return error_set(e, EIO, "%.200s cannot be read: %s", path, strerror(errno));
	return rows->n >= 2 ? 0 : error_set(e, EINVAL, "%.200s: expected at least two periods", path);
}

/* A period's demand is spread evenly over its seconds. */
static void spread(const struct row *row, int64_t end, struct trace *trace)
{
	double seconds = (double)(end - row->time);

	for (int64_t at = row->time; at < end;) {
		int64_t minute = (at - trace->start) / MINUTE, next = trace->start + (minute + 1) * MINUTE;
		int64_t until = next < end ? next : end;
		for (int d = 0; d < DIMENSIONS; d++)
			trace->demand[d][minute] += row->demand[d] * (double)(until - at) / seconds;
		at = until;
	}
}

static int resample(const struct rows *rows, const char *path, struct trace *trace, struct error *e)
{
	const struct row *last = &rows->rows[rows->n - 1];
	int64_t start = rows->rows[0].time / MINUTE * MINUTE, end = 2 * last->time - last[-1].time;
	int64_t minutes = (end - start + MINUTE - 1) / MINUTE;

	if (minutes > TRACE_MINUTES_MAX)
		return error_set(e, EFBIG, "%.200s lasts longer than ten years", path);
	trace->start = start;
	trace->minutes = (size_t)minutes;
	for (int d = 0; d < DIMENSIONS; d++) {
		trace->demand[d] = calloc(trace->minutes, sizeof(double));
		if (!trace->demand[d])
			return error_no_memory(e);
	}
	for (size_t i = 0; i < rows->n; i++)
		spread(&rows->rows[i], i + 1 < rows->n ? rows->rows[i + 1].time : end, trace);
	return 0;
}

int trace_load(const char *path, struct trace *trace, struct error *e)
{
	_trace_cleanup_ struct trace made = TRACE_NULL;
	struct rows rows = { 0 };
	FILE *file = fopen(path, "re");

	if (!file)
		return error_set(e, errno == ENOENT ? ENOENT : EIO, "%.200s cannot be read: %s", path, strerror(errno));
	int r = read_rows(file, path, &rows, e);
	fclose(file);
	if (r == 0)
		r = resample(&rows, path, &made, e);
	free(rows.rows);
	if (r < 0)
		return r;
	*trace = made;
	made = TRACE_NULL;
	return 0;
}

void trace_deinit(struct trace *trace)
{
	for (int d = 0; d < DIMENSIONS; d++)
		free(trace->demand[d]);
	*trace = TRACE_NULL;
}
