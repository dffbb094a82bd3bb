/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * Thin typed calls of the DynamoDB API over a client (AWS JSON 1.0): items here, tables in dynamodb_table.h. Attribute
 * values travel as jansson objects in DynamoDB's typed form ({"S": "text"}); nothing here interprets them.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations.html
 *
 * Errors are the client's, and: ENXIO the table does not exist, ESTALE a condition did not hold, EBUSY throttled or
 * the table is being changed, EFBIG the item would be too large, EOPNOTSUPP the engine does not know the operation,
 * EIO an answer that is not what the operation always returns. Thread-safe.
 */
struct dynamodb; /* borrows its client */

int dynamodb_new(struct client *client, struct dynamodb **db, struct error *e);
void dynamodb_free(struct dynamodb *db);

/* How long and how interruptible; what it cost. One for each call; in and out. */
struct dynamodb_call {
	int64_t deadline; /* mono nanoseconds, for this one request and its retries */
	int cancel_fd;    /* -1: none */
	/* out: */
	double read_units; /* consumed, 0 where the engine does not say; both accumulate over calls */
	double write_units;
	struct client_outcome outcome; /* of the last request */
};

/* GetItem. `*item` is NULL when the item is proven absent; otherwise the caller owns a reference. `key` is borrowed. */
int dynamodb_get_item(struct dynamodb *db, struct dynamodb_call *call, const char *table, json_t *key, bool consistent,
		      json_t **item, struct error *e);

/* A Scan, or a Query where `hash_key` is set, one page at a time. Page after page until `done`. */
struct dynamodb_pages {
	const char *table;
	const char *hash_key;   /* Query: the name of the hash key, */
	const char *hash_value; /* and the string it must equal; NULL: Scan */
	bool consistent;
	int limit; /* items that are looked at, 0: as many as fit into a page */
	/* state: */
	json_t *start; /* ExclusiveStartKey of the next page; owned, NULL at the beginning */
	bool done;
};
#define DYNAMODB_PAGES_NULL ((struct dynamodb_pages){ 0 })

/* The next page: `*items` is an array that the caller owns. On failure the position is kept, so that the same page can
 * be asked for again. */
int dynamodb_next_page(struct dynamodb *db, struct dynamodb_call *call, struct dynamodb_pages *pages, json_t **items,
		       struct error *e);
void dynamodb_pages_deinit(struct dynamodb_pages *pages);

enum dynamodb_write_kind { DYNAMODB_PUT, DYNAMODB_UPDATE, DYNAMODB_DELETE, DYNAMODB_CHECK };

/* One write; all json is borrowed. `names` and `values` are the placeholders (objects, NULL: none). */
struct dynamodb_write {
	enum dynamodb_write_kind kind;
	const char *table;
	json_t *item;          /* PUT: the item; otherwise: its key */
	const char *update;    /* UPDATE: "SET #k = :v" */
	const char *condition; /* NULL: none */
	json_t *names;
	json_t *values;
};

/* PutItem, UpdateItem or DeleteItem. `old` (may be NULL) asks for ALL_OLD: set to the item as it was, NULL if there was
 * none; the caller owns it. */
int dynamodb_write(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_write *write, json_t **old,
		   struct error *e);

/* TransactWriteItems with a client request token of its own, at most 100 writes; ESTALE when a condition did not hold.
 */
enum { DYNAMODB_TRANSACT_MAX = 100 };
int dynamodb_transact(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_write *writes, size_t n,
		      struct error *e);
