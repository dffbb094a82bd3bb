/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/layout.h"

static const struct layout layouts[LAYOUT_KINDS] = {
	[LAYOUT_OPTIONS] = {
		.name = "options",
		.folders = "options",
		.no_folder_inside = "an option has no directories: stores hold options, options keys",
		.no_value_at_top = "keys are in options: make a directory first",
		.at_root = NAME_AT_ROOT,
		.at_top = NAME_ANYWHERE,
		.inside = NAME_ANYWHERE,
	},
	[LAYOUT_PATH] = {
		.name = "path",
		.folders = "directories",
		.one_store = true,
		.item_is_key = true,
		.strings = true,
		.at_root = NAME_AT_PATH_ROOT,
		.at_top = NAME_AT_PATH_TOP,
		.inside = NAME_IN_PATH,
	},
};

const struct layout *layout_of(enum layout_kind kind)
{
	return &layouts[kind];
}

enum name_place layout_names(const struct source_settings *source, const char *folder)
{
	const struct layout *layout = layout_of(source->layout);

	if (*folder)
		return layout->inside;
	return source->root == ROOT_YES ? layout->at_root : layout->at_top;
}

const char *layout_refusal(const struct layout *layout, const char *folder, enum entry_kind kind)
{
	if (kind == ENTRY_FOLDER)
		return *folder ? layout->no_folder_inside : NULL;
	return *folder ? NULL : layout->no_value_at_top;
}
