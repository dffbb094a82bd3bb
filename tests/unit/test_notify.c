/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is told, and what is shown while it is being told. */
#include "fs/notify.h"

#include "fs/dispatch.h"
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
	fake_setup(state);
	fake_start(*state, FAKE_WORKERS | FAKE_DISPATCHER | FAKE_NOTIFIER);
	fake_until_told(*state);
	fake_forget_told(*state);
	return 0;
}

/* The notifier has been round once more. */
static bool was_round(void *data)
{
	return fake_was_told(data, "data", 77, "");
}

static void wait_round(struct fake *f)
{
	notify_forget_listing_locked(f->mount.notifier, 77);
	fake_until(was_round, f);
}

static void change_elsewhere(struct fake *f, const char *value)
{
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, value);
	fake_move_clock(f, CLOCK_MS);
	fake_load(f);
}

static void test_a_changed_value_is_told(void **state)
{
	struct fake *f = *state;
	uint64_t key = fake_id(f, "s/o/k");

	change_elsewhere(f, "theirs");
	fake_until_told(f);
	assert_true(fake_was_told(f, "data", key, ""));
	assert_false(fake_was_told(f, "data", fake_id(f, "s/o/n"), ""));
	assert_shown(f, "s/o/k", "theirs");
}

static void test_names_that_come_and_go_are_told(void **state)
{
	struct fake *f = *state;
	uint64_t option = fake_id(f, "s/o"), store = fake_id(f, "s");

	fake_store_set(f->stores[0], "s/o/new", VALUE_S, "v");
	fake_store_drop(f->stores[0], "s/o/n");
	fake_store_set(f->stores[0], "s/p/k", VALUE_S, "v");
	fake_store_set(f->stores[0], "t/o/k", VALUE_S, "v");
	fake_move_clock(f, CLOCK_MS);
	fake_load(f);
	fake_until_told(f);
	assert_true(fake_was_told(f, "name", option, "new"));
	assert_true(fake_was_told(f, "name", option, "n"));
	assert_true(fake_was_told(f, "data", option, ""));
	assert_true(fake_was_told(f, "name", store, "p"));
	assert_true(fake_was_told(f, "name", ROOT_ID, "t"));
}

static void test_nothing_is_told_without_a_change(void **state)
{
	struct fake *f = *state;

	fake_load(f);
	wait_round(f);
	assert_int_equal(fake_n_told(f), 1);
}

static void test_what_the_kernel_did_is_not_told(void **state)
{
	struct fake *f = *state;
	uint64_t store = fake_id(f, "s"), option = fake_id(f, "s/o");

	assert_int_equal(fake_mkdir(f, "s/p"), 0);
	assert_int_equal(fake_rmdir(f, "s/p"), 0);
	assert_int_equal(fake_touch(f, "s/o/new"), 0);
	fake_until_told(f);
	assert_int_equal(fake_unlink(f, "s/o/new"), 0);
	assert_int_equal(fake_rename(f, "s/o/n", "s/o/m"), 0);
	wait_round(f);
	assert_false(fake_was_told(f, "name", store, "p"));
	assert_false(fake_was_told(f, "name", option, "new"));
	assert_false(fake_was_told(f, "name", option, "n"));
	assert_false(fake_was_told(f, "name", option, "m"));
}

/* A directory whose name is dropped has no path any more for those who are in it. */
static void test_a_store_made_here_is_not_told(void **state)
{
	struct fake *f = *state;

	fake_move_clock(f, CLOCK_MS);
	assert_int_equal(fake_mkdir(f, "new"), 0);
	fake_until_told(f);
	wait_round(f);
	assert_false(fake_was_told(f, "name", ROOT_ID, "new"));
}

static void test_what_the_kernel_does_not_hold_is_told_again_behind_a_barrier(void **state)
{
	struct fake *f = *state;

	pthread_mutex_lock(&f->kernel.lock);
	f->kernel.forgets_all = true;
	pthread_mutex_unlock(&f->kernel.lock);
	change_elsewhere(f, "theirs");
	fake_until_told(f);
	assert_true(fake_was_told(f, "name", fake_id(f, "s/o"), "%"));
}

static bool shows(void *data)
{
	struct fake *f = data;
	struct attr attr;

	notify_wake(f->mount.notifier);
	return fake_lookup(f, "s/o/k", &attr) == 0 && attr.size == strlen("theirs");
}

