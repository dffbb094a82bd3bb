/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_row.h"

#include "fs/snapshot.h"
#include "fs/tables.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DynamoDB's own bound is a quota that can be raised; this is far above it. */
#define UNITS_HIGHEST INT64_C(1000000000)

static const struct dynamodb_resource *resource_of(const struct control_at *at)
{
	static const struct dynamodb_resource nothing = { .name = "" };
	const struct dynamodb_resource *resource = table_resource_locked(at->table, at->index);

	return resource ? resource : &nothing;
}

static void show_status(const struct control_at *at, struct buf *out)
{
	const struct table *table = at->table;

	/* An answer that it does not exist is a state too; other failures say nothing of the table. */
	if (table->failure.number == ENXIO)
		buf_str(out, "MISSING");
	else
		buf_str(out, resource_of(at)->status);
}

static void show_arn(const struct control_at *at, struct buf *out)
{
	buf_str(out, resource_of(at)->arn);
}

static void show_schema(const struct control_at *at, struct buf *out)
{
	const struct dynamodb_table *about = &at->table->about;

	if (about->hash_key[0])
		buf_printf(out, "%s %s HASH\n", about->hash_key, about->hash_type);
	if (about->range_key[0])
		buf_printf(out, "%s %s RANGE\n", about->range_key, about->range_type);
}

static const char *const billing_words[] = {
	[DYNAMODB_BILLING_PROVISIONED] = "provisioned",
	[DYNAMODB_BILLING_ON_DEMAND] = "on-demand",
};

static void show_billing(const struct control_at *at, struct buf *out)
{
	if (resource_of(at)->status[0])
		buf_str(out, billing_words[resource_of(at)->on_demand ? DYNAMODB_BILLING_ON_DEMAND
								      : DYNAMODB_BILLING_PROVISIONED]);
}

static int act_billing(const struct control_at *at, const char *text, struct error *e)
{
	struct table_wish wish = { .billing = DYNAMODB_BILLING_ON_DEMAND };

	while (wish.billing && strcmp(billing_words[wish.billing], text) != 0)
		wish.billing--;
	if (!wish.billing)
		return error_set(e, EINVAL, "billing-mode is provisioned or on-demand");
	return table_change(at->mount, at->table, at->index, &wish, e);
}

static void show_number(const struct control_at *at, int64_t number, struct buf *out)
{
	if (resource_of(at)->status[0])
		buf_printf(out, "%" PRId64, number);
}

static void show_read_units(const struct control_at *at, struct buf *out)
{
	show_number(at, resource_of(at)->read_units, out);
}

static void show_write_units(const struct control_at *at, struct buf *out)
{
	show_number(at, resource_of(at)->write_units, out);
}

static void show_units(const struct control_at *at, struct buf *out)
{
	const struct dynamodb_resource *resource = resource_of(at);

	if (resource->status[0])
		buf_printf(out, "%" PRId64 " %" PRId64, resource->read_units, resource->write_units);
}

/* `n` numbers with white space between them. */
static int parse_units(const char *text, int64_t *units, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		char *end;
		long long number = strtoll(text, &end, 10);
		bool last = i + 1 == n;
		if (!isdigit((unsigned char)*text) || (last ? *end : !isspace((unsigned char)*end)) ||
		    number > UNITS_HIGHEST)
			return error_set(e, EINVAL,
					 n == 1 ? "write a number of units, such as 25"
						: "write the read units and the write units, such as 25 10");
		units[i] = number;
		text = end + strspn(end, " \t");
	}
	return 0;
}

/* What is shown of a table on demand is 0, and writing what is shown is no change. */
static int change_units(const struct control_at *at, const struct table_wish *wish, struct error *e)
{
	mount_lock(at->mount);
	bool same = resource_of(at)->on_demand && !wish->read_units && !wish->write_units;
	pthread_mutex_unlock(&at->mount->lock);

	return same ? 0 : table_change(at->mount, at->table, at->index, wish, e);
}

static int refuse_zero(const struct control_at *at, const int64_t *units, size_t n, struct error *e)
{
	mount_lock(at->mount);
	bool on_demand = resource_of(at)->on_demand;
	pthread_mutex_unlock(&at->mount->lock);
	bool zero = false;

	for (size_t i = 0; i < n; i++)
		zero = zero || units[i] == 0;
	return zero && !on_demand ? error_set(e, EINVAL, "a table has at least 1 unit") : 0;
}

static int act_one(const struct control_at *at, const char *text, size_t offset, struct error *e)
{
	struct table_wish wish = { 0 };
	int64_t units;
	int r = parse_units(text, &units, 1, e);

	if (r == 0)
		r = refuse_zero(at, &units, 1, e);
	if (r < 0)
		return r;
	*(int64_t *)((char *)&wish + offset) = units;
	return change_units(at, &wish, e);
}

static int act_read_units(const struct control_at *at, const char *text, struct error *e)
{
	return act_one(at, text, offsetof(struct table_wish, read_units), e);
}

static int act_write_units(const struct control_at *at, const char *text, struct error *e)
{
	return act_one(at, text, offsetof(struct table_wish, write_units), e);
}

static int act_units(const struct control_at *at, const char *text, struct error *e)
{
	int64_t units[2];
	int r = parse_units(text, units, 2, e);

	if (r == 0)
		r = refuse_zero(at, units, 2, e);
	if (r < 0)
		return r;
	return change_units(at, &(struct table_wish){ .read_units = units[0], .write_units = units[1] }, e);
}

