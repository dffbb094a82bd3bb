/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/dimension.h"

/* https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html */
const struct dimension_row dimension_rows[DIMENSIONS] = {
	{ "reads", "read", "Reads", "Read", "ConsumedReadCapacityUnits", "ReadThrottleEvents", "ReadCapacityUnits" },
	{ "writes", "write", "Writes", "Write", "ConsumedWriteCapacityUnits", "WriteThrottleEvents",
	  "WriteCapacityUnits" },
};
