/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/core/log.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Credentials, and the chain of providers that finds them. A provider is a row of a table and a file of its
 * own (credentials_environment.c, credentials_shared.c, …).
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

/* What providers may look at; getenv-like, so that tests need no real environment, and called from any thread. */
struct credentials_context {
	const char *(*getenv)(void *data, const char *name);
	void *data;
	const char *profile; /* NULL: AWS_PROFILE, else "default"; one given here wins over keys in the environment */
	struct log *log;
};

/* NULL when it is not set or empty. Borrowed. */
const char *credentials_getenv(const struct credentials_context *context, const char *name);

struct credentials_provider {
	const char *name;
	/* 0: found. -ENOENT: this provider has nothing to say, ask the next; the sentence is a clause that says where
	 * it looked. Anything else ends the chain: it should have worked and did not, and the sentence says why. */
	int (*fetch)(const struct credentials_context *context, struct credentials *out, struct error *e);
};

extern const struct credentials_provider credentials_environment;
extern const struct credentials_provider credentials_shared;

/* A setting of the profile from the shared files, such as "region", in lower case. `*value` is owned by the caller.
 * ENOENT when neither file has it, EACCES when neither has a profile that was asked for by name. */
int credentials_profile_setting(const struct credentials_context *context, const char *setting, char **value,
				struct error *e);

/* Holds the current credentials; thread-safe. */
struct credentials_chain;

/* The context is copied, but for `data` and `log`, which must outlive the chain. */
int credentials_chain_new(const struct credentials_context *context, struct credentials_chain **chain, struct error *e);
/* A chain that always gives these, which are copied: nobody else is asked. */
int credentials_chain_new_fixed(const struct credentials *credentials, struct credentials_chain **chain,
				struct error *e);
void credentials_chain_free(struct credentials_chain *chain);
/* A copy of what is in force, fetched when there is none yet; EACCES with a sentence that lists where was looked
 * when no provider has any. The caller deinits. */
int credentials_chain_get(struct credentials_chain *chain, struct credentials *out, struct error *e);
/* Forgets what is in force, so that the next get asks the providers again (after ExpiredToken). */
void credentials_chain_invalidate(struct credentials_chain *chain);
