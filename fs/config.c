/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/config.h"

#include "aws/core/buf.h"
#include "aws/core/ini.h"
#include "fs/layout.h"
#include "scaler/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum section_kind {
	SECTION_DEFAULT,
	SECTION_GLOBAL,
	SECTION_LOGGING,
	SECTION_SOURCE,
	SECTION_STORE,
	SECTION_SCALER,
	SECTION_UNKNOWN
};

/* A name that ends in ':' is followed by a name of the user's. */
static const struct section_row {
	const char *name;
	enum section_kind kind;
} section_rows[] = {
	{ "DEFAULT", SECTION_DEFAULT },        { "global", SECTION_GLOBAL },    { "logging", SECTION_LOGGING },
	{ "source:", SECTION_SOURCE },         { "table:", SECTION_SCALER },    { "gsi:", SECTION_SCALER },
	{ "default_options", SECTION_SCALER }, { "schedule:", SECTION_SCALER }, { "store:", SECTION_STORE },
};

static enum section_kind section_kind(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(section_rows); i++) {
		size_t len = strlen(section_rows[i].name);
		bool open = section_rows[i].name[len - 1] == ':';
		if (strncmp(name, section_rows[i].name, len) == 0 && (open || !name[len]))
			return section_rows[i].kind;
	}
	return SECTION_UNKNOWN;
}

/* What stands behind the ':'. */
static const char *given_name(const char *section)
{
	const char *name = strchr(section, ':') + 1;

	return name + strspn(name, " \t");
}

/* Which options a section may hold. Those of a source stand in [global] too, for all sources, and Python's [DEFAULT]
 * supplies every section; but `source` itself says what a section is. */
static bool belongs(const struct option_spec *spec, enum section_kind kind)
{
	if (kind == SECTION_DEFAULT || kind == SECTION_GLOBAL)
		return (kind == SECTION_DEFAULT || spec->scope != OPTION_LOGGING) && strcmp(spec->name, "source") != 0;
	if (kind == SECTION_SOURCE || kind == SECTION_STORE)
		return spec->scope == OPTION_ACCESS || (kind == SECTION_SOURCE && spec->scope == OPTION_SOURCE);
	return spec->scope == OPTION_LOGGING;
}

static int check_section(const struct ini *ini, size_t i, bool *scaler, struct error *e)
{
	const char *name = ini->sections[i].name;
	enum section_kind kind = section_kind(name);

	*scaler |= kind == SECTION_SCALER;
	if (kind == SECTION_UNKNOWN)
		return error_set(
			e, EINVAL,
			"there is no section [%.64s]; [global], [logging], [source: NAME] and [store: NAME] are known",
			name);
	if ((kind == SECTION_SOURCE || kind == SECTION_STORE) && !*given_name(name))
		return error_set(e, EINVAL, "this section needs a name: [%s NAME]",
				 kind == SECTION_SOURCE ? "source:" : "store:");
	return 0;
}

/* What the scaler, and it alone, understands in a section that both read. */
static bool is_scalers(enum section_kind kind, const char *name)
{
	static const enum scaler_scope scopes[] = { SCALER_GLOBAL, SCALER_LOGGING, SCALER_SECTION };
	bool known = false;

	for (size_t i = 0; i < COUNT_OF(scopes); i++) {
		bool here = kind == SECTION_DEFAULT || kind == (scopes[i] == SCALER_GLOBAL    ? SECTION_GLOBAL
								: scopes[i] == SCALER_LOGGING ? SECTION_LOGGING
											      : SECTION_SCALER);
		known |= here && scaler_option_find(scopes[i], name);
	}
	return known;
}

static int check_entry(const struct ini_entry *entry, struct error *e)
{
	enum section_kind kind = section_kind(entry->section);
	const struct option_spec *spec = option_find(entry->name);

	if (kind == SECTION_SCALER || (!spec && is_scalers(kind, entry->name)))
		return 0;
	if (!spec)
		return option_unknown(entry->name, e);
	if (!belongs(spec, kind))
		return error_set(e, EINVAL, "%s belongs in %s", spec->name, option_section(spec->scope));
	return 0;
}

