/* SPDX-License-Identifier: Apache-2.0 */
/* What the types of options can do: be read, shown, copied and freed. */
#include "scaler/options.h"

#include "scaler/json.h"
#include "scaler/list.h"
#include "scaler/window.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Doubles hold every whole number up to here, and no product of minutes overflows. */
#define WHOLE_MAX (INT64_C(1) << 53)

/* What one type does with the field of a row. A NULL function: there is nothing to do, or to own. */
struct type_row {
	size_t size;
	int (*parse)(const struct scaler_option *row, void *field, const char *value, struct error *e);
	void (*format)(const struct scaler_option *row, const void *field, struct buf *out);
	int (*copy)(const void *from, void *to, struct error *e);
	void (*free)(void *field);
	bool quoted; /* a JSON string */
};

static int takes(const struct scaler_option *row, struct error *e, const char *what)
{
	return error_set(e, EINVAL, "%s takes %s", row->name, what);
}

/* A number between blanks, for strtoll and strtod, which would also read what Python does not. */
static bool only(const char *value, const char *letters)
{
	value += strspn(value, LIST_BLANKS);
	value += strspn(value, letters);
	return !value[strspn(value, LIST_BLANKS)];
}

static int parse_int(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	char *end;

	long long number = strtoll(value, &end, 10);
	if (end == value || number > WHOLE_MAX || number < -WHOLE_MAX || !only(value, "+-0123456789") ||
	    end[strspn(end, LIST_BLANKS)])
		return takes(row, e, "a whole number");
	*(int64_t *)field = number;
	return 0;
}

static void format_int(const struct scaler_option *row, const void *field, struct buf *out)
{
	(void)row;
	if (*(const int64_t *)field != SCALER_UNSET)
		buf_printf(out, "%lld", (long long)*(const int64_t *)field);
}

static int parse_float(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	char *end;

	double number = strtod(value, &end);
	if (end == value || !only(value, "+-.0123456789eEinftyaINFTYA") || end[strspn(end, LIST_BLANKS)])
		return takes(row, e, "a number");
	*(double *)field = number;
	return 0;
}

static void format_float(const struct scaler_option *row, const void *field, struct buf *out)
{
	(void)row;
	number_format(*(const double *)field, true, out);
}

/* The position of `word` in "a|b|c"; -1 when it is none of them. */
static int word_position(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");
		if (n == len && strncasecmp(words, word, n) == 0)
			return i;
		if (!words[n])
			return -1;
		words += n + 1;
	}
}

static int parse_bool(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	int truth = word_position("no|yes|false|true|off|on|0|1", value);

	if (truth < 0)
		return takes(row, e, "true or false");
	*(bool *)field = truth % 2;
	return 0;
}

static void format_bool(const struct scaler_option *row, const void *field, struct buf *out)
{
	(void)row;
	buf_str(out, *(const bool *)field ? "true" : "false");
}

