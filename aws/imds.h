/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/credentials.h"

/*
 * EC2's instance metadata, version 2 only: a token goes before everything. One second a try, three tries, and never
 * through a proxy. AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE
 * and the profile's settings of the last two count.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
struct imds {
	const struct credentials_context *context;
	int cancel_fd;
	struct buf endpoint; /* without a final slash */
	struct buf token;
};

#define IMDS_NULL ((struct imds){ 0 })

/* Fetches a token. `cancel_fd` (-1: none) readable: ECANCELED. ENOENT with a clause: it is switched off, this machine
 * has none, or the context has no http. EINVAL: a setting that cannot be; EACCES: it refused. */
int imds_open(const struct credentials_context *context, int cancel_fd, struct imds *out, struct error *e);
/* What stands at `path` below /latest/meta-data/. `answer` is wiped by its owner's deinit if he says so. ENOENT: it
 * says that there is no such thing. */
int imds_get(struct imds *imds, const char *path, struct buf *answer, struct error *e);
/* Idempotent. */
void imds_close(struct imds *imds);

#define _imds_cleanup_ __attribute__((cleanup(imds_close)))

/* All three: "placement/region". */
int imds_fetch(const struct credentials_context *context, const char *path, int cancel_fd, struct buf *answer,
	       struct error *e);
