/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control.h"

#include "fs/control_poll.h"
#include "fs/scaling.h"
#include "fs/tables.h"
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What stands for the things of a row's path. */
static const struct {
	const char *label, *thing;
} things[] = { { "STORE", "s" }, { "TABLE", "t" }, { "INDEX", "i" }, { "OPTION", "reads-upper-threshold" } };

static void name_things(const char *row, char *out)
{
	size_t len = 0;

	while (*row && len < 200) {
		size_t i = 0, n = sizeof(things) / sizeof(things[0]);
		while (i < n && strncmp(row, things[i].label, strlen(things[i].label)) != 0)
			i++;
		if (i < n) {
			len += (size_t)sprintf(out + len, "%s", things[i].thing);
			row += strlen(things[i].label);
		} else {
			out[len++] = *row++;
		}
	}
	out[len] = '\0';
}

/* A row's file, false past the end. */
static bool row_path(size_t n, char out[256])
{
	_buf_cleanup_ struct buf path = BUF_INIT(256);
	const char *access, *help;

	if (!control_help(n, &path, &access, &help))
		return false;
	assert_string_not_equal(help, "");
	strcpy(out, ".control/");
	name_things(buf_text(&path), out + strlen(out));
	if (out[strlen(out) - 1] == '/')
		out[strlen(out) - 1] = '\0';
	return true;
}

static const char *no_environment(void *data, const char *name)
{
	(void)data;
	(void)name;
	return NULL;
}

/* A scaler that looks after the table and sends nothing, for it is never started. */
static struct scaling *make_scaling(struct fake *f)
{
	static const char text[] = "[global]\n[table: ^t$]\nreads-upper-threshold: 80\n[gsi: ^i$ table: ^t$]\n";
	static const struct scaler_config_request request = { .file = "test.conf" };
	struct scaling *scaling = calloc(1, sizeof(*scaling));
	struct scaler_setup setup = { .config = &scaling->config,
				      .clock = f->mount.clock,
				      .credentials.getenv = no_environment };
	struct error e = ERROR_NULL;

	pthread_mutex_init(&scaling->keep, NULL);
	if (scaler_config_parse(&request, text, sizeof(text) - 1, NULL, &scaling->config, &e) < 0 ||
	    scaler_new(&setup, &scaling->scaler, &e) < 0)
		fail_msg("%s", e.text);
	return scaling;
}

