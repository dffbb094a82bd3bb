/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/target.h"

const struct target_row target_rows[TARGET_KINDS] = {
	[TARGET_TABLE] = { "table", "[table: KEY]" },
	[TARGET_INDEX] = { "GSI", "[gsi: KEY table: KEY]" },
};

void target_title(const struct target *target, struct buf *out)
{
	buf_str(out, target->table);
	if (target->index)
		buf_printf(out, " - GSI: %s", target->index);
}
