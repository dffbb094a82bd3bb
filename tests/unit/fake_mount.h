/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/handle.h"
#include "fs/node.h"
#include "fs/state.h"
#include "fs/vfs.h"
#include "fs/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * A mount without FUSE: the real core on a store in memory, a clock that only the test moves, and a kernel that writes
 * down what it is told. Link it instead of fs/ops.c.
 *
 * Without fake_start there is one thread: fake_run does the worker's part itself and takes the kernel for told. With
 * it, threads run as in a mount and the test waits for what they do.
 */

/* The store. Paths are "store/option/key"; an option alone is an item without keys. */
enum fake_op { FAKE_OPEN, FAKE_LOAD, FAKE_OPTION, FAKE_APPLY, FAKE_OPS };
enum fake_phase { FAKE_BEFORE, FAKE_AFTER, FAKE_PHASES };

struct fake_row {
	char *store, *option, *key; /* key NULL: the option itself */
	enum value_type type;
	char *bytes;
	size_t len;
};

struct fake_store {
	struct store base;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t moved;
	struct fake_row *rows;
	size_t n_rows;
	bool closed[FAKE_OPS][FAKE_PHASES];      /* whoever comes here waits */
	unsigned waiting[FAKE_OPS][FAKE_PHASES]; /* and so many do */
	int failure[FAKE_OPS];                   /* positive errno: what the next calls end with, */
	unsigned failures[FAKE_OPS];             /* so many of them, */
	bool late[FAKE_OPS];                     /* after they did what they were to do */
	unsigned calls[FAKE_OPS];
	bool consistent;      /* the newest load was */
	struct buf changes;   /* what was applied, one line each */
	unsigned at_once[64]; /* changes that run now, by the first byte of their option */
	bool overlapped;      /* two of one option ran at once */
};

struct fake_store *fake_store_new(void);
void fake_store_set(struct fake_store *s, const char *path, enum value_type type, const char *bytes);
void fake_store_drop(struct fake_store *s, const char *path);
/* NULL: there is none. Borrowed. */
const struct fake_row *fake_store_row(struct fake_store *s, const char *path);
/* The next `n` calls fail. */
void fake_store_fail(struct fake_store *s, enum fake_op op, int number, unsigned n, bool late);
/* Calls stop at the gate until it is opened; fake_store_wait: until `n` stand there. */
void fake_store_close(struct fake_store *s, enum fake_op op, enum fake_phase phase);
void fake_store_open(struct fake_store *s, enum fake_op op, enum fake_phase phase);
void fake_store_wait(struct fake_store *s, enum fake_op op, enum fake_phase phase, unsigned n);

/* One request, for what runs on threads. */
struct fake_request {
	pthread_mutex_t lock;  /* "answer": guards all below */
	pthread_mutex_t watch; /* held while an interruption is told */
	struct pending *pending;
	unsigned answers;
	int result;
	struct attr attr;
	struct handle *handle;
	char out[256];
	size_t out_len;
	bool direct;
	bool refused; /* its caller is gone: nobody takes the answer */
};

struct fake_clock {
	struct clock clock;
	_Atomic int64_t mono, wall;
};

struct kernel {
	pthread_mutex_t lock; /* "told": guards all below */
	struct buf told;      /* "data ID", "attributes ID", "name PARENT NAME", "store ID BYTES", one line each */
	uint64_t forgotten[8];
	bool forgets_all; /* holds no id at all */
	bool closed;      /* notifications wait, */
	unsigned waiting; /* so many */
	pthread_cond_t moved;
	struct mount *mount;
	void (*serve)(struct mount *m, void *data); /* what kernel_serve does */
	void *data;
};

struct fake_waiter {
	_Atomic int told, ended;
};

struct fake {
	struct mount mount;
	struct settings settings;
	struct source_settings source_settings[2];
	struct source sources[2];
	struct fake_store *stores[2];
	struct fake_clock clock;
	struct log log;
	struct kernel kernel;
};

/* Sources "one" and "two", nothing loaded yet: settings may still be changed. */
struct fake *fake_new(size_t n_sources);
void fake_free(struct fake *f);
/* Loads all sources, consistently. */
void fake_load(struct fake *f);
/* cmocka's fixtures: one source with ttl=300, holding s/o/k=old and s/o/n=N 1, loaded. */
int fake_setup(void **state);
int fake_setup_two(void **state); /* two sources, not loaded */
int fake_teardown(void **state);

void fake_move_clock(struct fake *f, int64_t ns);
/* The kernel was told of everything; fake_run does it too. */
void fake_settle(struct fake *f);

