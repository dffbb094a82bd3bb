/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Pictures of units over time, as SVG that follows the viewer's light or dark scheme: one panel above the other on one
 * axis of time, then bars that compare totals. All text is escaped.
 */
enum chart_style {
	CHART_AREA,   /* filled: what was consumed */
	CHART_STEP,   /* a line that stays until it changes: what is provisioned */
	CHART_DASHED, /* the same, for comparison */
	CHART_TICKS,  /* a tick at the bottom wherever the value is above 0: what was throttled */
};

enum chart_colour { CHART_GREY, CHART_BLUE, CHART_ORANGE, CHART_RED, CHART_GREEN, CHART_PURPLE };

struct chart_series {
	const char *name; /* for the legend; NULL: in none */
	enum chart_style style;
	enum chart_colour colour;
	const double *values; /* one for each of the chart's times */
};

/* A decision: a triangle that points to where the units went, or a dot, with its reason as a tooltip. */
struct chart_mark {
	int64_t time; /* Unix seconds */
	double value;
	int direction; /* 1 up, -1 down, 0 neither */
	const char *reason;
};

struct chart_panel {
	const char *title; /* "reads" */
	const char *unit;  /* of the axis: "units" */
	const struct chart_series *series;
	size_t n_series;
	const struct chart_mark *marks;
	size_t n_marks;
};

struct chart_bar {
	const char *name;
	const char *text; /* behind the bar */
	double value;
	enum chart_colour colour;
};

struct chart {
	const char *title;
	const int64_t *times; /* Unix seconds, ascending */
	size_t n_times;
	const struct chart_panel *panels;
	size_t n_panels;
	const char *bars_title;
	const struct chart_bar *bars;
	size_t n_bars;
};

/* Appends the whole document. Times beyond what a picture can show are merged, so that peaks stay. */
void chart_svg(const struct chart *chart, struct buf *out);
