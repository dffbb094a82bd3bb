/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/options.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define GLOBAL(field) SCALER_GLOBAL, offsetof(struct global_options, field)
#define LOGGING(field) SCALER_LOGGING, offsetof(struct global_options, field)
#define COMMAND(field) SCALER_COMMAND, offsetof(struct global_options, field)
#define SECTION(field) SCALER_SECTION, offsetof(struct section_options, field)
#define SIDE(side, field) SCALER_SECTION, offsetof(struct section_options, sides[side].field)
#define SCHEDULE(field) SCALER_SCHEDULE, offsetof(struct schedule_options, field)

/* A row for each dimension; X is "reads" or "writes", R "read" or "write". */
#define BOTH(rows) rows("reads", "read", DIMENSION_READS) rows("writes", "write", DIMENSION_WRITES)
#define UNITS "percent|units"
#define YES "true|false"

/* clang-format off */
#define ENABLE(X, R, d) \
	{ "enable-" X "-autoscaling", SIDE(d, autoscaling), SCALER_BOOL, "true", .values = YES, .help = "whether " X " are scaled at all" },
#define ENABLE_WAYS(X, R, d) \
	{ "enable-" X "-up-scaling", SIDE(d, up_scaling), SCALER_BOOL, "true", .values = YES, .help = "whether metrics raise " X "; min-provisioned-" X " does in any case" }, \
	{ "enable-" X "-down-scaling", SIDE(d, down_scaling), SCALER_BOOL, "true", .values = YES, .help = "whether " X " are ever lowered" },
#define BASIC(X, R, d) \
	{ X "-lower-threshold", SIDE(d, lower_threshold), SCALER_INT, "30", 1, true, .values = "PERCENT", .help = "lower " X " when consumption is below this; 0: never" }, \
	{ X "-upper-threshold", SIDE(d, upper_threshold), SCALER_FLOAT, "90", 1, true, SCALER_WHOLE, .values = "PERCENT", .help = "raise " X " when consumption is above this; 0: never" }, \
	{ "throttled-" X "-upper-threshold", SIDE(d, throttled_threshold), SCALER_INT, "0", INT_LEAST, .values = "EVENTS", .help = "raise " X " when more requests than this were throttled, and do not lower them; 0: off" }, \
	{ "increase-" X "-with", SIDE(d, increase.with), SCALER_INT, "50", 1, .values = "NUMBER", .help = "by how much " X " are raised" }, \
	{ "decrease-" X "-with", SIDE(d, decrease.with), SCALER_INT, "50", 1, .values = "NUMBER", .help = "by how much " X " are lowered" }, \
	{ "increase-" X "-unit", SIDE(d, increase.unit), SCALER_WORD, "percent", 1, .values = UNITS, .help = "what increase-" X "-with is" }, \
	{ "decrease-" X "-unit", SIDE(d, decrease.unit), SCALER_WORD, "percent", 1, .values = UNITS, .help = "what decrease-" X "-with is" },
#define LIMITS(X, R, d) \
	{ "min-provisioned-" X, SIDE(d, least), SCALER_INT, NULL, 1, .values = "UNITS", .help = "never fewer " R " units; else 1" }, \
	{ "max-provisioned-" X, SIDE(d, most), SCALER_INT, NULL, 1, true, .values = "UNITS", .help = "never more " R " units; else, and with 0, no limit" },
#define ON_ZERO(X, R, d) \
	{ "allow-scaling-down-" X "-on-0-percent", SIDE(d, down_on_zero), SCALER_BOOL, "false", .values = YES, .help = "lower " X " also when nothing at all was consumed" },
#define CHECKS(X, R, d) \
	{ "num-" R "-checks-before-scale-down", SIDE(d, checks), SCALER_INT, "1", 1, .flags = SCALER_TABLE_RANGE, .values = "COUNT", .help = "lower " X " only after this many checks asked for it" },
