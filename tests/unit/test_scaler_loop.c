/* SPDX-License-Identifier: Apache-2.0 */
/* Whole passes: the cases of vectors/scaler/loop through the real loop, less the differences that
 * vectors/scaler-loop-differences lists; and what the original did not have. */
#include "tests/unit/fake_cloud.h"
#include "tests/unit/scaler_json.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CASES TEST_DATA "/vectors/scaler/loop"

enum { NOON = 1709546430 }; /* 2024-03-04 10:00:30 UTC */

static int64_t time_of(json_t *pass)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(json_string_value(json_object_get(pass, "now")), "%Y-%m-%dT%H:%M:%SZ", &tm));
	return timegm(&tm);
}

static struct units checks_of(struct fake_cloud *cloud, const char *table, const char *index)
{
	const struct target target = { table, index };
	int64_t next;

	scaler_lock(cloud->scaler);
	const struct state_entry *entry = state_find(scaler_state(cloud->scaler, &next), "", &target);
	struct units checks = entry ? entry->checks : (struct units){ { 0 } };
	scaler_unlock(cloud->scaler);
	return checks;
}

static void assert_checks(struct fake_cloud *cloud, const char *name, const char *table, const char *index,
			  json_t *expected)
{
	static const char *const sides[DIMENSIONS] = { "reads", "writes" };
	struct units checks = checks_of(cloud, table, index);

	for (int d = 0; d < DIMENSIONS; d++) {
		long long wanted = json_integer_value(json_object_get(expected, sides[d]));
		if (checks.of[d] != wanted)
			fail_msg("%s: %s of %s: %lld, expected %lld", name, sides[d], index ? index : table,
				 (long long)checks.of[d], wanted);
	}
}

static void assert_counters(struct fake_cloud *cloud, const char *name, json_t *expected)
{
	json_t *value;
	const char *key;

	json_object_foreach(json_object_get(expected, "tables"), key, value)
		assert_checks(cloud, name, key, NULL, value);
	json_object_foreach(json_object_get(expected, "gsis"), key, value)
	{
		char table[256];
		size_t len = strcspn(key, ":");
		snprintf(table, sizeof(table), "%.*s", (int)len, key);
		assert_checks(cloud, name, table, key + len + 1, value);
	}
}

static void assert_json(const char *name, json_t *actual, json_t *expected)
{
	char *left = json_dumps(actual, JSON_SORT_KEYS), *right = json_dumps(expected, JSON_SORT_KEYS);

	if (!json_same(actual, expected))
		fail_msg("%s: %s, expected %s", name, left, right);
	free(left);
	free(right);
}

/* Which tables a case updates here, where the original ended; NULL: it is not listed. */
static const char *difference(const char *name)
{
	static char how[64];
	char line[256], key[64];
	FILE *file = fopen(TEST_DATA "/vectors/scaler-loop-differences", "r");
	bool found = false;

	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%63s updated=%63s", key, how) == 2 && strcmp(key, name) == 0;
	fclose(file);
	return found ? how : NULL;
}

/* The tables that were updated, with commas between. */
static void assert_updated(const char *name, json_t *updates, const char *tables)
{
	_buf_cleanup_ struct buf updated = BUF_INIT(1024);
	json_t *update;
	size_t i;

	json_array_foreach(updates, i, update)
		buf_printf(&updated, "%s%s", i ? "," : "", json_string_value(json_object_get(update, "table")));
	if (strcmp(buf_text(&updated), tables) != 0)
		fail_msg("%s: %s updated, expected %s", name, buf_text(&updated), tables);
}

static void check_pass(struct fake_cloud *cloud, const char *name, json_t *expect)
{
	const char *updated = difference(name);

	if (updated)
		assert_updated(name, cloud->updates, updated);
	/* The original ended. Here it is enough that the pass did not. */
	if (json_object_get(expect, "exception") || json_object_get(expect, "exit"))
		return;
	assert_json(name, cloud->updates, json_object_get(expect, "updates"));
	if (cloud->config.global.dry_run)
		assert_int_equal(json_array_size(cloud->published), 0);
	else
		assert_json(name, cloud->published, json_object_get(expect, "published"));
	assert_counters(cloud, name, json_object_get(expect, "counters"));
}

