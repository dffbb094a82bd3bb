/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"
#include "aws/core/log.h"

#include <stdint.h>

/*
 * Lines as Python's logging formats them: "%(asctime)s - %(name)s - %(levelname)s - %(message)s". Pure.
 * https://docs.python.org/2.7/library/logging.html#logrecord-attributes
 */
struct log_record {
	enum log_level level;
	const char *text;
	int64_t wall;    /* nanoseconds */
	int64_t started; /* wall, when the program began */
};

/* The numbers that Python gives the levels: 10, 20, 30, 40. */
static inline int log_format_number(enum log_level level)
{
	return ((int)level + 1) * 10;
}

/* EINVAL with a sentence where `format` has what cannot be filled in here. */
int log_format_check(const char *format, struct error *e);

/* Appends the line of a checked format, without a newline. `dates` is for strftime(3) in local time; NULL:
 * "YYYY-MM-DD HH:MM:SS,mmm". */
void log_format_write(struct buf *line, const char *format, const char *dates, const struct log_record *record);

/* strftime(3) in local time, or in UTC; "" where the result does not fit. */
void log_format_date(char *to, size_t size, const char *format, int64_t seconds, bool utc);
