/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/section.h"

#include "scaler/list.h"
#include "scaler/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html: metrics are kept 455 days.
 */
enum { SECTIONS_MAX = 10000, KEPT_MINUTES = 455 * 1440 };

static size_t row_number(const char *name)
{
	return (size_t)(scaler_option_find(SCALER_SECTION, name) - scaler_options);
}

static int check_limits(const struct scaler_section *section, enum dimension d, size_t *option, struct error *e)
{
	const struct side_options *side = &section->options.sides[d];
	const char *name = dimension_rows[d].plural;
	char row[64];

	if (side->least == SCALER_UNSET || side->most <= 0 || side->least <= side->most)
		return 0;
	strcpy(stpcpy(row, "min-provisioned-"), name);
	*option = row_number(row);
	return error_set(e, EINVAL, "min-provisioned-%s (%lld) may not be higher than max-provisioned-%s (%lld)", name,
			 (long long)side->least, name, (long long)side->most);
}

static int check_together(const struct scaler_section *section, size_t *option, struct error *e)
{
	const struct section_options *options = &section->options;
	const char *reserved = options->decreases_reserved_window;

	*option = row_number("lookback-window-start");
	if (options->lookback_start > KEPT_MINUTES)
		return error_set(e, EINVAL,
				 "lookback-window-start (%lld) may not be longer than %d: CloudWatch keeps metrics for "
				 "455 days",
				 (long long)options->lookback_start, KEPT_MINUTES);
	*option = row_number("lookback-period");
	if (options->lookback_period > options->lookback_start)
		return error_set(e, EINVAL,
				 "lookback-period (%lld) may not be longer than lookback-window-start (%lld): "
				 "there are no metrics of the future",
				 (long long)options->lookback_period, (long long)options->lookback_start);
	*option = row_number("decreases-reserved-window");
	if (reserved && *reserved && window_check(reserved, e) < 0)
		return error_context(e, "decreases-reserved-window");
	return 0;
}

int section_check(const struct scaler_section *section, size_t *option, struct error *e)
{
	for (*option = 0; *option < scaler_option_count; ++*option) {
		const struct scaler_option *row = &scaler_options[*option];
		if (row->scope == SCALER_SECTION && scaler_option_check(row, &section->options, section->kind, e) < 0)
			return -EINVAL;
	}
	for (int d = 0; d < DIMENSIONS; d++) {
		if (check_limits(section, d, option, e) < 0)
			return -EINVAL;
	}
	return check_together(section, option, e);
}

static void free_patterns(struct pattern **patterns)
{
	for (struct pattern **at = patterns; at && *at; at++)
		pattern_free(*at);
	free(patterns);
}

static int compile_word(const char *word, size_t len, struct pattern **out, struct error *e)
{
	char *copy = strndup(word, len);
	int r = copy ? pattern_new(copy, out, e) : error_no_memory(e);

	free(copy);
	return r;
}

/* The expressions between commas, NULL-terminated. */
static int compile_list(const char *list, struct pattern ***out, struct error *e)
{
	struct pattern **made = calloc(strlen(list) / 2 + 2, sizeof(*made));
	const char *word;
	size_t n = 0;
	int r = made ? 0 : error_no_memory(e);

	while (r == 0 && list) {
		size_t len = list_next_trimmed(&list, &word);
		if (len)
			r = compile_word(word, len, &made[n++], e);
	}
	if (r < 0)
		free_patterns(made);
	else
		*out = made;
	return r;
}

int section_compile(struct scaler_section *section, struct error *e)
{
	const char *exclude = section->options.exclude;
	struct pattern *pattern = NULL, **excluded = NULL;
	struct error broken = ERROR_NULL;

	if (exclude && *exclude && compile_list(exclude, &excluded, e) < 0)
		return error_context(e, "exclude");
	if (pattern_new(section->key, &pattern, &broken) == -ENOMEM) {
		free_patterns(excluded);
		return error_no_memory(e);
	}
	pattern_free(section->pattern);
	free_patterns(section->exclude);
	section->pattern = pattern;
	section->exclude = excluded;
	return 0;
}

int section_check_pattern(const struct scaler_section *section, struct error *e)
{
	struct pattern *pattern = NULL;
	int r = section->pattern ? 0 : pattern_new(section->key, &pattern, e);

	pattern_free(pattern);
	return r;
}

bool scaler_section_matches(const struct scaler_section *section, const char *name)
{
	if (!section->pattern || !pattern_matches(section->pattern, name))
		return false;
	for (struct pattern **at = section->exclude; at && *at; at++) {
		if (pattern_matches(*at, name))
			return false;
	}
	return true;
}

static void schedule_deinit(struct scaler_schedule *schedule)
{
	free(schedule->name);
	scaler_options_deinit(SCALER_SCHEDULE, &schedule->options);
	*schedule = (struct scaler_schedule){ 0 };
}

struct scaler_schedule *section_add_schedule(struct scaler_section *section, const char *name, int line,
					     struct error *e)
{
	struct scaler_schedule *grown = reallocarray(section->schedules, section->n_schedules + 1, sizeof(*grown));
	char *copy = grown ? strdup(name) : NULL;

