/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"
#include "aws/core/words.h"
#include "aws/credentials_private.h"
#include "aws/credentials_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
enum { PATIENCE_SECONDS = 60, PAUSE_MS = 10 };

/* A process under way, at the head of a group of its own. */
struct process {
	struct clock *clock;
	int64_t deadline; /* mono */
	int cancel_fd;
	pid_t pid;
	int out; /* the reading end of its standard output */
};

static int set_up(posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes, int out)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	int number = posix_spawnattr_setflags(attributes,
					      POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!number)
		number = posix_spawnattr_setsigmask(attributes, &none);
	if (!number)
		number = posix_spawnattr_setsigdefault(attributes, &all);
	if (!number)
		number = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!number)
		number = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
	/* What it complains of may hold what it was asked for: nobody logs it. */
	if (!number)
		number = posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	/* curl's connections are inherited, and what it starts may live on for long. */
	if (!number)
		number = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return number;
}

static int spawn(char **words, int out, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	int number = set_up(&files, &attributes, out);
	if (!number)
		number = posix_spawnp(pid, words[0], &files, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return number;
}

static int start(struct process *process, char **words, struct error *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(e, EIO, "no pipe: %s", strerror(errno));
	int number = spawn(words, ends[1], &process->pid);
	close(ends[1]);
	if (number) {
		close(ends[0]);
		return error_set(e, EACCES, "it cannot be started: %s", strerror(number));
	}
	process->out = ends[0];
	return 0;
}

/* Until `fd` (-1: none) is readable, or for that many milliseconds. */
static int wait_for(const struct process *process, int fd, int ms, struct error *e)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = process->cancel_fd, .events = POLLIN } };

	for (;;) {
		int64_t left = (process->deadline - clock_mono(process->clock) + CLOCK_MS - 1) / CLOCK_MS;
		if (left <= 0)
			return error_set(e, ETIMEDOUT, "it took longer than %d s and was killed", PATIENCE_SECONDS);
		int n = poll(fds, 2, left > ms ? ms : (int)left);
		if (n > 0 && fds[1].revents)
			return error_set(e, ECANCELED, "it was given up and killed");
		if (n > 0 || (n == 0 && left > ms))
			return 0;
	}
}

static int read_output(const struct process *process, struct buf *output, struct error *e)
{
	for (;;) {
		char *room = buf_reserve(output, PIPE_BUF);
		int result = wait_for(process, process->out, INT_MAX, e);
		if (result < 0)
			return result;
		if (!room)
			return error_set(e, EACCES, "it printed more than %zu bytes and was killed", output->max);
		ssize_t n = read(process->out, room, PIPE_BUF);
		if (n < 0 && errno != EINTR)
			return error_set(e, EIO, "its output cannot be read: %s", strerror(errno));
		if (n == 0)
			return 0;
		output->len += n > 0 ? (size_t)n : 0;
		output->data[output->len] = '\0';
	}
}

/* Asked again and again: a pidfd, which could be waited for, is not to be had in every container. */
static int wait_for_end(const struct process *process, int *status, struct error *e)
{
	for (;;) {
		pid_t ended = waitpid(process->pid, status, WNOHANG);
		if (ended > 0 || (ended < 0 && errno != EINTR))
			return 0;
		int result = wait_for(process, -1, PAUSE_MS, e);
		if (result < 0)
			return result;
	}
}

/* Waits for its end, or makes it. */
static int finish(const struct process *process, int result, struct error *e)
{
	int status = 0;

	if (result == 0)
		result = wait_for_end(process, &status, e);
	close(process->out);
	if (result < 0) {
		kill(-process->pid, SIGKILL);
		while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
			;
		return result;
	}
	if (WIFSIGNALED(status))
		return error_set(e, EACCES, "it ended by signal %d: run it to see why", WTERMSIG(status));
	if (WEXITSTATUS(status))
		return error_set(e, EACCES, "it ended with status %d: run it to see why", WEXITSTATUS(status));
	return 0;
}

static int run(const struct credentials_context *context, const char *command, int cancel_fd, struct buf *output,
	       struct error *e)
{
	struct clock *clock = credentials_clock(context);
	struct process process = {
		.clock = clock,
		.deadline = clock_mono(clock) + PATIENCE_SECONDS * CLOCK_SECOND,
		.cancel_fd = cancel_fd,
	};
	char **words;
	int result = words_split(command, &words, e);

	if (result < 0)
		return result;
	result = start(&process, words, e);
	words_free(words);
	return result < 0 ? result : finish(&process, read_output(&process, output, e), e);
}

static int check_version(const struct buf *output, struct error *e)
{
	_json_wipe_ json_t *root = json_loadb(buf_text(output), output->len, 0, NULL);
	const json_t *version = json_object_get(root, "Version");

	if (root && (!json_is_integer(version) || json_integer_value(version) != 1))
		return error_set(e, EACCES, "its output is not of \"Version\": 1");
	return 0;
}

static int fetch(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	static const struct credentials_names names = {
		.id = "AccessKeyId",
		.secret = "SecretAccessKey",
		.token = "SessionToken",
		.expires = "Expiration",
	};
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	_buf_cleanup_ struct buf output = BUF_SECRET(CREDENTIALS_ANSWER_MAX);
	int result = profile_load(context, &profile, e);

	if (result < 0)
		return result;
	const char *command = profile_get(&profile, "credential_process");
	if (!command)
		return error_set(e, ENOENT, "%s", "");
	result = run(context, command, cancel_fd, &output, e);
	if (result == 0)
		result = check_version(&output, e);
	if (result == 0)
		result = credentials_from_json(credentials_process.name, &names, &output, out, e);
	return result < 0 ? error_context(e, "credential_process of profile \"%s\"", profile.name) : 0;
}

const struct credentials_provider credentials_process = {
	.name = "credential_process",
	.of_profile = true,
	.fetch = fetch,
};
