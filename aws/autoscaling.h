/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"

/*
 * What AWS itself scales, on a client of the service "application-autoscaling" (AWS JSON 1.1).
 * https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalableTargets.html
 */
struct autoscaling_target {
	char resource[544]; /* "table/NAME" or "table/NAME/index/INDEX" */
	char dimension[64]; /* "dynamodb:table:ReadCapacityUnits", "dynamodb:index:WriteCapacityUnits", … */
	int64_t min, max;   /* units */
};

struct autoscaling_targets {
	struct autoscaling_target *items; /* owned */
	size_t n;
};

#define AUTOSCALING_TARGETS_NULL ((struct autoscaling_targets){ 0 })

/* DescribeScalableTargets of the namespace dynamodb, all pages: of these resources, or of all when `n` is 0. What `out`
 * had before is replaced on success; a resource that AWS does not scale is in no item. */
int autoscaling_describe_targets(struct client *client, struct client_frame *frame, const char *const *resources,
				 size_t n, struct autoscaling_targets *out, struct error *e);
/* Idempotent. */
void autoscaling_targets_deinit(struct autoscaling_targets *targets);

#define _autoscaling_targets_cleanup_ __attribute__((cleanup(autoscaling_targets_deinit)))
