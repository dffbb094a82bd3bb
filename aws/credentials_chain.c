/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include "aws/core/secret.h"
#include "aws/credentials_private.h"
#include "aws/credentials_sts.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Renewed so long before they expire; asked again so long after an answer that brought nothing new. */
enum { EARLY_SECONDS = 15 * 60, PAUSE_SECONDS = 1, PAUSE_MAX_SECONDS = 30 };

struct credentials_chain {
	struct credentials_context context; /* its strings are owned */
	bool fixed;                         /* `current` never changes */
	int stop_fd;                        /* readable: the chain ends */
	int idle_fd;                        /* readable: no thread asks */
	_Atomic int64_t skew;
	pthread_mutex_t state;      /* guards all below; never held while a provider is asked */
	bool asking;                /* one thread asks the providers */
	bool joinable;              /* there is or was such a thread, and nobody joined it */
	pthread_t asker;            /* it */
	struct credentials current; /* no access_key_id: none */
	int64_t renew_at;           /* wall, corrected: when to ask for others; 0: never */
	bool refused;               /* a server called them expired */
	struct error failure;       /* of the last round, number 0 if it succeeded */
	int64_t ask_at;             /* mono: no round before that */
	int fruitless;              /* rounds in a row that brought nothing new */
};

enum need { NEED_NOTHING, NEED_SOON, NEED_NOW };

static int64_t now_corrected(const struct credentials_chain *chain)
{
	return clock_wall(chain->context.clock) + atomic_load(&chain->skew);
}

static bool may_ask(const struct credentials_chain *chain)
{
	return clock_mono(chain->context.clock) >= chain->ask_at;
}

static enum need need_of(const struct credentials_chain *chain)
{
	const struct credentials *current = &chain->current;

	if (chain->fixed)
		return NEED_NOTHING;
	if (!current->access_key_id || (current->expires && now_corrected(chain) >= current->expires))
		return NEED_NOW;
	/* Those that were asked for again, and came again, are the best there are for now. */
	if (chain->refused && (may_ask(chain) || chain->failure.number))
		return NEED_NOW;
	return chain->renew_at && now_corrected(chain) >= chain->renew_at ? NEED_SOON : NEED_NOTHING;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_keys(const struct credentials *a, const struct credentials *b)
{
	return same_text(a->access_key_id, b->access_key_id) && same_text(a->session_token, b->session_token) &&
	       same_text(a->secret_access_key, b->secret_access_key);
}

static int64_t renewal_time(const struct credentials_chain *chain, int64_t expires)
{
	int64_t left = expires - now_corrected(chain), early = EARLY_SECONDS * CLOCK_SECOND;

	return expires ? expires - (left / 4 < early ? left / 4 : early) : 0;
}

static bool is_news(const struct credentials_chain *chain, const struct credentials *fresh)
{
	return fresh->access_key_id && (!same_keys(fresh, &chain->current) || fresh->expires != chain->current.expires);
}

/* Before the lock, which a slow log must not hold: nobody but the one thread that asks changes `current`. */
static void tell(const struct credentials_chain *chain, const struct credentials *fresh, const struct error *failure)
{
	const bool had = chain->current.access_key_id;
	char until[CLOCK_ISO8601_SIZE];

	clock_format_iso8601(fresh->expires, until);
	if (is_news(chain, fresh))
		log_info(chain->context.log, "AWS credentials %s: %s%s%s", had ? "renewed" : "found", fresh->provider,
			 fresh->expires ? "; they expire at " : "", fresh->expires ? until : "");
	else if (failure->number && had)
		log_warning(chain->context.log, "AWS credentials cannot be renewed: %s", failure->text);
}

/* Takes over what a round brought. */
static void settle_locked(struct credentials_chain *chain, struct credentials *fresh, const struct error *failure)
{
	struct credentials *current = &chain->current;
	int64_t pause = PAUSE_MAX_SECONDS;

	chain->failure = *failure;
	if (is_news(chain, fresh)) {
		credentials_deinit(current);
		*current = *fresh;
		*fresh = CREDENTIALS_NULL;
		chain->renew_at = renewal_time(chain, current->expires);
		chain->refused = false;
		chain->fruitless = 0;
		chain->ask_at = 0;
		return;
	}
	if (chain->fruitless < 5)
		pause = PAUSE_SECONDS << chain->fruitless++;
	chain->ask_at = clock_mono(chain->context.clock) + pause * CLOCK_SECOND;
}

/* What the providers found, or the role that it assumes. */
static int find_role(const struct credentials_context *context, int cancel_fd, struct credentials *out, struct error *e)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct sts_role role = { .arn = context->role_arn, .provider = "role" };

