/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/scale.h"

#include "scaler/json.h"
#include "scaler/list.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int malformed(struct error *e)
{
	return error_set(e, EINVAL, "expected a scale such as {0: 0, 0.25: 5, 50: 10}: percentages and numbers");
}

static const char *skip(const char *text)
{
	return text + strspn(text, LIST_BLANKS);
}

/* A Python number: strtod alone would also take hexadecimal, "inf" and "nan". NULL when it is none. */
static const char *read_number(const char *text, double *number, bool *whole)
{
	char *end;
	const char *digits = text + (*text == '+' || *text == '-');
	size_t len = strspn(digits, "0123456789.eE+-");

	if (!strchr("0123456789.", *digits) || !len)
		return NULL;
	*number = strtod(text, &end);
	*whole = !memchr(text, '.', (size_t)(end - text)) && !memchr(text, 'e', (size_t)(end - text));
	return end == text || end > digits + len || !isfinite(*number) ? NULL : end;
}

/* 'text' or "text", without backslashes. */
static const char *read_quoted(const char *text, char **quoted)
{
	const char *end = *text == '\'' || *text == '"' ? strchr(text + 1, *text) : NULL;

	if (!end || memchr(text, '\\', (size_t)(end - text)) || memchr(text, '\n', (size_t)(end - text)))
		return NULL;
	*quoted = strndup(text + 1, (size_t)(end - text - 1));
	return *quoted ? end + 1 : NULL;
}

static int order(const struct scale_step *a, const struct scale_step *b)
{
	if (a->quoted && b->quoted)
		return strcmp(a->quoted, b->quoted);
	return (a->key > b->key) - (a->key < b->key);
}

/* Puts a step in its place; of equal keys the later one stays. Takes what the step owns. */
static int add_step(struct scale *scale, struct scale_step step, struct error *e)
{
	size_t at = scale->n;

	while (at > 0 && order(&scale->steps[at - 1], &step) > 0)
		at--;
	if (at > 0 && order(&scale->steps[at - 1], &step) == 0) {
		scale->steps[at - 1].value = step.value;
		free(step.quoted);
		return 0;
	}
	struct scale_step *grown = NULL;
	if (scale->n < SCALE_STEPS_MAX)
		grown = reallocarray(scale->steps, scale->n + 1, sizeof(*grown));
	if (!grown) {
		free(step.quoted);
		return scale->n < SCALE_STEPS_MAX ? error_no_memory(e) : malformed(e);
	}
	memmove(grown + at + 1, grown + at, (scale->n - at) * sizeof(*grown));
	grown[at] = step;
	scale->steps = grown;
	scale->n++;
	return 0;
}

/* `KEY: VALUE` and the comma after it; `*text` is moved behind them. */
static int read_step(const char **text, struct scale *scale, struct error *e)
{
	struct scale_step step = { .key = INFINITY };
	const char *at = read_number(*text, &step.key, &step.whole);

	if (!at)
		at = read_quoted(*text, &step.quoted);
	at = at ? skip(at) : NULL;
	at = at && *at == ':' ? read_number(skip(at + 1), &step.value, &step.whole_value) : NULL;
	at = at ? skip(at) : NULL;
	if (!at || (*at != ',' && *at != '}')) {
		free(step.quoted);
		return malformed(e);
	}
	*text = *at == ',' ? skip(at + 1) : at;
	return add_step(scale, step, e);
}

static int read_steps(const char *at, struct scale *scale, struct error *e)
{
	if (*at != '{')
		return malformed(e);
	at = skip(at + 1);
	while (*at != '}') {
		int r = read_step(&at, scale, e);
		if (r < 0)
			return r;
	}
	return *skip(at + 1) ? malformed(e) : 0;
}

int scale_parse(const char *text, struct scale *out, struct error *e)
{
	/* Steps that are there say that the scale was given, also where it is `{}`. */
	struct scale scale = { .steps = malloc(sizeof(*scale.steps)) };

	int r = scale.steps ? read_steps(skip(text), &scale, e) : error_no_memory(e);
	if (r < 0)
		scale_deinit(&scale);
	else
		*out = scale;
	return r;
}

int scale_copy(const struct scale *from, struct scale *to, struct error *e)
{
	struct scale scale = SCALE_NULL;
	int r = 0;

	if (!from->steps)
		return 0;
	scale.steps = malloc(sizeof(*scale.steps));
	if (!scale.steps)
		return error_no_memory(e);
	for (size_t i = 0; r == 0 && i < from->n; i++) {
		struct scale_step step = from->steps[i];
		step.quoted = step.quoted ? strdup(step.quoted) : NULL;
		r = from->steps[i].quoted && !step.quoted ? error_no_memory(e) : add_step(&scale, step, e);
	}
	if (r < 0)
		scale_deinit(&scale);
	else
		*to = scale;
	return r;
}

void scale_deinit(struct scale *scale)
{
	for (size_t i = 0; i < scale->n; i++)
		free(scale->steps[i].quoted);
	free(scale->steps);
	*scale = SCALE_NULL;
}

double scale_up(const struct scale *scale, double x)
{
	size_t at = scale->n;

	while (at > 0 && !(scale->steps[at - 1].key <= x))
		at--;
	return at ? scale->steps[at - 1].value : 0;
}

double scale_down(const struct scale *scale, double x)
{
	size_t at = 0;

	while (at < scale->n && !(scale->steps[at].key >= x))
		at++;
	return at < scale->n ? scale->steps[at].value : 0;
}

static void key_format(const struct scale_step *step, bool json, struct buf *out)
{
	_buf_cleanup_ struct buf text = BUF_INIT(out->max);
	const char *quote = !step->quoted ? "" : strchr(step->quoted, '\'') ? "\"" : "'";

	if (step->quoted)
		buf_str(&text, step->quoted);
	else
		number_format(step->key, step->whole, &text);
	if (json)
		json_text(buf_text(&text), out);
	else
		buf_printf(out, "%s%s%s", quote, buf_text(&text), quote);
}

void scale_format(const struct scale *scale, bool json, struct buf *out)
{
	if (!scale->steps)
		return;
	buf_char(out, '{');
	for (size_t i = 0; i < scale->n; i++) {
		const struct scale_step *step = &scale->steps[i];
		buf_str(out, i ? ", " : "");
		key_format(step, json, out);
		buf_str(out, ": ");
		number_format(step->value, step->whole_value, out);
	}
	buf_char(out, '}');
}

void number_format(double number, bool whole, struct buf *out)
{
	char text[40];
	int digits = 0, exponent;

	if (!isfinite(number)) {
		buf_str(out, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
		return;
	}
	do
		snprintf(text, sizeof(text), "%.*e", digits, number);
	while (strtod(text, NULL) != number && ++digits < 17);
	exponent = atoi(strchr(text, 'e') + 1);
	if (number != 0 && (exponent < -4 || exponent >= 16)) {
		buf_str(out, text);
		return;
	}
	int decimals = digits > exponent ? digits - exponent : 0;
	buf_printf(out, "%.*f%s", decimals, number, decimals || whole ? "" : ".0");
}
