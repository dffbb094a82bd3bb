/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_dynamodb_internal.h"

#include <errno.h>
#include <string.h>

/* Between two tries of a page while the table is throttled and the caller is patient. */
#define PAUSE_FIRST (CLOCK_SECOND / 2)
#define PAUSE_MAX (5 * CLOCK_SECOND)

const char *loader_text(const json_t *item, const char *name, size_t *len)
{
	const json_t *text = json_object_get(json_object_get(item, name), "S");

	*len = json_string_length(text);
	return json_string_value(text);
}

void loader_skip(const struct loader *l, const struct place *place, const char *why)
{
	const char *table = l->remote->config.table;
	struct error e = ERROR_NULL;

	if (!l->sink->skip)
		return;
	store_key_error(place, EINVAL, why, &e);
	error_context(&e, "table %s", table);
	const char *store = place->store ? place->store : l->remote->config.name;
	l->sink->skip(l->sink->data, store, place->store ? place->store_len : strlen(store), &e);
}

/* An attribute that is no file is left out and said so: it must not hide the others. */
static int gather_attribute(struct loader *l, const struct place *place, const json_t *attribute, struct error *e)
{
	_buf_cleanup_ struct buf sentence = BUF_INIT(sizeof(e->text) + 100);
	struct error why = ERROR_NULL;
	enum value_type type;

	int rc = store_item_name(&l->item, place->key, place->key_len, e);
	if (rc < 0)
		return rc;
	rc = value_from_attribute(attribute, &type, &l->item.bytes, &why);
	if (rc == 0)
		rc = store_item_end(&l->item, type, &why);
	else
		store_item_drop(&l->item);
	if (rc == -ENOMEM)
		return error_no_memory(e);
	if (rc < 0) {
		buf_printf(&sentence, "is not shown: %s", why.text);
		loader_skip(l, place, buf_text(&sentence));
	}
	return 0;
}

int loader_send_option(struct loader *l, json_t *item, struct error *e)
{
	const struct store_dynamodb_config *c = &l->remote->config;
	struct place place = { 0 };
	json_t *attribute;

	place.store = loader_text(item, c->store_key, &place.store_len);
	place.option = loader_text(item, c->option_key, &place.option_len);
	if (!place.store || !place.option) {
		log_warning(c->log, "table %s: the server sent an item without its keys, it is not shown", c->table);
		return 0;
	}
	json_object_keylen_foreach(item, place.key, place.key_len, attribute)
	{
		if (remote_is_key_name(l->remote, place.key, place.key_len))
			continue;
		int rc = gather_attribute(l, &place, attribute, e);
		if (rc < 0)
			return rc;
	}
	return store_item_send(&l->item, l->sink, &place, e);
}

static int send_page(struct loader *l, const json_t *items, struct error *e)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		int rc = l->remote->layout->send_item(l, item, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void tell_page(const struct store_sink *sink, bool throttled)
{
	if (sink->page)
		sink->page(sink->data, throttled);
}

/* The next page, waiting out throttles where the caller is patient. */
static int next_page(struct loader *l, struct store_call *call, struct dynamodb_pages *pages, json_t **items,
		     struct error *e)
{
	const struct store_dynamodb_config *c = &l->remote->config;
	int64_t pause = PAUSE_FIRST;

	for (;;) {
		struct dynamodb_call request = { .deadline = remote_request_deadline(l->remote, call),
						 .cancel_fd = call->cancel_fd };
		int rc = dynamodb_next_page(c->db, &request, pages, items, e);
		call->read_units += request.read_units;
		if (rc != -EBUSY || !l->sink->patient)
			return rc;
		tell_page(l->sink, true);
		if (clock_sleep(c->clock, clock_mono(c->clock) + pause, call->cancel_fd) < 0)
			return error_set(e, ECANCELED, "given up while table %s was throttled", c->table);
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
	}
}

static int load_pages(struct loader *l, struct store_call *call, struct dynamodb_pages *pages, struct error *e)
{
	while (!pages->done) {
		_json_cleanup_ json_t *items = NULL;
		int rc = next_page(l, call, pages, &items, e);
		if (rc == 0)
			rc = send_page(l, items, e);
		if (rc != 0)
			return rc;
		tell_page(l->sink, false);
	}
	return 0;
}

int remote_load(struct store *store, struct store_call *call, const char *only, const struct store_sink *sink,
		struct error *e)
{
	struct remote *r = remote_of(store);
	struct loader l = { .remote = r, .sink = sink, .item = STORE_ITEM_NULL };
	struct dynamodb_pages pages = {
		.table = r->config.table,
		.hash_key = only && r->range_key ? r->hash_key : NULL,
		.hash_value = only,
		.consistent = call->consistent,
	};

	int rc = load_pages(&l, call, &pages, e);
	dynamodb_pages_deinit(&pages);
	store_item_deinit(&l.item);
	return rc;
}

int remote_load_option(struct store *store, struct store_call *call, const struct place *place,
		       const struct store_sink *sink, struct error *e)
{
	struct remote *r = remote_of(store);
	struct loader l = { .remote = r, .sink = sink, .item = STORE_ITEM_NULL };
	_buf_cleanup_ struct buf text = BUF_INIT(STORE_ITEM_BYTES_MAX);
	_json_cleanup_ json_t *item = NULL;
	struct place at = *place;

	int rc = r->layout->place ? r->layout->place(r, place, &text, &at, e) : 0;
	if (rc == 0)
		rc = remote_get(r, call, remote_request_deadline(r, call), call->consistent, &at, &item, e);
	if (rc == 0 && item)
		rc = r->layout->send_item(&l, item, e);
	store_item_deinit(&l.item);
	return rc;
}
