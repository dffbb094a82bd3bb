/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/run.h"

#include "aws/config.h"
#include "aws/core/file.h"
#include "aws/core/secret.h"
#include "aws/http_curl.h"
#include "scaler/backtest.h"
#include "scaler/cli.h"
#include "scaler/daemon.h"
#include "scaler/log_config.h"
#include "scaler/loop.h"
#include "scaler/simulate.h"
#include "version.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* All that a run needs; what is set is freed by run_deinit. */
struct run {
	const char *program;
	struct log log;
	struct scaler_config config;
	struct log_handlers *handlers;
	struct http *http;
	struct scaler *scaler;
	int signals; /* a signalfd; -1: none */
};

static int complain(const struct run *run, enum scaler_exit status, const char *text)
{
	fprintf(stderr, "%s: %s\n", run->program, text);
	return status;
}

static const char *environment(void *data, const char *name)
{
	(void)data;
	return getenv(name);
}

static int open_log(struct run *run, struct error *e)
{
	const struct global_options *global = &run->config.global;
	int rc = log_handlers_new(clock_system(), &run->handlers, e);

	if (rc < 0)
		return rc;
	run->log.level = global->log_level;
	if (global->log_config_file)
		rc = log_config_load(global->log_config_file, run->handlers, &run->log, e);
	else
		rc = log_handlers_add_default(run->handlers, global->log_file, global->dry_run, e);
	if (rc == 0)
		log_handlers_attach(run->handlers, &run->log);
	return rc;
}

static int open_signals(struct run *run, struct error *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	/* Before any thread: they all inherit it. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals < 0 ? error_set(e, EIO, "signals cannot be listened to: %s", strerror(errno)) : 0;
}

static int open_http(struct run *run, const struct credentials_context *context, int *max_attempts, struct error *e)
{
	_aws_config_cleanup_ struct aws_config aws = AWS_CONFIG_NULL;
	int rc = http_curl_global_init(e);

	if (rc == 0)
		rc = aws_config_load(context, &aws, e);
	if (rc < 0)
		return rc;
	*max_attempts = aws.max_attempts;
	struct http_curl_options options = {
		.clock = clock_system(),
		.user_agent = "dynconf-scaler/" DYNCONF_VERSION,
		.ca_bundle = aws.ca_bundle,
	};
	return http_curl_new(&options, &run->http, e);
}

/* Everything up to the first pass. */
static int begin(struct run *run, bool once, struct error *e)
{
	struct scaler_setup setup = {
		.config = &run->config,
		.clock = clock_system(),
		.log = &run->log,
		.credentials = { .getenv = environment, .log = &run->log },
	};
	int rc = open_signals(run, e);

	if (rc == 0)
		rc = open_http(run, &setup.credentials, &setup.max_attempts, e);
	if (rc < 0)
		return rc;
	setup.http = run->http;
	rc = scaler_new(&setup, &run->scaler, e);
	return rc < 0 ? rc : scaler_start(run->scaler, once, e);
}

/* Until the scaler has ended or is told to. HUP makes it check now. */
static int attend(struct run *run, struct error *e)
{
	struct pollfd fds[] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = scaler_done_fd(run->scaler), .events = POLLIN },
	};
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			if (info.ssi_signo != SIGHUP)
				break;
			scaler_check_now(run->scaler);
		}
		if (fds[1].revents)
			return scaler_stop(run->scaler, e);
	}
	/* Told to end: how far the last pass came is no failure. */
	scaler_stop(run->scaler, NULL);
	return 0;
}

static int run_foreground(struct run *run, bool once)
{
	struct error e = ERROR_NULL;
	int rc = begin(run, once, &e);

	if (rc < 0)
		return complain(run, SCALER_EXIT_FAILED, e.text);
	/* The log has said why. */
	return attend(run, &e) < 0 ? SCALER_EXIT_FAILED : SCALER_EXIT_OK;
}

static int run_daemon(struct run *run, struct pid_file *file, int tell)
{
	struct error e = ERROR_NULL;
	int rc = pid_file_write(file, &e);

	if (rc == 0)
		rc = begin(run, false, &e);
	daemon_ready(tell, rc < 0 ? &e : NULL);
	if (rc == 0)
		rc = attend(run, &e);
	pid_file_remove(file);
	return rc < 0 ? SCALER_EXIT_FAILED : SCALER_EXIT_OK;
}

/* A daemon's working directory is the root: what it opens later is found where it was named. */
static int keep_paths(struct global_options *global, struct error *e)
{
	char **const paths[] = { &global->state_file, &global->options_persist };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *path = *paths[i] ? file_absolute(*paths[i]) : NULL;
		if (*paths[i] && !path)
			return error_no_memory(e);
		free(*paths[i]);
		*paths[i] = path;
	}
	return 0;
}

static int daemon_begin(struct run *run)
{
	struct global_options *global = &run->config.global;
	struct pid_file file = PID_FILE_NULL;
	struct error e = ERROR_NULL;
	int tell = -1;
	int rc = keep_paths(global, &e);

	if (rc == 0)
		rc = pid_file_take(global->pid_file_dir, global->instance, &file, &e);
	if (rc == 0)
		rc = daemon_detach(&tell, &e);
	if (rc < 0)
		return complain(run, SCALER_EXIT_FAILED, e.text);
	return rc > 0 ? SCALER_EXIT_OK : run_daemon(run, &file, tell);
}

