/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one call to a service as the daemon would, with what the environment says, and prints how it ended:
 *     aws-calls OPERATION SECONDS TABLE OPTION
 * The first line is the error's name or OK, then "lost" if an answer may have been lost, and what was read ("-":
 * nothing). The second is the error's sentence. Writes replace v=old by v=new in the option of the store "prod", if it
 * is "old".
 */
#include "aws/config.h"
#include "aws/dynamodb_table.h"
#include "aws/endpoint.h"
#include "aws/http_curl.h"
#include "aws/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
	struct dynamodb *db;
	struct dynamodb_call frame;
	const char *table, *option;
	char value[64]; /* that was read */
};

static json_t *key_of(const char *option)
{
	return json_pack("{s:{s:s}, s:{s:s}}", "_store", "S", "prod", "_option", "S", option);
}

static void note_value(struct call *c, const json_t *item)
{
	aws_json_text(json_object_get(item, "v"), "S", c->value, sizeof(c->value));
}

static int describe_table(struct call *c, struct error *e)
{
	_dynamodb_table_cleanup_ struct dynamodb_table table = DYNAMODB_TABLE_NULL;
	int rc = dynamodb_describe_table(c->db, &c->frame, c->table, &table, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%s", table.self.status);
	return rc;
}

static int create_table(struct call *c, struct error *e)
{
	const struct dynamodb_create create = { c->option, "_store", "_option", false, 1, 1 };

	return dynamodb_create_table(c->db, &c->frame, &create, e);
}

static int update_table(struct call *c, struct error *e)
{
	const struct dynamodb_units units = { NULL, 7, 7 };
	const struct dynamodb_update update = { c->option, DYNAMODB_BILLING_UNCHANGED, &units, 1 };

	return dynamodb_update_table(c->db, &c->frame, &update, e);
}

static int list_tables(struct call *c, struct error *e)
{
	struct dynamodb_table_pages pages = DYNAMODB_TABLE_PAGES_NULL;
	_json_cleanup_ json_t *names = NULL;
	int rc = dynamodb_list_tables(c->db, &c->frame, &pages, &names, e);

	if (rc == 0)
		snprintf(c->value, sizeof(c->value), "%s", json_array_size(names) ? "some" : "none");
	return rc;
}

static int read_page(struct call *c, const char *hash_key, struct error *e)
{
	struct dynamodb_pages pages = { .table = c->table, .hash_key = hash_key, .hash_value = "prod" };
	_json_cleanup_ json_t *items = NULL;
	json_t *item;
	size_t i;
	int rc = dynamodb_next_page(c->db, &c->frame, &pages, &items, e);

	json_array_foreach(items, i, item)
	{
		const char *option = json_string_value(json_object_get(json_object_get(item, "_option"), "S"));
		if (option && strcmp(option, c->option) == 0)
			note_value(c, item);
	}
	dynamodb_pages_deinit(&pages);
	return rc;
}

static int scan(struct call *c, struct error *e)
{
	return read_page(c, NULL, e);
}

static int query(struct call *c, struct error *e)
{
	return read_page(c, "_store", e);
}

static int get_item(struct call *c, struct error *e)
{
	_json_cleanup_ json_t *item = NULL, *key = key_of(c->option);
	int rc = dynamodb_get_item(c->db, &c->frame, c->table, key, true, &item, e);

	note_value(c, item);
	return rc;
}

static struct dynamodb_write write_of(const struct call *c, enum dynamodb_write_kind kind, json_t *item, json_t *names,
				      json_t *values)
{
	return (struct dynamodb_write){ .kind = kind,
					.table = c->table,
					.item = item,
					.update = kind == DYNAMODB_UPDATE ? "SET #v = :new" : NULL,
					.condition = "#v = :old",
					.names = names,
					.values = values };
}

static int write_item(struct call *c, enum dynamodb_write_kind kind, struct error *e)
{
	_json_cleanup_ json_t *item = key_of(c->option), *names = json_pack("{s:s}", "#v", "v");
	_json_cleanup_ json_t *values = json_pack("{s:{s:s}}", ":old", "S", "old");

	if (kind == DYNAMODB_PUT)
		json_object_set_new(item, "v", json_pack("{s:s}", "S", "new"));
	if (kind == DYNAMODB_UPDATE)
		json_object_set_new(values, ":new", json_pack("{s:s}", "S", "new"));
	struct dynamodb_write write = write_of(c, kind, item, names, values);
	return dynamodb_write(c->db, &c->frame, &write, NULL, e);
}

static int put_item(struct call *c, struct error *e)
{
	return write_item(c, DYNAMODB_PUT, e);
}

static int update_item(struct call *c, struct error *e)
{
	return write_item(c, DYNAMODB_UPDATE, e);
}

static int delete_item(struct call *c, struct error *e)
{
	return write_item(c, DYNAMODB_DELETE, e);
}

static int transact_write_items(struct call *c, struct error *e)
{
	_json_cleanup_ json_t *item = key_of(c->option), *names = json_pack("{s:s}", "#v", "v");
	_json_cleanup_ json_t *values = json_pack("{s:{s:s}, s:{s:s}}", ":old", "S", "old", ":new", "S", "new");
	struct dynamodb_write write = write_of(c, DYNAMODB_UPDATE, item, names, values);

	return dynamodb_transact(c->db, &c->frame, &write, 1, e);
}

static const struct operation {
	const char *name;
	int (*perform)(struct call *c, struct error *e);
} operations[] = {
	{ "DescribeTable", describe_table },
	{ "CreateTable", create_table },
	{ "UpdateTable", update_table },
	{ "ListTables", list_tables },
	{ "Scan", scan },
	{ "Query", query },
	{ "GetItem", get_item },
	{ "PutItem", put_item },
	{ "UpdateItem", update_item },
	{ "DeleteItem", delete_item },
	{ "TransactWriteItems", transact_write_items },
};

static const char *get_environment(void *data, const char *name)
{
	(void)data;
	return getenv(name);
}

/* What a call stands on. */
struct stack {
	struct aws_config aws;
	struct endpoint endpoint;
	struct http *http;
	struct credentials_chain *credentials;
	struct client *client;
	struct dynamodb *db;
};

static void stack_deinit(struct stack *s)
{
	dynamodb_free(s->db);
	client_free(s->client);
	credentials_chain_free(s->credentials);
	http_free(s->http);
	aws_config_deinit(&s->aws);
}

static int stack_init(struct stack *s, struct error *e)
{
	const struct credentials_context context = { .getenv = get_environment };
	int rc = aws_config_load(&context, &s->aws, e);

	if (rc == 0)
		rc = endpoint_resolve(&context, "dynamodb", NULL, NULL, &s->endpoint, e);
	if (rc == 0)
		rc = http_curl_global_init(e);
	const struct http_curl_options http = { .clock = clock_system(),
						.user_agent = "aws-calls",
						.ca_bundle = s->aws.ca_bundle };
	if (rc == 0)
		rc = http_curl_new(&http, &s->http, e);
	if (rc == 0)
		rc = credentials_chain_new(&context, &s->credentials, e);
	const struct client_config client = { .service = s->endpoint.signing_name,
					      .region = s->endpoint.region,
					      .endpoint = s->endpoint.url,
					      .http = s->http,
					      .clock = clock_system(),
					      .credentials = s->credentials,
					      .max_attempts = s->aws.max_attempts };
	if (rc == 0)
		rc = client_new(&client, &s->client, e);
	return rc < 0 ? rc : dynamodb_new(s->client, &s->db, e);
}

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct operation *operation = argc == 5 ? find_operation(argv[1]) : NULL;
	__attribute__((cleanup(stack_deinit))) struct stack stack = { 0 };
	struct error e = ERROR_NULL;

	if (!operation || stack_init(&stack, &e) < 0) {
		fprintf(stderr, "%s\n", operation ? e.text : "usage: aws-calls OPERATION SECONDS TABLE OPTION");
		return 2;
	}
	struct call call = { .db = stack.db, .table = argv[3], .option = argv[4], .value = "-" };
	call.frame = (struct dynamodb_call){
		.deadline = clock_mono(clock_system()) + strtol(argv[2], NULL, 10) * CLOCK_SECOND, .cancel_fd = -1
	};
	int rc = operation->perform(&call, &e);
	printf("%s%s %s\n%s\n", rc < 0 ? strerrorname_np(-rc) : "OK", call.frame.outcome.answer_lost ? " lost" : "",
	       call.value, e.text);
	return 0;
}
