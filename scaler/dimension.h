/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Reads and writes: whatever is said of one is said of the other. Per-dimension values stand in arrays of DIMENSIONS,
 * and what differs is in the rows here.
 */
enum dimension { DIMENSION_READS, DIMENSION_WRITES, DIMENSIONS };

struct dimension_row {
	const char *plural;          /* "reads", as in names of options */
	const char *singular;        /* "read" */
	const char *plural_title;    /* "Reads", as in announcements */
	const char *singular_title;  /* "Read" */
	const char *consumed_metric; /* AWS/DynamoDB */
	const char *throttle_metric;
	const char *units_member; /* of ProvisionedThroughput */
};

extern const struct dimension_row dimension_rows[DIMENSIONS];

/* Capacity units of both dimensions. */
struct units {
	int64_t of[DIMENSIONS];
};
