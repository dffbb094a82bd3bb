/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_mount.h"

#include "fs/dispatch.h"
#include "fs/events.h"
#include "fs/metrics.h"
#include "fs/notify.h"
#include "fs/refresh.h"
#include "fs/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Far ahead of the machine's own: whoever waits for a time waits until he is woken. */
#define FAKE_EPOCH (INT64_C(1000000000) * CLOCK_SECOND)

static int64_t fake_wall(struct clock *clock)
{
	return ((struct fake_clock *)clock)->wall;
}

static int64_t fake_mono(struct clock *clock)
{
	return ((struct fake_clock *)clock)->mono;
}

static int fake_sleep(struct clock *clock, int64_t until, int cancel_fd)
{
	struct fake_clock *fake = (struct fake_clock *)clock;

	(void)cancel_fd;
	if (fake->mono < until)
		fake->mono = until;
	return 0;
}

void fake_move_clock(struct fake *f, int64_t ns)
{
	f->clock.mono += ns;
	f->clock.wall += ns;
}

static void make_source(struct fake *f, size_t i)
{
	char *const names[] = { (char *)"one", (char *)"two" };
	struct source *source = &f->sources[i];

	f->source_settings[i] = (struct source_settings){
		.name = names[i],
		.source = names[i],
		.target = names[i],
		.kind = SOURCE_DYNAMODB,
		.store_key = (char *)"_store",
		.option_key = (char *)"_option",
		.access = { .mode = 0644 },
		.ttl = 300 * CLOCK_SECOND,
		.timeout = 5 * CLOCK_SECOND,
	};
	f->stores[i] = fake_store_new();
	*source =
		(struct source){ .settings = &f->source_settings[i], .mount = &f->mount, .store = &f->stores[i]->base };
	pthread_cond_init(&source->wake, NULL);
	source->store->ops->about(source->store, &source->about);
}

struct fake *fake_new(size_t n_sources)
{
	static const struct clock_ops clock_ops = { fake_wall, fake_mono, fake_sleep };
	struct fake *f = calloc(1, sizeof(*f));

	f->clock.clock.ops = &clock_ops;
	f->clock.mono = FAKE_EPOCH;
	f->clock.wall = FAKE_EPOCH + 600 * CLOCK_SECOND;
	f->log = (struct log){ .level = LOG_LEVEL_ERROR, .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .owned = true };
	f->settings = (struct settings){
		.mountpoint = (char *)"/nonexistent",
		.shown = (char *)"fake",
		.sources = f->source_settings,
		.n_sources = n_sources,
		.access = { .mode = 0644, .dir_mode = 0755 },
	};
	f->kernel.told = BUF_INIT((size_t)1 << 20);
	pthread_mutex_init(&f->kernel.lock, NULL);
	pthread_cond_init(&f->kernel.moved, NULL);
	f->mount = (struct mount){
		.settings = &f->settings,
		.log = &f->log,
		.clock = &f->clock.clock,
		.sources = f->sources,
		.n_sources = n_sources,
		.kernel = &f->kernel,
		.stop_fd = eventfd(0, EFD_CLOEXEC),
		.started_wall = f->clock.wall,
		.root_mtime = f->clock.wall,
		.events = events_new(),
		.metrics = metrics_new(),
	};
	pthread_mutex_init(&f->mount.lock, NULL);
	for (size_t i = 0; i < n_sources; i++)
		make_source(f, i);
	return f;
}

void fake_load(struct fake *f)
{
	for (size_t i = 0; i < f->mount.n_sources; i++) {
		struct error e = ERROR_NULL;
		int r = refresh_source(&f->sources[i], true, false, &e);
		MOUNT_LOCKED(&f->mount);
		f->sources[i].failure = e;
		f->sources[i].loaded = f->sources[i].loaded || r == 0;
	}
	fake_settle(f);
}

int fake_setup(void **state)
{
	struct fake *f = fake_new(1);

	fake_store_set(f->stores[0], "s/o/k", VALUE_S, "old");
	fake_store_set(f->stores[0], "s/o/n", VALUE_N, "1");
	fake_load(f);
	*state = f;
	return 0;
}

int fake_setup_two(void **state)
{
	*state = fake_new(2);
	return 0;
}

int fake_teardown(void **state)
{
	fake_free(*state);
	return 0;
}

/* A test that failed leaves files open. */
static struct handle *any_handle(struct fake *f)
{
	MOUNT_LOCKED(&f->mount);

