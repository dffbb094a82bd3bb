/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/buf.h"
#include "aws/core/secret.h"
#include "fs/cli.h"
#include "fs/config.h"
#include "fs/mount.h"
#include "fs/mountpoint.h"
#include "fs/preflight.h"
#include "fs/sd_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct arguments {
	const char *file, *source, *dir;
	const char *namespace; /* -N of mount(8) */
	struct option_pairs options;
	bool foreground;
	bool fake; /* -f of mount(8): everything but the mount itself */
};

/* What both processes need once everything was checked. */
struct start {
	struct settings settings;
	struct log log;
	struct sd_notify notify;
	int word;   /* the pipe on which the parent waits for one line; -1: nobody waits */
	bool ready; /* the mount answered: what fails from here on is the log's */
};

static int parse_mount(int argc, char **argv, struct arguments *args)
{
	struct error e = ERROR_NULL;

	optind = 0;
	for (int answer; (answer = getopt(argc, argv, ":c:o:f")) != -1;) {
		if (answer == 'c')
			args->file = optarg;
		else if (answer == 'f')
			args->foreground = true;
		else if (answer != 'o')
			return cli_bad_flag(answer, argv);
		else if (option_pairs_add(&args->options, optarg, 0, &e) < 0)
			return cli_usage("%s", e.text);
	}
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage("mount takes [SOURCE] MOUNTPOINT; `dynconf help mount` says more");
	args->source = argc - optind == 2 ? argv[optind] : NULL;
	args->dir = argv[argc - 1];
	return CLI_OK;
}

/* How mount(8) calls its helpers: SOURCE DIR [-sfnv] [-N namespace] [-o options] [-t type.subtype]. */
static int parse_helper(int argc, char **argv, struct arguments *args)
{
	const char *options = "";
	unsigned flags = OPTIONS_FROM_MOUNT;
	struct error e = ERROR_NULL;

	optind = 0;
	for (int answer; (answer = getopt(argc, argv, ":sfnvN:o:t:")) != -1;) {
		if (answer == 's')
			flags |= OPTIONS_SLOPPY;
		else if (answer == 'f')
			args->fake = true;
		else if (answer == 'N')
			args->namespace = optarg;
		else if (answer == 'o')
			options = optarg;
		else if (answer == ':' || answer == '?')
			return cli_bad_flag(answer, argv);
	}
	if (argc - optind != 2)
		return cli_usage("mount(8) calls this program with SOURCE and DIR; use dynconf mount");
	args->source = argv[optind];
	args->dir = argv[optind + 1];
	return option_pairs_add(&args->options, options, flags, &e) < 0 ? cli_usage("%s", e.text) : CLI_OK;
}

static int enter_namespace(const char *path, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = fd < 0 ? -1 : setns(fd, CLONE_NEWNS);

	if (r < 0)
		error_set(e, errno, "the mount namespace %.300s cannot be entered: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r < 0 ? -EIO : 0;
}

static int open_log_file(struct start *start, struct error *e)
{
	int r = start->settings.log_file ? log_open_file(&start->log, start->settings.log_file) : 0;

	return r < 0 ? error_set(e, -r, "log-file %.300s: %s", start->settings.log_file, strerror(-r)) : 0;
}

static int load_settings(const struct arguments *args, struct start *start, struct error *e)
{
	struct config_request request = config_request(args->file, args->source, &args->options);
	int r = config_load(&request, &start->log, &start->settings, e);

	start->settings.foreground = args->foreground;
	atomic_store(&start->log.level, (int)start->settings.log_level);
	return r;
}

/* Everything that can be refused before there is a daemon. */
static int prepare(const struct arguments *args, struct start *start, struct error *e)
{
	int r = args->namespace ? enter_namespace(args->namespace, e) : 0;

	if (r == 0)
		r = load_settings(args, start, e);
	if (r == 0)
		r = mountpoint_prepare(args->dir, &start->settings.mountpoint, e);
	if (r == 0 && geteuid() != 0)
		r = preflight_user(&start->settings, e);
	if (r == 0)
		r = preflight_fuse(e);
	return r < 0 ? r : open_log_file(start, e);
}

/* One line to the parent: empty when the mount answers, else the sentence. */
static void send_word(struct start *start, const char *sentence)
{
	if (start->word < 0)
		return;
	dprintf(start->word, "%s\n", sentence);
	close(start->word);
	start->word = -1;
}

static void on_ready(void *data)
{
	struct start *start = data;

	start->ready = true;
	sd_notify_send(&start->notify, "READY=1");
	send_word(start, "");
}

static int serve(struct start *start)
{
	struct error e = ERROR_NULL;

	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	sd_notify_init(&start->notify);
	int r = mount_serve(&start->settings, &start->log, on_ready, start, &e);
	sd_notify_send(&start->notify, "STOPPING=1");
	if (r == 0)
		return CLI_OK;
	if (start->ready)
		log_error(&start->log, "%s", e.text);
	else if (start->word < 0)
		cli_failed(&e);
	send_word(start, e.text);
	return CLI_FAILED;
}

static int become_daemon(struct start *start, const sigset_t *mask)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	setsid();
	/* A working directory would keep its own filesystem busy; that "/" can be entered needs no proof. */
	(void)!chdir("/");
	if (start->log.fd == 2)
		log_open_syslog(&start->log, "dynconf");
	sigprocmask(SIG_SETMASK, mask, NULL);
	return serve(start);
}

