/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Lists with commas between, as options hold them.
 */
#define LIST_BLANKS " \t\r\n\v\f"

/* The length of the next entry; `*list` is moved behind its comma, NULL after the last. */
size_t list_next(const char **list, const char **entry);
/* The length without blanks at either end; `*text` is moved behind the first. */
size_t list_trim(const char **text, size_t len);
/* The same two in one. */
size_t list_next_trimmed(const char **list, const char **entry);