static bool has_argument(json_t *argv, const char *word)
{
	json_t *value;
	size_t i;

	json_array_foreach(argv, i, value)
	{
		if (strcmp(json_string_value(value), word) == 0)
			return true;
	}
	return false;
}

static void check_case(const char *name, json_t *loop_case)
{
	struct fake_cloud cloud;
	struct error e = ERROR_NULL;
	json_t *pass;
	size_t i;
	const struct scaler_argument arguments[] = { { "compat", "2.5.1" }, { "dry-run", "true" } };
	int rc = fake_cloud_init(&cloud, json_string_value(json_object_get(loop_case, "conf")), arguments,
				 1 + has_argument(json_object_get(loop_case, "argv"), "--dry-run"),
				 json_object_get(loop_case, "tables"), &e);

	if (rc < 0)
		fail_msg("%s: %s", name, e.text);
	json_array_foreach(json_object_get(loop_case, "passes"), i, pass)
	{
		fake_cloud_pass(&cloud, pass, time_of(pass), &e);
		check_pass(&cloud, name, json_object_get(pass, "expect"));
	}
	fake_cloud_deinit(&cloud);
}

static void test_cases(void **state)
{
	DIR *dir = opendir(CASES);
	const struct dirent *entry;
	int n = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[512];
		if (!strstr(entry->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), CASES "/%s", entry->d_name);
		json_t *loop_case = json_load_file(path, 0, NULL);
		assert_non_null(loop_case);
		check_case(json_string_value(json_object_get(loop_case, "name")), loop_case);
		json_decref(loop_case);
		n++;
	}
	closedir(dir);
	assert_true(n > 0);
}

#define ALWAYS "[global]\ncheck-interval: 60\n"
#define TABLES "[table: .*]\n"

/* A table of 100 and 100 units with the metrics that the rows below name. */
static json_t *plain_table(void)
{
	return json_pack("{s:i,s:i,s:s,s:{}}", "read", 100, "write", 100, "status", "ACTIVE", "gsis");
}

static void add_metrics(json_t *pass, const char *target, int reads, int writes)
{
	json_t *metrics = json_object_get(pass, "metrics");

	json_object_set_new(metrics, target,
			    json_pack("{s:i,s:i}", "ConsumedReadCapacityUnits", reads * 300,
				      "ConsumedWriteCapacityUnits", writes * 300));
}

/* One table `a` with indexes `i` and `j`, each at 100 units, consuming what is said. */
struct world {
	struct fake_cloud cloud;
	json_t *tables, *pass;
	struct error e;
	char state[64];
};

