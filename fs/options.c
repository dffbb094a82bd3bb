/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/options.h"

#include "aws/core/buf.h"
#include "aws/core/clock.h"
#include "aws/core/secret.h"
#include "fs/settings.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define GLOBAL(field) OPTION_GLOBAL, offsetof(struct settings, field)
#define ACCESS(field) OPTION_ACCESS, offsetof(struct access, field)
#define LOGGING(field) OPTION_LOGGING, offsetof(struct settings, field)
#define SOURCE(field) OPTION_SOURCE, offsetof(struct source_settings, field)
#define YEAR (365 * 86400 * CLOCK_SECOND)
#define UNITS_MAX INT64_C(1000000000)

/* clang-format off */
const struct option_spec option_table[] = {
	/* name, place, type, default, values, help, least, most */
	{ "default-source", GLOBAL(default_source), OPTION_TEXT, NULL, "NAME", "the source that mkdir at the root goes to; else the first" },
	{ "ro", GLOBAL(read_only), OPTION_BOOL, NULL, "no|yes", "nothing can be written" },
	{ "rw", GLOBAL(read_only), OPTION_BOOL, NULL, "yes|no", "the opposite of ro, and the default" },
	{ "allow-other", GLOBAL(allow_other), OPTION_BOOL, NULL, "no|yes", "other users may use the mount; yes where root mounts" },
	{ "control", GLOBAL(control), OPTION_WORD, "hidden", "hidden|listed|off", "whether .control is there, and in listings of the root" },
	{ "commit", GLOBAL(commit), OPTION_WORD, "close", "close|write", "store a changed file when it is closed, or in every write(2)" },
	{ "values", GLOBAL(values), OPTION_WORD, "rw", "rw|ro", "ro: only .control can be written, and what was read once is read again without the daemon" },
	{ "watch", GLOBAL(watch), OPTION_BOOL, "no", "no|yes", "raise inotify events for changes made elsewhere" },
	{ "scaler", GLOBAL(scaler), OPTION_BOOL, "no", "no|yes", "scale the DynamoDB tables of the file's sections [table: KEY]; on one host only" },
	{ "uid", ACCESS(uid), OPTION_ID, NULL, "NUMBER", "the owner of all files; else whoever mounts" },
	{ "gid", ACCESS(gid), OPTION_ID, NULL, "NUMBER", "their group" },
	{ "group", ACCESS(gid), OPTION_GROUP, NULL, "NAME", "their group, by its name" },
	{ "mode", ACCESS(mode), OPTION_MODE, NULL, "OCTAL", "permissions of files: 0644 where root mounts, else 0600; directories get search where reading is" },
	{ "umask", ACCESS(umask), OPTION_MODE, NULL, "OCTAL", "permissions taken off files and directories" },
	{ "log-file", LOGGING(log_file), OPTION_TEXT, NULL, "FILE", "append the log to this file; else stderr with -f, and syslog without" },
	{ "log-level", LOGGING(log_level), OPTION_WORD, "info", "debug|info|warning|error", "the least important lines that are logged" },
	{ "source", SOURCE(source), OPTION_TEXT, NULL, "SOURCE", "local, local:FILE or dynamodb:TABLE" },
	{ "layout", SOURCE(layout), OPTION_WORD, "options", "options|path", "how items become files: store/option/key, or keys that are slash-separated paths, as confd has them" },
	{ "region", SOURCE(region), OPTION_TEXT, NULL, "NAME", "AWS region; else AWS_REGION or AWS_DEFAULT_REGION" },
	{ "endpoint-url", SOURCE(endpoint_url), OPTION_TEXT, NULL, "URL", "server to talk to; else AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL or the region's own" },
	{ "aws-access-key-id", SOURCE(access_key_id), OPTION_KEY, NULL, "KEY", "only in the file; else keys are found as the AWS CLI finds them" },
	{ "aws-secret-access-key", SOURCE(secret_access_key), OPTION_KEY, NULL, "SECRET", "only in the file: the access key's secret" },
	{ "aws-secret-access-key-id", SOURCE(secret_access_key), OPTION_KEY, NULL, "SECRET", "the same, as Dynamic DynamoDB spells it" },
	{ "aws-session-token", SOURCE(session_token), OPTION_KEY, NULL, "TOKEN", "only in the file: of keys that are temporary" },
	{ "store-key", SOURCE(store_key), OPTION_TEXT, "_store", "NAME", "hash key of the table: the store" },
	{ "option-key", SOURCE(option_key), OPTION_TEXT, "_option", "NAME", "range key of the table: the option" },
	{ "key-attribute", SOURCE(key_attribute), OPTION_TEXT, "key", "NAME", "path layout, hash key of the table: the path" },
	{ "value-attribute", SOURCE(value_attribute), OPTION_TEXT, "value", "NAME", "path layout: the attribute that is the file" },
	{ "root", SOURCE(root), OPTION_WORD, "auto", "auto|no|yes", "path layout: show its keys at the root itself; else in a directory named as the source. auto: where it is the only source" },
	{ "stores", SOURCE(stores), OPTION_LIST, NULL, "NAMES", "only these stores, with commas between (after -o: stores=a\\,b or stores=a,stores=b); else all" },
	{ "ttl", SOURCE(ttl), OPTION_TIME, "300", "SECONDS", "reload this often; also 90s, 5m, 1h; 0: ask on every access", 0, YEAR },
	{ "timeout", SOURCE(timeout), OPTION_TIME, "5", "SECONDS", "how long one request may take", CLOCK_MS, 3600 * CLOCK_SECOND },
	{ "newline", SOURCE(newline), OPTION_WORD, "auto", "auto|strip|exact", "drop the final newline of a written text: of one line, of any, never" },
	{ "create", SOURCE(create), OPTION_BOOL, "yes", "no|yes", "create the table when it is missing" },
	{ "billing-mode", SOURCE(billing), OPTION_WORD, "provisioned", "provisioned|on-demand", "of a table that is created" },
	{ "read-units", SOURCE(read_units), OPTION_COUNT, "1", "NUMBER", "provisioned for a table that is created", 1, UNITS_MAX },
	{ "write-units", SOURCE(write_units), OPTION_COUNT, "1", "NUMBER", "provisioned for a table that is created", 1, UNITS_MAX },
};
/* clang-format on */

