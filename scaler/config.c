/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/config.h"

#include "aws/core/ini.h"
#include "scaler/list.h"
#include "scaler/window.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 160, WORDS_MAX = 7 };

/* Which entry of the file decides each option. */
struct layer {
	const struct ini_entry *entries[OPTIONS_MAX];
};

struct loader {
	const struct scaler_config_request *request;
	struct ini *ini;
	const struct ini_entry **sorted; /* by section, then as in the file */
	bool shared;                     /* other programs have names in [global] and [logging] */
	struct log *log;
	struct scaler_config *config;
	struct section_options defaults; /* of [default_options] over those of the code */
	struct layer inherited;          /* the entries of [default_options] */
};

/* What is doubtful: told, and refused with --strict. */
__attribute__((format(printf, 4, 5))) static int doubt(const struct loader *loader, int line, struct error *e,
						       const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (loader->request->strict)
		return error_set(e, EINVAL, "%s:%d: %s", loader->request->file, line, text);
	log_warning(loader->log, "%s:%d: %s", loader->request->file, line, text);
	return 0;
}

static int refuse(const struct loader *loader, int line, const char *section, struct error *e)
{
	return error_context(e, "%s:%d: [%.100s]", loader->request->file, line, section);
}

static int by_section(const void *a, const void *b)
{
	const struct ini_entry *left = *(const struct ini_entry *const *)a,
			       *right = *(const struct ini_entry *const *)b;
	int order = strcmp(left->section, right->section);

	return order ? order : left->line - right->line;
}

/* The section that a name with blanks before its `]` means; the name itself when it is none of those without a key. */
static const char *forgive_blanks(const char *section)
{
	static const char *const names[] = { "global", "logging", "default_options" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);
		if (strncmp(section, names[i], len) == 0 && !section[len + strspn(section + len, LIST_BLANKS)])
			return names[i];
	}
	return section;
}

static int sort_entries(struct loader *loader, struct error *e)
{
	struct ini *ini = loader->ini;

	loader->sorted = calloc(ini->n_entries + 1, sizeof(const struct ini_entry *));
	if (!loader->sorted)
		return error_no_memory(e);
	for (size_t i = 0; i < ini->n_entries; i++) {
		ini->entries[i].section = forgive_blanks(ini->entries[i].section);
		loader->sorted[i] = &ini->entries[i];
	}
	for (size_t i = 0; i < ini->n_sections; i++)
		ini->sections[i].name = forgive_blanks(ini->sections[i].name);
	qsort(loader->sorted, ini->n_entries, sizeof(const struct ini_entry *), by_section);
	return 0;
}

/* The first entry of a section in loader->sorted; another's, or NULL, when it has none. */
static const struct ini_entry **entries_of(const struct loader *loader, const char *section)
{
	size_t low = 0, high = loader->ini->n_entries;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(loader->sorted[middle]->section, section) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return &loader->sorted[low];
}

static bool known_anywhere(const char *name)
{
	for (enum scaler_scope scope = 0; scope < SCALER_SCOPES; scope++) {
		if (scope != SCALER_COMMAND && scaler_option_find(scope, name))
			return true;
	}
	return false;
}

/* A continuation that somebody may have meant as a comment or an option, or a comment that is none. */
static int check_value(const struct loader *loader, const struct ini_entry *entry, struct error *e)
{
	const char *at = strstr(entry->value, " #");
	struct error unknown = ERROR_NULL;
	char name[64];
	int r = 0;

	if (strcmp(entry->name, "sns-message-types") == 0 && scaler_messages_check(entry->value, &unknown) < 0)
		r = doubt(loader, entry->line, e, "%s", unknown.text);
	if (r == 0 && at)
		r = doubt(loader, entry->line, e, "%.64s: the value goes on after the `#`; comments begin with ` ;`",
			  entry->name);
	for (at = entry->value; r == 0 && (at = strchr(at, '\n'));) {
		size_t len = strcspn(++at, ":=\n");
		bool comment = *at == '#' || *at == ';';
		while (len && strchr(LIST_BLANKS, at[len - 1]))
			len--;
		snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), at);
		if (comment || known_anywhere(name))
			r = doubt(loader, entry->line, e, "%.64s: its value goes on with an indented %s below it",
				  entry->name, comment ? "comment" : "option");
	}
	return r;
}

