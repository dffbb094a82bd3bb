/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { STRANDS = 5, JOBS = 2000 };

/* What the jobs of a test share. Only their strands order what they do to `last` and `inside`. */
struct shared {
	int last[STRANDS + 1];
	_Atomic int inside[STRANDS + 1];
	_Atomic int overlaps, disorders, ran;
};

struct task {
	struct job job; /* first */
	struct shared *shared;
	int number;
	int strands[2];
};

static void run_task(struct job *job)
{
	struct task *t = (struct task *)job;

	for (int i = 0; i < 2; i++) {
		int s = t->strands[i];
		if (!s || (i && s == t->strands[0]))
			continue;
		t->shared->overlaps += t->shared->inside[s]++ != 0;
		t->shared->disorders += t->shared->last[s] >= t->number;
		t->shared->last[s] = t->number;
	}
	for (int i = 0; i < 2; i++) {
		if (t->strands[i] && !(i && t->strands[1] == t->strands[0]))
			t->shared->inside[t->strands[i]]--;
	}
	t->shared->ran++;
	free(t);
}

static void test_strands_run_in_order_and_never_two_at_once(void **state)
{
	struct shared shared = { 0 };
	struct workers *workers;
	unsigned random = 1;

	(void)state;
	assert_int_equal(workers_new(8, &workers), 0);
	for (int i = 1; i <= JOBS; i++) {
		struct task *t = calloc(1, sizeof(*t));
		random = random * 1103515245 + 12345;
		*t = (struct task){ .shared = &shared, .number = i };
		t->strands[0] = (int)(random >> 16) % (STRANDS + 1);
		t->strands[1] = (int)(random >> 20) % (STRANDS + 1);
		t->job.strands[0] = (uint64_t)t->strands[0];
		t->job.strands[1] = (uint64_t)t->strands[1];
		t->job.run = run_task;
		workers_add(workers, &t->job);
	}
	workers_free(workers);
	assert_int_equal(shared.ran, JOBS);
	assert_int_equal(shared.overlaps, 0);
	assert_int_equal(shared.disorders, 0);
}

static void test_free_waits_for_all_jobs(void **state)
{
	struct shared shared = { 0 };
	struct workers *workers;

	(void)state;
	assert_int_equal(workers_new(1, &workers), 0);
	for (int i = 1; i <= 100; i++) {
		struct task *t = calloc(1, sizeof(*t));
		*t = (struct task){
			.job = { .run = run_task, .strands = { 1 } }, .shared = &shared, .number = i, .strands = { 1 }
		};
		workers_add(workers, &t->job);
	}
	workers_free(workers);
	assert_int_equal(shared.ran, 100);
	workers_free(NULL);
}

/* Two jobs that only end together. */
struct pair {
	pthread_mutex_t lock;
	pthread_cond_t met;
	int here;
	int apart;
};

struct meeting {
	struct job job; /* first */
	struct pair *pair;
};

static void run_meeting(struct job *job)
{
	struct pair *pair = ((struct meeting *)job)->pair;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2;
	pthread_mutex_lock(&pair->lock);
	pair->here++;
	pthread_cond_broadcast(&pair->met);
	while (pair->here < 2 && !pair->apart)
		pair->apart = pthread_cond_timedwait(&pair->met, &pair->lock, &until) != 0;
	pthread_mutex_unlock(&pair->lock);
	free(job);
}

static void test_a_job_does_not_wait_for_one_of_another_strand(void **state)
{
	struct workers *workers;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct pair pair = { .lock = PTHREAD_MUTEX_INITIALIZER, .met = PTHREAD_COND_INITIALIZER };
		assert_int_equal(workers_new(4, &workers), 0);
		/* Lets the first thread fall idle, most of the time. */
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		for (uint64_t strand = 1; strand <= 2; strand++) {
			struct meeting *m = calloc(1, sizeof(*m));
			*m = (struct meeting){ .job = { .run = run_meeting, .strands = { strand } }, .pair = &pair };
			workers_add(workers, &m->job);
		}
		workers_free(workers);
		assert_int_equal(pair.apart, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strands_run_in_order_and_never_two_at_once),
		cmocka_unit_test(test_free_waits_for_all_jobs),
		cmocka_unit_test(test_a_job_does_not_wait_for_one_of_another_strand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
