/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes are an edit script: drafts that put and remove folders, compared after each with a naive model. Names that
 * begin with "w" have one hash, so that ids meet: the linker sends name_hash here. */
#include "fs/snapshot.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
uint64_t __real_name_hash(uint64_t seed, const void *bytes, size_t len);
uint64_t __wrap_name_hash(uint64_t seed, const void *bytes, size_t len);

/* Both sorted, so that numbers compare as names do. The last component of each path is a name too. */
static const char *const paths[] = { "",  "a",   "a b", "a/b", "a/b/k", "a/w1",    "a0",
				     "b", "b/k", "w1",  "w2",  "w2/w1", "\xc3\xbc" };
static const char *const names[] = { NAME_OWN_VALUE, "a", "a b", "a0", "b", "k", "l", "w1", "w2", "w3", "\xc3\xbc" };
static const char *const values[] = { "", "1", "2", "a value that is longer than the others are" };

enum {
	PATHS = sizeof(paths) / sizeof(*paths),
	NAMES = sizeof(names) / sizeof(*names),
	VALUES = sizeof(values) / sizeof(*values),
	OWN = 0,   /* the name of a folder's own value */
	TYPES = 3, /* S, N and an S that is in memory only */
	ANY_TIME = -1,
};

struct key {
	bool present;
	unsigned value, type;
	int64_t mtime;
	uint64_t id;
};

/* A store as plain tables. */
struct model {
	bool present[PATHS];
	int64_t mtime[PATHS];
	uint64_t id[PATHS];
	struct key keys[PATHS][NAMES];
};

struct script {
	const uint8_t *data;
	size_t left;
};

