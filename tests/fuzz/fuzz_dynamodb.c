/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte, a digit, picks an operation, the rest is the body of a 200 to it. */
#include "aws/dynamodb_table.h"
#include "tests/unit/fake_http.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void describe(struct dynamodb *db, struct dynamodb_call *call)
{
	_dynamodb_table_cleanup_ struct dynamodb_table table = DYNAMODB_TABLE_NULL;

	if (dynamodb_describe_table(db, call, "t", &table, NULL) < 0)
		return;
	if (!table.self.status[0] || !table.hash_key[0] || table.self.read_units < 0 || table.self.last_increase < 0)
		abort();
	for (size_t i = 0; i < table.n_indexes; i++) {
		if (!table.indexes[i].name[0])
			abort();
	}
}

static void list(struct dynamodb *db, struct dynamodb_call *call)
{
	struct dynamodb_table_pages pages = DYNAMODB_TABLE_PAGES_NULL;
	json_t *names = NULL;

	if (dynamodb_list_tables(db, call, &pages, &names, NULL) == 0 && pages.done == !!pages.after[0])
		abort();
	json_decref(names);
}

static void get(struct dynamodb *db, struct dynamodb_call *call, json_t *key)
{
	json_t *item = NULL;

	if (dynamodb_get_item(db, call, "t", key, true, &item, NULL) < 0 && item)
		abort();
	json_decref(item);
}

static void page(struct dynamodb *db, struct dynamodb_call *call)
{
	struct dynamodb_pages pages = { .table = "t" };
	json_t *items = NULL;

	if (dynamodb_next_page(db, call, &pages, &items, NULL) == 0 &&
	    (!json_is_array(items) || pages.done == !!pages.start))
		abort();
	json_decref(items);
	dynamodb_pages_deinit(&pages);
}

static void put(struct dynamodb *db, struct dynamodb_call *call, json_t *key)
{
	struct dynamodb_write write = { .kind = DYNAMODB_PUT, .table = "t", .item = key };
	json_t *old = NULL;

	dynamodb_write(db, call, &write, &old, NULL);
	json_decref(old);
	dynamodb_transact(db, call, &write, 1, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct fake_answer answer = { .body = (const char *)data + 1, .len = size - 1 };
	struct fake_service service;
	struct dynamodb *db = NULL;
	json_t *key = json_pack("{s:{s:s}}", "h", "S", "a");

	if (!key || fake_service_init(&service, &answer, 1) < 0 || dynamodb_new(service.client, &db, NULL) < 0)
		abort();
	struct dynamodb_call call = { .deadline = fake_deadline(&service), .cancel_fd = -1 };
	switch ((uint8_t)(data[0] - '0') % 5) {
	case 0:
		describe(db, &call);
		break;
	case 1:
		get(db, &call, key);
		break;
	case 2:
		page(db, &call);
		break;
	case 3:
		put(db, &call, key);
		break;
	default:
		list(db, &call);
	}
	if (!(call.read_units >= 0 && call.write_units >= 0))
		abort();
	json_decref(key);
	dynamodb_free(db);
	fake_service_deinit(&service);
	return 0;
}
