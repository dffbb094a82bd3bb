/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/announce.h"

#include <stdio.h>

/* One kind of alarm: which threshold, and what is said of it. */
struct alarm_row {
	enum message_type type;
	const char *subject;
	const char *text;
	size_t reached;   /* offset of the flags in struct policy_decision */
	size_t threshold; /* offset in struct side_options */
};

/* In order: a high line on one side hides a low line on the other. */
static const struct alarm_row alarm_rows[] = {
	{ MESSAGE_HIGH, "High", "greater than or equal to the upper", offsetof(struct policy_decision, high),
	  offsetof(struct side_options, upper_alarm) },
	{ MESSAGE_LOW, "Low", "below the lower", offsetof(struct policy_decision, low),
	  offsetof(struct side_options, lower_alarm) },
};

static void begin(struct announcement *out, struct buf *title, const struct target *target)
{
	buf_reset(&out->body);
	out->types = 0;
	*out->subject = '\0';
	target_title(target, title);
}

static void alarm_lines(const struct alarm_row *row, const char *title, const struct section_options *options,
			const struct policy_decision *decision, struct announcement *out)
{
	const bool *reached = (const void *)((const char *)decision + row->reached);

	for (int d = 0; d < DIMENSIONS; d++) {
		const int64_t *threshold = (const void *)((const char *)&options->sides[d] + row->threshold);
		if (!reached[d])
			continue;
		out->types = 1U << row->type;
		buf_printf(&out->body, "%s - Consumed %s Capacity %f%% was %s alarm threshold %f%%\n", title,
			   dimension_rows[d].singular_title, decision->sides[d].used, row->text, (double)*threshold);
	}
	if (out->types)
		snprintf(out->subject, sizeof(out->subject), "ALARM: %s Throughput for Table %s", row->subject, title);
}

void announce_alarm(const struct target *target, const struct section_options *options,
		    const struct policy_decision *decision, struct announcement *out)
{
	_buf_cleanup_ struct buf title = BUF_INIT(1024);

	begin(out, &title, target);
	for (size_t i = 0; !out->types && i < sizeof(alarm_rows) / sizeof(alarm_rows[0]); i++)
		alarm_lines(&alarm_rows[i], buf_text(&title), options, decision, out);
}

void announce_change(const struct target *target, struct units before, struct units after, struct announcement *out)
{
	_buf_cleanup_ struct buf title = BUF_INIT(1024);

	begin(out, &title, target);
	for (int d = 0; d < DIMENSIONS; d++) {
		long long from = before.of[d], to = after.of[d];
		if (from == to)
			continue;
		out->types |= 1U << (to > from ? MESSAGE_SCALE_UP : MESSAGE_SCALE_DOWN);
		buf_printf(&out->body, "%s - %s: %s from %lld to %lld\n", buf_text(&title),
			   dimension_rows[d].plural_title, to > from ? "UP" : "DOWN", from, to);
	}
	snprintf(out->subject, sizeof(out->subject), "Updated provisioning for %s %s",
		 target_rows[target_kind(target)].noun, target_name(target));
}

bool announce_wanted(const struct announcement *announcement, const struct section_options *options)
{
	return options->topic && *options->topic && (announcement->types & options->message_types.bits);
}

void announcement_deinit(struct announcement *announcement)
{
	buf_deinit(&announcement->body);
}