/* Every name in the file, also in sections that this mount does not use. */
static int check_names(const struct ini *ini, const char *file, bool *has_scaler, struct error *e)
{
	bool scaler = false;

	for (size_t i = 0; i < ini->n_sections; i++) {
		if (check_section(ini, i, &scaler, e) < 0)
			return error_context(e, "%s:%d", file, ini->sections[i].line);
	}
	for (size_t i = 0; i < ini->n_entries; i++) {
		if (check_entry(&ini->entries[i], e) < 0)
			return error_context(e, "%s:%d", file, ini->entries[i].line);
	}
	*has_scaler = scaler;
	return 0;
}

/* The options of one scope that a section sets, into `base`. */
static int apply_section(const struct ini *ini, const char *file, const char *section, enum option_scope scope,
			 void *base, struct error *e)
{
	for (size_t i = 0; i < ini->n_entries; i++) {
		const struct ini_entry *entry = &ini->entries[i];
		const struct option_spec *spec = option_find(entry->name);
		if (!spec || spec->scope != scope || strcmp(entry->section, section) != 0)
			continue;
		if (option_set(spec, base, entry->value, e) < 0)
			return error_context(e, "%s:%d", file, entry->line);
	}
	return 0;
}

/* The same for a section and those that supply it, where the later win. */
static int apply_file(const struct ini *ini, const char *file, const char *section, enum option_scope scope, void *base,
		      struct error *e)
{
	const char *const order[] = { "DEFAULT", "global", section };
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(order); i++)
		r = apply_section(ini, file, order[i], scope, base, e);
	return r;
}

static int apply_pairs(const struct option_pairs *pairs, enum option_scope scope, void *base, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < pairs->n; i++) {
		if (pairs->pairs[i].spec->scope == scope)
			r = option_set(pairs->pairs[i].spec, base, pairs->pairs[i].value, e);
	}
	return r;
}

static int copy(char **out, const char *text, struct error *e)
{
	*out = strdup(text);
	return *out ? 0 : error_no_memory(e);
}

/* A NULL `name` is chosen once it is known what the source is. */
static int add_source(struct settings *settings, const char *name, const char *text, struct error *e)
{
	struct source_settings *grown = realloc(settings->sources, (settings->n_sources + 1) * sizeof(*grown));

	if (!grown)
		return error_no_memory(e);
	settings->sources = grown;
	grown += settings->n_sources++;
	*grown = (struct source_settings){ .access = settings->access };
	int r = options_default(OPTION_SOURCE, grown, e);
	if (r == 0 && name)
		r = copy(&grown->name, name, e);
	if (r == 0 && text)
		r = copy(&grown->source, text, e);
	return r;
}

static int add_file_source(struct settings *settings, const struct ini *ini, const char *file, size_t i,
			   struct error *e)
{
	const char *section = ini->sections[i].name, *name = given_name(section);

	for (size_t j = 0; j < settings->n_sources; j++) {
		if (strcmp(settings->sources[j].name, name) == 0) {
			error_set(e, EINVAL, "there is a [source: %.64s] already", name);
			return error_context(e, "%s:%d", file, ini->sections[i].line);
		}
	}
	int r = add_source(settings, name, NULL, e);
	struct source_settings *source = r == 0 ? &settings->sources[settings->n_sources - 1] : NULL;
	if (r == 0)
		r = apply_file(ini, file, section, OPTION_SOURCE, source, e);
	if (r == 0)
		r = apply_section(ini, file, section, OPTION_ACCESS, &source->access, e);
	if (r == 0 && !source->source) {
		error_set(e, EINVAL, "[source: %.64s] needs source = local, local:FILE or dynamodb:TABLE", name);
		r = error_context(e, "%s:%d", file, ini->sections[i].line);
	}
	return r;
}

static int add_only_source(struct settings *settings, const struct ini *ini, const char *file, const char *text,
			   struct error *e)
{
	int r = add_source(settings, NULL, text, e);

	return r < 0 ? r : apply_file(ini, file, "global", OPTION_SOURCE, settings->sources, e);
}