static void world_begin(struct world *w, const char *conf)
{
	*w = (struct world){ .tables = json_object(), .pass = json_pack("{s:{}}", "metrics") };
	json_t *table = plain_table(), *gsis = json_object_get(table, "gsis");
	json_object_set_new(gsis, "i", plain_table());
	json_object_set_new(gsis, "j", plain_table());
	json_object_set_new(w->tables, "a", table);
	if (fake_cloud_init(&w->cloud, conf, NULL, 0, w->tables, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static void world_end(struct world *w)
{
	fake_cloud_deinit(&w->cloud);
	json_decref(w->tables);
	json_decref(w->pass);
	if (*w->state)
		unlink(w->state);
}

static int world_pass(struct world *w, int64_t after)
{
	return fake_cloud_pass(&w->cloud, w->pass, NOON + after, &w->e);
}

static void assert_units(struct world *w, const char *target, int reads, int writes)
{
	json_t *resource = json_object_get(w->cloud.tables, "a");

	if (strlen(target) > 1)
		resource = json_object_get(json_object_get(resource, "gsis"), target + 2);
	assert_int_equal(json_integer_value(json_object_get(resource, "read")), reads);
	assert_int_equal(json_integer_value(json_object_get(resource, "write")), writes);
}

/* A table and its indexes in one call; in parts where that is refused. */
static void test_together(void **state)
{
	(void)state;
	for (size_t refused = 0; refused < 2; refused++) {
		struct world w;
		world_begin(&w, ALWAYS TABLES "[gsi: .* table: .*]\n");
		add_metrics(w.pass, "a", 95, 50);
		add_metrics(w.pass, "a/i", 50, 95);
		add_metrics(w.pass, "a/j", 2, 50);
		w.cloud.refuse_combined = refused;
		assert_int_equal(world_pass(&w, 0), 0);
		assert_int_equal(w.cloud.calls[CLOUD_UPDATE], refused ? 4 : 1);
		assert_int_equal(w.cloud.calls[CLOUD_DESCRIBE], 1);
		assert_units(&w, "a", 150, 100);
		assert_units(&w, "a/i", 100, 150);
		assert_units(&w, "a/j", 50, 100);
		world_end(&w);
	}
}

/* Only what a decision needs, in minutes of the window; and the same from the old call where the new one is denied. */
static void test_metrics(void **state)
{
	static const struct {
		const char *more;
		bool denied;
		size_t queries, old_calls;
	} rows[] = {
		{ "", false, 2, 0 },
		{ "enable-writes-autoscaling: false\n", false, 1, 0 },
		{ "enable-writes-autoscaling: false\nwrites-lower-alarm-threshold: 1\n", false, 2, 0 },
		{ "throttled-reads-upper-threshold: 10\n", false, 3, 0 },
		{ "increase-throttled-by-consumed-writes-scale: {1: 5}\n", false, 3, 0 },
		{ "", true, 0, 2 },
		{ "throttled-reads-upper-threshold: 10\n", true, 0, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf conf = BUF_INIT(4096);
		struct world w;
		buf_printf(&conf, ALWAYS TABLES "%s", rows[i].more);
		world_begin(&w, buf_text(&conf));
		add_metrics(w.pass, "a", 95, 50);
		w.cloud.denied[CLOUD_METRIC_DATA] = rows[i].denied;
		assert_int_equal(world_pass(&w, 0), 0);
		assert_int_equal(w.cloud.queries, rows[i].queries);
		assert_int_equal(w.cloud.calls[CLOUD_METRIC_STATISTICS], rows[i].old_calls);
		assert_units(&w, "a", 150, 100);
		assert_int_equal(w.cloud.bucket, 60);
		assert_int_equal(w.cloud.bucket_start, NOON - NOON % 60 - 900);
		assert_int_equal(w.cloud.bucket_end, w.cloud.bucket_start + 300);
		/* What was denied is not asked for again. */
		assert_int_equal(world_pass(&w, 60), 0);
		assert_int_equal(w.cloud.calls[CLOUD_METRIC_DATA], rows[i].denied ? 1 : 2);
		world_end(&w);
	}
}

static void test_many_tables(void **state)
{
	json_t *tables = json_object(), *pass = json_pack("{s:{}}", "metrics");
	struct fake_cloud cloud;
	char name[32];

	(void)state;
	for (int i = 0; i < 500; i++) {
		json_t *table = plain_table();
		for (int k = 0; k < 3; k++) {
			snprintf(name, sizeof(name), "index-%d", k);
			json_object_set_new(json_object_get(table, "gsis"), name, plain_table());
		}
		snprintf(name, sizeof(name), "table-%03d", i);
		json_object_set_new(tables, name, table);
	}
	assert_int_equal(fake_cloud_init(&cloud,
					 ALWAYS "[default_options]\nthrottled-reads-upper-threshold: 1\n"
						"throttled-writes-upper-threshold: 1\n" TABLES "[gsi: .* table: .*]\n",
					 NULL, 0, tables, NULL),
			 0);
	assert_int_equal(fake_cloud_pass(&cloud, pass, NOON, NULL), 0);
	assert_int_equal(cloud.calls[CLOUD_LIST], 1);
	assert_int_equal(cloud.calls[CLOUD_DESCRIBE], 500);
	assert_int_equal(cloud.calls[CLOUD_METRIC_DATA], 16);
	assert_int_equal(cloud.queries, 500);
	fake_cloud_deinit(&cloud);
	json_decref(tables);
	json_decref(pass);
}

/* Without ListTables, sections whose key is a name go on; others make the pass a failure. */
static void test_no_list(void **state)
{
	static const struct {
		const char *conf;
		int rc, reads;
	} rows[] = {
		{ "[table: ^a$]\n", 0, 150 },
		{ "[table: a]\n", 0, 150 },
		{ "[table: ^gone$]\n[table: a]\n", 0, 150 },
		{ "[table: a]\n[table: b.*]\n", -EACCES, 150 },
		{ TABLES, -EACCES, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf conf = BUF_INIT(4096);
		struct world w;
		buf_printf(&conf, ALWAYS "%s", rows[i].conf);
		world_begin(&w, buf_text(&conf));
		w.cloud.denied[CLOUD_LIST] = true;
		add_metrics(w.pass, "a", 95, 50);
		assert_int_equal(world_pass(&w, 0), rows[i].rc);
		assert_units(&w, "a", rows[i].reads, 100);
		world_end(&w);
	}
}

/* What AWS scales itself is left alone unless an option says otherwise, or nobody may know. */
static void test_autoscaled(void **state)
{
	static const struct {
		const char *resource, *global;
		bool denied;
		int table, index;
	} rows[] = {
		{ "table/a", "", false, 100, 150 }, { "table/a/index/i", "", false, 150, 100 },
		{ "table/b", "", false, 150, 150 }, { "table/a", "manage-autoscaled: true\n", false, 150, 150 },
		{ "table/a", "", true, 150, 150 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf conf = BUF_INIT(4096);
		struct world w;
		json_t *autoscaled = json_pack("[s]", rows[i].resource);
		buf_printf(&conf, ALWAYS "%s" TABLES "[gsi: .* table: .*]\n", rows[i].global);
		world_begin(&w, buf_text(&conf));
		w.cloud.autoscaled = autoscaled;
		w.cloud.denied[CLOUD_TARGETS] = rows[i].denied;
		add_metrics(w.pass, "a", 95, 50);
		add_metrics(w.pass, "a/i", 95, 50);
		assert_int_equal(world_pass(&w, 0), 0);
		assert_units(&w, "a", rows[i].table, 100);
		assert_units(&w, "a/i", rows[i].index, 100);
		world_end(&w);
		json_decref(autoscaled);
	}
}

/* What was known of it holds while nobody can tell anew. */
static void test_autoscaled_is_remembered(void **state)
{
	json_t *autoscaled = json_pack("[s]", "table/a");
	struct world w;

	(void)state;
	world_begin(&w, ALWAYS TABLES);
	w.cloud.autoscaled = autoscaled;
	add_metrics(w.pass, "a", 95, 50);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_pass(&w, i * 60), 0);
		assert_units(&w, "a", 100, 100);
		w.cloud.denied[CLOUD_TARGETS] = true;
	}
	world_end(&w);
	json_decref(autoscaled);
}

/* Every name begins with nothing. */
static void test_empty_key(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, ALWAYS "[table:]\n");
	add_metrics(w.pass, "a", 95, 50);
	assert_int_equal(world_pass(&w, 0), 0);
	assert_units(&w, "a", 150, 100);
	world_end(&w);
}

/* A lasting refusal is asked about less and less often; a table that is well is not held up. */
static void test_rests(void **state)
{
	static const bool asked[] = { true, true, false, true, false, false, false, true };
	struct world w;

	(void)state;
	world_begin(&w, ALWAYS TABLES);
	w.cloud.denied[CLOUD_DESCRIBE] = true;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		size_t before = w.cloud.calls[CLOUD_DESCRIBE];
		world_pass(&w, 60 * (int64_t)i);
		assert_int_equal(w.cloud.calls[CLOUD_DESCRIBE] - before, asked[i]);
	}
	world_end(&w);
}

static const struct state_counts *counts_of(struct world *w)
{
	static const struct target target = { .table = "a" };
	int64_t next;

	return &state_find(scaler_state(w->cloud.scaler, &next), "", &target)->counts;
}

/* A failure is told when it begins and when it has passed; a change each time. */
static void test_news(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, ALWAYS TABLES);
	add_metrics(w.pass, "a", 95, 50);
	w.cloud.denied[CLOUD_DESCRIBE] = true;
	world_pass(&w, 0);
	world_pass(&w, 60);
	w.cloud.denied[CLOUD_DESCRIBE] = false;
	world_pass(&w, 120); /* sat out, as are some after the next */
	w.cloud.denied[CLOUD_UPDATE] = true;
	world_pass(&w, 180);
	w.cloud.denied[CLOUD_UPDATE] = false;
	for (int64_t after = 240; after <= 420; after += 60)
		world_pass(&w, after);
	assert_string_equal(buf_text(&w.cloud.news), "a failed, a 100->150 refused, a 100->150, a well, ");
	const struct state_counts *counts = counts_of(&w);
	assert_int_equal(counts->failures, 3);
	assert_int_equal(counts->checks, 2);
	assert_int_equal(counts->changes, 1);
	assert_int_equal(counts->refusals, 1);
	world_end(&w);
}

/* An UpdateTable whose answer was lost has been carried out: that is seen, announced and not done again. */
static void test_lost_answer(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, ALWAYS TABLES "sns-topic-arn: arn:t\nsns-message-types: scale-up\n");
	add_metrics(w.pass, "a", 95, 50);
	w.cloud.lose_update = 100;
	assert_int_equal(world_pass(&w, 0), 0);
	assert_units(&w, "a", 150, 100);
	assert_int_equal(json_array_size(w.cloud.published), 1);
	world_end(&w);
}