static int unknown_option(const struct loader *loader, const struct ini_entry *entry, enum scaler_scope scope,
			  struct error *e)
{
	bool elsewhere = loader->shared && (scope == SCALER_GLOBAL || scope == SCALER_LOGGING);

	if (elsewhere)
		return 0;
	return doubt(loader, entry->line, e, "[%.100s] there is no option %.64s here; it is ignored", entry->section,
		     entry->name);
}

/* The command line's --region and [DEFAULT]'s are for [global], though sections know the word too. */
static bool is_global(const struct scaler_option *row)
{
	return row->scope == SCALER_SECTION && (row->flags & SCALER_OURS) &&
	       scaler_option_find(SCALER_GLOBAL, row->name);
}

/* The entries of one section over those of `layer`. */
static int read_layer(const struct loader *loader, const char *section, enum scaler_scope scope, struct layer *layer,
		      struct error *e)
{
	bool supplies = strcmp(section, loader->ini->defaults) == 0;
	int r = 0;

	for (const struct ini_entry **at = entries_of(loader, section); r == 0 && *at; at++) {
		const struct scaler_option *row = scaler_option_find(scope, (*at)->name);
		if (strcmp((*at)->section, section) != 0)
			break;
		if (row && !(supplies && is_global(row)))
			layer->entries[row - scaler_options] = *at;
		else if (!supplies)
			r = unknown_option(loader, *at, scope, e);
		if (r == 0 && row && !supplies)
			r = check_value(loader, *at, e);
	}
	return r;
}

/* Options in the order of the table: of several mistakes the first is told. */
static int set_layer(const struct loader *loader, const struct layer *layer, void *base, struct error *e)
{
	for (size_t i = 0; i < scaler_option_count; i++) {
		const struct ini_entry *entry = layer->entries[i];
		if (entry && scaler_option_set(&scaler_options[i], base, entry->value, e) < 0)
			return refuse(loader, entry->line, entry->section, e);
	}
	return 0;
}

/* [DEFAULT], then the section, over what `base` holds; `layer` learns which entries decide. */
static int fill(const struct loader *loader, const char *section, enum scaler_scope scope, void *base,
		struct layer *layer, struct error *e)
{
	struct layer own = { 0 };
	int r = read_layer(loader, loader->ini->defaults, scope, &own, e);

	if (r == 0)
		r = read_layer(loader, section, scope, &own, e);
	if (r == 0)
		r = set_layer(loader, &own, base, e);
	for (size_t i = 0; layer && i < scaler_option_count; i++) {
		if (own.entries[i])
			layer->entries[i] = own.entries[i];
	}
	return r;
}

/* Arguments of the command line that belong to a scope; the later win. */
static int fill_arguments(const struct loader *loader, enum scaler_scope scope, void *base, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < loader->request->n_arguments; i++) {
		const struct scaler_argument *argument = &loader->request->arguments[i];
		const struct scaler_option *row = scaler_option_find(scope, argument->name);
		if (row && !is_global(row) && scaler_option_set(row, base, argument->value, e) < 0)
			r = error_context(e, "--%s", argument->name);
	}
	return r;
}

static int fill_global(struct loader *loader, struct error *e)
{
	static const char *const names[] = {
		[SCALER_GLOBAL] = "global", [SCALER_LOGGING] = "logging", [SCALER_COMMAND] = NULL
	};
	struct global_options *global = &loader->config->global;
	int r = 0;

	for (enum scaler_scope scope = SCALER_GLOBAL; r == 0 && scope <= SCALER_COMMAND; scope++) {
		r = scaler_options_default(scope, global, e);
		if (r == 0 && names[scope])
			r = fill(loader, names[scope], scope, global, NULL, e);
		if (r == 0)
			r = fill_arguments(loader, scope, global, e);
		for (size_t i = 0; r == 0 && i < scaler_option_count; i++) {
			if (scaler_options[i].scope == scope)
				r = scaler_option_check(&scaler_options[i], global, TARGET_TABLE, e);
		}
	}
	if (r == 0 && loader->request->file)
		r = scaler_option_set(scaler_option_find(SCALER_COMMAND, "config"), global, loader->request->file, e);
	return r;
}

/* The entry that decides an option of a section, for the sentence that refuses it. */
static int refuse_section(const struct loader *loader, const struct scaler_section *section, const char *header,
			  const struct layer *layer, size_t option, struct error *e)
{
	const struct ini_entry *entry = layer && option < scaler_option_count ? layer->entries[option] : NULL;

	if (!section->line)
		return error_context(e, "--table-name");
	return refuse(loader, entry ? entry->line : section->line, header, e);
}

