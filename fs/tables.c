/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tables.h"

#include "fs/backend.h"
#include "fs/events.h"
#include "fs/scaling.h"
#include "fs/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_SEED = 16 }; /* other things are hashed too */

#define DESCRIBE_EVERY (60 * CLOCK_SECOND)
#define CHANGING_EVERY CLOCK_SECOND
#define UNSETTLED_EVERY (5 * CLOCK_SECOND) /* somebody else changes it, or may create it */

/* ---- Which there are ---- */

/* The first source's in DynamoDB; NULL where there is none. */
static const struct source *first_source(const struct mount *m)
{
	for (size_t i = 0; i < m->n_sources; i++) {
		if (m->sources[i].backend)
			return &m->sources[i];
	}
	return NULL;
}

static struct table_place place_of(const struct mount *m, const struct source *source)
{
	const char *region = source->backend->endpoint.region;

	return (struct table_place){
		.region = region,
		.site = scaling_site(m, region),
		.db = source->backend->db,
		.timeout = source->settings->timeout,
		.settings = source->settings,
	};
}

static struct table **table_link(struct mount *m, const char *shown)
{
	struct table **link = &m->tables;

	while (*link && strcmp((*link)->shown, shown) < 0)
		link = &(*link)->next;
	return link;
}

static bool is_shown(struct mount *m, const char *shown)
{
	const struct table *at = *table_link(m, shown);

	return at && strcmp(at->shown, shown) == 0;
}

static void table_free(struct table *table)
{
	dynamodb_table_deinit(&table->about);
	free(table->shown);
	free(table->name);
	free(table);
}

static struct table *table_new(const struct table_place *place, const char *shown, const char *name)
{
	struct table *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->shown = strdup(shown);
	made->name = strdup(name);
	made->hash = name_hash(HASH_SEED, shown, strlen(shown));
	made->place = *place;
	if (made->shown && made->name)
		return made;
	table_free(made);
	return NULL;
}

/* It is described at once, and every second until it is ACTIVE. */
static void expect_locked(struct mount *m, struct table *table)
{
	table->changing = true;
	table->due = 0;
	pthread_cond_signal(&m->table_wake);
}

int tables_add_locked(struct mount *m, const struct table_place *place, const char *name)
{
	const struct source *source = first_source(m);
	bool first = !source || strcmp(source->backend->endpoint.region, place->region) == 0;
	_buf_cleanup_ struct buf shown = BUF_INIT(512);

	buf_printf(&shown, "%s%s%s", name, first ? "" : "@", first ? "" : place->region);
	struct table **link = table_link(m, buf_text(&shown)), *made;
	if (is_shown(m, buf_text(&shown))) {
		if ((*link)->failure.number == ENXIO)
			expect_locked(m, *link);
		return 0;
	}
	made = table_new(place, buf_text(&shown), name);
	if (!made)
		return -ENOMEM;
	made->next = *link;
	*link = made;
	m->tables_mtime = clock_wall(m->clock);
	pthread_cond_signal(&m->table_wake);
	return 0;
}

void tables_changing_locked(struct mount *m, const char *site, const char *name)
{
	for (struct table *table = m->tables; table; table = table->next) {
		if (table->place.site && strcmp(table->place.site, site) == 0 && strcmp(table->name, name) == 0)
			expect_locked(m, table);
	}
}

const struct dynamodb_resource *table_resource_locked(const struct table *table, const char *index)
{
	if (!*index)
		return &table->about.self;
	for (size_t i = 0; i < table->about.n_indexes; i++) {
		if (strcmp(table->about.indexes[i].name, index) == 0)
			return &table->about.indexes[i];
	}
	return NULL;
}

/* ---- Describing ---- */

static bool is_settled(const struct dynamodb_table *about)
{
	bool settled = strcmp(about->self.status, "ACTIVE") == 0;

	for (size_t i = 0; i < about->n_indexes; i++)
		settled = settled && strcmp(about->indexes[i].status, "ACTIVE") == 0;
	return settled;
}

static struct dynamodb_call new_call(const struct mount *m, const struct table *table)
{
	return (struct dynamodb_call){
		.deadline = clock_mono(m->clock) + table->place.timeout,
		.cancel_fd = m->stop_fd,
	};
}

/* Told once: a table that cannot be described may stay so for long. */
static void tell_failure_locked(struct mount *m, const struct table *table, const struct error *failure)
{
	if (m->stopping || failure->number == table->failure.number)
		return;
	if (!failure->number) {
		events_recovery_locked(m, table->shown);
		return;
	}
	log_warning(m->log, "%s", failure->text);
	events_error_locked(m, table->shown, failure);
}