static const char *state_conf(struct world *w, struct buf *conf, const char *more)
{
	snprintf(w->state, sizeof(w->state), "/tmp/dynconf-scaler-state-%ld", (long)getpid());
	unlink(w->state);
	buf_printf(conf, "[global]\nstate-file: %s\n" TABLES "sns-topic-arn: arn:t\nsns-message-types: scale-down\n%s",
		   w->state, more);
	return buf_text(conf);
}

/* What was on the disk and at DynamoDB when a request was about to go out. */
enum { MOMENTS = 16 };

static struct moment {
	char *file; /* NULL: there was none */
	json_t *tables;
} moments[MOMENTS];
static size_t n_moments;

static char *read_file(const char *path)
{
	_buf_cleanup_ struct buf text = BUF_INIT(1 << 20);
	FILE *file = fopen(path, "r");

	if (!file)
		return NULL;
	char *room = buf_reserve(&text, 1 << 16);
	text.len = fread(room, 1, 1 << 16, file);
	room[text.len] = '\0';
	fclose(file);
	return buf_take(&text, NULL);
}

static void remember(struct fake_cloud *cloud, enum cloud_operation operation)
{
	(void)operation;
	assert_true(n_moments < MOMENTS);
	moments[n_moments++] = (struct moment){
		.file = read_file(cloud->config.global.state_file),
		.tables = json_deep_copy(cloud->tables),
	};
}

