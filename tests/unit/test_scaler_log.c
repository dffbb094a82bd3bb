/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/log_args.h"
#include "scaler/log_config.h"
#include "scaler/log_format.h"
#include "tests/unit/fake_http.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* 2024-03-04 10:00:30.25 UTC */
#define NOW (INT64_C(1709546430) * CLOCK_SECOND + 250 * CLOCK_MS)

static void test_format(void **state)
{
	static const struct {
		const char *format, *dates, *line; /* no line: refused */
	} rows[] = {
		{ "%(asctime)s - %(name)s - %(levelname)s - %(message)s", NULL,
		  "2024-03-04 10:00:30,250 - dynamic-dynamodb - WARNING - hello" },
		{ "%(asctime)s", "%H:%M", "10:00" },
		{ "%(levelname)-9s|%(levelname)9s|%(levelname).4s", NULL, "WARNING  |  WARNING|WARN" },
		{ "%(levelno)d %(levelno)s %(levelno)05d", NULL, "30 30 00030" },
		{ "%(msecs)03d %(created)f %(created).1f %(relativeCreated)d", NULL,
		  "250 1709546430.250000 1709546430.2 1250" },
		{ "100%% %(message)s%%", NULL, "100% hello%" },
		{ "%(module)s %(lineno)d %(threadName)s", NULL, "scaler 0 MainThread" },
		{ "", NULL, "" },
		{ "%(nothing)s", NULL, NULL },
		{ "%(message)x", NULL, NULL },
		{ "%(message", NULL, NULL },
		{ "%s", NULL, NULL },
		{ "%", NULL, NULL },
	};
	const struct log_record record = { LOG_LEVEL_WARNING, "hello", NOW, NOW - 1250 * CLOCK_MS };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		_buf_cleanup_ struct buf line = BUF_INIT(256);
		assert_int_equal(log_format_check(rows[i].format, NULL), rows[i].line ? 0 : -EINVAL);
		if (!rows[i].line)
			continue;
		log_format_write(&line, rows[i].format, rows[i].dates, &record);
		assert_string_equal(buf_text(&line), rows[i].line);
	}
}

