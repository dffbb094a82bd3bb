/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/loop_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_MAX = 10000, REST_SECONDS = 900 };

struct dynamodb_call pass_call(const struct pass *pass, int64_t seconds)
{
	return (struct dynamodb_call){
		.deadline = clock_mono(pass->scaler->setup.clock) + seconds * CLOCK_SECOND,
		.cancel_fd = pass->cancel_fd,
	};
}

void pass_failed(struct pass *pass, int rc, const struct error *e)
{
	if (pass->rc == 0 || rc == -ECANCELED) {
		pass->rc = rc;
		pass->error = *e;
	}
}

void pass_tell(const struct pass *pass, const struct target *target, const struct state_event *event,
	       const struct error *failure)
{
	const struct scaler_setup *setup = &pass->scaler->setup;
	struct scaler_news news = { pass->site->name, target, event, failure };

	if (setup->tell)
		setup->tell(setup->data, &news);
}

/* Whether asking again soon would get the same answer. */
static bool lasting(int rc)
{
	return rc == -EACCES || rc == -EINVAL || rc == -EOPNOTSUPP;
}

void turn_failed(struct pass *pass, struct turn *turn, int rc, const struct error *e)
{
	struct scaler *s = pass->scaler;
	int64_t interval = s->setup.config->global.check_interval;
	int64_t most = interval > 0 ? REST_SECONDS / interval : REST_SECONDS;

	pass_failed(pass, rc, e);
	if (rc == -ECANCELED)
		return;
	log_error(s->setup.log, "%s - %s", turn->table, e->text);
	scaler_lock(s);
	snprintf(turn->entry->last, sizeof(turn->entry->last), "%s", e->text);
	turn->entry->failures = lasting(rc) ? turn->entry->failures + 1 : 0;
	/* At once again after the first, then after 1, 3, 7 … passes. */
	int64_t rests = turn->entry->failures ? (INT64_C(1) << (turn->entry->failures - 1) % 32) - 1 : 0;
	turn->entry->rests = (int)(rests < most ? rests : most);
	bool news = !turn->entry->failed;
	turn->entry->failed = true;
	turn->entry->counts.failures++;
	scaler_unlock(s);
	pass_tell(pass, &(struct target){ .table = turn->table }, NULL, news ? e : NULL);
}

void turn_succeeded(struct pass *pass, struct turn *turn)
{
	static const struct error well = ERROR_NULL;

	scaler_lock(pass->scaler);
	bool news = turn->entry->failed;
	turn->entry->failed = false;
	turn->entry->failures = 0;
	scaler_unlock(pass->scaler);
	if (news)
		pass_tell(pass, &(struct target){ .table = turn->table }, NULL, &well);
}

static void view_deinit(struct section_view *view)
{
	for (size_t i = 0; view->indexes && i < view->section->n_indexes; i++)
		scaler_options_deinit(SCALER_SECTION, &view->indexes[i].options);
	free(view->indexes);
	if (view->section)
		scaler_options_deinit(SCALER_SECTION, &view->options);
}

static void views_free(struct section_view *views, size_t n)
{
	for (size_t i = 0; views && i < n; i++)
		view_deinit(&views[i]);
	free(views);
}

static int view_init(struct section_view *view, const struct scaler_section *section, struct error *e)
{
	view->section = section;
	int rc = scaler_options_copy(SCALER_SECTION, &section->options, &view->options, e);
	view->indexes = calloc(section->n_indexes + 1, sizeof(*view->indexes));
	if (rc == 0 && !view->indexes)
		return error_no_memory(e);
	for (size_t i = 0; rc == 0 && i < section->n_indexes; i++) {
		view->indexes[i].section = &section->indexes[i];
		rc = scaler_options_copy(SCALER_SECTION, &section->indexes[i].options, &view->indexes[i].options, e);
	}
	return rc;
}

static int make_views(struct pass *pass, struct error *e)
{
	struct scaler *s = pass->scaler;
	const struct scaler_config *config = s->setup.config;
	int rc = 0;

	pass->views = calloc(config->n_tables + 2, sizeof(*pass->views));
	if (!pass->views)
		return error_no_memory(e);
	scaler_lock(s);
	for (size_t i = 0; rc == 0 && i < config->n_tables; i++)
		rc = view_init(&pass->views[i], &config->tables[i], e);
	scaler_unlock(s);
	if (rc == 0)
		rc = view_init(&pass->views[config->n_tables], &config->unmatched[TARGET_TABLE], e);
	if (rc == 0)
		rc = view_init(&pass->unmatched_index, &config->unmatched[TARGET_INDEX], e);
	for (size_t i = 0; rc == 0 && i < config->n_tables; i++)
		rc = sites_get(&s->sites, &s->site_setup, &config->global, &pass->views[i].options,
			       &pass->views[i].site, e);
	return rc;
}