static void take_locked(struct mount *m, struct table *table, struct dynamodb_table *about, const struct error *failure)
{
	tell_failure_locked(m, table, failure);
	table->failure = *failure;
	/* A table that is not there any more has nothing to show; what else fails leaves what was known. */
	if (!failure->number || failure->number == ENXIO) {
		if (about->n_indexes != table->about.n_indexes)
			m->tables_mtime = clock_wall(m->clock);
		dynamodb_table_deinit(&table->about);
		table->about = *about;
		*about = DYNAMODB_TABLE_NULL;
		table->described_wall = clock_wall(m->clock);
		table->changing = table->changing && !failure->number && !is_settled(&table->about);
	}
	bool settled = failure->number ? failure->number != ENXIO : is_settled(&table->about);
	int64_t later = settled ? DESCRIBE_EVERY : UNSETTLED_EVERY;
	table->due = clock_mono(m->clock) + (table->changing ? CHANGING_EVERY : later);
}

static int describe(struct mount *m, struct table *table, struct error *e)
{
	_dynamodb_table_cleanup_ struct dynamodb_table about = DYNAMODB_TABLE_NULL;
	struct dynamodb_call call = new_call(m, table);
	struct error failure = ERROR_NULL;
	int r = dynamodb_describe_table(table->place.db, &call, table->name, &about, &failure);
	MOUNT_LOCKED(m);

	take_locked(m, table, &about, &failure);
	return r < 0 ? error_set(e, failure.number, "%s", failure.text) : 0;
}

/* The table that is due, or NULL and when the next one is. */
static struct table *due_locked(const struct mount *m, int64_t *next)
{
	int64_t now = clock_mono(m->clock);

	*next = now + DESCRIBE_EVERY;
	for (struct table *table = m->tables; table; table = table->next) {
		if (table->due <= now)
			return table;
		*next = table->due < *next ? table->due : *next;
	}
	return NULL;
}

static void *tables_main(void *data)
{
	struct mount *m = data;

	for (;;) {
		int64_t next;
		struct error ignored = ERROR_NULL;
		mount_lock(m);
		struct table *table = due_locked(m, &next);
		struct timespec at = clock_timespec(next);
		if (!table && !m->stopping)
			pthread_cond_timedwait(&m->table_wake, &m->lock, &at);
		bool stopping = m->stopping;
		pthread_mutex_unlock(&m->lock);
		if (stopping)
			return NULL;
		if (table)
			describe(m, table, &ignored);
	}
}

static int add_sources(struct mount *m)
{
	int r = 0;
	MOUNT_LOCKED(m);

	clock_cond_init(&m->table_wake);
	for (size_t i = 0; i < m->n_sources && r == 0; i++) {
		const struct source *source = &m->sources[i];
		struct table_place place = source->backend ? place_of(m, source) : (struct table_place){ 0 };
		if (source->backend)
			r = tables_add_locked(m, &place, source->settings->target);
	}
	return r;
}

int tables_start(struct mount *m)
{
	int r = add_sources(m);

	if (r < 0 || !(first_source(m) || m->scaling))
		return r;
	r = pthread_create(&m->table_thread, NULL, tables_main, m);
	m->tables_started = r == 0;
	return -r;
}

void tables_stop(struct mount *m)
{
	if (!m->tables_started)
		return;
	mount_lock(m);
	pthread_cond_signal(&m->table_wake);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->table_thread, NULL);
	m->tables_started = false;
}

void tables_free(struct mount *m)
{
	while (m->tables) {
		struct table *table = m->tables;
		m->tables = table->next;
		table_free(table);
	}
}

/* ---- Changing ---- */

/* Every index of a table that leaves on-demand needs units too. */
enum { UNITS_MAX = 64 };

struct plan {
	struct dynamodb_update update;
	struct dynamodb_units units[UNITS_MAX];
	char names[UNITS_MAX][256]; /* of the indexes: a description may be replaced meanwhile */
};

static void plan_units(struct plan *plan, const char *index, int64_t read_units, int64_t write_units)
{
	size_t n = plan->update.n_units;

	if (n == UNITS_MAX)
		return;
	snprintf(plan->names[n], sizeof(plan->names[n]), "%s", index);
	plan->units[n] = (struct dynamodb_units){ *index ? plan->names[n] : NULL, read_units, write_units };
	plan->update.n_units++;
}

static int refuse_units(const struct dynamodb_resource *now, struct error *e)
{
	if (now->on_demand)
		return error_set(e, EINVAL,
				 "the table is on demand and has no units: write provisioned to billing-mode");
	if (strcmp(now->status, "ACTIVE") != 0)
		return error_set(e, EBUSY, "%s is %s: wait until it is ACTIVE", now->name, now->status);
	return 0;
}

