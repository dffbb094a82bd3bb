/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/log_args.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum log_arg_kind kind;
	int64_t number;
} words[] = {
	{ "None", LOG_ARG_NONE, 0 },
	{ "True", LOG_ARG_NUMBER, 1 },
	{ "False", LOG_ARG_NUMBER, 0 },
};

static void skip(const char **at)
{
	while (isspace((unsigned char)**at))
		++*at;
}

static bool take(const char **at, char c)
{
	skip(at);
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* 'a' or "a"; a backslash keeps the quote or backslash that follows. */
static bool read_text(const char **at, struct log_arg *out)
{
	char quote = *(*at)++;
	size_t n = 0;

	while (**at && **at != quote && n + 1 < sizeof(out->text)) {
		if (**at == '\\' && ((*at)[1] == quote || (*at)[1] == '\\'))
			++*at;
		out->text[n++] = *(*at)++;
	}
	out->text[n] = '\0';
	out->kind = LOG_ARG_TEXT;
	if (**at != quote)
		return false;
	++*at;
	return true;
}

static bool read_number(const char **at, struct log_arg *out)
{
	char *end;

	errno = 0;
	out->number = strtoll(*at, &end, 10);
	out->kind = LOG_ARG_NUMBER;
	bool good = end > *at && errno == 0;
	*at = end;
	return good;
}

static bool read_name(const char **at, struct log_arg *out)
{
	size_t n = 0;

	while ((isalnum((unsigned char)**at) || **at == '_' || **at == '.') && n + 1 < sizeof(out->text))
		out->text[n++] = *(*at)++;
	out->text[n] = '\0';
	out->kind = LOG_ARG_NAME;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].name, out->text) == 0) {
			out->kind = words[i].kind;
			out->number = words[i].number;
		}
	}
	return n > 0;
}

/* handlers.SYSLOG_UDP_PORT is what Python's manual writes for the port. */
static bool read_port(const char **at, struct log_arg *out)
{
	struct log_arg port = { 0 };

	skip(at);
	if (isdigit((unsigned char)**at)) {
		if (!read_number(at, &port))
			return false;
	} else {
		if (!read_name(at, &port) || !strstr(port.text, "SYSLOG_UDP_PORT"))
			return false;
		port.number = 514;
	}
	out->number = port.number;
	return port.number > 0 && port.number < 65536;
}

static bool read_pair(const char **at, struct log_arg *out)
{
	++*at;
	skip(at);
	if ((**at != '\'' && **at != '"') || !read_text(at, out) || !take(at, ',') || !read_port(at, out))
		return false;
	take(at, ',');
	out->kind = LOG_ARG_PAIR;
	return take(at, ')');
}

static bool read_arg(const char **at, struct log_arg *out)
{
	skip(at);
	if (**at == '\'' || **at == '"')
		return read_text(at, out);
	if (**at == '(')
		return read_pair(at, out);
	if (isdigit((unsigned char)**at) || **at == '-' || **at == '+')
		return read_number(at, out);
	return read_name(at, out);
}

int log_args_parse(const char *text, struct log_args *out, struct error *e)
{
	struct log_args args = { 0 };
	const char *at = text;
	bool good = take(&at, '(');

	while (good && !take(&at, ')')) {
		good = args.n < LOG_ARGS_MAX && read_arg(&at, &args.args[args.n]);
		args.n++;
		/* A comma, or the end that the loop takes. */
		skip(&at);
		good = good && (*at == ')' || take(&at, ','));
	}
	skip(&at);
	if (!good || *at)
		return error_set(e, EINVAL,
				 "cannot be understood at \"%.40s\"; a list like ('/var/log/scaler.log', "
				 "'midnight', 1, 5) is expected",
				 at);
	*out = args;
	return 0;
}
