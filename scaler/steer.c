/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/steer.h"

#include "aws/core/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, FILE_MAX = 16 << 20 };

static const struct scaler_section *find_section(const struct scaler_config *config, const struct target *target)
{
	const struct scaler_section *table = scaler_config_match(config, target->table, NULL);

	if (!table || !target->index)
		return table;
	for (size_t i = 0; i < table->n_indexes; i++) {
		if (scaler_section_matches(&table->indexes[i], target->index))
			return &table->indexes[i];
	}
	return NULL;
}

bool steer_is_configured(const struct scaler_config *config, const struct target *target)
{
	return find_section(config, target);
}

const struct scaler_section *steer_section(const struct scaler_config *config, const struct target *target)
{
	const struct scaler_section *section = find_section(config, target);

	return section ? section : &config->unmatched[target_kind(target)];
}

/* ---- Switches ---- */

struct steer_switches steer_get_switches(const struct scaler_config *config, const struct state *state,
					 const char *site, const struct target *target)
{
	const struct state_entry *entry = state_find(state, site, target);
	bool served = steer_is_configured(config, target) || (entry && entry->adopted);

	return (struct steer_switches){ .enabled = served && !(entry && entry->paused),
					.dry_run = config->global.dry_run || (entry && entry->dry_run) };
}

int steer_set_switches(const struct scaler_config *config, struct state *state, const char *site,
		       const struct target *target, struct steer_switches to, struct error *e)
{
	struct state_entry *entry;

	if (config->global.dry_run && !to.dry_run)
		return error_set(e, EINVAL, "the whole scaler was started as a dry run");
	int rc = state_get(state, site, target, &entry, e);
	if (rc < 0)
		return rc;
	entry->adopted = to.enabled && !steer_is_configured(config, target);
	entry->paused = !to.enabled;
	entry->dry_run = to.dry_run;
	entry->told = false;
	return 0;
}

/* ---- Options ---- */

/* A section of its own, that borrows all but its options. */
static int draft_of(const struct scaler_section *section, struct scaler_section *draft, struct error *e)
{
	*draft = *section;
	draft->pattern = NULL;
	draft->exclude = NULL;
	draft->options = (struct section_options){ 0 };
	return scaler_options_copy(SCALER_SECTION, &section->options, &draft->options, e);
}

static void draft_deinit(struct scaler_section *draft)
{
	/* What scaler_section_set may have compiled anew. */
	pattern_free(draft->pattern);
	for (struct pattern **at = draft->exclude; at && *at; at++)
		pattern_free(*at);
	free(draft->exclude);
	scaler_options_deinit(SCALER_SECTION, &draft->options);
}

/* Options that were set one after the other may only hold together: each is checked, all that hold are taken. */
static int lay_over(struct scaler_section *draft, const json_t *options, struct error *e)
{
	const char *name;
	const json_t *value;
	int rc = 0;

	json_object_foreach((json_t *)options, name, value)
	{
		rc = rc < 0 ? rc : scaler_section_set(draft, name, json_string_value(value), e);
	}
	return rc;
}

int steer_options(const struct scaler_section *section, const struct state_entry *entry,
		  struct section_options *options, struct error *e)
{
	__attribute__((cleanup(draft_deinit))) struct scaler_section draft;
	int rc = draft_of(section, &draft, e);

	if (rc == 0 && entry && entry->options)
		rc = lay_over(&draft, entry->options, e);
	if (rc < 0)
		return rc;
	*options = draft.options;
	draft.options = (struct section_options){ 0 };
	return 0;
}

int steer_get_option(const struct scaler_config *config, const struct state *state, const char *site,
		     const struct target *target, const char *name, struct buf *out, struct error *e)
{
	const struct scaler_option *row = scaler_option_find(SCALER_SECTION, name);
	struct section_options options = { 0 };

	if (!row)
		return error_set(e, ENOENT, "there is no option %.64s", name);
	int rc = steer_options(steer_section(config, target), state_find(state, site, target), &options, e);
	if (rc == 0)
		scaler_option_get(row, &options, out);
	scaler_options_deinit(SCALER_SECTION, &options);
	return rc;
}