static void plan_billing(struct plan *plan, const struct table *table, enum dynamodb_billing billing)
{
	const struct source_settings *s = table->place.settings;
	int64_t read_units = s ? s->read_units : 1, write_units = s ? s->write_units : 1;

	plan->update.billing = billing;
	if (billing != DYNAMODB_BILLING_PROVISIONED)
		return;
	plan_units(plan, "", read_units, write_units);
	for (size_t i = 0; i < table->about.n_indexes; i++)
		plan_units(plan, table->about.indexes[i].name, read_units, write_units);
}

/* 1: there is something to ask for, 0: it is so already. */
static int plan_locked(struct plan *plan, const struct table *table, const char *index, const struct table_wish *wish,
		       struct error *e)
{
	const struct dynamodb_resource *now = table_resource_locked(table, index);

	if (!now || !now->status[0])
		return error_set(e, ENXIO, "nothing is known of this table: its last-error says why");
	if (wish->billing) {
		if (now->on_demand == (wish->billing == DYNAMODB_BILLING_ON_DEMAND))
			return 0;
		plan_billing(plan, table, wish->billing);
		return 1;
	}
	int64_t read_units = wish->read_units ? wish->read_units : now->read_units;
	int64_t write_units = wish->write_units ? wish->write_units : now->write_units;
	if (!now->on_demand && read_units == now->read_units && write_units == now->write_units)
		return 0;
	plan_units(plan, index, read_units, write_units);
	int r = refuse_units(now, e);
	return r < 0 ? r : 1;
}

static int plan_change(struct mount *m, struct plan *plan, const struct table *table, const char *index,
		       const struct table_wish *wish, struct error *e)
{
	MOUNT_LOCKED(m);

	return plan_locked(plan, table, index, wish, e);
}

int table_change(struct mount *m, struct table *table, const char *index, const struct table_wish *wish,
		 struct error *e)
{
	struct plan plan = { .update = { .table = table->name, .units = plan.units } };
	struct dynamodb_call call = new_call(m, table);
	struct error later = ERROR_NULL;

	int r = plan_change(m, &plan, table, index, wish, e);
	/* It may be there by now; else this says why not. */
	if (r == -ENXIO) {
		r = describe(m, table, e);
		r = r < 0 ? r : plan_change(m, &plan, table, index, wish, e);
	}
	if (r <= 0)
		return r;
	r = dynamodb_update_table(table->place.db, &call, &plan.update, e);
	mount_lock(m);
	table->changing = r == 0;
	pthread_mutex_unlock(&m->lock);
	/* Whoever looks now sees what has become of it; a refusal too may tell of a change. */
	describe(m, table, &later);
	mount_lock(m);
	pthread_cond_signal(&m->table_wake);
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* ---- Creating ---- */

/* https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html */
static bool is_table_name(const char *name, size_t len)
{
	return len >= 3 && len <= 255 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

static const struct source *source_in(const struct mount *m, const char *region)
{
	for (size_t i = 0; region && i < m->n_sources; i++) {
		if (m->sources[i].backend && strcmp(m->sources[i].backend->endpoint.region, region) == 0)
			return &m->sources[i];
	}
	return region ? NULL : first_source(m);
}

int table_create(struct mount *m, const char *shown, struct error *e)
{
	const char *at = strchr(shown, '@');
	size_t len = at ? (size_t)(at - shown) : strlen(shown);
	char name[256];

	if (!first_source(m))
		return error_set(e, EPERM, "no source of this mount is in DynamoDB");
	const struct source *source = source_in(m, at ? at + 1 : NULL);
	if (!source)
		return error_set(e, EINVAL, "no source of this mount is in that region");
	snprintf(name, sizeof(name), "%.*s", (int)len, shown);
	if (len >= sizeof(name) || !is_table_name(name, len))
		return error_set(e, EINVAL, "a table's name has 3 to 255 letters, digits, '_', '-' and '.'");
	const struct source_settings *s = source->settings;
	struct dynamodb_call call = { .deadline = clock_mono(m->clock) + s->timeout, .cancel_fd = m->stop_fd };
	struct dynamodb_create create = {
		.table = name,
		.hash_key = s->store_key,
		.range_key = s->option_key,
		.on_demand = s->billing == BILLING_ON_DEMAND,
		.read_units = s->read_units,
		.write_units = s->write_units,
	};
	int r = dynamodb_create_table(source->backend->db, &call, &create, e);
	if (r < 0)
		return r;
	log_info(m->log, "table %s is being created in %s", name, source->backend->endpoint.region);
	struct table_place place = place_of(m, source);
	MOUNT_LOCKED(m);
	r = tables_add_locked(m, &place, name);
	if (r == 0)
		expect_locked(m, *table_link(m, shown));
	return r < 0 ? error_no_memory(e) : 0;
}
