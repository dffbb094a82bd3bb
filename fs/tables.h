/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/dynamodb_table.h"
#include "fs/state.h"

/*
 * The DynamoDB tables of a mount as .control shows them: described every minute by a thread of their own, every second
 * from a change of ours until they are ACTIVE again. Nobody waits for that thread.
 */
struct table_place {
	const char *region;
	const char *site; /* the scaler's name of it; NULL: it has none, and none of its tables is scaled */
	struct dynamodb *db;
	int64_t timeout;                        /* nanoseconds of a request */
	const struct source_settings *settings; /* of the source that brought it; NULL: the scaler did */
};

struct table {
	struct table *next; /* sorted by `shown` */
	char *shown;        /* TABLE, or TABLE@REGION outside the region of the first source that has one */
	char *name;
	uint64_t hash;            /* of `shown` */
	struct table_place place; /* all of it borrowed */

	/* state: */
	struct dynamodb_table about; /* as described last; an empty status: never */
	int64_t described_wall;      /* 0: never */
	int64_t due;                 /* mono: when it is described next */
	bool changing;               /* every second */
	struct error failure;        /* of the newest description; number 0: it went well */
};

/* The mount's sources bring their tables; then the thread. 0 or -errno. */
int tables_start(struct mount *m);
/* A table that the scaler looks after; one that is known already stays as it is, but is looked for when missing. */
int tables_add_locked(struct mount *m, const struct table_place *place, const char *name);
/* The scaler has changed that table: it is described every second until it is ACTIVE. */
void tables_changing_locked(struct mount *m, const char *site, const char *name);
/* Ends the thread, once stop_fd is readable. Tables live until tables_free. */
void tables_stop(struct mount *m);
void tables_free(struct mount *m);

/* What is described of the table, or of its index of that name (not ""); NULL: no such index. */
const struct dynamodb_resource *table_resource_locked(const struct table *table, const char *index);

/* What somebody wants to be otherwise; 0 leaves units, DYNAMODB_BILLING_UNCHANGED the billing mode as they are. */
struct table_wish {
	int64_t read_units, write_units;
	enum dynamodb_billing billing;
};

/*
 * Asks DynamoDB for it, unless it is so already; then describes the table. Without the lock, on a worker. EINVAL: what
 * DynamoDB would refuse (units on demand); EBUSY: the table or index is being changed; ENXIO: nothing is known of it;
 * or dynamodb_update_table's.
 */
int table_change(struct mount *m, struct table *table, const char *index, const struct table_wish *wish,
		 struct error *e);

/* Creates the table as the first DynamoDB source would: its region (or that of the source in REGION, for TABLE@REGION),
 * key names, units and billing. Returns when CreateTable is accepted. EINVAL, EEXIST; EPERM without such a source. */
int table_create(struct mount *m, const char *shown, struct error *e);