#define CHECKS_RESET(X, R, d) \
	{ "num-" R "-checks-reset-percent", SIDE(d, checks_reset), SCALER_INT, "0", INT_LEAST, .values = "PERCENT", .help = "begin to count them again when consumption reaches this; 0: off" },
#define ALARMS(X, R, d) \
	{ X "-upper-alarm-threshold", SIDE(d, upper_alarm), SCALER_INT, "0", INT_LEAST, .flags = SCALER_HYPHENS, .values = "PERCENT", .help = "announce that consumption of " X " reached this; 0: off" }, \
	{ X "-lower-alarm-threshold", SIDE(d, lower_alarm), SCALER_INT, "0", INT_LEAST, .flags = SCALER_HYPHENS, .values = "PERCENT", .help = "announce that consumption of " X " is below this; 0: off" },
#define CHANGE_UNIT(name, d, field, what, F) \
	{ name "-unit", SIDE(d, field.unit), SCALER_WORD, NULL, 1, .flags = F, .values = UNITS, .help = "what the numbers for " what " are" },
#define CHANGE_WITH(name, d, field, what, F) \
	{ name "-with", SIDE(d, field.with), SCALER_INT, NULL, 1, true, F, .values = "NUMBER", .help = "by how much for " what },
#define CHANGE_SCALE(name, d, field, what, F) \
	{ name "-scale", SIDE(d, field.scale), SCALER_SCALE, NULL, .flags = F, .values = "{PERCENT: NUMBER, ...}", .help = "by how much at which percentage of " what },
#define BY_PROVISIONED(X, R, d) \
	CHANGE_UNIT("increase-throttled-by-provisioned-" X, d, increase_throttled_provisioned, "throttled " X " of those provisioned", 0) \
	CHANGE_SCALE("increase-throttled-by-provisioned-" X, d, increase_throttled_provisioned, "throttled " X " of those provisioned", 0)
#define BY_CONSUMED(X, R, d) \
	CHANGE_UNIT("increase-throttled-by-consumed-" X, d, increase_throttled_consumed, "throttled " X " of those consumed", 0) \
	CHANGE_SCALE("increase-throttled-by-consumed-" X, d, increase_throttled_consumed, "throttled " X " of those consumed", 0)
#define CONSUMED(name, d, field, what, F) \
	CHANGE_UNIT(name, d, field, what, F) CHANGE_WITH(name, d, field, what, F) CHANGE_SCALE(name, d, field, what, F)
#define INCREASE_CONSUMED(X, R, d) CONSUMED("increase-consumed-" X, d, increase_consumed, "growth by consumed " X, 0)
#define DECREASE_CONSUMED(X, R, d) CONSUMED("decrease-consumed-" X, d, decrease_consumed, "shrinking by consumed " X, SCALER_TABLE_ONLY | SCALER_INDEX_RANGE)
#define SCHEDULED(X, R, d) \
	{ "min-provisioned-" X, SCHEDULE(least[d]), SCALER_INT, NULL, 1, .flags = SCALER_OURS, .values = "UNITS", .help = "never fewer " R " units while a window is open" },

#define INT_LEAST -9.0e18

