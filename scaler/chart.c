/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Pixels. */
enum {
	WIDTH = 960,
	LEFT = 72,
	RIGHT = 24,
	PLOT = WIDTH - LEFT - RIGHT,
	TITLE = 52,
	HEADING = 40, /* of a panel: its title and legend */
	PANEL = 190,
	FOOT = 44, /* below a panel: times */
	BAR = 26,
	BAR_NAME = 190,
	BAR_TEXT = 330,
	MARGIN = 18,
};

/* How a chart's times and values become pixels. */
struct frame {
	const struct chart *chart;
	struct buf *out;
	int64_t first;
	double seconds; /* of the whole axis */
	double top;     /* value at the panel's upper edge */
	double y;       /* of the panel's upper edge */
};

/* Rules that do not depend on the scheme. */
static const char shapes[] =
	"svg{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
	".title{font-size:17px;font-weight:600}.head{font-size:13px;font-weight:600}"
	".end{text-anchor:end}.middle{text-anchor:middle}"
	".line{fill:none;stroke-width:1.8;stroke-linejoin:round}.dash{stroke-dasharray:5 4;stroke-width:1.3}"
	".area{fill-opacity:.25;stroke-width:1;stroke-opacity:.7}.mark{stroke-width:1}";

/* Colours in light and dark. Written out for both, because not every viewer knows variables. */
static const struct colour_row {
	const char *rule; /* up to the colour */
	const char *light, *dark;
} colours[] = {
	{ ".back{fill:", "#fff", "#0d1117" },      { "text{fill:", "#1f2328", "#e6edf3" },
	{ ".faint{fill:", "#656d76", "#8b949e" },  { ".grid{stroke:", "#e7ebef", "#21262d" },
	{ ".axis{stroke:", "#afb8c1", "#484f58" }, { ".mark{stroke:", "#fff", "#0d1117" },
	{ ".c0{stroke:", "#8c959f", "#8b949e" },   { ".c1{stroke:", "#0969da", "#58a6ff" },
	{ ".c2{stroke:", "#bc4c00", "#f0883e" },   { ".c3{stroke:", "#cf222e", "#ff7b72" },
	{ ".c4{stroke:", "#1a7f37", "#3fb950" },   { ".f0{fill:", "#8c959f", "#8b949e" },
	{ ".f1{fill:", "#0969da", "#58a6ff" },     { ".f2{fill:", "#bc4c00", "#f0883e" },
	{ ".f3{fill:", "#cf222e", "#ff7b72" },     { ".f4{fill:", "#1a7f37", "#3fb950" },
	{ ".f5{fill:", "#8250df", "#bc8cff" },
};

static void put_style(struct buf *out)
{
	buf_printf(out, "<style>%s", shapes);
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		buf_printf(out, "%s%s}", colours[i].rule, colours[i].light);
	buf_str(out, "@media(prefers-color-scheme:dark){");
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		buf_printf(out, "%s%s}", colours[i].rule, colours[i].dark);
	buf_str(out, "}</style>\n");
}

static void put_text(const char *text, struct buf *out)
{
	for (; *text; text++) {
		const char *escaped = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '"' ? "&quot;" : NULL;
		if (escaped)
			buf_str(out, escaped);
		else if ((unsigned char)*text >= ' ')
			buf_char(out, *text);
	}
}

static void label(struct buf *out, double x, double y, const char *class, const char *text)
{
	buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	put_text(text, out);
	buf_str(out, "</text>\n");
}

