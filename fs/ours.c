/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ours.h"

#include "fs/vfs_private.h"

#include <string.h>

/* What became of a path: nothing, a folder, or a value by its modification time. */
enum { GONE = 0, FOLDER = 1 };

static uint64_t key_of(const char *folder, const char *name)
{
	char path[VFS_PATH_MAX];

	if (!vfs_join(folder, name, path))
		return 1;
	return name_hash(0, path, strlen(path)) | 1;
}

static uint64_t folder_key(const char *path)
{
	return name_hash(0, path, strlen(path)) | 1;
}

void ours_add_locked(struct view *view, const struct fact *done)
{
	const uint64_t became[] = {
		[FACT_VALUE] = (uint64_t)(done->mtime ? done->mtime : done->wall),
		[FACT_GONE] = GONE,
		[FACT_FOLDER] = FOLDER,
		[FACT_NO_FOLDER] = GONE,
	};
	uint64_t key = done->name ? key_of(done->folder, done->name) : folder_key(done->folder);

	/* Without memory an event comes twice. */
	idmap_set(&view->ours, key, became[done->kind]);
}

void ours_known_locked(struct view *view, const struct fact *done)
{
	if (done->kind == FACT_VALUE)
		idmap_set(&view->known, key_of(done->folder, done->name),
			  (uint64_t)(done->mtime ? done->mtime : done->wall));
}

static bool became(const struct idmap *ours, uint64_t key, uint64_t what)
{
	uint64_t value = 0;

	return idmap_get(ours, key, &value) && value == what;
}

bool ours_is_known_locked(const struct view *view, const struct folder *folder, const struct entry *entry)
{
	return view->known.n > 0 &&
	       became(&view->known, key_of(folder->path, entry_name(folder, entry)), (uint64_t)entry->mtime);
}

bool ours_has(const struct idmap *ours, const struct difference *d)
{
	const struct folder *folder = d->after ? d->after_folder : d->before_folder;
	const struct entry *entry = d->after ? d->after : d->before;

	if (!ours->n)
		return false;
	uint64_t key = key_of(folder->path, entry_name(folder, entry));
	/* What was in a folder went with it. */
	if (!d->after)
		return became(ours, key, GONE) || became(ours, folder_key(folder->path), GONE);
	return became(ours, key, entry->kind == ENTRY_FOLDER ? FOLDER : (uint64_t)entry->mtime);
}
