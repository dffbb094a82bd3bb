/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte picks the status, the rest is the body of an answer. */
#include "aws/errors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 400, 403, 404, 413, 429, 500, 503, 302 };
	struct http_response response = HTTP_RESPONSE_NULL(1 << 20);
	struct aws_error_answer out;

	if (size == 0)
		return 0;
	response.status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
	if (data[0] & 0x80)
		snprintf(response.error_type, sizeof(response.error_type), "%.*s", (int)(size - 1),
			 (const char *)data + 1);
	buf_append(&response.body, data + 1, size - 1);
	aws_error_decode(&response, &out);
	if (!out.row || out.row->number <= 0 || !memchr(out.code, 0, sizeof(out.code)) ||
	    !memchr(out.message, 0, sizeof(out.message)) || !memchr(out.reasons, 0, sizeof(out.reasons)))
		abort();
	for (const char *c = out.message; *c; c++) {
		if ((unsigned char)*c < 32)
			abort();
	}
	http_response_deinit(&response);
	return 0;
}
