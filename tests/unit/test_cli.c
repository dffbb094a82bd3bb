/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a process sees it: what goes to which stream, exit statuses, and the background's protocol, with
 * a mount_serve of our own that ends as the name of the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/core/buf.h"
#include "fs/cli.h"
#include "fs/mount.h"
#include "fs/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the daemon saw, shared with the test's own process. */
static struct seen {
	struct stat working, standard[3];
	char mountpoint[256], shown[64];
	mode_t umask;
	bool dumpable, notify_in_environment, leads_session;
} * seen;

static void see(const struct settings *settings)
{
	stat(".", &seen->working);
	for (int fd = 0; fd < 3; fd++)
		fstat(fd, &seen->standard[fd]);
	snprintf(seen->mountpoint, sizeof(seen->mountpoint), "%s", settings->mountpoint);
	snprintf(seen->shown, sizeof(seen->shown), "%s", settings->shown);
	seen->umask = umask(0);
	seen->dumpable = prctl(PR_GET_DUMPABLE);
	seen->notify_in_environment = getenv("NOTIFY_SOCKET");
	seen->leads_session = getsid(0) == getpid();
}

int mount_serve(const struct settings *settings, struct log *log, void (*ready)(void *data), void *data,
		struct error *e)
{
	const char *table = settings->sources[0].target;

	see(settings);
	if (strcmp(table, "refuses") == 0)
		return error_set(e, ENXIO, "the table is not there: create it");
	if (strcmp(table, "crashes") == 0)
		raise(SIGKILL);
	if (strcmp(table, "hangs") == 0) {
		/* Until a signal to the parent reaches us. */
		kill(getppid(), SIGTERM);
		for (;;)
			pause();
	}
	ready(data);
	log_info(log, "served");
	if (strcmp(table, "late") == 0)
		return error_set(e, EIO, "lost the kernel");
	return 0;
}

/* One run in a process of its own. */
struct run {
	int status; /* exit status; 128 and the signal's number for a signal */
	char out[16384], err[4096];
};

