/* SPDX-License-Identifier: Apache-2.0 */
/* What --show-config prints: the original's names, and ours where they are set. */
#include "scaler/config.h"
#include "scaler/json.h"

struct writer {
	struct buf *out;
	int depth;
	bool first; /* of its object */
};

static void put_key(struct writer *writer, const char *key)
{
	buf_printf(writer->out, "%s\n%*s", writer->first ? "" : ",", 2 * writer->depth, "");
	json_text(key, writer->out);
	buf_str(writer->out, ": ");
	writer->first = false;
}

static void begin(struct writer *writer)
{
	buf_char(writer->out, '{');
	writer->depth++;
	writer->first = true;
}

static void end(struct writer *writer)
{
	writer->depth--;
	if (!writer->first)
		buf_printf(writer->out, "\n%*s", 2 * writer->depth, "");
	buf_char(writer->out, '}');
	writer->first = false;
}

static void put_name(struct writer *writer, const struct scaler_option *row)
{
	_buf_cleanup_ struct buf name = BUF_INIT(256);

	for (const char *at = row->name; *at; at++)
		buf_char(&name, *at == '-' && !(row->flags & SCALER_HYPHENS) ? '_' : *at);
	put_key(writer, buf_text(&name));
}

static void put_options(struct writer *writer, enum scaler_scope scope, const void *base, unsigned without)
{
	for (size_t i = 0; i < scaler_option_count; i++) {
		const struct scaler_option *row = &scaler_options[i];
		bool shown = row->scope == scope && !(row->flags & without);
		if (!shown || ((row->flags & SCALER_OURS) && scaler_option_is_default(row, base)))
			continue;
		put_name(writer, row);
		scaler_option_json(row, base, writer->out);
	}
}

static void put_schedules(struct writer *writer, const struct scaler_section *section)
{
	if (!section->n_schedules)
		return;
	put_key(writer, "schedules");
	begin(writer);
	for (size_t i = 0; i < section->n_schedules; i++) {
		put_key(writer, section->schedules[i].name);
		begin(writer);
		put_options(writer, SCALER_SCHEDULE, &section->schedules[i].options, 0);
		end(writer);
	}
	end(writer);
}

static void put_sections(struct writer *writer, const char *name, const struct scaler_section *sections, size_t n)
{
	put_key(writer, name);
	begin(writer);
	for (size_t i = 0; i < n; i++) {
		const struct scaler_section *section = &sections[i];
		put_key(writer, section->key);
		begin(writer);
		put_options(writer, SCALER_SECTION, &section->options,
			    section->kind == TARGET_INDEX ? SCALER_TABLE_ONLY : 0);
		put_schedules(writer, section);
		if (section->n_indexes)
			put_sections(writer, "gsis", section->indexes, section->n_indexes);
		end(writer);
	}
	end(writer);
}

void scaler_config_show(const struct scaler_config *config, struct buf *out)
{
	struct writer writer = { .out = out };

	begin(&writer);
	put_key(&writer, "global");
	begin(&writer);
	put_options(&writer, SCALER_GLOBAL, &config->global, 0);
	put_options(&writer, SCALER_COMMAND, &config->global, 0);
	end(&writer);
	put_key(&writer, "logging");
	begin(&writer);
	put_options(&writer, SCALER_LOGGING, &config->global, 0);
	end(&writer);
	put_sections(&writer, "tables", config->tables, config->n_tables);
	end(&writer);
	buf_char(out, '\n');
}