static void show_item_count(const struct control_at *at, struct buf *out)
{
	show_number(at, resource_of(at)->item_count, out);
}

static void show_size(const struct control_at *at, struct buf *out)
{
	show_number(at, resource_of(at)->size_bytes, out);
}

static void show_decreases(const struct control_at *at, struct buf *out)
{
	show_number(at, resource_of(at)->decreases_today, out);
}

static void show_last_increase(const struct control_at *at, struct buf *out)
{
	if (resource_of(at)->last_increase)
		control_show_time(out, resource_of(at)->last_increase);
}

static void show_last_decrease(const struct control_at *at, struct buf *out)
{
	if (resource_of(at)->last_decrease)
		control_show_time(out, resource_of(at)->last_decrease);
}

static void show_failure(const struct control_at *at, struct buf *out)
{
	buf_str(out, at->table->failure.text);
}

static void show_table_line(const struct table *table, struct buf *out)
{
	const struct dynamodb_resource *self = &table->about.self;

	if (table->failure.number) {
		buf_printf(out, "WRONG   %s\n", table->failure.text);
		return;
	}
	buf_printf(out, "%-7s %-24s table ", "ok", table->shown);
	if (self->on_demand || !self->status[0])
		buf_printf(out, "%s\n", self->status[0] ? "on demand" : "not yet described");
	else
		buf_printf(out, "%" PRId64 " read and %" PRId64 " write units, %s\n", self->read_units,
			   self->write_units, self->status);
}

void control_show_tables(const struct mount *m, bool wrong, struct buf *out)
{
	for (const struct table *table = m->tables; table; table = table->next) {
		if (wrong == (table->failure.number != 0))
			show_table_line(table, out);
	}
}

enum { AT_BOTH = AT_TABLE | AT_INDEX };

static const struct control_row rows[] = {
	{ AT_TOP, "tables", .leads = AT_TABLES, .help = "one directory a DynamoDB table; mkdir creates one" },
	{ AT_BOTH, "status", .show = show_status, .help = "ACTIVE, UPDATING, CREATING, DELETING or MISSING" },
	{ AT_BOTH, "arn", .show = show_arn, .help = "its Amazon resource name" },
	{ AT_TABLE, "schema", .show = show_schema, .help = "its keys: name, type and role" },
	{ AT_TABLE, "billing-mode", .show = show_billing, .act = act_billing, .blocks = true,
	  .help = "provisioned or on-demand" },
	{ AT_BOTH, "read-units", .show = show_read_units, .act = act_read_units, .blocks = true,
	  .help = "provisioned read units" },
	{ AT_BOTH, "write-units", .show = show_write_units, .act = act_write_units, .blocks = true,
	  .help = "provisioned write units" },
	{ AT_BOTH, "units", .show = show_units, .act = act_units, .blocks = true,
	  .help = "read units and write units, changed in one call" },
	{ AT_BOTH, "item-count", .show = show_item_count, .help = "items, as of some hours ago" },
	{ AT_BOTH, "size-bytes", .show = show_size, .help = "bytes, as of some hours ago" },
	{ AT_BOTH, "decreases-today", .show = show_decreases, .help = "how often units were lowered this day (UTC)" },
	{ AT_BOTH, "last-increase", .show = show_last_increase, .help = "when units were raised (UTC)" },
	{ AT_BOTH, "last-decrease", .show = show_last_decrease, .help = "when units were lowered (UTC)" },
	{ AT_TABLE, "last-error", .show = show_failure, .help = "why it could not be described; empty if it could" },
	{ AT_TABLE, "indexes", .leads = AT_INDEXES, .help = "one directory a global secondary index" },
};

static bool nth_table(struct control_at *at, size_t n)
{
	struct table *table = at->mount->tables;

	while (table && n-- > 0)
		table = table->next;
	at->table = table;
	return table;
}

static const char *table_name(const struct control_at *at)
{
	return at->table->shown;
}

static uint64_t table_hash(const struct control_at *at)
{
	return at->table->hash;
}

static bool find_table(struct control_at *at, uint64_t hash)
{
	struct table *table = at->mount->tables;

	while (table && (table->hash ^ hash) & CONTROL_HASH)
		table = table->next;
	at->table = table;
	return table;
}

static bool nth_index(struct control_at *at, size_t n)
{
	const struct dynamodb_table *about = &at->table->about;

	if (n >= about->n_indexes)
		return false;
	snprintf(at->index, sizeof(at->index), "%s", about->indexes[n].name);
	return true;
}

static const char *index_name(const struct control_at *at)
{
	return resource_of(at)->name;
}

static uint64_t index_hash(const struct control_at *at)
{
	return name_hash(table_hash(at), at->index, strlen(at->index));
}

static const struct control_family families[] = {
	{ AT_TOP, AT_TABLES, AT_TABLE, "TABLE", nth_table, table_name, table_hash, find_table, table_create, NULL },
	{ AT_TABLE, AT_INDEXES, AT_INDEX, "INDEX", nth_index, index_name, index_hash, NULL, NULL, NULL },
};

const struct control_part control_table = { rows, sizeof(rows) / sizeof(rows[0]), families, 2 };
