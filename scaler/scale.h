/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A scale says by how much to change at which percentage: `{0: 0, 0.25: 5, 50: 10}`, a Python dictionary of numbers.
 */
struct scale {
	struct scale_step {
		double key;   /* percent; INFINITY for a quoted key, which Python 2 held greater than any number */
		double value; /* percent or units */
		char *quoted; /* the text of a quoted key, else NULL */
		bool whole, whole_value; /* written without a fraction */
	} * steps;                       /* by key, each key once; NULL: not given */
	size_t n;                        /* 0 with steps set: `{}` */
};

#define SCALE_NULL ((struct scale){ 0 })

enum { SCALE_STEPS_MAX = 4096 };

/* Of two equal keys the last counts. EINVAL for anything but such a dictionary. */
int scale_parse(const char *text, struct scale *out, struct error *e);
int scale_copy(const struct scale *from, struct scale *to, struct error *e);
/* Idempotent. */
void scale_deinit(struct scale *scale);

/* The value at the largest key that is at most `x`, and at the smallest that is at least `x`; 0 if there is none. */
double scale_up(const struct scale *scale, double x);
double scale_down(const struct scale *scale, double x);

/* `{0: 5, 0.25: 10}`; with `json`, keys in double quotes. Nothing when the scale is not given. */
void scale_format(const struct scale *scale, bool json, struct buf *out);

/* The shortest text that reads back as the number, as Python writes it: 0.25, 90.0, 1e-05, inf; with `whole`, 90. */
void number_format(double number, bool whole, struct buf *out);