struct world {
	struct snapshot *snapshot; /* NULL: none yet */
	struct model model;
	struct snapshot_draft *draft; /* NULL: none open */
	struct model next;
	bool edits; /* the draft is one that keeps */
	int64_t now;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

uint64_t __wrap_name_hash(uint64_t seed, const void *bytes, size_t len)
{
	uint64_t hash = __real_name_hash(seed, bytes, len);

	/* The top bits are in no id. */
	return len > 0 && *(const char *)bytes == 'w' ? (hash & 0xffULL << 56) | 5 : hash;
}

static unsigned next(struct script *script, unsigned below)
{
	if (script->left == 0)
		return 0;
	script->left--;
	return *script->data++ % below;
}

static int path_number(const char *path, size_t len)
{
	for (int i = 0; i < PATHS; i++) {
		if (strlen(paths[i]) == len && memcmp(paths[i], path, len) == 0)
			return i;
	}
	return -1;
}

static int name_number(const char *name)
{
	for (int i = 0; i < NAMES; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static int parent_of(int path)
{
	const char *slash = strrchr(paths[path], '/');

	return path_number(paths[path], slash ? (size_t)(slash - paths[path]) : 0);
}

static const char *last_part(int path)
{
	const char *slash = strrchr(paths[path], '/');

	return slash ? slash + 1 : paths[path];
}

static bool is_within(int path, int folder)
{
	size_t len = strlen(paths[folder]);

	return len == 0 || (strncmp(paths[path], paths[folder], len) == 0 && strchr("/", paths[path][len]));
}

/* The child folder of that name, if it is there; -1 otherwise. */
static int child_of(const struct model *model, int path, int name)
{
	for (int i = 1; i < PATHS; i++) {
		if (model->present[i] && parent_of(i) == path && strcmp(last_part(i), names[name]) == 0)
			return i;
	}
	return -1;
}

static bool has_name(const struct model *model, int path, int name)
{
	return model->present[path] && (model->keys[path][name].present || child_of(model, path, name) >= 0);
}

static bool same_value(const struct key *a, const struct key *b)
{
	return a->present && b->present && a->value == b->value && a->type == b->type;
}

/* ---- the model's side of a draft ---- */

static void model_put(struct world *world, int path)
{
	for (int i = path; i > 0; i = parent_of(i)) {
		world->next.present[parent_of(i)] = true;
	}
	world->next.present[path] = true;
}

static void model_remove(struct world *world, int path)
{
	for (int i = 0; i < PATHS; i++) {
		if (!is_within(i, path))
			continue;
		world->next.present[i] = false;
		memset(world->next.keys[i], 0, sizeof(world->next.keys[i]));
	}
	if (path == 0)
		model_put(world, 0);
}

static bool same_names(const struct model *a, const struct model *b, int path)
{
	bool same = a->present[path] && b->present[path];

	for (int i = 0; i < NAMES; i++)
		same = same && has_name(a, path, i) == has_name(b, path, i) &&
		       (child_of(a, path, i) >= 0) == (child_of(b, path, i) >= 0);
	return same;
}

/* When the set of names of a folder last changed. The store's own has it from the clock after a load. */
static int64_t time_of(const struct world *world, int path)
{
	if (same_names(&world->next, &world->model, path))
		return world->model.mtime[path];
	return path == 0 && !world->edits ? ANY_TIME : world->now;
}

/* A value of a folder's name is that folder's own; its parent comes before it. */
static void move_own_value(struct model *model, int path, int name)
{
	struct key *key = &model->keys[path][name];
	int child = child_of(model, path, name);

	if (!key->present || child < 0)
		return;
	model->keys[child][OWN] = *key;
	key->present = false;
}

/* Times and ids come from what was there before. */
static void model_finish(struct world *world)
{
	struct model *model = &world->next, *before = &world->model;

	for (int i = 0; i < PATHS; i++) {
		for (int j = 0; j < NAMES; j++) {
			struct key *key = &model->keys[i][j], *old = &before->keys[i][j];
			key->mtime = same_value(key, old) ? old->mtime : key->mtime;
			move_own_value(model, i, j);
			key->id = key->present && old->present ? old->id : 0;
		}
		model->id[i] = before->present[i] ? before->id[i] : 0;
	}
	for (int i = 0; i < PATHS; i++)
		model->mtime[i] = time_of(world, i);
}

/* ---- comparing ---- */

static void check_key(const struct snapshot *snapshot, const struct folder *folder, const struct entry *entry,
		      struct key *key)
{
	const struct folder *found;
	const struct entry *hit;
	size_t len;

	require(entry->kind == ENTRY_VALUE && key->present);
	require(entry->value_len == strlen(values[key->value]));
	require(memcmp(entry_value(folder, entry), values[key->value], entry->value_len) == 0);
	require(entry->type == (key->type == 1 ? VALUE_N : VALUE_S));
	require(entry->flags == (key->type == 2 ? ENTRY_MEMORY : 0));
	require(entry->mtime == key->mtime);
	require(id_is_value(entry->id) && (key->id == 0 || key->id == entry->id));
	require((entry->id << 8 >> 42) == (folder->id << 8 >> 42));
	require(snapshot_find_id(snapshot, entry->id, &found, &hit) && hit->id == entry->id);
	/* Folders that share a hash share their values' ids as well. */
	require(*folder->path == 'w' || (found == folder && hit == entry));
	const char *raw = entry_raw(folder, entry, &len);
	bool own = strcmp(entry_name(folder, entry), NAME_OWN_VALUE) == 0;
	require(own ? len == 1 && *raw == '.' : raw == entry_name(folder, entry) && len == entry->name_len);
	key->id = entry->id;
}

static void check_folder(const struct snapshot *snapshot, const struct folder *folder, struct model *model, int path)
{
	const struct folder *found;
	const struct entry *hit;
	uint64_t size = 0;
	uint32_t n = 0;

	require(strcmp(folder->path, paths[path]) == 0 && folder->raw_path == folder->path);
	require(id_is_folder(folder->id) && (model->id[path] == 0 || model->id[path] == folder->id));
	require(snapshot_find_id(snapshot, folder->id, &found, &hit) && found == folder && !hit);
	require(folder->mtime == model->mtime[path] || model->mtime[path] == ANY_TIME);
	model->mtime[path] = folder->mtime;
	model->id[path] = folder->id;
	for (int i = 0; i < NAMES; i++) {
		const struct entry *entry = folder_find(folder, names[i]);
		int child = child_of(model, path, i);
		require((entry != NULL) == has_name(model, path, i));
		if (!entry)
			continue;
		require(entry == &folder->entries[n++] && folder_find_id(folder, entry->id) == entry);
		require(n == 1 || folder->entries[folder->by_id[n - 2]].id < folder->entries[folder->by_id[n - 1]].id);
		if (child >= 0) {
			require(entry->kind == ENTRY_FOLDER);
			require(entry->id == snapshot_folder(snapshot, paths[child])->id);
			continue;
		}
		check_key(snapshot, folder, entry, &model->keys[path][i]);
		if (!(entry->flags & ENTRY_MEMORY))
			size += (entry->raw_len ? entry->raw_len : entry->name_len) +
				value_size((enum value_type)entry->type, entry->value_len);
	}
	require(n == folder->n_entries && size == folder->size);
}

static void check_snapshot(const struct snapshot *snapshot, struct model *model)
{
	size_t n = 0, n_values = 0;
	uint64_t bytes = 0;

	for (int i = 0; i < PATHS; i++) {
		const struct folder *folder = snapshot_folder(snapshot, paths[i]);
		require((folder != NULL) == model->present[i]);
		if (!folder)
			continue;
		require(snapshot->folders[n++] == folder);
		check_folder(snapshot, folder, model, i);
		for (int j = 0; j < NAMES; j++) {
			bool counts = model->keys[i][j].present && model->keys[i][j].type != 2;
			n_values += counts;
			bytes += counts ? strlen(values[model->keys[i][j].value]) : 0;
		}
	}
	require(n == snapshot->n_folders && n_values == snapshot->n_values && bytes == snapshot->bytes);
}

struct seen {
	const struct model *before, *after;
	int path, name; /* of the last difference */
};

static bool is_folder(const struct model *model, int path, int name)
{
	return child_of(model, path, name) >= 0;
}

static bool key_differs(const struct seen *seen, int path, int name)
{
	const struct model *before = seen->before, *after = seen->after;
	bool folder = is_folder(before, path, name), had = has_name(before, path, name);

	if (had != has_name(after, path, name) || folder != is_folder(after, path, name))
		return true;
	return had && !folder && !same_value(&before->keys[path][name], &after->keys[path][name]);
}

static void see(void *data, const struct difference *d)
{
	struct seen *seen = data;
	const struct folder *folder = d->after_folder ? d->after_folder : d->before_folder;
	int path = path_number(folder->path, strlen(folder->path));
	int name =
		name_number(d->after ? entry_name(d->after_folder, d->after) : entry_name(d->before_folder, d->before));

	require(d->before || d->after);
	require((d->before_folder != NULL) == seen->before->present[path]);
	require((d->after_folder != NULL) == seen->after->present[path]);
	require(path > seen->path || (path == seen->path && name >= seen->name));
	require(key_differs(seen, path, name));
	seen->path = path;
	seen->name = name;
}

/* What became a folder, or was one, is told twice. */
static size_t model_diff(const struct model *before, const struct model *after)
{
	struct seen seen = { before, after, 0, 0 };
	size_t n = 0;

	for (int i = 0; i < PATHS; i++) {
		for (int j = 0; j < NAMES; j++) {
			bool both = has_name(before, i, j) && has_name(after, i, j);
			bool kind = is_folder(before, i, j) != is_folder(after, i, j);
			n += key_differs(&seen, i, j) ? (both && kind ? 2 : 1) : 0;
		}
	}
	return n;
}

static void check_diff(const struct world *world, const struct snapshot *made)
{
	struct seen there = { &world->model, &world->next, 0, 0 }, back = { &world->next, &world->model, 0, 0 };
	size_t n = model_diff(&world->model, &world->next);

	require(snapshot_diff(world->snapshot, made, see, &there) == n);
	require(snapshot_diff(made, world->snapshot, see, &back) == n);
	if (!world->snapshot)
		return;
	bool same = memcmp(world->model.present, world->next.present, sizeof(world->model.present)) == 0;
	require((made == world->snapshot) == (n == 0 && same));
	for (int i = 0; i < PATHS; i++) {
		const struct folder *a = snapshot_folder(world->snapshot, paths[i]);
		const struct folder *b = snapshot_folder(made, paths[i]);
		bool differs = !a || !b;
		for (int j = 0; j < NAMES; j++)
			differs = differs || key_differs(&there, i, j);
		require((a == b) == (!differs || (!a && !b)));
	}
}

/* ---- the script's commands ---- */

static void begin(struct world *world, bool keep)
{
	snapshot_draft_free(world->draft);
	world->now++;
	world->edits = keep && world->snapshot;
	require(snapshot_draft_new("store", world->snapshot, keep, &world->draft, NULL) == 0);
	if (world->edits)
		world->next = world->model;
	else
		world->next = (struct model){ .present = { true } };
}

static void change_key(struct world *world, struct script *script, struct folder_draft *folder, struct key *keys)
{
	unsigned name = next(script, NAMES), what = next(script, VALUES * TYPES + 3);
	struct entry_spec spec = { .name = names[name], .mtime = world->now };

	if (what >= VALUES * TYPES) {
		folder_draft_remove(folder, names[name]);
		keys[name] = (struct key){ 0 };
		return;
	}
	struct key key = { true, what % VALUES, what / VALUES, world->now, 0 };
	spec.type = key.type == 1 ? VALUE_N : VALUE_S;
	spec.flags = key.type == 2 ? ENTRY_MEMORY : 0;
	spec.raw = name == OWN ? "." : NULL;
	spec.raw_len = 1;
	spec.value = values[key.value];
	spec.value_len = strlen(spec.value);
	require(folder_draft_set(folder, &spec, NULL) == 0);
	keys[name] = key;
}

static void put(struct world *world, struct script *script)
{
	int path = (int)next(script, PATHS), from = next(script, 4) ? path : (int)next(script, PATHS);
	const struct folder *base = next(script, 2) ? snapshot_draft_folder(world->draft, paths[from]) : NULL;
	struct folder_draft *folder;
	struct key keys[NAMES] = { 0 };

	require(folder_draft_new(paths[path], paths[path], strlen(paths[path]), base, &folder, NULL) == 0);
	if (base)
		memcpy(keys, world->next.keys[from], sizeof(keys));
	for (unsigned n = next(script, 8); n > 0; n--)
		change_key(world, script, folder, keys);
	require(snapshot_draft_put(world->draft, folder, world->now, NULL) == 0);
	model_put(world, path);
	memcpy(world->next.keys[path], keys, sizeof(keys));
}

static void remove_folder(struct world *world, struct script *script)
{
	int path = (int)next(script, PATHS);

	require(snapshot_draft_remove(world->draft, paths[path], world->now, NULL) == 0);
	model_remove(world, path);
}

static void finish(struct world *world)
{
	struct snapshot *made;

	require(snapshot_draft_finish(world->draft, &made, NULL) == 0);
	world->draft = NULL;
	model_finish(world);
	check_snapshot(made, &world->next);
	check_diff(world, made);
	if (world->snapshot)
		check_snapshot(world->snapshot, &world->model);
	snapshot_unref(world->snapshot);
	world->snapshot = made;
	world->model = world->next;
}

static void check_draft(const struct world *world)
{
	for (int i = 0; i < PATHS; i++)
		require((snapshot_draft_folder(world->draft, paths[i]) != NULL) == world->next.present[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { data, size };
	struct world world = { 0 };

	while (script.left > 0) {
		unsigned command = next(&script, 16);
		if (!world.draft || command == 0)
			begin(&world, command % 4);
		if (command < 10)
			put(&world, &script);
		else if (command < 13)
			remove_folder(&world, &script);
		else
			finish(&world);
		if (world.draft)
			check_draft(&world);
	}
	snapshot_draft_free(world.draft);
	snapshot_unref(world.snapshot);
	return 0;
}