static void test_args(void **state)
{
	static const struct {
		const char *text;
		int n; /* -1: refused */
		struct log_arg last;
	} rows[] = {
		{ "()", 0, { 0 } },
		{ "('a',)", 1, { LOG_ARG_TEXT, "a", 0 } },
		{ "( \"a\\\"b\" , )", 1, { LOG_ARG_TEXT, "a\"b", 0 } },
		{ "('a', 'midnight', 1, 5)", 4, { LOG_ARG_NUMBER, "", 5 } },
		{ "(sys.stdout,)", 1, { LOG_ARG_NAME, "sys.stdout", 0 } },
		{ "(None, True)", 2, { LOG_ARG_NUMBER, "True", 1 } },
		{ "(('host', 99),)", 1, { LOG_ARG_PAIR, "host", 99 } },
		{ "(('host', handlers.SYSLOG_UDP_PORT))", 1, { LOG_ARG_PAIR, "host", 514 } },
		{ "", -1, { 0 } },
		{ "('a'", -1, { 0 } },
		{ "('a)", -1, { 0 } },
		{ "('a' 'b')", -1, { 0 } },
		{ "(open('x'),)", -1, { 0 } },
		{ "('a',) + ('b',)", -1, { 0 } },
		{ "(('host', 0),)", -1, { 0 } },
		{ "(1,2,3,4,5,6,7,8,9)", -1, { 0 } },
		{ "(99999999999999999999)", -1, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct log_args args;
		int rc = log_args_parse(rows[i].text, &args, NULL);
		if (rc != (rows[i].n < 0 ? -EINVAL : 0))
			fail_msg("%s: %d", rows[i].text, rc);
		if (rows[i].n <= 0)
			continue;
		assert_int_equal(args.n, rows[i].n);
		const struct log_arg *last = &args.args[args.n - 1];
		assert_int_equal(last->kind, rows[i].last.kind);
		assert_string_equal(last->text, rows[i].last.text);
		assert_int_equal(last->number, rows[i].last.number);
	}
}

/* A folder, a clock and a log in it. */
struct place {
	char folder[32];
	struct fake_service service; /* its clock */
	struct log log;
	struct log_handlers *handlers;
};

static void place_begin(struct place *p)
{
	static const struct fake_answer none;

	*p = (struct place){ .folder = "/tmp/scaler-log-XXXXXX", .log = LOG_NULL };
	assert_non_null(mkdtemp(p->folder));
	assert_int_equal(fake_service_init(&p->service, &none, 1), 0);
	p->service.clock.wall = NOW;
	assert_int_equal(log_handlers_new(&p->service.clock.clock, &p->handlers, NULL), 0);
	log_handlers_attach(p->handlers, &p->log);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st, (void)type, (void)walk;
	return remove(path);
}

static void place_end(struct place *p)
{
	log_handlers_free(p->handlers);
	fake_service_deinit(&p->service);
	nftw(p->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void path_in(const struct place *p, const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", p->folder, name);
}

static const char *content(const struct place *p, const char *name)
{
	static char text[4096];
	char path[128];

	path_in(p, name, path);
	FILE *file = fopen(path, "r");
	if (!file)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* At midnight the file is renamed, and the oldest goes; a daemon is in another directory by then. */
static void test_midnight(void **state)
{
	struct place p;
	char name[64];

	(void)state;
	place_begin(&p);
	assert_int_equal(chdir(p.folder), 0);
	struct log_file_spec spec = { .path = "log", .when = "midnight", .keep = 2 };
	assert_int_equal(log_handlers_add_file(p.handlers, &(struct log_handler_spec){ 0 }, &spec, NULL), 0);
	assert_int_equal(chdir("/"), 0);
	for (int day = 4; day < 8; day++) {
		log_info(&p.log, "day %d", day);
		p.service.clock.wall += 86400 * CLOCK_SECOND;
	}
	assert_string_equal(content(&p, "log"), "day 7\n");
	for (int day = 4; day < 8; day++) {
		snprintf(name, sizeof(name), "log.2024-03-%02d", day);
		assert_int_equal(content(&p, name) != NULL, day == 5 || day == 6);
	}
	place_end(&p);
}

static void test_size(void **state)
{
	struct place p;
	char path[128];

	(void)state;
	place_begin(&p);
	path_in(&p, "log", path);
	struct log_file_spec spec = { .path = path, .max_bytes = 12, .keep = 2 };
	assert_int_equal(log_handlers_add_file(p.handlers, &(struct log_handler_spec){ 0 }, &spec, NULL), 0);
	for (int i = 0; i < 9; i++)
		log_info(&p.log, "%d234", i);
	assert_string_equal(content(&p, "log"), "8234\n");
	assert_string_equal(content(&p, "log.1"), "6234\n7234\n");
	assert_string_equal(content(&p, "log.2"), "4234\n5234\n");
	assert_null(content(&p, "log.3"));
	place_end(&p);
}

static int load(struct place *p, const char *text, struct error *e)
{
	char path[128];

	path_in(p, "conf", path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return log_config_load(path, p->handlers, &p->log, e);
}

/* Our logger's handlers and the root's; levels of both kinds. */
static void test_config(void **state)
{
	struct place p;
	_buf_cleanup_ struct buf conf = BUF_INIT(4096);

	(void)state;
	place_begin(&p);
	buf_printf(&conf,
		   "[loggers]\nkeys=root,ours\n[logger_root]\nlevel=ERROR\nhandlers=all\n"
		   "[logger_ours]\nqualname=dynamic-dynamodb\nlevel=INFO\nhandlers=warn, all2\n"
		   "[handler_all]\nclass=FileHandler\nargs=('%1$s/root', 'w')\n"
		   "[handler_warn]\nclass=logging.FileHandler\nlevel=WARNING\nformatter=f\nargs=(\"%1$s/warn\",)\n"
		   "[handler_all2]\nclass=handlers.RotatingFileHandler\nargs=('%1$s/ours', 'a', 1000, 3)\n"
		   "[formatter_f]\nformat=%%(levelname)s:%%(message)s\n",
		   p.folder);
	assert_int_equal(load(&p, buf_text(&conf), NULL), 0);
	log_debug(&p.log, "one");
	log_info(&p.log, "two");
	log_warning(&p.log, "three");
	assert_string_equal(content(&p, "root"), "two\nthree\n");
	assert_string_equal(content(&p, "warn"), "WARNING:three\n");
	assert_string_equal(content(&p, "ours"), "two\nthree\n");
	place_end(&p);
}

static void test_config_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "[x]\n", "logger_root" },
		{ "[logger_root]\nlevel=LOUD\nhandlers=h\n", "[logger_root] level" },
		{ "[logger_root]\nhandlers=h\n", "[handler_h] class" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=handlers.SMTPHandler\n", "[handler_h] class" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=FileHandler\nargs=()\n",
		  "begin with the file's path" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=FileHandler\nargs=(1,)\n", "args: number 1" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=StreamHandler\nargs=(sys.stdin,)\n",
		  "args: number 1" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=StreamHandler\nargs=nonsense\n", "[handler_h] args" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=handlers.TimedRotatingFileHandler\n"
		  "args=('/tmp/x', 'Z')\n",
		  "\"Z\"" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=StreamHandler\nformatter=f\n[formatter_f]\nclass=my."
		  "F\n",
		  "[formatter_f] class" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=StreamHandler\nformatter=f\n[formatter_f]\nformat=%(x)"
		  "s\n",
		  "%(x)s" },
		{ "[logger_root]\nhandlers=h\n[handler_h]\nclass=handlers.SysLogHandler\nargs=('/dev/log', 'loud')\n",
		  "args: number 2" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct error e = ERROR_NULL;
		struct place p;
		place_begin(&p);
		assert_true(load(&p, rows[i].text, &e) < 0);
		if (!strstr(e.text, rows[i].words))
			fail_msg("%s: %s", rows[i].text, e.text);
		place_end(&p);
	}
}

static void test_syslog(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_buf_cleanup_ struct buf conf = BUF_INIT(1024);
	char packet[256] = "";
	struct place p;

	(void)state;
	place_begin(&p);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", p.folder);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	buf_printf(&conf,
		   "[logger_root]\nlevel=INFO\nhandlers=h\n[handler_h]\nclass=handlers.SysLogHandler\nformatter=f\n"
		   "args=('%s', handlers.SysLogHandler.LOG_LOCAL3)\n[formatter_f]\nformat=scaler: %%(message)s\n",
		   address.sun_path);
	assert_int_equal(load(&p, buf_text(&conf), NULL), 0);
	log_warning(&p.log, "hello");
	assert_true(recv(fd, packet, sizeof(packet) - 1, 0) > 0);
	assert_string_equal(packet, "<156>scaler: hello");
	close(fd);
	place_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format), cmocka_unit_test(test_args),   cmocka_unit_test(test_midnight),
		cmocka_unit_test(test_size),   cmocka_unit_test(test_config), cmocka_unit_test(test_config_refused),
		cmocka_unit_test(test_syslog),
	};

	/* Midnight and dates are the local ones. */
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
