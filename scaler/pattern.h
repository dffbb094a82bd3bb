/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stdbool.h>

/*
 * Keys of sections: Python regular expressions, matched from a name's first byte on, through PCRE2. What differs in
 * syntax is translated; the work for one match is bounded.
 */
struct pattern;

/* EINVAL with what is wrong and where. */
int pattern_new(const char *expression, struct pattern **pattern, struct error *e);
void pattern_free(struct pattern *pattern);
/* Case-sensitive. A match that exceeds the bound is none. Callable from any thread. */
bool pattern_matches(const struct pattern *pattern, const char *name);
