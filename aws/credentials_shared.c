/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/buf.h"
#include "aws/core/ini.h"
#include "aws/credentials.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In order of precedence. https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html */
static const struct shared_file {
	const char *variable;
	const char *usual;
	bool prefixed; /* sections are `[profile NAME]`, but for `[default]` */
} files[] = {
	{ "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", false },
	{ "AWS_CONFIG_FILE", "~/.aws/config", true },
};

enum { N_FILES = sizeof(files) / sizeof(files[0]), HOME_ROOM = 16 << 10 };

/* One of the files, read. */
struct shared {
	struct buf path;
	struct ini ini;
	const char *section; /* of the profile, NULL if the file does not have it */
};

static void shared_deinit(struct shared *shared)
{
	ini_deinit(&shared->ini);
	buf_deinit(&shared->path);
}

#define _shared_cleanup_ __attribute__((cleanup(shared_deinit)))
#define SHARED_NULL ((struct shared){ .path = BUF_INIT(PATH_MAX) })

/* The profile that somebody asked for by name, NULL: nobody did. */
static const char *named_profile(const struct credentials_context *context)
{
	return context->profile ? context->profile : credentials_getenv(context, "AWS_PROFILE");
}

static const char *profile_name(const struct credentials_context *context)
{
	const char *named = named_profile(context);

	return named ? named : "default";
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

static void file_path(const struct credentials_context *context, const struct shared_file *file, struct buf *path)
{
	const char *said = credentials_getenv(context, file->variable);

	if (!said)
		said = file->usual;
	if (strncmp(said, "~/", 2) == 0) {
		append_home(context, path);
		said++;
	}
	buf_str(path, said);
}

/* The AWS CLI splits a header as a shell would: a name with a blank in it stands in quotes. */
static bool names(const char *text, const char *profile)
{
	size_t len = strlen(profile);

	if (*text != '"' && *text != '\'')
		return strcmp(text, profile) == 0;
	return strncmp(text + 1, profile, len) == 0 && text[len + 1] == *text && !text[len + 2];
}

static const char *find_section(const struct ini *ini, bool prefixed, const char *profile)
{
	const char *found = NULL;

	for (size_t i = 0; i < ini->n_sections; i++) {
		const char *section = ini->sections[i].name;
		size_t prefix = strlen("profile"), blanks = 0;
		if (prefixed && strncmp(section, "profile", prefix) == 0)
			blanks = strspn(section + prefix, " \t");
		if (blanks && names(section + prefix + blanks, profile))
			return section;
		if ((!prefixed || strcmp(profile, "default") == 0) && names(section, profile))
			found = section;
	}
	return found;
}

/* A file that does not exist is one without sections. */
static int read_shared(const struct credentials_context *context, const struct shared_file *file, struct shared *shared,
		       struct error *e)
{
	file_path(context, file, &shared->path);
	if (buf_error(&shared->path) < 0)
		return error_set(e, EINVAL, "%s names a file whose path is too long", file->variable);
	struct error why = ERROR_NULL;
	int result = ini_load(&ini_aws, buf_text(&shared->path), &shared->ini, &why);
	if (result < 0 && result != -ENOENT)
		return error_set(e, why.number, "%s", why.text);
	shared->section = find_section(&shared->ini, file->prefixed, profile_name(context));
	return 0;
}

static const char *setting_of(const struct shared *shared, const char *name)
{
	const char *value = shared->section ? ini_get(&shared->ini, shared->section, name) : NULL;

	return value && *value ? value : NULL;
}

/* Asks `look` about each file in turn, until it says something else than -ENOENT. `what` names what is looked for. */
static int search(const struct credentials_context *context, const char *what,
		  int (*look)(const struct shared *shared, void *data, struct error *e), void *data, struct error *e)
{
	_buf_cleanup_ struct buf looked = BUF_INIT(N_FILES * (PATH_MAX + 8));
	const char *named = named_profile(context);
	bool known = false;

	for (size_t i = 0; i < N_FILES; i++) {
		_shared_cleanup_ struct shared shared = SHARED_NULL;
		int result = read_shared(context, &files[i], &shared, e);
		if (result < 0)
			return result;
		result = look(&shared, data, e);
		if (result != -ENOENT)
			return result;
		known |= shared.section != NULL;
		buf_printf(&looked, "%s%s", i ? " or " : "", buf_text(&shared.path));
	}
	if (named && !known)
		return error_set(e, EACCES, "there is no profile \"%s\" in %s: add it or name another", named,
				 buf_text(&looked));
	return error_set(e, ENOENT, "there is no %s for profile \"%s\" in %s", what, profile_name(context),
			 buf_text(&looked));
}

struct setting {
	const char *name;
	char *value;
};

static int look_for_setting(const struct shared *shared, void *data, struct error *e)
{
	struct setting *setting = data;
	const char *value = setting_of(shared, setting->name);

	if (!value)
		return -ENOENT;
	setting->value = strdup(value);
	return setting->value ? 0 : error_no_memory(e);
}

int credentials_profile_setting(const struct credentials_context *context, const char *setting, char **value,
				struct error *e)
{
	struct setting wanted = { .name = setting };
	int result = search(context, setting, look_for_setting, &wanted, e);

	if (result == 0)
		*value = wanted.value;
	return result;
}

/* Keys of one file are never completed with those of the other. */
static int look_for_keys(const struct shared *shared, void *data, struct error *e)
{
	const char *id = setting_of(shared, "aws_access_key_id");
	const char *secret = setting_of(shared, "aws_secret_access_key");
	const char *token = setting_of(shared, "aws_session_token");

	if (!id && !secret)
		return -ENOENT;
	if (!id || !secret)
		return error_set(e, EACCES, "[%s] in %s has no %s: add it", shared->section, buf_text(&shared->path),
				 id ? "aws_secret_access_key" : "aws_access_key_id");
	int result = credentials_make(credentials_shared.name, id, secret, token, data, e);
	return result < 0 ? error_context(e, "[%s] in %s", shared->section, buf_text(&shared->path)) : 0;
}

static int fetch(const struct credentials_context *context, struct credentials *out, struct error *e)
{
	return search(context, "access key", look_for_keys, out, e);
}

const struct credentials_provider credentials_shared = { .name = "shared files", .fetch = fetch };
