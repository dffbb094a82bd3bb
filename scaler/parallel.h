/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Calls work(data, i) once for each i below n, on at most `threads` threads, this one among them; returns when all are
 * done. Fewer threads do where no more can be had. */
void parallel(size_t n, size_t threads, void (*work)(void *data, size_t i), void *data);
