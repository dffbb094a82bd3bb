/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct workers {
	pthread_mutex_t lock; /* "jobs": guards all below */
	pthread_cond_t more;  /* a job was added or ended, or this is the end */
	struct job *jobs;     /* oldest first, running ones too */
	unsigned n_threads, most, idle;
	bool ending;
	pthread_t threads[];
};

static bool share_strand(const struct job *a, const struct job *b)
{
	for (int i = 0; i < 2; i++) {
		if (a->strands[i] && (a->strands[i] == b->strands[0] || a->strands[i] == b->strands[1]))
			return true;
	}
	return false;
}

/* The oldest job that nothing older holds up. */
static struct job *runnable(struct workers *w)
{
	for (struct job *job = w->jobs; job; job = job->next) {
		const struct job *older = w->jobs;
		while (older != job && !share_strand(older, job))
			older = older->next;
		if (older == job && !job->running)
			return job;
	}
	return NULL;
}

static unsigned count_runnable(const struct workers *w)
{
	unsigned n = 0;

	for (const struct job *job = w->jobs; job; job = job->next) {
		const struct job *older = w->jobs;
		while (older != job && !share_strand(older, job))
			older = older->next;
		n += older == job && !job->running;
	}
	return n;
}

static void unlink_job(struct workers *w, struct job *job)
{
	struct job **link = &w->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
}

static void *serve(void *data)
{
	struct workers *w = data;

	pthread_mutex_lock(&w->lock);
	while (!w->ending || w->jobs) {
		struct job *job = runnable(w);
		if (!job) {
			w->idle++;
			pthread_cond_wait(&w->more, &w->lock);
			w->idle--;
			continue;
		}
		job->running = true;
		/* The job frees itself; what holds its strands meanwhile is this copy in its place. */
		struct job held = *job, **link = &w->jobs;
		while (*link != job)
			link = &(*link)->next;
		*link = &held;
		pthread_mutex_unlock(&w->lock);
		job->run(job);
		pthread_mutex_lock(&w->lock);
		unlink_job(w, &held);
		pthread_cond_broadcast(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int workers_new(unsigned most, struct workers **workers)
{
	struct workers *w = calloc(1, sizeof(*w) + most * sizeof(w->threads[0]));

	if (!w)
		return -ENOMEM;
	w->most = most;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	if (pthread_create(&w->threads[0], NULL, serve, w) != 0) {
		workers_free(w);
		return -ENOMEM;
	}
	w->n_threads = 1;
	*workers = w;
	return 0;
}

void workers_add(struct workers *w, struct job *job)
{
	job->next = NULL;
	job->running = false;
	pthread_mutex_lock(&w->lock);
	struct job **link = &w->jobs;
	while (*link)
		link = &(*link)->next;
	*link = job;
	/* One more thread where the idle ones have jobs to wake up to; without it the job waits for one of them. */
	if (w->idle < count_runnable(w) && w->n_threads < w->most &&
	    pthread_create(&w->threads[w->n_threads], NULL, serve, w) == 0)
		w->n_threads++;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
	free(w);
}
