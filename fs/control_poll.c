/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control_poll.h"

#include "fs/control.h"
#include "fs/ops.h"
#include "fs/vfs_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define LOOK_EVERY (250 * CLOCK_MS)

/* Somebody who waits. */
struct watch {
	struct watch *next;
	const struct handle *handle;
	struct poll_waiter *waiter; /* the kernel's */
};

struct poller {
	struct mount *mount;
	pthread_t thread;
	/* state: */
	bool started, ending;
	struct watch *watches;
	pthread_cond_t wake;
};

struct poller *poller_new(struct mount *m)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->mount = m;
	clock_cond_init(&p->wake);
	return p;
}

static void tell(struct watch *watches, bool changed)
{
	while (watches) {
		struct watch *watch = watches;
		watches = watch->next;
		kernel_poll_end(watch->waiter, changed);
		free(watch);
	}
}

/* Takes those out whose text has changed, or (`handle`) those of that handle. */
static struct watch *take_locked(struct poller *p, const struct handle *handle)
{
	struct watch *taken = NULL;

	for (struct watch **link = &p->watches; *link;) {
		struct watch *watch = *link;
		bool take = handle ? watch->handle == handle : control_differs_locked(p->mount, watch->handle->text);
		if (!take) {
			link = &watch->next;
			continue;
		}
		*link = watch->next;
		watch->next = taken;
		taken = watch;
	}
	return taken;
}

static void *poller_main(void *data)
{
	struct poller *p = data;
	struct mount *m = p->mount;

	mount_lock(m);
	while (!p->ending) {
		struct timespec at = clock_timespec(clock_mono(m->clock) + LOOK_EVERY);
		if (p->watches)
			pthread_cond_timedwait(&p->wake, &m->lock, &at);
		else
			pthread_cond_wait(&p->wake, &m->lock);
		struct watch *changed = take_locked(p, NULL);
		pthread_mutex_unlock(&m->lock);
		tell(changed, true);
		mount_lock(m);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static int watch_locked(struct poller *p, const struct handle *handle, struct poll_waiter *waiter)
{
	struct watch *watch = p ? calloc(1, sizeof(*watch)) : NULL;

	if (!watch)
		return -ENOMEM;
	if (!p->started && pthread_create(&p->thread, NULL, poller_main, p) != 0) {
		free(watch);
		return -EAGAIN;
	}
	p->started = true;
	*watch = (struct watch){ .next = p->watches, .handle = handle, .waiter = waiter };
	p->watches = watch;
	pthread_cond_signal(&p->wake);
	return 0;
}

int vfs_poll(struct mount *m, struct call *c)
{
	struct handle *h = c->handle;
	int r = 0;
	MOUNT_LOCKED(m);
	bool shows = h && h->kind == HANDLE_CONTROL && h->text;
	bool changed = shows && control_differs_locked(m, h->text);

	c->events = POLLIN | POLLOUT | (changed ? POLLPRI | POLLERR : 0);
	if (c->waiter && shows && !changed)
		r = watch_locked(m->poller, h, c->waiter);
	if (c->waiter && (!shows || changed || r < 0))
		kernel_poll_end(c->waiter, false);
	return r;
}

void poller_forget_locked(struct poller *p, const struct handle *handle)
{
	if (p && p->watches)
		tell(take_locked(p, handle), false);
}

void poller_stop(struct poller *p)
{
	if (!p || !p->started)
		return;
	mount_lock(p->mount);
	p->ending = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->mount->lock);
	pthread_join(p->thread, NULL);
	p->started = false;
}

void poller_free(struct poller *p)
{
	if (!p)
		return;
	tell(p->watches, false);
	pthread_cond_destroy(&p->wake);
	free(p);
}