static int daemon_end(struct run *run)
{
	const struct global_options *global = &run->config.global;
	struct error e = ERROR_NULL;
	bool stopped;
	int rc = daemon_stop(global->pid_file_dir, global->instance, clock_system(), &stopped, &e);

	if (rc < 0)
		return complain(run, SCALER_EXIT_FAILED, e.text);
	if (stopped)
		log_info(&run->log, "Daemon stopped");
	else
		fprintf(stderr, "%s: no daemon of the instance %s was running\n", run->program, global->instance);
	return SCALER_EXIT_OK;
}

static int daemon_again(struct run *run)
{
	int status = daemon_end(run);

	return status == SCALER_EXIT_OK ? daemon_begin(run) : status;
}

static int daemon_foreground(struct run *run)
{
	return run_foreground(run, false);
}

static const struct {
	const char *name;
	int (*run)(struct run *run);
} daemon_modes[] = {
	{ "start", daemon_begin },           { "stop", daemon_end },      { "restart", daemon_again },
	{ "foreground", daemon_foreground }, { "fg", daemon_foreground },
};

static int dispatch(struct run *run)
{
	const struct global_options *global = &run->config.global;

	if (!global->daemon)
		return run_foreground(run, global->run_once);
	for (size_t i = 0; i < sizeof(daemon_modes) / sizeof(daemon_modes[0]); i++) {
		if (strcmp(daemon_modes[i].name, global->daemon) == 0)
			return daemon_modes[i].run(run);
	}
	return complain(run, SCALER_EXIT_FAILED, "Valid options for --daemon are start, stop, restart, and foreground");
}

static int show_config(const struct run *run)
{
	_buf_cleanup_ struct buf text = BUF_INIT(64 << 20);

	scaler_config_show(&run->config, &text);
	fputs(buf_text(&text), stdout);
	return buf_error(&text) ? complain(run, SCALER_EXIT_FAILED, "no memory") : SCALER_EXIT_OK;
}

/* What needs the configuration, and neither AWS nor a log of its own. */
static int try_out(const struct run *run, const struct scaler_cli *cli, struct error *e)
{
	const struct backtest_request request = {
		.trace = scaler_cli_get(cli, "backtest"),
		.config = &run->config,
		.table = scaler_cli_get(cli, "backtest-table"),
		.svg = scaler_cli_get(cli, "svg"),
	};

	if (request.trace)
		return backtest_run(&request, stdout, e);
	return simulate_file(scaler_cli_get(cli, "simulate"), run->config.global.compat, stdout, e);
}

static int with_config(struct run *run, const struct scaler_cli *cli)
{
	struct scaler_config_request request = scaler_cli_request(cli);
	struct error e = ERROR_NULL;

	if (scaler_config_load(&request, &run->log, &run->config, &e) < 0)
		return complain(run, SCALER_EXIT_FAILED, e.text);
	if (run->config.global.show_config)
		return show_config(run);
	if (scaler_cli_get(cli, "backtest") || scaler_cli_get(cli, "simulate"))
		return try_out(run, cli, &e) < 0 ? complain(run, SCALER_EXIT_FAILED, e.text) : SCALER_EXIT_OK;
	if (open_log(run, &e) < 0)
		return complain(run, SCALER_EXIT_FAILED, e.text);
	if (scaler_cli_had_secret(cli))
		log_warning(&run->log, "a secret key on the command line can be read by every user of this machine; "
				       "it is better kept in the environment or in ~/.aws/credentials");
	return dispatch(run);
}

static int with_cli(struct run *run, const struct scaler_cli *cli)
{
	if (scaler_cli_get(cli, "help")) {
		scaler_cli_help(stdout, run->program);
		return SCALER_EXIT_OK;
	}
	/* Begins as the original's: scripts look at it. */
	if (scaler_cli_get(cli, "version")) {
		printf("Dynamic DynamoDB version: 2.5.1 (dynconf-scaler %s)\n", DYNCONF_VERSION);
		return SCALER_EXIT_OK;
	}
	return with_config(run, cli);
}

static void run_deinit(struct run *run)
{
	scaler_free(run->scaler);
	http_free(run->http);
	scaler_config_deinit(&run->config);
	log_deinit(&run->log);
	log_handlers_free(run->handlers);
	if (run->signals >= 0)
		close(run->signals);
}

int scaler_main(int argc, char **argv)
{
	_scaler_cli_cleanup_ struct scaler_cli cli = SCALER_CLI_NULL;
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct run run = {
		.program = slash      ? slash + 1
			   : argc > 0 ? argv[0]
				      : "dynconf-scaler",
		.log = LOG_NULL,
		.signals = -1,
	};
	struct error e = ERROR_NULL;

	/* Keys must not end in a core file. */
	secret_hide_memory();
	if (scaler_cli_parse(argc, argv, &cli, &e) < 0)
		return complain(&run, SCALER_EXIT_USAGE, e.text);
	int status = with_cli(&run, &cli);
	run_deinit(&run);
	/* A full disk behind stdout must not look like success. */
	if (fflush(stdout) != 0 && status == SCALER_EXIT_OK)
		return complain(&run, SCALER_EXIT_FAILED, "the output could not be written");
	return status;
}
