/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_item.h"

#include "fs/path.h"

#include <errno.h>
#include <stdlib.h>

int store_key_place(const struct place *place, struct buf *text, struct place *out, struct error *e)
{
	const struct key_path path = { place->option, place->key, place->option_len, place->key_len };

	key_join(&path, text);
	if (buf_error(text))
		return error_no_memory(e);
	*out = (struct place){ .option = text->data, .option_len = text->len };
	return 0;
}

int store_option_error(const struct place *place, int number, const char *what, struct error *e)
{
	if (!place->store)
		return error_set(e, number, "the key %.*s %s", (int)place->option_len, place->option, what);
	return error_set(e, number, "the option %.*s/%.*s %s", (int)place->store_len, place->store,
			 (int)place->option_len, place->option, what);
}

int store_key_error(const struct place *place, int number, const char *what, struct error *e)
{
	if (!place->store)
		return store_option_error(place, number, what, e);
	return error_set(e, number, "the key %.*s/%.*s/%.*s %s", (int)place->store_len, place->store,
			 (int)place->option_len, place->option, (int)place->key_len, place->key, what);
}

int store_item_name(struct store_item *item, const char *name, size_t len, struct error *e)
{
	if (item->n == item->cap) {
		size_t cap = item->cap ? item->cap * 2 : 16;
		struct attribute *attributes = reallocarray(item->attributes, cap, sizeof(*attributes));
		if (!attributes)
			return error_no_memory(e);
		item->attributes = attributes;
		item->cap = cap;
	}
	item->name_at = item->bytes.len;
	buf_append(&item->bytes, name, len);
	buf_char(&item->bytes, '\0');
	item->attributes[item->n] = (struct attribute){ .name_len = len };
	return 0;
}

void store_item_drop(struct store_item *item)
{
	/* What was there before the name was whole, so a failure belongs to what is dropped. */
	item->bytes.len = item->name_at;
	item->bytes.failed = 0;
}

int store_item_end(struct store_item *item, enum value_type type, struct error *e)
{
	struct attribute *attribute = &item->attributes[item->n];

	attribute->type = type;
	attribute->len = item->bytes.len - item->name_at - attribute->name_len - 1;
	buf_char(&item->bytes, '\0');
	int r = buf_error(&item->bytes);
	if (r == 0) {
		item->n++;
		return 0;
	}
	store_item_drop(item);
	return r == -ENOMEM ? error_no_memory(e) : error_set(e, EFBIG, "the value is longer than an item can be");
}

int store_item_send(struct store_item *item, const struct store_sink *sink, const struct place *place, struct error *e)
{
	const char *at = buf_text(&item->bytes);

	for (size_t i = 0; i < item->n; i++) {
		struct attribute *attribute = &item->attributes[i];
		attribute->name = at;
		attribute->bytes = at + attribute->name_len + 1;
		at = attribute->bytes + attribute->len + 1;
	}
	int r = sink->item(sink->data, place->store, place->store_len, place->option, place->option_len,
			   item->attributes, item->n, e);
	item->n = 0;
	buf_reset(&item->bytes);
	return r;
}

void store_item_deinit(struct store_item *item)
{
	free(item->attributes);
	buf_deinit(&item->bytes);
	*item = STORE_ITEM_NULL;
}
