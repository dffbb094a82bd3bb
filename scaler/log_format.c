/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/log_format.h"

#include "aws/core/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { FIELD_MAX = 4096, WIDTH_MAX = 256 };

enum value { TEXT, ASCTIME, LEVEL_NAME, LEVEL_NUMBER, MESSAGE, CREATED, MSECS, RELATIVE, PROCESS, THREAD };

/* What has no meaning outside Python has a fixed text. */
static const struct field {
	const char *name;
	enum value value;
	const char *text;
} fields[] = {
	{ "asctime", ASCTIME, NULL },   { "created", CREATED, NULL },           { "filename", TEXT, "dynconf-scaler" },
	{ "funcName", TEXT, "scaler" }, { "levelname", LEVEL_NAME, NULL },      { "levelno", LEVEL_NUMBER, NULL },
	{ "lineno", TEXT, "0" },        { "message", MESSAGE, NULL },           { "module", TEXT, "scaler" },
	{ "msecs", MSECS, NULL },       { "name", TEXT, "dynamic-dynamodb" },   { "pathname", TEXT, "dynconf-scaler" },
	{ "process", PROCESS, NULL },   { "processName", TEXT, "MainProcess" }, { "relativeCreated", RELATIVE, NULL },
	{ "thread", THREAD, NULL },     { "threadName", TEXT, "MainThread" },
};

/* One "%(name)-8s". */
struct piece {
	const struct field *field;
	bool left, zeros;
	int width, precision; /* precision -1: none */
	char conversion;
};

static const struct field *find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (strlen(fields[i].name) == len && strncmp(fields[i].name, name, len) == 0)
			return &fields[i];
	}
	return NULL;
}

/* Reads the piece at `at`, which is a '%'; returns what follows, NULL where it is none. */
static const char *read_piece(const char *at, struct piece *p)
{
	const char *end = at[1] == '(' ? strchr(at, ')') : NULL;

	if (!end)
		return NULL;
	*p = (struct piece){ .field = find(at + 2, (size_t)(end - at - 2)), .precision = -1 };
	for (end++; *end && strchr("-0+# ", *end); end++) {
		p->left |= *end == '-';
		p->zeros |= *end == '0';
	}
	for (; isdigit((unsigned char)*end) && p->width < WIDTH_MAX; end++)
		p->width = p->width * 10 + *end - '0';
	if (*end == '.') {
		p->precision = 0;
		for (end++; isdigit((unsigned char)*end) && p->precision < WIDTH_MAX; end++)
			p->precision = p->precision * 10 + *end - '0';
	}
	p->conversion = *end;
	return p->field && *end && strchr("sdif", *end) ? end + 1 : NULL;
}

int log_format_check(const char *format, struct error *e)
{
	struct piece p;

	for (const char *at = format; (at = strchr(at, '%'));) {
		if (at[1] == '%') {
			at += 2;
			continue;
		}
		const char *next = read_piece(at, &p);
		if (!next)
			return error_set(e, EINVAL, "\"%.40s\" is not a field like %%(message)s or %%(asctime)s", at);
		at = next;
	}
	return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void log_format_date(char *to, size_t size, const char *format, int64_t seconds, bool utc)
{
	time_t when = (time_t)seconds;
	struct tm tm = { 0 };

	if (utc)
		gmtime_r(&when, &tm);
	else
		localtime_r(&when, &tm);
	/* The user's own format; strftime cannot be led astray by it. */
	if (strftime(to, size, format, &tm) == 0)
		to[0] = '\0';
}
#pragma GCC diagnostic pop

static void asctime_text(struct buf *out, const char *dates, int64_t wall)
{
	char date[256];

	log_format_date(date, sizeof(date), dates ? dates : "%Y-%m-%d %H:%M:%S", wall / CLOCK_SECOND, false);
	buf_str(out, date);
	if (!dates)
		buf_printf(out, ",%03d", (int)(wall % CLOCK_SECOND / CLOCK_MS));
}

static void number_text(struct buf *out, const struct piece *p, double value)
{
	int decimals = p->conversion == 'f' ? (p->precision >= 0 ? p->precision : 6) : 0;

	buf_printf(out, "%.*f", decimals, decimals ? value : (double)(int64_t)value);
}

static void value_text(struct buf *out, const struct piece *p, const char *dates, const struct log_record *r)
{
	size_t start = out->len;

	switch (p->field->value) {
	case TEXT:
		buf_str(out, p->field->text);
		break;
	case ASCTIME:
		asctime_text(out, dates, r->wall);
		break;
	case LEVEL_NAME:
		buf_str(out, log_level_name(r->level));
		for (size_t i = start; i < out->len; i++)
			out->data[i] = (char)toupper((unsigned char)out->data[i]);
		break;
	case LEVEL_NUMBER:
		number_text(out, p, log_format_number(r->level));
		break;
	case MESSAGE:
		buf_str(out, r->text);
		break;
	case CREATED:
		number_text(out, p, (double)r->wall / CLOCK_SECOND);
		break;
	case MSECS:
		number_text(out, p, (double)(r->wall % CLOCK_SECOND) / CLOCK_MS);
		break;
	case RELATIVE:
		number_text(out, p, (double)(r->wall - r->started) / CLOCK_MS);
		break;
	case PROCESS:
		number_text(out, p, getpid());
		break;
	case THREAD:
		number_text(out, p, gettid());
		break;
	}
}

static void write_piece(struct buf *line, const struct piece *p, const char *dates, const struct log_record *r)
{
	_buf_cleanup_ struct buf value = BUF_INIT(FIELD_MAX);

	value_text(&value, p, dates, r);
	size_t len = value.len;
	if (p->conversion == 's' && p->precision >= 0 && (size_t)p->precision < len)
		len = (size_t)p->precision;
	int pad = p->width > (int)len ? p->width - (int)len : 0;
	for (int i = 0; !p->left && i < pad; i++)
		buf_char(line, p->zeros && p->conversion != 's' ? '0' : ' ');
	buf_append(line, buf_text(&value), len);
	for (int i = 0; p->left && i < pad; i++)
		buf_char(line, ' ');
}

void log_format_write(struct buf *line, const char *format, const char *dates, const struct log_record *record)
{
	struct piece p;

	for (const char *at = format; *at;) {
		const char *next = *at == '%' ? read_piece(at, &p) : NULL;
		if (next) {
			write_piece(line, &p, dates, record);
			at = next;
			continue;
		}
		at += *at == '%';
		buf_char(line, *at ? *at : '%');
		at += *at != '\0';
	}
}
