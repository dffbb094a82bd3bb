/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/dispatch.h"

#include "fs/metrics.h"
#include "fs/ops.h"
#include "fs/vfs.h"
#include "fs/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A call that outlives the thread that read it. */
struct pending {
	struct job job; /* first */
	struct mount *mount;
	struct pending *next;  /* parked */
	_Atomic bool answered; /* who sets it answers */
	struct call call;
};

struct dispatcher {
	struct mount *mount;
	pthread_t parker;

	pthread_mutex_t lock; /* "parked": guards all below; may be taken with the state lock held, never the reverse */
	pthread_cond_t wake;
	struct pending *parked;
	bool woken, ending;
};

/* How often parked calls are looked at beside when something happens: their patience is some 20 ms. */
#define PARKED_LOOK (5 * CLOCK_MS)

static bool opens(const struct call *c)
{
	return c->kind == CALL_OPEN || c->kind == CALL_CREATE;
}

static void route(struct pending *p, int r);

/* Nobody took what was opened: its caller was interrupted meanwhile. It is released as the kernel would do it, and
 * nobody is answered. */
static void abandon(struct mount *m, const struct call *opened)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->mount = m;
	p->answered = true;
	p->call = CALL_INIT(CALL_RELEASE, NULL);
	p->call.handle = opened->handle;
	p->call.begun = true;
	p->call.arrived = clock_mono(m->clock);
	route(p, vfs_run(m, &p->call));
}

static void answer(struct mount *m, struct call *c, int r)
{
	if (kernel_answer(c, r) < 0 && r == 0 && opens(c))
		abandon(m, c);
	call_deinit(c);
}

void dispatch_interrupted(struct pending *p)
{
	/* Once `answered` is set, whoever runs the call may free it. */
	struct call given_up = { .kind = p->call.kind, .request = p->call.request };

	if (!atomic_exchange(&p->answered, true))
		kernel_answer(&given_up, -EINTR);
}

static void end(struct pending *p, int r)
{
	if (!atomic_exchange(&p->answered, true)) {
		/* The answer frees the request, which an interruption may be looking at. */
		kernel_watch(&p->call, NULL);
		answer(p->mount, &p->call, r);
	} else {
		if (r == 0 && opens(&p->call))
			abandon(p->mount, &p->call);
		call_deinit(&p->call);
	}
	free(p);
}

static void park(struct pending *p)
{
	struct dispatcher *d = p->mount->dispatcher;

	pthread_mutex_lock(&d->lock);
	bool ending = d->ending;
	if (!ending) {
		p->next = d->parked;
		d->parked = p;
		pthread_cond_signal(&d->wake);
	}
	pthread_mutex_unlock(&d->lock);
	if (ending)
		end(p, -EINTR);
}

static void run_again(struct pending *p, bool may_block)
{
	/* What its caller gave up before it began is not begun. */
	if (p->answered && !p->call.begun && !p->call.counted) {
		end(p, -EINTR);
		return;
	}
	p->call.may_block = may_block;
	route(p, vfs_run(p->mount, &p->call));
}

static void run_job(struct job *job)
{
	run_again((struct pending *)job, true);
}

static void route(struct pending *p, int r)
{
	if (r == CALL_BLOCKS) {
		p->job.run = run_job;
		memcpy(p->job.strands, p->call.strands, sizeof(p->job.strands));
		workers_add(p->mount->workers, &p->job);
	} else if (r == CALL_PARKED) {
		park(p);
	} else {
		end(p, r);
	}
}

void dispatch_call(struct mount *m, struct call *c)
{
	metrics_call(m->metrics, c->kind);
	int r = vfs_run(m, c);
	if (r <= 0) {
		answer(m, c, r);
		return;
	}
	struct pending *p = calloc(1, sizeof(*p));
	if (!p) {
		answer(m, c, -ENOMEM);
		return;
	}
	p->mount = m;
	p->call = *c;
	p->call.arrived = clock_mono(m->clock);
	kernel_watch(&p->call, p);
	route(p, r);
}

/* Waits for something to happen to the parked calls, and takes them. */
static struct pending *take_parked(struct dispatcher *d, bool *ending)
{
	struct timespec at;

	pthread_mutex_lock(&d->lock);
	while (!d->woken && !d->ending) {
		int64_t look = clock_mono(d->mount->clock) + PARKED_LOOK;
		at = clock_timespec(look);
		if (!d->parked)
			pthread_cond_wait(&d->wake, &d->lock);
		else if (pthread_cond_timedwait(&d->wake, &d->lock, &at) == ETIMEDOUT)
			break;
	}
	struct pending *parked = d->parked;
	d->parked = NULL;
	d->woken = false;
	*ending = d->ending;
	pthread_mutex_unlock(&d->lock);
	return parked;
}

static void *parker_main(void *data)
{
	struct dispatcher *d = data;
	bool ending = false;

	while (!ending) {
		for (struct pending *p = take_parked(d, &ending); p;) {
			struct pending *next = p->next;
			if (ending)
				end(p, -EINTR);
			else
				run_again(p, false);
			p = next;
		}
	}
	return NULL;
}

int dispatcher_new(struct mount *m, struct dispatcher **dispatcher)
{
	struct dispatcher *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->mount = m;
	pthread_mutex_init(&d->lock, NULL);
	clock_cond_init(&d->wake);
	/* Refresh threads look at it already. */
	MOUNT_LOCKED(m);
	int r = pthread_create(&d->parker, NULL, parker_main, d);
	if (r != 0) {
		free(d);
		return -r;
	}
	*dispatcher = d;
	return 0;
}

void dispatch_wake(struct dispatcher *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->woken = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

void dispatcher_stop(struct dispatcher *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->ending = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->parker, NULL);
}

void dispatcher_free(struct dispatcher *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->wake);
	free(d);
}
