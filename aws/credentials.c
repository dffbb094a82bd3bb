/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"
#include "aws/core/buf.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Asked in this order. */
static const struct credentials_provider *const providers[] = {
	&credentials_environment,
	&credentials_shared,
};

enum { N_PROVIDERS = sizeof(providers) / sizeof(providers[0]) };

struct credentials_chain {
	struct credentials_context context;
	char *profile;              /* what context.profile points to */
	bool fixed;                 /* `current` never changes */
	pthread_mutex_t state;      /* guards all below; never held while a provider is asked */
	pthread_cond_t answered;    /* a round has ended */
	bool asking;                /* one thread is asking the providers, the others wait for its answer */
	unsigned int rounds;        /* how often they were asked */
	struct credentials current; /* no access_key_id: none */
	struct error failure;       /* of the last round, number 0 if it succeeded */
};

const char *credentials_getenv(const struct credentials_context *context, const char *name)
{
	const char *value = context->getenv(context->data, name);

	return value && *value ? value : NULL;
}

static void wipe_string(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void credentials_deinit(struct credentials *credentials)
{
	wipe_string(&credentials->access_key_id);
	wipe_string(&credentials->secret_access_key);
	wipe_string(&credentials->session_token);
	*credentials = CREDENTIALS_NULL;
}

static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

int credentials_make(const char *provider, const char *access_key_id, const char *secret_access_key,
		     const char *session_token, struct credentials *out, struct error *e)
{
	_credentials_cleanup_ struct credentials made = { .provider = provider };
	bool has_token = session_token && *session_token;

	if (!*access_key_id || !*secret_access_key)
		return error_set(e, EACCES, "an AWS key is empty (%s): give both", provider);
	if (!is_plain(access_key_id) || !is_plain(secret_access_key) || (has_token && !is_plain(session_token)))
		return error_set(e, EACCES,
				 "an AWS key or token has a blank or an odd character in it (%s): copy it again",
				 provider);
	made.access_key_id = strdup(access_key_id);
	made.secret_access_key = strdup(secret_access_key);
	made.session_token = has_token ? strdup(session_token) : NULL;
	if (!made.access_key_id || !made.secret_access_key || (has_token && !made.session_token))
		return error_no_memory(e);
	*out = made;
	made = CREDENTIALS_NULL;
	return 0;
}

int credentials_copy(const struct credentials *from, struct credentials *to, struct error *e)
{
	int result = credentials_make(from->provider, from->access_key_id, from->secret_access_key, from->session_token,
				      to, e);

	if (result == 0)
		to->expires = from->expires;
	return result;
}

int credentials_chain_new(const struct credentials_context *context, struct credentials_chain **chain, struct error *e)
{
	struct credentials_chain *made = calloc(1, sizeof(*made));

	if (!made)
		return error_no_memory(e);
	made->context = *context;
	if (context->profile) {
		made->profile = strdup(context->profile);
		if (!made->profile) {
			free(made);
			return error_no_memory(e);
		}
		made->context.profile = made->profile;
	}
	pthread_mutex_init(&made->state, NULL);
	pthread_cond_init(&made->answered, NULL);
	*chain = made;
	return 0;
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

void credentials_chain_free(struct credentials_chain *chain)
{
	if (!chain)
		return;
	credentials_deinit(&chain->current);
	pthread_cond_destroy(&chain->answered);
	pthread_mutex_destroy(&chain->state);
	free(chain->profile);
	free(chain);
}

static int ask_providers(const struct credentials_context *context, struct credentials *out, struct error *e)
{
	_buf_cleanup_ struct buf looked = BUF_INIT(N_PROVIDERS * ERROR_TEXT_MAX);

	for (size_t i = 0; i < N_PROVIDERS; i++) {
		struct error why = ERROR_NULL;
		int result = providers[i]->fetch(context, out, &why);
		if (result == 0) {
			log_info(context->log, "AWS credentials found: %s", providers[i]->name);
			return 0;
		}
		if (result != -ENOENT)
			return error_set(e, why.number, "%s", why.text);
		buf_printf(&looked, "%s%s", i ? "; " : "", why.text);
	}
	return error_set(e, EACCES, "no AWS credentials were found: %s", buf_text(&looked));
}

/* Asks the providers, or waits for the thread that does. Called and left with `state` held. */
static void renew(struct credentials_chain *chain)
{
	unsigned int round = chain->rounds;

	if (chain->asking) {
		while (chain->rounds == round)
			pthread_cond_wait(&chain->answered, &chain->state);
		return;
	}
	struct credentials fresh = CREDENTIALS_NULL;
	struct error failure = ERROR_NULL;
	chain->asking = true;
	pthread_mutex_unlock(&chain->state);
	ask_providers(&chain->context, &fresh, &failure);
	pthread_mutex_lock(&chain->state);
	credentials_deinit(&chain->current);
	chain->current = fresh;
	chain->failure = failure;
	chain->asking = false;
	chain->rounds++;
	pthread_cond_broadcast(&chain->answered);
}

int credentials_chain_get(struct credentials_chain *chain, struct credentials *out, struct error *e)
{
	int result = 0;

	pthread_mutex_lock(&chain->state);
	/* Again when what a round found was invalidated before this thread woke up. */
	while (result == 0 && !chain->current.access_key_id) {
		renew(chain);
		if (chain->failure.number)
			result = error_set(e, chain->failure.number, "%s", chain->failure.text);
	}
	if (result == 0)
		result = credentials_copy(&chain->current, out, e);
	pthread_mutex_unlock(&chain->state);
	return result;
}

void credentials_chain_invalidate(struct credentials_chain *chain)
{
	if (chain->fixed)
		return;
	pthread_mutex_lock(&chain->state);
	credentials_deinit(&chain->current);
	pthread_mutex_unlock(&chain->state);
}
