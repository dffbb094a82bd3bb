/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stddef.h>

/*
 * One INI reader, two dialects that are data: Python's RawConfigParser as Dynamic DynamoDB used it (dynconf's and
 * the scaler's files), and the shared files of the AWS CLI and SDKs. Where one option stands twice the last wins; a
 * section that is opened again goes on. Python's `[DEFAULT]` supplies options to every section.
 */
struct ini_dialect;
extern const struct ini_dialect ini_python;
extern const struct ini_dialect ini_aws;

struct ini_entry {
	const char *section; /* as written between the brackets, trimmed as the dialect trims */
	const char *name;    /* in lower case where the dialect ignores case */
	const char *value;   /* continuation lines joined with "\n" */
	int line;            /* where the option stands, from 1 */
};

/* A file as read: owned by the caller, ini_deinit frees it and wipes the text, which may hold keys. Every section is in
 * `sections` once, at its first header, also when it has no options; `[DEFAULT]` is not. */
struct ini {
	struct ini_entry *entries; /* in file order */
	size_t n_entries;
	struct ini_section {
		const char *name;
		int line;
	} * sections;
	size_t n_sections;
	char *text; /* what all names and values point into */
	size_t len;
	const char *defaults; /* the section that supplies the others, NULL if none */
};

#define INI_NULL ((struct ini){ 0 })

enum { INI_FILE_MAX = 1 << 20 };

/* `name` is what errors call the file. EINVAL: "FILE:LINE: what was expected", never quoting a value. */
int ini_parse(const struct ini_dialect *dialect, const char *name, const char *text, size_t len, struct ini *out,
	      struct error *e);
/* The same for a file. ENOENT when it does not exist; EACCES; EFBIG over INI_FILE_MAX; only regular files are read,
 * and /dev/null is an empty one. */
int ini_load(const struct ini_dialect *dialect, const char *path, struct ini *out, struct error *e);
/* The last value of that name in that section, else in the one that supplies it; NULL if none. Borrowed. */
const char *ini_get(const struct ini *ini, const char *section, const char *name);
/* Idempotent. */
void ini_deinit(struct ini *ini);

#define _ini_cleanup_ __attribute__((cleanup(ini_deinit)))
