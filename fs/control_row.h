/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "fs/state.h"

/*
 * The rows of .control, one a file or a directory, and the families: directories of things that come and go. Each part
 * of the house keeps its own beside the functions that show them; control.c makes a tree of them. Shared by the
 * control_*.c, and by nobody else.
 */
enum control_place {
	AT_NOWHERE,
	AT_TOP = 1,
	AT_STORES = 2,
	AT_STORE = 4,
	AT_TABLES = 8,
	AT_TABLE = 16,
	AT_INDEXES = 32,
	AT_INDEX = 64,
	AT_SCALING = 128,
	AT_OPTIONS = 256,
};

/* What a row speaks of. */
struct control_at {
	struct mount *mount;
	struct view *view;   /* AT_STORE */
	struct table *table; /* AT_TABLE, AT_INDEX */
	char index[256];     /* AT_INDEX; else "" */
	size_t number;       /* AT_OPTIONS: which */
};

struct control_row {
	unsigned places; /* the directories that it stands in, enum control_place */
	const char *name;
	/* The text, without its final newline; with the state lock held. NULL: nothing to read. */
	void (*show)(const struct control_at *at, struct buf *out);
	/* In place of `show`, a text that grows while it is open: appends what came after the first `*seen` things. */
	void (*grow)(const struct control_at *at, uint64_t *seen, struct buf *out);
	/* A write of that text, white space at its end taken off; without the lock. NULL: read-only. */
	int (*act)(const struct control_at *at, const char *text, struct error *e);
	/* Whether there is such a file, with the lock held; NULL: always. */
	bool (*there)(const struct control_at *at);
	bool blocks;              /* act waits for the network */
	enum control_place leads; /* of a directory: where its content stands; else AT_NOWHERE */
	const char *help;
};

/* A directory with a directory, or a file, for each thing of a kind. All with the state lock held. */
struct control_family {
	enum control_place owner, place, member; /* AT_TOP; AT_STORES; AT_STORE. Of files only the place */
	const char *label;                       /* what help calls a member: "STORE" */
	/* Sets the n-th thing in `at`, which comes with what the directory speaks of; false past the end. */
	bool (*nth)(struct control_at *at, size_t n);
	const char *(*name)(const struct control_at *at); /* borrowed while the lock is held */
	/* What ids are made of, CONTROL_HASH of it: the same after a restart. */
	uint64_t (*hash)(const struct control_at *at);
	/* Sets the one of that hash in `at`; NULL: all are looked at. */
	bool (*find)(struct control_at *at, uint64_t hash);
	/* mkdir(2) in it, without the lock, on a worker; NULL: EPERM. */
	int (*make)(struct mount *m, const char *name, struct error *e);
	const struct control_row *file; /* of files: what each is, at most CONTROL_FILES; only one family has such */
};

enum { CONTROL_FILES = 127 };

#define CONTROL_HASH ((UINT64_C(1) << 53) - 1)

struct control_part {
	const struct control_row *rows;
	size_t n;
	const struct control_family *families;
	size_t n_families;
};

extern const struct control_part control_top, control_store, control_table, control_scaling;

/* "2026-11-21T12:25:40Z" */
void control_show_time(struct buf *out, int64_t wall);

/* Lines of `status`: the tables, those that cannot be described or the others; and the scaler's failures. */
void control_show_tables(const struct mount *m, bool wrong, struct buf *out);
void control_show_scaler_failures(const struct mount *m, struct buf *out);

/* Of the picture that a store shows: nanoseconds since its load began, -1: none yet. */
int64_t control_age(const struct view *view);
bool control_is_stale(const struct view *view);