/* In the order in which the original looks at them: it decides which of several mistakes is told. */
const struct scaler_option scaler_options[] = {
	/* name, place, type, default, least, 0 too, flags, values, help, alias */
	{ "region", GLOBAL(region), SCALER_TEXT, "us-east-1", .values = "NAME", .help = "AWS region" },
	{ "check-interval", GLOBAL(check_interval), SCALER_INT, "300", 0, .values = "SECONDS", .help = "from the end of one pass over the tables to the next" },
	{ "circuit-breaker-url", GLOBAL(breaker_url), SCALER_URL, NULL, .values = "URL", .help = "scale only while this URL answers with success" },
	{ "circuit-breaker-timeout", GLOBAL(breaker_timeout), SCALER_FLOAT, "10000", 0, .values = "MS", .help = "how long it may take to answer" },
	{ "aws-access-key-id", GLOBAL(access_key), SCALER_TEXT, NULL, .values = "ID", .help = "access key; else the usual places are searched" },
	{ "aws-secret-access-key", GLOBAL(secret_key), SCALER_SECRET, NULL, .values = "KEY", .help = "its secret", .alias = "aws-secret-access-key-id" },
	{ "compat", GLOBAL(compat), SCALER_WORD, NULL, 1, .flags = SCALER_OURS, .values = "2.5.1", .help = "decide as Dynamic DynamoDB 2.5.1 did, without the repairs" },
	{ "state-file", GLOBAL(state_file), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "FILE", .help = "keep counters, budgets and decisions over restarts" },
	{ "options-persist", GLOBAL(options_persist), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "FILE", .help = "keep options changed under .control over restarts" },
	{ "role-arn", GLOBAL(role_arn), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "ARN", .help = "assume this role" },
	{ "endpoint-url", GLOBAL(endpoint_url), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "URL", .help = "server to talk to in place of AWS" },
	{ "scaler", GLOBAL(enabled), SCALER_BOOL, "false", .flags = SCALER_OURS, .values = YES, .help = "scale from the mount's daemon; on one host per table" },
	{ "manage-autoscaled", GLOBAL(manage_autoscaled), SCALER_BOOL, "false", .flags = SCALER_OURS, .values = YES, .help = "scale tables under AWS Application Auto Scaling too" },
	{ "config", COMMAND(config), SCALER_TEXT, NULL, .values = "FILE", .help = "configuration file" },
	{ "daemon", COMMAND(daemon), SCALER_TEXT, NULL, .flags = SCALER_FALSE, .values = "start|stop|restart|foreground", .help = "run in the background, or manage what does" },
	{ "dry-run", COMMAND(dry_run), SCALER_BOOL, "false", .flags = SCALER_FLAG, .values = YES, .help = "decide and log, change and send nothing" },
	{ "instance", COMMAND(instance), SCALER_TEXT, "default", .values = "NAME", .help = "name of this daemon among several" },
	{ "pid-file-dir", COMMAND(pid_file_dir), SCALER_TEXT, "/run", .values = "DIR", .help = "where the daemon's pid file is" },
	{ "run-once", COMMAND(run_once), SCALER_BOOL, "false", .flags = SCALER_FLAG, .values = YES, .help = "one pass over the tables, then end" },
	{ "show-config", COMMAND(show_config), SCALER_BOOL, "false", .flags = SCALER_FLAG, .values = YES, .help = "print the configuration as JSON, without AWS" },
	{ "strict", COMMAND(strict), SCALER_BOOL, "false", .flags = SCALER_FLAG | SCALER_OURS, .values = YES, .help = "refuse what is warned of in the configuration" },
	{ "log-file", LOGGING(log_file), SCALER_TEXT, NULL, .values = "FILE", .help = "log to this file too; a new one at midnight, 5 old ones kept" },
	{ "log-level", LOGGING(log_level), SCALER_WORD, "info", .values = "debug|info|warning|error", .help = "the least important lines that are logged" },
	{ "log-config-file", LOGGING(log_config_file), SCALER_TEXT, NULL, .values = "FILE", .help = "a Python logging configuration in place of the other two" },
	BOTH(ENABLE)
	BOTH(ENABLE_WAYS)
	BOTH(BASIC)
	BOTH(LIMITS)
	{ "maintenance-windows", SECTION(windows), SCALER_TEXT, NULL, .values = "HH:MM-HH:MM, ...", .help = "lower only within these windows of the UTC day" },
	BOTH(ON_ZERO)
	{ "always-decrease-rw-together", SECTION(decrease_together), SCALER_BOOL, "false", .values = YES, .help = "lower one dimension only with the other, or while the other is at its minimum" },
	{ "sns-topic-arn", SECTION(topic), SCALER_TEXT, NULL, .values = "ARN", .help = "where to announce" },
	{ "sns-message-types", SECTION(message_types), SCALER_MESSAGES, NULL, .values = "TYPE, ...", .help = "what to announce: scale-up, scale-down, high-throughput-alarm, low-throughput-alarm" },
	BOTH(CHECKS)
	CHECKS_RESET("writes", "write", DIMENSION_WRITES)
	CHECKS_RESET("reads", "read", DIMENSION_READS)
	BOTH(ALARMS)
	{ "lookback-window-start", SECTION(lookback_start), SCALER_INT, "15", 1, .values = "MINUTES", .help = "how long ago the metrics looked at begin" },
	{ "lookback-period", SECTION(lookback_period), SCALER_INT, "5", 1, .values = "MINUTES", .help = "and how long they last" },
	BOTH(BY_PROVISIONED)
	BOTH(BY_CONSUMED)
	BOTH(INCREASE_CONSUMED)
	BOTH(DECREASE_CONSUMED)
	{ "circuit-breaker-url", SECTION(breaker_url), SCALER_URL, NULL, .values = "URL", .help = "scale only while this URL answers with success" },
	{ "circuit-breaker-timeout", SECTION(breaker_timeout), SCALER_FLOAT, "10000", 0, .values = "MS", .help = "how long it may take to answer" },
	{ "decreases-per-day", SECTION(decreases_per_day), SCALER_INT, "0", 0, .flags = SCALER_OURS, .values = "COUNT", .help = "lower at most this often in a UTC day; 0: as often as DynamoDB allows" },
	{ "decreases-reserved-window", SECTION(decreases_reserved_window), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "HH:MM-HH:MM", .help = "keep one of decreases-per-day for this window" },
	{ "cool-down", SECTION(cool_down), SCALER_INT, "0", 0, .flags = SCALER_OURS, .values = "MINUTES", .help = "after a change, change nothing for this long" },
	{ "consecutive", SECTION(consecutive), SCALER_WORD, NULL, 1, .flags = SCALER_OURS, .values = "strict", .help = "a check that does not ask for a decrease begins num-*-checks-before-scale-down again" },
	{ "exclude", SECTION(exclude), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "KEY, ...", .help = "names that match one of these expressions are not this section's" },
	{ "region", SECTION(region), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "NAME", .help = "AWS region of these tables; else that of [global]" },
	{ "role-arn", SECTION(role_arn), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "ARN", .help = "assume this role for these tables" },
	{ "endpoint-url", SECTION(endpoint_url), SCALER_TEXT, NULL, .flags = SCALER_OURS, .values = "URL", .help = "server to talk to for these tables" },
	{ "windows", SCHEDULE(windows), SCALER_WEEK, NULL, .flags = SCALER_OURS, .values = "DAYS HH:MM-HH:MM, ...", .help = "when it holds, in UTC: mon-fri 07:30-18:00, sat 10:00-12:00" },
	BOTH(SCHEDULED)
};
/* clang-format on */

const size_t scaler_option_count = COUNT_OF(scaler_options);

const char *const message_type_names[MESSAGE_TYPES] = {
	[MESSAGE_SCALE_UP] = "scale-up",
	[MESSAGE_SCALE_DOWN] = "scale-down",
	[MESSAGE_HIGH] = "high-throughput-alarm",
	[MESSAGE_LOW] = "low-throughput-alarm",
};

const struct scaler_option *scaler_option_find(enum scaler_scope scope, const char *name)
{
	for (size_t i = 0; i < scaler_option_count; i++) {
		const struct scaler_option *row = &scaler_options[i];
		if (row->scope == scope &&
		    (strcmp(row->name, name) == 0 || (row->alias && strcmp(row->alias, name) == 0)))
			return row;
	}
	return NULL;
}
