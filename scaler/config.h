/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"
#include "aws/core/log.h"
#include "scaler/options.h"
#include "scaler/section.h"
#include "scaler/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The configuration of the scaler: a dynamic-dynamodb.conf, unmodified, and the command line over it. Read once;
 * afterwards only options of sections change (scaler_section_set), by whoever holds the owner's lock.
 */
struct scaler_config {
	struct global_options global;  /* with its file, in `config` */
	struct scaler_section *tables; /* in the order of the file */
	size_t n_tables;
	/* What a target has that no section matches, when somebody switches it on: [default_options]. */
	struct scaler_section unmatched[TARGET_KINDS];
};

#define SCALER_CONFIG_NULL ((struct scaler_config){ 0 })

/* An option of the command line: its name without the dashes, and its text ("true" for a switch). */
struct scaler_argument {
	const char *name;
	const char *value;
};

struct scaler_config_request {
	const char *file;  /* NULL: none; one that cannot be opened is as empty as it was for the original */
	const char *table; /* --table-name: the sections of the file are left out for this one; NULL: none */
	const struct scaler_argument *arguments; /* of [global], [logging], the command line, and of `table` */
	size_t n_arguments;
	bool strict; /* what is warned of is refused */
	bool shared; /* the file is the mount's too, which looks after its own names */
};

/*
 * Warnings go to `log`, "FILE:LINE: sentence". EINVAL: "FILE:LINE: [SECTION] option: sentence" where it has those.
 * No AWS, no files but the one.
 */
int scaler_config_load(const struct scaler_config_request *request, struct log *log, struct scaler_config *config,
		       struct error *e);
/* The same from text: what fuzzers and tests read. `request->file` is what sentences call it. */
int scaler_config_parse(const struct scaler_config_request *request, const char *text, size_t len, struct log *log,
			struct scaler_config *config, struct error *e);
/* Idempotent. */
void scaler_config_deinit(struct scaler_config *config);

/* EINVAL where a key or an exclusion is no expression. The loop asks before its first pass; --show-config does not, as
 * the original found out only when it matched. */
int scaler_config_check_patterns(const struct scaler_config *config, struct error *e);

/* The first section of the file whose key matches a table's name and does not exclude it; NULL: none. `*another`, if
 * not NULL, is set where a later section matches too. */
const struct scaler_section *scaler_config_match(const struct scaler_config *config, const char *table,
						 const struct scaler_section **another);

/* What --show-config prints, with the final newline. */
void scaler_config_show(const struct scaler_config *config, struct buf *out);
