/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "scaler/log_handlers.h"

/*
 * The file of --log-config-file: Python's logging configuration, as far as it says where lines of the logger
 * `dynamic-dynamodb` go, and how they look.
 * https://docs.python.org/2.7/library/logging.config.html#configuration-file-format
 */

/* Adds the handlers of the logger and, unless it says propagate=0, of the root; sets the log's level. Errors are
 * ini_load's, and EINVAL with section and option for classes, arguments and fields that are not known here. */
int log_config_load(const char *path, struct log_handlers *handlers, struct log *log, struct error *e);
