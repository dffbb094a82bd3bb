/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/core/log.h"
#include "fs/options.h"
#include "fs/settings.h"

#include <stdbool.h>
#include <sys/types.h>

#define CONFIG_FILE "/etc/dynconf/dynconf.conf"

/* Who mounts: decides the defaults of ownership and where the embedded store is. */
struct config_identity {
	uid_t uid;
	gid_t gid;
	const char *home;      /* HOME; NULL: unknown */
	const char *data_home; /* XDG_DATA_HOME; NULL: unset */
};

struct config_request {
	struct config_identity who;
	const char *file;
	bool file_optional;                 /* it may be missing */
	const char *source;                 /* SOURCE of the command line; NULL: none */
	const struct option_pairs *options; /* what stood after -o */
};

/* Whether a word on the command line names a source rather than a directory: "local", "local:FILE", "dynamodb:TABLE".
 */
bool config_is_source(const char *word);

/* What this process, its environment and its command line ask for; `file` is NULL without -c. */
struct config_request config_request(const char *file, const char *source, const struct option_pairs *options);

/*
 * Defaults, then the file, then -o: everything of `settings` but mountpoint and foreground, checked. Relative paths
 * become absolute, since the daemon leaves the working directory. One info line goes to `log` where the file has
 * sections that are the scaler's, and it is not switched on. Errors of the file begin with "FILE:LINE: ".
 */
int config_load(const struct config_request *request, struct log *log, struct settings *settings, struct error *e);
