/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/store.h"

/* How any store must behave, run against each implementation; and what its own tests are written with. */
struct store_suite {
	const char *name;
	/* A new, empty store, not yet opened. */
	struct store *(*make)(struct store_suite *suite);
	/* After each test. */
	void (*clean)(struct store_suite *suite);
	bool transactions; /* the engine has them */
	bool documents;    /* its conditions can compare lists and maps */
	void *data;        /* of make's */
	/* private: */
	struct store *store;
};

/* The number of failed tests. */
int store_suite_run(struct store_suite *suite);

enum { SUITE_DUMP_MAX = 64 << 20 };

/* A call with a deadline that no test reaches. */
struct store_call suite_call(void);

struct place suite_place(const char *store, const char *option, const char *key);
struct attribute suite_text(const char *text);

/* Each of these gives a negative errno or 0; a failure without a sentence fails the test. */
int suite_apply(struct store *store, const struct change *change);
int suite_mkdir(struct store *store, const char *option);
int suite_put(struct store *store, const char *option, const char *key, const char *text);

/* All of it, or one store: a line "store/option/" for each option and "store/option/key TYPE bytes" for each key,
 * sorted. The caller frees. */
char *suite_dump(struct store *store, const char *only);
void suite_expect(struct store *store, const char *dump);
/* The lines of the text, which is taken apart; the caller frees. */
char *suite_sorted(char *text);
/* A sink that adds such lines to a `struct buf`. */
int suite_sink(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
	       const struct attribute *attributes, size_t n, struct error *e);
