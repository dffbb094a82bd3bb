/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of a source: when it loads, and what a failure leaves. */
#include "fs/refresh.h"

#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
	struct fake *f = fake_new(1);

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "v");
	*state = f;
	return 0;
}

static void start(struct fake *f)
{
	fake_start(f, FAKE_WORKERS | FAKE_REFRESH);
}

static bool is_finished(void *data)
{
	struct source *source = &((struct fake *)data)->sources[0];
	MOUNT_LOCKED(source->mount);

	return source->finished == source->wanted;
}

static void test_the_first_load_opens_the_source(void **state)
{
	struct fake *f = *state;

	start(f);
	fake_until(is_finished, f);
	assert_int_equal(f->stores[0]->calls[FAKE_OPEN], 1);
	fake_settle(f);
	assert_shown(f, "s/o/k", "v");
	assert_int_equal(refresh_wait(&f->sources[0], NULL), 0);
	assert_int_equal(f->stores[0]->calls[FAKE_OPEN], 1);
	assert_true(f->stores[0]->consistent);
}

static bool loaded_again(void *data)
{
	struct fake *f = data;
	MOUNT_LOCKED(&f->mount);

	pthread_cond_broadcast(&f->sources[0].wake);
	return f->sources[0].loaded && f->mount.views[0]->loaded == f->clock.mono;
}

static void test_it_loads_when_the_ttl_is_over(void **state)
{
	struct fake *f = *state;

	start(f);
	fake_until(is_finished, f);
	fake_move_clock(f, 331 * CLOCK_SECOND);
	fake_until(loaded_again, f);
	mount_lock(&f->mount);
	int64_t next = f->sources[0].next_load - f->clock.mono;
	pthread_mutex_unlock(&f->mount.lock);
	assert_true(next >= 270 * CLOCK_SECOND && next <= 330 * CLOCK_SECOND);
}

static void test_it_comes_back_sooner_after_a_failure(void **state)
{
	struct fake *f = *state;
	struct error e = ERROR_NULL;

	start(f);
	fake_until(is_finished, f);
	for (unsigned i = 0; i < 8; i++) {
		fake_store_fail(f->stores[0], FAKE_LOAD, ETIMEDOUT, 1, false);
		assert_int_equal(refresh_wait(&f->sources[0], &e), -ETIMEDOUT);
		assert_int_equal(e.number, ETIMEDOUT);
		mount_lock(&f->mount);
		int64_t next = f->sources[0].next_load - f->clock.mono;
		pthread_mutex_unlock(&f->mount.lock);
		assert_true(next <= (CLOCK_SECOND << i) * 11 / 10 && next <= 66 * CLOCK_SECOND);
	}
	fake_settle(f);
	assert_shown(f, "s/o/k", "v");
	assert_int_equal(refresh_wait(&f->sources[0], &e), 0);
	assert_int_equal(f->sources[0].failures, 0);
}

static void *wait_main(void *data)
{
	refresh_wait(data, NULL);
	return NULL;
}

static bool is_asked(void *data)
{
	struct source *source = &((struct fake *)data)->sources[0];
	MOUNT_LOCKED(source->mount);

	return source->wanted == 2;
}

/* What was under way when somebody asked may have read what was there before. */
static void test_who_waits_gets_a_load_that_began_after_he_asked(void **state)
{
	struct fake *f = *state;
	pthread_t waiter;

	fake_store_close(f->stores[0], FAKE_LOAD, FAKE_AFTER);
	start(f);
	fake_store_wait(f->stores[0], FAKE_LOAD, FAKE_AFTER, 1);
	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "newer");
	pthread_create(&waiter, NULL, wait_main, &f->sources[0]);
	fake_until(is_asked, f);
	fake_store_open(f->stores[0], FAKE_LOAD, FAKE_AFTER);
	pthread_join(waiter, NULL);
	assert_int_equal(f->stores[0]->calls[FAKE_LOAD], 2);
	fake_settle(f);
	assert_shown(f, "s/o/k", "newer");
}

static void test_trouble_is_what_tells_of_the_source(void **state)
{
	static const struct {
		int number;
		bool trouble;
	} rows[] = { { EACCES, true },  { ETIMEDOUT, true }, { EIO, true },     { ENXIO, true },
		     { ESTALE, false }, { EEXIST, false },   { EINVAL, false }, { EBUSY, false } };
	struct fake *f = *state;
	struct source *source = &f->sources[0];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error failure = { .number = rows[i].number, .text = "no" }, e = ERROR_NULL;
		mount_lock(&f->mount);
		source_failed_locked(source, &failure);
		int during = source_trouble_locked(source, &e);
		f->clock.mono += f->source_settings[0].timeout;
		int after = source_trouble_locked(source, &e);
		source_answered_locked(source);
		pthread_mutex_unlock(&f->mount.lock);
		assert_int_equal(during, rows[i].trouble ? -rows[i].number : 0);
		assert_int_equal(after, 0);
	}
}

/* A store that is listed by a worker while its source is loaded for the first time. */
static void *list_main(void *data)
{
	char names[256];

	fake_list(data, "", 100, names, sizeof(names));
	return NULL;
}

static void test_a_listing_with_ttl_0_and_the_first_load_do_not_race(void **state)
{
	struct fake *f = *state;
	pthread_t lister;

	f->source_settings[0].ttl = 0;
	pthread_create(&lister, NULL, list_main, f);
	start(f);
	pthread_join(lister, NULL);
	fake_until(is_finished, f);
}

struct race {
	struct fake *f;
	uint64_t id;
	_Atomic bool ended;
};

static void *reload_main(void *data)
{
	struct race *race = data;

	for (int i = 0; i < 300; i++) {
		fake_store_set(race->f->stores[0], "s/o/k", VALUE_S, i % 2 ? "one" : "other");
		refresh_source(&race->f->sources[0], true, false, NULL);
	}
	race->ended = true;
	return NULL;
}

/* A picture that is replaced may be freed at once: nobody looks at it without the lock. */
static void test_changes_and_loads_do_not_race(void **state)
{
	struct fake *f = *state;
	struct race race = { .f = f };
	pthread_t loader;

	fake_load(f);
	race.id = fake_id(f, "s/o/k");
	pthread_create(&loader, NULL, reload_main, &race);
	while (!race.ended) {
		struct call c = fake_call(CALL_SETATTR);
		c.node = race.id;
		c.set = SET_SIZE;
		c.wish.size = 1;
		assert_int_equal(fake_step(f, &c), CALL_BLOCKS);
		c = fake_call(CALL_RENAME);
		c.node = c.new_node = fake_id(f, "s/o");
		strcpy(c.name, "k");
		strcpy(c.new_name, "j");
		assert_int_equal(fake_step(f, &c), CALL_BLOCKS);
	}
	pthread_join(loader, NULL);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_the_first_load_opens_the_source),
		UNIT(test_it_loads_when_the_ttl_is_over),
		UNIT(test_it_comes_back_sooner_after_a_failure),
		UNIT(test_who_waits_gets_a_load_that_began_after_he_asked),
		UNIT(test_trouble_is_what_tells_of_the_source),
		UNIT(test_a_listing_with_ttl_0_and_the_first_load_do_not_race),
		UNIT(test_changes_and_loads_do_not_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