/* Killed at any moment of the pass that shrinks the table, its successor shrinks it once, and counts on. */
static void test_killed(void **state)
{
	_buf_cleanup_ struct buf conf = BUF_INIT(4096);
	struct world w = { 0 };
	char path[sizeof(w.state)];

	(void)state;
	n_moments = 0;
	state_conf(&w, &conf, "num-read-checks-before-scale-down: 3\nenable-writes-autoscaling: false\n");
	strcpy(path, w.state);
	world_begin(&w, buf_text(&conf));
	strcpy(w.state, path);
	add_metrics(w.pass, "a", 2, 50);
	for (int i = 0; i < 3; i++) {
		w.cloud.asked = i == 2 ? remember : NULL;
		assert_int_equal(world_pass(&w, 60 * i), 0);
	}
	w.cloud.asked = NULL;
	assert_units(&w, "a", 50, 100);
	assert_true(n_moments >= 6);
	for (size_t i = 0; i < n_moments; i++) {
		FILE *file = fopen(path, "w");
		fputs(moments[i].file, file);
		fclose(file);
		json_decref(w.cloud.tables);
		w.cloud.tables = moments[i].tables;
		free(moments[i].file);
		bool done = json_integer_value(json_object_get(json_object_get(w.cloud.tables, "a"), "read")) == 50;
		assert_int_equal(fake_cloud_restart(&w.cloud, NULL), 0);
		assert_int_equal(world_pass(&w, 180), 0);
		assert_units(&w, "a", 50, 100);
		assert_int_equal(checks_of(&w.cloud, "a", NULL).of[DIMENSION_READS], done);
	}
	world_end(&w);
}

static void stop_now(struct fake_cloud *cloud, enum cloud_operation operation)
{
	if (operation == CLOUD_UPDATE)
		scaler_stop(cloud->scaler, NULL);
}

