/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/log_config.h"

#include "aws/core/buf.h"
#include "aws/core/ini.h"
#include "scaler/log_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { NAME_MAX_BYTES = 256, NOTHING = 100 };

static const char our_logger[] = "dynamic-dynamodb";

struct reader {
	const struct ini *ini;
	const char *path;
	struct log_handlers *handlers;
};

static const struct {
	const char *name;
	int number;
} levels[] = {
	{ "NOTSET", 0 },   { "DEBUG", 10 }, { "INFO", 20 },     { "WARN", 30 },
	{ "WARNING", 30 }, { "ERROR", 40 }, { "CRITICAL", 50 }, { "FATAL", 50 },
};

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{ "kern", LOG_KERN },     { "user", LOG_USER },     { "mail", LOG_MAIL },     { "daemon", LOG_DAEMON },
	{ "auth", LOG_AUTH },     { "syslog", LOG_SYSLOG }, { "lpr", LOG_LPR },       { "news", LOG_NEWS },
	{ "uucp", LOG_UUCP },     { "cron", LOG_CRON },     { "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

/* What a handler's arguments mean, in the order of Python's constructors. */
enum parameter {
	P_END,
	P_STREAM,
	P_PATH,
	P_MODE,
	P_WHEN,
	P_INTERVAL,
	P_BYTES,
	P_KEEP,
	P_UTC,
	P_ADDRESS,
	P_FACILITY,
	P_ANY
};

struct settings {
	struct log_handler_spec spec;
	struct log_file_spec file;
	int fd;
	const char *address;
	int port, facility;
};

static int add_stream(struct log_handlers *handlers, const struct settings *s, struct error *e)
{
	return log_handlers_add_stream(handlers, &s->spec, s->fd, e);
}

static int add_file(struct log_handlers *handlers, const struct settings *s, struct error *e)
{
	if (!s->file.path)
		return error_set(e, EINVAL, "args must begin with the file's path");
	return log_handlers_add_file(handlers, &s->spec, &s->file, e);
}

static int add_syslog(struct log_handlers *handlers, const struct settings *s, struct error *e)
{
	return log_handlers_add_syslog(handlers, &s->spec, s->address, s->port, s->facility, e);
}

/* P_ANY takes encodings and the like, which change nothing here. */
static const struct class
{
	const char *name;
	int (*add)(struct log_handlers *handlers, const struct settings *s, struct error *e);
	enum parameter parameters[LOG_ARGS_MAX];
} classes[] = {
	{ "StreamHandler", add_stream, { P_STREAM } },
	{ "FileHandler", add_file, { P_PATH, P_MODE, P_ANY, P_ANY } },
	{ "RotatingFileHandler", add_file, { P_PATH, P_MODE, P_BYTES, P_KEEP, P_ANY, P_ANY } },
	{ "TimedRotatingFileHandler", add_file, { P_PATH, P_WHEN, P_INTERVAL, P_KEEP, P_ANY, P_ANY, P_UTC } },
	{ "SysLogHandler", add_syslog, { P_ADDRESS, P_FACILITY, P_ANY } },
};

/* "logging.handlers.X", "handlers.X", "logging.X" and "X" are one class. */
static const struct class *find_class(const char *name)
{
	static const char *const prefixes[] = { "logging.", "handlers." };

	for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			name += strlen(prefixes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		if (strcmp(classes[i].name, name) == 0)
			return &classes[i];
	}
	return NULL;
}

static int level_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	for (size_t i = 0; i < COUNT_OF(levels); i++) {
		if (strcmp(levels[i].name, text) == 0)
			return levels[i].number;
	}
	return *text && !*end && number >= 0 && number <= NOTHING ? (int)number : -1;
}

/* "local0", LOG_LOCAL0 with or without its class, or Python's number, which is the facility without its shift. */
static bool set_facility(const struct log_arg *arg, struct settings *s)
{
	const char *name = strstr(arg->text, "LOG_");

	name = name ? name + 4 : arg->text;
	if (arg->kind == LOG_ARG_NUMBER && arg->number >= 0 && arg->number < LOG_NFACILITIES) {
		s->facility = (int)arg->number << 3;
		return true;
	}
	for (size_t i = 0; arg->kind != LOG_ARG_NUMBER && i < COUNT_OF(facilities); i++) {
		if (strcasecmp(facilities[i].name, name) == 0) {
			s->facility = facilities[i].facility;
			return true;
		}
	}
	return false;
}

