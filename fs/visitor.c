/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/visitor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct visitor {
	pthread_t thread;
	int descriptor;

	pthread_mutex_t lock; /* "visits": guards all below; not held while one is made */
	pthread_cond_t moved;
	pid_t id;
	bool taken; /* by a caller, until his visit is over */
	bool due, ending;
	void (*visit)(void *data);
	void *data;
};

static void close_all(unsigned first, unsigned last)
{
	enum { MOST = 4096 };

	if (first > last || close_range(first, last, 0) == 0)
		return;
	for (unsigned fd = first; fd <= last && fd < MOST; fd++)
		close((int)fd);
}

/* Nothing is kept open for others: somebody may wait for the end of a pipe. The connection's number stays taken, for
 * whatever is opened here must not be mistaken for it. */
static void leave_connection(int descriptor)
{
	if (unshare(CLONE_FILES) < 0)
		return;
	close_all(STDERR_FILENO + 1, (unsigned)descriptor - 1);
	close_all((unsigned)descriptor + 1, ~0U);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup3(null, descriptor, O_CLOEXEC);
	close(null);
}

static void *visitor_main(void *data)
{
	struct visitor *v = data;

	if (v->descriptor >= 0)
		leave_connection(v->descriptor);
	pthread_mutex_lock(&v->lock);
	v->id = gettid();
	pthread_cond_broadcast(&v->moved);
	while (!v->ending) {
		if (!v->due) {
			pthread_cond_wait(&v->moved, &v->lock);
			continue;
		}
		pthread_mutex_unlock(&v->lock);
		v->visit(v->data);
		pthread_mutex_lock(&v->lock);
		v->due = false;
		pthread_cond_broadcast(&v->moved);
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

static void wait_for_id(struct visitor *v)
{
	pthread_mutex_lock(&v->lock);
	while (!v->id)
		pthread_cond_wait(&v->moved, &v->lock);
	pthread_mutex_unlock(&v->lock);
}

static void visitor_free(struct visitor *v)
{
	pthread_mutex_destroy(&v->lock);
	pthread_cond_destroy(&v->moved);
	free(v);
}

int visitor_start(int fuse_descriptor, struct visitor **visitor)
{
	struct visitor *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->descriptor = fuse_descriptor;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->moved, NULL);
	int r = pthread_create(&v->thread, NULL, visitor_main, v);
	if (r != 0) {
		visitor_free(v);
		return -r;
	}
	wait_for_id(v);
	*visitor = v;
	return 0;
}

void visitor_run(struct visitor *v, void (*visit)(void *data), void *data)
{
	if (!v) {
		visit(data);
		return;
	}
	pthread_mutex_lock(&v->lock);
	while (v->taken)
		pthread_cond_wait(&v->moved, &v->lock);
	v->taken = v->due = true;
	v->visit = visit;
	v->data = data;
	pthread_cond_broadcast(&v->moved);
	while (v->due)
		pthread_cond_wait(&v->moved, &v->lock);
	v->taken = false;
	pthread_cond_broadcast(&v->moved);
	pthread_mutex_unlock(&v->lock);
}

pid_t visitor_id(const struct visitor *v)
{
	return v ? v->id : 0;
}

void visitor_stop(struct visitor *v)
{
	if (!v)
		return;
	pthread_mutex_lock(&v->lock);
	v->ending = true;
	pthread_cond_broadcast(&v->moved);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->thread, NULL);
	visitor_free(v);
}
