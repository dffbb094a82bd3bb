/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"
#include "aws/credentials.h"

#include <stdbool.h>

/*
 * The settings of the AWS CLI and SDKs: an environment variable, else the profile's line.
 * https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */

/* `*value` is owned by the caller, NULL where nobody set it; `*from` is the name under which it was found, borrowed
 * from the arguments. `variable` may be NULL. Errors are those of a profile that cannot be read. */
int aws_setting(const struct credentials_context *context, const char *variable, const char *name, char **value,
		const char **from, struct error *e);
/* A switch is on where it says "true", in any case, and nothing else turns it on. */
int aws_switch(const struct credentials_context *context, const char *variable, const char *name, bool *on,
	       struct error *e);

/* How to talk to a service, whichever it is. */
struct aws_config {
	int max_attempts; /* AWS_MAX_ATTEMPTS; 0: not set */
	char *ca_bundle;  /* AWS_CA_BUNDLE, a file; NULL: the system's. Owned */
};

#define AWS_CONFIG_NULL ((struct aws_config){ 0 })

/* EINVAL: a number or a file that cannot be. A retry mode other than standard is taken as it, which the context's log
 * is told. */
int aws_config_load(const struct credentials_context *context, struct aws_config *config, struct error *e);
/* Idempotent. */
void aws_config_deinit(struct aws_config *config);

#define _aws_config_cleanup_ __attribute__((cleanup(aws_config_deinit)))