const size_t option_count = COUNT_OF(option_table);

/* What mount(8) and fstab(5) keep to themselves; patterns of fnmatch(3). The kernel gives every FUSE mount nosuid and
 * nodev, and libmount adds exec, suid and dev to `user`. */
static const char *const mount_words[] = {
	"defaults",   "auto",        "noauto",   "user",          "user=*",     "nouser",     "users",
	"owner",      "group",       "_netdev",  "nofail",        "x-*",        "X-*",        "comment=*",
	"suid",       "nosuid",      "dev",      "nodev",         "exec",       "noexec",     "sync",
	"async",      "dirsync",     "atime",    "noatime",       "diratime",   "nodiratime", "relatime",
	"norelatime", "strictatime", "lazytime", "nostrictatime", "nolazytime", "silent",     "loud",
	"iversion",   "noiversion",  "mand",     "nomand",        "loop",       "symfollow",  "nosymfollow",
};

static const char *const sections[] = {
	[OPTION_GLOBAL] = "[global]",
	[OPTION_ACCESS] = "[global], [source: NAME], [store: NAME]",
	[OPTION_LOGGING] = "[logging]",
	[OPTION_SOURCE] = "[source: NAME]",
};

const char *option_section(enum option_scope scope)
{
	return sections[scope];
}

static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if (*a != *b && !(*a == '_' && *b == '-'))
			return false;
	}
	return *a == *b;
}

