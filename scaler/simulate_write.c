/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a scenario, as JSON. */
#include "scaler/announce.h"
#include "scaler/json.h"
#include "scaler/simulate.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

/* As the original put them into one list. */
static const enum message_type type_order[] = { MESSAGE_SCALE_DOWN, MESSAGE_SCALE_UP, MESSAGE_HIGH, MESSAGE_LOW };

static void put_units(struct units units, struct buf *out)
{
	for (int d = 0; d < DIMENSIONS; d++)
		buf_printf(out, "%s\"%s\": %lld", d ? ", " : "", dimension_rows[d].singular, (long long)units.of[d]);
}

static void put_member_units(const char *name, const struct units *units, struct buf *out)
{
	buf_printf(out, ", \"%s\": ", name);
	if (!units) {
		buf_str(out, "null");
		return;
	}
	buf_char(out, '{');
	put_units(*units, out);
	buf_char(out, '}');
}

static void put_member_text(const char *name, const char *text, struct buf *out)
{
	buf_printf(out, "\"%s\": ", name);
	json_text(text, out);
}

/* An alarm has one type, a notification a list of them. */
static void put_types(const struct announcement *announcement, bool list, struct buf *out)
{
	const char *before = "";

	buf_str(out, list ? "\"types\": [" : "\"type\": ");
	for (size_t i = 0; i < MESSAGE_TYPES; i++) {
		if (!(announcement->types >> type_order[i] & 1))
			continue;
		buf_printf(out, "%s\"%s\"", before, message_type_names[type_order[i]]);
		before = ", ";
	}
	buf_str(out, list ? "]" : "");
}

static void put_announcement(const struct simulation *simulation, const struct announcement *announcement, bool list,
			     struct buf *out)
{
	bool sent = !simulation->dry_run && announce_wanted(announcement, &simulation->options);

	if (!announcement->types)
		return;
	buf_char(out, '{');
	put_types(announcement, list, out);
	buf_str(out, ", ");
	put_member_text("subject", announcement->subject, out);
	buf_str(out, ", ");
	put_member_text("message", buf_text(&announcement->body), out);
	buf_printf(out, ", \"sent\": %s", sent ? "true" : "false");
	if (sent) {
		buf_str(out, ", ");
		put_member_text("topic", simulation->options.topic, out);
	}
	buf_char(out, '}');
}

static void put_time(const char *name, int64_t seconds, struct buf *out)
{
	char text[64];
	struct tm time = { 0 }; /* stays so for years that it cannot hold */
	time_t t = (time_t)seconds;

	gmtime_r(&t, &time);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &time);
	put_member_text(name, text, out);
}

static void put_window(const struct policy_window *window, struct buf *out)
{
	buf_str(out, ", \"window\": {");
	put_time("start", window->start, out);
	buf_str(out, ", ");
	put_time("end", window->end, out);
	buf_printf(out, ", \"period\": %lld}", (long long)window->period);
}

static void put_breaker(const struct simulation *simulation, bool open, struct buf *out)
{
	const struct breaker_request *request = &simulation->breaker;

	buf_printf(out, ", \"circuit_breaker\": {\"open\": %s, \"request\": {", open ? "true" : "false");
	put_member_text("url", request->url, out);
	buf_str(out, ", \"auth\": [");
	if (request->user) {
		json_text(request->user, out);
		buf_str(out, ", ");
		json_text(request->password, out);
	}
	buf_str(out, "], \"timeout\": ");
	number_format(request->timeout, false, out);
	buf_str(out, ", \"headers\": {");
	put_member_text("x-table-name", simulation->target.table, out);
	if (simulation->target.index) {
		buf_str(out, ", ");
		put_member_text("x-gsi-name", simulation->target.index, out);
	}
	buf_str(out, "}}}");
}

static void put_attempts(const struct simulate_outcome *outcome, struct buf *out)
{
	if (!outcome->n_attempts || !outcome->attempts[0].error)
		return;
	buf_str(out, ", \"attempts\": [");
	for (size_t i = 0; i < outcome->n_attempts; i++) {
		const struct simulate_attempt *attempt = &outcome->attempts[i];
		buf_str(out, i ? ", {" : "{");
		if (attempt->error) {
			put_member_text("error", attempt->error, out);
			buf_str(out, ", ");
		}
		put_units(attempt->units, out);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

static const struct units *updated(const struct simulate_outcome *outcome)
{
	const struct simulate_attempt *last = outcome->n_attempts ? &outcome->attempts[outcome->n_attempts - 1] : NULL;

	return last && !last->error ? &last->units : NULL;
}

static void put_announcements(const struct simulation *simulation, const struct simulate_step *step,
			      const struct simulate_outcome *outcome, struct buf *out)
{
	_announcement_cleanup_ struct announcement alarm = ANNOUNCEMENT_NULL, change = ANNOUNCEMENT_NULL;
	const struct units *update = updated(outcome);

	announce_alarm(&simulation->target, &simulation->options, &outcome->decision, &alarm);
	if (update)
		announce_change(&simulation->target, step->provisioned, *update, &change);
	buf_str(out, "\"alarms\": [");
	put_announcement(simulation, &alarm, false, out);
	buf_str(out, "], \"notifications\": [");
	put_announcement(simulation, &change, true, out);
	buf_char(out, ']');
}

static void put_step(const struct simulation *simulation, const struct simulate_step *step,
		     const struct simulate_outcome *outcome, struct buf *out)
{
	buf_char(out, '{');
	put_announcements(simulation, step, outcome, out);
	put_member_units("update", updated(outcome), out);
	for (int d = 0; d < DIMENSIONS; d++)
		buf_printf(out, ", \"%s_checks\": %lld", dimension_rows[d].plural,
			   (long long)outcome->decision.checks.of[d]);
	if (outcome->window_asked)
		put_window(&outcome->window, out);
	if (simulation->breaker.url)
		put_breaker(simulation, !outcome->window_asked, out);
	put_attempts(outcome, out);
	if (outcome->planned)
		put_member_units("planned", &outcome->attempts[0].units, out);
	buf_char(out, '}');
}

void simulate_line(const struct simulation *simulation, enum compat compat, struct buf *out)
{
	struct simulate_state state = simulate_begin(simulation);
	struct simulate_outcome outcome;
	char *id = simulation->id ? json_dumps(simulation->id, JSON_ENCODE_ANY) : NULL;

	buf_printf(out, "{\"id\": %s, \"steps\": [", id ? id : "null");
	free(id);
	for (size_t i = 0; i < simulation->n_steps; i++) {
		simulate_step(simulation, i, compat, &state, &outcome);
		buf_str(out, i ? ", " : "");
		put_step(simulation, &simulation->steps[i], &outcome, out);
	}
	buf_str(out, "]}\n");
}
