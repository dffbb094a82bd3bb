/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mount.h"

#include "aws/http_curl.h"
#include "fs/control.h"
#include "fs/control_poll.h"
#include "fs/dispatch.h"
#include "fs/events.h"
#include "fs/metrics.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/ops.h"
#include "fs/refresh.h"
#include "fs/replay.h"
#include "fs/scaling.h"
#include "fs/sources.h"
#include "fs/tables.h"
#include "fs/vfs.h"
#include "fs/view.h"
#include "fs/visitor.h"
#include "fs/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORKERS_MAX = 32 };

/* Until the first load has ended. One that takes its time (throttled, or large) is left to its readers to wait for; one
 * that fails does so within timeout=. */
static int wait_for_source(struct source *source, struct error *e)
{
	struct mount *m = source->mount;
	int64_t patience = clock_mono(m->clock) + source->settings->timeout;
	struct timespec until = clock_timespec(patience);
	MOUNT_LOCKED(m);

	while (!source->loaded && !source->failure.number && !m->stopping) {
		if (source->reached && clock_mono(m->clock) >= patience)
			return 0;
		if (source->reached)
			pthread_cond_timedwait(&source->wake, &m->lock, &until);
		else
			pthread_cond_wait(&source->wake, &m->lock);
	}
	if (source->loaded)
		return 0;
	*e = source->failure;
	return m->stopping ? error_set(e, ECANCELED, "stopped before the mount was there") : -e->number;
}

static int start_sources(struct mount *m, struct error *e)
{
	size_t usable = 0;

	for (size_t i = 0; i < m->n_sources; i++) {
		if (refresh_start(&m->sources[i]) < 0)
			return error_set(e, EIO, "a thread cannot be started");
	}
	if (tables_start(m) < 0)
		return error_set(e, EIO, "a thread cannot be started");
	if (scaling_start(m, e) < 0)
		return -e->number;
	for (size_t i = 0; i < m->n_sources; i++)
		usable += wait_for_source(&m->sources[i], e) == 0;
	return usable ? 0 : -e->number;
}

static void our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

static void end(struct mount *m)
{
	const uint64_t one = 1;

	mount_lock(m);
	m->stopping = true;
	struct kernel *kernel = m->kernel;
	for (size_t i = 0; i < m->n_sources; i++)
		pthread_cond_broadcast(&m->sources[i].wake);
	pthread_mutex_unlock(&m->lock);
	/* Once mounted, what is under way is finished after the kernel let go; before, everything is given up. */
	if (kernel)
		kernel_stop(kernel);
	else if (write(m->stop_fd, &one, sizeof(one)) < 0)
		log_warning(m->log, "eventfd: %s", strerror(errno));
}

/* The thread that signals come to: the end, or a load now. */
static void *signals_main(void *data)
{
	struct mount *m = data;
	sigset_t set;
	int signal_number = 0;

	our_signals(&set);
	while (sigwait(&set, &signal_number) == 0 && signal_number == SIGHUP) {
		log_info(m->log, "loading all sources: SIGHUP");
		for (size_t i = 0; i < m->n_sources; i++)
			refresh_ask(&m->sources[i]);
	}
	end(m);
	return NULL;
}

/* Tells the caller once the mount answers: somebody else than the serving thread must ask it. */
struct announcement {
	struct mount *mount;
	void (*ready)(void *data);
	void *data;
	bool answered;
};

static void ask_root(void *data)
{
	struct announcement *a = data;
	struct stat st;

	a->answered = stat(a->mount->settings->mountpoint, &st) == 0;
}

static void *announce_main(void *data)
{
	struct announcement *a = data;

	visitor_run(a->mount->visitor, ask_root, a);
	if (a->answered)
		a->ready(a->data);
	return NULL;
}

static int serve(struct mount *m, void (*ready)(void *data), void *data, struct error *e)
{
	struct announcement announcement = { .mount = m, .ready = ready, .data = data };
	pthread_t announcer;

	if (pthread_create(&announcer, NULL, announce_main, &announcement) != 0)
		return error_set(e, EIO, "a thread cannot be started");
	log_info(m->log, "%s is mounted on %s", m->settings->shown, m->settings->mountpoint);
	int r = kernel_serve(m->kernel);
	pthread_join(announcer, NULL);
	log_info(m->log, "%s is unmounted from %s", m->settings->shown, m->settings->mountpoint);
	return r < 0 ? error_set(e, -r, "the connection to the kernel broke: %s", strerror(-r)) : 0;
}

