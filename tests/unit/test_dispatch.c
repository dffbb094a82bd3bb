/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that outlive the thread that read them. */
#include "fs/dispatch.h"

#include "fs/worker.h"
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
	fake_setup(state);
	fake_start(*state, FAKE_WORKERS | FAKE_DISPATCHER);
	return 0;
}

/* All that was begun is done. */
static void end_workers(struct fake *f)
{
	workers_free(f->mount.workers);
	f->mount.workers = NULL;
	fake_settle(f);
}

static void send_handle(struct fake *f, struct fake_request *request, enum call_kind kind, struct handle *h,
			const char *text)
{
	struct call c = fake_call_handle(kind, h, 1);

	c.data = text;
	c.size = text ? strlen(text) : 4096;
	fake_send(f, request, &c);
}

static void send_name(struct fake *f, struct fake_request *request, enum call_kind kind, const char *path)
{
	struct call c = fake_call_name(f, kind, path);

	c.mode = S_IFREG | 0644;
	c.flags = O_WRONLY | O_CREAT;
	fake_send(f, request, &c);
}

static void test_memory_answers_at_once(void **state)
{
	struct fake *f = *state;
	struct fake_request request = FAKE_REQUEST;

	send_name(f, &request, CALL_LOOKUP, "s/o/k");
	assert_int_equal(request.answers, 1);
	assert_int_equal(request.result, 0);
	assert_int_equal(request.attr.size, 3);
}

