/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"
#include "aws/core/log.h"
#include "scaler/dimension.h"
#include "scaler/scale.h"
#include "scaler/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The one table of the scaler's options, and the values it fills. The configuration file, the command line, `.control`,
 * --show-config, help and the manual page are all driven by it: a new option is a new row and a field.
 * All strings are owned by the struct that they stand in; NULL where nothing was said.
 */
enum unit { UNIT_UNSET, UNIT_PERCENT, UNIT_UNITS };

enum compat { COMPAT_NONE, COMPAT_2_5_1 };

enum consecutive { CONSECUTIVE_ADDED_UP, CONSECUTIVE_STRICT };

enum message_type { MESSAGE_SCALE_UP, MESSAGE_SCALE_DOWN, MESSAGE_HIGH, MESSAGE_LOW, MESSAGE_TYPES };

/* By how much a side changes for one cause; what is unset or 0 falls back to the side's general unit and amount. */
struct change_options {
	enum unit unit;
	int64_t with;
	struct scale scale; /* not empty: decides alone */
};

/* An INT that was not given and has no default. */
#define SCALER_UNSET INT64_MIN

/* One dimension of a section. 0 switches thresholds and limits off. */
struct side_options {
	bool autoscaling, up_scaling, down_scaling;
	bool down_on_zero;                        /* shrink although nothing at all was consumed */
	double upper_threshold;                   /* percent */
	int64_t lower_threshold;                  /* percent */
	int64_t throttled_threshold;              /* events */
	struct change_options increase, decrease; /* the general ones: unit set, no scale */
	struct change_options increase_throttled_provisioned, increase_throttled_consumed;
	struct change_options increase_consumed, decrease_consumed;
	int64_t least, most;              /* units */
	int64_t checks, checks_reset;     /* checks before shrinking; percent */
	int64_t upper_alarm, lower_alarm; /* percent */
};

/* One [table: …] or [gsi: …] section. */
struct section_options {
	struct side_options sides[DIMENSIONS];
	bool decrease_together;
	char *windows; /* maintenance windows, as written */
	char *topic;
	struct message_types {
		unsigned bits; /* 1 << enum message_type */
		char *text;    /* as given, without what is none; NULL: not given */
	} message_types;
	int64_t lookback_start, lookback_period; /* minutes */
	char *breaker_url;
	double breaker_timeout; /* milliseconds */
	/* What the original did not have; 0, false and NULL are its behaviour. */
	int64_t decreases_per_day;
	char *decreases_reserved_window; /* one decrease of the day is kept for it */
	int64_t cool_down;               /* minutes */
	enum consecutive consecutive;
	char *exclude;                          /* expressions with commas between */
	char *region, *role_arn, *endpoint_url; /* NULL: those of [global] */
};

/* [global] and [logging], and what only the command line says. */
struct global_options {
	char *region;
	int64_t check_interval; /* seconds; 0 is for the loop to bound */
	char *breaker_url;
	double breaker_timeout; /* milliseconds */
	char *access_key, *secret_key;
	enum compat compat;
	char *state_file, *options_persist;
	char *role_arn, *endpoint_url;
	bool enabled;           /* `scaler = yes`: the mount's daemon scales */
	bool manage_autoscaled; /* tables under AWS Application Auto Scaling too */
	char *log_file, *log_config_file;
	enum log_level log_level;
	bool dry_run, run_once, show_config, strict;
	char *config, *daemon, *instance, *pid_file_dir;
};

enum scaler_scope {
	SCALER_GLOBAL,   /* [global], into struct global_options */
	SCALER_LOGGING,  /* [logging], into the same */
	SCALER_COMMAND,  /* the command line only, into the same */
	SCALER_SECTION,  /* [table: …], [gsi: …], [default_options], into struct section_options */
	SCALER_SCHEDULE, /* [schedule: …], into struct schedule_options */
	SCALER_SCOPES
};

/* [schedule: NAME table: KEY]: least units while one of the windows is open. */
struct schedule_options {
	char *windows;
	int64_t least[DIMENSIONS];
};

enum scaler_type {
	SCALER_TEXT,   /* char * */
	SCALER_SECRET, /* char *, shown as *** */
	SCALER_URL,    /* char *, whose password is shown as *** */
	SCALER_BOOL,   /* bool */
	SCALER_WORD,   /* an enum: `least` plus the position of the word in `values`; 0 for "" where there is no default
			*/
	SCALER_INT,    /* int64_t */
	SCALER_FLOAT,  /* double */
	SCALER_SCALE,  /* struct scale */
	SCALER_MESSAGES, /* struct message_types */
	SCALER_WEEK,     /* char *: windows of the week */
	SCALER_TYPES
};

enum scaler_flags {
	SCALER_OURS = 1 << 0,        /* not of the original: shown where it differs from the default */
	SCALER_TABLE_ONLY = 1 << 1,  /* --show-config leaves it out for indexes, as the original did */
	SCALER_HYPHENS = 1 << 2,     /* --show-config keeps its hyphens */
	SCALER_FLAG = 1 << 3,        /* takes no value on the command line */
	SCALER_WHOLE = 1 << 4,       /* a FLOAT that is a whole number on the command line */
	SCALER_TABLE_RANGE = 1 << 5, /* the range holds for tables, as in the original */
	SCALER_INDEX_RANGE = 1 << 6, /* … for indexes */
	SCALER_FALSE = 1 << 7,       /* --show-config says false where it is unset */
};

struct scaler_option {
	const char *name;
	enum scaler_scope scope;
	size_t offset;
	enum scaler_type type;
	const char *fallback; /* as somebody would write it; NULL: none */
	double least;         /* of INT and FLOAT: values below are refused, by scaler_option_check */
	bool off;             /* …but 0, which switches it off */
	unsigned flags;
	const char *values; /* what help shows after '='; the words of WORD, between '|' */
	const char *help;
	const char *alias; /* another name in the file */
};

extern const struct scaler_option scaler_options[];
extern const size_t scaler_option_count;

/* By name or alias, in that scope; NULL when there is none. Names are as written, with hyphens. */
const struct scaler_option *scaler_option_find(enum scaler_scope scope, const char *name);

/* `base` is the struct of the row's scope. EINVAL with a sentence that names the option and never the value, for what
 * is not of the row's type. Unknown types of messages are left out. */
int scaler_option_set(const struct scaler_option *row, void *base, const char *value, struct error *e);
/* EINVAL where a value of sns-message-types has an unknown one. */
int scaler_messages_check(const char *value, struct error *e);
/* As if it had not been given, for a row without a default. */
void scaler_option_unset(const struct scaler_option *row, void *base);
/* EINVAL where the value is below the row's range. */
int scaler_option_check(const struct scaler_option *row, const void *base, enum target_kind kind, struct error *e);
/* The value as the file would say it, "" when it is unset. Secrets are ***. */
void scaler_option_get(const struct scaler_option *row, const void *base, struct buf *out);
/* The same as JSON: null where it is unset. */
void scaler_option_json(const struct scaler_option *row, const void *base, struct buf *out);
/* Whether it has its default. */
bool scaler_option_is_default(const struct scaler_option *row, const void *base);

/* Every option of a scope: to its default (`base` zeroed before), a deep copy into a zeroed struct, freed and zeroed.
 */
int scaler_options_default(enum scaler_scope scope, void *base, struct error *e);
int scaler_options_copy(enum scaler_scope scope, const void *from, void *to, struct error *e);
void scaler_options_deinit(enum scaler_scope scope, void *base);

extern const char *const message_type_names[MESSAGE_TYPES];
