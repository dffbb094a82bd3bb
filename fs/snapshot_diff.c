/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/snapshot_private.h"

#include <string.h>

struct walk {
	void (*visit)(void *data, const struct difference *difference);
	void *data;
	size_t told;
};

static void tell(struct walk *walk, const struct difference *difference)
{
	walk->told++;
	if (walk->visit)
		walk->visit(walk->data, difference);
}

static void tell_gone(struct walk *walk, const struct folder *a, const struct folder *b, const struct entry *entry)
{
	tell(walk, &(struct difference){ .before_folder = a, .after_folder = b, .before = entry });
}

static void tell_new(struct walk *walk, const struct folder *a, const struct folder *b, const struct entry *entry)
{
	tell(walk, &(struct difference){ .before_folder = a, .after_folder = b, .after = entry });
}

/* Two entries of one name. What became a folder, or was one, is another thing altogether. */
static void compare_entries(struct walk *walk, const struct folder *a, const struct folder *b, const struct entry *x,
			    const struct entry *y)
{
	if (x->kind != y->kind) {
		tell_gone(walk, a, b, x);
		tell_new(walk, a, b, y);
	} else if (x->kind == ENTRY_VALUE && !entry_same_value(a, x, b, y)) {
		tell(walk, &(struct difference){ a, b, x, y });
	}
}

/* Either may be NULL. */
static void compare_folders(struct walk *walk, const struct folder *a, const struct folder *b)
{
	size_t i = 0, j = 0, n = a ? a->n_entries : 0, m = b ? b->n_entries : 0;

	while (i < n || j < m) {
		int order = i == n ? 1 : -1;
		if (i < n && j < m)
			order = strcmp(entry_name(a, &a->entries[i]), entry_name(b, &b->entries[j]));
		if (order < 0)
			tell_gone(walk, a, b, &a->entries[i++]);
		else if (order > 0)
			tell_new(walk, a, b, &b->entries[j++]);
		else
			compare_entries(walk, a, b, &a->entries[i++], &b->entries[j++]);
	}
}

size_t snapshot_diff(const struct snapshot *before, const struct snapshot *after,
		     void (*visit)(void *data, const struct difference *difference), void *data)
{
	size_t i = 0, j = 0, n = before ? before->n_folders : 0, m = after ? after->n_folders : 0;
	struct walk walk = { visit, data, 0 };

	if (before == after)
		return 0;
	while (i < n || j < m) {
		const struct folder *a = i < n ? before->folders[i] : NULL;
		const struct folder *b = j < m ? after->folders[j] : NULL;
		int order = a == b ? 0 : !a ? 1 : !b ? -1 : strcmp(a->path, b->path);
		i += order <= 0;
		j += order >= 0;
		if (a != b)
			compare_folders(&walk, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
	}
	return walk.told;
}