	for (size_t i = 0; i < f->mount.nodes.cap; i++) {
		const struct idmap_slot *slot = &f->mount.nodes.slots[i];
		struct node *node = slot->id ? (void *)(uintptr_t)slot->value : NULL;
		if (node && node->handles)
			return node->handles;
	}
	return NULL;
}

static void open_gates(struct fake *f)
{
	for (size_t i = 0; i < f->mount.n_sources; i++) {
		for (int op = 0; op < FAKE_OPS; op++) {
			fake_store_open(f->stores[i], op, FAKE_BEFORE);
			fake_store_open(f->stores[i], op, FAKE_AFTER);
		}
	}
	fake_kernel_open(f);
}

/* Who uses another is ended first. */
static void end_threads(struct fake *f)
{
	struct mount *m = &f->mount;

	mount_lock(m);
	m->stopping = true;
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < m->n_sources; i++)
		refresh_join(&f->sources[i]);
	workers_free(m->workers);
	notify_stop(m->notifier);
	dispatcher_stop(m->dispatcher);
	dispatcher_free(m->dispatcher);
	m->workers = NULL;
	m->notifier = NULL;
	m->dispatcher = NULL;
}

static void free_unreported(struct mount *m)
{
	while (m->unreported) {
		struct unreported *u = m->unreported;
		m->unreported = u->next;
		free(u->folder);
		free(u->name);
		free(u);
	}
}

void fake_free(struct fake *f)
{
	struct mount *m = &f->mount;

	open_gates(f);
	end_threads(f);
	for (struct handle *h; (h = any_handle(f));)
		fake_release(f, h);
	nodes_free(m);
	views_free(m);
	free_unreported(m);
	for (size_t i = 0; i < m->n_sources; i++)
		store_free(f->sources[i].store);
	buf_deinit(&f->kernel.told);
	events_free(m->events);
	metrics_free(m->metrics);
	log_deinit(&f->log);
	close(m->stop_fd);
	pthread_mutex_destroy(&m->lock);
	free(f);
}

void fake_settle(struct fake *f)
{
	struct mount *m = &f->mount;
	MOUNT_LOCKED(m);

	for (size_t i = 0; !m->notifier && i < m->n_views; i++) {
		struct view *view = m->views[i];
		snapshot_unref(view->told);
		view->told = snapshot_ref(view->current);
		snapshot_unref(view->documented);
		view->documented = snapshot_ref(view->current);
	}
}

void fake_start(struct fake *f, unsigned parts)
{
	struct mount *m = &f->mount;

	if (parts & FAKE_WORKERS)
		assert_int_equal(workers_new(8, &m->workers), 0);
	if (parts & FAKE_DISPATCHER)
		assert_int_equal(dispatcher_new(m, &m->dispatcher), 0);
	if (parts & FAKE_NOTIFIER)
		assert_int_equal(notify_start(m, &m->notifier), 0);
	for (size_t i = 0; (parts & FAKE_REFRESH) && i < m->n_sources; i++)
		assert_int_equal(refresh_start(&f->sources[i]), 0);
}

void fake_send(struct fake *f, struct fake_request *request, struct call *c)
{
	c->request = request;
	dispatch_call(&f->mount, c);
}

bool fake_is_answered(struct fake_request *request)
{
	pthread_mutex_lock(&request->lock);
	bool answered = request->answers > 0;
	pthread_mutex_unlock(&request->lock);
	return answered;
}

static bool answered(void *request)
{
	return fake_is_answered(request);
}

int fake_wait_answer(struct fake_request *request)
{
	fake_until(answered, request);
	assert_int_equal(request->answers, 1);
	return request->result;
}

void fake_until(bool (*holds)(void *data), void *data)
{
	enum { TRIES = 20000 };
	const struct timespec a_while = { .tv_nsec = 1000000 };

	for (int i = 0; i < TRIES; i++) {
		if (holds(data))
			return;
		nanosleep(&a_while, NULL);
	}
	fail_msg("waited for something that did not happen");
}

static bool all_told(void *data)
{
	struct mount *m = &((struct fake *)data)->mount;
	bool told = true;
	MOUNT_LOCKED(m);

	for (size_t i = 0; i < m->n_views; i++)
		told = told && m->views[i]->told == m->views[i]->current &&
		       (!m->views[i]->documented || m->views[i]->documented == m->views[i]->current);
	return told && m->told_root == m->root_mtime;
}

void fake_until_told(struct fake *f)
{
	notify_wake(f->mount.notifier);
	fake_until(all_told, f);
}
