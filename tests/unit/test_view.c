/* SPDX-License-Identifier: Apache-2.0 */
/* What a load may change of what is known here. */
#include "tests/unit/fake_mount.h"

#include "fs/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loader {
	struct fake *f;
	pthread_t thread;
	bool consistent;
	int result;
};

static void *load_main(void *data)
{
	struct loader *l = data;

	l->result = refresh_store(&l->f->sources[0], "s", l->consistent, NULL);
	return NULL;
}

/* A load that has read everything and has not come back. */
static void begin_load(struct loader *l)
{
	fake_store_close(l->f->stores[0], FAKE_LOAD, FAKE_AFTER);
	pthread_create(&l->thread, NULL, load_main, l);
	fake_store_wait(l->f->stores[0], FAKE_LOAD, FAKE_AFTER, 1);
	fake_move_clock(l->f, CLOCK_SECOND);
}

static void end_load(struct loader *l)
{
	fake_store_open(l->f->stores[0], FAKE_LOAD, FAKE_AFTER);
	pthread_join(l->thread, NULL);
	assert_int_equal(l->result, 0);
	fake_settle(l->f);
}

static size_t n_facts(const struct fake *f)
{
	size_t n = 0;

	for (const struct fact *fact = f->mount.views[0]->facts; fact; fact = fact->next)
		n++;
	return n;
}

static void test_a_load_that_began_before_a_commit_does_not_undo_it(void **state)
{
	struct loader l = { .f = *state, .consistent = true };

	begin_load(&l);
	fake_echo(l.f, "s/o/k", "mine");
	fake_echo(l.f, "s/o/new", "mine");
	fake_unlink(l.f, "s/o/n");
	fake_mkdir(l.f, "s/p");
	end_load(&l);
	assert_shown(l.f, "s/o/k", "mine");
	assert_shown(l.f, "s/o/new", "mine");
	assert_shown(l.f, "s/o/n", NULL);
	assert_true(fake_id(l.f, "s/p") != 0);
}

static void test_a_load_that_began_before_a_removed_option_does_not_bring_it_back(void **state)
{
	struct loader l = { .f = *state, .consistent = true };

	begin_load(&l);
	fake_unlink(l.f, "s/o/n");
	fake_unlink(l.f, "s/o/k");
	assert_int_equal(fake_rmdir(l.f, "s/o"), 0);
	end_load(&l);
	assert_true(fake_id(l.f, "s/o") == 0);
}

static void test_facts_go_with_a_later_load(void **state)
{
	struct fake *f = *state;

	fake_echo(f, "s/o/k", "mine");
	assert_int_equal(n_facts(f), 1);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	fake_move_clock(f, CLOCK_SECOND);
	fake_load(f);
	assert_int_equal(n_facts(f), 0);
	assert_shown(f, "s/o/k", "theirs");
}

static void test_an_eventually_consistent_load_may_be_seconds_old(void **state)
{
	struct fake *f = *state;

	fake_echo(f, "s/o/k", "mine");
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "old");
	fake_move_clock(f, CLOCK_SECOND);
	refresh_store(&f->sources[0], "s", false, NULL);
	fake_settle(f);
	assert_shown(f, "s/o/k", "mine");
	fake_move_clock(f, FACT_MARGIN);
	refresh_store(&f->sources[0], "s", false, NULL);
	fake_settle(f);
	assert_shown(f, "s/o/k", "old");
}

static void test_an_older_load_does_not_undo_a_newer_one(void **state)
{
	struct fake *f = *state;
	struct view *view = f->mount.views[0];
	struct snapshot *older = snapshot_ref(view->current);
	int64_t began = f->clock.mono;

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "newer");
	fake_move_clock(f, CLOCK_SECOND);
	fake_load(f);
	mount_lock(&f->mount);
	view_loaded_locked(view, older, began, began, true);
	pthread_mutex_unlock(&f->mount.lock);
	fake_settle(f);
	assert_shown(f, "s/o/k", "newer");
}

/* What a read of the option `s/o` that began then found: the key k with this value. */
static void option_found(struct fake *f, int64_t began, const char *value)
{
	struct folder_draft *draft = NULL;
	struct entry_spec spec = { .name = "k", .type = VALUE_S, .value = value, .value_len = strlen(value) };

	assert_int_equal(folder_draft_new("o", "o", 1, NULL, &draft, NULL), 0);
	assert_int_equal(folder_draft_set(draft, &spec, NULL), 0);
	mount_lock(&f->mount);
	assert_int_equal(view_option_loaded_locked(f->mount.views[0], "o", draft, began), 0);
	pthread_mutex_unlock(&f->mount.lock);
	fake_settle(f);
}

static void test_an_older_read_of_an_option_does_not_undo_a_newer_one(void **state)
{
	struct fake *f = *state;
	int64_t now = f->clock.mono;

	option_found(f, now + 2, "newer");
	option_found(f, now + 1, "older");
	assert_shown(f, "s/o/k", "newer");
}

static void test_a_load_does_not_undo_an_option_that_was_read_since_it_began(void **state)
{
	struct fake *f = *state;
	struct view *view = f->mount.views[0];
	struct snapshot *older = snapshot_ref(view->current);
	int64_t now = f->clock.mono;

	option_found(f, now + 2, "newer");
	mount_lock(&f->mount);
	assert_int_equal(view_loaded_locked(view, older, now + 1, now + 1, true), 0);
	pthread_mutex_unlock(&f->mount.lock);
	fake_settle(f);
	assert_shown(f, "s/o/k", "newer");
}

