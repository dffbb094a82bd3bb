/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/dynamodb.h"

/*
 * Calls of the DynamoDB API that are about tables. Errors and threads as in dynamodb.h; the error's own name
 * (LimitExceededException, ResourceInUseException, ValidationException, …) is in `call->outcome.code`.
 */

/* What a table and a global secondary index are both described with. Absent fields of other engines are 0 or "". */
struct dynamodb_resource {
	char name[256];
	char status[32]; /* "ACTIVE", "CREATING", "UPDATING", "DELETING" */
	char arn[1024];
	bool on_demand;     /* of an index: as its table */
	int64_t read_units; /* provisioned; 0 on demand */
	int64_t write_units;
	int64_t decreases_today; /* of both units together, by the UTC day */
	int64_t last_increase;   /* wall nanoseconds; 0: never */
	int64_t last_decrease;
	int64_t item_count; /* as of some hours ago */
	int64_t size_bytes;
};

struct dynamodb_table {
	struct dynamodb_resource self;
	struct dynamodb_resource *indexes; /* owned, in the server's order */
	size_t n_indexes;
	char hash_key[256];
	char hash_type[4];   /* "S", "N", "B" */
	char range_key[256]; /* "": none */
	char range_type[4];
};

#define DYNAMODB_TABLE_NULL ((struct dynamodb_table){ 0 })

/* `out` is replaced on success, and must have been initialized. EIO: a description without a status or keys.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html */
int dynamodb_describe_table(struct dynamodb *db, struct dynamodb_call *call, const char *table,
			    struct dynamodb_table *out, struct error *e);
/* Idempotent. */
void dynamodb_table_deinit(struct dynamodb_table *table);

#define _dynamodb_table_cleanup_ __attribute__((cleanup(dynamodb_table_deinit)))

/* Creates; both keys are strings. range_key may be NULL. ResourceInUseException (it exists) is EEXIST. */
struct dynamodb_create {
	const char *table, *hash_key, *range_key;
	bool on_demand;
	int64_t read_units, write_units;
};
int dynamodb_create_table(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_create *create,
			  struct error *e);

enum dynamodb_billing { DYNAMODB_BILLING_UNCHANGED, DYNAMODB_BILLING_PROVISIONED, DYNAMODB_BILLING_ON_DEMAND };

/* Provisioned units, both at once as the API wants them. */
struct dynamodb_units {
	const char *index; /* NULL: the table itself */
	int64_t read_units, write_units;
};

/* UpdateTable: the table, any number of its indexes, its billing mode, in one request. The table is UPDATING when this
 * returns. EBUSY: a change is under way (ResourceInUseException; with outcome.answer_lost it may be this one), or too
 * many are (LimitExceededException, also for the decreases of a day); EINVAL: nothing would change, or more than may.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html */
struct dynamodb_update {
	const char *table;
	enum dynamodb_billing billing;
	const struct dynamodb_units *units;
	size_t n_units;
};
int dynamodb_update_table(struct dynamodb *db, struct dynamodb_call *call, const struct dynamodb_update *update,
			  struct error *e);

/* ListTables, page after page until `done`. `*names` is an array of strings, sorted by the server, that the caller
 * owns; on failure the position is kept. */
struct dynamodb_table_pages {
	char after[256];
	bool done;
};
#define DYNAMODB_TABLE_PAGES_NULL ((struct dynamodb_table_pages){ 0 })
int dynamodb_list_tables(struct dynamodb *db, struct dynamodb_call *call, struct dynamodb_table_pages *pages,
			 json_t **names, struct error *e);
