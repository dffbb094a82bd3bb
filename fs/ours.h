/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/view.h"

/*
 * What was done through this mount while the kernel still had something to be told: the notifier sees it as one more
 * difference, but the kernel has raised its inotify events already. A map from paths to what was made of them.
 */
void ours_add_locked(struct view *view, const struct fact *done);
/* The kernel has the newest version of this value, for it wrote it itself, although it is still being told of others.
 * Whoever wrote it is shown it at once. */
void ours_known_locked(struct view *view, const struct fact *done);
bool ours_is_known_locked(const struct view *view, const struct folder *folder, const struct entry *entry);
/* Whether that is all there is to the difference. */
bool ours_has(const struct idmap *ours, const struct difference *difference);
