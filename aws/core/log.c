/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
};

const char *log_level_name(enum log_level level)
{
	return levels[level].name;
}

int log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

int log_open_file(struct log *log, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return -errno;
	log_deinit(log);
	log->fd = fd;
	log->owned = true;
	log->stamped = true;
	return 0;
}

void log_open_syslog(struct log *log, const char *program)
{
	log_deinit(log);
	openlog(program, LOG_PID, LOG_DAEMON);
	log->fd = -1;
}

void log_deinit(struct log *log)
{
	if (log->owned)
		close(log->fd);
	log->owned = false;
	log->fd = 2;
}

static size_t stamp(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm local;
	char date[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
	return (size_t)snprintf(line, size, "%s,%03ld - dynconf - %s - ", date, now.tv_nsec / 1000000,
				levels[level].name);
}

/* What servers and names bring along must not forge lines or move a terminal's cursor. */
static void plain(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 32 || *text == 127)
			*text = '?';
	}
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	size_t used = 0;

	if (!log || (int)level < atomic_load_explicit(&log->level, memory_order_relaxed))
		return;
	if (log->fd >= 0 && !log->sink)
		used = log->stamped ? stamp(line, sizeof(line), level)
				    : (size_t)snprintf(line, sizeof(line), "dynconf: ");
	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);
	plain(line);
	if (log->sink) {
		log->sink(log->sink_data, level, line);
		return;
	}
	if (log->fd < 0) {
		syslog(levels[level].priority, "%s", line);
		return;
	}
	size_t len = strlen(line);
	line[len++] = '\n';
	/* One write a line keeps the lines of several threads apart; a full disk must not stop the daemon. */
	if (write(log->fd, line, len) < 0)
		return;
}
