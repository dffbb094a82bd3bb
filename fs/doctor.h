/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "fs/config.h"

#include <stdio.h>

/*
 * Looks at all that a mount would use, in the order in which it would, and changes nothing: the configuration, this
 * machine, and each source down to what its credentials may do. Writing is tried with conditions that cannot hold.
 *
 * One line a check goes to `out`: a tick and what is there, a cross and what to do, or a dash for what does not matter
 * here. What another check's cross makes meaningless is left out, and named in one line. No line shows a key.
 */
struct doctor_request {
	const struct config_request *config;
	const char *mountpoint; /* NULL: none was named */
	struct clock *clock;
	FILE *out;
};

/* Returns the number of crosses. */
int doctor_run(const struct doctor_request *request);
