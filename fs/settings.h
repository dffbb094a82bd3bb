/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/core/log.h"
#include "fs/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What the command line and the configuration file say, once both were read and checked. Plain values, filled from
 * the one table of options in options.c; owned strings, NULL where nothing was said.
 */
enum control_mode { CONTROL_HIDDEN, CONTROL_LISTED, CONTROL_OFF };
enum commit_mode { COMMIT_CLOSE, COMMIT_WRITE };
enum values_mode { VALUES_RW, VALUES_RO };
enum source_kind { SOURCE_LOCAL, SOURCE_DYNAMODB };
enum billing_mode { BILLING_PROVISIONED, BILLING_ON_DEMAND };
enum layout_kind { LAYOUT_OPTIONS, LAYOUT_PATH, LAYOUT_KINDS }; /* rows of the layout table */
enum root_mode { ROOT_AUTO, ROOT_NO, ROOT_YES };

/* Who may: owner, group and permissions of files and directories. The options of this are those of OPTION_ACCESS. */
struct access {
	uid_t uid;
	gid_t gid;
	mode_t mode;     /* of files */
	mode_t umask;    /* taken off, once access_finish was called */
	mode_t dir_mode; /* set by access_finish: mode plus search where it reads */
};

#define ACCESS_UNSET ((struct access){ .uid = (uid_t)-1, .gid = (gid_t)-1, .mode = (mode_t)-1, .umask = (mode_t)-1 })

/* What [store: NAME] says; unset fields are its source's. */
struct store_settings {
	char *name; /* raw */
	struct access access;
};

struct source_settings {
	char *name;   /* of `[source: NAME]`; for SOURCE on the command line: the table, or "local" */
	char *source; /* as given: "local", "local:FILE", "dynamodb:TABLE" */
	enum source_kind kind;
	char *target; /* the table; or the file, with the default filled in */
	enum layout_kind layout;
	char *region;
	char *endpoint_url;
	char *access_key_id; /* wiped with the rest; NULL: as the AWS CLI finds them */
	char *secret_access_key;
	char *session_token;
	char *store_key;       /* "_store" */
	char *option_key;      /* "_option" */
	char *key_attribute;   /* "key", */
	char *value_attribute; /* and "value": of the path layout */
	enum root_mode root;   /* once checked ROOT_YES or ROOT_NO: whether its one store is the root itself */
	char **stores;         /* raw names that the source is limited to; NULL-terminated; NULL: all */
	int64_t ttl;           /* nanoseconds; 0: read on every access */
	int64_t timeout;       /* nanoseconds, for one request */
	enum newline_mode newline;
	struct access access;
	bool create; /* a missing table is created */
	enum billing_mode billing;
	int64_t read_units, write_units;
};

struct settings {
	char *mountpoint;                /* absolute, resolved */
	char *shown;                     /* what /proc/mounts shows as the source: SOURCE as given, else "dynconf" */
	struct source_settings *sources; /* in the order of the file */
	size_t n_sources;
	char *file;           /* the configuration file that was read; NULL: none */
	bool watch;           /* inotify events for changes made elsewhere */
	bool scaler;          /* the tables of its sections are scaled */
	char *default_source; /* name of the source for mkdir at the root; NULL: the first */
	bool read_only;
	bool allow_other; /* true by default where root mounts */
	bool foreground;
	struct access access; /* of the root, of .control's directories, and of sources that say nothing else */
	struct store_settings *stores; /* of [store: NAME] */
	size_t n_stores;
	enum control_mode control;
	enum commit_mode commit;
	enum values_mode values; /* VALUES_RO: .control alone can be written, and opens never reach the daemon */
	char *log_file;          /* NULL: stderr in the foreground, else syslog */
	enum log_level log_level;
};

#define SETTINGS_NULL ((struct settings){ 0 })

/* Whether values, options and stores can be changed through the mount. */
static inline bool settings_read_only(const struct settings *settings)
{
	return settings->read_only || settings->values == VALUES_RO;
}

/* What mount(2) and libfuse are told after -o, one string with commas escaped. */
void settings_mount_options(const struct settings *settings, struct buf *out);

/* The umask off, and the mode of directories. */
void access_finish(struct access *access);
/* Whose a store of that raw name is when it comes from this source; finished. */
struct access settings_access(const struct settings *settings, const struct source_settings *source, const char *store);

/* Idempotent. */
void settings_deinit(struct settings *settings);
