/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/document.h"
#include "fs/snapshot_private.h"

#include <stdatomic.h>

static int64_t newest(const struct folder *folder)
{
	int64_t mtime = folder->mtime;

	for (size_t i = 0; i < folder->n_entries; i++) {
		const struct entry *entry = &folder->entries[i];
		if (!(entry->flags & ENTRY_MEMORY) && entry->mtime > mtime)
			mtime = entry->mtime;
	}
	return mtime;
}

static int add(struct folder_draft *draft, enum document_kind kind, const struct buf *text, int64_t mtime)
{
	struct entry_spec spec = { .name = document_name(kind),
				   .type = VALUE_S,
				   .value = buf_text(text),
				   .value_len = text->len,
				   .mtime = mtime };
	int r = buf_error(text);

	return r < 0 ? r : folder_draft_set(draft, &spec, NULL);
}

/* Nobody else has seen the folder yet. */
static struct folder *finish(struct folder_draft *draft, const struct folder *of, int64_t mtime)
{
	struct folder *made = NULL;

	if (folder_build(draft, 0, NULL, false, mtime, &made, NULL) < 0)
		return NULL;
	made->id = of->id;
	for (size_t i = 0; i < made->n_entries; i++) {
		struct entry *entry = (struct entry *)&made->entries[i];
		entry->id = document_id(of->id, document_find(entry_name(made, entry)));
	}
	return made;
}

static struct folder *make_of_option(const struct folder *option)
{
	_buf_cleanup_ struct buf json = BUF_INIT(DOCUMENT_MAX), env = BUF_INIT(DOCUMENT_MAX);
	struct folder_draft *draft = NULL;
	struct folder *made = NULL;
	int64_t mtime = newest(option);

	document_render_json(option, &json);
	document_render_env(option, &env);
	if (folder_draft_new(option->path, option->raw_path, option->raw_path_len, NULL, &draft, NULL) == 0 &&
	    add(draft, DOCUMENT_JSON, &json, mtime) == 0 && add(draft, DOCUMENT_ENV, &env, mtime) == 0)
		made = finish(draft, option, mtime);
	folder_draft_free(draft);
	return made;
}

static struct folder *make_of_store(const struct snapshot *store)
{
	_buf_cleanup_ struct buf json = BUF_INIT(DOCUMENT_MAX);
	struct folder_draft *draft = NULL;
	struct folder *made = NULL;
	int64_t mtime = 0;

	for (size_t i = 0; i < store->n_folders; i++) {
		int64_t of_folder = newest(store->folders[i]);
		mtime = of_folder > mtime ? of_folder : mtime;
	}
	document_render_store(store, &json);
	if (folder_draft_new("", "", 0, NULL, &draft, NULL) == 0 && add(draft, DOCUMENT_JSON, &json, mtime) == 0)
		made = finish(draft, store->folders[0], mtime);
	folder_draft_free(draft);
	return made;
}

/* The first to be there stays; a folder that came second goes. */
static const struct folder *keep(struct folder *_Atomic *place, struct folder *made)
{
	struct folder *there = NULL;

	if (!made || atomic_compare_exchange_strong(place, &there, made))
		return made;
	folder_unref(made);
	return there;
}

const struct folder *document_folder(const struct folder *option)
{
	/* Like the counter of references, not part of what is constant. */
	struct folder *_Atomic *place = &((struct folder *)option)->documents;
	const struct folder *there = atomic_load(place);

	return there ? there : keep(place, make_of_option(option));
}

const struct folder *document_folder_of_store(const struct snapshot *store)
{
	struct folder *_Atomic *place = &((struct snapshot *)store)->documents;
	const struct folder *there = atomic_load(place);

	return there ? there : keep(place, make_of_store(store));
}
