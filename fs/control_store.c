/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_row.h"

#include "fs/notify.h"
#include "fs/refresh.h"
#include "fs/view.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int64_t control_age(const struct view *view)
{
	return view->loaded ? clock_mono(view->mount->clock) - view->loaded : -1;
}

bool control_is_stale(const struct view *view)
{
	return view->failure.number || view->source->failure.number || (!view->loaded && !view->kept);
}

static void show_source(const struct control_at *at, struct buf *out)
{
	buf_str(out, at->view->source->about.source);
}

static void show_layout(const struct control_at *at, struct buf *out)
{
	buf_str(out, view_layout(at->view)->name);
}

static void show_ttl(const struct control_at *at, struct buf *out)
{
	buf_printf(out, "%" PRId64, at->view->ttl / CLOCK_SECOND);
}

static int act_ttl(const struct control_at *at, const char *text, struct error *e)
{
	const long long most = 365LL * 86400;
	char *end;
	long long seconds = strtoll(text, &end, 10);
	MOUNT_LOCKED(at->mount);

	if (!isdigit((unsigned char)text[0]) || *end || seconds > most)
		return error_set(e, EINVAL, "ttl is a number of seconds from 0 to %lld", most);
	if (at->view->ttl == seconds * CLOCK_SECOND)
		return 0;
	at->view->ttl = seconds * CLOCK_SECOND;
	refresh_reschedule_locked(at->view->source);
	return 0;
}

static int act_refresh_store(const struct control_at *at, const char *text, struct error *e)
{
	(void)text;
	int r = refresh_store(at->view->source, at->view->store, true, e);

	notify_wait(at->mount);
	return r;
}

static void show_age(const struct control_at *at, struct buf *out)
{
	if (at->view->loaded)
		buf_printf(out, "%" PRId64, control_age(at->view) / CLOCK_SECOND);
}

static void show_stale(const struct control_at *at, struct buf *out)
{
	buf_char(out, control_is_stale(at->view) ? '1' : '0');
}

static void show_items(const struct control_at *at, struct buf *out)
{
	const struct snapshot *s = at->view->current;

	buf_printf(out, "%zu", view_layout(at->view)->item_is_key ? s->n_values : s->n_folders - 1);
}

static void show_skipped(const struct control_at *at, struct buf *out)
{
	buf_printf(out, "%zu", at->view->skipped);
}

static void show_keys(const struct control_at *at, struct buf *out)
{
	buf_printf(out, "%zu", at->view->current->n_values);
}

static void show_bytes(const struct control_at *at, struct buf *out)
{
	buf_printf(out, "%" PRIu64, at->view->current->bytes);
}

static void show_last_refresh(const struct control_at *at, struct buf *out)
{
	if (at->view->loaded)
		control_show_time(out, at->view->loaded_wall);
}

static void show_failure(const struct control_at *at, struct buf *out)
{
	const struct view *view = at->view;

	buf_str(out, view->failure.number ? view->failure.text : view->source->failure.text);
}

static void show_read_units(const struct control_at *at, struct buf *out)
{
	buf_printf(out, "%.1f", at->view->read_units);
}

static void show_write_units(const struct control_at *at, struct buf *out)
{
	buf_printf(out, "%.1f", at->view->write_units);
}

static void show_cost(const struct control_at *at, struct buf *out)
{
	const struct view *view = at->view;
	const double month = 30.0 * 86400;
	double seconds = (double)(clock_wall(view->mount->clock) - view->mount->started_wall) / CLOCK_SECOND;
	double share = seconds >= 1 ? month / seconds : 0;

	buf_printf(out, "read-units used %.1f a-month %.0f\n", view->read_units, view->read_units * share);
	buf_printf(out, "write-units used %.1f a-month %.0f", view->write_units, view->write_units * share);
}

static const struct control_row rows[] = {
	{ AT_STORE, "source", .show = show_source, .help = "where it is kept" },
	{ AT_STORE, "layout", .show = show_layout, .help = "how items become files" },
	{ AT_STORE, "ttl", .show = show_ttl, .act = act_ttl, .help = "seconds between loads; 0: read on every access" },
	{ AT_STORE, "refresh", .act = act_refresh_store, .blocks = true, .help = "any write loads the store now" },
	{ AT_STORE, "age", .show = show_age, .help = "seconds since the load that is shown began" },
	{ AT_STORE, "stale", .show = show_stale, .help = "1 when the newest load failed, else 0" },
	{ AT_STORE, "items", .show = show_items, .help = "options in it; path layout: keys" },
	{ AT_STORE, "skipped", .show = show_skipped, .help = "values that the newest load could not show" },
	{ AT_STORE, "keys", .show = show_keys, .help = "keys in it" },
	{ AT_STORE, "bytes", .show = show_bytes, .help = "bytes of their values" },
	{ AT_STORE, "last-refresh", .show = show_last_refresh, .help = "when the load that is shown began (UTC)" },
	{ AT_STORE, "last-error", .show = show_failure, .help = "why its newest load failed; empty if it did not" },
	{ AT_STORE, "consumed-read-units", .show = show_read_units, .help = "read units this mount has used" },
	{ AT_STORE, "consumed-write-units", .show = show_write_units, .help = "write units this mount has used" },
	{ AT_STORE, "cost", .show = show_cost,
	  .help = "units this mount has used, and would use in 30 days at this rate" },
};

static bool nth_store(struct control_at *at, size_t n)
{
	const struct mount *m = at->mount;

	for (size_t i = 0; i < m->n_views; i++) {
		if (!view_is_shown(m->views[i]) || n-- != 0)
			continue;
		at->view = m->views[i];
		return true;
	}
	return false;
}

static const char *store_name(const struct control_at *at)
{
	return at->view->name;
}

static uint64_t store_hash(const struct control_at *at)
{
	return at->view->current->seed;
}

static const struct control_family stores[] = {
	{ AT_TOP, AT_STORES, AT_STORE, "STORE", nth_store, store_name, store_hash, NULL, NULL, NULL },
};

const struct control_part control_store = { rows, sizeof(rows) / sizeof(rows[0]), stores, 1 };
