/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"

/* Appends a JSON string; bytes that are not UTF-8 become U+FFFD. */
void json_text(const char *text, struct buf *out);