static int check_section(const struct loader *loader, const struct scaler_section *section, const char *header,
			 const struct layer *layer, struct error *e)
{
	const struct section_options *options = &section->options;
	size_t option;
	int r = section_check(section, &option, e);

	if (r < 0)
		return refuse_section(loader, section, header, layer, option, e);
	if (options->windows && *options->windows && window_check(options->windows, NULL) < 0)
		r = doubt(loader, section->line, e,
			  "[%.100s] maintenance-windows has an entry that is none: no decreases", header);
	if (r == 0 && options->breaker_url && *options->breaker_url && strncmp(options->breaker_url, "http", 4) != 0)
		r = doubt(loader, section->line, e,
			  "[%.100s] circuit-breaker-url begins with neither http:// nor https://", header);
	struct error broken = ERROR_NULL;
	if (r == 0 && section_check_pattern(section, &broken) < 0)
		r = doubt(loader, section->line, e, "[%.100s] %s", header, broken.text);
	return r;
}

/* One section; `header` NULL: from the command line. */
static int add_section(struct loader *loader, struct scaler_section *section, enum target_kind kind, const char *key,
		       const struct ini_section *header, struct error *e)
{
	struct layer layer = loader->inherited;

	if (!section)
		return error_set(e, EFBIG, "%s: there are too many sections", loader->request->file);
	section->kind = kind;
	section->line = header ? header->line : 0;
	section->key = strdup(key);
	int r = section->key ? 0 : error_no_memory(e);
	if (r == 0)
		r = scaler_options_copy(SCALER_SECTION, &loader->defaults, &section->options, e);
	if (r == 0)
		r = header ? fill(loader, header->name, SCALER_SECTION, &section->options, &layer, e)
			   : fill_arguments(loader, SCALER_SECTION, &section->options, e);
	if (r == 0)
		r = section_compile(section, e);
	return r < 0 ? r : check_section(loader, section, header ? header->name : key, &layer, e);
}

/* The words of a header, which single spaces separate; 0 when there are more than WORDS_MAX. */
static size_t split_header(char *text, char *words[WORDS_MAX])
{
	size_t n = 0;

	for (char *word; (word = strsep(&text, " "));) {
		if (n == WORDS_MAX)
			return 0;
		words[n++] = word;
	}
	return n;
}

static int no_such_table(const struct loader *loader, const struct ini_section *header, const char *key,
			 struct error *e)
{
	error_set(e, EINVAL, "there is no section [table: %.100s]", key);
	return refuse(loader, header->line, header->name, e);
}

static int cannot_match(const struct loader *loader, const struct ini_section *header, const char *form,
			struct error *e)
{
	return doubt(loader, header->line, e, "[%.100s] is ignored; write %s, with single spaces", header->name, form);
}

/* `table:` up to the last colon, and the key after it. */
static int add_table(struct loader *loader, const struct ini_section *header, char *name, struct error *e)
{
	struct scaler_config *config = loader->config;
	char *key = strrchr(name, ':') + 1;

	if (key - name != (ptrdiff_t)strlen("table:"))
		return cannot_match(loader, header, "[table: KEY], the key without a colon", e);
	key += strspn(key, LIST_BLANKS);
	for (size_t len = strlen(key); len && strchr(LIST_BLANKS, key[len - 1]); len--)
		key[len - 1] = '\0';
	return add_section(loader, section_place(&config->tables, &config->n_tables, key), TARGET_TABLE, key, header,
			   e);
}

/* Four words, of which the third may be anything. */
static int add_index(struct loader *loader, const struct ini_section *header, char *name, struct error *e)
{
	struct scaler_config *config = loader->config;
	char *words[WORDS_MAX];

	if (split_header(name, words) != 4 || strcmp(words[0], "gsi:") != 0)
		return cannot_match(loader, header, target_rows[TARGET_INDEX].section, e);
	struct scaler_section *table = section_find(config->tables, config->n_tables, words[3]);
	if (!table)
		return no_such_table(loader, header, words[3], e);
	return add_section(loader, section_place(&table->indexes, &table->n_indexes, words[1]), TARGET_INDEX, words[1],
			   header, e);
}