static void test_a_failed_load_changes_nothing(void **state)
{
	struct fake *f = *state;
	int64_t loaded = f->mount.views[0]->loaded;

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "theirs");
	fake_store_set(f->stores[0], "t/o/k", VALUE_S, "other");
	fake_move_clock(f, CLOCK_SECOND);
	for (int late = 0; late < 2; late++) {
		fake_store_fail(f->stores[0], FAKE_LOAD, EIO, 1, late);
		fake_load(f);
		assert_shown(f, "s/o/k", "old");
		assert_shown(f, "s/o/n", "1");
		assert_int_equal(fake_id(f, "t"), 0);
		assert_true(f->mount.views[0]->loaded == loaded);
		assert_int_equal(f->mount.views[0]->failure.number, EIO);
	}
	fake_load(f);
	assert_shown(f, "s/o/k", "theirs");
	assert_shown(f, "t/o/k", "other");
	assert_int_equal(f->mount.views[0]->failure.number, 0);
}

static void test_a_store_emptied_elsewhere_goes(void **state)
{
	struct fake *f = *state;
	struct attr attr;

	fake_store_drop(f->stores[0], "s");
	fake_load(f);
	assert_int_equal(fake_lookup(f, "s", &attr), -ENOENT);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "back");
	fake_load(f);
	assert_shown(f, "s/o/k", "back");
}

static void test_a_store_emptied_here_stays(void **state)
{
	struct fake *f = *state;

	fake_unlink(f, "s/o/k");
	fake_unlink(f, "s/o/n");
	assert_int_equal(fake_rmdir(f, "s/o"), 0);
	fake_move_clock(f, CLOCK_SECOND);
	fake_load(f);
	assert_true(fake_id(f, "s") != 0);
	assert_int_equal(fake_rmdir(f, "s"), 0);
	fake_load(f);
	assert_true(fake_id(f, "s") == 0);
}

static void test_a_new_store_stays_until_it_is_removed(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_mkdir(f, "t"), 0);
	fake_load(f);
	assert_true(fake_id(f, "t") != 0);
	assert_int_equal(fake_mkdir(f, "t/o"), 0);
	assert_int_equal(fake_echo(f, "t/o/k", "v"), 0);
	assert_stored(f, "t/o/k", "v");
	assert_int_equal(fake_rmdir(f, "t"), -ENOTEMPTY);
}

static void test_an_option_without_keys_stays(void **state)
{
	struct fake *f = *state;

	fake_unlink(f, "s/o/k");
	fake_unlink(f, "s/o/n");
	fake_move_clock(f, CLOCK_SECOND);
	fake_load(f);
	assert_true(fake_id(f, "s/o") != 0);
	assert_true(fake_store_row(f->stores[0], "s/o") != NULL);
}

static void test_a_file_in_memory_outlives_loads(void **state)
{
	struct fake *f = *state;
	struct handle *h = fake_open(f, "s/o/new", O_WRONLY | O_CREAT);

	fake_move_clock(f, 100 * CLOCK_SECOND);
	fake_load(f);
	assert_shown(f, "s/o/new", "");
	fake_write(f, h, 1, "v", 0);
	fake_close(f, h, 1);
	assert_value(f, "s/o/new", "v");
}

static void test_the_first_source_with_a_store_wins(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[1], "s/o/k", VALUE_S, "second");
	fake_load(f);
	assert_shown(f, "s/o/k", "second");
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "first");
	fake_load(f);
	assert_shown(f, "s/o/k", "first");
	assert_int_equal(f->mount.last_error.number, EEXIST);
}

static void test_a_hidden_store_appears_when_the_first_source_has_none_any_more(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "first");
	fake_store_set(f->stores[1], "s/o/k", VALUE_S, "second");
	fake_load(f);
	assert_shown(f, "s/o/k", "first");
	fake_store_drop(f->stores[0], "s");
	fake_load(f);
	assert_shown(f, "s/o/k", "second");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
#define UNIT_TWO(test) cmocka_unit_test_setup_teardown(test, fake_setup_two, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_a_load_that_began_before_a_commit_does_not_undo_it),
		UNIT(test_a_load_that_began_before_a_removed_option_does_not_bring_it_back),
		UNIT(test_facts_go_with_a_later_load),
		UNIT(test_an_eventually_consistent_load_may_be_seconds_old),
		UNIT(test_an_older_load_does_not_undo_a_newer_one),
		UNIT(test_an_older_read_of_an_option_does_not_undo_a_newer_one),
		UNIT(test_a_load_does_not_undo_an_option_that_was_read_since_it_began),
		UNIT(test_a_failed_load_changes_nothing),
		UNIT(test_a_store_emptied_elsewhere_goes),
		UNIT(test_a_store_emptied_here_stays),
		UNIT(test_a_new_store_stays_until_it_is_removed),
		UNIT(test_an_option_without_keys_stays),
		UNIT(test_a_file_in_memory_outlives_loads),
		UNIT_TWO(test_the_first_source_with_a_store_wins),
		UNIT_TWO(test_a_hidden_store_appears_when_the_first_source_has_none_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
