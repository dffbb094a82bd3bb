/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_profile.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html */
static const struct shared_file {
	const char *variable;
	const char *usual;
	bool prefixed; /* sections are `[profile NAME]`, but for `[default]` */
} shared_files[PROFILE_FILES] = {
	[PROFILE_CREDENTIALS] = { "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", false },
	[PROFILE_CONFIG] = { "AWS_CONFIG_FILE", "~/.aws/config", true },
};

enum { HOME_ROOM = 16 << 10 };

/* The profile that somebody asked for by name, NULL: nobody did. */
static const char *named_profile(const struct credentials_context *context)
{
	return context->profile ? context->profile : credentials_getenv(context, "AWS_PROFILE");
}

/* Services often run without HOME. */
static void append_home(const struct credentials_context *context, struct buf *path)
{
	char room[HOME_ROOM];
	struct passwd entry, *found = NULL;
	const char *home = credentials_getenv(context, "HOME");

	if (!home && getpwuid_r(getuid(), &entry, room, sizeof(room), &found) == 0 && found)
		home = found->pw_dir;
	buf_str(path, home ? home : "");
}

void credentials_path(const struct credentials_context *context, const char *path, struct buf *out)
{
	if (strncmp(path, "~/", 2) == 0) {
		append_home(context, out);
		path++;
	}
	buf_str(out, path);
}

/* The AWS CLI splits a header as a shell would: a name with a blank in it stands in quotes. */
static bool names(const char *text, const char *name)
{
	size_t len = strlen(name);

	if (*text != '"' && *text != '\'')
		return strcmp(text, name) == 0;
	return strncmp(text + 1, name, len) == 0 && text[len + 1] == *text && !text[len + 2];
}

/* `[KIND NAME]` */
static const char *find_section(const struct ini *ini, const char *kind, const char *name)
{
	size_t prefix = strlen(kind);

	for (size_t i = 0; i < ini->n_sections; i++) {
		const char *section = ini->sections[i].name;
		size_t blanks = strncmp(section, kind, prefix) == 0 ? strspn(section + prefix, " \t") : 0;
		if (blanks && names(section + prefix + blanks, name))
			return section;
	}
	return NULL;
}

/* `[NAME]`: the last spelling of several. */
static const char *find_bare_section(const struct ini *ini, const char *name)
{
	for (size_t i = ini->n_sections; i-- > 0;) {
		if (names(ini->sections[i].name, name))
			return ini->sections[i].name;
	}
	return NULL;
}

static int load_file(const struct credentials_context *context, const struct shared_file *shared, const char *profile,
		     struct profile_file *out, struct error *e)
{
	const char *said = credentials_getenv(context, shared->variable);
	struct error why = ERROR_NULL;

	out->path = BUF_INIT(PATH_MAX);
	credentials_path(context, said ? said : shared->usual, &out->path);
	if (buf_error(&out->path) < 0)
		return error_set(e, EINVAL, "%s names a file whose path is too long", shared->variable);
	int result = ini_load(&ini_aws, buf_text(&out->path), &out->ini, &why);
	if (result < 0 && result != -ENOENT)
		return error_set(e, why.number, "%s", why.text);
	if (shared->prefixed)
		out->section = find_section(&out->ini, "profile", profile);
	if (!out->section && (!shared->prefixed || strcmp(profile, "default") == 0))
		out->section = find_bare_section(&out->ini, profile);
	return 0;
}

int profile_load(const struct credentials_context *context, struct profile *out, struct error *e)
{
	const char *named = named_profile(context);
	_profile_cleanup_ struct profile loaded = { .name = named ? named : "default" };

	for (size_t i = 0; i < PROFILE_FILES; i++) {
		int result = load_file(context, &shared_files[i], loaded.name, &loaded.files[i], e);
		if (result < 0)
			return result;
	}
	if (named && !profile_exists(&loaded))
		return error_set(e, EACCES, "there is no profile \"%s\" in %s or %s: add it or name another", named,
				 buf_text(&loaded.files[PROFILE_CREDENTIALS].path),
				 buf_text(&loaded.files[PROFILE_CONFIG].path));
	*out = loaded;
	loaded = PROFILE_NULL;
	return 0;
}

