/* SPDX-License-Identifier: Apache-2.0 */
/* The chain: what it keeps, when it asks again, who waits, and several threads at once. */
#include "tests/unit/aws_world.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { N_THREADS = 8 };

/* The environment is the provider here; its answers can be held back. */
struct chain_world {
	struct world *world;
	_Atomic int asked; /* how often */
	bool gated;
	sem_t arrived, gate; /* posted when it is asked; waited for then */
	const char *(*lookup)(void *data, const char *name);
	struct credentials_chain *chain;
	char lines[512]; /* of the log */
};

static const char *lookup(void *data, const char *name)
{
	struct chain_world *c = data;

	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0) {
		atomic_fetch_add(&c->asked, 1);
		if (c->gated) {
			sem_post(&c->arrived);
			sem_wait(&c->gate);
		}
	}
	return c->lookup(c->world, name);
}

static int make(void **state)
{
	static struct chain_world c;

	c = (struct chain_world){ .chain = NULL };
	assert_int_equal(0, world_make((void **)&c.world));
	sem_init(&c.arrived, 0, 0);
	sem_init(&c.gate, 0, 0);
	c.lookup = c.world->context.getenv;
	c.world->context.getenv = lookup;
	c.world->context.data = &c;
	assert_int_equal(0, credentials_chain_new(&c.world->context, &c.chain, NULL));
	*state = &c;
	return 0;
}

static int clean(void **state)
{
	struct chain_world *c = *state;

	credentials_chain_free(c->chain);
	sem_destroy(&c->gate);
	sem_destroy(&c->arrived);
	return world_clean((void **)&c->world);
}

static int64_t in_an_hour(const struct chain_world *c)
{
	return c->world->mono + 3600 * CLOCK_SECOND;
}

static void move_clock(struct chain_world *c, int64_t seconds)
{
	c->world->wall += seconds * CLOCK_SECOND;
	c->world->mono += seconds * CLOCK_SECOND;
}

static void set_keys(struct chain_world *c, const char *id, const char *until)
{
	static const char *set[7];

	memcpy(set,
	       ((const char *[]){ "AWS_ACCESS_KEY_ID", id, "AWS_SECRET_ACCESS_KEY", "s", "AWS_CREDENTIAL_EXPIRATION",
				  until, NULL }),
	       sizeof(set));
	world_environment(c->world, set);
}

/* The access key id that it gives, or the refusal. */
static void expect(struct chain_world *c, const char *expected)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct error e = ERROR_NULL;
	int result = credentials_chain_get(c->chain, in_an_hour(c), -1, &found, &e);

	if (result == 0)
		assert_string_equal(expected, found.access_key_id);
	else if (!strstr(e.text, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, e.text);
}

/* As a client does that was told ExpiredToken. */
static void refuse(struct chain_world *c, const char *id)
{
	_credentials_cleanup_ struct credentials used = CREDENTIALS_NULL;

	assert_int_equal(0, credentials_make("test", id, "s", NULL, &used, NULL));
	credentials_chain_invalidate(c->chain, &used);
}

/* Asks until the background has done its work. */
static void expect_at_last(struct chain_world *c, const char *id)
{
	for (int i = 0; i < 10000; i++) {
		_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
		assert_int_equal(0, credentials_chain_get(c->chain, in_an_hour(c), -1, &found, NULL));
		if (strcmp(found.access_key_id, id) == 0)
			return;
		usleep(1000);
	}
	fail_msg("%s never came", id);
}

static void test_keeps_what_never_expires(void **state)
{
	struct chain_world *c = *state;

	set_keys(c, "one", "");
	expect(c, "one");
	set_keys(c, "two", "");
	move_clock(c, 1000000);
	expect(c, "one");
	assert_int_equal(1, c->asked);
}

static void test_refused_keys_are_asked_for_once(void **state)
{
	struct chain_world *c = *state;

	set_keys(c, "one", "");
	expect(c, "one");
	set_keys(c, "two", "");
	refuse(c, "one");
	expect(c, "two");
	/* Somebody is late: what he used is gone already. */
	refuse(c, "one");
	expect(c, "two");
	assert_int_equal(2, c->asked);
	/* The same come again: they serve, and nobody asks for a while. */
	for (int i = 0; i < 3; i++) {
		refuse(c, "two");
		expect(c, "two");
	}
	assert_int_equal(3, c->asked);
	move_clock(c, 1);
	set_keys(c, "three", "");
	expect(c, "three");
	assert_int_equal(4, c->asked);
}

static void test_refused_keys_without_others(void **state)
{
	struct chain_world *c = *state;

	set_keys(c, "one", "");
	expect(c, "one");
	ENVIRONMENT(c->world, "AWS_ACCESS_KEY_ID", "two");
	refuse(c, "one");
	expect(c, "set both or neither");
	expect(c, "set both or neither");
	assert_int_equal(2, c->asked);
}

