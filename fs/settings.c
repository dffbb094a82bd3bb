/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/settings.h"

#include "aws/core/secret.h"

#include <stdlib.h>
#include <string.h>

static void source_deinit(struct source_settings *source)
{
	free(source->name);
	free(source->source);
	free(source->target);
	free(source->region);
	free(source->endpoint_url);
	secret_wipe(&source->access_key_id);
	secret_wipe(&source->secret_access_key);
	secret_wipe(&source->session_token);
	free(source->store_key);
	free(source->option_key);
	free(source->key_attribute);
	free(source->value_attribute);
	for (char **store = source->stores; store && *store; store++)
		free(*store);
	free(source->stores);
}

void settings_deinit(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_sources; i++)
		source_deinit(&settings->sources[i]);
	for (size_t i = 0; i < settings->n_stores; i++)
		free(settings->stores[i].name);
	free(settings->stores);
	free(settings->sources);
	free(settings->mountpoint);
	free(settings->shown);
	free(settings->file);
	free(settings->default_source);
	free(settings->log_file);
	*settings = SETTINGS_NULL;
}

void access_finish(struct access *access)
{
	mode_t search = (access->mode & 0444) >> 2;

	access->dir_mode = (access->mode | search) & ~access->umask;
	access->mode &= ~access->umask;
}

/* What is set in `over` goes before what is in `access`. */
static void access_lay(struct access *access, const struct access *over)
{
	const struct access unset = ACCESS_UNSET;

	access->uid = over->uid == unset.uid ? access->uid : over->uid;
	access->gid = over->gid == unset.gid ? access->gid : over->gid;
	access->mode = over->mode == unset.mode ? access->mode : over->mode;
	access->umask = over->umask == unset.umask ? access->umask : over->umask;
}

struct access settings_access(const struct settings *settings, const struct source_settings *source, const char *store)
{
	struct access access = source->access;

	for (size_t i = 0; i < settings->n_stores; i++) {
		if (strcmp(settings->stores[i].name, store) == 0)
			access_lay(&access, &settings->stores[i].access);
	}
	access_finish(&access);
	return access;
}

void settings_mount_options(const struct settings *s, struct buf *out)
{
	buf_printf(out, "default_permissions,nosuid,nodev,noexec,subtype=dynconf,fsname=");
	for (const char *at = s->shown; *at; at++) {
		if (*at == ',' || *at == '\\')
			buf_char(out, '\\');
		buf_char(out, *at);
	}
	if (s->allow_other)
		buf_str(out, ",allow_other");
	if (s->read_only)
		buf_str(out, ",ro");
}
