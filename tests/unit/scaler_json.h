/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <math.h>
#include <stdbool.h>

/* Equal as Python sees it: 1 and 1.0 are the same. */
static inline bool json_same(json_t *a, json_t *b)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_object(a)) {
		json_object_foreach(a, key, value)
		{
			if (!json_object_get(b, key) || !json_same(value, json_object_get(b, key)))
				return false;
		}
		return json_object_size(a) == json_object_size(b);
	}
	if (!json_is_array(a))
		return json_equal(a, b);
	json_array_foreach(a, i, value)
	{
		if (i >= json_array_size(b) || !json_same(value, json_array_get(b, i)))
			return false;
	}
	return json_array_size(a) == json_array_size(b);
}
