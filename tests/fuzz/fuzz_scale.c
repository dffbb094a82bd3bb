/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a scale: refused, or ascending, answering within its values, and written so that it reads back the same.
 */
#include "scaler/scale.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool holds_value(const struct scale *scale, double value)
{
	bool found = value == 0;

	for (size_t i = 0; i < scale->n; i++)
		found |= scale->steps[i].value == value;
	return found;
}

static void check(const struct scale *scale)
{
	_buf_cleanup_ struct buf text = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct scale copy = SCALE_NULL;

	for (size_t i = 0; i < scale->n; i++)
		require(i == 0 || scale->steps[i - 1].key <= scale->steps[i].key);
	require(holds_value(scale, scale_up(scale, 50)) && holds_value(scale, scale_down(scale, 50)));
	scale_format(scale, false, &text);
	require(scale_parse(buf_text(&text), &copy, NULL) == 0 && copy.n == scale->n);
	scale_format(&copy, false, &again);
	require(strcmp(buf_text(&text), buf_text(&again)) == 0);
	scale_deinit(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scale scale = SCALE_NULL;
	struct error e = ERROR_NULL;
	char *text = strndup((const char *)data, size);

	if (scale_parse(text, &scale, &e) == 0)
		check(&scale);
	else
		require(e.number && *e.text);
	scale_deinit(&scale);
	free(text);
	return 0;
}