const struct option_spec *option_find(const char *name)
{
	for (size_t i = 0; i < option_count; i++) {
		if (same_name(name, option_table[i].name))
			return &option_table[i];
	}
	return NULL;
}

size_t edit_distance(const char *a, const char *b)
{
	enum { WORD_MAX = 32 };
	size_t row[WORD_MAX + 1], a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t lengthen = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < lengthen ? change : lengthen;
		}
	}
	return row[b_len];
}

int option_unknown(const char *name, struct error *e)
{
	const char *closest = NULL;
	size_t best = strlen(name) / 3 + 2;

	for (size_t i = 0; i < option_count; i++) {
		size_t distance = edit_distance(name, option_table[i].name);
		if (distance < best) {
			best = distance;
			closest = option_table[i].name;
		}
	}
	if (closest)
		return error_set(e, ENOENT, "there is no option %.64s; did you mean %s?", name, closest);
	return error_set(e, ENOENT, "there is no option %.64s; `dynconf help mount` lists them", name);
}

/* The position of `word` in "a|b|c"; -1 when it is none of them. */
static int word_position(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");
		if (n == len && memcmp(words, word, n) == 0)
			return i;
		if (!words[n])
			return -1;
		words += n + 1;
	}
}

static int set_text(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	char *copy, **text = field;

	if (strpbrk(value, "\n\r\t"))
		return error_set(e, EINVAL, "%s takes one line", spec->name);
	copy = strdup(value);
	if (!copy)
		return error_no_memory(e);
	secret_wipe(text);
	*text = copy;
	return 0;
}

/* The next name of a list, trimmed and without its backslashes, into `name`, which has room for all of it. */
static const char *list_next(const char *text, char *name)
{
	char *end = name, *keep = name;

	text += strspn(text, " \t\n");
	for (; *text && *text != ','; text++) {
		bool escaped = *text == '\\' && (text[1] == ',' || text[1] == '\\');
		*end++ = *(text += escaped);
		if (escaped || !strchr(" \t\n", *text))
			keep = end;
	}
	*keep = '\0';
	return *text ? text + 1 : text;
}

static bool list_holds(char **list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], name) == 0)
			return true;
	}
	return false;
}

static void list_free(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

static int set_list(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	size_t n = 0, room = strlen(value) / 2 + 2;
	char **list = calloc(room, sizeof(*list)), *name = malloc(strlen(value) + 1);
	int r = list && name ? 0 : error_no_memory(e);

	while (r == 0 && *value) {
		value = list_next(value, name);
		if (!*name || list_holds(list, n, name))
			continue;
		list[n] = strdup(name);
		r = list[n++] ? 0 : error_no_memory(e);
	}
	if (r == 0 && n == 0)
		r = error_set(e, EINVAL, "%s needs names with commas between", spec->name);
	free(name);
	if (r < 0) {
		list_free(list);
		return r;
	}
	list_free(*(char ***)field);
	*(char ***)field = list;
	return 0;
}

static int not_a_word(const struct option_spec *spec, struct error *e)
{
	return error_set(e, EINVAL, "%s takes one of: %s", spec->name, spec->values);
}

static int set_word(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	int position = word_position(spec->values, value);

	_Static_assert(sizeof(enum log_level) == sizeof(int), "enums of settings are as large as an int");
	if (position < 0)
		return not_a_word(spec, e);
	memcpy(field, &position, sizeof(position));
	return 0;
}

static int set_bool(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	int truth = word_position("no|yes|false|true|off|on|0|1", value);

	if (truth < 0)
		return not_a_word(spec, e);
	*(bool *)field = word_position(spec->values, truth % 2 ? "yes" : "no") == 1;
	return 0;
}

static const struct time_unit {
	const char *suffix;
	int64_t ns;
} time_units[] = {
	{ "", CLOCK_SECOND },       { "s", CLOCK_SECOND },        { "ms", CLOCK_MS },
	{ "m", 60 * CLOCK_SECOND }, { "h", 3600 * CLOCK_SECOND }, { "d", 86400 * CLOCK_SECOND },
};

/* Digits only: strtoll alone would take signs and white space. Returns where they end, NULL when there are none or too
 * many. */
static const char *digits(const char *text, int base, int64_t *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*number = strtoll(text, &end, base);
	return errno ? NULL : end;
}

static int set_time(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	int64_t number, ns;
	const char *suffix = digits(value, 10, &number);

	for (size_t i = 0; suffix && i < COUNT_OF(time_units); i++) {
		if (strcmp(suffix, time_units[i].suffix) == 0 &&
		    !__builtin_mul_overflow(number, time_units[i].ns, &ns) && ns >= spec->min && ns <= spec->max) {
			*(int64_t *)field = ns;
			return 0;
		}
	}
	return error_set(e, EINVAL,
			 "%s takes whole seconds, or a number with ms, s, m, h or d; at least %lldms, at most %llds",
			 spec->name, (long long)(spec->min / CLOCK_MS), (long long)(spec->max / CLOCK_SECOND));
}

static int set_count(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	int64_t number;
	const char *end = digits(value, 10, &number);

	if (!end || *end || number < spec->min || number > spec->max)
		return error_set(e, EINVAL, "%s takes a whole number from %lld to %lld", spec->name,
				 (long long)spec->min, (long long)spec->max);
	*(int64_t *)field = number;
	return 0;
}

static int set_id(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	int64_t number;
	const char *end = digits(value, 10, &number);

	_Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t), "ids have 32 bits");
	/* (uid_t)-1 means "no change" to chown(2) and is nobody's. */
	if (!end || *end || number >= UINT32_MAX)
		return error_set(e, EINVAL, "%s takes a number; `id` shows yours", spec->name);
	*(uint32_t *)field = (uint32_t)number;
	return 0;
}

