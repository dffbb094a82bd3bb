/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/events.h"

#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void all(struct fake *f, struct buf *text)
{
	uint64_t seen = 0;
	MOUNT_LOCKED(&f->mount);

	events_show_locked(&f->mount, &seen, text);
}

/* The newest line but for its time. */
static void assert_newest(struct fake *f, const char *expected)
{
	_buf_cleanup_ struct buf text = BUF_INIT(4 << 20);

	all(f, &text);
	assert_true(text.len > 0);
	text.data[text.len - 1] = '\0';
	const char *line = strrchr(text.data, '\n');
	json_t *event = json_loads(line ? line + 1 : text.data, 0, NULL);
	assert_int_equal(json_object_del(event, "time"), 0);
	char *rest = json_dumps(event, JSON_COMPACT);
	assert_string_equal(rest, expected);
	free(rest);
	json_decref(event);
}

static void test_what_this_mount_does_is_told(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "s/o/k", "new\n"), 0);
	assert_newest(f, "{\"event\":\"changed\",\"path\":\"s/o/k\"}");
	assert_int_equal(fake_echo(f, "s/o/fresh", "1\n"), 0);
	assert_newest(f, "{\"event\":\"added\",\"path\":\"s/o/fresh\"}");
	assert_int_equal(fake_unlink(f, "s/o/fresh"), 0);
	assert_newest(f, "{\"event\":\"removed\",\"path\":\"s/o/fresh\"}");
	assert_int_equal(fake_mkdir(f, "s/p"), 0);
	assert_newest(f, "{\"event\":\"added\",\"path\":\"s/p\"}");
	assert_int_equal(fake_rmdir(f, "s/p"), 0);
	assert_newest(f, "{\"event\":\"removed\",\"path\":\"s/p\"}");
}

static void test_a_file_in_memory_is_no_event_until_it_is_stored(void **state)
{
	struct fake *f = *state;
	_buf_cleanup_ struct buf text = BUF_INIT(4 << 20);
	struct handle *h = fake_open(f, "s/o/.k.swp", O_WRONLY | O_CREAT | O_EXCL);

	fake_write(f, h, 1, "draft", 0);
	fake_close(f, h, 1);
	all(f, &text);
	assert_null(strstr(buf_text(&text), ".k.swp"));
	assert_int_equal(fake_rename(f, "s/o/.k.swp", "s/o/k"), 0);
	assert_newest(f, "{\"event\":\"changed\",\"path\":\"s/o/k\"}");
}

static void test_what_others_do_is_told_with_the_load(void **state)
{
	struct fake *f = *state;

	fake_start(f, FAKE_NOTIFIER);
	/* The notifier has shown the store. */
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	fake_load(f);
	fake_until_told(f);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs again");
	fake_load(f);
	fake_until_told(f);
	assert_newest(f, "{\"event\":\"changed\",\"path\":\"s/o/k\"}");
}

static void test_errors_and_recoveries_are_told(void **state)
{
	struct fake *f = *state;

	fake_store_fail(f->stores[0], FAKE_LOAD, EIO, 1, false);
	fake_load(f);
	assert_newest(f, "{\"event\":\"error\",\"about\":\"one\",\"error\":\"EIO\",\"text\":\"scripted failure 5\"}");
	fake_load(f);
	assert_newest(f, "{\"event\":\"recovery\",\"about\":\"one\"}");
}

static size_t lines(const struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

static void test_the_newest_thousand_are_kept(void **state)
{
	struct fake *f = *state;
	_buf_cleanup_ struct buf text = BUF_INIT(4 << 20);
	char number[32];

	for (int i = 0; i < EVENTS_MAX + 7; i++) {
		MOUNT_LOCKED(&f->mount);
		snprintf(number, sizeof(number), "%d.", i);
		events_add_locked(&f->mount, "test", json_pack("{s:s}", "n", number));
	}
	all(f, &text);
	assert_int_equal(lines(&text), EVENTS_MAX);
	assert_null(strstr(buf_text(&text), "\"6.\""));
	assert_non_null(strstr(buf_text(&text), "\"7.\""));
	assert_newest(f, "{\"event\":\"test\",\"n\":\"1006.\"}");
}

static void test_the_file_grows_under_its_reader(void **state)
{
	struct fake *f = *state;
	struct attr before, after;

	assert_int_equal(fake_echo(f, "s/o/k", "new\n"), 0);
	struct handle *h = fake_open(f, ".control/events", O_RDONLY);
	assert_int_equal(fake_stat(f, ".control/events", &before), 0);
	assert_int_equal(fake_echo(f, "s/o/k", "newer\n"), 0);
	assert_int_equal(fake_stat(f, ".control/events", &after), 0);
	assert_true(after.size > before.size);
	fake_close(f, h, 1);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_what_this_mount_does_is_told),
		UNIT(test_a_file_in_memory_is_no_event_until_it_is_stored),
		UNIT(test_what_others_do_is_told_with_the_load),
		UNIT(test_errors_and_recoveries_are_told),
		UNIT(test_the_newest_thousand_are_kept),
		UNIT(test_the_file_grows_under_its_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
