/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"
#include "fs/call.h"
#include "fs/state.h"

/*
 * What is counted, and .control/metrics, the text of it for Prometheus. The counters have a lock of their own,
 * "counters", which may be taken with the state lock held; so everything here may be called from anywhere.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
struct metrics;

struct metrics *metrics_new(void); /* NULL: no memory */
void metrics_free(struct metrics *metrics);

/* One request of the kernel. A NULL object counts nothing. */
void metrics_call(struct metrics *metrics, enum call_kind kind);

/* One call of a service, for client_config.observe: `data` is the object, also NULL. */
void metrics_request(void *data, const char *operation, const struct client_outcome *outcome, int result,
		     int64_t nanoseconds);

void metrics_show_locked(const struct mount *m, struct buf *out);