static void slurp(FILE *file, char *text, size_t size)
{
	rewind(file);
	size_t n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void run(struct run *run, const char *const *words)
{
	char *argv[16] = { 0 };
	FILE *out = tmpfile(), *err = tmpfile();
	int argc = 0, status;

	for (; words[argc]; argc++)
		argv[argc] = strdup(words[argc]);
	pid_t child = fork();
	if (child == 0) {
		dup2(fileno(out), 1);
		dup2(fileno(err), 2);
		int r = cli_run(argc, argv);
		fflush(NULL);
		_exit(r);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	slurp(out, run->out, sizeof(run->out));
	slurp(err, run->err, sizeof(run->err));
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

#define RUN(run_, ...) run((run_), (const char *const[]){ __VA_ARGS__, NULL })

static void assert_width(const char *text, size_t limit)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= limit);
}

static void test_help(void **state)
{
	static const char *const ways[][3] = {
		{ "help" },        { "--help" },         { "-h" }, { "help", "mount" }, { "help", "umount" },
		{ "help", "get" }, { "help", "doctor" },
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		RUN(&r, "dynconf", ways[i][0], ways[i][1]);
		assert_int_equal(r.status, CLI_OK);
		assert_string_equal(r.err, "");
		assert_true(strlen(r.out) > 80);
		assert_width(r.out, 80);
	}
}

static void test_help_of_mount_has_every_option(void **state)
{
	struct run r, same;
	char wanted[64];

	(void)state;
	RUN(&r, "dynconf", "help", "mount");
	RUN(&same, "dynconf", "mount", "--help");
	assert_string_equal(r.out, same.out);
	for (size_t i = 0; i < option_count; i++) {
		snprintf(wanted, sizeof(wanted), "\n  %s=", option_table[i].name);
		assert_non_null(strstr(r.out, wanted));
	}
}

static void test_version(void **state)
{
	struct run r;

	(void)state;
	RUN(&r, "dynconf", "version");
	assert_int_equal(r.status, CLI_OK);
	assert_int_equal(strncmp(r.out, "dynconf ", 8), 0);
	RUN(&r, "dynconf", "--version");
	assert_int_equal(r.status, CLI_OK);
}

static void test_usage(void **state)
{
	static const struct {
		const char *words[6], *sentence;
	} rows[] = {
		{ { "dynconf", "munt" }, "there is no verb munt; did you mean mount?" },
		{ { "dynconf", "frobnicate" }, "there is no verb frobnicate; `dynconf help` lists them" },
		{ { "dynconf", "help", "unmount" }, "there is no verb unmount; did you mean umount?" },
		{ { "dynconf", "mount" }, "mount takes [SOURCE] MOUNTPOINT; `dynconf help mount` says more" },
		{ { "dynconf", "mount", "a", "b", "c" },
		  "mount takes [SOURCE] MOUNTPOINT; `dynconf help mount` says more" },
		{ { "dynconf", "mount", "-x", "/" }, "-x is not a flag of this verb; `dynconf help mount` lists them" },
		{ { "dynconf", "mount", "/", "-o" }, "-o needs a value; `dynconf help mount` says more" },
		{ { "dynconf", "mount", "-o", "tll=5", "/" }, "there is no option tll; did you mean ttl?" },
		{ { "dynconf", "umount" }, "umount takes one directory" },
		{ { "dynconf", "umount", "-x", "/" },
		  "-x is not a flag of this verb; `dynconf help umount` lists them" },
		{ { "dynconf", "get" }, "get takes one path" },
		{ { "dynconf", "doctor", "a", "b", "c" },
		  "doctor takes [SOURCE] [MOUNTPOINT]; `dynconf help doctor` says more" },
		{ { "dynconf", "doctor", "local", "b", "c" },
		  "doctor takes [SOURCE] [MOUNTPOINT]; `dynconf help doctor` says more" },
		{ { "dynconf", "doctor", "-o" }, "-o needs a value; `dynconf help doctor` says more" },
		{ { "dynconf", "get", "--type" }, "--type needs a value; `dynconf help get` says more" },
		{ { "dynconf", "get", "--kind=x" },
		  "--kind=x is not a flag of this verb; `dynconf help get` lists them" },
		{ { "dynconf", "get", "--type", "float", "x" }, "--type takes string, number or bool" },
		{ { "dynconf", "get", "--type=bool", "--default=maybe", "x" }, "the value of --default is not a bool" },
		{ { "/sbin/mount.dynconf", "local" },
		  "mount(8) calls this program with SOURCE and DIR; use dynconf mount" },
	};
	struct run r;
	char wanted[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run(&r, rows[i].words);
		snprintf(wanted, sizeof(wanted), "dynconf: %s\n", rows[i].sentence);
		assert_string_equal(r.err, wanted);
		assert_string_equal(r.out, "");
		assert_int_equal(r.status, CLI_USAGE);
	}
	RUN(&r, "dynconf");
	assert_int_equal(r.status, CLI_USAGE);
	assert_string_equal(r.out, "");
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_get(void **state)
{
	static const struct {
		const char *text, *type, *out;
		int status;
	} rows[] = {
		{ "db1", "string", "db1\n", CLI_OK },
		{ "one\ntwo\n", "string", "one\ntwo\n", CLI_OK },
		{ "", "string", "\n", CLI_OK },
		{ "27017", "number", "27017\n", CLI_OK },
		{ " -1.50e+10\n", "number", "-1.50e+10\n", CLI_OK },
		{ "12345678901234567890123456789012345678", "number", "12345678901234567890123456789012345678\n",
		  CLI_OK },
		{ ".5", "number", ".5\n", CLI_OK },
		{ "0x10", "number", "", CLI_WRONG_TYPE },
		{ "1e", "number", "", CLI_WRONG_TYPE },
		{ "+-1", "number", "", CLI_WRONG_TYPE },
		{ ".", "number", "", CLI_WRONG_TYPE },
		{ "1 2", "number", "", CLI_WRONG_TYPE },
		{ "", "number", "", CLI_WRONG_TYPE },
		{ "true", "bool", "true\n", CLI_OK },
		{ "0\n", "bool", "false\n", CLI_OK },
		{ "yes", "bool", "", CLI_WRONG_TYPE },
		{ "true false", "bool", "", CLI_WRONG_TYPE },
	};
	const char *folder = *state;
	char path[300];
	struct run r;

	snprintf(path, sizeof(path), "%s/value", folder);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(path, rows[i].text);
		RUN(&r, "dynconf", "get", path, "--type", rows[i].type);
		assert_string_equal(r.out, rows[i].out);
		assert_int_equal(r.status, rows[i].status);
		assert_int_equal(!*r.err, rows[i].status == CLI_OK);
	}
	unlink(path);
}

static void test_get_failures(void **state)
{
	const char *folder = *state;
	char path[300];
	struct run r;

	RUN(&r, "dynconf", "get", folder);
	assert_int_equal(r.status, CLI_FAILED);
	assert_non_null(strstr(r.err, "is a directory: name a file in it"));
	/* Not on a mount: that proves nothing, so the default must not be taken. */
	snprintf(path, sizeof(path), "%s/no/such", folder);
	RUN(&r, "dynconf", "get", "--default", "x", path);
	assert_int_equal(r.status, CLI_FAILED);
	assert_string_equal(r.out, "");
	assert_non_null(strstr(r.err, "is not on a dynconf mount: is it mounted?"));
}

static void test_background(void **state)
{
	static const struct {
		const char *source, *err;
		int status;
	} rows[] = {
		{ "dynamodb:answers", "", CLI_OK },
		{ "dynamodb:late", "", CLI_OK },
		{ "dynamodb:refuses", "dynconf: the table is not there: create it\n", CLI_FAILED },
		{ "dynamodb:crashes", "dynconf: the daemon ended before the mount was there: Killed\n", CLI_FAILED },
		{ "dynamodb:hangs", "dynconf: the daemon ended before the mount was there: Terminated\n", CLI_FAILED },
	};
	const char *folder = *state;
	struct run r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		RUN(&r, "dynconf", "mount", "-c", "/dev/null", rows[i].source, folder);
		assert_string_equal(r.err, rows[i].err);
		assert_string_equal(r.out, "");
		assert_int_equal(r.status, rows[i].status);
	}
}