/* The smallest of 1, 2 and 5 times a power of ten that is at least `least`. */
static double nice(double least)
{
	double power = pow(10, floor(log10(least)));
	double part = least / power;

	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void short_number(double value, char text[32])
{
	static const char *const suffixes[] = { "", "k", "M", "G", "T" };
	int i = 0;

	for (; fabs(value) >= 10000 && i < 4; i++)
		value /= 1000;
	snprintf(text, 32, "%.*g%s", 6, value, suffixes[i]);
}

static double x_of(const struct frame *frame, int64_t time)
{
	return LEFT + (double)(time - frame->first) / frame->seconds * PLOT;
}

static double y_of(const struct frame *frame, double value)
{
	double part = isfinite(value) && value > 0 ? fmin(value / frame->top, 1) : 0;

	return frame->y + PANEL * (1 - part);
}

/* The next point: the largest value of those that fall into one pixel. `*i` is moved behind them. */
static double next_point(const struct frame *frame, const double *values, size_t *i, double *x)
{
	double pixel = floor(x_of(frame, frame->chart->times[*i])), largest = values[*i];

	*x = x_of(frame, frame->chart->times[*i]);
	while (++*i < frame->chart->n_times && floor(x_of(frame, frame->chart->times[*i])) <= pixel)
		largest = fmax(largest, values[*i]);
	return largest;
}

static void put_area(const struct frame *frame, const struct chart_series *series)
{
	double x = LEFT, bottom = frame->y + PANEL;

	buf_printf(frame->out, "<path class=\"area c%u f%u\" d=\"M%d %.1f", series->colour, series->colour, LEFT,
		   bottom);
	for (size_t i = 0; i < frame->chart->n_times;) {
		double value = next_point(frame, series->values, &i, &x);
		buf_printf(frame->out, "L%.1f %.1f", x, y_of(frame, value));
	}
	buf_printf(frame->out, "L%.1f %.1fZ\"/>\n", x, bottom);
}

/* Points only where the line turns. */
static void put_steps(const struct frame *frame, const struct chart_series *series)
{
	const char *class = series->style == CHART_DASHED ? "line dash" : "line";
	double x = LEFT, last = -1;

	buf_printf(frame->out, "<path class=\"%s c%u\" d=\"", class, series->colour);
	for (size_t i = 0; i < frame->chart->n_times;) {
		double y = y_of(frame, next_point(frame, series->values, &i, &x));
		if (last < 0)
			buf_printf(frame->out, "M%.1f %.1f", x, y);
		else if (y != last)
			buf_printf(frame->out, "H%.1fV%.1f", x, y);
		last = y;
	}
	buf_printf(frame->out, "H%d\"/>\n", LEFT + PLOT);
}

static void put_ticks(const struct frame *frame, const struct chart_series *series)
{
	double x, bottom = frame->y + PANEL;

	buf_printf(frame->out, "<path class=\"line c%u\" d=\"", series->colour);
	for (size_t i = 0; i < frame->chart->n_times;) {
		if (next_point(frame, series->values, &i, &x) > 0)
			buf_printf(frame->out, "M%.1f %.1fv-9", x, bottom);
	}
	buf_str(frame->out, "\"/>\n");
}

static void put_series(const struct frame *frame, const struct chart_series *series)
{
	static void (*const put[])(const struct frame *, const struct chart_series *) = {
		[CHART_AREA] = put_area,
		[CHART_STEP] = put_steps,
		[CHART_DASHED] = put_steps,
		[CHART_TICKS] = put_ticks,
	};

	put[series->style](frame, series);
}

static void put_mark(const struct frame *frame, const struct chart_mark *mark)
{
	static const char *const outlines[] = { "m-5 -9h10l-5 9z", "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
						"m-5 9h10l-5-9z" };
	static const enum chart_colour fills[] = { CHART_PURPLE, CHART_GREY, CHART_GREEN };
	int shape = mark->direction < 0 ? 0 : mark->direction > 0 ? 2 : 1;

	buf_printf(frame->out, "<path class=\"mark f%u\" d=\"M%.1f %.1f%s\"><title>", fills[shape],
		   x_of(frame, mark->time), y_of(frame, mark->value), outlines[shape]);
	put_text(mark->reason, frame->out);
	buf_str(frame->out, "</title></path>\n");
}

static void put_values_axis(const struct frame *frame, const char *unit)
{
	double step = nice(frame->top / 5);
	char text[32];

	for (double value = 0; value <= frame->top * 1.0001; value += step) {
		double y = y_of(frame, value);
		buf_printf(frame->out, "<path class=\"%s\" d=\"M%d %.1fh%d\"/>\n", value > 0 ? "grid" : "axis", LEFT, y,
			   PLOT);
		short_number(value, text);
		label(frame->out, LEFT - 8, y + 4, "faint end", text);
	}
	label(frame->out, LEFT - 8, frame->y - 12, "faint end", unit);
}

/* Steps of time that people think in, in seconds. */
static int64_t time_step(double seconds)
{
	static const int64_t steps[] = { 60,    300,   600,   1800,   3600,   7200,    10800,
					 21600, 43200, 86400, 172800, 604800, 1209600, 2592000 };
	size_t i = 0;

	while (i + 1 < sizeof(steps) / sizeof(steps[0]) && (double)steps[i] < seconds / 9)
		i++;
	return steps[i];
}

static void put_times_axis(const struct frame *frame)
{
	int64_t step = time_step(frame->seconds), end = frame->first + (int64_t)frame->seconds;
	bool years = frame->seconds > 9.0 * 2592000;

	step = years ? (int64_t)(frame->seconds / 9) : step;
	for (int64_t at = (frame->first + step - 1) / step * step; at <= end; at += step) {
		double x = x_of(frame, at), bottom = frame->y + PANEL;
		char text[32];
		struct tm time;
		time_t t = (time_t)at;
		gmtime_r(&t, &time);
		bool midnight = time.tm_hour == 0 && time.tm_min == 0;
		strftime(text, sizeof(text), step >= 86400 || midnight ? "%e %b" : "%H:%M", &time);
		buf_printf(frame->out, "<path class=\"axis\" d=\"M%.1f %.1fv5\"/>\n", x, bottom);
		label(frame->out, x, bottom + 19, "faint middle", text);
	}
	label(frame->out, LEFT + PLOT, frame->y + PANEL + 36, "faint end", "time, UTC");
}

static double largest(const struct chart *chart, const struct chart_panel *panel)
{
	double top = 1;

	for (size_t s = 0; s < panel->n_series; s++) {
		for (size_t i = 0; panel->series[s].style != CHART_TICKS && i < chart->n_times; i++) {
			double value = panel->series[s].values[i];
			if (isfinite(value) && value > top)
				top = value;
		}
	}
	return top;
}

static void put_legend(const struct frame *frame, const struct chart_panel *panel)
{
	double x = LEFT + 70, y = frame->y - 12;

	for (size_t s = 0; s < panel->n_series; s++) {
		const struct chart_series *series = &panel->series[s];
		const char *class = series->style == CHART_DASHED ? "line dash" : "line";
		if (!series->name)
			continue;
		if (series->style == CHART_AREA)
			buf_printf(frame->out,
				   "<rect class=\"area c%u f%u\" x=\"%.1f\" y=\"%.1f\" width=\"20\" height=\"9\"/>\n",
				   series->colour, series->colour, x, y - 8);
		else
			buf_printf(frame->out, "<path class=\"%s c%u\" d=\"M%.1f %.1f%s\"/>\n", class, series->colour,
				   series->style == CHART_TICKS ? x + 10 : x, series->style == CHART_TICKS ? y : y - 4,
				   series->style == CHART_TICKS ? "v-9" : "h20");
		label(frame->out, x + 26, y, "", series->name);
		x += 42 + 6.7 * (double)strlen(series->name);
	}
}

static void put_panel(struct frame *frame, const struct chart_panel *panel)
{
	frame->top = largest(frame->chart, panel) * 1.06;
	frame->y += HEADING;
	label(frame->out, LEFT, frame->y - 12, "head", panel->title);
	put_legend(frame, panel);
	put_values_axis(frame, panel->unit);
	put_times_axis(frame);
	for (size_t i = 0; i < panel->n_series && frame->chart->n_times; i++)
		put_series(frame, &panel->series[i]);
	for (size_t i = 0; i < panel->n_marks; i++)
		put_mark(frame, &panel->marks[i]);
	frame->y += PANEL + FOOT;
}

static void put_bars(struct frame *frame)
{
	const struct chart *chart = frame->chart;
	const int room = WIDTH - LEFT - BAR_NAME - BAR_TEXT - RIGHT;
	double top = 0;

	for (size_t i = 0; i < chart->n_bars; i++)
		top = fmax(top, chart->bars[i].value);
	frame->y += HEADING;
	label(frame->out, LEFT, frame->y - 12, "head", chart->bars_title);
	for (size_t i = 0; i < chart->n_bars; i++, frame->y += BAR) {
		const struct chart_bar *bar = &chart->bars[i];
		double width = top > 0 ? fmax(bar->value / top * room, 1) : 1;
		label(frame->out, LEFT + BAR_NAME - 12, frame->y + 14, "end", bar->name);
		buf_printf(frame->out,
			   "<rect class=\"f%u\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"16\" rx=\"2\"/>\n",
			   bar->colour, LEFT + BAR_NAME, frame->y + 2, width);
		label(frame->out, LEFT + BAR_NAME + width + 8, frame->y + 14, "faint", bar->text);
	}
}

void chart_svg(const struct chart *chart, struct buf *out)
{
	struct frame frame = { .chart = chart, .out = out, .seconds = 1, .y = TITLE - HEADING / 2.0 };
	size_t bars = chart->n_bars ? HEADING + chart->n_bars * BAR : 0;
	size_t height = TITLE - HEADING / 2 + chart->n_panels * (HEADING + PANEL + FOOT) + bars + MARGIN;

	if (chart->n_times) {
		frame.first = chart->times[0];
		frame.seconds = fmax((double)(chart->times[chart->n_times - 1] - frame.first), 1);
	}
	buf_printf(out,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" viewBox=\"0 0 %d %zu\" "
		   "role=\"img\">\n<title>",
		   WIDTH, height, WIDTH, height);
	put_text(chart->title, out);
	buf_str(out, "</title>\n");
	put_style(out);
	buf_printf(out, "<rect class=\"back\" width=\"%d\" height=\"%zu\"/>\n", WIDTH, height);
	label(out, LEFT, 30, "title", chart->title);
	for (size_t i = 0; i < chart->n_panels; i++)
		put_panel(&frame, &chart->panels[i]);
	if (chart->n_bars)
		put_bars(&frame);
	buf_str(out, "</svg>\n");
}