	if (grown)
		section->schedules = grown;
	if (!copy) {
		error_no_memory(e);
		return NULL;
	}
	grown += section->n_schedules++;
	*grown = (struct scaler_schedule){ .name = copy, .line = line };
	return grown;
}

int schedule_check(const struct scaler_section *section, const struct scaler_schedule *schedule, struct error *e)
{
	bool says = false;

	if (!schedule->options.windows)
		return error_set(e, EINVAL, "windows is missing: mon-fri 07:30-18:00");
	for (int d = 0; d < DIMENSIONS; d++) {
		int64_t least = schedule->options.least[d], most = section->options.sides[d].most;
		says |= least > 0;
		if (least != SCALER_UNSET && least < 1)
			return error_set(e, EINVAL, "min-provisioned-%s may not be lower than 1",
					 dimension_rows[d].plural);
		if (most > 0 && least > most)
			return error_set(e, EINVAL,
					 "min-provisioned-%s may not be higher than the section's maximum (%lld)",
					 dimension_rows[d].plural, (long long)most);
	}
	return says ? 0 : error_set(e, EINVAL, "min-provisioned-reads and min-provisioned-writes are missing");
}

struct units scaler_section_scheduled(const struct scaler_section *section, int64_t now)
{
	struct units units = { { 0 } };

	for (size_t i = 0; i < section->n_schedules; i++) {
		const struct schedule_options *options = &section->schedules[i].options;
		if (!week_open(options->windows, now))
			continue;
		for (int d = 0; d < DIMENSIONS; d++) {
			if (options->least[d] > units.of[d])
				units.of[d] = options->least[d];
		}
	}
	return units;
}

void section_deinit(struct scaler_section *section)
{
	free(section->key);
	pattern_free(section->pattern);
	free_patterns(section->exclude);
	scaler_options_deinit(SCALER_SECTION, &section->options);
	for (size_t i = 0; i < section->n_indexes; i++)
		section_deinit(&section->indexes[i]);
	free(section->indexes);
	for (size_t i = 0; i < section->n_schedules; i++)
		schedule_deinit(&section->schedules[i]);
	free(section->schedules);
	*section = (struct scaler_section){ 0 };
}

struct scaler_section *section_find(struct scaler_section *sections, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(sections[i].key, key) == 0)
			return &sections[i];
	}
	return NULL;
}

struct scaler_section *section_place(struct scaler_section **sections, size_t *n, const char *key)
{
	struct scaler_section *found = section_find(*sections, *n, key);

	if (found) {
		section_deinit(found);
		return found;
	}
	struct scaler_section *grown = *n < SECTIONS_MAX ? reallocarray(*sections, *n + 1, sizeof(*grown)) : NULL;
	if (!grown)
		return NULL;
	*sections = grown;
	grown[*n] = (struct scaler_section){ 0 };
	return &grown[(*n)++];
}

static const struct scaler_option *find_option(const char *name, struct error *e)
{
	const struct scaler_option *row = scaler_option_find(SCALER_SECTION, name);

	if (!row)
		error_set(e, ENOENT, "there is no option %.64s", name);
	return row;
}

/* Everything is tried on a section that borrows the key and the schedules. */
static int try_set(struct scaler_section *draft, const struct scaler_option *row, const char *value, struct error *e)
{
	size_t option;
	int r = 0;

	if (!*value && !row->fallback)
		scaler_option_unset(row, &draft->options);
	else
		r = scaler_option_set(row, &draft->options, value, e);
	if (r == 0 && row->type == SCALER_MESSAGES)
		r = scaler_messages_check(value, e);
	if (r == 0)
		r = section_check(draft, &option, e);
	for (size_t i = 0; r == 0 && i < draft->n_schedules; i++)
		r = schedule_check(draft, &draft->schedules[i], e);
	return r < 0 ? r : section_compile(draft, e);
}

int scaler_section_set(struct scaler_section *section, const char *name, const char *value, struct error *e)
{
	const struct scaler_option *row = find_option(name, e);
	struct scaler_section draft = *section;
	_buf_wipe_ struct buf shown = BUF_INIT(1 << 16);

	if (!row)
		return -ENOENT;
	/* A password is shown as ***, and must not become that. */
	scaler_option_get(row, &section->options, &shown);
	if (strcmp(buf_text(&shown), value) == 0)
		return 0;
	draft.options = (struct section_options){ 0 };
	draft.pattern = NULL;
	draft.exclude = NULL;
	int r = scaler_options_copy(SCALER_SECTION, &section->options, &draft.options, e);
	if (r == 0)
		r = try_set(&draft, row, value, e);
	struct scaler_section *old = r < 0 ? &draft : section;
	scaler_options_deinit(SCALER_SECTION, &old->options);
	pattern_free(old->pattern);
	free_patterns(old->exclude);
	if (r == 0)
		*section = draft;
	return r;
}

int scaler_section_get(const struct scaler_section *section, const char *name, struct buf *out, struct error *e)
{
	const struct scaler_option *row = find_option(name, e);

	if (!row)
		return -ENOENT;
	scaler_option_get(row, &section->options, out);
	return 0;
}