/* The case of words matters, but for levels of the log. */
static int parse_word(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	int position = word_position(row->values, value);
	bool exact = row->scope == SCALER_LOGGING || strpbrk(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL;

	_Static_assert(sizeof(enum unit) == sizeof(int), "enums are as large as an int");
	if (!*value && !row->fallback)
		position = -(int)row->least;
	else if (position < 0 || !exact)
		return error_set(e, EINVAL, "%s takes one of: %s", row->name, row->values);
	*(int *)field = position + (int)row->least;
	return 0;
}

static void format_word(const struct scaler_option *row, const void *field, struct buf *out)
{
	int position = *(const int *)field - (int)row->least;
	const char *word = row->values;

	if (position < 0)
		return;
	for (; position; position--)
		word += strcspn(word, "|") + 1;
	buf_append(out, word, strcspn(word, "|"));
}

static int parse_text(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	char *copy = strdup(value);

	(void)row;
	if (!copy)
		return error_no_memory(e);
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static void format_text(const struct scaler_option *row, const void *field, struct buf *out)
{
	const char *text = *(char *const *)field;

	(void)row;
	if (text)
		buf_str(out, text);
}

static void format_secret(const struct scaler_option *row, const void *field, struct buf *out)
{
	(void)row;
	if (*(char *const *)field)
		buf_str(out, "***");
}

/* user:password@ is found as breaker_request() finds it. */
static void format_url(const struct scaler_option *row, const void *field, struct buf *out)
{
	const char *text = *(char *const *)field;
	const char *scheme = text ? strstr(text, "://") : NULL, *at = text ? strrchr(text, '@') : NULL;
	const char *colon =
		scheme && at ? memchr(scheme + 3, ':', (size_t)(at > scheme + 3 ? at - scheme - 3 : 0)) : NULL;

	if (!colon) {
		format_text(row, field, out);
		return;
	}
	buf_append(out, text, (size_t)(colon + 1 - text));
	buf_printf(out, "***%s", at);
}

static int copy_text(const void *from, void *to, struct error *e)
{
	const char *text = *(char *const *)from;

	if (!text)
		return 0;
	*(char **)to = strdup(text);
	return *(char **)to ? 0 : error_no_memory(e);
}

static void free_text(void *field)
{
	char **text = field;

	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static int parse_week(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	return week_check(value, e) < 0 ? error_context(e, "%s", row->name) : parse_text(row, field, value, e);
}

static int parse_scale(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	struct scale scale = SCALE_NULL;

	if (scale_parse(value, &scale, e) < 0)
		return error_context(e, "%s", row->name);
	scale_deinit(field);
	*(struct scale *)field = scale;
	return 0;
}

static void format_scale(const struct scaler_option *row, const void *field, struct buf *out)
{
	(void)row;
	scale_format(field, false, out);
}

static int copy_scale(const void *from, void *to, struct error *e)
{
	return scale_copy(from, to, e);
}

static void free_scale(void *field)
{
	scale_deinit(field);
}

static unsigned message_bit(const char *name, size_t len)
{
	for (unsigned i = 0; i < MESSAGE_TYPES; i++) {
		if (strlen(message_type_names[i]) == len && memcmp(message_type_names[i], name, len) == 0)
			return 1U << i;
	}
	return 0;
}

static int parse_messages(const struct scaler_option *row, void *field, const char *value, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_INIT(strlen(value) * 2 + 1);
	struct message_types *types = field;
	unsigned bits = 0;
	const char *name;

	(void)row;
	while (value) {
		size_t len = list_next_trimmed(&value, &name);
		unsigned bit = message_bit(name, len);
		bits |= bit;
		if (bit)
			buf_printf(&text, "%s%.*s", text.len ? ", " : "", (int)len, name);
	}
	char *made = buf_take(&text, NULL);
	if (!made)
		return error_no_memory(e);
	free(types->text);
	*types = (struct message_types){ .bits = bits, .text = made };
	return 0;
}

int scaler_messages_check(const char *value, struct error *e)
{
	const char *name;

	while (value) {
		size_t len = list_next_trimmed(&value, &name);
		if (len && !message_bit(name, len))
			return error_set(e, EINVAL, "sns-message-types: there is no type %.*s",
					 (int)(len > 64 ? 64 : len), name);
	}
	return 0;
}

static void format_messages(const struct scaler_option *row, const void *field, struct buf *out)
{
	const struct message_types *types = field;

	format_text(row, &types->text, out);
}

static int copy_messages(const void *from, void *to, struct error *e)
{
	const struct message_types *types = from;
	struct message_types *made = to;

	made->bits = types->bits;
	return copy_text(&types->text, &made->text, e);
}

static void free_messages(void *field)
{
	struct message_types *types = field;

	free_text(&types->text);
	types->bits = 0;
}

static const struct type_row types[SCALER_TYPES] = {
	[SCALER_TEXT] = { sizeof(char *), parse_text, format_text, copy_text, free_text, true },
	[SCALER_SECRET] = { sizeof(char *), parse_text, format_secret, copy_text, free_text, true },
	[SCALER_URL] = { sizeof(char *), parse_text, format_url, copy_text, free_text, true },
	[SCALER_WEEK] = { sizeof(char *), parse_week, format_text, copy_text, free_text, true },
	[SCALER_BOOL] = { sizeof(bool), parse_bool, format_bool },
	[SCALER_WORD] = { sizeof(int), parse_word, format_word, .quoted = true },
	[SCALER_INT] = { sizeof(int64_t), parse_int, format_int },
	[SCALER_FLOAT] = { sizeof(double), parse_float, format_float },
	[SCALER_SCALE] = { sizeof(struct scale), parse_scale, format_scale, copy_scale, free_scale },
	[SCALER_MESSAGES] = { sizeof(struct message_types), parse_messages, format_messages, copy_messages,
			      free_messages },
};

static void *field_of(const struct scaler_option *row, void *base)
{
	return (char *)base + row->offset;
}

static const void *const_field_of(const struct scaler_option *row, const void *base)
{
	return (const char *)base + row->offset;
}

int scaler_option_set(const struct scaler_option *row, void *base, const char *value, struct error *e)
{
	return types[row->type].parse(row, field_of(row, base), value, e);
}

void scaler_option_unset(const struct scaler_option *row, void *base)
{
	const struct type_row *type = &types[row->type];

	if (type->free)
		type->free(field_of(row, base));
	memset(field_of(row, base), 0, type->size);
	if (row->type == SCALER_INT)
		*(int64_t *)field_of(row, base) = SCALER_UNSET;
}

void scaler_option_get(const struct scaler_option *row, const void *base, struct buf *out)
{
	types[row->type].format(row, const_field_of(row, base), out);
}

int scaler_option_check(const struct scaler_option *row, const void *base, enum target_kind kind, struct error *e)
{
	const unsigned others = kind == TARGET_TABLE ? SCALER_INDEX_RANGE : SCALER_TABLE_RANGE;
	const void *field = const_field_of(row, base);
	double value;

	if (row->type == SCALER_INT && *(const int64_t *)field != SCALER_UNSET)
		value = (double)*(const int64_t *)field;
	else if (row->type == SCALER_FLOAT)
		value = *(const double *)field;
	else
		return 0;
	if (!(value < row->least) || (row->flags & others) || (row->off && value == 0))
		return 0;
	return error_set(e, EINVAL, "%s may not be lower than %g%s", row->name, row->least,
			 row->off ? "; 0 switches it off" : "");
}

/* Types whose JSON is not what the file says. */
static bool special_json(const struct scaler_option *row, const void *base, struct buf *out)
{
	const void *field = const_field_of(row, base);
	const char *names, *name, *before = "[";

	if (row->type == SCALER_SCALE) {
		scale_format(field, true, out);
		return true;
	}
	if (row->type != SCALER_MESSAGES)
		return false;
	names = ((const struct message_types *)field)->text;
	while (names && *names) {
		size_t len = list_next_trimmed(&names, &name);
		buf_printf(out, "%s\"%.*s\"", before, (int)len, name);
		before = ", ";
	}
	buf_str(out, *before == '[' ? "[]" : "]");
	return true;
}

static bool is_unset(const struct scaler_option *row, const void *base)
{
	const void *field = const_field_of(row, base);

	switch (row->type) {
	case SCALER_INT:
		return *(const int64_t *)field == SCALER_UNSET;
	case SCALER_WORD:
		return *(const int *)field < (int)row->least;
	case SCALER_SCALE:
		return !((const struct scale *)field)->steps;
	case SCALER_TEXT:
	case SCALER_SECRET:
	case SCALER_URL:
	case SCALER_WEEK:
		return !*(char *const *)field;
	default:
		return false;
	}
}

void scaler_option_json(const struct scaler_option *row, const void *base, struct buf *out)
{
	_buf_wipe_ struct buf text = BUF_INIT(out->max);

	if (is_unset(row, base)) {
		buf_str(out, row->flags & SCALER_FALSE ? "false" : "null");
		return;
	}
	if (special_json(row, base, out))
		return;
	scaler_option_get(row, base, &text);
	if (types[row->type].quoted)
		json_text(buf_text(&text), out);
	else if (row->type == SCALER_FLOAT && !isfinite(*(const double *)const_field_of(row, base)))
		buf_str(out, strstr(buf_text(&text), "nan") ? "NaN"
			     : *buf_text(&text) == '-'      ? "-Infinity"
							    : "Infinity");
	else
		buf_str(out, buf_text(&text));
}

bool scaler_option_is_default(const struct scaler_option *row, const void *base)
{
	_buf_wipe_ struct buf text = BUF_INIT(1 << 16);

	scaler_option_get(row, base, &text);
	return row->fallback ? strcmp(buf_text(&text), row->fallback) == 0 : is_unset(row, base);
}

int scaler_options_default(enum scaler_scope scope, void *base, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < scaler_option_count; i++) {
		const struct scaler_option *row = &scaler_options[i];
		if (row->scope != scope)
			continue;
		if (row->fallback)
			r = scaler_option_set(row, base, row->fallback, e);
		else
			scaler_option_unset(row, base);
	}
	return r;
}

int scaler_options_copy(enum scaler_scope scope, const void *from, void *to, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < scaler_option_count; i++) {
		const struct scaler_option *row = &scaler_options[i];
		const struct type_row *type = &types[row->type];
		if (row->scope != scope)
			continue;
		if (type->copy)
			r = type->copy(const_field_of(row, from), field_of(row, to), e);
		else
			memcpy(field_of(row, to), const_field_of(row, from), type->size);
	}
	return r;
}

void scaler_options_deinit(enum scaler_scope scope, void *base)
{
	for (size_t i = 0; i < scaler_option_count; i++) {
		const struct scaler_option *row = &scaler_options[i];
		if (row->scope == scope && types[row->type].free)
			types[row->type].free(field_of(row, base));
	}
}
