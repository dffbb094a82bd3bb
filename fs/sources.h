/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"

/* The sources that a mount's settings name, with their stores and what these stand on. Nothing is sent yet. */
int sources_make(struct mount *m, struct error *e);
/* When nobody uses them any more. Idempotent. */
void sources_free(struct mount *m);