/* fstab has to have something in its first field: these two say "what the configuration file says". */
static bool means_the_file(const char *source)
{
	return !source || strcmp(source, "none") == 0 || strcmp(source, "dynconf") == 0;
}

static int add_sources(struct settings *settings, const struct ini *ini, const struct config_request *request,
		       struct error *e)
{
	int r = 0;

	if (!means_the_file(request->source))
		return add_only_source(settings, ini, request->file, request->source, e);
	for (size_t i = 0; r == 0 && i < ini->n_sections; i++) {
		if (section_kind(ini->sections[i].name) == SECTION_SOURCE)
			r = add_file_source(settings, ini, request->file, i, e);
	}
	if (r == 0 && settings->n_sources == 0)
		r = add_only_source(settings, ini, request->file, "local", e);
	return r;
}

static int add_stores(struct settings *settings, const struct ini *ini, const struct config_request *request,
		      struct error *e)
{
	int r = 0;

	settings->stores = calloc(ini->n_sections + 1, sizeof(*settings->stores));
	if (!settings->stores)
		return error_no_memory(e);
	for (size_t i = 0; r == 0 && i < ini->n_sections; i++) {
		const char *section = ini->sections[i].name;
		if (section_kind(section) != SECTION_STORE)
			continue;
		struct store_settings *store = &settings->stores[settings->n_stores++];
		store->access = ACCESS_UNSET;
		r = copy(&store->name, given_name(section), e);
		if (r == 0)
			r = apply_section(ini, request->file, section, OPTION_ACCESS, &store->access, e);
		if (r == 0)
			r = apply_pairs(request->options, OPTION_ACCESS, &store->access, e);
	}
	return r;
}

static int absolute_path(const char *path, char **out, struct error *e)
{
	_buf_cleanup_ struct buf full = BUF_INIT(2 * PATH_MAX);
	char here[PATH_MAX];

	if (*path != '/') {
		if (!getcwd(here, sizeof(here)))
			return error_set(e, errno, "%.200s cannot be made absolute: %s", path, strerror(errno));
		buf_printf(&full, "%s/", here);
	}
	buf_str(&full, path);
	*out = buf_take(&full, NULL);
	return *out ? 0 : error_no_memory(e);
}

/* https://specifications.freedesktop.org/basedir-spec/latest/: a relative XDG_DATA_HOME is to be ignored. */
static int default_file(const struct config_identity *who, char **out, struct error *e)
{
	_buf_cleanup_ struct buf path = BUF_INIT(2 * PATH_MAX);

	if (who->uid == 0)
		buf_str(&path, "/var/lib");
	else if (who->data_home && *who->data_home == '/')
		buf_str(&path, who->data_home);
	else if (who->home && *who->home == '/')
		buf_printf(&path, "%s/.local/share", who->home);
	else
		return error_set(e, EINVAL, "HOME is not set: name the store's file, local:FILE");
	buf_str(&path, "/dynconf/local.db");
	*out = buf_take(&path, NULL);
	return *out ? 0 : error_no_memory(e);
}

static int parse_local(struct source_settings *source, const char *rest, const struct config_identity *who,
		       struct error *e)
{
	source->kind = SOURCE_LOCAL;
	return *rest ? absolute_path(rest, &source->target, e) : default_file(who, &source->target, e);
}

/* https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html */
static int parse_dynamodb(struct source_settings *source, const char *rest, const struct config_identity *who,
			  struct error *e)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t len = strlen(rest);

	(void)who;
	if (strncmp(rest, "arn:", 4) == 0)
		return error_set(e, EINVAL, "dynamodb: takes the name of a table and not its ARN; region= says where");
	if (len < 3 || len > 255 || rest[strspn(rest, allowed)])
		return error_set(
			e, EINVAL,
			"dynamodb: takes a table's name, 3 to 255 letters, digits, dots, hyphens and underscores");
	source->kind = SOURCE_DYNAMODB;
	return copy(&source->target, rest, e);
}

static const struct source_row {
	const char *name;
	int (*parse)(struct source_settings *, const char *rest, const struct config_identity *, struct error *);
} source_rows[] = {
	{ "local", parse_local },
	{ "dynamodb", parse_dynamodb },
};

