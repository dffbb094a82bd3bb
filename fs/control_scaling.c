/* SPDX-License-Identifier: Apache-2.0 */
/* tables/TABLE/scaling and the same of indexes: what the scaler knows of one target, and how it is steered. */
#include "fs/control_row.h"

#include "fs/scaling.h"
#include "fs/tables.h"
#include "scaler/chart.h"
#include "scaler/steer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCALED = AT_TABLE | AT_INDEX };

static bool is_scaled(const struct control_at *at)
{
	return at->mount->scaling && at->table->place.site;
}

/* ---- What a row looks at, with the scaler's lock held ---- */

struct subject {
	struct scaler *scaler;
	const struct scaler_config *config;
	struct state *state;
	const char *site;
	struct target target;
	const struct state_entry *entry; /* NULL: nothing is known of it */
	int64_t next;                    /* wall, of the next pass; 0: under way */
};

static void subject_unlock(const struct subject *s)
{
	scaler_unlock(s->scaler);
}

static struct subject subject_lock(const struct control_at *at)
{
	struct scaling *scaling = at->mount->scaling;
	struct subject s = {
		.scaler = scaling->scaler,
		.config = &scaling->config,
		.site = at->table->place.site,
		.target = { at->table->name, *at->index ? at->index : NULL },
	};

	scaler_lock(s.scaler);
	s.state = scaler_state(s.scaler, &s.next);
	s.entry = state_find(s.state, s.site, &s.target);
	return s;
}

#define SUBJECT(name, at) __attribute__((cleanup(subject_unlock))) struct subject name = subject_lock(at)

/* ---- Switches ---- */

static struct steer_switches switches_of(const struct subject *s)
{
	return steer_get_switches(s->config, s->state, s->site, &s->target);
}

static void show_enabled(const struct control_at *at, struct buf *out)
{
	SUBJECT(s, at);

	buf_char(out, switches_of(&s).enabled ? '1' : '0');
}

static void show_dry_run(const struct control_at *at, struct buf *out)
{
	SUBJECT(s, at);

	buf_char(out, switches_of(&s).dry_run ? '1' : '0');
}

static int act_switch(const struct control_at *at, const char *text, size_t offset, struct error *e)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return error_set(e, EINVAL, "write 1 for yes, or 0 for no");
	bool on = *text == '1', changes = false;
	int r = 0;
	{
		SUBJECT(s, at);
		struct steer_switches to = switches_of(&s);
		bool *which = (bool *)((char *)&to + offset);
		changes = *which != on;
		*which = on;
		if (changes)
			r = steer_set_switches(s.config, s.state, s.site, &s.target, to, e);
	}
	return r == 0 && changes ? scaling_keep(at->mount, e) : r;
}

static int act_enabled(const struct control_at *at, const char *text, struct error *e)
{
	return act_switch(at, text, offsetof(struct steer_switches, enabled), e);
}

static int act_dry_run(const struct control_at *at, const char *text, struct error *e)
{
	return act_switch(at, text, offsetof(struct steer_switches, dry_run), e);
}

static int act_check(const struct control_at *at, const char *text, struct error *e)
{
	(void)text;
	return scaler_check(at->mount->scaling->scaler, e);
}

/* ---- Figures ---- */

static void show_last_decision(const struct control_at *at, struct buf *out)
{
	SUBJECT(s, at);

	buf_str(out, s.entry ? s.entry->last : "");
}

static void show_last_check(const struct control_at *at, struct buf *out)
{
	SUBJECT(s, at);

	if (s.entry && s.entry->seen)
		control_show_time(out, s.entry->seen * CLOCK_SECOND);
}

static void show_next_check(const struct control_at *at, struct buf *out)
{
	SUBJECT(s, at);

	if (s.next)
		control_show_time(out, s.next);
	else
		buf_str(out, "now");
}

static void show_used(const struct control_at *at, enum dimension d, struct buf *out)
{
	SUBJECT(s, at);

	if (s.entry && s.entry->seen)
		buf_printf(out, "%.2f", s.entry->used[d]);
}

static void show_throttled(const struct control_at *at, enum dimension d, struct buf *out)
{
	SUBJECT(s, at);

	if (s.entry && s.entry->seen)
		buf_printf(out, "%.0f", s.entry->throttled[d]);
}

