/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/scaling.h"

#include "aws/config.h"
#include "aws/core/file.h"
#include "aws/http_curl.h"
#include "fs/backend.h"
#include "fs/events.h"
#include "fs/tables.h"
#include "scaler/steer.h"
#include "version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIBE_TIMEOUT (20 * CLOCK_SECOND) /* as that of a pass */

static const char *get_environment(void *data, const char *name)
{
	(void)data;
	return getenv(name);
}

/* The first source in DynamoDB says where the scaler's own region is, and its server. */
static size_t source_arguments(const struct mount *m, struct scaler_argument arguments[2])
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_sources; i++) {
		const struct source *source = &m->sources[i];
		if (!source->backend)
			continue;
		arguments[n++] = (struct scaler_argument){ "region", source->backend->endpoint.region };
		if (source->settings->endpoint_url)
			arguments[n++] = (struct scaler_argument){ "endpoint-url", source->settings->endpoint_url };
		break;
	}
	return n;
}

static int load_config(struct mount *m, struct scaling *s, struct error *e)
{
	struct scaler_argument arguments[2];
	struct scaler_config_request request = {
		.file = m->settings->file,
		.arguments = arguments,
		.n_arguments = source_arguments(m, arguments),
		.shared = true,
	};

	return scaler_config_load(&request, m->log, &s->config, e);
}

/* What a decision that led to a change, or should have, says. */
static json_t *decision_of(const struct scaler_news *news)
{
	return json_pack("{s:s, s:s*, s:b, s:s}", "table", news->target->table, "index", news->target->index, "done",
			 news->event->done, "text", news->event->text);
}

static void add_table_locked(struct mount *m, const char *site, const char *table)
{
	struct scaler_site at;

	for (size_t i = 0; scaler_site_at(m->scaling->scaler, i, &at); i++) {
		struct table_place place = {
			.region = at.region, .site = at.name, .db = at.db, .timeout = DESCRIBE_TIMEOUT
		};
		if (strcmp(at.name, site) == 0)
			tables_add_locked(m, &place, table);
	}
}

/* From the scaler's thread. */
static void tell(void *data, const struct scaler_news *news)
{
	struct mount *m = data;
	const char *table = news->target->table;
	MOUNT_LOCKED(m);

	add_table_locked(m, news->site, table);
	if (news->event)
		events_add_locked(m, "decision", decision_of(news));
	if (news->event && news->event->done)
		tables_changing_locked(m, news->site, table);
	if (news->failure && news->failure->number)
		events_error_locked(m, table, news->failure);
	else if (news->failure)
		events_recovery_locked(m, table);
}

static int open_scaler(struct mount *m, struct scaling *s, struct error *e)
{
	_aws_config_cleanup_ struct aws_config aws = AWS_CONFIG_NULL;
	struct scaler_setup setup = {
		.config = &s->config,
		.clock = m->clock,
		.log = m->log,
		.credentials = { .getenv = get_environment, .log = m->log, .clock = m->clock },
		.steered = true,
		.tell = tell,
		.data = m,
	};
	int r = aws_config_load(&setup.credentials, &aws, e);

	if (r < 0)
		return r;
	struct http_curl_options http = { .clock = m->clock,
					  .user_agent = "dynconf/" DYNCONF_VERSION,
					  .ca_bundle = aws.ca_bundle };
	r = http_curl_new(&http, &s->http, e);
	if (r < 0)
		return r;
	setup.http = setup.credentials.http = s->http;
	setup.max_attempts = aws.max_attempts;
	return scaler_new(&setup, &s->scaler, e);
}

int scaling_new(struct mount *m, struct error *e)
{
	if (!m->settings->scaler)
		return 0;
	m->scaling = calloc(1, sizeof(*m->scaling));
	if (!m->scaling)
		return error_no_memory(e);
	pthread_mutex_init(&m->scaling->keep, NULL);
	int r = load_config(m, m->scaling, e);
	return r < 0 ? r : open_scaler(m, m->scaling, e);
}

int scaling_start(struct mount *m, struct error *e)
{
	return m->scaling ? scaler_start(m->scaling->scaler, false, e) : 0;
}

void scaling_stop(struct mount *m)
{
	if (m->scaling && m->scaling->scaler)
		scaler_stop(m->scaling->scaler, NULL);
}

void scaling_free(struct mount *m)
{
	if (!m->scaling)
		return;
	scaler_free(m->scaling->scaler);
	http_free(m->scaling->http);
	scaler_config_deinit(&m->scaling->config);
	pthread_mutex_destroy(&m->scaling->keep);
	free(m->scaling);
	m->scaling = NULL;
}

const char *scaling_site(const struct mount *m, const char *region)
{
	struct scaler_site at;

	for (size_t i = 0; m->scaling && scaler_site_at(m->scaling->scaler, i, &at); i++) {
		if (strcmp(at.region, region) == 0)
			return at.name;
	}
	return NULL;
}

int scaling_keep(struct mount *m, struct error *e)
{
	const char *path = m->scaling->config.global.options_persist;
	struct scaler *scaler = m->scaling->scaler;
	int64_t next;

	if (!path)
		return 0;
	pthread_mutex_lock(&m->scaling->keep);
	scaler_lock(scaler);
	char *text = steer_text(scaler_state(scaler, &next));
	scaler_unlock(scaler);
	int r = text ? file_replace(path, text) : -ENOMEM;
	pthread_mutex_unlock(&m->scaling->keep);
	free(text);
	return r < 0 ? error_set(e, EIO, "%s (options-persist) cannot be written: %s", path, strerror(-r)) : 0;
}