static const struct source_row *find_source_row(const char *word)
{
	size_t len = strcspn(word, ":");

	for (size_t i = 0; i < COUNT_OF(source_rows); i++) {
		if (strlen(source_rows[i].name) == len && strncmp(word, source_rows[i].name, len) == 0)
			return &source_rows[i];
	}
	return NULL;
}

bool config_is_source(const char *word)
{
	return find_source_row(word);
}

static int parse_source(struct source_settings *source, const struct config_identity *who, struct error *e)
{
	const struct source_row *row = find_source_row(source->source);
	const char *rest = strchrnul(source->source, ':');

	if (row)
		return row->parse(source, *rest ? rest + 1 : rest, who, e);
	return error_set(e, EINVAL, "%.100s is not a source: local, local:FILE or dynamodb:TABLE", source->source);
}

/* What the layouts make of the options that not all of them have. */
static int check_layout(const struct source_settings *source, struct error *e)
{
	if (strcmp(source->store_key, source->option_key) == 0)
		return error_set(e, EINVAL, "store-key and option-key must differ");
	if (strcmp(source->key_attribute, source->value_attribute) == 0)
		return error_set(e, EINVAL, "key-attribute and value-attribute must differ");
	if (source->stores && layout_of(source->layout)->one_store)
		return error_set(e, EINVAL, "stores= is for layout=options: with layout=path a source is one store");
	if (source->root == ROOT_YES && !layout_of(source->layout)->one_store)
		return error_set(e, EINVAL,
				 "root=yes needs layout=path: with layout=options the root holds the stores");
	return 0;
}