bool pass_adopted(const struct pass *pass, const char *table, const char *index)
{
	const struct target target = { table, index };

	scaler_lock(pass->scaler);
	const struct state_entry *entry = state_find(&pass->scaler->state, pass->site->name, &target);
	bool adopted = entry && entry->adopted;
	scaler_unlock(pass->scaler);
	return adopted;
}

/* The table, or one of its indexes. */
static bool has_adopted(const struct pass *pass, const char *table)
{
	const struct state *state = &pass->scaler->state;
	bool has = false;

	scaler_lock(pass->scaler);
	for (size_t i = 0; i < state->n && !has; i++) {
		const struct state_entry *entry = state->entries[i];
		has = entry->adopted && strcmp(entry->site, pass->site->name) == 0 && strcmp(entry->table, table) == 0;
	}
	scaler_unlock(pass->scaler);
	return has;
}

/* The first section of the site that matches. */
static struct section_view *find_view(const struct pass *pass, const char *table)
{
	struct section_view *found = NULL;

	for (size_t i = 0; i < pass->scaler->setup.config->n_tables; i++) {
		struct section_view *view = &pass->views[i];
		if (view->site != pass->site || !scaler_section_matches(view->section, table))
			continue;
		view->served = true;
		if (found)
			log_debug(pass->scaler->setup.log, "table %s matches %s too, but %s comes first", table,
				  view->section->key, found->section->key);
		else
			found = view;
	}
	if (!found && has_adopted(pass, table))
		found = &pass->views[pass->scaler->setup.config->n_tables];
	return found;
}

static int add_turn(struct pass *pass, const char *table, struct error *e)
{
	struct section_view *view = find_view(pass, table);
	struct target target = { .table = table };
	struct state_entry *entry;

	if (!view)
		return 0;
	scaler_lock(pass->scaler);
	int rc = state_get(&pass->scaler->state, pass->site->name, &target, &entry, e);
	scaler_unlock(pass->scaler);
	if (rc < 0)
		return rc;
	struct turn *turns = reallocarray(pass->turns, pass->n_turns + 1, sizeof(*turns));
	if (!turns)
		return error_no_memory(e);
	pass->turns = turns;
	/* The name stays with the entry. */
	turns[pass->n_turns++] = (struct turn){ .table = entry->table, .view = view, .entry = entry };
	return 0;
}

static int list_page(struct pass *pass, struct dynamodb_table_pages *pages, struct error *e)
{
	struct dynamodb_call call = pass_call(pass, DESCRIBE_SECONDS);
	json_t *names, *name;
	size_t i;
	int rc = dynamodb_list_tables(pass->site->db, &call, pages, &names, e);

	if (rc < 0)
		return rc;
	json_array_foreach(names, i, name)
	{
		rc = rc < 0 ? rc : add_turn(pass, json_string_value(name), e);
	}
	json_decref(names);
	return rc;
}

/* The name that a key is when it is no expression, "" when it is one. Dots stand in names, and hardly mean anything
 * else where nothing else does. */
static void plain_name(const char *key, char name[static 256])
{
	key += *key == '^';
	size_t len = strlen(key);

	len -= len && key[len - 1] == '$';
	name[0] = '\0';
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)key[i]) && !strchr("_-.", key[i]))
			return;
	}
	if (len < 256) {
		memcpy(name, key, len);
		name[len] = '\0';
	}
}

/* Nothing is adopted before the first pass but what a file says, and entries are never taken away. */
static int add_adopted(struct pass *pass, struct error *e)
{
	const struct state *state = &pass->scaler->state;
	int rc = 0;

	for (size_t i = 0; rc == 0; i++) {
		scaler_lock(pass->scaler);
		const struct state_entry *entry = i < state->n ? state->entries[i] : NULL;
		bool ours = entry && entry->adopted && strcmp(entry->site, pass->site->name) == 0;
		scaler_unlock(pass->scaler);
		if (!entry)
			break;
		if (ours)
			rc = add_turn(pass, entry->table, e);
	}
	return rc;
}

/* Without ListTables: the tables that are called by name. Whether that is all of them. */
static int add_plain(struct pass *pass, bool *all, struct error *e)
{
	char name[256];
	int rc = 0;

	*all = true;
	for (size_t i = 0; rc == 0 && i < pass->scaler->setup.config->n_tables; i++) {
		const struct section_view *view = &pass->views[i];
		if (view->site != pass->site)
			continue;
		plain_name(view->section->key, name);
		*all &= name[0] != '\0';
		if (name[0] && scaler_section_matches(view->section, name))
			rc = add_turn(pass, name, e);
	}
	return rc < 0 ? rc : add_adopted(pass, e);
}

static int by_table(const void *a, const void *b)
{
	return strcmp(((const struct turn *)a)->table, ((const struct turn *)b)->table);
}

