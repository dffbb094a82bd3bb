/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, in both dialects: refused with a sentence, or read into a file that answers for all that it lists. */
#include "aws/core/ini.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(int holds)
{
	if (!holds)
		abort();
}

static void check(const struct ini *ini)
{
	for (size_t i = 0; i < ini->n_sections; i++) {
		require(*ini->sections[i].name);
		require(i == 0 || ini->sections[i - 1].line < ini->sections[i].line);
	}
	/* Each look-up walks the file: a few of them tell as much as all. */
	for (size_t i = 0; i < ini->n_entries; i += 1 + ini->n_entries / 64) {
		const struct ini_entry *entry = &ini->entries[i];
		require(*entry->name && !strchr(entry->name, '\n') && !strchr(entry->section, '\n'));
		require(entry->value >= ini->text && entry->value + strlen(entry->value) <= ini->text + ini->len);
		require(ini_get(ini, entry->section, entry->name) >= entry->value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ini_dialect *const dialects[] = { &ini_python, &ini_aws };

	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		_ini_cleanup_ struct ini ini = INI_NULL;
		struct error e = ERROR_NULL;
		if (ini_parse(dialects[i], "FILE", (const char *)data, size, &ini, &e) == 0)
			check(&ini);
		else
			require(e.number && strncmp(e.text, "FILE:", 5) == 0);
	}
	return 0;
}
