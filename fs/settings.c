/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/settings.h"

#include <stdlib.h>

static void source_deinit(struct source_settings *source)
{
	free(source->name);
	free(source->source);
	free(source->target);
	free(source->region);
	free(source->endpoint_url);
	free(source->store_key);
	free(source->option_key);
	for (char **store = source->stores; store && *store; store++)
		free(*store);
	free(source->stores);
}

void settings_deinit(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_sources; i++)
		source_deinit(&settings->sources[i]);
	free(settings->sources);
	free(settings->mountpoint);
	free(settings->shown);
	free(settings->default_source);
	free(settings->log_file);
	*settings = SETTINGS_NULL;
}