/* A call about a name, a file, an open file. */
struct call fake_call(enum call_kind kind);
struct call fake_call_name(struct fake *f, enum call_kind kind, const char *path);
struct call fake_call_handle(enum call_kind kind, struct handle *h, uint64_t owner);
struct call fake_call_rename(struct fake *f, const char *from, const char *to);
/* One run as the reading thread does it, one as a worker does it, or both until there is a result. */
int fake_step(struct fake *f, struct call *c);
int fake_finish(struct fake *f, struct call *c);
int fake_run(struct fake *f, struct call *c);

/* System calls. Negative: -errno. */
int fake_lookup(struct fake *f, const char *path, struct attr *attr);
uint64_t fake_id(struct fake *f, const char *path); /* 0: none */
int fake_try_open(struct fake *f, const char *path, int flags, struct handle **h);
struct handle *fake_open(struct fake *f, const char *path, int flags); /* O_CREAT makes it */
int fake_write(struct fake *f, struct handle *h, uint64_t owner, const char *text, int64_t offset);
int fake_flush(struct fake *f, struct handle *h, uint64_t owner);
int fake_fsync(struct fake *f, struct handle *h);
int fake_release(struct fake *f, struct handle *h);
int fake_close(struct fake *f, struct handle *h, uint64_t owner); /* FLUSH and RELEASE; FLUSH's result */
int fake_read(struct fake *f, struct handle *h, char out[256]);
int fake_stat(struct fake *f, const char *path, struct attr *attr);
int fake_truncate(struct fake *f, const char *path, int64_t size);
int fake_ftruncate(struct fake *f, struct handle *h, int64_t size);
int fake_unlink(struct fake *f, const char *path);
int fake_mkdir(struct fake *f, const char *path);
int fake_rmdir(struct fake *f, const char *path);
int fake_rename(struct fake *f, const char *from, const char *to);
int fake_setxattr(struct fake *f, const char *path, const char *name, const char *value);
int fake_getxattr(struct fake *f, const char *path, const char *name, char out[256]);
/* The names in a directory, each followed by a space; `most` at once. */
int fake_list(struct fake *f, const char *path, size_t most, char *out, size_t size);
/* What a shell does for `echo TEXT > PATH` and `echo TEXT >> PATH`: the first error. */
int fake_echo(struct fake *f, const char *path, const char *text);
int fake_append(struct fake *f, const char *path, const char *text);
int fake_touch(struct fake *f, const char *path);

/* NULL: there is no such file. */
void fake_expect_stored(struct fake *f, const char *path, const char *bytes, const char *file, int line);
void fake_expect_shown(struct fake *f, const char *path, const char *bytes, const char *file, int line);
#define assert_stored(f, path, bytes) fake_expect_stored((f), (path), (bytes), __FILE__, __LINE__)
#define assert_shown(f, path, bytes) fake_expect_shown((f), (path), (bytes), __FILE__, __LINE__)
/* Both. */
#define assert_value(f, path, bytes)           \
	do {                                   \
		assert_stored(f, path, bytes); \
		assert_shown(f, path, bytes);  \
	} while (0)

/* Threads as in a mount. */
enum fake_parts { FAKE_WORKERS = 1, FAKE_DISPATCHER = 2, FAKE_NOTIFIER = 4, FAKE_REFRESH = 8 };
void fake_start(struct fake *f, unsigned parts);
void fake_send(struct fake *f, struct fake_request *request, struct call *c);
/* As FUSE_INTERRUPT. */
void fake_interrupt(struct fake_request *request);
bool fake_is_answered(struct fake_request *request);
int fake_wait_answer(struct fake_request *request);
#define FAKE_REQUEST ((struct fake_request){ .lock = PTHREAD_MUTEX_INITIALIZER, .watch = PTHREAD_MUTEX_INITIALIZER })
/* Asks again and again, a while apart, until it holds; fails the test when it never does. */
void fake_until(bool (*holds)(void *data), void *data);
/* Until the kernel was told of all that there is. */
void fake_until_told(struct fake *f);

/* What the kernel was told so far, or since the last fake_kernel_forget_told. */
bool fake_was_told(struct fake *f, const char *what, uint64_t id, const char *name);
size_t fake_n_told(struct fake *f);
void fake_forget_told(struct fake *f);
void fake_kernel_close(struct fake *f);
void fake_kernel_open(struct fake *f);
void fake_kernel_wait(struct fake *f, unsigned n);
