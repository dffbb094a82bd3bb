/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/dynamodb_table.h"
#include "fs/backend.h"
#include "fs/doctor.h"

/* Shared by the doctor's files only. */

/* What later checks stand on. */
enum finding {
	FOUND_SETTINGS = 1 << 0,
	FOUND_BACKEND = 1 << 1,
	FOUND_ANSWER = 1 << 2, /* the endpoint answers */
	FOUND_KEYS = 1 << 3,
	FOUND_TABLE = 1 << 4,
	FOUND_ACCESS = 1 << 5, /* there is a table with usable keys, or no telling */
	FOUND_FILE = 1 << 6,
};

/* What a check found, where it did not fail. */
enum verdict { FINE, NO_MATTER };

struct doctor {
	const struct doctor_request *request;
	struct settings settings;
	const struct check *check; /* that runs */
	unsigned found;            /* enum finding */
	int crosses;

	/* Of the source at hand: */
	const struct source_settings *source;
	struct backend *backend;
	bool dated;    /* the endpoint tells the time, */
	int64_t ahead; /* and is that many nanoseconds before this machine */
	struct dynamodb_table table;
};

/* One check. `run` puts what it found into `said` and returns a verdict, or fails. */
struct check {
	const char *name;
	int (*run)(struct doctor *d, struct buf *said, struct error *e);
	unsigned needs;                 /* findings without which it is meaningless */
	unsigned gives;                 /* findings when it is FINE */
	const char *remedy;             /* where the error does not say it; NULL: it does */
	enum dynamodb_write_kind write; /* for those that try one */
};

struct checks {
	const struct check *rows;
	size_t n;
};

/* For a source of DynamoDB. */
extern const struct checks doctor_dynamodb;
