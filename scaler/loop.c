/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/loop_private.h"

#include "scaler/steer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CONNECTIONS = 8, INTERVAL_MIN = 1, INTERVAL_MAX = 366 * 86400 };

void scaler_lock(struct scaler *scaler)
{
	pthread_mutex_lock(&scaler->lock);
}

void scaler_unlock(struct scaler *scaler)
{
	pthread_mutex_unlock(&scaler->lock);
}

struct state *scaler_state(struct scaler *scaler, int64_t *next)
{
	*next = scaler->next_pass;
	return &scaler->state;
}

void scaler_save(struct scaler *s, int64_t now)
{
	const struct global_options *global = &s->setup.config->global;
	struct error e = ERROR_NULL;

	if (!global->state_file || global->dry_run)
		return;
	scaler_lock(s);
	char *text = state_text(&s->state, now);
	scaler_unlock(s);
	int rc = text ? state_write(global->state_file, text, &e) : error_no_memory(&e);
	if (rc < 0)
		log_error(s->setup.log, "%s", e.text);
	free(text);
}

static void signal_fd(int fd)
{
	eventfd_write(fd, 1);
}

static void quiet_fd(int fd)
{
	eventfd_t value;

	eventfd_read(fd, &value);
}

bool scaler_stopping(const struct scaler *s)
{
	struct pollfd fd = { .fd = s->stop_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static int open_fds(struct scaler *s)
{
	struct epoll_event event = { .events = EPOLLIN };

	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->sleep_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->stop_fd < 0 || s->wake_fd < 0 || s->done_fd < 0 || s->sleep_fd < 0)
		return -errno;
	if (epoll_ctl(s->sleep_fd, EPOLL_CTL_ADD, s->stop_fd, &event) < 0 ||
	    epoll_ctl(s->sleep_fd, EPOLL_CTL_ADD, s->wake_fd, &event) < 0)
		return -errno;
	return 0;
}

/* All sites are made now, so that what is wrong with them is told at once. */
static int check_sites(struct scaler *s, struct error *e)
{
	const struct scaler_config *config = s->setup.config;
	struct site *site;
	int rc = 0;

	if (s->setup.steered)
		rc = sites_get(&s->sites, &s->site_setup, &config->global, &config->unmatched[TARGET_TABLE].options,
			       &site, e);
	for (size_t i = 0; rc == 0 && i < config->n_tables; i++) {
		rc = sites_get(&s->sites, &s->site_setup, &config->global, &config->tables[i].options, &site, e);
		if (rc < 0)
			error_context(e, "[table: %s]", config->tables[i].key);
	}
	return rc;
}

int scaler_new(const struct scaler_setup *setup, struct scaler **scaler, struct error *e)
{
	struct scaler *s = calloc(1, sizeof(*s));
	const struct global_options *global = &setup->config->global;

	if (!s)
		return error_no_memory(e);
	s->setup = *setup;
	if (!s->setup.connections)
		s->setup.connections = CONNECTIONS;
	s->site_setup = (struct site_setup){
		.credentials = setup->credentials,
		.http = setup->http,
		.clock = setup->clock,
		.log = setup->log,
		.max_attempts = setup->max_attempts,
		.random = setup->random,
	};
	s->stop_fd = s->wake_fd = s->done_fd = s->sleep_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->pass_over, NULL);
	int rc = open_fds(s);
	if (rc < 0)
		error_set(e, EIO, "the scaler cannot be started: %s", strerror(-rc));
	else
		rc = scaler_config_check_patterns(setup->config, e);
	if (rc == 0)
		rc = check_sites(s, e);
	if (rc == 0 && global->state_file)
		rc = state_load(global->state_file, &s->state, e);
	if (rc == 0 && global->options_persist)
		rc = steer_load(global->options_persist, setup->config, &s->state, e);
	if (rc < 0) {
		scaler_free(s);
		return rc;
	}
	*scaler = s;
	return 0;
}