/* A table that was described, with an index. */
static int setup(void **state)
{
	struct fake *f;
	struct table *table = calloc(1, sizeof(*table));

	fake_setup((void **)&f);
	*table = (struct table){ .shown = strdup("t"), .name = strdup("t"), .place.site = "" };
	table->about =
		(struct dynamodb_table){ .self = { .name = "t", .status = "ACTIVE", .read_units = 5, .write_units = 2 },
					 .indexes = calloc(1, sizeof(*table->about.indexes)),
					 .n_indexes = 1 };
	table->about.indexes[0] =
		(struct dynamodb_resource){ .name = "i", .status = "ACTIVE", .read_units = 1, .write_units = 1 };
	f->mount.tables = table;
	f->mount.scaling = make_scaling(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	tables_free(&((struct fake *)*state)->mount);
	scaling_free(&((struct fake *)*state)->mount);
	return fake_teardown(state);
}

static int write_to(struct fake *f, const char *path, const char *text)
{
	struct handle *h = fake_open(f, path, O_WRONLY | O_TRUNC);
	int r = fake_write(f, h, 1, text, 0);

	fake_close(f, h, 1);
	return r;
}

static void show(struct fake *f, const char *path, char out[256])
{
	struct handle *h = fake_open(f, path, O_RDONLY);

	assert_int_equal(fake_read(f, h, out), 0);
	fake_close(f, h, 1);
}

static void test_every_row_is_listed_and_has_the_size_of_its_text(void **state)
{
	struct fake *f = *state;
	char list[8192], path[256], text[256], name[300];

	for (size_t n = 0; row_path(n, path); n++) {
		struct attr attr;
		assert_int_equal(fake_stat(f, path, &attr), 0);
		char *slash = strrchr(path, '/');
		snprintf(name, sizeof(name), "%s ", slash + 1);
		*slash = '\0';
		assert_int_equal(fake_list(f, path, 3, list, sizeof(list)), 0);
		*slash = '/';
		assert_non_null(strstr(list, name));
		if (!S_ISREG(attr.mode) || !(attr.mode & 0400))
			continue;
		show(f, path, text);
		assert_true(attr.size == strlen(text) || attr.size >= 255);
		assert_true(!text[0] || attr.size >= 255 || text[strlen(text) - 1] == '\n');
	}
}

static void test_the_text_shown_is_accepted_and_sends_nothing(void **state)
{
	struct fake *f = *state;
	char path[256], text[256];

	for (size_t n = 0; row_path(n, path); n++) {
		struct attr attr;
		assert_int_equal(fake_stat(f, path, &attr), 0);
		if (!S_ISREG(attr.mode) || (attr.mode & 0600) != 0600)
			continue;
		unsigned loads = f->stores[0]->calls[FAKE_LOAD];
		show(f, path, text);
		assert_int_equal(write_to(f, path, text), 0);
		assert_int_equal(f->stores[0]->calls[FAKE_LOAD], loads);
	}
}

static void test_ids_are_stable_and_distinct(void **state)
{
	struct fake *f = *state;
	struct fake *again;
	uint64_t ids[128];
	char path[256];

	setup((void **)&again);
	fake_store_set(again->stores[0], "s/o/k", VALUE_S, "other");
	fake_store_set(again->stores[0], "a/o/k", VALUE_S, "other");
	fake_load(again);
	size_t n = 0;
	for (; row_path(n, path); n++) {
		ids[n] = fake_id(f, path);
		assert_true(ids[n] == fake_id(again, path));
		assert_true(!id_is_folder(ids[n]) && !id_is_value(ids[n]) && ids[n] > CONTROL_ID);
		for (size_t i = 0; i < n; i++)
			assert_true(ids[i] != ids[n]);
	}
	teardown((void **)&again);
}

static void test_a_text_stays_while_it_is_open(void **state)
{
	struct fake *f = *state;
	struct handle *first = fake_open(f, ".control/stores/s/age", O_RDONLY);
	struct attr before, after;
	char text[256];

	assert_int_equal(fake_stat(f, ".control/stores/s/age", &before), 0);
	fake_move_clock(f, 12345 * CLOCK_SECOND);
	struct handle *second = fake_open(f, ".control/stores/s/age", O_RDONLY);
	fake_read(f, second, text);
	assert_string_equal(text, "0\n");
	fake_stat(f, ".control/stores/s/age", &after);
	assert_int_equal(after.size, before.size);
	assert_true(after.mtime == before.mtime);
	fake_close(f, first, 1);
	fake_read(f, second, text);
	assert_string_equal(text, "0\n");
	fake_close(f, second, 1);
	show(f, ".control/stores/s/age", text);
	assert_string_equal(text, "12345\n");
}

static void test_a_bad_value_changes_nothing(void **state)
{
	static const char *const bad[] = { "", "\n", "x\n", "-1\n", "5x\n", "5 6\n", "99999999999\n", "+5\n" };
	struct fake *f = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(write_to(f, ".control/stores/s/ttl", bad[i]), -EINVAL);
		show(f, ".control/stores/s/ttl", text);
		assert_string_equal(text, "300\n");
	}
	assert_int_equal(f->mount.last_error.number, EINVAL);
}

static void test_ttl_acts_at_once(void **state)
{
	struct fake *f = *state;

	assert_int_equal(write_to(f, ".control/stores/s/ttl", "0\n"), 0);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	assert_shown(f, "s/o/k", "theirs");
	assert_int_equal(write_to(f, ".control/stores/s/ttl", "60"), 0);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "later");
	assert_shown(f, "s/o/k", "theirs");
}

static void test_refresh_returns_when_it_is_done(void **state)
{
	struct fake *f = *state;

	fake_start(f, FAKE_NOTIFIER);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	assert_int_equal(write_to(f, ".control/stores/s/refresh", "1\n"), 0);
	assert_shown(f, "s/o/k", "theirs");
	assert_true(f->stores[0]->consistent);
	fake_store_fail(f->stores[0], FAKE_LOAD, EACCES, 1, false);
	assert_int_equal(write_to(f, ".control/stores/s/refresh", "1\n"), -EACCES);
}

