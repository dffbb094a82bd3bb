/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/doctor_private.h"

#include "aws/json.h"
#include "aws/sts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum {
	PAGE_MAX = 1 << 20,        /* of whatever the endpoint answers to a GET */
	SKEW_MAX = 5 * 60,         /* seconds; AWS refuses signatures that are older */
	CREDENTIALS_PATIENCE = 75, /* seconds: providers have deadlines of their own, the longest is a minute */
};

/* What no store, no option and no key is called. */
static const char nothing[] = ".dynconf-doctor";

static int64_t deadline_of(const struct doctor *d)
{
	return clock_mono(d->request->clock) + d->source->timeout;
}

static struct client_frame frame_of(const struct doctor *d)
{
	return (struct client_frame){ .deadline = deadline_of(d), .cancel_fd = -1 };
}

static int check_endpoint(struct doctor *d, struct buf *said, struct error *e)
{
	const struct backend_setup setup = { .clock = d->request->clock };
	int r = backend_new(d->source, &setup, &d->backend, e);

	if (r < 0)
		return r;
	const struct endpoint *at = &d->backend->endpoint;
	buf_printf(said, "%s, from %s; region %s, from %s", at->url, at->url_from, at->region, at->region_from);
	return FINE;
}

/* Any answer will do. */
static int check_connection(struct doctor *d, struct buf *said, struct error *e)
{
	struct http_response response = HTTP_RESPONSE_NULL(PAGE_MAX);
	const struct http_request request = {
		.method = "GET",
		.url = d->backend->endpoint.url,
		.deadline = deadline_of(d),
		.cancel_fd = -1,
	};
	int64_t before = clock_wall(d->request->clock), date;
	bool sent;

	int r = http_perform(d->backend->http, &request, &response, &sent, e);
	d->dated = r == 0 && http_date(response.date, &date) == 0;
	if (d->dated)
		d->ahead = date - before;
	http_response_deinit(&response);
	buf_printf(said, "%s answers", d->backend->endpoint.url);
	return r < 0 ? error_context(e, "%s", d->backend->endpoint.url) : FINE;
}

static int check_tls(struct doctor *d, struct buf *said, struct error *e)
{
	(void)e;
	if (strncmp(d->backend->endpoint.url, "https://", 8) == 0) {
		buf_str(said, "encrypted, with a certificate that is trusted");
		return FINE;
	}
	buf_str(said, "none, the endpoint is http://");
	return NO_MATTER;
}

static int check_clock(struct doctor *d, struct buf *said, struct error *e)
{
	long long seconds = d->ahead / CLOCK_SECOND;

	if (!d->dated) {
		buf_str(said, "the endpoint does not tell the time");
		return NO_MATTER;
	}
	if (llabs(seconds) > SKEW_MAX)
		return error_set(e, EACCES, "this machine is %lld s %s the endpoint", llabs(seconds),
				 seconds > 0 ? "behind" : "ahead of");
	buf_printf(said, "as the endpoint's, to %lld s", llabs(seconds) + 1);
	return FINE;
}

static int check_credentials(struct doctor *d, struct buf *said, struct error *e)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	int64_t deadline = clock_mono(d->request->clock) + CREDENTIALS_PATIENCE * CLOCK_SECOND;
	char until[CLOCK_ISO8601_SIZE] = "";
	int r = credentials_chain_get(d->backend->credentials, deadline, -1, &found, e);

	if (r < 0)
		return r;
	if (found.expires)
		clock_format_iso8601(found.expires, until);
	buf_printf(said, "%s%s%s", found.provider, found.expires ? ", until " : "", until);
	return FINE;
}

/* Needs no permission at all, but STS, which nothing else here depends on. */
static int check_identity(struct doctor *d, struct buf *said, struct error *e)
{
	struct client_frame frame = frame_of(d);
	struct client *client = NULL;
	struct sts_identity who;
	struct endpoint at;
	int r = backend_endpoint(d->backend, "sts", &at, e);

	if (r == 0 && d->backend->endpoint.custom && !at.custom) {
		buf_str(said, "not asked for: the endpoint is not AWS's");
		return NO_MATTER;
	}
	if (r == 0)
		r = backend_client(d->backend, &at, &client, e);
	if (r == 0)
		r = sts_get_caller_identity(client, &frame, &who, e);
	client_free(client);
	if (r == 0) {
		buf_printf(said, "%s", who.arn);
		return FINE;
	}
	if (r == -EACCES)
		return r;
	buf_printf(said, "%s; nothing else needs it", e->text);
	return NO_MATTER;
}

