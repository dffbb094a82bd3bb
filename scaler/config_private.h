/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "scaler/config.h"

/*
 * Between the files of the configuration.
 */

/* Ranges, and options against each other. `*option` is the row that is refused. */
int section_check(const struct scaler_section *section, size_t *option, struct error *e);
/* Compiles the key and the exclusions. A key that is no expression is left out: section->pattern is NULL. */
int section_compile(struct scaler_section *section, struct error *e);
/* EINVAL where it is no expression. */
int section_check_pattern(const struct scaler_section *section, struct error *e);
void section_deinit(struct scaler_section *section);
/* A cleared schedule of that name. NULL, with the error set, when there is no memory. */
struct scaler_schedule *section_add_schedule(struct scaler_section *section, const char *name, int line,
					     struct error *e);
int schedule_check(const struct scaler_section *section, const struct scaler_schedule *schedule, struct error *e);
