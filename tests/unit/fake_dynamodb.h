/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/store_dynamodb.h"

#include <pthread.h>
#include <stdatomic.h>

/*
 * A small DynamoDB in memory behind `struct http`: one table, the operations and the expressions that the store uses,
 * and as strict about placeholders as the real one. A hook can refuse, cut, or change things in between.
 */
enum fake_fate {
	FAKE_DO,       /* answer */
	FAKE_LOSE,     /* do it, and let the answer be lost */
	FAKE_BREAK,    /* do nothing, and let the connection break */
	FAKE_THROTTLE, /* do nothing, and say so */
};

struct fake_dynamodb {
	struct http http;
	struct clock clock; /* moves by sleeping, and by 1 us whenever it is looked at */
	_Atomic int64_t now;
	pthread_mutex_t lock;
	json_t *table; /* as described; NULL: there is none */
	json_t *items; /* an array */
	int creating;  /* so many more looks at a created table show it CREATING */
	bool transactions;
	size_t page_items;
	unsigned requests; /* so far */
	/* Called with the lock held before a request is done; may be NULL. `body` may be looked at. */
	enum fake_fate (*hook)(struct fake_dynamodb *fake, const char *operation, const json_t *body);
	int hook_count; /* the hook's own */
	struct credentials_chain *credentials;
	struct client *client;
	struct dynamodb *db;
};

struct fake_dynamodb *fake_dynamodb_new(void);
void fake_dynamodb_free(struct fake_dynamodb *fake);

/* Puts client and db on a real server, in real time. */
void fake_dynamodb_connect(struct fake_dynamodb *fake, struct http *http, const char *endpoint);

/* A store on it: table "conf", created. */
struct store_dynamodb_config fake_dynamodb_config(struct fake_dynamodb *fake);
struct store *fake_dynamodb_open(struct fake_dynamodb *fake);

/* For each test, as cmocka calls them. */
int fake_dynamodb_make(void **state);
int fake_dynamodb_clean(void **state);

/* {"_store": {"S": store}, "_option": {"S": option}} as the table has it; NULL: no such item. Borrowed. */
json_t *fake_dynamodb_item(struct fake_dynamodb *fake, const char *store, const char *option);