/* Byte order, each table once. */
static void sort_turns(struct pass *pass)
{
	size_t n = 0;

	if (!pass->n_turns)
		return;
	qsort(pass->turns, pass->n_turns, sizeof(*pass->turns), by_table);
	for (size_t i = 1; i < pass->n_turns; i++) {
		if (strcmp(pass->turns[i].table, pass->turns[n].table) != 0)
			pass->turns[++n] = pass->turns[i];
	}
	pass->n_turns = n + 1;
}

static int list_tables(struct pass *pass, struct error *e)
{
	struct dynamodb_table_pages pages = DYNAMODB_TABLE_PAGES_NULL;
	struct error listing = ERROR_NULL;
	bool all = true;
	int rc = 0;

	for (int i = 0; rc == 0 && !pages.done && i < PAGES_MAX; i++)
		rc = list_page(pass, &pages, &listing);
	if (rc == -ECANCELED || rc == -ENOMEM)
		return error_set(e, -rc, "%s", listing.text);
	int plain = rc < 0 ? add_plain(pass, &all, e) : 0;
	if (plain < 0)
		return plain;
	if (rc < 0 && !all)
		pass_failed(pass, rc, &listing);
	if (rc < 0 && (!all || !atomic_exchange(&pass->site->no_list, true)))
		log_write(pass->scaler->setup.log, all ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR,
			  "%s; only tables whose section is their name are looked after", listing.text);
	sort_turns(pass);
	return 0;
}

static void own_free(struct section_options *own)
{
	if (own)
		scaler_options_deinit(SCALER_SECTION, own);
	free(own);
}

static void turns_free(struct pass *pass)
{
	for (size_t i = 0; i < pass->n_turns; i++) {
		struct turn *turn = &pass->turns[i];
		for (size_t k = 0; k < turn->n_jobs; k++)
			own_free(turn->jobs[k].own);
		dynamodb_table_deinit(&turn->described);
		free(turn->jobs);
	}
	free(pass->turns);
	free(pass->queries);
	pass->turns = NULL;
	pass->queries = NULL;
	pass->n_turns = pass->n_queries = 0;
}

/* A site that somebody may switch tables on in has none at first. */
static bool has_work(const struct pass *pass)
{
	const struct state *state = &pass->scaler->state;
	bool has = false;

	for (size_t i = 0; i < pass->scaler->setup.config->n_tables && !has; i++)
		has = pass->views[i].site == pass->site;
	scaler_lock(pass->scaler);
	for (size_t i = 0; i < state->n && !has; i++)
		has = state->entries[i]->adopted && strcmp(state->entries[i]->site, pass->site->name) == 0;
	scaler_unlock(pass->scaler);
	return has;
}

static void pass_site(struct pass *pass)
{
	struct error e = ERROR_NULL;

	if (!has_work(pass))
		return;
	int rc = list_tables(pass, &e);
	if (rc < 0)
		pass_failed(pass, rc, &e);
	for (size_t i = 0; i < pass->n_turns; i++)
		pass_tell(pass, &(struct target){ .table = pass->turns[i].table }, NULL, NULL);
	if (rc == 0)
		pass_describe(pass);
	if (rc == 0 && !pass_stopped(pass))
		pass_measure(pass);
	if (rc == 0 && !pass_stopped(pass))
		pass_apply(pass);
	turns_free(pass);
}

static void warn_unserved(const struct pass *pass)
{
	_buf_cleanup_ struct buf keys = BUF_INIT(4096);

	for (size_t i = 0; i < pass->scaler->setup.config->n_tables; i++) {
		if (!pass->views[i].served)
			buf_printf(&keys, "%s%s", keys.len ? ", " : "", pass->views[i].section->key);
	}
	if (keys.len)
		log_warning(pass->scaler->setup.log, "No tables matching the following configured tables found: %s",
			    buf_text(&keys));
}

int scaler_pass(struct scaler *s, struct error *e)
{
	struct pass pass = {
		.scaler = s,
		.now = clock_wall(s->setup.clock) / CLOCK_SECOND,
		.cancel_fd = s->stop_fd,
	};
	size_t n = s->setup.config->n_tables;
	int rc = make_views(&pass, &pass.error);

	pass.rc = rc;
	for (size_t i = 0; rc == 0 && i < s->sites.n && !pass_stopped(&pass); i++) {
		pass.site = s->sites.sites[i];
		pass_site(&pass);
	}
	if (pass.rc == 0)
		warn_unserved(&pass);
	views_free(pass.views, n + 1);
	view_deinit(&pass.unmatched_index);
	scaler_save(s, pass.now);
	if (pass_stopped(&pass))
		return error_set(e, ECANCELED, "the pass was given up");
	return pass.rc < 0 ? error_set(e, -pass.rc, "%s", pass.error.text) : 0;
}