static void test_a_young_reader_holds_its_version(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_RDONLY);
	uint64_t key = fake_id(f, "s/o/k");
	struct attr attr;
	char text[256];

	assert_true(h->cached);
	change_elsewhere(f, "theirs");
	fake_until_told(f);
	fake_read(f, h, text);
	assert_string_equal(text, "old");
	assert_int_equal(fake_lookup(f, "s/o/k", &attr), 0);
	assert_int_equal(attr.size, 3);
	assert_false(fake_was_told(f, "data", key, ""));
	/* A reader that stays open is not waited for. */
	fake_move_clock(f, 2 * CLOCK_SECOND);
	fake_until(shows, f);
	fake_read(f, h, text);
	assert_string_equal(text, "theirs");
	assert_true(fake_was_told(f, "data", key, ""));
	fake_close(f, h, 1);
}

static void test_a_version_held_back_is_shown_when_its_reader_closes(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/k", O_RDONLY);
	uint64_t key = fake_id(f, "s/o/k");

	change_elsewhere(f, "theirs");
	fake_until_told(f);
	fake_close(f, h, 1);
	fake_until(shows, f);
	assert_true(fake_was_told(f, "data", key, ""));
}

static void test_an_open_waits_until_its_value_has_settled(void **state)
{
	struct fake *f = *state;
	struct fake_request open = FAKE_REQUEST;
	struct call c = fake_call(CALL_OPEN);

	c.node = fake_id(f, "s/o/k");
	fake_kernel_close(f);
	change_elsewhere(f, "theirs");
	fake_kernel_wait(f, 1);
	fake_send(f, &open, &c);
	dispatch_wake(f->mount.dispatcher);
	assert_false(fake_is_answered(&open));
	fake_kernel_open(f);
	assert_int_equal(fake_wait_answer(&open), 0);
	assert_false(open.direct);
	char text[256];
	fake_read(f, open.handle, text);
	assert_string_equal(text, "theirs");
	fake_close(f, open.handle, 1);
}

struct waiting {
	struct fake *f;
	struct fake_request *request;
};

static bool answered_after_wake(void *data)
{
	struct waiting *both = data;

	dispatch_wake(both->f->mount.dispatcher);
	return fake_is_answered(both->request);
}

static void test_an_open_that_waited_long_enough_bypasses_the_cache(void **state)
{
	struct fake *f = *state;
	struct fake_request open = FAKE_REQUEST;
	struct call c = fake_call(CALL_OPEN);
	struct waiting both = { f, &open };
	char text[256];

	c.node = fake_id(f, "s/o/k");
	fake_kernel_close(f);
	change_elsewhere(f, "theirs");
	fake_kernel_wait(f, 1);
	fake_send(f, &open, &c);
	fake_move_clock(f, NOTIFY_PARK);
	fake_until(answered_after_wake, &both);
	assert_int_equal(open.result, 0);
	assert_true(open.direct);
	fake_read(f, open.handle, text);
	assert_string_equal(text, "theirs");
	fake_close(f, open.handle, 1);
	fake_kernel_open(f);
}

static void test_a_commit_of_ours_is_shown_at_once(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_echo(f, "s/o/k", "mine"), 0);
	assert_shown(f, "s/o/k", "mine");
	fake_until_told(f);
	assert_shown(f, "s/o/k", "mine");
}

static void test_ids_that_the_kernel_forgot_are_swept(void **state)
{
	struct fake *f = *state;
	char from[64], to[64];

	for (int i = 0; i < 100; i++) {
		snprintf(from, sizeof(from), "s/o/a%d", i);
		snprintf(to, sizeof(to), "s/o/b%d", i);
		fake_echo(f, from, "v");
		fake_until_told(f);
		fake_rename(f, from, to);
	}
	assert_true(f->mount.natural.n >= 100);
	node_sweep(&f->mount);
	assert_true(f->mount.natural.n >= 100);
	pthread_mutex_lock(&f->kernel.lock);
	f->kernel.forgets_all = true;
	pthread_mutex_unlock(&f->kernel.lock);
	node_sweep(&f->mount);
	assert_int_equal(f->mount.natural.n, 0);
	assert_int_equal(f->mount.shown.n, 0);
	assert_shown(f, "s/o/b7", "v");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_a_changed_value_is_told),
		UNIT(test_names_that_come_and_go_are_told),
		UNIT(test_nothing_is_told_without_a_change),
		UNIT(test_what_the_kernel_did_is_not_told),
		UNIT(test_a_store_made_here_is_not_told),
		UNIT(test_what_the_kernel_does_not_hold_is_told_again_behind_a_barrier),
		UNIT(test_a_young_reader_holds_its_version),
		UNIT(test_a_version_held_back_is_shown_when_its_reader_closes),
		UNIT(test_an_open_waits_until_its_value_has_settled),
		UNIT(test_an_open_that_waited_long_enough_bypasses_the_cache),
		UNIT(test_a_commit_of_ours_is_shown_at_once),
		UNIT(test_ids_that_the_kernel_forgot_are_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
