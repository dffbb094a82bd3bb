/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_item.h"
#include "fs/store_sqlite_internal.h"

#include <errno.h>
#include <string.h>

/* What each change is in statements; the caller's transaction makes it whole. */

struct place local_key_place(const struct place *place)
{
	struct place at = *place;

	if (!place->key || place->key_len != 1 || place->key[0] != '.')
		return at;
	const char *slash = memrchr(place->option, '/', place->option_len);
	at.key = slash ? slash + 1 : place->option;
	at.key_len = place->option_len - (size_t)(at.key - place->option);
	at.option_len = slash ? (size_t)(slash - place->option) : 0;
	return at;
}

static int apply_put(struct local *l, const struct change *c, struct error *e)
{
	int r = local_has_paths(l) ? local_edit(l, SQL_MKDIR, &c->to, e) : local_run(l, SQL_HAS_OPTION, &c->to, e);
	if (r < 0 || (r == 0 && !local_has_paths(l)))
		return r < 0 ? r : store_option_error(&c->to, ESTALE, "does not exist any more", e);
	if (c->expect == EXPECT_ABSENT) {
		r = local_run(l, SQL_GET, &c->to, e);
		if (r != 0)
			return r < 0 ? r : store_key_error(&c->to, EEXIST, "exists already", e);
	}
	if (c->expect == EXPECT_VALUE) {
		r = local_holds(l, &c->to, &c->expected, e);
		if (r < 1)
			return r < 0 ? r : store_key_error(&c->to, ESTALE, "was changed by somebody else", e);
	}
	return local_put(l, &c->to, &c->value, e);
}

static int remove_key(struct local *l, const struct place *place, struct error *e)
{
	int r = local_edit(l, SQL_REMOVE, place, e);

	if (r == 0)
		return store_key_error(place, ENOENT, "does not exist any more", e);
	if (r > 0 && local_has_paths(l))
		r = local_run(l, SQL_HAS_KEYS, place, e) == 0 ? local_run(l, SQL_RMDIR, place, e) : 0;
	return r < 0 ? r : 0;
}

static int apply_remove(struct local *l, const struct change *c, struct error *e)
{
	return remove_key(l, &c->from, e);
}

static int apply_rename(struct local *l, const struct change *c, struct error *e)
{
	struct change target = *c;

	int r = local_holds(l, &c->from, &c->expected, e);
	if (r < 1)
		return r < 0 ? r : store_key_error(&c->from, ESTALE, "was changed by somebody else", e);
	r = remove_key(l, &c->from, e);
	if (r < 0)
		return r;
	if (target.expect == EXPECT_VALUE) /* that one was the source's */
		target.expect = EXPECT_ANY;
	return apply_put(l, &target, e);
}

static int apply_mkdir(struct local *l, const struct change *c, struct error *e)
{
	int r = local_edit(l, SQL_MKDIR, &c->to, e);

	return r < 0 ? r : r > 0 ? 0 : store_option_error(&c->to, EEXIST, "exists already", e);
}

static int check_empty(struct local *l, const struct place *place, struct error *e)
{
	int r = local_run(l, SQL_HAS_KEYS, place, e);

	return r == 1 ? store_option_error(place, ENOTEMPTY, "holds keys", e) : r;
}

static int apply_rmdir(struct local *l, const struct change *c, struct error *e)
{
	int r = check_empty(l, &c->from, e);
	if (r < 0)
		return r;
	r = local_edit(l, SQL_RMDIR, &c->from, e);
	return r < 0 ? r : r > 0 ? 0 : store_option_error(&c->from, ENOENT, "does not exist any more", e);
}

