/* SPDX-License-Identifier: Apache-2.0 */
/* From the sources to the directory: once, or as long as nobody says stop. */
#include "fs/events.h"
#include "fs/export.h"
#include "fs/refresh.h"
#include "fs/sd_notify.h"
#include "fs/sources.h"
#include "fs/view.h"

#include "aws/http_curl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How often the pictures are looked at: for the first one, and then. Loads are on their sources' own threads. */
#define LOOK_FIRST 20
#define LOOK 200

struct exporter {
	struct mount mount;
	struct export_dir dir;
	struct export_store *shown; /* what is in the directory; snapshots are referenced */
	size_t n_shown;
	int signals;
	bool follow;
};

static void stores_free(struct export_store *stores, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snapshot_unref((struct snapshot *)stores[i].snapshot);
	free(stores);
}

/* 1: all sources were loaded; 0: not yet; the failure of one. */
static int look_at_sources(struct mount *m, struct error *e)
{
	MOUNT_LOCKED(m);
	int r = 1;

	for (size_t i = 0; i < m->n_sources; i++) {
		const struct source *source = &m->sources[i];
		if (source->loaded)
			continue;
		if (source->failure.number) {
			*e = source->failure;
			return -e->number;
		}
		r = 0;
	}
	return r;
}

static int take_stores(struct mount *m, struct export_store **stores, size_t *n, struct error *e)
{
	MOUNT_LOCKED(m);
	struct export_store *taken = calloc(m->n_views + 1, sizeof(*taken));

	if (!taken)
		return error_no_memory(e);
	*n = 0;
	for (size_t i = 0; i < m->n_views; i++) {
		const struct view *view = m->views[i];
		if (!view_is_shown(view))
			continue;
		taken[(*n)++] = (struct export_store){ .name = view->name,
						       .snapshot = snapshot_ref(view->current),
						       .access = view->access };
	}
	*stores = taken;
	return 0;
}

/* A load that found nothing new leaves the picture as it was. */
static bool is_shown(const struct exporter *x, const struct export_store *stores, size_t n)
{
	bool same = x->shown && n == x->n_shown;

	for (size_t i = 0; same && i < n; i++)
		same = stores[i].name == x->shown[i].name && stores[i].snapshot == x->shown[i].snapshot;
	return same;
}

static int show(struct exporter *x, struct error *e)
{
	struct export_store *stores = NULL;
	size_t n = 0;
	int r = take_stores(&x->mount, &stores, &n, e);

	if (r == 0 && !is_shown(x, stores, n))
		r = export_write(&x->dir, stores, n, x->mount.log, e);
	if (r < 0) {
		stores_free(stores, n);
		return r;
	}
	stores_free(x->shown, x->n_shown);
	x->shown = stores;
	x->n_shown = n;
	return 0;
}

/* Waits a while; true: somebody said stop. HUP loads now. */
static bool is_told_to_stop(struct exporter *x)
{
	struct pollfd wait = { .fd = x->signals, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&wait, 1, x->shown ? LOOK : LOOK_FIRST) <= 0 || read(x->signals, &info, sizeof(info)) <= 0)
		return false;
	for (size_t i = 0; info.ssi_signo == SIGHUP && i < x->mount.n_sources; i++)
		refresh_ask(&x->mount.sources[i]);
	return info.ssi_signo != SIGHUP;
}

/* What fails while it follows is in the log, once each time, and the directory stays as it was. */
static int run(struct exporter *x, struct error *e)
{
	struct sd_notify notify;
	int failed = 0;

	sd_notify_init(&notify);
	do {
		struct error now = ERROR_NULL;
		int r = look_at_sources(&x->mount, &now);
		bool first = !x->shown;
		if (r == 1)
			r = show(x, &now);
		if (r < 0 && !x->follow)
			return error_set(e, -r, "%s", now.text);
		if (r < 0 && r != failed)
			log_error(x->mount.log, "%s", now.text);
		failed = r;
		if (first && x->shown)
			sd_notify_send(&notify, "READY=1");
	} while ((x->follow || !x->shown) && !is_told_to_stop(x));
	return x->follow || x->shown ? 0 : error_set(e, ECANCELED, "stopped before anything was exported");
}

static int start(struct exporter *x, const char *path, struct error *e)
{
	struct mount *m = &x->mount;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	x->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	m->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (x->signals < 0 || m->stop_fd < 0)
		return error_set(e, EIO, "files cannot be had: %s", strerror(errno));
	int r = export_open(path, &x->dir, e);
	if (r == 0)
		r = http_curl_global_init(e);
	if (r == 0)
		r = sources_make(m, e);
	for (size_t i = 0; r == 0 && i < m->n_sources; i++) {
		if (refresh_start(&m->sources[i]) < 0)
			r = error_set(e, EIO, "a thread cannot be started");
	}
	return r;
}

static void stop(struct exporter *x)
{
	struct mount *m = &x->mount;
	const uint64_t one = 1;

	mount_lock(m);
	m->stopping = true;
	pthread_mutex_unlock(&m->lock);
	if (m->stop_fd >= 0 && write(m->stop_fd, &one, sizeof(one)) < 0)
		log_warning(m->log, "eventfd: %s", strerror(errno));
	for (size_t i = 0; i < m->n_sources; i++)
		refresh_join(&m->sources[i]);
	stores_free(x->shown, x->n_shown);
	views_free(m);
	sources_free(m);
	events_free(m->events);
	export_close(&x->dir);
	if (m->stop_fd >= 0)
		close(m->stop_fd);
	if (x->signals >= 0)
		close(x->signals);
	pthread_mutex_destroy(&m->lock);
}

int export_run(const struct settings *settings, struct log *log, const char *path, bool follow, struct error *e)
{
	struct exporter x = {
		.mount = { .settings = settings, .log = log, .clock = clock_system(), .stop_fd = -1 },
		.dir = EXPORT_DIR_NULL,
		.signals = -1,
		.follow = follow,
	};

	pthread_mutex_init(&x.mount.lock, NULL);
	x.mount.started_wall = x.mount.root_mtime = clock_wall(x.mount.clock);
	x.mount.events = events_new();
	int r = start(&x, path, e);
	if (r == 0)
		r = run(&x, e);
	stop(&x);
	return r;
}