static int64_t interval(const struct scaler *s)
{
	int64_t seconds = s->setup.config->global.check_interval;

	if (seconds < INTERVAL_MIN)
		seconds = INTERVAL_MIN;
	return (seconds < INTERVAL_MAX ? seconds : INTERVAL_MAX) * CLOCK_SECOND;
}

static void set_next(struct scaler *s, int64_t wall)
{
	scaler_lock(s);
	s->next_pass = wall;
	scaler_unlock(s);
}

/* Until the next pass is due or wanted. */
static void rest(struct scaler *s)
{
	struct clock *clock = s->setup.clock;
	int64_t wait = interval(s);

	set_next(s, clock_wall(clock) + wait);
	clock_sleep(clock, clock_mono(clock) + wait, s->sleep_fd);
	quiet_fd(s->wake_fd);
	set_next(s, 0);
}

/* The result of a pass is for those who wait for it, and for scaler_stop. */
static void one_pass(struct scaler *s)
{
	struct error e = ERROR_NULL;

	scaler_lock(s);
	s->begun++;
	scaler_unlock(s);
	int rc = scaler_pass(s, &e);
	scaler_lock(s);
	s->rc = rc;
	s->error = e;
	s->ended++;
	pthread_cond_broadcast(&s->pass_over);
	scaler_unlock(s);
}

static void *run(void *data)
{
	struct scaler *s = data;

	do {
		one_pass(s);
		if (s->rc < 0 && s->rc != -ECANCELED)
			log_error(s->setup.log, "the pass was not complete: %s", s->error.text);
		if (!s->once && s->rc != -ECANCELED)
			rest(s);
	} while (!s->once && !scaler_stopping(s));
	scaler_lock(s);
	s->over = true;
	pthread_cond_broadcast(&s->pass_over);
	scaler_unlock(s);
	signal_fd(s->done_fd);
	return NULL;
}

int scaler_start(struct scaler *s, bool once, struct error *e)
{
	s->once = once;
	int rc = pthread_create(&s->thread, NULL, run, s);
	if (rc)
		return error_set(e, EIO, "the scaler's thread cannot be started: %s", strerror(rc));
	s->running = true;
	return 0;
}

int scaler_done_fd(const struct scaler *s)
{
	return s->done_fd;
}

int scaler_stop(struct scaler *s, struct error *e)
{
	signal_fd(s->stop_fd);
	if (s->running)
		pthread_join(s->thread, NULL);
	s->running = false;
	return s->rc < 0 ? error_set(e, -s->rc, "%s", s->error.text) : 0;
}

void scaler_check_now(struct scaler *s)
{
	signal_fd(s->wake_fd);
}

int scaler_check(struct scaler *s, struct error *e)
{
	scaler_lock(s);
	uint64_t wanted = s->begun + 1;
	signal_fd(s->wake_fd);
	while (s->ended < wanted && !s->over)
		pthread_cond_wait(&s->pass_over, &s->lock);
	int rc = s->ended < wanted ? error_set(e, ECANCELED, "the scaler is ending") : s->rc;
	if (rc < 0 && s->ended >= wanted)
		error_set(e, -rc, "%s", s->error.text);
	scaler_unlock(s);
	return rc;
}

bool scaler_site_at(const struct scaler *s, size_t n, struct scaler_site *site)
{
	if (n >= s->sites.n)
		return false;
	const struct site *at = s->sites.sites[n];
	*site = (struct scaler_site){ at->name, at->region ? at->region : "", at->db };
	return true;
}

void scaler_free(struct scaler *s)
{
	if (!s)
		return;
	scaler_stop(s, NULL);
	const int fds[] = { s->stop_fd, s->wake_fd, s->done_fd, s->sleep_fd };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	sites_deinit(&s->sites);
	state_deinit(&s->state);
	pthread_cond_destroy(&s->pass_over);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