int steer_set_option(const struct scaler_config *config, struct state *state, const char *site,
		     const struct target *target, const char *name, const char *value, struct error *e)
{
	__attribute__((cleanup(draft_deinit))) struct scaler_section draft;
	struct state_entry *entry;
	int rc = draft_of(steer_section(config, target), &draft, e);

	if (rc == 0)
		rc = state_get(state, site, target, &entry, e);
	if (rc == 0 && entry->options)
		rc = lay_over(&draft, entry->options, e);
	if (rc == 0)
		rc = scaler_section_set(&draft, name, value, e);
	if (rc < 0)
		return rc;
	if (!entry->options)
		entry->options = json_object();
	/* Set anew it goes to the end: what was checked in this order holds in this order. */
	json_object_del(entry->options, name);
	return json_object_set_new(entry->options, name, json_string(value)) == 0 ? 0 : error_no_memory(e);
}

/* ---- The file ---- */

static bool is_steered(const struct state_entry *entry)
{
	return entry->adopted || entry->paused || entry->dry_run || json_object_size(entry->options);
}

static json_t *entry_json(const struct state_entry *entry)
{
	return json_pack("{s:s, s:s, s:s*, s:b, s:b, s:b, s:O*}", "site", entry->site, "table", entry->table, "index",
			 entry->index, "adopted", entry->adopted, "paused", entry->paused, "dry-run", entry->dry_run,
			 "options", entry->options);
}

char *steer_text(const struct state *state)
{
	json_t *targets = json_array();
	bool ok = targets;

	for (size_t i = 0; ok && i < state->n; i++) {
		if (is_steered(state->entries[i]))
			ok = json_array_append_new(targets, entry_json(state->entries[i])) == 0;
	}
	json_t *root = json_pack("{s:i, s:o}", "version", VERSION, "targets", targets);
	char *text = ok ? json_dumps(root, JSON_INDENT(1)) : NULL;
	json_decref(root);
	return text;
}

static int read_options(const struct scaler_config *config, struct state *state, const char *site,
			const struct target *target, const json_t *options, struct error *e)
{
	const char *name;
	const json_t *value;
	int rc = 0;

	json_object_foreach((json_t *)options, name, value)
	{
		if (rc == 0 && json_is_string(value))
			rc = steer_set_option(config, state, site, target, name, json_string_value(value), e);
	}
	return rc;
}

static int read_target(const struct scaler_config *config, struct state *state, const json_t *object, struct error *e)
{
	const char *site = "";
	struct target target = { 0 };
	struct state_entry *entry;
	const json_t *options = NULL;
	int adopted = 0, paused = 0, dry_run = 0;

	if (json_unpack((json_t *)object, "{s?:s, s:s, s?:s, s?:b, s?:b, s?:b, s?:o}", "site", &site, "table",
			&target.table, "index", &target.index, "adopted", &adopted, "paused", &paused, "dry-run",
			&dry_run, "options", &options) < 0)
		return error_set(e, EINVAL, "a target of it is malformed");
	int rc = state_get(state, site, &target, &entry, e);
	if (rc < 0)
		return rc;
	entry->adopted = adopted;
	entry->paused = paused;
	entry->dry_run = dry_run;
	return options ? read_options(config, state, site, &target, options, e) : 0;
}

static int read_root(const struct scaler_config *config, struct state *state, const json_t *root, struct error *e)
{
	const json_t *targets = json_object_get(root, "targets"), *target;
	size_t i;
	int rc = 0;

	if (json_integer_value(json_object_get(root, "version")) != VERSION || !json_is_array(targets))
		return error_set(e, EINVAL, "it is no such file of this version");
	json_array_foreach(targets, i, target)
	{
		rc = rc < 0 ? rc : read_target(config, state, target, e);
	}
	return rc;
}

int steer_load(const char *path, const struct scaler_config *config, struct state *state, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_INIT(FILE_MAX);
	struct error missing = ERROR_NULL;
	int rc = file_read(path, &text, &missing);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return error_set(e, missing.number, "options-persist: %s", missing.text);
	json_t *root = json_loadb(buf_text(&text), text.len, 0, NULL);
	rc = read_root(config, state, root, e);
	json_decref(root);
	return rc < 0 ? error_context(e, "%s (options-persist)", path) : 0;
}
