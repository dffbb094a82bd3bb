/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_row.h"

#include "fs/events.h"
#include "fs/metrics.h"
#include "fs/notify.h"
#include "fs/refresh.h"
#include "version.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

void control_show_time(struct buf *out, int64_t wall)
{
	time_t seconds = wall / CLOCK_SECOND;
	struct tm utc;
	char text[40];

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	buf_str(out, text);
}

static void show_version(const struct control_at *at, struct buf *out)
{
	(void)at;
	buf_str(out, DYNCONF_VERSION);
}

static void show_last_error(const struct control_at *at, struct buf *out)
{
	const struct mount *m = at->mount;

	if (!m->last_error.number)
		return;
	control_show_time(out, m->last_error_wall);
	buf_printf(out, " %s", m->last_error.text);
}

static void show_source_trouble(const struct source *source, struct buf *out)
{
	const struct error *e = source->failure.number ? &source->failure : &source->trouble;

	if (e->number)
		buf_printf(out, "WRONG   source %s: %s\n", source->settings->name, e->text);
}

static void show_status_line(const struct view *view, struct buf *out)
{
	if (view->alias_of[0]) {
		buf_printf(out, "HIDDEN  %s of source %s: source %s, which comes first, has a store of that name\n",
			   view->name, view->source->settings->name, view->alias_of);
		return;
	}
	buf_printf(out, "%-7s %-24s %6zu %s %8zu keys", control_is_stale(view) ? "STALE" : "ok", view->name,
		   view->current->n_folders - 1, view_layout(view)->folders, view->current->n_values);
	if (view->loaded)
		buf_printf(out, "  loaded %" PRId64 " s ago", control_age(view) / CLOCK_SECOND);
	buf_printf(out, "  from %s\n", view->source->about.source);
}

/* For people: everything wrong first. */
static void show_status(const struct control_at *at, struct buf *out)
{
	const struct mount *m = at->mount;

	for (size_t i = 0; i < m->n_sources; i++)
		show_source_trouble(&m->sources[i], out);
	control_show_tables(m, true, out);
	control_show_scaler_failures(m, out);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < m->n_views; i++) {
			const struct view *view = m->views[i];
			bool wrong = view->alias_of[0] || control_is_stale(view);
			if (!view->gone && wrong == (pass == 0))
				show_status_line(view, out);
		}
	}
	control_show_tables(m, false, out);
	buf_printf(out, "dynconf %s, mounted since ", DYNCONF_VERSION);
	control_show_time(out, m->started_wall);
	buf_printf(out, ", %zu open files", m->n_handles);
}

static int act_refresh_all(const struct control_at *at, const char *text, struct error *e)
{
	struct mount *m = at->mount;
	int result = 0;

	(void)text;
	for (size_t i = 0; i < m->n_sources; i++) {
		int r = refresh_wait(&m->sources[i], e);
		result = r < 0 ? r : result;
	}
	notify_wait(m);
	return result;
}

static void grow_events(const struct control_at *at, uint64_t *seen, struct buf *out)
{
	events_show_locked(at->mount, seen, out);
}

static void show_metrics(const struct control_at *at, struct buf *out)
{
	metrics_show_locked(at->mount, out);
}

static void show_log_level(const struct control_at *at, struct buf *out)
{
	buf_str(out, log_level_name(at->mount->log->level));
}

static int act_log_level(const struct control_at *at, const char *text, struct error *e)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0)
		return error_set(e, EINVAL, "log-level is debug, info, warning or error");
	at->mount->log->level = level;
	return 0;
}

static const struct control_row rows[] = {
	{ AT_TOP, "version", .show = show_version, .help = "the version of dynconf" },
	{ AT_TOP, "status", .show = show_status,
	  .help = "how the sources, stores and tables are, what is wrong first" },
	{ AT_TOP, "last-error", .show = show_last_error,
	  .help = "when and why something failed last; empty if nothing did" },
	{ AT_TOP, "metrics", .show = show_metrics, .help = "what is counted, as text for Prometheus" },
	{ AT_TOP, "events", .grow = grow_events,
	  .help = "the newest 1,000 changes, errors and recoveries, a line of JSON each" },
	{ AT_TOP, "log-level", .show = show_log_level, .act = act_log_level,
	  .help = "debug, info, warning or error: what goes to the log" },
	{ AT_TOP, "refresh", .act = act_refresh_all, .blocks = true, .help = "any write loads all sources now" },
	{ AT_TOP, "stores", .leads = AT_STORES, .help = "one directory a store" },
};

const struct control_part control_top = { rows, sizeof(rows) / sizeof(rows[0]), NULL, 0 };
