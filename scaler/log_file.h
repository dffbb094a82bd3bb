/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A log file that is renamed away by size or by time, as Python's RotatingFileHandler and TimedRotatingFileHandler do
 * it: FILE.1, FILE.2, … or FILE.2026-11-25. One owner at a time.
 * https://docs.python.org/2.7/library/logging.handlers.html
 */
struct log_file_spec {
	const char *path;
	bool truncate;     /* the file begins empty */
	int64_t max_bytes; /* rotation by size; 0: none */
	const char *when;  /* rotation by time: "S", "M", "H", "D", "midnight", "W0" … "W6"; NULL: none */
	int interval;      /* how many of these, from 1; of no meaning for midnight and weeks */
	int keep;          /* rotated files that stay; 0: all of those by time, and none by size, as in Python */
	bool utc;
};

struct log_file;

/* The spec's strings are copied. EINVAL for a `when` that is none; EACCES, EIO where the file cannot be opened. `wall`
 * is the time now, in nanoseconds. */
int log_file_open(const struct log_file_spec *spec, int64_t wall, struct log_file **file, struct error *e);
/* One line with its newline. What cannot be written is lost: a full disk must not stop the daemon. */
void log_file_write(struct log_file *file, int64_t wall, const char *line, size_t len);
/* Accepts NULL. */
void log_file_close(struct log_file *file);
