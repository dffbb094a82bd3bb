/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The error contract of the whole house, stated once.
 *
 * A function that can fail returns 0 or a negative errno value, and takes a `struct error *` last. On
 * failure that object holds the same number (positive) and one sentence that says what happened and, where
 * somebody can do something, what to do. On success it is left alone. Outputs are set last and only on
 * success. A NULL `struct error *` is allowed everywhere.
 *
 * The numbers mean:
 *   EACCES     credentials missing, wrong or refused        EROFS      the mount or source is read-only
 *   ENOENT     proven absent: the store answered so         ESTALE     somebody else changed or removed it
 *   EEXIST     proven present                               ENOTEMPTY  an option or store still has content
 *   EINVAL     a name, value or setting that cannot be      EXDEV      cannot be done as one atomic step
 *   EFBIG      larger than an item may be                   ETIMEDOUT  no answer within the deadline
 *   EBUSY      throttled past the retry budget              ECANCELED  the caller or the daemon gave up
 *   ENXIO      a table, file or server that is not there    EOPNOTSUPP the engine does not offer this
 *   ENOMEM     no memory                                    EIO        everything else
 *
 * Nothing but an answer that proves absence may become ENOENT: a table that is not found is ENXIO, a page
 * that does not parse is EIO.
 */

enum { ERROR_TEXT_MAX = 512 };

struct error {
	int number; /* positive errno, 0 while nothing failed */
	char text[ERROR_TEXT_MAX];
};

#define ERROR_NULL ((struct error){ 0 })

/* Records `number` (positive) and the sentence; returns -number, so that callers `return error_set(…)`. A
 * sentence that does not fit is cut. */
int error_set(struct error *e, int number, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the sentence already there; keeps and returns its number, negative. */
int error_context(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The usual sentence for memory that could not be had. */
int error_no_memory(struct error *e);