static int fill_schedule(struct loader *loader, const struct ini_section *header, struct scaler_section *section,
			 struct scaler_schedule *schedule, struct error *e)
{
	int r = scaler_options_default(SCALER_SCHEDULE, &schedule->options, e);

	if (r == 0)
		r = fill(loader, header->name, SCALER_SCHEDULE, &schedule->options, NULL, e);
	if (r < 0)
		return r;
	if (schedule_check(section, schedule, e) < 0)
		return refuse(loader, header->line, header->name, e);
	return 0;
}

/* `schedule: NAME table: KEY`, or `schedule: NAME gsi: KEY table: KEY`. */
static int add_schedule(struct loader *loader, const struct ini_section *header, char *name, struct error *e)
{
	struct scaler_config *config = loader->config;
	char *words[WORDS_MAX];
	size_t n = split_header(name, words);

	if ((n != 4 && n != 6) || strcmp(words[n - 2], "table:") != 0 || (n == 6 && strcmp(words[2], "gsi:") != 0))
		return cannot_match(loader, header,
				    "[schedule: NAME table: KEY] or [schedule: NAME gsi: KEY table: KEY]", e);
	struct scaler_section *section = section_find(config->tables, config->n_tables, words[n - 1]);
	if (section && n == 6)
		section = section_find(section->indexes, section->n_indexes, words[3]);
	if (!section)
		return no_such_table(loader, header, words[n - 1], e);
	struct scaler_schedule *schedule = section_add_schedule(section, words[1], header->line, e);
	return schedule ? fill_schedule(loader, header, section, schedule, e) : -ENOMEM;
}

/* What sections there are. One whose name ends in ':' is followed by a name of the user's, and `add` makes it. */
static const struct section_row {
	const char *name;
	int (*add)(struct loader *, const struct ini_section *, char *name, struct error *);
} section_rows[] = {
	{ "table:", add_table },     { "gsi:", add_index }, { "schedule:", add_schedule }, { "source:", NULL },
	{ "default_options", NULL }, { "global", NULL },    { "logging", NULL },
};

static const struct section_row *section_row(const char *name)
{
	for (size_t i = 0; i < sizeof(section_rows) / sizeof(section_rows[0]); i++) {
		size_t len = strlen(section_rows[i].name);
		bool open = section_rows[i].name[len - 1] == ':';
		if (strncmp(name, section_rows[i].name, len) == 0 && (open || !name[len]))
			return &section_rows[i];
	}
	return NULL;
}

static int add_sections(struct loader *loader, const struct section_row *row, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < loader->ini->n_sections; i++) {
		const struct ini_section *header = &loader->ini->sections[i];
		if (section_row(header->name) != row)
			continue;
		char *name = strdup(header->name);
		r = name ? row->add(loader, header, name, e) : error_no_memory(e);
		free(name);
	}
	return r;
}

/* What is said once, whoever uses it. */
static int check_headers(struct loader *loader, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < loader->ini->n_sections; i++) {
		const struct ini_section *header = &loader->ini->sections[i];
		if (!section_row(header->name))
			r = doubt(loader, header->line, e,
				  "[%.100s] is no section that is known here, and ignored: "
				  "[global], [logging], [default_options], [table: KEY], [gsi: KEY table: KEY] are",
				  header->name);
	}
	for (const struct ini_entry **at = entries_of(loader, loader->ini->defaults); r == 0 && *at; at++) {
		if (strcmp((*at)->section, loader->ini->defaults) != 0)
			break;
		r = check_value(loader, *at, e);
	}
	return r;
}

static int fill_sections(struct loader *loader, struct error *e)
{
	const struct scaler_config_request *request = loader->request;
	struct scaler_config *config = loader->config;

	int r = scaler_options_default(SCALER_SECTION, &loader->defaults, e);
	if (request->table)
		return r < 0 ? r
			     : add_section(loader, section_place(&config->tables, &config->n_tables, request->table),
					   TARGET_TABLE, request->table, NULL, e);
	if (r == 0)
		r = check_headers(loader, e);
	if (r == 0)
		r = fill(loader, "default_options", SCALER_SECTION, &loader->defaults, &loader->inherited, e);
	for (size_t i = 0; r == 0 && section_rows[i].add; i++)
		r = add_sections(loader, &section_rows[i], e);
	if (r == 0 && !config->n_tables && request->file && !request->shared)
		r = error_set(e, EINVAL, "%s: there is no section [table: KEY]", request->file);
	return r;
}

