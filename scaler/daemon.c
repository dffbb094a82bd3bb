/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/daemon.h"

#include "aws/core/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STOP_SECONDS = 60, STOP_STEP_MS = 100, TRIES = 10 };

static int failed(int number, const char *what, const char *name, struct error *e)
{
	int kind = number == EACCES || number == EPERM || number == EROFS || number == ELOOP ? EACCES : EIO;

	return error_set(e, kind, "%s %s: %s", what, name, strerror(number));
}

static int open_folder(const char *folder, int *fd, struct error *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (geteuid() != 0 && strcmp(folder, "/run") == 0 && runtime && *runtime == '/')
		folder = runtime;
	*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? failed(errno, "the folder of the pid file cannot be opened:", folder, e) : 0;
}

/* A file that somebody else owns or links to would let them say whom we signal, or what we overwrite. */
static int check_ours(const struct pid_file *file, const struct stat *st, struct error *e)
{
	if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || st->st_nlink > 1)
		return error_set(e, EACCES,
				 "the pid file %s is not a file of this user: remove it, or choose another "
				 "--pid-file-dir",
				 file->name);
	return 0;
}

/* ENOENT when there is none and `flags` do not create it. */
static int open_file(struct pid_file *file, int flags, struct stat *st, struct error *e)
{
	file->fd = openat(file->folder, file->name, flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (file->fd < 0 && errno == ENOENT && !(flags & O_CREAT))
		return error_set(e, ENOENT, "there is no pid file %s", file->name);
	if (file->fd < 0 || fstat(file->fd, st) < 0)
		return failed(errno, "the pid file cannot be opened:", file->name, e);
	return check_ours(file, st, e);
}

static void release(struct pid_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->folder >= 0)
		close(file->folder);
	file->fd = file->folder = -1;
}

/* Whether the file that is locked is still the one of that name: its last owner may have removed it meanwhile. */
static bool still_there(const struct pid_file *file, const struct stat *st)
{
	struct stat now;

	return fstatat(file->folder, file->name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st->st_ino &&
	       now.st_dev == st->st_dev;
}

static int begin(const char *folder, const char *instance, struct pid_file *file, struct error *e)
{
	if (strchr(instance, '/') || strlen(instance) > sizeof(file->name) - 32)
		return error_set(e, EINVAL, "--instance takes a short name without slashes");
	snprintf(file->name, sizeof(file->name), "dynamic-dynamodb.%s.pid", instance);
	return open_folder(folder, &file->folder, e);
}

/* The number in it is of one that died: nobody is to signal it. Who can open it could lock it, and look like a daemon.
 */
static int empty(const struct pid_file *file, struct error *e)
{
	if (ftruncate(file->fd, 0) < 0 || fchmod(file->fd, 0600) < 0)
		return failed(errno, "the pid file cannot be written:", file->name, e);
	return 0;
}

static int take(struct pid_file *file, struct error *e)
{
	struct stat st;

	for (int i = 0; i < TRIES; i++) {
		int rc = open_file(file, O_CREAT, &st, e);
		if (rc < 0)
			return rc;
		if (flock(file->fd, LOCK_EX | LOCK_NB) < 0)
			return error_set(e, EEXIST, "pidfile %s already exist. Daemon already running?", file->name);
		if (still_there(file, &st))
			return empty(file, e);
		close(file->fd);
		file->fd = -1;
	}
	return error_set(e, EIO, "the pid file %s keeps going away", file->name);
}

int pid_file_take(const char *folder, const char *instance, struct pid_file *out, struct error *e)
{
	struct pid_file file = PID_FILE_NULL;
	int rc = begin(folder, instance, &file, e);

	if (rc == 0)
		rc = take(&file, e);
	if (rc < 0) {
		release(&file);
		return rc;
	}
	*out = file;
	return 0;
}

int pid_file_write(const struct pid_file *file, struct error *e)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(file->fd, 0) < 0 || pwrite(file->fd, text, (size_t)len, 0) != len)
		return failed(errno, "the pid file cannot be written:", file->name, e);
	return 0;
}

void pid_file_remove(struct pid_file *file)
{
	if (file->fd >= 0)
		unlinkat(file->folder, file->name, 0);
	release(file);
}

static pid_t read_pid(const struct pid_file *file)
{
	char text[32] = "";

	if (pread(file->fd, text, sizeof(text) - 1, 0) < 0)
		return 0;
	long pid = strtol(text, NULL, 10);
	return pid > 1 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

static int wait_unlocked(const struct pid_file *file, struct clock *clock, struct error *e)
{
	int64_t end = clock_mono(clock) + STOP_SECONDS * CLOCK_SECOND;

	while (flock(file->fd, LOCK_EX | LOCK_NB) < 0) {
		if (clock_mono(clock) >= end)
			return error_set(e, ETIMEDOUT, "the daemon of %s has not ended after %d s", file->name,
					 STOP_SECONDS);
		clock_sleep(clock, clock_mono(clock) + STOP_STEP_MS * CLOCK_MS, -1);
	}
	return 0;
}

static int stop(struct pid_file *file, struct clock *clock, bool *stopped, struct error *e)
{
	bool live = flock(file->fd, LOCK_EX | LOCK_NB) < 0;
	pid_t pid = live ? read_pid(file) : 0;

	if (live && (!pid || kill(pid, SIGTERM) < 0))
		return error_set(e, EIO, "the daemon of %s cannot be signalled", file->name);
	int rc = live ? wait_unlocked(file, clock, e) : 0;
	if (rc < 0)
		return rc;
	/* The lock is ours: what is left is stale. */
	unlinkat(file->folder, file->name, 0);
	*stopped = live;
	return 0;
}

int daemon_stop(const char *folder, const char *instance, struct clock *clock, bool *stopped, struct error *e)
{
	struct pid_file file = PID_FILE_NULL;
	struct stat st;
	int rc = begin(folder, instance, &file, e);

	if (rc == 0)
		rc = open_file(&file, 0, &st, e);
	if (rc == 0)
		rc = stop(&file, clock, stopped, e);
	release(&file);
	if (rc != -ENOENT)
		return rc;
	*stopped = false;
	return 0;
}

/* What the daemon says through the pipe: nothing but its end means that it died. */
static int hear(int fd, struct error *e)
{
	struct error said = ERROR_NULL;
	ssize_t n;

	do
		n = read(fd, &said, sizeof(said));
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n != (ssize_t)sizeof(said))
		return error_set(e, EIO, "the daemon ended at once");
	return said.number ? error_set(e, said.number, "%s", said.text) : 1;
}

int daemon_detach(int *tell, struct error *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return failed(errno, "the daemon cannot be started:", "pipe", e);
	pid_t pid = fork();
	if (pid < 0)
		return failed(errno, "the daemon cannot be started:", "fork", e);
	if (pid > 0) {
		close(ends[1]);
		return hear(ends[0], e);
	}
	close(ends[0]);
	setsid();
	/* The second fork: a session's leader could get a terminal again. */
	if (fork() != 0)
		_exit(0);
	if (chdir("/") < 0)
		_exit(1);
	*tell = ends[1];
	return 0;
}

void daemon_ready(int tell, const struct error *failure)
{
	struct error said = failure ? *failure : ERROR_NULL;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (write(tell, &said, sizeof(said)) < 0)
		return;
	close(tell);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}
