/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/core/log.h"
#include "aws/dynamodb.h"
#include "fs/settings.h"
#include "fs/store.h"

/* A DynamoDB table in one of two layouts. store/option/key: hash key = store, range key = option, every other attribute
 * is a key. Path: the hash key is the key, one string attribute its value, and others are nobody's business here.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html */
struct store_dynamodb_config {
	struct dynamodb *db; /* borrowed */
	struct clock *clock; /* borrowed */
	struct log *log;     /* borrowed, may be NULL */
	const char *table;
	enum layout_kind layout;
	const char *store_key;       /* "_store" */
	const char *option_key;      /* "_option" */
	const char *name;            /* path layout: the raw name of the one store, */
	const char *key_attribute;   /* "key", */
	const char *value_attribute; /* "value" */
	const char *region;          /* for about and messages */
	const char *endpoint;
	bool create; /* a missing table is created */
	bool on_demand;
	int64_t read_units, write_units; /* of a table that is created */
};

/* Strings are copied. */
int store_dynamodb_new(const struct store_dynamodb_config *config, struct store **store, struct error *e);