static int set_unmatched(struct loader *loader, struct error *e)
{
	int r = 0;

	for (int kind = 0; r == 0 && kind < TARGET_KINDS; kind++) {
		struct scaler_section *section = &loader->config->unmatched[kind];
		section->kind = (enum target_kind)kind;
		section->key = strdup("");
		r = section->key ? scaler_options_copy(SCALER_SECTION, &loader->defaults, &section->options, e)
				 : error_no_memory(e);
	}
	return r;
}

/* The mount's names are its own business where it reads the file too. */
static bool is_shared(const struct scaler_config_request *request, const struct ini *ini)
{
	bool shared = request->shared;

	for (size_t i = 0; i < ini->n_sections; i++)
		shared |= strncmp(ini->sections[i].name, "source:", 7) == 0;
	return shared;
}

static int load(const struct scaler_config_request *request, struct ini *ini, struct log *log,
		struct scaler_config *config, struct error *e)
{
	__attribute__((cleanup(scaler_config_deinit))) struct scaler_config made = SCALER_CONFIG_NULL;
	struct loader loader = { .request = request, .ini = ini, .log = log, .config = &made };

	loader.shared = is_shared(request, ini);
	int r = sort_entries(&loader, e);
	if (r == 0)
		r = fill_global(&loader, e);
	if (r == 0)
		r = fill_sections(&loader, e);
	if (r == 0)
		r = set_unmatched(&loader, e);
	scaler_options_deinit(SCALER_SECTION, &loader.defaults);
	free(loader.sorted);
	if (r < 0)
		return r;
	*config = made;
	made = SCALER_CONFIG_NULL;
	return 0;
}

int scaler_config_parse(const struct scaler_config_request *request, const char *text, size_t len, struct log *log,
			struct scaler_config *config, struct error *e)
{
	_ini_cleanup_ struct ini ini = INI_NULL;
	int r = ini_parse(&ini_python, request->file ? request->file : "", text, len, &ini, e);

	return r < 0 ? r : load(request, &ini, log, config, e);
}

int scaler_config_load(const struct scaler_config_request *request, struct log *log, struct scaler_config *config,
		       struct error *e)
{
	_ini_cleanup_ struct ini ini = INI_NULL;
	struct error missing = ERROR_NULL;
	int r = request->file ? ini_load(&ini_python, request->file, &ini, &missing) : -ENOENT;

	/* The original took a file that is not there for an empty one; with --table-name that still goes. */
	if (r < 0 && request->file && !(r == -ENOENT && request->table))
		return error_set(e, missing.number, "%s", missing.text);
	if (r < 0 && request->file)
		log_warning(log, "%s", missing.text);
	if (r < 0)
		return scaler_config_parse(request, "", 0, log, config, e);
	return load(request, &ini, log, config, e);
}

const struct scaler_section *scaler_config_match(const struct scaler_config *config, const char *table,
						 const struct scaler_section **another)
{
	const struct scaler_section *found = NULL;

	for (size_t i = 0; i < config->n_tables; i++) {
		if (!scaler_section_matches(&config->tables[i], table))
			continue;
		if (found) {
			*another = &config->tables[i];
			break;
		}
		found = &config->tables[i];
		if (!another)
			break;
	}
	return found;
}

static int check_all_patterns(const struct scaler_section *sections, size_t n, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = section_check_pattern(&sections[i], e);
		if (r == 0)
			r = check_all_patterns(sections[i].indexes, sections[i].n_indexes, e);
		else if (sections[i].line)
			r = error_context(e, "line %d", sections[i].line);
	}
	return r;
}

int scaler_config_check_patterns(const struct scaler_config *config, struct error *e)
{
	int r = check_all_patterns(config->tables, config->n_tables, e);

	return r < 0 && config->global.config ? error_context(e, "%s", config->global.config) : r;
}

void scaler_config_deinit(struct scaler_config *config)
{
	for (size_t i = 0; i < config->n_tables; i++)
		section_deinit(&config->tables[i]);
	free(config->tables);
	for (int kind = 0; kind < TARGET_KINDS; kind++)
		section_deinit(&config->unmatched[kind]);
	for (enum scaler_scope scope = SCALER_GLOBAL; scope <= SCALER_COMMAND; scope++)
		scaler_options_deinit(scope, &config->global);
	*config = SCALER_CONFIG_NULL;
}