static int apply_rename_dir(struct local *l, const struct change *c, struct error *e)
{
	int r = local_run(l, SQL_HAS_OPTION, &c->from, e);
	if (r < 1)
		return r < 0 ? r : store_option_error(&c->from, ENOENT, "does not exist any more", e);
	r = local_edit(l, SQL_MKDIR, &c->to, e);
	if (r == 0 && c->expect == EXPECT_ABSENT)
		return store_option_error(&c->to, EEXIST, "exists already", e);
	if (r >= 0)
		r = check_empty(l, &c->to, e);
	if (r < 0)
		return r;
	r = local_move_keys(l, &c->from, &c->to, e);
	return r < 0 ? r : local_run(l, SQL_RMDIR, &c->from, e);
}

static struct place place_of(const struct change *c, const struct key_change *key)
{
	struct place place = c->to;

	place.key = key_change_name(key)->name;
	place.key_len = key_change_name(key)->name_len;
	return place;
}

static int check_before(struct local *l, const struct change *c, const struct key_change *key, struct error *e)
{
	struct place place = place_of(c, key);
	int r = key->was ? local_holds(l, &place, &key->before, e) : local_run(l, SQL_GET, &place, e);

	if (r == -EINVAL && !key->changes) /* nothing that this program wrote */
		return 0;
	if (r >= 0 && (r == 1) != key->was)
		return store_key_error(&place, ESTALE, "was changed by somebody else", e);
	return r < 0 ? r : 0;
}

/* First everything that goes, so that the option is never larger on the way than it will be. */
static int replace_key(struct local *l, const struct change *c, const struct key_change *key, bool puts,
		       struct error *e)
{
	struct place place = place_of(c, key);

	if (!key->changes || !(puts ? key->is : key->was))
		return 0;
	return puts ? local_put(l, &place, &key->after, e) : local_run(l, SQL_REMOVE, &place, e);
}

static int apply_replace(struct local *l, const struct change *c, struct error *e)
{
	int r = local_run(l, SQL_HAS_OPTION, &c->to, e);
	if (r < 1)
		return r < 0 ? r : store_option_error(&c->to, ESTALE, "does not exist any more", e);
	r = 0;
	for (size_t i = 0; r == 0 && i < c->n_keys; i++)
		r = check_before(l, c, &c->keys[i], e);
	for (int puts = 0; puts <= 1; puts++) {
		for (size_t i = 0; r == 0 && i < c->n_keys; i++)
			r = replace_key(l, c, &c->keys[i], puts, e);
	}
	return r;
}

static int move_keys(struct local *l, const struct change *c, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n_moves; i++) {
		const struct key_move *move = &c->moves[i];
		const struct change one = { .kind = CHANGE_RENAME,
					    .from = local_key_place(&move->from),
					    .to = local_key_place(&move->to),
					    .value = move->expected,
					    .expect = EXPECT_ABSENT,
					    .expected = move->expected };
		r = apply_rename(l, &one, e);
	}
	return r;
}

static int refuse(struct local *l, const struct change *c, struct error *e)
{
	(void)l;
	(void)c;
	return error_set(e, EPERM, "in the path layout a directory is no item, and keys are changed one by one");
}

typedef int applier(struct local *l, const struct change *c, struct error *e);

/* Of the layouts store/option/key, and path. */
static applier *const appliers[CHANGE_KINDS][2] = {
	[CHANGE_PUT] = { apply_put, apply_put },          [CHANGE_REMOVE] = { apply_remove, apply_remove },
	[CHANGE_RENAME] = { apply_rename, apply_rename }, [CHANGE_MKDIR] = { apply_mkdir, refuse },
	[CHANGE_RMDIR] = { apply_rmdir, refuse },         [CHANGE_RENAME_DIR] = { apply_rename_dir, move_keys },
	[CHANGE_REPLACE] = { apply_replace, refuse },
};

int local_change(struct local *l, const struct change *c, struct error *e)
{
	bool paths = local_has_paths(l);
	struct change at = *c;

	if (paths) {
		at.from = local_key_place(&c->from);
		at.to = local_key_place(&c->to);
	}
	return appliers[c->kind][paths](l, &at, e);
}
