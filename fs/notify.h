/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/*
 * Tells the kernel what changed, on a thread of its own that no request waits for.
 *
 * The kernel keeps one size and one set of pages for a file, whoever has it open, so a value may not be swapped under a
 * reader. Between the snapshot that the kernel was told of (`view.told`) and the current one, reads through the
 * page cache and attributes go on showing the told version of each value until its turn comes: then the
 * version flips, the kernel drops its pages, and one stat of our own settles the size. Until then an open of
 * that value is parked, or after 20 ms served without the page cache. A value that a reader of less than a second
 * has open is held back for that reader.
 */
struct notifier;

int notify_start(struct mount *m, struct notifier **notifier);
/* Ends the thread and frees; accepts NULL. */
void notify_stop(struct notifier *notifier);

/* There may be something to tell, or parked calls to run again. From any thread, with or without the lock. */
void notify_wake(struct notifier *notifier);

/* Waits, two seconds at most, until the kernel was told of everything but what is held back for a reader. Without the
 * lock, on a worker. */
void notify_wait(struct mount *m);

/* The kernel is to drop its listing of a folder soon: for stores that are read on every access. */
void notify_forget_listing_locked(struct notifier *notifier, uint64_t folder);

/* A value of that folder was read that was in no page cache, or the folder was listed to its end: its values may be
 * read next. True: they are being put into the page cache, which is worth waiting for. Both accept NULL. */
void notify_read_locked(struct notifier *notifier, uint64_t folder);
bool notify_listed_locked(struct notifier *notifier, uint64_t folder);
/* Whether values of that folder are being put into the page cache: writers wait. Accepts NULL. */
bool notify_is_storing_locked(const struct notifier *notifier, const struct folder *folder);

/* The version of a value that the page cache and the attributes show now. */
struct version {
	const struct folder *folder;
	const struct entry *entry;
	bool settled; /* it is the current one, and the kernel holds no other */
};
/* Whether two values have the same bytes; a type or a place to be kept in is nothing that a reader could see. */
bool version_same_bytes(const struct version *a, const struct version *b);
struct version notify_version_locked(const struct view *view, const struct folder *folder, const struct entry *entry,
				     const struct node *node);

/* How long an open waits for its value to settle before it is served without the page cache; nanoseconds. */
#define NOTIFY_PARK (20 * CLOCK_MS)
