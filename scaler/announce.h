/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "scaler/policy.h"
#include "scaler/target.h"

#include <stdbool.h>

/*
 * The announcements' texts, which people filter on: as the original wrote them.
 */
struct announcement {
	unsigned types;    /* bits 1 << enum message_type; 0: there is nothing to say */
	char subject[640]; /* names have at most 255 bytes */
	struct buf body;   /* lines, each with its newline */
};

#define ANNOUNCEMENT_NULL ((struct announcement){ .body = { .max = 4096 } })

/* At most one message: the high alarm, else the low one. */
void announce_alarm(const struct target *target, const struct section_options *options,
		    const struct policy_decision *decision, struct announcement *out);
/* After an UpdateTable that succeeded. */
void announce_change(const struct target *target, struct units before, struct units after, struct announcement *out);
/* Whether the section wants it: a topic, and one of the types subscribed. */
bool announce_wanted(const struct announcement *announcement, const struct section_options *options);
/* Idempotent. */
void announcement_deinit(struct announcement *announcement);

#define _announcement_cleanup_ __attribute__((cleanup(announcement_deinit)))