static void show_checks(const struct control_at *at, enum dimension d, struct buf *out)
{
	SUBJECT(s, at);

	buf_printf(out, "%" PRId64, s.entry ? s.entry->checks.of[d] : 0);
}

#define SIDE(name, d)                                                               \
	static void show_##name##_##d(const struct control_at *at, struct buf *out) \
	{                                                                           \
		show_##name(at, DIMENSION_##d, out);                                \
	}

SIDE(used, READS)
SIDE(used, WRITES)
SIDE(throttled, READS)
SIDE(throttled, WRITES)
SIDE(checks, READS)
SIDE(checks, WRITES)

/* ---- History ---- */

static json_t *pair(int64_t before, int64_t after)
{
	return json_pack("[I, I]", (json_int_t)before, (json_int_t)after);
}

static void show_event(const struct state_event *event, struct buf *out)
{
	_buf_cleanup_ struct buf when = BUF_INIT(64);

	control_show_time(&when, event->at * CLOCK_SECOND);
	json_t *line =
		json_pack("{s:s, s:o, s:o, s:b, s:s}", "time", buf_text(&when), dimension_rows[0].plural,
			  pair(event->before.of[0], event->after.of[0]), dimension_rows[1].plural,
			  pair(event->before.of[1], event->after.of[1]), "done", event->done, "text", event->text);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	if (text)
		buf_printf(out, "%s\n", text);
	free(text);
	json_decref(line);
}

static void show_history(const struct control_at *at, struct buf *out)
{
	SUBJECT(s, at);

	for (size_t i = 0; s.entry && i < s.entry->n_events; i++)
		show_event(&s.entry->events[i], out);
}

/* One dimension of the picture: what is drawn of the samples and of the decisions. */
struct panel {
	double provisioned[STATE_SAMPLES_MAX], consumed[STATE_SAMPLES_MAX];
	struct chart_series series[2];
	struct chart_mark marks[STATE_EVENTS_MAX];
};

static struct chart_panel fill_panel(struct panel *p, const struct state_entry *entry, int d)
{
	size_t n = 0;

	for (size_t i = 0; i < entry->n_samples; i++) {
		p->provisioned[i] = (double)entry->samples[i].provisioned.of[d];
		p->consumed[i] = entry->samples[i].consumed[d];
	}
	p->series[0] = (struct chart_series){ "consumed", CHART_AREA, CHART_BLUE, p->consumed };
	p->series[1] = (struct chart_series){ "provisioned", CHART_STEP, CHART_ORANGE, p->provisioned };
	for (size_t i = 0; i < entry->n_events; i++) {
		const struct state_event *event = &entry->events[i];
		int64_t before = event->before.of[d], after = event->after.of[d];
		if (entry->n_samples && event->at >= entry->samples[0].at)
			p->marks[n++] = (struct chart_mark){ event->at, (double)after,
							     (after > before) - (after < before), event->text };
	}
	return (struct chart_panel){ dimension_rows[d].plural, "units", p->series, 2, p->marks, n };
}

static void draw(const struct state_entry *entry, const char *title, struct panel panels[DIMENSIONS], struct buf *out)
{
	struct chart_panel drawn[DIMENSIONS];
	int64_t times[STATE_SAMPLES_MAX];

	for (int d = 0; d < DIMENSIONS; d++)
		drawn[d] = fill_panel(&panels[d], entry, d);
	for (size_t i = 0; i < entry->n_samples; i++)
		times[i] = entry->samples[i].at;
	struct chart chart = {
		.title = title, .times = times, .n_times = entry->n_samples, .panels = drawn, .n_panels = DIMENSIONS
	};
	chart_svg(&chart, out);
}

static void show_picture(const struct control_at *at, struct buf *out)
{
	static const struct state_entry nothing = { .n_samples = 0 };
	_buf_cleanup_ struct buf title = BUF_INIT(1024);
	struct panel *panels = calloc(DIMENSIONS, sizeof(*panels));
	SUBJECT(s, at);

	target_title(&s.target, &title);
	if (panels)
		draw(s.entry ? s.entry : &nothing, buf_text(&title), panels, out);
	free(panels);
}

