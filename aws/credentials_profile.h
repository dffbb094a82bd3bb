/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/ini.h"
#include "aws/credentials.h"

#include <stdbool.h>

/*
 * A profile of the two files that the AWS CLI and the SDKs share. A setting of the credentials file is stronger than
 * the same of the config file. https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
enum profile_file_kind { PROFILE_CREDENTIALS, PROFILE_CONFIG, PROFILE_FILES };

struct profile {
	const char *name; /* borrowed from the context */
	struct profile_file {
		struct buf path;
		struct ini ini;
		const char *section; /* of this profile, NULL if the file does not have it */
	} files[PROFILE_FILES];
};

#define PROFILE_NULL ((struct profile){ 0 })

/* Reads the profile that the context names, else AWS_PROFILE, else "default". A file that does not exist has no
 * sections. EACCES when a profile that was asked for by name is in neither; EINVAL and others of ini_load. */
int profile_load(const struct credentials_context *context, struct profile *out, struct error *e);
/* Idempotent; wipes. */
void profile_deinit(struct profile *profile);

#define _profile_cleanup_ __attribute__((cleanup(profile_deinit)))

bool profile_exists(const struct profile *profile);
/* NULL when it is not there or empty. `name` is in lower case. Borrowed. */
const char *profile_get(const struct profile *profile, const char *name);
const char *profile_get_from(const struct profile *profile, enum profile_file_kind kind, const char *name);
/* The same of the section `[KIND NAME]` of the config file, such as `[sso-session corp]`. */
const char *profile_get_other(const struct profile *profile, const char *kind, const char *section, const char *name);

/* `path` with a "~/" at its beginning replaced. */
void credentials_path(const struct credentials_context *context, const char *path, struct buf *out);