static bool is_policy(const struct client_outcome *outcome)
{
	return outcome->code && strncmp(outcome->code, "AccessDenied", 12) == 0;
}

static int describe(struct doctor *d, struct error *e)
{
	struct dynamodb_call call = { .deadline = deadline_of(d), .cancel_fd = -1 };
	int r = dynamodb_describe_table(d->backend->db, &call, d->source->target, &d->table, e);

	/* Whoever mends a policy wants to know of everything that it lacks. */
	if (r == -EACCES && is_policy(&call.outcome))
		d->found |= FOUND_ACCESS;
	return r;
}

static int check_table(struct doctor *d, struct buf *said, struct error *e)
{
	const struct dynamodb_resource *t = &d->table.self;
	const char *name = d->source->target, *region = d->backend->endpoint.region;
	int r = describe(d, e);

	if (r == -ENXIO && d->source->create && !settings_read_only(&d->settings)) {
		buf_printf(said, "%s does not exist in %s: a mount makes it", name, region);
		return NO_MATTER;
	}
	if (r == -ENXIO)
		return error_set(e, ENXIO, "%s does not exist in %s: create it, or let dynconf do it with create=yes",
				 name, region);
	if (r < 0)
		return r;
	buf_printf(said, "%s is %s in %s", name, t->status, region);
	if (t->on_demand)
		buf_str(said, ", on demand");
	else if (t->read_units)
		buf_printf(said, ", with %lld read and %lld write units", (long long)t->read_units,
			   (long long)t->write_units);
	return FINE;
}

/* As a mount looks at it. */
static int check_schema(struct doctor *d, struct buf *said, struct error *e)
{
	struct store_call call = { .deadline = deadline_of(d), .timeout = d->source->timeout, .cancel_fd = -1 };
	struct store *store = NULL;
	int r = backend_store(d->backend, d->source, false, &store, e);

	if (r == 0)
		r = store_open(store, &call, e);
	store_free(store);
	buf_printf(said, "hash key %s", d->table.hash_key);
	if (d->table.range_key[0])
		buf_printf(said, ", range key %s", d->table.range_key);
	return r;
}

/* ---- Permissions ---- */

/* The keys of a table: as it was described, else as it should be. */
static const char *hash_key(const struct doctor *d)
{
	if (d->table.hash_key[0])
		return d->table.hash_key;
	return d->source->layout == LAYOUT_PATH ? d->source->key_attribute : d->source->store_key;
}

static const char *range_key(const struct doctor *d)
{
	if (d->table.hash_key[0])
		return d->table.range_key;
	return d->source->layout == LAYOUT_PATH ? "" : d->source->option_key;
}

/* Of an item that does not exist. */
static json_t *key_of_nothing(const struct doctor *d)
{
	json_t *key = json_pack("{s:{s:s}}", hash_key(d), "S", nothing);

	if (*range_key(d))
		json_object_set_new(key, range_key(d), json_pack("{s:s}", "S", nothing));
	return key;
}

static int read_page(struct doctor *d, const char *hash, struct buf *said, struct error *e)
{
	struct dynamodb_call call = { .deadline = deadline_of(d), .cancel_fd = -1 };
	struct dynamodb_pages pages = {
		.table = d->source->target, .hash_key = hash, .hash_value = nothing, .limit = 1
	};
	json_t *items = NULL;
	int r = dynamodb_next_page(d->backend->db, &call, &pages, &items, e);

	json_decref(items);
	dynamodb_pages_deinit(&pages);
	buf_str(said, "allowed");
	return r;
}

static int check_scan(struct doctor *d, struct buf *said, struct error *e)
{
	return read_page(d, NULL, said, e);
}

static int check_query(struct doctor *d, struct buf *said, struct error *e)
{
	if (*range_key(d))
		return read_page(d, hash_key(d), said, e);
	buf_str(said, "not needed in this layout");
	return NO_MATTER;
}