static void test_daemon(void **state)
{
	const char *folder = *state;
	struct stat root, null;
	struct run r;

	RUN(&r, "mount.dynconf", "dynamodb:answers", folder, "-n", "-v", "-o", "rw,_netdev,ttl=5", "-t", "dynconf");
	assert_string_equal(r.err, "");
	assert_int_equal(r.status, CLI_OK);
	stat("/", &root);
	stat("/dev/null", &null);
	assert_int_equal(seen->working.st_ino, root.st_ino);
	for (int fd = 0; fd < 3; fd++)
		assert_int_equal(seen->standard[fd].st_rdev, null.st_rdev);
	assert_string_equal(seen->mountpoint, folder);
	assert_string_equal(seen->shown, "dynamodb:answers");
	assert_int_equal(seen->umask, 0077);
	assert_true(seen->leads_session);
	assert_false(seen->dumpable);
}

static void test_foreground(void **state)
{
	const char *folder = *state;
	struct run r;

	RUN(&r, "dynconf", "mount", "-c", "/dev/null", "-f", "dynamodb:answers", folder);
	assert_string_equal(r.err, "dynconf: served\n");
	assert_int_equal(r.status, CLI_OK);
	assert_false(seen->leads_session);
	RUN(&r, "dynconf", "mount", "-c", "/dev/null", "-f", "dynamodb:refuses", folder);
	assert_string_equal(r.err, "dynconf: the table is not there: create it\n");
	assert_int_equal(r.status, CLI_FAILED);
	RUN(&r, "dynconf", "mount", "-c", "/dev/null", "-f", "dynamodb:late", folder);
	assert_string_equal(r.err, "dynconf: served\ndynconf: lost the kernel\n");
	assert_int_equal(r.status, CLI_FAILED);
}

