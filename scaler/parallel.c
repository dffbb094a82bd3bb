/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/parallel.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS_MAX = 64 };

struct share {
	_Atomic size_t next;
	size_t n;
	void (*work)(void *data, size_t i);
	void *data;
};

static void *run(void *data)
{
	struct share *share = data;
	size_t i;

	while ((i = atomic_fetch_add(&share->next, 1)) < share->n)
		share->work(share->data, i);
	return NULL;
}

void parallel(size_t n, size_t threads, void (*work)(void *data, size_t i), void *data)
{
	struct share share = { .n = n, .work = work, .data = data };
	pthread_t others[THREADS_MAX];
	size_t started = 0;

	while (started + 1 < threads && started + 1 < n && started < THREADS_MAX &&
	       pthread_create(&others[started], NULL, run, &share) == 0)
		started++;
	run(&share);
	while (started-- > 0)
		pthread_join(others[started], NULL);
}