	if (!context->role_arn)
		return credentials_find(context, false, cancel_fd, out, e);
	int result = credentials_find(context, false, cancel_fd, &found, e);
	return result < 0 ? result : credentials_assume(context, &role, &found, NULL, cancel_fd, out, e);
}

static int find_with(const struct credentials_chain *chain, int64_t skew, struct credentials *fresh, struct error *e)
{
	struct credentials_context context = chain->context;
	char until[CLOCK_ISO8601_SIZE];

	context.skew = skew;
	int result = find_role(&context, chain->stop_fd, fresh, e);
	if (result < 0 || !fresh->expires || fresh->expires > credentials_now(&context))
		return result;
	clock_format_iso8601(fresh->expires, until);
	error_set(e, EACCES,
		  "the AWS credentials that there are expired at %s (%s): renew them, or set this machine's clock",
		  until, fresh->provider);
	credentials_deinit(fresh);
	return -EACCES;
}

static int find(struct credentials_chain *chain, struct credentials *fresh, struct error *e)
{
	int64_t skew = atomic_load(&chain->skew);
	struct error why = ERROR_NULL;
	int result = find_with(chain, skew, fresh, &why);

	/* It may be from before somebody set the clock; without keys nobody would ask a server for the time again. */
	if (result == -EACCES && skew && find_with(chain, 0, fresh, NULL) == 0) {
		atomic_compare_exchange_strong(&chain->skew, &skew, 0);
		return 0;
	}
	return result < 0 ? error_set(e, why.number, "%s", why.text) : 0;
}

static void *round_main(void *data)
{
	_credentials_cleanup_ struct credentials fresh = CREDENTIALS_NULL;
	struct credentials_chain *chain = data;
	struct error failure = ERROR_NULL;
	const uint64_t one = 1;

	find(chain, &fresh, &failure);
	tell(chain, &fresh, &failure);
	pthread_mutex_lock(&chain->state);
	settle_locked(chain, &fresh, &failure);
	chain->asking = false;
	if (write(chain->idle_fd, &one, sizeof(one)) < 0)
		log_error(chain->context.log, "eventfd: %s", strerror(errno));
	pthread_mutex_unlock(&chain->state);
	return NULL;
}

/* Signals are for others. */
static int start_thread(struct credentials_chain *chain)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int number = pthread_create(&chain->asker, NULL, round_main, chain);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -number;
}

static int start_round_locked(struct credentials_chain *chain, struct error *e)
{
	uint64_t count;

	if (chain->joinable)
		pthread_join(chain->asker, NULL);
	chain->joinable = false;
	if (read(chain->idle_fd, &count, sizeof(count)) < 0)
		return error_set(e, EIO, "eventfd: %s", strerror(errno));
	chain->asking = true;
	if (start_thread(chain) == 0) {
		chain->joinable = true;
		return 0;
	}
	chain->asking = false;
	count = 1;
	if (write(chain->idle_fd, &count, sizeof(count)) < 0)
		return error_set(e, EIO, "eventfd: %s", strerror(errno));
	return error_set(e, EIO, "a thread that fetches AWS credentials cannot be started");
}