void profile_deinit(struct profile *profile)
{
	for (size_t i = 0; i < PROFILE_FILES; i++) {
		ini_deinit(&profile->files[i].ini);
		buf_deinit(&profile->files[i].path);
	}
	*profile = PROFILE_NULL;
}

bool profile_exists(const struct profile *profile)
{
	return profile->files[PROFILE_CREDENTIALS].section || profile->files[PROFILE_CONFIG].section;
}

static const char *value_of(const struct ini *ini, const char *section, const char *name)
{
	const char *value = section ? ini_get(ini, section, name) : NULL;

	return value && *value ? value : NULL;
}

const char *profile_get_from(const struct profile *profile, enum profile_file_kind kind, const char *name)
{
	const struct profile_file *file = &profile->files[kind];

	return value_of(&file->ini, file->section, name);
}

const char *profile_get(const struct profile *profile, const char *name)
{
	const char *value = profile_get_from(profile, PROFILE_CREDENTIALS, name);

	return value ? value : profile_get_from(profile, PROFILE_CONFIG, name);
}

const char *profile_get_other(const struct profile *profile, const char *kind, const char *section, const char *name)
{
	const struct ini *ini = &profile->files[PROFILE_CONFIG].ini;

	return value_of(ini, find_section(ini, kind, section), name);
}

/* A copy of `len` bytes, or the refusal that there are none. */
static int give(const struct profile *profile, const char *what, const char *value, size_t len, char **out,
		struct error *e)
{
	if (!value)
		return error_set(e, ENOENT, "there is no %s for profile \"%s\" in %s or %s", what, profile->name,
				 buf_text(&profile->files[PROFILE_CREDENTIALS].path),
				 buf_text(&profile->files[PROFILE_CONFIG].path));
	char *copy = strndup(value, len);
	if (!copy)
		return error_no_memory(e);
	*out = copy;
	return 0;
}

int credentials_profile_setting(const struct credentials_context *context, const char *setting, char **value,
				struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	int result = profile_load(context, &profile, e);

	if (result < 0)
		return result;
	const char *found = profile_get(&profile, setting);
	return give(&profile, setting, found, found ? strlen(found) : 0, value, e);
}

/* In a value of several lines, "NAME = VALUE" each, those of one name: where it begins, and its length. */
static const char *nested_value(const char *lines, const char *name, size_t *len)
{
	static const char blanks[] = " \t";

	while (lines && *lines) {
		size_t line = strcspn(lines, "\n"), start = strspn(lines, blanks),
		       word = strcspn(lines + start, " \t=\n");
		const char *at = lines + start + word;
		at += strspn(at, blanks);
		if (word == strlen(name) && strncasecmp(lines + start, name, word) == 0 && *at == '=') {
			at += 1 + strspn(at + 1, blanks);
			*len = (size_t)(lines + line - at);
			return *len ? at : NULL;
		}
		lines += line + (lines[line] == '\n');
	}
	return NULL;
}

int credentials_service_setting(const struct credentials_context *context, const char *service, const char *setting,
				char **value, struct error *e)
{
	_profile_cleanup_ struct profile profile = PROFILE_NULL;
	const char *lines = NULL;
	size_t len = 0;
	int result = profile_load(context, &profile, e);

	if (result < 0)
		return result;
	const char *services = profile_get(&profile, "services");
	if (services && !find_section(&profile.files[PROFILE_CONFIG].ini, "services", services))
		return error_set(e, EINVAL,
				 "profile \"%s\" has services = %.64s, and there is no [services %.64s] in %s",
				 profile.name, services, services, buf_text(&profile.files[PROFILE_CONFIG].path));
	if (services)
		lines = profile_get_other(&profile, "services", services, service);
	const char *found = nested_value(lines, setting, &len);
	return give(&profile, setting, found, len, value, e);
}