static int finish_source(struct source_settings *source, const struct config_identity *who, struct error *e)
{
	int r = parse_source(source, who, e);

	if (r == 0)
		r = check_layout(source, e);
	if (r < 0)
		return source->name ? error_context(e, "source %.64s", source->name) : r;
	if (source->name)
		return 0;
	return copy(&source->name, source->kind == SOURCE_LOCAL ? "local" : source->target, e);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_source(const struct source_settings *a, const struct source_settings *b)
{
	bool same_server = same_text(a->region, b->region) && same_text(a->endpoint_url, b->endpoint_url);

	return a->kind == b->kind && same_text(a->target, b->target) && (a->kind == SOURCE_LOCAL || same_server);
}

/* Two sources that are one, or that both claim a store. */
static int check_pair(const struct source_settings *a, const struct source_settings *b, struct error *e)
{
	if (same_source(a, b))
		return error_set(e, EINVAL, "sources %.64s and %.64s are the same: %.200s", a->name, b->name,
				 a->source);
	for (char **x = a->stores; x && *x; x++) {
		for (char **y = b->stores; y && *y; y++) {
			if (strcmp(*x, *y) == 0)
				return error_set(e, EINVAL, "stores of sources %.64s and %.64s both name %.200s",
						 a->name, b->name, *x);
		}
	}
	return 0;
}

/* Whether the one store of a source is the root itself: only where there is nothing else to show there. */
static int settle_root(struct settings *settings, struct error *e)
{
	bool alone = settings->n_sources == 1;

	for (size_t i = 0; i < settings->n_sources; i++) {
		struct source_settings *source = &settings->sources[i];
		if (source->root == ROOT_YES && !alone)
			return error_set(e, EINVAL,
					 "root=yes is for a source that is alone in its mount, and %.64s is not",
					 source->name);
		if (source->root == ROOT_AUTO)
			source->root = alone && layout_of(source->layout)->one_store ? ROOT_YES : ROOT_NO;
	}
	return 0;
}

static int check_sources(struct settings *settings, struct error *e)
{
	int r = settle_root(settings, e);

	for (size_t i = 0; i < settings->n_sources; i++) {
		for (size_t j = 0; r == 0 && j < i; j++)
			r = check_pair(&settings->sources[j], &settings->sources[i], e);
	}
	for (size_t i = 0; r == 0 && settings->default_source && i < settings->n_sources; i++) {
		if (strcmp(settings->sources[i].name, settings->default_source) == 0)
			return 0;
	}
	if (r == 0 && settings->default_source)
		r = error_set(e, EINVAL, "default-source names %.64s, and there is no such source",
			      settings->default_source);
	return r;
}

static void identity_defaults(struct settings *settings, const struct config_identity *who)
{
	settings->access = (struct access){ .uid = who->uid, .gid = who->gid, .mode = who->uid == 0 ? 0644 : 0600 };
	settings->allow_other = who->uid == 0;
}

/* Everything that [global], [logging] and their options after -o say. */
static int fill_global(struct settings *settings, const struct ini *ini, const struct config_request *request,
		       struct error *e)
{
	const struct {
		const char *section;
		enum option_scope scope;
		void *base;
	} places[] = { { "global", OPTION_GLOBAL, settings },
		       { "logging", OPTION_LOGGING, settings },
		       { "global", OPTION_ACCESS, &settings->access } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(places); i++) {
		r = options_default(places[i].scope, places[i].base, e);
		if (r == 0)
			r = apply_file(ini, request->file, places[i].section, places[i].scope, places[i].base, e);
	}
	/* It is one of the file's sources, which SOURCE replaces. */
	if (!means_the_file(request->source)) {
		free(settings->default_source);
		settings->default_source = NULL;
	}
	for (size_t i = 0; r == 0 && i < COUNT_OF(places); i++)
		r = apply_pairs(request->options, places[i].scope, places[i].base, e);
	return r;
}

static int make_log_absolute(struct settings *settings, struct error *e)
{
	char *path;

	if (!settings->log_file)
		return 0;
	int r = absolute_path(settings->log_file, &path, e);
	if (r < 0)
		return r;
	free(settings->log_file);
	settings->log_file = path;
	return 0;
}

static int fill(struct settings *settings, const struct ini *ini, const struct config_request *request, struct error *e)
{
	int r = fill_global(settings, ini, request, e);

	if (r == 0)
		r = add_sources(settings, ini, request, e);
	if (r == 0)
		r = add_stores(settings, ini, request, e);
	for (size_t i = 0; r == 0 && i < settings->n_sources; i++) {
		r = apply_pairs(request->options, OPTION_SOURCE, &settings->sources[i], e);
		if (r == 0)
			r = apply_pairs(request->options, OPTION_ACCESS, &settings->sources[i].access, e);
		if (r == 0)
			r = finish_source(&settings->sources[i], &request->who, e);
	}
	if (r == 0)
		r = check_sources(settings, e);
	if (r == 0)
		r = make_log_absolute(settings, e);
	if (r == 0)
		r = copy(&settings->shown, request->source ? request->source : "dynconf", e);
	access_finish(&settings->access);
	return r;
}

struct config_request config_request(const char *file, const char *source, const struct option_pairs *options)
{
	return (struct config_request){
		.who = { geteuid(), getegid(), getenv("HOME"), getenv("XDG_DATA_HOME") },
		.file = file ? file : CONFIG_FILE,
		.file_optional = !file,
		.source = source,
		.options = options,
	};
}

int config_load(const struct config_request *request, struct log *log, struct settings *settings, struct error *e)
{
	__attribute__((cleanup(settings_deinit))) struct settings made = SETTINGS_NULL;
	_ini_cleanup_ struct ini ini = INI_NULL;
	struct error missing = ERROR_NULL;

	int r = ini_load(&ini_python, request->file, &ini, &missing);
	if (r < 0 && !(r == -ENOENT && request->file_optional))
		return error_set(e, -r, "%s", missing.text);
	bool is_read = r == 0, has_scaler = false;
	r = check_names(&ini, request->file, &has_scaler, e);
	if (r < 0)
		return r;
	identity_defaults(&made, &request->who);
	r = fill(&made, &ini, request, e);
	if (r == 0 && is_read && !(made.file = strdup(request->file)))
		r = error_no_memory(e);
	if (r < 0)
		return r;
	if (has_scaler && !made.scaler)
		log_info(log, "%s: the sections of tables and indexes change nothing without scaler = yes in [global]",
			 request->file);
	*settings = made;
	made = SETTINGS_NULL;
	return 0;
}
