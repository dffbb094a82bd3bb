/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"

#include <stdbool.h>

/*
 * What is scaled: a table, or one of its indexes. What differs between the two is in the rows here.
 */
enum target_kind { TARGET_TABLE, TARGET_INDEX, TARGET_KINDS };

struct target {
	const char *table;
	const char *index; /* NULL: the table itself */
};

struct target_row {
	const char *noun;    /* "table", "GSI": as messages of the original call it */
	const char *section; /* "[table: KEY]", as help and errors write its section's header */
};

extern const struct target_row target_rows[TARGET_KINDS];

static inline enum target_kind target_kind(const struct target *target)
{
	return target->index ? TARGET_INDEX : TARGET_TABLE;
}

/* The index's name, or the table's. */
static inline const char *target_name(const struct target *target)
{
	return target->index ? target->index : target->table;
}

/* "TABLE", or "TABLE - GSI: INDEX": what lines of announcements and of the log begin with. */
void target_title(const struct target *target, struct buf *out);
