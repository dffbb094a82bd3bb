/* SPDX-License-Identifier: Apache-2.0 */
/* What stands after -o: any bytes; what was understood must be understood the same when it is written again. */
#include "aws/core/buf.h"
#include "fs/options.h"
#include "fs/settings.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void write_pairs(const struct option_pairs *pairs, struct buf *out)
{
	for (size_t i = 0; i < pairs->n; i++) {
		buf_printf(out, "%s%s=", i ? "," : "", pairs->pairs[i].spec->name);
		for (const char *at = pairs->pairs[i].value; *at; at++) {
			if (strchr(",\\\"", *at))
				buf_char(out, '\\');
			buf_char(out, *at);
		}
	}
}

static void check_again(const struct option_pairs *pairs)
{
	_buf_cleanup_ struct buf text = BUF_INIT(4 * OPTIONS_TEXT_MAX);
	struct option_pairs again = OPTION_PAIRS_NULL;

	write_pairs(pairs, &text);
	if (text.len > OPTIONS_TEXT_MAX)
		return;
	check(option_pairs_add(&again, buf_text(&text), 0, NULL) == 0);
	check(again.n == pairs->n);
	for (size_t i = 0; i < pairs->n; i++) {
		check(again.pairs[i].spec == pairs->pairs[i].spec);
		check(strcmp(again.pairs[i].value, pairs->pairs[i].value) == 0);
	}
	option_pairs_deinit(&again);
}

static void apply(const struct option_pairs *pairs)
{
	struct settings settings = { .sources = calloc(1, sizeof(struct source_settings)), .n_sources = 1 };
	struct error e = ERROR_NULL;

	for (size_t i = 0; settings.sources && i < pairs->n; i++) {
		const struct option_spec *spec = pairs->pairs[i].spec;
		void *const bases[OPTION_SCOPES] = { &settings, &settings.access, &settings, settings.sources };
		int r = option_set(spec, bases[spec->scope], pairs->pairs[i].value, &e);
		check(r <= 0 && (r == 0 || e.number == -r));
	}
	settings_deinit(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct option_pairs pairs = OPTION_PAIRS_NULL;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (option_pairs_add(&pairs, text, size % 4, NULL) == 0) {
		check_again(&pairs);
		apply(&pairs);
	}
	option_pairs_deinit(&pairs);
	free(text);
	return 0;
}