static void test_renews_in_the_background(void **state)
{
	struct chain_world *c = *state;

	set_keys(c, "one", "2015-08-30T13:36:00Z");
	expect(c, "one");
	move_clock(c, 45 * 60 - 1);
	expect(c, "one");
	assert_int_equal(1, c->asked);
	set_keys(c, "two", "2015-08-30T15:36:00Z");
	c->gated = true;
	move_clock(c, 1);
	/* The provider is at work, and nobody waits for it. */
	expect(c, "one");
	sem_wait(&c->arrived);
	expect(c, "one");
	sem_post(&c->gate);
	expect_at_last(c, "two");
	assert_int_equal(2, c->asked);
}

/* Short-lived ones are renewed in the last quarter of their life. */
static void test_renews_short_lived_ones(void **state)
{
	struct chain_world *c = *state;

	set_keys(c, "one", "2015-08-30T12:40:00Z");
	expect(c, "one");
	move_clock(c, 3 * 60 - 1);
	expect(c, "one");
	assert_int_equal(1, c->asked);
	set_keys(c, "two", "2015-08-30T12:50:00Z");
	move_clock(c, 1);
	expect_at_last(c, "two");
}

/* Asks until the background has begun so many rounds. */
static void expect_until_asked(struct chain_world *c, const char *id, int times)
{
	for (int i = 0; i < 10000 && c->asked < times; i++) {
		expect(c, id);
		usleep(1000);
	}
	assert_int_equal(times, c->asked);
}

static void test_old_ones_serve_until_they_expire(void **state)
{
	struct chain_world *c = *state;

	set_keys(c, "one", "2015-08-30T13:36:00Z");
	expect(c, "one");
	ENVIRONMENT(c->world, "AWS_ACCESS_KEY_ID", "two");
	move_clock(c, 46 * 60);
	expect_until_asked(c, "one", 2);
	move_clock(c, 14 * 60 - 1);
	expect_until_asked(c, "one", 3);
	move_clock(c, 1);
	expect(c, "set both or neither");
	set_keys(c, "three", "2015-08-30T13:30:00Z");
	move_clock(c, 30);
	expect(c,
	       "the AWS credentials that there are expired at 2015-08-30T13:30:00Z (environment): renew them, or set");
	set_keys(c, "four", "2015-08-30T14:00:00Z");
	move_clock(c, 30);
	expect(c, "four");
}

/* By the clock that is right, which somebody else has. */
static void test_expiry_and_skew(void **state)
{
	struct chain_world *c = *state;

	set_keys(c, "one", "2015-08-30T13:36:00Z");
	expect(c, "one");
	set_keys(c, "two", "2015-08-30T15:36:00Z");
	credentials_chain_set_skew(c->chain, 3600 * CLOCK_SECOND);
	expect(c, "two");
	credentials_chain_set_skew(c->chain, -3600 * CLOCK_SECOND);
	move_clock(c, 2 * 3600);
	expect(c, "two");
	assert_int_equal(2, c->asked);
}

/* What a server told of the clock does not outlast that somebody set it. */
static void test_skew_is_forgotten(void **state)
{
	struct chain_world *c = *state;

	credentials_chain_set_skew(c->chain, 2 * 3600 * CLOCK_SECOND);
	set_keys(c, "one", "2015-08-30T12:00:00Z");
	expect(c, "renew them");
	c->world->wall += 2 * 3600 * CLOCK_SECOND;
	set_keys(c, "two", "2015-08-30T15:36:00Z");
	move_clock(c, 1);
	expect(c, "two");
	expect(c, "two");
	assert_int_equal(4, c->asked);
}

/* A failure is not asked for again by every caller. */
static void test_failures_are_kept_for_a_while(void **state)
{
	struct chain_world *c = *state;
	static const int pauses[] = { 1, 2, 4, 8, 16, 30, 30 };

	ENVIRONMENT(c->world, "AWS_ACCESS_KEY_ID", "one");
	expect(c, "set both or neither");
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		move_clock(c, pauses[i] - 1);
		expect(c, "set both or neither");
		assert_int_equal(i + 1, c->asked);
		move_clock(c, 1);
		expect(c, "set both or neither");
		assert_int_equal(i + 2, c->asked);
	}
}

static void test_a_waiting_caller_has_a_deadline(void **state)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct chain_world *c = *state;
	int cancel = eventfd(1, EFD_CLOEXEC);

	set_keys(c, "one", "");
	c->gated = true;
	assert_int_equal(-ETIMEDOUT, credentials_chain_get(c->chain, c->world->mono + CLOCK_MS, -1, &found, NULL));
	assert_int_equal(-ETIMEDOUT, credentials_chain_get(c->chain, 0, -1, &found, NULL));
	assert_int_equal(-ECANCELED, credentials_chain_get(c->chain, in_an_hour(c), cancel, &found, NULL));
	assert_null(found.access_key_id);
	sem_post(&c->gate);
	expect(c, "one");
	assert_int_equal(1, c->asked);
	close(cancel);
}