/* Told to stop while one change is under way: that one ends, the next is left to the successor. */
static void test_stopped(void **state)
{
	_buf_cleanup_ struct buf conf = BUF_INIT(4096);
	struct world w = { 0 };
	char path[sizeof(w.state)];

	(void)state;
	state_conf(&w, &conf, "num-read-checks-before-scale-down: 2\n");
	strcpy(path, w.state);
	world_begin(&w, buf_text(&conf));
	strcpy(w.state, path);
	json_object_set_new(w.cloud.tables, "b", plain_table());
	add_metrics(w.pass, "a", 2, 50);
	add_metrics(w.pass, "b", 2, 50);
	assert_int_equal(world_pass(&w, 0), 0);
	w.cloud.asked = stop_now;
	assert_int_equal(world_pass(&w, 60), -ECANCELED);
	w.cloud.asked = NULL;
	assert_updated("stopped", w.cloud.updates, "a");
	assert_int_equal(fake_cloud_restart(&w.cloud, NULL), 0);
	assert_int_equal(checks_of(&w.cloud, "b", NULL).of[DIMENSION_READS], 1);
	assert_int_equal(world_pass(&w, 120), 0);
	assert_updated("restarted", w.cloud.updates, "b");
	world_end(&w);
}

/* Whatever metrics and clock say, nothing leaves its limits. */
static void test_nonsense(void **state)
{
	static const double sums[] = { 0, -1, 1e308, -1e308, 1e-300, 4e18 };
	static const int64_t times[] = { 0, -NOON, INT64_C(9000000000) - NOON, 59, 60, -86400 };

	(void)state;
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		struct world w;
		world_begin(&w, ALWAYS TABLES "min-provisioned-reads: 10\nmax-provisioned-reads: 1000\n"
					      "throttled-reads-upper-threshold: 1\n"
					      "increase-throttled-by-consumed-reads-scale: {0: 1e300}\n");
		json_object_set_new(json_object_get(w.pass, "metrics"), "a",
				    json_pack("{s:f,s:f}", "ConsumedReadCapacityUnits", sums[i], "ReadThrottleEvents",
					      sums[(i + 3) % 6]));
		for (size_t k = 0; k < sizeof(times) / sizeof(times[0]); k++) {
			world_pass(&w, times[k]);
			json_int_t read =
				json_integer_value(json_object_get(json_object_get(w.cloud.tables, "a"), "read"));
			assert_true(read >= 10 && read <= 1000);
		}
		world_end(&w);
	}
}

static sem_t third_pass;

static void count_passes(struct fake_cloud *cloud, enum cloud_operation operation)
{
	if (operation == CLOUD_LIST && cloud->calls[CLOUD_LIST] == 3)
		sem_post(&third_pass);
}

/* In a thread, once and again and again; an interval of 0 is a second. */
static void test_thread(void **state)
{
	struct pollfd done = { .events = POLLIN };
	struct world w;

	(void)state;
	world_begin(&w, "[global]\ncheck-interval: 0\n" TABLES);
	w.cloud.pass = w.pass;
	assert_int_equal(scaler_start(w.cloud.scaler, true, NULL), 0);
	done.fd = scaler_done_fd(w.cloud.scaler);
	assert_int_equal(poll(&done, 1, -1), 1);
	assert_int_equal(scaler_stop(w.cloud.scaler, &w.e), 0);
	assert_int_equal(w.cloud.calls[CLOUD_LIST], 1);
	assert_int_equal(w.cloud.service.clock.sleeps, 0);

	sem_init(&third_pass, 0, 0);
	w.cloud.asked = count_passes;
	assert_int_equal(fake_cloud_restart(&w.cloud, NULL), 0);
	assert_int_equal(scaler_start(w.cloud.scaler, false, NULL), 0);
	sem_wait(&third_pass);
	scaler_stop(w.cloud.scaler, NULL);
	assert_true(w.cloud.service.clock.slept >= w.cloud.service.clock.sleeps * CLOCK_SECOND);
	world_end(&w);
	sem_destroy(&third_pass);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_many_tables),
		cmocka_unit_test(test_no_list),
		cmocka_unit_test(test_autoscaled),
		cmocka_unit_test(test_autoscaled_is_remembered),
		cmocka_unit_test(test_empty_key),
		cmocka_unit_test(test_rests),
		cmocka_unit_test(test_news),
		cmocka_unit_test(test_lost_answer),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
