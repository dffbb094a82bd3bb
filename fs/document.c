/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/document.h"

#include "fs/path.h"
#include "fs/plain.h"

#include <ctype.h>
#include <string.h>

static const char *const names[DOCUMENTS] = { [DOCUMENT_JSON] = "%json", [DOCUMENT_ENV] = "%env" };

const char *document_name(enum document_kind kind)
{
	return names[kind];
}

enum document_kind document_find(const char *name)
{
	unsigned kind = 0;

	while (name[0] == '%' && kind < DOCUMENTS && strcmp(name, names[kind]) != 0)
		kind++;
	return name[0] == '%' ? (enum document_kind)kind : DOCUMENTS;
}

static bool is_stored(const struct entry *entry)
{
	return entry->kind == ENTRY_VALUE && !(entry->flags & ENTRY_MEMORY);
}

static json_t *attribute_of(const struct folder *folder, const struct entry *entry)
{
	json_t *attribute = NULL;

	value_to_attribute((enum value_type)entry->type, entry_value(folder, entry), entry->value_len, &attribute,
			   NULL);
	return attribute;
}

static void render_value(const struct folder *folder, const struct entry *entry, struct buf *out)
{
	json_auto_t *attribute = attribute_of(folder, entry);
	size_t before = out->len;

	if (attribute && plain_render(attribute, out) == 0)
		return;
	out->len = before;
	plain_string(out, entry_value(folder, entry), entry->value_len);
}

static void render_option(const struct folder *option, const char *indent, struct buf *out)
{
	const char *separator = "";
	size_t len;

	buf_char(out, '{');
	for (size_t i = 0; i < option->n_entries; i++) {
		const struct entry *entry = &option->entries[i];
		if (!is_stored(entry))
			continue;
		const char *raw = entry_raw(option, entry, &len);
		buf_printf(out, "%s\n%s  ", separator, indent);
		plain_string(out, raw, len);
		buf_str(out, ": ");
		render_value(option, entry, out);
		separator = ",";
	}
	if (*separator)
		buf_printf(out, "\n%s", indent);
	buf_char(out, '}');
}

void document_render_json(const struct folder *option, struct buf *out)
{
	render_option(option, "", out);
	buf_char(out, '\n');
}

void document_render_store(const struct snapshot *store, struct buf *out)
{
	const char *separator = "";

	buf_char(out, '{');
	for (size_t i = 1; i < store->n_folders; i++) {
		const struct folder *option = store->folders[i];
		buf_printf(out, "%s\n  ", separator);
		plain_string(out, option->raw_path, option->raw_path_len);
		buf_str(out, ": ");
		render_option(option, "  ", out);
		separator = ",";
	}
	buf_printf(out, "%s}\n", *separator ? "\n" : "");
}

/* https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap03.html#tag_03_235 */
static bool is_variable(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];
		if (c != '_' && !(c < 0x80 && isalpha(c)) && !(i > 0 && isdigit(c)))
			return false;
	}
	return len > 0;
}

static bool is_bare(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c >= 0x80 || (!isalnum(c) && !strchr("_./:@%+,=-", c)))
			return false;
	}
	return len > 0;
}

static void append_quoted(struct buf *out, const char *bytes, size_t len)
{
	if (is_bare(bytes, len)) {
		buf_append(out, bytes, len);
		return;
	}
	buf_char(out, '\'');
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\'')
			buf_str(out, "'\\''");
		else
			buf_char(out, bytes[i]);
	}
	buf_char(out, '\'');
}

static void render_variable(const struct folder *option, const struct entry *entry, struct buf *out)
{
	json_auto_t *binary = entry->type == VALUE_B ? attribute_of(option, entry) : NULL;
	const json_t *base64 = json_object_get(binary, "B");
	const char *bytes = base64 ? json_string_value(base64) : entry_value(option, entry);
	size_t len = base64 ? json_string_length(base64) : entry->value_len, raw_len;
	const char *raw = entry_raw(option, entry, &raw_len);
	bool fits = is_variable(raw, raw_len), has_nul = memchr(bytes, '\0', len);

	if (fits && !has_nul) {
		buf_append(out, raw, raw_len);
		buf_char(out, '=');
		append_quoted(out, bytes, len);
		buf_char(out, '\n');
		return;
	}
	buf_str(out, "# ");
	plain_string(out, raw, raw_len);
	buf_printf(out, " is left out: %s\n", fits ? "its value has a NUL" : "no variable has such a name");
}

void document_render_env(const struct folder *option, struct buf *out)
{
	for (size_t i = 0; i < option->n_entries; i++) {
		if (is_stored(&option->entries[i]))
			render_variable(option, &option->entries[i], out);
	}
}
