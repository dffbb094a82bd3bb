/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/store.h"

/* What the implementations of a store share; nobody else needs it. */

/* A key of the path layout as a place of its own, as if the key were the whole name of an option: `store` is NULL, and
 * `key` is left to the caller. The text of it is appended to `text`, which has to outlive the place. */
int store_key_place(const struct place *place, struct buf *text, struct place *out, struct error *e);

/* "the option STORE/OPTION exists already" and the like; returns -number. */
int store_option_error(const struct place *place, int number, const char *what, struct error *e);
int store_key_error(const struct place *place, int number, const char *what, struct error *e);

/*
 * One option while a store gathers it for a sink: all names and values in one buffer, which is kept from option to
 * option. One owner at a time.
 *
 * store_item_name(), then append the value to `bytes`, then store_item_end() or, to forget both, store_item_drop().
 */
struct store_item {
	struct buf bytes;
	struct attribute *attributes; /* their pointers are set by store_item_send */
	size_t n, cap;
	size_t name_at; /* where the attribute that is being gathered begins in `bytes` */
};

/* Far above what an item can hold in its longest notation, far below what would hurt. */
enum { STORE_ITEM_BYTES_MAX = 32 << 20 };
#define STORE_ITEM_NULL ((struct store_item){ .bytes = BUF_INIT(STORE_ITEM_BYTES_MAX) })

int store_item_name(struct store_item *item, const char *name, size_t len, struct error *e);
/* ENOMEM or EFBIG when the value did not fit; the attribute is dropped then. */
int store_item_end(struct store_item *item, enum value_type type, struct error *e);
void store_item_drop(struct store_item *item);

/* Hands the option to the sink and empties the item. */
int store_item_send(struct store_item *item, const struct store_sink *sink, const struct place *place, struct error *e);

/* Idempotent. */
void store_item_deinit(struct store_item *item);
