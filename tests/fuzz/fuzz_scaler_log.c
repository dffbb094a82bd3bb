/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the arguments of a handler, and as a line's format: refused with a sentence, or within its bounds. */
#include "scaler/log_args.h"
#include "scaler/log_format.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_args(const char *text)
{
	struct error e = ERROR_NULL;
	struct log_args args;

	if (log_args_parse(text, &args, &e) < 0) {
		require(e.number && *e.text);
		return;
	}
	require(args.n <= LOG_ARGS_MAX);
	for (size_t i = 0; i < args.n; i++) {
		require(memchr(args.args[i].text, '\0', sizeof(args.args[i].text)) != NULL);
		require(args.args[i].kind != LOG_ARG_PAIR || (args.args[i].number > 0 && args.args[i].number < 65536));
	}
}

static void check_format(const char *text)
{
	const struct log_record record = { LOG_LEVEL_ERROR, "message", 1, 0 };
	_buf_cleanup_ struct buf line = BUF_INIT(1 << 16);
	struct error e = ERROR_NULL;

	if (log_format_check(text, &e) < 0)
		require(e.number && *e.text);
	else
		log_format_write(&line, text, NULL, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	check_args(text);
	check_format(text);
	free(text);
	return 0;
}
