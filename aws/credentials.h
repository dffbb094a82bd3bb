/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/core/error.h"
#include "aws/core/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Credentials, and the chain of providers that finds them. A provider is a row of the table in credentials.c and a file
 * of its own (credentials_environment.c, credentials_shared.c, …).
 */
struct credentials {
	char *access_key_id; /* owned, wiped by credentials_deinit */
	char *secret_access_key;
	char *session_token;  /* NULL: none */
	int64_t expires;      /* wall nanoseconds; 0: never */
	const char *provider; /* the name of the row that gave them */
};

#define CREDENTIALS_NULL ((struct credentials){ 0 })

/* Idempotent; overwrites what was secret. */
void credentials_deinit(struct credentials *credentials);
int credentials_copy(const struct credentials *from, struct credentials *to, struct error *e);
/* For providers: owned copies of what `provider` found, `session_token` may be NULL or "". EACCES when one of them is
 * empty or has a blank, control or non-ASCII byte, which no AWS key has: such a value could also break a header. */
int credentials_make(const char *provider, const char *access_key_id, const char *secret_access_key,
		     const char *session_token, struct credentials *out, struct error *e);

#define _credentials_cleanup_ __attribute__((cleanup(credentials_deinit)))

struct http;

/* What providers may look at, and with what. */
struct credentials_context {
	/* getenv-like, so that tests need no real environment; called from any thread. */
	const char *(*getenv)(void *data, const char *name);
	void *data;
	const char *profile; /* NULL: AWS_PROFILE, else "default"; one given here wins over keys in the environment */
	struct log *log;
	struct clock *clock; /* NULL: the system's */
	struct http *http;   /* for providers that ask servers; NULL: they have nothing to say */
	const char *region;  /* for those that ask AWS; NULL: as endpoint_resolve finds it */
	/* Of the configuration: they win over everything. NULL: not said. */
	const char *access_key_id, *secret_access_key, *session_token;
	const char *role_arn; /* assumed with what the providers found; NULL: none */
	bool custom_endpoint; /* what they are for is not AWS: the instance's role is none of its business */
	int64_t skew;         /* to be added to the clock; the chain sets it */
};

/* NULL when it is not set or empty. Borrowed. */
const char *credentials_getenv(const struct credentials_context *context, const char *name);

struct credentials_provider {
	const char *name;
	const char *source; /* how a profile's credential_source calls it, NULL: it cannot */
	bool of_profile;    /* speaks for the profile, also where another names that as its source_profile */
	/*
	 * 0: found. -ENOENT: this provider has nothing to say, ask the next; the sentence is a clause that says where
	 * it looked, "" where that is not worth a word. Anything else ends the chain: it should have worked and did
	 * not, and the sentence says why. It has a deadline of its own; `cancel_fd` (-1: none) readable: ECANCELED.
	 */
	int (*fetch)(const struct credentials_context *context, int cancel_fd, struct credentials *out,
		     struct error *e);
};

/* Asks one provider after the other; `profile_only`: those that speak for the profile. EACCES with a sentence that
 * lists where was looked when none has any. */
int credentials_find(const struct credentials_context *context, bool profile_only, int cancel_fd,
		     struct credentials *out, struct error *e);

/* A setting of the profile from the shared files, such as "region", in lower case. `*value` is owned by the caller.
 * ENOENT when neither file has it, EACCES when neither has a profile that was asked for by name. */
int credentials_profile_setting(const struct credentials_context *context, const char *setting, char **value,
				struct error *e);
/* The same of one service, such as "endpoint_url" of "dynamodb", in the section that the profile's `services` names;
 * EINVAL when there is no such section. */
int credentials_service_setting(const struct credentials_context *context, const char *service, const char *setting,
				char **value, struct error *e);

/*
 * Holds the current credentials; thread-safe. They are fetched by a thread of its own, one at a time. Temporary ones
 * are renewed in the background from a quarter of an hour before they expire (a quarter of their life, when that is
 * less), by whoever asks then; when that fails the old ones serve until they expire.
 */
struct credentials_chain;

/* The context is copied with its strings, but for `data`, `log`, `clock` and `http`, which must outlive the chain. */
int credentials_chain_new(const struct credentials_context *context, struct credentials_chain **chain, struct error *e);
/* A chain that always gives these, which are copied: nobody else is asked. */
int credentials_chain_new_fixed(const struct credentials *credentials, struct credentials_chain **chain,
				struct error *e);
/* Gives up what is being fetched. */
void credentials_chain_free(struct credentials_chain *chain);
/* A copy of what is in force, waited for only when there is none: until `deadline` (mono, ETIMEDOUT) or until
 * `cancel_fd` (-1: none) is readable (ECANCELED). EACCES with a sentence that lists where was looked when no provider
 * has any; so long as that is a moment ago, at once. The caller deinits. */
int credentials_chain_get(struct credentials_chain *chain, int64_t deadline, int cancel_fd, struct credentials *out,
			  struct error *e);
/* A server called these expired: the next get waits for others, unless somebody has others already. */
void credentials_chain_invalidate(struct credentials_chain *chain, const struct credentials *used);
/* How many nanoseconds this machine's clock is behind: credentials expire by a clock that is right. */
void credentials_chain_set_skew(struct credentials_chain *chain, int64_t skew);