static void test_a_commit_is_answered_by_a_worker(void **state)
{
	struct fake *f = *state;
	struct fake_request flush = FAKE_REQUEST;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_write(f, h, 1, "v", 0);
	fake_store_close(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	send_handle(f, &flush, CALL_FLUSH, h, NULL);
	fake_store_wait(f->stores[0], FAKE_APPLY, FAKE_BEFORE, 1);
	assert_false(fake_is_answered(&flush));
	fake_store_open(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	assert_int_equal(fake_wait_answer(&flush), 0);
	fake_release(f, h);
	end_workers(f);
	assert_value(f, "s/o/k", "v");
}

static void test_changes_of_one_option_reach_the_store_in_order(void **state)
{
	enum { WRITES = 40 };
	struct fake *f = *state;
	struct fake_request requests[WRITES][2];
	char text[16];

	for (int i = 0; i < WRITES; i++) {
		struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);
		snprintf(text, sizeof(text), "%d", i);
		fake_write(f, h, 1, text, 0);
		requests[i][0] = requests[i][1] = FAKE_REQUEST;
		send_handle(f, &requests[i][0], CALL_FLUSH, h, NULL);
		send_handle(f, &requests[i][1], CALL_RELEASE, h, NULL);
	}
	end_workers(f);
	for (int i = 0; i < WRITES; i++) {
		assert_int_equal(requests[i][0].answers, 1);
		assert_int_equal(requests[i][0].result, 0);
	}
	assert_value(f, "s/o/k", "39");
	assert_false(f->stores[0]->overlapped);
}

static void test_an_interrupted_caller_is_released_at_once_and_once(void **state)
{
	struct fake *f = *state;
	struct fake_request flush = FAKE_REQUEST;
	struct handle *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_write(f, h, 1, "v", 0);
	fake_store_close(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	send_handle(f, &flush, CALL_FLUSH, h, NULL);
	fake_store_wait(f->stores[0], FAKE_APPLY, FAKE_BEFORE, 1);
	fake_interrupt(&flush);
	assert_int_equal(flush.answers, 1);
	assert_int_equal(flush.result, -EINTR);
	fake_interrupt(&flush);
	fake_store_open(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	end_workers(f);
	assert_int_equal(flush.answers, 1);
	/* What was begun goes on. */
	assert_value(f, "s/o/k", "v");
	fake_release(f, h);
}

static void test_an_interrupted_flush_loses_nothing(void **state)
{
	struct fake *f = *state;
	struct fake_request first = FAKE_REQUEST, flush = FAKE_REQUEST, release = FAKE_REQUEST;
	struct handle *n = fake_open(f, "s/o/n", O_WRONLY | O_TRUNC), *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_write(f, n, 1, "2", 0);
	fake_write(f, h, 1, "v", 0);
	fake_store_close(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	send_handle(f, &first, CALL_FLUSH, n, NULL);
	fake_store_wait(f->stores[0], FAKE_APPLY, FAKE_BEFORE, 1);
	send_handle(f, &flush, CALL_FLUSH, h, NULL);
	fake_interrupt(&flush);
	assert_int_equal(flush.result, -EINTR);
	send_handle(f, &release, CALL_RELEASE, h, NULL);
	fake_store_open(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	end_workers(f);
	assert_value(f, "s/o/k", "v");
	assert_string_equal(buf_text(&f->stores[0]->changes), "put s/o/n=2\nput s/o/k=v\n");
	fake_release(f, n);
}

static void test_an_interrupted_commit_is_not_counted_for_ever(void **state)
{
	struct fake *f = *state;
	struct fake_request first = FAKE_REQUEST, flush = FAKE_REQUEST;
	struct handle *n = fake_open(f, "s/o/n", O_WRONLY | O_TRUNC), *h = fake_open(f, "s/o/k", O_WRONLY | O_TRUNC);

	fake_write(f, n, 1, "2", 0);
	fake_write(f, h, 1, "v", 0);
	fake_store_close(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	send_handle(f, &first, CALL_FLUSH, n, NULL);
	fake_store_wait(f->stores[0], FAKE_APPLY, FAKE_BEFORE, 1);
	send_handle(f, &flush, CALL_FLUSH, h, NULL);
	fake_interrupt(&flush);
	fake_store_open(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	end_workers(f);
	assert_int_equal(h->node->committing, 0);
	fake_release(f, n);
	fake_release(f, h);
}

static void test_an_interrupted_mknod_leaves_nothing_open(void **state)
{
	struct fake *f = *state;
	struct fake_request first = FAKE_REQUEST, made = FAKE_REQUEST;
	struct handle *n = fake_open(f, "s/o/n", O_WRONLY | O_TRUNC);

	fake_write(f, n, 1, "2", 0);
	fake_store_close(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	send_handle(f, &first, CALL_FLUSH, n, NULL);
	fake_store_wait(f->stores[0], FAKE_APPLY, FAKE_BEFORE, 1);
	send_name(f, &made, CALL_MKNOD, "s/o/new");
	fake_interrupt(&made);
	assert_int_equal(made.result, -EINTR);
	fake_store_open(f->stores[0], FAKE_APPLY, FAKE_BEFORE);
	end_workers(f);
	fake_release(f, n);
	assert_int_equal(f->mount.n_handles, 0);
	/* Made or not, but not on this host alone. */
	assert_int_equal(fake_id(f, "s/o/new") != 0, fake_store_row(f->stores[0], "s/o/new") != NULL);
}

static void test_an_open_that_nobody_takes_is_abandoned(void **state)
{
	struct fake *f = *state;
	struct fake_request request = FAKE_REQUEST;
	struct call c = fake_call(CALL_OPEN);

	request.refused = true;
	c.node = fake_id(f, "s/o/k");
	fake_send(f, &request, &c);
	assert_int_equal(request.answers, 1);
	assert_int_equal(f->mount.n_handles, 0);
}

static void test_a_new_key_whose_creator_is_gone_is_stored(void **state)
{
	struct fake *f = *state;
	struct fake_request request = FAKE_REQUEST;

	request.refused = true;
	send_name(f, &request, CALL_CREATE, "s/o/new");
	end_workers(f);
	assert_int_equal(f->mount.n_handles, 0);
	assert_value(f, "s/o/new", "");
}

static void test_an_interrupted_open_that_succeeds_is_abandoned(void **state)
{
	struct fake *f = *state;
	struct fake_request request = FAKE_REQUEST;
	struct call c = fake_call(CALL_OPEN);

	c.node = fake_id(f, "s/o/k");
	f->mount.views[0]->ttl = 0;
	fake_store_close(f->stores[0], FAKE_OPTION, FAKE_BEFORE);
	fake_send(f, &request, &c);
	fake_store_wait(f->stores[0], FAKE_OPTION, FAKE_BEFORE, 1);
	fake_interrupt(&request);
	assert_int_equal(request.result, -EINTR);
	fake_store_open(f->stores[0], FAKE_OPTION, FAKE_BEFORE);
	end_workers(f);
	assert_int_equal(request.answers, 1);
	assert_int_equal(f->mount.n_handles, 0);
}

static int setup_unloaded(void **state)
{
	struct fake *f = fake_new(1);

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "v");
	fake_start(f, FAKE_WORKERS | FAKE_DISPATCHER);
	*state = f;
	return 0;
}

static void test_a_call_is_parked_until_the_first_load(void **state)
{
	struct fake *f = *state;
	struct fake_request request = FAKE_REQUEST;
	struct call c = fake_call(CALL_LOOKUP);

	c.node = ROOT_ID;
	strcpy(c.name, "s");
	fake_send(f, &request, &c);
	dispatch_wake(f->mount.dispatcher);
	assert_false(fake_is_answered(&request));
	fake_load(f);
	dispatch_wake(f->mount.dispatcher);
	assert_int_equal(fake_wait_answer(&request), 0);
}

static void test_a_parked_caller_can_be_interrupted(void **state)
{
	struct fake *f = *state;
	struct fake_request request = FAKE_REQUEST;
	struct call c = fake_call(CALL_LOOKUP);

	c.node = ROOT_ID;
	strcpy(c.name, "s");
	fake_send(f, &request, &c);
	fake_interrupt(&request);
	assert_int_equal(request.result, -EINTR);
	fake_load(f);
	dispatch_wake(f->mount.dispatcher);
	dispatcher_stop(f->mount.dispatcher);
	dispatcher_free(f->mount.dispatcher);
	f->mount.dispatcher = NULL;
	assert_int_equal(request.answers, 1);
}

static void test_parked_calls_end_with_the_dispatcher(void **state)
{
	struct fake *f = *state;
	struct fake_request requests[2] = { FAKE_REQUEST, FAKE_REQUEST };

	for (int i = 0; i < 2; i++) {
		struct call c = fake_call(CALL_LOOKUP);
		c.node = ROOT_ID;
		strcpy(c.name, "s");
		fake_send(f, &requests[i], &c);
	}
	dispatcher_stop(f->mount.dispatcher);
	dispatcher_free(f->mount.dispatcher);
	f->mount.dispatcher = NULL;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(requests[i].answers, 1);
		assert_int_equal(requests[i].result, -EINTR);
	}
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)
#define UNIT_UNLOADED(test) cmocka_unit_test_setup_teardown(test, setup_unloaded, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_memory_answers_at_once),
		UNIT(test_a_commit_is_answered_by_a_worker),
		UNIT(test_changes_of_one_option_reach_the_store_in_order),
		UNIT(test_an_interrupted_caller_is_released_at_once_and_once),
		UNIT(test_an_interrupted_flush_loses_nothing),
		UNIT(test_an_interrupted_commit_is_not_counted_for_ever),
		UNIT(test_an_interrupted_mknod_leaves_nothing_open),
		UNIT(test_an_open_that_nobody_takes_is_abandoned),
		UNIT(test_a_new_key_whose_creator_is_gone_is_stored),
		UNIT(test_an_interrupted_open_that_succeeds_is_abandoned),
		UNIT_UNLOADED(test_a_call_is_parked_until_the_first_load),
		UNIT_UNLOADED(test_a_parked_caller_can_be_interrupted),
		UNIT_UNLOADED(test_parked_calls_end_with_the_dispatcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
