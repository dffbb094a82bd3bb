/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "fs/state.h"

/*
 * The rows of .control, one a file or a directory. Each part of the house keeps its rows beside the functions that
 * show them; control.c makes a tree of them. Shared by the control_*.c, and by nobody else.
 */
enum control_place { AT_NOWHERE, AT_TOP, AT_STORES, AT_STORE, CONTROL_PLACES };

/* What a row speaks of. */
struct control_at {
	struct mount *mount;
	struct view *view; /* AT_STORE */
};

struct control_row {
	enum control_place place;
	const char *name;
	/* The text, without its final newline; with the state lock held. NULL: nothing to read. */
	void (*show)(const struct control_at *at, struct buf *out);
	/* A write of that text, white space at its end taken off; without the lock. NULL: read-only. */
	int (*act)(const struct control_at *at, const char *text, struct error *e);
	/* In place of `show`, a text that grows while it is open: appends what came after the first `*seen` things. */
	void (*grow)(const struct control_at *at, uint64_t *seen, struct buf *out);
	bool blocks;              /* act waits for the network */
	enum control_place leads; /* of a directory: where its content stands; else AT_NOWHERE */
	const char *help;
};

struct control_part {
	const struct control_row *rows;
	size_t n;
};

extern const struct control_part control_top, control_store;

/* "2026-11-21T12:25:40Z" */
void control_show_time(struct buf *out, int64_t wall);

/* Of the picture that a store shows: nanoseconds since its load began, -1: none yet. */
int64_t control_age(const struct view *view);
bool control_is_stale(const struct view *view);