static void test_log_file(void **state)
{
	const char *folder = *state;
	char path[300], option[320], text[256] = "";
	struct run r;

	snprintf(path, sizeof(path), "%s.log", folder);
	snprintf(option, sizeof(option), "log-file=%s", path);
	RUN(&r, "dynconf", "mount", "-c", "/dev/null", "-o", option, "-f", "dynamodb:late", folder);
	assert_int_equal(r.status, CLI_FAILED);
	assert_string_equal(r.err, "");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	unlink(path);
	assert_non_null(strstr(text, "- info - served\n"));
	assert_non_null(strstr(text, "- error - lost the kernel\n"));
	RUN(&r, "dynconf", "mount", "-c", "/dev/null", "-o", "log-file=/nonexistent/x", "-f", "local", folder);
	assert_string_equal(r.err, "dynconf: log-file /nonexistent/x: No such file or directory\n");
}

static void test_mount_refused(void **state)
{
	struct run r;

	(void)state;
	RUN(&r, "dynconf", "mount", "-c", "/dev/null", "/nonexistent");
	assert_string_equal(r.err, "dynconf: /nonexistent does not exist: make it with mkdir\n");
	assert_int_equal(r.status, CLI_FAILED);
	RUN(&r, "dynconf", "umount", "/nonexistent");
	assert_string_equal(r.err, "dynconf: /nonexistent: No such file or directory\n");
	RUN(&r, "dynconf", "umount", "/");
	assert_string_equal(r.err, "dynconf: / is not a dynconf mount\n");
	assert_int_equal(r.status, CLI_FAILED);
}

/* The messages that arrive on a socket of that name while the daemon runs; '@' is an abstract one. */
static void check_notify(const char *name, const char *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	char message[64];
	struct run r;

	memcpy(address.sun_path, name, strlen(name));
	if (*name == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	RUN(&r, "dynconf", "mount", "-c", "/dev/null", "-f", "dynamodb:answers", folder);
	unsetenv("NOTIFY_SOCKET");
	assert_false(seen->notify_in_environment);
	ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	assert_int_equal(n, strlen("READY=1"));
	assert_memory_equal(message, "READY=1", (size_t)n);
	n = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	assert_int_equal(n, strlen("STOPPING=1"));
	assert_memory_equal(message, "STOPPING=1", (size_t)n);
	close(fd);
}

static void test_notify(void **state)
{
	const char *folder = *state;
	char name[300];

	snprintf(name, sizeof(name), "%s.notify", folder);
	check_notify(name, folder);
	unlink(name);
	snprintf(name, sizeof(name), "@dynconf-test-%d", getpid());
	check_notify(name, folder);
}

static int set_up(void **state)
{
	char template[] = "/tmp/dynconf-test-XXXXXX";

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*state = mkdtemp(template) ? strdup(template) : NULL;
	return seen == MAP_FAILED || !*state;
}

static int tear_down(void **state)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/value", (const char *)*state);
	unlink(path);
	rmdir(*state);
	free(*state);
	munmap(seen, sizeof(*seen));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help),          cmocka_unit_test(test_help_of_mount_has_every_option),
		cmocka_unit_test(test_version),       cmocka_unit_test(test_usage),
		cmocka_unit_test(test_get),           cmocka_unit_test(test_get_failures),
		cmocka_unit_test(test_background),    cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_foreground),    cmocka_unit_test(test_log_file),
		cmocka_unit_test(test_mount_refused), cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
