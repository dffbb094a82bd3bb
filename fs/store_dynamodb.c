/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_dynamodb.h"
#include "aws/dynamodb_table.h"
#include "fs/store_dynamodb_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What all calls need ---- */

int64_t remote_request_deadline(const struct remote *r, const struct store_call *call)
{
	return clock_mono(r->config.clock) + call->timeout;
}

json_t *remote_key(const struct remote *r, const struct place *place)
{
	if (!r->range_key)
		return json_pack("{s:{s:s%}}", r->hash_key, "S", place->option, place->option_len);
	return json_pack("{s:{s:s%}, s:{s:s%}}", r->hash_key, "S", place->store, place->store_len, r->range_key, "S",
			 place->option, place->option_len);
}

bool remote_is_key_name(const struct remote *r, const char *name, size_t len)
{
	const char *const keys[] = { r->hash_key, r->range_key };

	for (size_t i = 0; i < 2 && keys[i]; i++) {
		if (strlen(keys[i]) == len && memcmp(keys[i], name, len) == 0)
			return true;
	}
	return false;
}

int remote_get(const struct remote *r, struct store_call *call, int64_t deadline, bool consistent,
	       const struct place *place, json_t **item, struct error *e)
{
	struct dynamodb_call request = { .deadline = deadline, .cancel_fd = call->cancel_fd };
	_json_cleanup_ json_t *key = remote_key(r, place);

	if (!key)
		return store_option_error(place, EINVAL, "has a name that is not UTF-8", e);
	int rc = dynamodb_get_item(r->config.db, &request, r->config.table, key, consistent, item, e);
	call->read_units += request.read_units;
	return rc;
}

/* ---- Opening ---- */

static const char *where(const struct remote *r)
{
	return r->config.region[0] ? r->config.region : r->config.endpoint;
}

static bool is_string_key(const char *name, const char *type, const char *expected)
{
	return strcmp(name, expected ? expected : "") == 0 && (!expected || strcmp(type, "S") == 0);
}

/* "hash key a (S) and range key b (S)" */
static void describe_keys(struct buf *out, const char *hash, const char *hash_type, const char *range,
			  const char *range_type)
{
	buf_printf(out, "hash key %s (%s) and ", hash, hash_type);
	if (range && *range)
		buf_printf(out, "range key %s (%s)", range, range_type);
	else
		buf_str(out, "no range key");
}

static int check_schema(const struct remote *r, const struct dynamodb_table *table, struct error *e)
{
	_buf_cleanup_ struct buf found = BUF_INIT(2048), expected = BUF_INIT(2048);

	if (is_string_key(table->hash_key, table->hash_type, r->hash_key) &&
	    is_string_key(table->range_key, table->range_type, r->range_key))
		return 0;
	describe_keys(&found, table->hash_key, table->hash_type, table->range_key, table->range_type);
	describe_keys(&expected, r->hash_key, "S", r->range_key, "S");
	return error_set(e, EINVAL, "table %s has %s, but dynconf expects %s: %s, or use another table",
			 r->config.table, buf_text(&found), buf_text(&expected), r->layout->advice);
}

static int create(const struct remote *r, struct dynamodb_call *request, struct error *e)
{
	const struct store_dynamodb_config *c = &r->config;
	struct dynamodb_create table = {
		.table = c->table,
		.hash_key = r->hash_key,
		.range_key = r->range_key,
		.on_demand = c->on_demand,
		.read_units = c->read_units,
		.write_units = c->write_units,
	};

	if (!c->create)
		return error_set(e, ENXIO,
				 "table %s does not exist in %s: create it, or let dynconf do it with create=yes",
				 c->table, where(r));
	int rc = dynamodb_create_table(c->db, request, &table, e);
	if (rc == -EEXIST)
		return 0; /* another host was faster */
	if (rc == 0)
		log_info(c->log, "table %s was missing and is being created in %s", c->table, where(r));
	return rc;
}

