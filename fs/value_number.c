/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal numbers as text. DynamoDB keeps 38 significant digits and magnitudes from 1E-130 to 9.99…E+125, and returns
 * plain digits whatever notation it was given:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
 */
#include "fs/value_codec.h"

#include <errno.h>
#include <stdint.h>

enum {
	DIGITS_MAX = 38,
	POINT_MIN = -129, /* 1E-130 is 0.1 × 10^-129 */
	POINT_MAX = 126,
	EXPONENT_FULL = 1000000000, /* beyond any count of digits: more makes no difference */
};

/* 0.DIGITS × 10^point */
struct number {
	char digits[DIGITS_MAX];
	size_t n_digits;      /* from the first that is not 0 */
	size_t n_significant; /* to the last that is not 0 */
	int64_t point;
	int exponent_sign; /* 0: no exponent digits yet */
	bool negative;
	bool complete;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void add_digit(struct number *n, char digit, bool fraction)
{
	if (n->n_digits == 0 && digit == '0') {
		n->point -= fraction;
		return;
	}
	if (n->n_digits < DIGITS_MAX)
		n->digits[n->n_digits] = digit;
	n->n_digits++;
	n->point += !fraction;
	if (digit != '0')
		n->n_significant = n->n_digits;
}

static const char *scan_digits(const char *at, const char *end, struct number *n)
{
	bool fraction = false;

	for (; at < end; at++) {
		if (*at == '.' && !fraction) {
			fraction = true;
		} else if (is_digit(*at)) {
			add_digit(n, *at, fraction);
			n->complete = true;
		} else {
			break;
		}
	}
	return at;
}

static const char *scan_exponent(const char *at, const char *end, struct number *n)
{
	int sign = at < end && *at == '-' ? -1 : 1;
	int64_t exponent = 0;

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	n->complete = false;
	for (; at < end && is_digit(*at); at++) {
		exponent = exponent * 10 + (*at - '0');
		if (exponent > EXPONENT_FULL)
			exponent = EXPONENT_FULL;
		n->exponent_sign = sign;
		n->complete = true;
	}
	n->point += sign * exponent;
	return at;
}

/* Whether the text is a number or, with `complete` false, the beginning of one. */
static bool scan(struct text text, struct number *n)
{
	const char *at = text.at, *end = at + text.len;

	*n = (struct number){ 0 };
	if (at < end && (*at == '-' || *at == '+'))
		n->negative = *at++ == '-';
	at = scan_digits(at, end, n);
	if (n->complete && at < end && (*at == 'e' || *at == 'E'))
		at = scan_exponent(at + 1, end, n);
	return at == end;
}

/* -1: too small to be kept, 1: too large. */
static int compare_with_range(const struct number *n)
{
	if (n->n_digits == 0)
		return 0;
	return n->point < POINT_MIN ? -1 : n->point > POINT_MAX;
}

static bool is_number(struct text text)
{
	struct number n;

	return scan(text, &n) && n.complete;
}

static void append_zeros(struct buf *out, int64_t count)
{
	for (; count > 0; count--)
		buf_char(out, '0');
}

static void append_plain(struct buf *out, const struct number *n)
{
	size_t whole = n->point <= 0 ? 0 : (size_t)n->point;

	if (whole > n->n_significant)
		whole = n->n_significant;
	if (n->negative && n->n_digits)
		buf_char(out, '-');
	buf_append(out, n->digits, whole);
	append_zeros(out, whole ? n->point - (int64_t)whole : 1);
	if (whole == n->n_significant)
		return;
	buf_char(out, '.');
	append_zeros(out, -n->point);
	buf_append(out, n->digits + whole, n->n_significant - whole);
}

int number_normalize(struct text text, struct buf *out)
{
	struct number n;

	if (!scan(text, &n) || !n.complete || n.n_significant > DIGITS_MAX || compare_with_range(&n) != 0)
		return -EINVAL;
	append_plain(out, &n);
	return buf_error(out);
}

/* More digits can move the magnitude only the way that the exponent's sign points; before it, anywhere. */
int number_prefix(struct text text)
{
	struct text rest = text_trim_start(text), body = text_trim(text);
	struct number n;

	if (!scan(body, &n) || n.n_significant > DIGITS_MAX)
		return -EINVAL;
	int range = compare_with_range(&n);
	if (body.len && body.len < rest.len)
		return n.complete && range == 0 ? 0 : -EINVAL;
	return range * n.exponent_sign > 0 ? -EINVAL : 0;
}

int number_clean(const json_t *inner, struct cleaning how, json_t **out)
{
	struct text text = { json_string_value(inner), json_string_length(inner) };
	_buf_cleanup_ struct buf plain = BUF_INIT(2 + POINT_MAX - POINT_MIN + DIGITS_MAX);

	if (!text.at || !is_number(text))
		return -EINVAL;
	if (!how.strict)
		return json_result(json_stringn(text.at, text.len), out);
	int r = number_normalize(text, &plain);
	return r < 0 ? r : json_result(json_stringn(buf_text(&plain), plain.len), out);
}
