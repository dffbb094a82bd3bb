/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: refused with a sentence, or read into one that shows, matches and can be set to what it
 * shows. */
#include "scaler/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_section(struct scaler_section *section)
{
	for (size_t i = 0; i < scaler_option_count; i++) {
		_buf_cleanup_ struct buf text = BUF_INIT(1 << 20);
		const struct scaler_option *row = &scaler_options[i];
		if (row->scope != SCALER_SECTION)
			continue;
		require(scaler_section_get(section, row->name, &text, NULL) == 0);
		require(scaler_section_set(section, row->name, buf_text(&text), NULL) == 0);
	}
	for (int d = 0; d < DIMENSIONS; d++) {
		const struct side_options *side = &section->options.sides[d];
		require(side->least == SCALER_UNSET ||
			(side->least >= 1 && (side->most <= 0 || side->least <= side->most)));
	}
	scaler_section_matches(section, "a_table");
	scaler_section_scheduled(section, 1736121600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scaler_config_request request = { .file = "FILE", .strict = size % 2 };
	struct scaler_config config = SCALER_CONFIG_NULL;
	_buf_cleanup_ struct buf shown = BUF_INIT(64 << 20);
	struct error e = ERROR_NULL;

	if (scaler_config_parse(&request, (const char *)data, size, NULL, &config, &e) < 0) {
		require(e.number && strncmp(e.text, "FILE:", 5) == 0);
		return 0;
	}
	scaler_config_show(&config, &shown);
	for (size_t i = 0; i < config.n_tables && i < 4; i++)
		check_section(&config.tables[i]);
	scaler_config_deinit(&config);
	return 0;
}