/* Reads the daemon's word to its end; a signal to us in the meantime is passed on, and then waited on. */
static void read_word(int fd, int signals, pid_t child, struct buf *word)
{
	struct pollfd ends[] = { { fd, POLLIN, 0 }, { signals, POLLIN, 0 } };
	struct signalfd_siginfo info;
	char part[256];

	for (;;) {
		if (poll(ends, signals >= 0 ? 2 : 1, -1) < 0)
			continue;
		if (ends[1].revents && read(signals, &info, sizeof(info)) > 0)
			kill(child, SIGTERM);
		if (!ends[0].revents)
			continue;
		ssize_t n = read(fd, part, sizeof(part));
		if (n <= 0)
			return;
		buf_append(word, part, (size_t)n);
	}
}

static int died(pid_t child, struct error *e)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return error_set(e, EIO, "the daemon ended before the mount was there: %s",
				 strsignal(WTERMSIG(status)));
	return error_set(e, EIO, "the daemon ended before the mount was there, with status %d", WEXITSTATUS(status));
}

static int wait_for_word(int fd, int signals, pid_t child, struct error *e)
{
	_buf_cleanup_ struct buf word = BUF_INIT(ERROR_TEXT_MAX + 2);

	read_word(fd, signals, child, &word);
	if (word.len == 0)
		return died(child, e);
	size_t len = strcspn(buf_text(&word), "\n");
	return len == 0 ? 0 : error_set(e, EIO, "%.*s", (int)len, buf_text(&word));
}

/* In the parent 0 once the mount answers, or a negative number; in the child the end of the daemon, in `*status`. */
static int serve_in_background(struct start *start, int *status, struct error *e)
{
	int ends[2];
	sigset_t caught, before;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(e, errno, "no pipe: %s", strerror(errno));
	sigemptyset(&caught);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGTERM);
	sigaddset(&caught, SIGHUP);
	sigprocmask(SIG_BLOCK, &caught, &before);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		start->word = ends[1];
		*status = become_daemon(start, &before);
		return 0;
	}
	int failed = errno, signals = signalfd(-1, &caught, SFD_CLOEXEC);
	close(ends[1]);
	int r = child < 0 ? error_set(e, failed, "no process for the daemon: %s", strerror(failed))
			  : wait_for_word(ends[0], signals, child, e);
	close(signals);
	close(ends[0]);
	return r;
}

static int run(const struct arguments *args)
{
	struct start start = { .settings = SETTINGS_NULL, .log = LOG_NULL, .word = -1 };
	struct error e = ERROR_NULL;
	int status = CLI_OK;

	/* The configuration may hold keys. */
	secret_hide_memory();
	int r = prepare(args, &start, &e);
	if (r == 0 && args->foreground && !args->fake)
		status = serve(&start);
	else if (r == 0 && !args->fake)
		r = serve_in_background(&start, &status, &e);
	log_deinit(&start.log);
	settings_deinit(&start.settings);
	return r < 0 ? cli_failed(&e) : status;
}

static int parse_and_run(int argc, char **argv, int (*parse)(int, char **, struct arguments *))
{
	struct arguments args = { .options = OPTION_PAIRS_NULL };
	int status = parse(argc, argv, &args);

	if (status == CLI_OK)
		status = run(&args);
	option_pairs_deinit(&args.options);
	return status;
}

int cli_mount(int argc, char **argv)
{
	return parse_and_run(argc, argv, parse_mount);
}

int cli_mount_helper(int argc, char **argv)
{
	argv[0] = (char *)"mount";
	return parse_and_run(argc, argv, parse_helper);
}