static void test_what_failed_is_shown(void **state)
{
	struct fake *f = *state;
	char text[256];

	show(f, ".control/last-error", text);
	assert_string_equal(text, "");
	show(f, ".control/stores/s/stale", text);
	assert_string_equal(text, "0\n");
	fake_store_fail(f->stores[0], FAKE_LOAD, EIO, 1, false);
	fake_load(f);
	show(f, ".control/stores/s/stale", text);
	assert_string_equal(text, "1\n");
	show(f, ".control/stores/s/last-error", text);
	assert_string_equal(text, "scripted failure 5\n");
	show(f, ".control/last-error", text);
	assert_non_null(strstr(text, "scripted failure 5\n"));
}

static void test_nothing_is_made_removed_or_renamed_in_control(void **state)
{
	struct fake *f = *state;
	struct handle *h;

	assert_true(fake_try_open(f, ".control/new", O_WRONLY | O_CREAT, &h) < 0);
	assert_true(fake_unlink(f, ".control/version") < 0);
	assert_true(fake_mkdir(f, ".control/stores/new") < 0);
	assert_true(fake_rmdir(f, ".control/stores") < 0);
	assert_true(fake_rename(f, ".control/version", ".control/other") < 0);
	assert_int_equal(fake_mkdir(f, ".control"), -EEXIST);
	assert_int_equal(fake_rmdir(f, ".control"), -EPERM);
	assert_int_equal(write_to(f, ".control/version", "2\n"), -EPERM);
}

/* The README has a table of the files. */
static void test_the_readme_names_every_row(void **state)
{
	_buf_cleanup_ struct buf path = BUF_INIT(256), readme = BUF_INIT(1 << 20);
	const char *access, *help;
	char name[300];
	int fd = open(TEST_DATA "/../README.md", O_RDONLY | O_CLOEXEC);

	(void)state;
	char *room = buf_reserve(&readme, 1 << 19);
	ssize_t len = read(fd, room, 1 << 19);
	assert_true(len > 0);
	readme.len = (size_t)len;
	room[len] = '\0';
	close(fd);
	for (size_t n = 0; control_help(n, &path, &access, &help); n++) {
		if (!*access)
			continue;
		const char *slash = strrchr(buf_text(&path), '/');
		snprintf(name, sizeof(name), "`%s`", slash ? slash + 1 : buf_text(&path));
		const char *whole = strstr(readme.data, buf_text(&path));
		assert_true(whole || strstr(readme.data, name));
	}
}

/* As somebody who polls a file that he has open. */
static unsigned poll_file(struct fake *f, struct handle *h, struct fake_waiter *waiter)
{
	struct call c = fake_call_handle(CALL_POLL, h, 1);

	c.waiter = (struct poll_waiter *)waiter;
	assert_int_equal(fake_run(f, &c), 0);
	unsigned events = c.events;
	call_deinit(&c);
	return events;
}

static void test_poll_tells_once_the_text_is_another(void **state)
{
	struct fake *f = *state;
	struct fake_waiter now = { 0 }, later = { 0 }, after = { 0 };

	f->mount.poller = poller_new(&f->mount);
	struct handle *h = fake_open(f, ".control/stores/s/keys", O_RDONLY);
	assert_int_equal(poll_file(f, h, &later), POLLIN | POLLOUT);
	assert_int_equal(later.ended, 0);
	assert_int_equal(fake_echo(f, "s/o/fresh", "1\n"), 0);
	assert_int_equal(poll_file(f, h, &now), POLLIN | POLLOUT | POLLPRI | POLLERR);
	assert_true(now.ended == 1 && now.told == 0);
	fake_close(f, h, 1);
	assert_int_equal(later.ended, 1);
	h = fake_open(f, "s/o/k", O_RDONLY);
	assert_int_equal(poll_file(f, h, &after), POLLIN | POLLOUT);
	assert_int_equal(after.ended, 1);
	fake_close(f, h, 1);
	poller_stop(f->mount.poller);
	poller_free(f->mount.poller);
	f->mount.poller = NULL;
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_every_row_is_listed_and_has_the_size_of_its_text),
		UNIT(test_the_text_shown_is_accepted_and_sends_nothing),
		UNIT(test_ids_are_stable_and_distinct),
		UNIT(test_a_text_stays_while_it_is_open),
		UNIT(test_a_bad_value_changes_nothing),
		UNIT(test_ttl_acts_at_once),
		UNIT(test_refresh_returns_when_it_is_done),
		UNIT(test_what_failed_is_shown),
		UNIT(test_poll_tells_once_the_text_is_another),
		UNIT(test_the_readme_names_every_row),
		UNIT(test_nothing_is_made_removed_or_renamed_in_control),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
