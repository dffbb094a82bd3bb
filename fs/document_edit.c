/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to an option's %json, as changes of its keys. */
#include "fs/document.h"
#include "fs/path.h"
#include "fs/plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An edit while it is made. Names and values gather in `text`, and are pointed at once it moves no more. */
struct making {
	const struct folder *option;
	struct document_edit *edit;
	struct buf text;
	struct buf seen; /* a byte for each entry of the option: it stands in the document */
	uint64_t size;   /* of the item then */
};

static struct attribute attribute_of(const struct folder *option, const struct entry *entry)
{
	struct attribute value = { .type = (enum value_type)entry->type,
				   .bytes = entry_value(option, entry),
				   .len = entry->value_len };

	value.name = entry_raw(option, entry, &value.name_len);
	return value;
}

static const struct entry *stored_entry(const struct folder *option, const char *raw, size_t len)
{
	char name[FILE_NAME_MAX + 1];
	const struct entry *entry =
		name_encode(raw, len, NAME_ANYWHERE, name, NULL) < 0 ? NULL : folder_find(option, name);

	return entry && entry->kind == ENTRY_VALUE && !(entry->flags & ENTRY_MEMORY) ? entry : NULL;
}

/* The stored value as writing sees it. What no type of DynamoDB's holds, and another engine sent, was shown as text. */
static json_t *stored_value(const struct attribute *before)
{
	json_t *stored = NULL;

	if (value_to_attribute(before->type, before->bytes, before->len, &stored, NULL) == 0)
		return stored;
	return json_pack("{s:s%}", "S", before->bytes, before->len);
}

/* Sets `after` to what the value is to be, in the text; its pointer comes later. */
static int add_value(struct making *m, struct key_change *change, json_t *value, struct error *e)
{
	json_auto_t *stored = change->was ? stored_value(&change->before) : NULL, *fitted = NULL;
	_buf_cleanup_ struct buf bytes = BUF_INIT((size_t)16 << 20);

	if (plain_fit(value, stored, &fitted) < 0)
		return error_no_memory(e);
	change->changes = !change->was || !json_equal(fitted, stored);
	if (!change->changes) {
		change->after = change->before;
		return 0;
	}
	int r = value_from_attribute(fitted, &change->after.type, &bytes, e);
	if (r < 0)
		return r;
	change->after.len = bytes.len;
	buf_append(&m->text, buf_text(&bytes), bytes.len);
	return 0;
}

static int add_member(struct making *m, const char *raw, size_t len, json_t *value, struct error *e)
{
	struct key_change *change = &m->edit->changes[m->edit->n];
	const struct entry *entry = stored_entry(m->option, raw, len);
	char name[FILE_NAME_MAX + 1];

	if (name_encode(raw, len, NAME_ANYWHERE, name, NULL) < 0)
		return error_set(e, EINVAL, "a key has a name, of at most 65,535 bytes");
	*change = (struct key_change){ .was = entry, .is = true };
	if (entry) {
		change->before = attribute_of(m->option, entry);
		m->seen.data[entry - m->option->entries] = 1;
	} else {
		buf_append(&m->text, raw, len);
		change->after.name_len = len;
	}
	int r = add_value(m, change, value, e);
	if (r < 0)
		return error_context(e, "%.*s", (int)(len < 200 ? len : 200), raw);
	m->size += len + value_size(change->after.type, change->after.len);
	m->edit->n_changed += change->changes;
	m->edit->n++;
	return 0;
}

static void add_removals(struct making *m)
{
	for (size_t i = 0; i < m->option->n_entries; i++) {
		const struct entry *entry = &m->option->entries[i];
		if (m->seen.data[i] || entry->kind != ENTRY_VALUE || (entry->flags & ENTRY_MEMORY))
			continue;
		m->edit->changes[m->edit->n++] =
			(struct key_change){ .before = attribute_of(m->option, entry), .was = true, .changes = true };
		m->edit->n_changed++;
	}
}

/* The text moves no more. */
static void point(struct document_edit *edit)
{
	const char *at = edit->text;

	for (size_t i = 0; i < edit->n; i++) {
		struct key_change *change = &edit->changes[i];
		if (!change->changes || !change->is)
			continue;
		if (change->was) {
			change->after.name = change->before.name;
			change->after.name_len = change->before.name_len;
		} else {
			change->after.name = at;
			at += change->after.name_len;
		}
		change->after.bytes = at;
		at += change->after.len;
	}
}

static int add_all(struct making *m, json_t *members, struct error *e)
{
	size_t n = json_object_size(members) + m->option->n_entries, len;
	const char *raw;
	json_t *value;

	m->edit->changes = calloc(n + 1, sizeof(*m->edit->changes));
	char *seen = buf_reserve(&m->seen, m->option->n_entries + 1);
	if (!m->edit->changes || !seen)
		return error_no_memory(e);
	memset(seen, 0, m->option->n_entries + 1);
	json_object_keylen_foreach(members, raw, len, value)
	{
		int r = add_member(m, raw, len, value, e);
		if (r < 0)
			return r;
	}
	add_removals(m);
	if (m->size > ITEM_SIZE_MAX)
		return error_set(e, EFBIG, "an item holds 400 KB in all, and this would be %llu bytes",
				 (unsigned long long)m->size);
	m->edit->text = buf_take(&m->text, NULL);
	if (!m->edit->text)
		return error_no_memory(e);
	point(m->edit);
	return 0;
}

int document_edit(const struct folder *option, const char *text, size_t len, struct document_edit *edit,
		  struct error *e)
{
	__attribute__((cleanup(document_edit_deinit))) struct document_edit made = DOCUMENT_EDIT_NULL;
	struct making m = { .option = option, .edit = &made };
	json_auto_t *document = NULL;

	int r = plain_parse(text, len, &document, e);
	if (r < 0)
		return r;
	json_t *members = json_object_get(document, "M");
	if (!members)
		return error_set(e, EINVAL, "an option is a JSON object: {\"key\": \"value\"}");
	m.text = BUF_INIT((size_t)64 << 20);
	m.seen = BUF_INIT((size_t)option->n_entries + 1);
	r = add_all(&m, members, e);
	buf_deinit(&m.text);
	buf_deinit(&m.seen);
	if (r < 0)
		return r;
	*edit = made;
	made = DOCUMENT_EDIT_NULL;
	return 0;
}

void document_edit_deinit(struct document_edit *edit)
{
	free(edit->changes);
	free(edit->text);
	*edit = DOCUMENT_EDIT_NULL;
}
