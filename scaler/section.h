/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"
#include "scaler/options.h"
#include "scaler/pattern.h"
#include "scaler/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A section of the configuration: which tables or indexes it serves, with which options, and what its schedules add.
 */
struct scaler_section {
	enum target_kind kind;
	char *key;               /* an expression that names match from their start */
	int line;                /* of its header, from 1; 0: from the command line */
	struct pattern *pattern; /* NULL: the expression is not one, see scaler_config_check_patterns */
	struct section_options options;
	struct pattern **exclude;       /* NULL-terminated; NULL: none */
	struct scaler_section *indexes; /* of a table, in the order of the file */
	size_t n_indexes;
	struct scaler_schedule *schedules; /* of this table or index */
	size_t n_schedules;
};

struct scaler_schedule {
	char *name;
	int line;
	struct schedule_options options;
};

/* Whether a section (of a table, or one of a table's `indexes`, all of which count) serves that name. */
bool scaler_section_matches(const struct scaler_section *section, const char *name);

/* One option of a section while running, validated as in the file, together with the others: on failure nothing has
 * changed. ENOENT: there is no such option. "" takes back an option that has no default; the value shown changes
 * nothing. Get: as the file would say it. */
int scaler_section_set(struct scaler_section *section, const char *name, const char *value, struct error *e);
int scaler_section_get(const struct scaler_section *section, const char *name, struct buf *out, struct error *e);

/* The least units that open schedules ask for; 0 where none does. `now` is Unix time in seconds. */
struct units scaler_section_scheduled(const struct scaler_section *section, int64_t now);

/* For whoever makes one. */

/* Ranges, and options against each other. `*option` is the row that is refused. */
int section_check(const struct scaler_section *section, size_t *option, struct error *e);
/* Compiles the key and the exclusions. A key that is no expression is left out: section->pattern is NULL. */
int section_compile(struct scaler_section *section, struct error *e);
/* EINVAL where it is no expression. */
int section_check_pattern(const struct scaler_section *section, struct error *e);
void section_deinit(struct scaler_section *section);
/* A cleared schedule of that name. NULL, with the error set, when there is no memory. */
struct scaler_schedule *section_add_schedule(struct scaler_section *section, const char *name, int line,
					     struct error *e);
int schedule_check(const struct scaler_section *section, const struct scaler_schedule *schedule, struct error *e);
/* NULL when there is none. */
struct scaler_section *section_find(struct scaler_section *sections, size_t n, const char *key);
/* A cleared section of that key: the later one replaces the earlier, in its place. NULL when there is no room. */
struct scaler_section *section_place(struct scaler_section **sections, size_t *n, const char *key);