static bool set_count(const struct log_arg *arg, int *to)
{
	if (arg->kind != LOG_ARG_NUMBER || arg->number < 0 || arg->number > 1000000)
		return false;
	*to = (int)arg->number;
	return true;
}

static bool set_stream(const struct log_arg *arg, struct settings *s)
{
	if (strcmp(arg->text, "sys.stdout") == 0)
		s->fd = STDOUT_FILENO;
	else if (strcmp(arg->text, "sys.stderr") != 0)
		return false;
	return true;
}

static bool set_parameter(enum parameter parameter, const struct log_arg *arg, struct settings *s)
{
	if (parameter == P_END)
		return false;
	if (arg->kind == LOG_ARG_NONE || parameter == P_ANY)
		return true;
	switch (parameter) {
	case P_STREAM:
		return set_stream(arg, s);
	case P_PATH:
		s->file.path = arg->text;
		return arg->kind == LOG_ARG_TEXT;
	case P_MODE:
		s->file.truncate = arg->text[0] == 'w';
		return arg->kind == LOG_ARG_TEXT && (arg->text[0] == 'a' || arg->text[0] == 'w');
	case P_WHEN:
		s->file.when = arg->text;
		return arg->kind == LOG_ARG_TEXT;
	case P_INTERVAL:
		return set_count(arg, &s->file.interval);
	case P_BYTES:
		s->file.max_bytes = arg->number;
		return arg->kind == LOG_ARG_NUMBER && arg->number >= 0;
	case P_KEEP:
		return set_count(arg, &s->file.keep);
	case P_UTC:
		s->file.utc = arg->number != 0;
		return arg->kind == LOG_ARG_NUMBER;
	case P_ADDRESS:
		s->address = arg->text;
		s->port = arg->kind == LOG_ARG_PAIR ? (int)arg->number : 0;
		return arg->kind == LOG_ARG_TEXT || arg->kind == LOG_ARG_PAIR;
	case P_FACILITY:
		return set_facility(arg, s);
	default:
		return false;
	}
}

static int refuse(const struct reader *r, const char *section, const char *option, const char *why, struct error *e)
{
	return error_set(e, EINVAL, "%s: [%s] %s: %s", r->path, section, option, why);
}

static int read_level(const struct reader *r, const char *section, int *level, struct error *e)
{
	const char *text = ini_get(r->ini, section, "level");

	if (!text)
		return 0;
	int number = level_number(text);
	if (number < 0)
		return refuse(r, section, "level", "DEBUG, INFO, WARNING, ERROR, CRITICAL or NOTSET is expected", e);
	*level = number;
	return 0;
}

static int read_formatter(const struct reader *r, const char *handler, struct log_handler_spec *spec, struct error *e)
{
	_buf_cleanup_ struct buf section = BUF_INIT(NAME_MAX_BYTES);
	const char *name = ini_get(r->ini, handler, "formatter");

	if (!name || !*name)
		return 0;
	buf_printf(&section, "formatter_%s", name);
	const char *class = ini_get(r->ini, buf_text(&section), "class");
	if (class && *class && strcmp(class, "logging.Formatter") != 0)
		return refuse(r, buf_text(&section), "class", "only logging.Formatter is known", e);
	const char *format = ini_get(r->ini, buf_text(&section), "format");
	const char *dates = ini_get(r->ini, buf_text(&section), "datefmt");
	spec->format = format && *format ? format : NULL;
	spec->dates = dates && *dates ? dates : NULL;
	return 0;
}

static int read_arguments(const struct reader *r, const char *section, const struct class *class, struct log_args *args,
			  struct settings *s, struct error *e)
{
	const char *text = ini_get(r->ini, section, "args");
	int rc = log_args_parse(text ? text : "()", args, e);