static int check_get(struct doctor *d, struct buf *said, struct error *e)
{
	struct dynamodb_call call = { .deadline = deadline_of(d), .cancel_fd = -1 };
	_json_cleanup_ json_t *key = key_of_nothing(d), *item = NULL;

	buf_str(said, "allowed");
	return dynamodb_get_item(d->backend->db, &call, d->source->target, key, true, &item, e);
}

/* Sends a write whose condition holds for no item: when it may be tried at all, it fails with ESTALE. */
static int try_write(struct doctor *d, bool transaction, struct error *e)
{
	enum dynamodb_write_kind kind = d->check->write;
	struct dynamodb_call call = { .deadline = deadline_of(d), .cancel_fd = -1 };
	_json_cleanup_ json_t *key = key_of_nothing(d), *names = json_pack("{s:s}", "#h", hash_key(d));
	const struct dynamodb_write write = {
		.kind = kind,
		.table = d->source->target,
		.item = key,
		.update = kind == DYNAMODB_UPDATE ? "REMOVE #n" : NULL,
		.condition = "attribute_exists(#h) AND attribute_not_exists(#h)",
		.names = names,
	};

	if (kind == DYNAMODB_UPDATE)
		json_object_set_new(names, "#n", json_string(nothing));
	return transaction ? dynamodb_transact(d->backend->db, &call, &write, 1, e)
			   : dynamodb_write(d->backend->db, &call, &write, NULL, e);
}

static int judge_write(struct doctor *d, bool transaction, struct buf *said, struct error *e)
{
	struct error why = ERROR_NULL;

	if (settings_read_only(&d->settings)) {
		buf_str(said, "not needed: the mount is read-only");
		return NO_MATTER;
	}
	int r = try_write(d, transaction, &why);
	if (r == 0)
		return error_set(e, EIO, "the server carried out a write whose condition cannot hold: do not use it");
	if (r == -EOPNOTSUPP && transaction) {
		buf_str(said, "the engine has none: what changes two options is copied");
		return NO_MATTER;
	}
	buf_str(said, "allowed");
	return r == -ESTALE ? FINE : error_set(e, why.number, "%s", why.text);
}

static int check_write(struct doctor *d, struct buf *said, struct error *e)
{
	return judge_write(d, false, said, e);
}

static int check_transaction(struct doctor *d, struct buf *said, struct error *e)
{
	return judge_write(d, true, said, e);
}

static const struct check rows[] = {
	{ "region and endpoint", check_endpoint, 0, FOUND_BACKEND, NULL },
	{ "connection", check_connection, FOUND_BACKEND, FOUND_ANSWER,
	  "look at endpoint-url, the network, HTTPS_PROXY and, for certificates, AWS_CA_BUNDLE" },
	{ "TLS", check_tls, FOUND_ANSWER, 0, NULL },
	{ "clock", check_clock, FOUND_ANSWER, 0, "set it: chrony and systemd-timesyncd keep it so" },
	{ "credentials", check_credentials, FOUND_BACKEND, FOUND_KEYS, NULL },
	{ "identity", check_identity, FOUND_ANSWER | FOUND_KEYS, 0, NULL },
	{ "table", check_table, FOUND_ANSWER | FOUND_KEYS, FOUND_TABLE, NULL },
	{ "schema", check_schema, FOUND_TABLE, FOUND_ACCESS, NULL },
	{ "Scan", check_scan, FOUND_ACCESS, 0, NULL },
	{ "Query", check_query, FOUND_ACCESS, 0, NULL },
	{ "GetItem", check_get, FOUND_ACCESS, 0, NULL },
	{ "UpdateItem", check_write, FOUND_ACCESS, 0, NULL, DYNAMODB_UPDATE },
	{ "PutItem", check_write, FOUND_ACCESS, 0, NULL, DYNAMODB_PUT },
	{ "DeleteItem", check_write, FOUND_ACCESS, 0, NULL, DYNAMODB_DELETE },
	{ "transactions", check_transaction, FOUND_ACCESS, 0, NULL, DYNAMODB_UPDATE },
};

const struct checks doctor_dynamodb = { rows, N(rows) };