/* One look. 1: usable, 0: not yet. `created` is kept between looks: a description may lag behind the creation. */
static int look(const struct remote *r, struct dynamodb_call *request, bool *created, struct error *e)
{
	_dynamodb_table_cleanup_ struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	struct error missing = ERROR_NULL;

	int rc = dynamodb_describe_table(r->config.db, request, r->config.table, &table, &missing);
	if (rc == -ENXIO && !*created) {
		rc = create(r, request, e);
		*created = rc == 0;
		return rc;
	}
	if (rc == -ENXIO || (rc == 0 && strcmp(table.self.status, "CREATING") == 0))
		return 0;
	if (rc < 0)
		return error_set(e, missing.number, "%s", missing.text);
	if (strcmp(table.self.status, "ACTIVE") != 0 && strcmp(table.self.status, "UPDATING") != 0)
		return error_set(e, ENXIO, "table %s in %s cannot be used, its status is %s", r->config.table, where(r),
				 table.self.status);
	rc = check_schema(r, &table, e);
	return rc < 0 ? rc : 1;
}

static int remote_open(struct store *store, struct store_call *call, struct error *e)
{
	struct remote *r = remote_of(store);
	struct dynamodb_call request = { .cancel_fd = call->cancel_fd };
	bool created = false;
	int rc;

	for (;;) {
		request.deadline = remote_request_deadline(r, call);
		rc = look(r, &request, &created, e);
		if (rc != 0)
			break;
		int64_t until = clock_mono(r->config.clock) + CLOCK_SECOND / 2;
		if (until >= call->deadline)
			return error_set(e, ETIMEDOUT, "table %s in %s is not yet ACTIVE: try again in a minute",
					 r->config.table, where(r));
		if (clock_sleep(r->config.clock, until, call->cancel_fd) < 0)
			return error_set(e, ECANCELED, "given up while table %s was being created", r->config.table);
	}
	call->read_units += request.read_units;
	return rc < 0 ? rc : 0;
}

/* ---- The object ---- */

static void remote_about(struct store *store, struct store_about *about)
{
	struct remote *r = remote_of(store);

	snprintf(about->source, sizeof(about->source), "dynamodb:%s", r->config.table);
	snprintf(about->region, sizeof(about->region), "%s", r->config.region);
	snprintf(about->endpoint, sizeof(about->endpoint), "%s", r->config.endpoint);
}

static const char **strings_of(struct store_dynamodb_config *c, size_t i)
{
	const char **const strings[] = { &c->table,         &c->store_key,       &c->option_key, &c->name,
					 &c->key_attribute, &c->value_attribute, &c->region,     &c->endpoint };

	return i < sizeof(strings) / sizeof(strings[0]) ? strings[i] : NULL;
}

static void remote_free(struct store *store)
{
	struct remote *r = remote_of(store);
	const char **string;

	for (size_t i = 0; (string = strings_of(&r->config, i)); i++)
		free((char *)(uintptr_t)*string);
	free(r);
}

static const char *key_name(const struct remote *r, size_t offset)
{
	return *(const char *const *)((const char *)&r->config + offset);
}

int store_dynamodb_new(const struct store_dynamodb_config *config, struct store **store, struct error *e)
{
	static const struct store_ops ops = {
		.open = remote_open,
		.load = remote_load,
		.load_option = remote_load_option,
		.apply = remote_apply,
		.about = remote_about,
		.free = remote_free,
	};
	static const struct remote_layout *const layouts[LAYOUT_KINDS] = {
		[LAYOUT_OPTIONS] = &remote_options,
		[LAYOUT_PATH] = &remote_path,
	};
	struct remote *r = calloc(1, sizeof(*r));
	const char **string;
	bool failed = false;

	if (!r)
		return error_no_memory(e);
	r->store.ops = &ops;
	r->config = *config;
	r->layout = layouts[config->layout];
	for (size_t i = 0; (string = strings_of(&r->config, i)); i++) {
		*string = strdup(*string ? *string : "");
		failed |= !*string;
	}
	if (failed) {
		remote_free(&r->store);
		return error_no_memory(e);
	}
	r->hash_key = key_name(r, r->layout->hash_key);
	r->range_key = r->layout->range_key ? key_name(r, r->layout->range_key) : NULL;
	*store = &r->store;
	return 0;
}
