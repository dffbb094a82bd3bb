/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "scaler/dimension.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What a table was asked for, minute by minute, from a CSV file: a line for each period with its start (Unix seconds or
 * 2024-01-15T05:30:00Z), the capacity units consumed in it, reads then writes, and the requests throttled in it: one
 * number, shared out by what was consumed, or two, of reads and of writes. A first line of names is skipped; so are
 * blank lines and those that begin with `#`. A period lasts until the next one begins, the last as long as the one
 * before it.
 */
struct trace {
	int64_t start; /* Unix seconds, a whole minute */
	size_t minutes;
	double *demand[DIMENSIONS]; /* units asked for in each minute: consumed and throttled */
};

#define TRACE_NULL ((struct trace){ 0 })

enum { TRACE_MINUTES_MAX = 10 * 366 * 1440, TRACE_ROWS_MAX = 8 << 20 };

/* "FILE:LINE: sentence" on failure. */
int trace_load(const char *path, struct trace *trace, struct error *e);
/* Idempotent. */
void trace_deinit(struct trace *trace);

#define _trace_cleanup_ __attribute__((cleanup(trace_deinit)))
