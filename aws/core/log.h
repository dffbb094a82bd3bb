/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/*
 * The log: leveled lines to one sink. The object is handed to whoever writes; there is no global one.
 * Everything here may be called from any thread once log_init has returned. No caller may pass a secret.
 */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct log {
	_Atomic int level; /* lines below it are dropped; may be changed at any time */
	int fd;            /* where lines go; -1: syslog */
	bool owned;        /* fd is ours to close */
	bool stamped;      /* lines to fd begin with the time and the level */
	/* Takes the lines instead, without a newline and with control bytes replaced; NULL: fd. Any thread. */
	void (*sink)(void *data, enum log_level level, const char *line);
	void *sink_data;
};

#define LOG_NULL ((struct log){ .level = LOG_LEVEL_INFO, .fd = 2 })

/* Opens a file for appending, 0600. Returns 0 or -errno with errno's meaning; on failure the log is unchanged. */
int log_open_file(struct log *log, const char *path);
/* From here on to syslog(3), which journald reads too; `program` must outlive the log. */
void log_open_syslog(struct log *log, const char *program);
void log_deinit(struct log *log);

/* One line without its final newline. A NULL log drops it. */
void log_write(struct log *log, enum log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "debug", "info", "warning", "error". log_level_parse returns -EINVAL for other words. */
const char *log_level_name(enum log_level level);
int log_level_parse(const char *name, enum log_level *level);

#define log_debug(log, ...) log_write((log), LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(log, ...) log_write((log), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(log, ...) log_write((log), LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(log, ...) log_write((log), LOG_LEVEL_ERROR, __VA_ARGS__)