	if (rc < 0)
		return error_context(e, "%s: [%s] args", r->path, section);
	for (size_t i = 0; i < args->n; i++) {
		if (!set_parameter(class->parameters[i], &args->args[i], s))
			return error_set(e, EINVAL, "%s: [%s] args: number %zu is not what a %s takes there", r->path,
					 section, i + 1, class->name);
	}
	return 0;
}

static int read_handler(const struct reader *r, const char *name, struct error *e)
{
	_buf_cleanup_ struct buf section = BUF_INIT(NAME_MAX_BYTES);
	struct settings s = { .fd = STDERR_FILENO, .address = "localhost", .port = 514, .facility = LOG_USER };
	struct log_args args;

	buf_printf(&section, "handler_%s", name);
	const char *text = ini_get(r->ini, buf_text(&section), "class");
	const struct class *class = text ? find_class(text) : NULL;
	if (!class)
		return refuse(r, buf_text(&section), "class",
			      "StreamHandler, FileHandler, RotatingFileHandler, TimedRotatingFileHandler or "
			      "SysLogHandler is expected",
			      e);
	/* The time handler's own defaults: every hour. */
	if (class->parameters[1] == P_WHEN)
		s.file = (struct log_file_spec){ .when = "H", .interval = 1 };
	int rc = read_level(r, buf_text(&section), &s.spec.level, e);
	if (rc == 0)
		rc = read_formatter(r, buf_text(&section), &s.spec, e);
	if (rc == 0)
		rc = read_arguments(r, buf_text(&section), class, &args, &s, e);
	if (rc < 0)
		return rc;
	rc = class->add(r->handlers, &s, e);
	return rc < 0 ? error_context(e, "%s: [%s]", r->path, buf_text(&section)) : 0;
}

static int read_handlers(const struct reader *r, const char *logger, struct error *e)
{
	const char *list = ini_get(r->ini, logger, "handlers");
	char name[NAME_MAX_BYTES];
	int rc = 0;

	for (const char *at = list ? list : ""; rc == 0 && *at;) {
		at += strspn(at, ", \t\n");
		size_t len = strcspn(at, ", \t\n");
		if (len >= sizeof(name))
			return refuse(r, logger, "handlers", "a name is too long", e);
		memcpy(name, at, len);
		name[len] = '\0';
		at += len;
		if (len)
			rc = read_handler(r, name, e);
	}
	return rc;
}

/* The section of our logger: the one with its qualname; NULL where only the root is configured. */
static const char *find_logger(const struct ini *ini)
{
	for (size_t i = 0; i < ini->n_sections; i++) {
		const char *name = ini->sections[i].name;
		const char *qualified = ini_get(ini, name, "qualname");
		if (strncmp(name, "logger_", 7) == 0 && qualified && strcmp(qualified, our_logger) == 0)
			return name;
	}
	return NULL;
}

static void set_level(struct log *log, int number)
{
	int level = number <= 10 ? LOG_LEVEL_DEBUG : (number - 1) / 10;

	/* Above ERROR nothing of ours is written. */
	log->level = level;
}

int log_config_load(const char *path, struct log_handlers *handlers, struct log *log, struct error *e)
{
	_ini_cleanup_ struct ini ini = INI_NULL;
	struct reader r = { .ini = &ini, .path = path, .handlers = handlers };
	int level = 30, own = 0;
	int rc = ini_load(&ini_python, path, &ini, e);

	if (rc < 0)
		return rc;
	const char *logger = find_logger(&ini);
	if (!logger && !ini_get(&ini, "logger_root", "handlers"))
		return refuse(&r, "logger_root", "handlers", "is missing: a logging configuration is expected", e);
	rc = read_level(&r, "logger_root", &level, e);
	if (rc == 0 && logger)
		rc = read_level(&r, logger, &own, e);
	if (rc == 0 && logger)
		rc = read_handlers(&r, logger, e);
	const char *propagate = logger ? ini_get(&ini, logger, "propagate") : NULL;
	if (rc == 0 && (!propagate || strcmp(propagate, "0") != 0))
		rc = read_handlers(&r, "logger_root", e);
	if (rc == 0)
		set_level(log, own ? own : level);
	return rc;
}