static void test_fixed(void **state)
{
	struct chain_world *c = *state;
	_credentials_cleanup_ struct credentials given = CREDENTIALS_NULL;

	credentials_chain_free(c->chain);
	assert_int_equal(0, credentials_make("role", "one", "s", NULL, &given, NULL));
	assert_int_equal(0, credentials_chain_new_fixed(&given, &c->chain, NULL));
	expect(c, "one");
	refuse(c, "one");
	expect(c, "one");
	assert_int_equal(0, c->asked);
}

/* Its strings are its own. */
static void test_owns_its_context(void **state)
{
	struct chain_world *c = *state;
	char id[] = "mine", secret[] = "s", region[] = "eu-west-1";

	credentials_chain_free(c->chain);
	c->world->context.access_key_id = id;
	c->world->context.secret_access_key = secret;
	c->world->context.region = region;
	assert_int_equal(0, credentials_chain_new(&c->world->context, &c->chain, NULL));
	id[0] = secret[0] = region[0] = '\0';
	expect(c, "mine");
	credentials_chain_free(NULL);
}

/* A line of the log, from which the chain is asked something that needs its lock. */
static void note_line(void *data, enum log_level level, const char *line)
{
	struct chain_world *c = data;

	(void)level;
	refuse(c, "nobody");
	snprintf(c->lines + strlen(c->lines), sizeof(c->lines) - strlen(c->lines), "%s\n", line);
}

static void test_no_lock_is_held_while_logging(void **state)
{
	struct chain_world *c = *state;
	struct log log = LOG_NULL;

	log.sink = note_line;
	log.sink_data = c;
	credentials_chain_free(c->chain);
	c->world->context.log = &log;
	assert_int_equal(0, credentials_chain_new(&c->world->context, &c->chain, NULL));
	set_keys(c, "one", "2015-08-30T13:36:00Z");
	expect(c, "one");
	ENVIRONMENT(c->world, "AWS_ACCESS_KEY_ID", "two");
	move_clock(c, 3600);
	expect(c, "set both or neither");
	set_keys(c, "two", "2015-08-30T15:36:00Z");
	move_clock(c, 1);
	expect(c, "two");
	assert_string_equal(c->lines,
			    "AWS credentials found: environment; they expire at 2015-08-30T13:36:00Z\n"
			    "AWS credentials cannot be renewed: AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is "
			    "not: set both or neither\n"
			    "AWS credentials renewed: environment; they expire at 2015-08-30T15:36:00Z\n");
	credentials_chain_free(c->chain);
	c->chain = NULL;
}

struct caller {
	struct chain_world *c;
	pthread_t thread;
	int result;
};

static void *call(void *data)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct caller *caller = data;

	caller->result = credentials_chain_get(caller->c->chain, in_an_hour(caller->c), -1, &found, NULL);
	return NULL;
}

/* Threads that come while the provider is at work share its answer. */
static void run_threads(struct chain_world *c, int expected)
{
	struct caller callers[N_THREADS];

	c->gated = true;
	for (size_t i = 0; i < N_THREADS; i++) {
		callers[i] = (struct caller){ .c = c };
		assert_int_equal(0, pthread_create(&callers[i].thread, NULL, call, &callers[i]));
	}
	sem_wait(&c->arrived);
	/* Whoever has something to say now is not kept waiting. */
	refuse(c, "other");
	sem_post(&c->gate);
	for (size_t i = 0; i < N_THREADS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(expected, callers[i].result);
	}
	assert_int_equal(1, c->asked);
}

static void test_threads(void **state)
{
	set_keys(*state, "one", "");
	run_threads(*state, 0);
}

static void test_threads_that_fail(void **state)
{
	struct chain_world *c = *state;

	ENVIRONMENT(c->world, "AWS_ACCESS_KEY_ID", "one");
	run_threads(c, -EACCES);
}

#define CHAIN_TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHAIN_TEST(test_keeps_what_never_expires),
		CHAIN_TEST(test_refused_keys_are_asked_for_once),
		CHAIN_TEST(test_refused_keys_without_others),
		CHAIN_TEST(test_renews_in_the_background),
		CHAIN_TEST(test_renews_short_lived_ones),
		CHAIN_TEST(test_old_ones_serve_until_they_expire),
		CHAIN_TEST(test_expiry_and_skew),
		CHAIN_TEST(test_skew_is_forgotten),
		CHAIN_TEST(test_failures_are_kept_for_a_while),
		CHAIN_TEST(test_a_waiting_caller_has_a_deadline),
		CHAIN_TEST(test_fixed),
		CHAIN_TEST(test_owns_its_context),
		CHAIN_TEST(test_no_lock_is_held_while_logging),
		CHAIN_TEST(test_threads),
		CHAIN_TEST(test_threads_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