/* What is not committed yet is, within its deadline; then everything that waits is told to end. */
static void stop(struct mount *m)
{
	const uint64_t one = 1;

	if (m->signalled) {
		pthread_kill(m->signals, SIGTERM);
		pthread_join(m->signals, NULL);
	}
	dispatcher_stop(m->dispatcher);
	if (m->kernel)
		vfs_commit_left_behind(m);
	/* Files in memory were acknowledged too. */
	for (size_t i = 0; i < m->n_sources; i++)
		vfs_store_temporary(&m->sources[i], true);
	/* A worker may be waiting for a pass. */
	scaling_stop(m);
	workers_free(m->workers);
	mount_lock(m);
	m->stopping = true;
	pthread_mutex_unlock(&m->lock);
	if (m->stop_fd >= 0 && write(m->stop_fd, &one, sizeof(one)) < 0)
		log_warning(m->log, "eventfd: %s", strerror(errno));
	poller_stop(m->poller);
	tables_stop(m);
	for (size_t i = 0; i < m->n_sources; i++)
		refresh_join(&m->sources[i]);
	notify_stop(m->notifier);
	replay_stop(m->replay);
	visitor_stop(m->visitor);
}

static void deinit(struct mount *m)
{
	poller_free(m->poller);
	kernel_free(m->kernel);
	dispatcher_free(m->dispatcher);
	control_free(m);
	tables_free(m);
	scaling_free(m);
	nodes_free(m);
	views_free(m);
	sources_free(m);
	while (m->unreported) {
		struct unreported *u = m->unreported;
		m->unreported = u->next;
		free(u->folder);
		free(u->name);
		free(u);
	}
	events_free(m->events);
	metrics_free(m->metrics);
	close(m->stop_fd);
	pthread_mutex_destroy(&m->lock);
}

static int mount_now(struct mount *m, struct error *e)
{
	struct kernel *kernel = NULL;
	struct statx st = { 0 };
	int r = kernel_new(m, &kernel, e);

	/* Without a message: nobody serves yet. */
	if (r == 0 && statx(AT_FDCWD, m->settings->mountpoint, AT_STATX_DONT_SYNC, 0, &st) == 0) {
		m->major = st.stx_dev_major;
		m->minor = st.stx_dev_minor;
	}
	MOUNT_LOCKED(m);

	m->kernel = kernel;
	/* A signal that came before this saw nothing to unmount. */
	return r == 0 && m->stopping ? error_set(e, ECANCELED, "stopped before the mount was there") : r;
}

static int start(struct mount *m, struct error *e)
{
	sigset_t set;

	our_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	m->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (m->stop_fd < 0 || workers_new(WORKERS_MAX, &m->workers) < 0)
		return error_set(e, EIO, "threads and files cannot be had: %s", strerror(errno));
	int r = http_curl_global_init(e);
	if (r == 0)
		r = sources_make(m, e);
	if (r == 0)
		r = scaling_new(m, e);
	m->signalled = r == 0 && pthread_create(&m->signals, NULL, signals_main, m) == 0;
	if (r == 0)
		r = start_sources(m, e);
	if (r == 0)
		r = mount_now(m, e);
	if (r == 0 &&
	    (visitor_start(kernel_descriptor(m->kernel), &m->visitor) < 0 || dispatcher_new(m, &m->dispatcher) < 0 ||
	     replay_start(m, &m->replay) < 0 || notify_start(m, &m->notifier) < 0))
		r = error_set(e, EIO, "a thread cannot be started");
	return r;
}

int mount_serve(const struct settings *settings, struct log *log, void (*ready)(void *data), void *data,
		struct error *e)
{
	struct mount m = {
		.settings = settings,
		.log = log,
		.clock = clock_system(),
		.stop_fd = -1,
		.sweep_at = 1024,
	};

	pthread_mutex_init(&m.lock, NULL);
	m.started_wall = m.root_mtime = clock_wall(m.clock);
	m.events = events_new();
	m.metrics = metrics_new();
	m.poller = poller_new(&m);
	int r = start(&m, e);
	if (r == 0)
		r = serve(&m, ready, data, e);
	/* Told to end before it had begun: nothing went wrong. */
	bool stopped = r == -ECANCELED && m.stopping;
	stop(&m);
	deinit(&m);
	return stopped ? 0 : r;
}
