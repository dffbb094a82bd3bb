/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The `args=` of a handler in a Python logging configuration: a tuple of strings, whole numbers, dotted names, and one
 * pair (host, port). Nothing is evaluated. Pure.
 */
enum log_arg_kind { LOG_ARG_NONE, LOG_ARG_TEXT, LOG_ARG_NUMBER, LOG_ARG_NAME, LOG_ARG_PAIR };

struct log_arg {
	enum log_arg_kind kind;
	char text[1024]; /* of a text, a name ("sys.stdout"), a pair's host */
	int64_t number;  /* of a number, a pair's port */
};

enum { LOG_ARGS_MAX = 8 };

struct log_args {
	struct log_arg args[LOG_ARGS_MAX];
	size_t n;
};

/* EINVAL with a sentence that says at which text the tuple ends to make sense. None is LOG_ARG_NONE, True and False are
 * the numbers 1 and 0. */
int log_args_parse(const char *text, struct log_args *out, struct error *e);