void control_show_scaler_failures(const struct mount *m, struct buf *out)
{
	int64_t next;

	if (!m->scaling)
		return;
	scaler_lock(m->scaling->scaler);
	const struct state *state = scaler_state(m->scaling->scaler, &next);
	for (size_t i = 0; i < state->n; i++) {
		if (state->entries[i]->failed)
			buf_printf(out, "WRONG   scaling of %s: %s\n", state->entries[i]->table,
				   state->entries[i]->last);
	}
	scaler_unlock(m->scaling->scaler);
}

/* ---- Options ---- */

static const struct scaler_option *nth_option(size_t n)
{
	for (size_t i = 0; i < scaler_option_count; i++) {
		if (scaler_options[i].scope == SCALER_SECTION && n-- == 0)
			return &scaler_options[i];
	}
	return NULL;
}

static void show_option(const struct control_at *at, struct buf *out)
{
	SUBJECT(s, at);

	steer_get_option(s.config, s.state, s.site, &s.target, nth_option(at->number)->name, out, NULL);
}

static int set_option(const struct control_at *at, const char *text, bool *changes, struct error *e)
{
	const char *name = nth_option(at->number)->name;
	_buf_cleanup_ struct buf now = BUF_INIT(1 << 16);
	SUBJECT(s, at);

	steer_get_option(s.config, s.state, s.site, &s.target, name, &now, NULL);
	*changes = strcmp(buf_text(&now), text) != 0;
	return *changes ? steer_set_option(s.config, s.state, s.site, &s.target, name, text, e) : 0;
}

static int act_option(const struct control_at *at, const char *text, struct error *e)
{
	bool changes;
	int r = set_option(at, text, &changes, e);

	return r == 0 && changes ? scaling_keep(at->mount, e) : r;
}

static bool set_nth(struct control_at *at, size_t n)
{
	at->number = n;
	return nth_option(n);
}

static const char *option_name(const struct control_at *at)
{
	return nth_option(at->number)->name;
}

static const struct control_row option_row = {
	AT_OPTIONS,
	"OPTION",
	.show = show_option,
	.act = act_option,
	.help = "an option of the target's section, its own",
};

static const struct control_row rows[] = {
	{ SCALED, "scaling", .there = is_scaled, .leads = AT_SCALING, .help = "what the scaler does with it" },
	{ AT_SCALING, "enabled", .show = show_enabled, .act = act_enabled, .help = "1: it is scaled" },
	{ AT_SCALING, "dry-run", .show = show_dry_run, .act = act_dry_run, .help = "1: decided, but not changed" },
	{ AT_SCALING, "check", .act = act_check, .blocks = true, .help = "any write checks all tables now" },
	{ AT_SCALING, "last-decision", .show = show_last_decision, .help = "what was decided last, and why" },
	{ AT_SCALING, "last-check", .show = show_last_check, .help = "when that was (UTC)" },
	{ AT_SCALING, "next-check", .show = show_next_check, .help = "when the next check is due (UTC)" },
	{ AT_SCALING, "history", .show = show_history, .help = "the newest changes, a line of JSON each" },
	{ AT_SCALING, "history.svg", .show = show_picture,
	  .help = "a picture of provisioned and consumed units, and of the changes" },
	{ AT_SCALING, "consumed-reads-percent", .show = show_used_READS, .help = "of the provisioned read units" },
	{ AT_SCALING, "consumed-writes-percent", .show = show_used_WRITES, .help = "of the provisioned write units" },
	{ AT_SCALING, "throttled-reads", .show = show_throttled_READS, .help = "throttled reads in the last window" },
	{ AT_SCALING, "throttled-writes", .show = show_throttled_WRITES,
	  .help = "throttled writes in the last window" },
	{ AT_SCALING, "reads-checks", .show = show_checks_READS, .help = "checks that would have lowered read units" },
	{ AT_SCALING, "writes-checks", .show = show_checks_WRITES,
	  .help = "checks that would have lowered write units" },
	{ AT_SCALING, "options", .leads = AT_OPTIONS, .help = "one file an option of the configuration file" },
};

static const struct control_family families[] = {
	{ .place = AT_OPTIONS, .label = "OPTION", .nth = set_nth, .name = option_name, .file = &option_row },
};

const struct control_part control_scaling = { rows, sizeof(rows) / sizeof(rows[0]), families, 1 };