static int set_group(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	char text[4096];
	struct group group, *found = NULL;

	if (*value >= '0' && *value <= '9')
		return set_id(spec, field, value, e);
	if (getgrnam_r(value, &group, text, sizeof(text), &found) != 0 || !found)
		return error_set(e, EINVAL, "%s takes the name of a group, and there is none of that name", spec->name);
	*(gid_t *)field = found->gr_gid;
	return 0;
}

static int set_mode(const struct option_spec *spec, void *field, const char *value, struct error *e)
{
	int64_t number;
	const char *end = digits(value, 8, &number);

	if (!end || *end || number > 0777)
		return error_set(e, EINVAL, "%s takes octal permissions from 0 to 0777, such as 0640", spec->name);
	*(mode_t *)field = (mode_t)number;
	return 0;
}

static int (*const setters[OPTION_TYPES])(const struct option_spec *, void *, const char *, struct error *) = {
	[OPTION_TEXT] = set_text,   [OPTION_KEY] = set_text,  [OPTION_LIST] = set_list,   [OPTION_WORD] = set_word,
	[OPTION_BOOL] = set_bool,   [OPTION_TIME] = set_time, [OPTION_COUNT] = set_count, [OPTION_ID] = set_id,
	[OPTION_GROUP] = set_group, [OPTION_MODE] = set_mode,
};

static int needs_value(const struct option_spec *spec, struct error *e)
{
	return error_set(e, EINVAL, "%s needs a value: %s=%s", spec->name, spec->name, spec->values);
}

int option_set(const struct option_spec *spec, void *base, const char *value, struct error *e)
{
	if (!*value)
		return needs_value(spec, e);
	return setters[spec->type](spec, (char *)base + spec->offset, value, e);
}

int options_default(enum option_scope scope, void *base, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < option_count; i++) {
		if (option_table[i].scope == scope && option_table[i].fallback)
			r = option_set(&option_table[i], base, option_table[i].fallback, e);
	}
	return r;
}

static bool mounts_own(const char *piece)
{
	for (size_t i = 0; i < COUNT_OF(mount_words); i++) {
		if (fnmatch(mount_words[i], piece, 0) == 0)
			return true;
	}
	return false;
}

