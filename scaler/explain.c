/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions as sentences for people. */
#include "scaler/policy.h"

#include <string.h>

/* What stands in braces is replaced, see put_word(). */
static const char *const reasons[POLICY_REASONS] = {
	[POLICY_STEADY] = "consumption is {used} of provisioned, and no threshold asks for a change",
	[POLICY_BREAKER] = "the circuit breaker is open",
	[POLICY_OFF] = "enable-{X}-autoscaling is false",
	[POLICY_UNPROVISIONED] = "no units are provisioned",
	[POLICY_GROW_PROVISIONED] = "throttled {X} are {of-provisioned} of provisioned, which "
				    "increase-throttled-by-provisioned-{X}-scale answers",
	[POLICY_GROW_CONSUMED] = "throttled {X} are {of-consumed} of consumed, which "
				 "increase-throttled-by-consumed-{X}-scale answers",
	[POLICY_GROW_SCALE] = "consumption is {used} of provisioned, which increase-consumed-{X}-scale answers",
	[POLICY_GROW_THRESHOLD] = "consumption is {used} of provisioned, above {X}-upper-threshold ({upper})",
	[POLICY_GROW_EVENTS] =
		"{events} requests were throttled, more than throttled-{X}-upper-threshold ({throttled})",
	[POLICY_SHRINK_SCALE] = "consumption is {used} of provisioned, which decrease-consumed-{X}-scale answers",
	[POLICY_SHRINK_THRESHOLD] = "consumption is {used} of provisioned, below {X}-lower-threshold ({lower})",
	[POLICY_WAIT] = "consumption is {used} of provisioned and asks for a decrease, in check {n} of "
			"num-{R}-checks-before-scale-down ({checks})",
	[POLICY_IDLE] = "nothing was consumed, and allow-scaling-down-{X}-on-0-percent is false",
	[POLICY_THROTTLED] = "consumption asks for a decrease, but {events} requests were throttled",
	[POLICY_MOST] = "max-provisioned-{X} is {max}",
	[POLICY_LEAST] = "the least is {min}",
	[POLICY_GUARD] = "consumption is {used} of provisioned and needs more than what was decided",
};

static const char *const holds[POLICY_HOLDS] = {
	[POLICY_NOT_ACTIVE] = "not changed while it is not ACTIVE",
	[POLICY_TOGETHER] = "always-decrease-rw-together keeps one from falling without the other",
	[POLICY_DOWN_OFF] = "down-scaling is disabled",
	[POLICY_LIMIT] = "DynamoDB's limit of decreases is reached, so nothing is lowered",
	[POLICY_OUTSIDE] = "nothing is lowered outside of the maintenance windows",
	[POLICY_BUDGET] = "nothing is lowered: decreases-per-day is used up",
	[POLICY_COOL_DOWN] = "not changed during the cool-down after the last change",
};

/* What a sentence may be about. */
struct subject {
	const struct policy_input *input;
	const struct policy_decision *decision;
	const struct side_options *options;
	const struct policy_side *side;
	const struct dimension_row *row;
	enum dimension d;
};

static double least(const struct subject *s)
{
	int64_t own = s->options->least, scheduled = s->input->scheduled.of[s->d];

	return (double)(own > scheduled ? own : scheduled);
}

/* What the word in braces stands for: a name, a number, or a percentage. */
static void put_word(const char *word, size_t len, const struct subject *s, struct buf *out)
{
	const struct {
		const char *word, *name;
		double number;
		bool percent;
	} words[] = {
		{ "X", s->row->plural },
		{ "R", s->row->singular },
		{ "used", NULL, s->side->used, true },
		{ "of-provisioned", NULL, s->side->throttled_provisioned, true },
		{ "of-consumed", NULL, s->side->throttled_consumed, true },
		{ "events", NULL, s->side->events },
		{ "upper", NULL, s->options->upper_threshold },
		{ "lower", NULL, (double)s->options->lower_threshold },
		{ "throttled", NULL, (double)s->options->throttled_threshold },
		{ "checks", NULL, (double)s->options->checks },
		{ "n", NULL, (double)s->decision->checks.of[s->d] },
		{ "max", NULL, (double)s->options->most },
		{ "min", NULL, least(s) },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) != len || memcmp(words[i].word, word, len) != 0)
			continue;
		if (words[i].name)
			buf_str(out, words[i].name);
		else if (words[i].percent)
			buf_printf(out, "%.1f%%", words[i].number);
		else
			number_format(words[i].number, true, out);
	}
}

static void put_sentence(const char *text, const struct subject *subject, struct buf *out)
{
	while (*text) {
		size_t plain = strcspn(text, "{");
		buf_append(out, text, plain);
		text += plain;
		if (!*text)
			break;
		size_t len = strcspn(text + 1, "}");
		put_word(text + 1, len, subject, out);
		text += len + 2;
	}
}

void policy_explain(const struct policy_input *input, const struct policy_decision *decision,
		    const struct policy_plan *plan, struct buf *out)
{
	for (int d = 0; d < DIMENSIONS; d++) {
		const struct subject subject = {
			input, decision, &input->options->sides[d], &decision->sides[d], &dimension_rows[d], d
		};
		long long from = input->provisioned.of[d], to = decision->sides[d].wanted;
		buf_printf(out, "%s%s ", d ? "; " : "", dimension_rows[d].plural);
		if (from == to)
			buf_printf(out, "stay at %lld: ", from);
		else
			buf_printf(out, "%lld -> %lld: ", from, to);
		put_sentence(reasons[subject.side->reason], &subject, out);
	}
	if (plan && holds[plan->held])
		buf_printf(out, "; %s", holds[plan->held]);
}
