/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What this process holds in memory is nobody else's from here on: no core file, no debugger of the same user. It lasts
 * until exec. */
void secret_hide_memory(void);

/* Overwrites and frees a string, which becomes NULL. */
void secret_wipe(char **text);