/* The earlier list of that name, which a later one is added to. */
static struct option_pair *earlier_list(struct option_pairs *pairs, const struct option_spec *spec)
{
	for (size_t i = 0; spec->type == OPTION_LIST && i < pairs->n; i++) {
		if (pairs->pairs[i].spec == spec)
			return &pairs->pairs[i];
	}
	return NULL;
}

static int pair_add(struct option_pairs *pairs, const struct option_spec *spec, const char *value, struct error *e)
{
	struct option_pair *grown, *earlier = earlier_list(pairs, spec);
	_buf_cleanup_ struct buf text = BUF_INIT(2 * OPTIONS_TEXT_MAX);

	if (spec->type == OPTION_KEY)
		return error_set(
			e, EINVAL,
			"%s is not taken after -o, where everybody on this machine can read it: put it into the "
			"configuration file",
			spec->name);
	if (!*value)
		return needs_value(spec, e);
	if (earlier)
		buf_printf(&text, "%s,", earlier->value);
	buf_str(&text, value);
	char *copy = buf_take(&text, NULL);
	if (!copy)
		return error_no_memory(e);
	if (earlier) {
		free(earlier->value);
		earlier->value = copy;
		return 0;
	}
	grown = realloc(pairs->pairs, (pairs->n + 1) * sizeof(*grown));
	if (!grown) {
		free(copy);
		return error_no_memory(e);
	}
	pairs->pairs = grown;
	grown[pairs->n++] = (struct option_pair){ spec, copy };
	return 0;
}

/* One piece between commas, its quotes and backslashes gone. */
static int piece_add(struct option_pairs *pairs, char *piece, unsigned flags, struct error *e)
{
	char *value;
	const struct option_spec *spec;

	if (!*piece || mounts_own(piece) || ((flags & OPTIONS_FROM_MOUNT) && strcmp(piece, "rw") == 0))
		return 0;
	value = strchr(piece, '=');
	if (value)
		*value++ = '\0';
	spec = option_find(piece);
	if (spec)
		return pair_add(pairs, spec, value ? value : spec->type == OPTION_BOOL ? "yes" : "", e);
	if (flags & OPTIONS_SLOPPY)
		return 0;
	if (!value && pairs->n && pairs->pairs[pairs->n - 1].spec->type == OPTION_LIST)
		return error_set(e, ENOENT, "there is no option %.64s; a comma inside %s= is written \\, after -o",
				 piece, pairs->pairs[pairs->n - 1].spec->name);
	return option_unknown(piece, e);
}

/* The next piece, into `piece`, which has room for all of it; NULL when a quote is left open. */
static const char *piece_next(const char *text, char *piece)
{
	bool quoted = false;

	for (; *text && (quoted || *text != ','); text++) {
		if (*text == '"') {
			quoted = !quoted;
			continue;
		}
		if (*text == '\\' && text[1] && strchr(",\\\"", text[1]))
			text++;
		*piece++ = *text;
	}
	*piece = '\0';
	return quoted ? NULL : *text ? text + 1 : text;
}

int option_pairs_add(struct option_pairs *pairs, const char *text, unsigned flags, struct error *e)
{
	size_t len = strlen(text);
	int r = 0;

	if (len > OPTIONS_TEXT_MAX)
		return error_set(e, EINVAL, "what stands after -o is too long");
	char *piece = malloc(len + 1);
	if (!piece)
		return error_no_memory(e);
	while (r == 0 && *text) {
		text = piece_next(text, piece);
		r = text ? piece_add(pairs, piece, flags, e)
			 : error_set(e, EINVAL, "a quotation mark after -o has no second one");
	}
	free(piece);
	return r;
}

void option_pairs_deinit(struct option_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		free(pairs->pairs[i].value);
	free(pairs->pairs);
	*pairs = OPTION_PAIRS_NULL;
}
