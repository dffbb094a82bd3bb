/* SPDX-License-Identifier: Apache-2.0 */
/* What snapshots cost: a million keys in two shapes. Prints one line each; takes about 10 seconds and 200 MB. */
#include "fs/snapshot.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOKUPS = 1000000, EDITS = 200 };

struct shape {
	unsigned folders, keys;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int r, const struct error *e)
{
	if (r == 0)
		return;
	fprintf(stderr, "%s\n", e->text);
	exit(1);
}

/* Memory that is taken from the allocator, its overhead included. */
static size_t memory(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static unsigned scatter(unsigned i, unsigned n)
{
	return (unsigned)((uint64_t)i * 2654435761U % n);
}

static void path_of(char out[32], unsigned number)
{
	snprintf(out, 32, "option-%06u", number);
}

static struct folder_draft *folder_of(const char *path, const struct folder *base, unsigned keys, const char *value)
{
	struct folder_draft *folder;
	struct error e = ERROR_NULL;
	char name[32];

	check(folder_draft_new(path, path, strlen(path), base, &folder, &e), &e);
	for (unsigned i = 0; i < keys; i++) {
		snprintf(name, sizeof(name), "key-%03u", scatter(i, keys));
		struct entry_spec spec = { .name = name, .value = value, .value_len = strlen(value), .mtime = 1 };
		check(folder_draft_set(folder, &spec, &e), &e);
	}
	return folder;
}

static struct snapshot *load(struct shape shape, const struct snapshot *base)
{
	struct snapshot_draft *draft;
	struct snapshot *out;
	struct error e = ERROR_NULL;
	char path[32];

	check(snapshot_draft_new("store", base, false, &draft, &e), &e);
	for (unsigned i = 0; i < shape.folders; i++) {
		path_of(path, scatter(i, shape.folders));
		struct folder_draft *folder = folder_of(path, NULL, shape.keys, "a value of 19 bytes");
		check(snapshot_draft_put(draft, folder, 1, &e), &e);
	}
	check(snapshot_draft_finish(draft, &out, &e), &e);
	return out;
}

static struct snapshot *edit(const struct snapshot *base, const char *path, unsigned keys, const char *value)
{
	struct snapshot_draft *draft;
	struct snapshot *out;
	struct error e = ERROR_NULL;

	check(snapshot_draft_new("store", base, true, &draft, &e), &e);
	struct folder_draft *folder = folder_of(path, snapshot_draft_folder(draft, path), keys, value);
	check(snapshot_draft_put(draft, folder, 2, &e), &e);
	check(snapshot_draft_finish(draft, &out, &e), &e);
	return out;
}

static void look_up(const struct snapshot *s, struct shape shape)
{
	char path[32], name[32];
	const struct folder *folder;
	const struct entry *entry;
	size_t found = 0;
	double start = now();

	for (unsigned i = 0; i < LOOKUPS; i++) {
		path_of(path, scatter(i, shape.folders));
		snprintf(name, sizeof(name), "key-%03u", i % shape.keys);
		found += folder_find(snapshot_folder(s, path), name) != NULL;
	}
	double by_name = now() - start;
	uint64_t *ids = calloc(LOOKUPS, sizeof(*ids));
	for (unsigned i = 0; ids && i < LOOKUPS; i++) {
		folder = s->folders[1 + scatter(i, shape.folders)];
		ids[i] = folder->entries[i % folder->n_entries].id;
	}
	start = now();
	for (unsigned i = 0; ids && i < LOOKUPS; i++)
		found += snapshot_find_id(s, ids[i], &folder, &entry);
	double by_id = now() - start;
	free(ids);
	printf("  look up by name %.0f ns, by id %.0f ns (%zu found)\n", by_name / LOOKUPS * 1e9, by_id / LOOKUPS * 1e9,
	       found);
}

/* Edits of existing folders, or of new ones. */
static void edit_some(const char *what, const struct snapshot *base, struct shape shape, bool new, int edits)
{
	struct snapshot *s = snapshot_ref(base);
	char path[32];
	double start = now();

	for (int i = 0; i < edits; i++) {
		path_of(path, scatter((unsigned)i, shape.folders) + (new ? shape.folders : 0));
		struct snapshot *next = edit(s, path, 1, i % 2 ? "odd" : "even");
		snapshot_unref(s);
		s = next;
	}
	printf("  %s: %.0f us each, dropping the old one included\n", what, (now() - start) / edits * 1e6);
	snapshot_unref(s);
}

static void compare(const struct snapshot *s, struct shape shape)
{
	struct snapshot *other = load(shape, NULL), *next = edit(s, "option-000007", 1, "other");
	double start = now();
	size_t told = snapshot_diff(s, other, NULL, NULL);
	double middle = now();

	told += snapshot_diff(s, next, NULL, NULL);
	printf("  compare with an equal one that shares nothing %.1f ms, with one after an edit %.3f ms (%zu differ)\n",
	       (middle - start) * 1e3, (now() - middle) * 1e3, told);
	start = now();
	struct snapshot *again = load(shape, s);
	printf("  load again with nothing changed %.2f s%s\n", now() - start, again == s ? "" : ": NOT SHARED");
	snapshot_unref(again);
	snapshot_unref(next);
	snapshot_unref(other);
}

static void measure(struct shape shape)
{
	double keys = (double)shape.folders * shape.keys;

	malloc_trim(0);
	size_t before = memory();
	double start = now();
	struct snapshot *s = load(shape, NULL);
	double seconds = now() - start;
	double above = (double)(memory() - before) / keys - (double)strlen("key-000"
									   "a value of 19 bytes");

	printf("%u folders of %u keys: built in %.2f s, %.1f bytes a key above names and values\n", shape.folders,
	       shape.keys, seconds, above);
	look_up(s, shape);
	edit_some("an edit of one key", s, shape, false, EDITS);
	edit_some("a new folder", s, shape, true, EDITS / 10);
	compare(s, shape);
	start = now();
	snapshot_unref(s);
	printf("  dropped in %.2f s\n", now() - start);
}

int main(void)
{
	measure((struct shape){ 100000, 10 });
	measure((struct shape){ 10000, 100 });
	return 0;
}