/* Until the round under way has ended. */
static int wait_for_round(const struct credentials_chain *chain, int64_t deadline, int cancel_fd, struct error *e)
{
	struct pollfd fds[] = { { .fd = chain->idle_fd, .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };
	int64_t left = (deadline - clock_mono(chain->context.clock) + CLOCK_MS - 1) / CLOCK_MS;
	int n = poll(fds, 2, left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);

	if (n < 0)
		return errno == EINTR ? 0 : error_set(e, EIO, "poll: %s", strerror(errno));
	if (n == 0)
		return error_set(e, ETIMEDOUT,
				 "AWS credentials are being fetched and did not come before the deadline");
	if (!fds[0].revents)
		return error_set(e, ECANCELED, "the request was given up");
	return 0;
}

static int ready_locked(struct credentials_chain *chain, int64_t deadline, int cancel_fd, struct error *e)
{
	for (;;) {
		enum need need = need_of(chain);
		bool failed = chain->failure.number;
		int result = 0;
		if (need != NEED_NOTHING && !chain->asking && (may_ask(chain) || (need == NEED_NOW && !failed)))
			result = start_round_locked(chain, need == NEED_NOW ? e : NULL);
		if (need != NEED_NOW)
			return 0;
		if (result < 0)
			return result;
		if (chain->asking) {
			pthread_mutex_unlock(&chain->state);
			result = wait_for_round(chain, deadline, cancel_fd, e);
			pthread_mutex_lock(&chain->state);
		}
		if (result < 0)
			return result;
		/* Else again: what the round found may have been refused before this thread woke up. */
		if (!chain->asking && chain->failure.number && need_of(chain) == NEED_NOW)
			return error_set(e, chain->failure.number, "%s", chain->failure.text);
	}
}

int credentials_chain_get(struct credentials_chain *chain, int64_t deadline, int cancel_fd, struct credentials *out,
			  struct error *e)
{
	pthread_mutex_lock(&chain->state);
	int result = ready_locked(chain, deadline, cancel_fd, e);
	if (result == 0)
		result = credentials_copy(&chain->current, out, e);
	pthread_mutex_unlock(&chain->state);
	return result;
}

void credentials_chain_invalidate(struct credentials_chain *chain, const struct credentials *used)
{
	pthread_mutex_lock(&chain->state);
	if (chain->current.access_key_id && same_keys(&chain->current, used))
		chain->refused = true;
	pthread_mutex_unlock(&chain->state);
}

void credentials_chain_set_skew(struct credentials_chain *chain, int64_t skew)
{
	atomic_store(&chain->skew, skew);
}

/* The strings of the context that the chain owns. */
static const size_t owned[] = {
	offsetof(struct credentials_context, profile),           offsetof(struct credentials_context, region),
	offsetof(struct credentials_context, access_key_id),     offsetof(struct credentials_context, session_token),
	offsetof(struct credentials_context, secret_access_key), offsetof(struct credentials_context, role_arn),
};

enum { N_OWNED = sizeof(owned) / sizeof(owned[0]) };

static char **owned_field(struct credentials_context *context, size_t i)
{
	return (char **)((char *)context + owned[i]);
}

/* Copies take the place of what was borrowed; false at the end of memory. */
static bool own_strings(struct credentials_context *context)
{
	bool ok = true;

	for (size_t i = 0; i < N_OWNED; i++) {
		char **field = owned_field(context, i);
		if (!*field)
			continue;
		*field = strdup(*field);
		ok &= *field != NULL;
	}
	return ok;
}

int credentials_chain_new(const struct credentials_context *context, struct credentials_chain **chain, struct error *e)
{
	struct credentials_chain *made = calloc(1, sizeof(*made));

	if (!made)
		return error_no_memory(e);
	made->context = *context;
	made->context.clock = credentials_clock(context);
	atomic_init(&made->skew, context->skew);
	pthread_mutex_init(&made->state, NULL);
	made->stop_fd = eventfd(0, EFD_CLOEXEC);
	made->idle_fd = eventfd(1, EFD_CLOEXEC);
	bool owned_all = own_strings(&made->context);
	if (made->stop_fd >= 0 && made->idle_fd >= 0 && owned_all) {
		*chain = made;
		return 0;
	}
	int result = owned_all ? error_set(e, EIO, "eventfd: %s", strerror(errno)) : error_no_memory(e);
	credentials_chain_free(made);
	return result;
}

int credentials_chain_new_fixed(const struct credentials *credentials, struct credentials_chain **chain,
				struct error *e)
{
	struct credentials_chain *made;
	int rc = credentials_chain_new(&(struct credentials_context){ .profile = NULL }, &made, e);

	if (rc < 0)
		return rc;
	made->fixed = true;
	rc = credentials_copy(credentials, &made->current, e);
	if (rc < 0)
		credentials_chain_free(made);
	else
		*chain = made;
	return rc;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void credentials_chain_free(struct credentials_chain *chain)
{
	const uint64_t one = 1;

	if (!chain)
		return;
	if (chain->joinable && write(chain->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(chain->asker, NULL);
	credentials_deinit(&chain->current);
	for (size_t i = 0; i < N_OWNED; i++)
		secret_wipe(owned_field(&chain->context, i));
	close_fd(chain->stop_fd);
	close_fd(chain->idle_fd);
	pthread_mutex_destroy(&chain->state);
	free(chain);
}
