/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stddef.h>

/*
 * One INI reader, two dialects that are data: Python's RawConfigParser as Dynamic DynamoDB used it (dynconf's and
 * the scaler's files), and the shared files of the AWS CLI and SDKs.
 */
struct ini_dialect;
extern const struct ini_dialect ini_python;
extern const struct ini_dialect ini_aws;

struct ini_entry {
	const char *section; /* as written between the brackets, trimmed as the dialect trims */
	const char *name;
	const char *value; /* continuation lines joined with "\n" */
	int line;          /* where the option stands, from 1 */
};

/* A file as read: owned by the caller, ini_deinit frees it. Sections without options are in `sections` too. */
struct ini {
	struct ini_entry *entries; /* in file order */
	size_t n_entries;
	struct ini_section {
		const char *name;
		int line;
	} * sections;
	size_t n_sections;
	char *text; /* what all names and values point into */
};

#define INI_NULL ((struct ini){ 0 })

enum { INI_FILE_MAX = 1 << 20 };

/* `name` is what errors call the file. EINVAL: "FILE:LINE: what was expected", never quoting a value. */
int ini_parse(const struct ini_dialect *dialect, const char *name, const char *text, size_t len, struct ini *out,
	      struct error *e);
/* The same for a file. ENOENT when it does not exist; EFBIG over INI_FILE_MAX; only regular files are read. */
int ini_load(const struct ini_dialect *dialect, const char *path, struct ini *out, struct error *e);
/* The last value of that name in that section, NULL if none. Borrowed. */
const char *ini_get(const struct ini *ini, const char *section, const char *name);
void ini_deinit(struct ini *ini);
