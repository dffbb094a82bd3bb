/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/core/error.h"
#include "aws/core/log.h"
#include "scaler/log_file.h"

#include <stdbool.h>

/*
 * Where the log goes: any number of handlers, each with a level and a format, as in Python's logging.
 * Writing is thread-safe; adding is not, and comes first.
 */
struct log_handlers;

int log_handlers_new(struct clock *clock, struct log_handlers **handlers, struct error *e);
/* Accepts NULL. The log that was attached must not be used any more. */
void log_handlers_free(struct log_handlers *handlers);

/* What all handlers have; the strings are copied. */
struct log_handler_spec {
	int level;          /* Python's number: records below it are dropped */
	const char *format; /* NULL: "%(message)s" */
	const char *dates;  /* NULL: "YYYY-MM-DD HH:MM:SS,mmm" */
};

/* EINVAL for a format that cannot be filled in. */
int log_handlers_add_stream(struct log_handlers *handlers, const struct log_handler_spec *spec, int fd,
			    struct error *e);
/* Also the errors of log_file_open. */
int log_handlers_add_file(struct log_handlers *handlers, const struct log_handler_spec *spec,
			  const struct log_file_spec *file, struct error *e);
/* A socket's path, or a host and a UDP port. `facility` is syslog(3)'s, such as LOG_USER. A socket that is not there
 * yet is tried again with each line. */
int log_handlers_add_syslog(struct log_handlers *handlers, const struct log_handler_spec *spec, const char *address,
			    int port, int facility, struct error *e);

/* The original's own set-up: stderr, and `file` (NULL: none; a leading ~ is the home) rotated at midnight, 5 kept;
 * lines of a dry run say so. */
int log_handlers_add_default(struct log_handlers *handlers, const char *file, bool dry_run, struct error *e);

/* From here on the log's lines go to the handlers, which must outlive it. */
void log_handlers_attach(struct log_handlers *handlers, struct log *log);
