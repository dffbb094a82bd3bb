/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_suite.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- What they are written with ---- */

static struct change put_of(const char *option, const char *key, const char *text)
{
	return (struct change){ .kind = CHANGE_PUT, .to = suite_place("s", option, key), .value = suite_text(text) };
}

static int remove_key(struct store *store, const char *option, const char *key)
{
	return suite_apply(store, &(struct change){ .kind = CHANGE_REMOVE, .from = suite_place("s", option, key) });
}

static int remove_option(struct store *store, const char *option)
{
	return suite_apply(store, &(struct change){ .kind = CHANGE_RMDIR, .from = suite_place("s", option, NULL) });
}

static int move_option(struct store *store, const char *from, const char *to, enum expect_kind expect)
{
	return suite_apply(store, &(struct change){ .kind = CHANGE_RENAME_DIR,
						    .from = suite_place("s", from, NULL),
						    .to = suite_place("s", to, NULL),
						    .expect = expect });
}

static struct change rename_of(const char *from_option, const char *from, const char *to_option, const char *to,
			       const char *text)
{
	return (struct change){
		.kind = CHANGE_RENAME,
		.from = suite_place("s", from_option, from),
		.to = suite_place("s", to_option, to),
		.value = suite_text(text),
		.expected = suite_text(text),
	};
}

static void expect_option(struct store *store, const char *option, const char *dump)
{
	_buf_cleanup_ struct buf lines = BUF_INIT(SUITE_DUMP_MAX);
	struct store_sink sink = { .item = suite_sink, .data = &lines };
	struct store_call call = suite_call();
	struct place place = suite_place("s", option, NULL);
	struct error e = ERROR_NULL;

	assert_int_equal(store_load_option(store, &call, &place, &sink, &e), 0);
	buf_char(&lines, '\n');
	char *found = suite_sorted(lines.data);
	assert_string_equal(found, dump);
	free(found);
}

/* ---- The tests ---- */

static struct store *store_of(void **state)
{
	return ((struct store_suite *)*state)->store;
}

static void test_empty(void **state)
{
	suite_expect(store_of(state), "");
	expect_option(store_of(state), "o", "");
}

static void test_opens_again(void **state)
{
	struct store_call call = suite_call();

	assert_int_equal(suite_mkdir(store_of(state), "o"), 0);
	assert_int_equal(store_open(store_of(state), &call, NULL), 0);
	suite_expect(store_of(state), "s/o/\n");
}

static void test_about(void **state)
{
	struct store *store = store_of(state);
	struct store_about about;

	store->ops->about(store, &about);
	assert_non_null(strchr(about.source, ':'));
}

static void test_mkdir(void **state)
{
	struct store *store = store_of(state);

	assert_int_equal(suite_mkdir(store, "o"), 0);
	suite_expect(store, "s/o/\n");
	assert_int_equal(suite_mkdir(store, "o"), -EEXIST);
	assert_int_equal(suite_put(store, "o", "k", "v"), 0);
	assert_int_equal(suite_mkdir(store, "o"), -EEXIST);
	suite_expect(store, "s/o/\ns/o/k S v\n");
}

static void test_put(void **state)
{
	struct store *store = store_of(state);

	assert_int_equal(suite_put(store, "o", "k", "v"), -ESTALE);
	suite_expect(store, "");
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "k", "v"), 0);
	assert_int_equal(suite_put(store, "o", "l", ""), 0);
	assert_int_equal(suite_put(store, "o", "k", "w"), 0);
	suite_expect(store, "s/o/\ns/o/k S w\ns/o/l S \n");
	expect_option(store, "o", "s/o/\ns/o/k S w\ns/o/l S \n");
}

static void test_put_absent(void **state)
{
	struct store *store = store_of(state);
	struct change change = put_of("o", "k", "v");

	change.expect = EXPECT_ABSENT;
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_apply(store, &change), 0);
	change.value = suite_text("w");
	assert_int_equal(suite_apply(store, &change), -EEXIST);
	suite_expect(store, "s/o/\ns/o/k S v\n");
}

static void test_put_expected(void **state)
{
	struct store *store = store_of(state);
	struct change change = put_of("o", "k", "w");

	change.expect = EXPECT_VALUE;
	change.expected = suite_text("v");
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	assert_int_equal(suite_put(store, "o", "k", "v"), 0);
	change.expected.type = VALUE_B;
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	change.expected.type = VALUE_S;
	assert_int_equal(suite_apply(store, &change), 0);
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	suite_expect(store, "s/o/\ns/o/k S w\n");
}

static const struct {
	const char *key;
	enum value_type type;
	const char *written, *shown;
} typed[] = {
	{ "bad-number", VALUE_N, "twelve", NULL },
	{ "binary", VALUE_B, "\x01\xff", "B \x01\xff" },
	{ "bool", VALUE_BOOL, " true\n", "BOOL true" },
	{ "binaries", VALUE_BS, "YQ==\n", "BS YQ==" },
	{ "list", VALUE_L, "[{\"N\": \"1\"}, {\"S\": \"a\"}]", NULL },
	{ "map", VALUE_M, "{\"a\": {\"L\": []}}", NULL },
	{ "null", VALUE_NULL, "", "NULL " },
	{ "null-written", VALUE_NULL, "x", "S x" },
	{ "number", VALUE_N, "-12.5", "N -12.5" },
	{ "numbers", VALUE_NS, "7", "NS 7" },
	{ "text", VALUE_S, "gr\xc3\xbc\xc3\x9f", "S gr\xc3\xbc\xc3\x9f" },
	{ "texts", VALUE_SS, "one\n", "SS one" },
};

static void test_types(void **state)
{
	struct store *store = store_of(state);

	assert_int_equal(suite_mkdir(store, "o"), 0);
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		struct change change = put_of("o", typed[i].key, typed[i].written);
		change.value.type = typed[i].type;
		int expected = strncmp(typed[i].key, "bad-", 4) == 0 ? -EINVAL : 0;
		assert_int_equal(suite_apply(store, &change), expected);
	}
	char *dump = suite_dump(store, NULL);
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		char line[256];
		snprintf(line, sizeof(line), "s/o/%s %s\n", typed[i].key, typed[i].shown ? typed[i].shown : "");
		if (typed[i].shown && !strstr(dump, line))
			fail_msg("no line %s in\n%s", line, dump);
	}
	assert_null(strstr(dump, "bad-"));
	free(dump);
}

/* What was loaded is what a condition holds against, whatever the type. */
static int rewrite(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		   const struct attribute *attributes, size_t n, struct error *e)
{
	struct buf *copies = data;

	(void)store, (void)store_len, (void)option, (void)option_len, (void)e;
	for (size_t i = 0; i < n; i++) {
		buf_append(copies, &attributes[i], sizeof(attributes[i]));
		char *bytes = malloc(attributes[i].len + 1), *name = strdup(attributes[i].name);
		memcpy(bytes, attributes[i].bytes, attributes[i].len + 1);
		struct attribute *copy = (struct attribute *)(void *)(copies->data + copies->len) - 1;
		copy->bytes = bytes;
		copy->name = name;
	}
	return 0;
}

static void test_expected_of_each_type(void **state)
{
	_buf_cleanup_ struct buf copies = BUF_INIT(1 << 20);
	struct store_sink sink = { .item = rewrite, .data = &copies };
	struct store_call call = suite_call();
	struct store_suite *suite = *state;
	struct store *store = suite->store;

	test_types(state);
	assert_int_equal(store_load(store, &call, NULL, &sink, NULL), 0);
	struct attribute *loaded = (struct attribute *)(void *)copies.data;
	for (size_t i = 0; i < copies.len / sizeof(*loaded); i++) {
		struct change change = put_of("o", loaded[i].name, "new");
		change.expect = EXPECT_VALUE;
		change.expected = loaded[i];
		bool document = loaded[i].type == VALUE_L || loaded[i].type == VALUE_M;
		int expected = document && !suite->documents ? -ESTALE : 0;
		assert_int_equal(suite_apply(store, &change), expected);
		assert_int_equal(suite_apply(store, &change), -ESTALE);
		free((char *)(uintptr_t)loaded[i].name);
		free((char *)(uintptr_t)loaded[i].bytes);
	}
}

static void test_remove(void **state)
{
	struct store *store = store_of(state);

	assert_int_equal(remove_key(store, "o", "k"), -ENOENT);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(remove_key(store, "o", "k"), -ENOENT);
	assert_int_equal(suite_put(store, "o", "k", "v"), 0);
	assert_int_equal(remove_key(store, "o", "k"), 0);
	suite_expect(store, "s/o/\n");
	assert_int_equal(remove_key(store, "o", "k"), -ENOENT);
}

static void test_rename(void **state)
{
	struct store *store = store_of(state);
	struct change change = rename_of("o", "a", "o", "b", "1");

	assert_int_equal(suite_apply(store, &change), -ESTALE);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	assert_int_equal(suite_put(store, "o", "a", "1"), 0);
	assert_int_equal(suite_apply(store, &change), 0);
	suite_expect(store, "s/o/\ns/o/b S 1\n");
	assert_int_equal(suite_put(store, "o", "a", "2"), 0);
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	change.expected = suite_text("2");
	change.expect = EXPECT_ABSENT;
	assert_int_equal(suite_apply(store, &change), -EEXIST);
	suite_expect(store, "s/o/\ns/o/a S 2\ns/o/b S 1\n");
	change.expect = EXPECT_ANY;
	change.value = (struct attribute){ .type = VALUE_N, .bytes = "3", .len = 1 };
	assert_int_equal(suite_apply(store, &change), 0);
	suite_expect(store, "s/o/\ns/o/b N 3\n");
}

static void test_rename_across(void **state)
{
	struct store *store = store_of(state);
	struct change change = rename_of("o", "a", "p", "b", "1");

	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "a", "1"), 0);
	if (!((struct store_suite *)*state)->transactions) {
		assert_int_equal(suite_apply(store, &change), -EXDEV);
		assert_int_equal(suite_apply(store, &change), -EXDEV);
		suite_expect(store, "s/o/\ns/o/a S 1\n");
		return;
	}
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	suite_expect(store, "s/o/\ns/o/a S 1\n");
	assert_int_equal(suite_mkdir(store, "p"), 0);
	assert_int_equal(suite_apply(store, &change), 0);
	suite_expect(store, "s/o/\ns/p/\ns/p/b S 1\n");
	assert_int_equal(suite_apply(store, &change), -ESTALE);
	assert_int_equal(suite_put(store, "o", "a", "1"), 0);
	change.expect = EXPECT_ABSENT;
	assert_int_equal(suite_apply(store, &change), -EEXIST);
	suite_expect(store, "s/o/\ns/o/a S 1\ns/p/\ns/p/b S 1\n");
}

static struct key_change key_change(const char *name, const char *before, const char *after)
{
	struct key_change change = { .was = before, .is = after };

	if (before)
		change.before = suite_text(before);
	if (after)
		change.after = suite_text(after);
	change.before.name = change.after.name = name;
	change.before.name_len = change.after.name_len = strlen(name);
	change.changes = !before || !after || strcmp(before, after) != 0;
	return change;
}

static int replace(struct store *store, const char *option, const struct key_change *keys, size_t n)
{
	return suite_apply(store, &(struct change){ .kind = CHANGE_REPLACE,
						    .to = suite_place("s", option, NULL),
						    .keys = keys,
						    .n_keys = n });
}

static void test_replace(void **state)
{
	struct store *store = store_of(state);
	struct key_change keys[] = {
		key_change("gone", "1", NULL),
		key_change("kept", "2", "2"),
		key_change("changed", "3", "4"),
		key_change("made", NULL, "5"),
	};
	struct key_change made_again = key_change("made", NULL, "6");

	assert_int_equal(replace(store, "o", keys, 4), -ESTALE);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(replace(store, "o", keys, 4), -ESTALE);
	suite_expect(store, "s/o/\n");
	assert_int_equal(suite_put(store, "o", "gone", "1"), 0);
	assert_int_equal(suite_put(store, "o", "kept", "other"), 0);
	assert_int_equal(suite_put(store, "o", "changed", "3"), 0);
	assert_int_equal(replace(store, "o", keys, 4), -ESTALE);
	suite_expect(store, "s/o/\ns/o/changed S 3\ns/o/gone S 1\ns/o/kept S other\n");
	assert_int_equal(suite_put(store, "o", "kept", "2"), 0);
	assert_int_equal(replace(store, "o", keys, 4), 0);
	suite_expect(store, "s/o/\ns/o/changed S 4\ns/o/kept S 2\ns/o/made S 5\n");
	assert_int_equal(replace(store, "o", &made_again, 1), -ESTALE);
	assert_int_equal(replace(store, "o", &(struct key_change){ 0 }, 0), 0);
	suite_expect(store, "s/o/\ns/o/changed S 4\ns/o/kept S 2\ns/o/made S 5\n");
}

/* One large value makes room for another. */
static void test_replace_many(void **state)
{
	enum { KEYS = 120, HALF = 250000 };
	struct store *store = store_of(state);
	struct key_change keys[KEYS];
	char names[KEYS][24], *large = malloc(HALF + 1);

	memset(large, 'x', HALF);
	large[HALF] = '\0';
	assert_int_equal(suite_mkdir(store, "o"), 0);
	for (size_t i = 0; i < KEYS; i++) {
		snprintf(names[i], sizeof(names[i]), "key %03zu", i);
		keys[i] = key_change(names[i], NULL, i == KEYS - 1 ? large : "1");
	}
	assert_int_equal(replace(store, "o", keys, KEYS), 0);
	for (size_t i = 0; i < KEYS; i++)
		keys[i] = key_change(names[i], i == KEYS - 1 ? large : "1", i ? "2" : large);
	assert_int_equal(replace(store, "o", keys, KEYS), 0);
	keys[0] = key_change(names[0], large, large);
	keys[1] = key_change(names[1], "2", large);
	assert_int_equal(replace(store, "o", keys, 2), -EFBIG);
	keys[1] = key_change(names[1], "2", "3");
	assert_int_equal(replace(store, "o", keys, 2), 0);
	free(large);
}

static void test_rmdir(void **state)
{
	struct store *store = store_of(state);

	assert_int_equal(remove_option(store, "o"), -ENOENT);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "k", "v"), 0);
	assert_int_equal(remove_option(store, "o"), -ENOTEMPTY);
	assert_int_equal(remove_key(store, "o", "k"), 0);
	assert_int_equal(remove_option(store, "o"), 0);
	suite_expect(store, "");
	assert_int_equal(suite_put(store, "o", "k", "v"), -ESTALE);
}

static void test_rename_dir(void **state)
{
	struct store *store = store_of(state);

	assert_int_equal(move_option(store, "o", "p", EXPECT_ANY), -ENOENT);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(move_option(store, "o", "p", EXPECT_ANY), 0);
	suite_expect(store, "s/p/\n");
	assert_int_equal(suite_put(store, "p", "a", "1"), 0);
	assert_int_equal(suite_put(store, "p", "b", "2"), 0);
	if (!((struct store_suite *)*state)->transactions) {
		assert_int_equal(move_option(store, "p", "q", EXPECT_ANY), -EXDEV);
		suite_expect(store, "s/p/\ns/p/a S 1\ns/p/b S 2\n");
		return;
	}
	assert_int_equal(move_option(store, "p", "q", EXPECT_ABSENT), 0);
	suite_expect(store, "s/q/\ns/q/a S 1\ns/q/b S 2\n");
	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(move_option(store, "q", "o", EXPECT_ABSENT), -EEXIST);
	assert_int_equal(move_option(store, "o", "q", EXPECT_ANY), -ENOTEMPTY);
	assert_int_equal(move_option(store, "q", "o", EXPECT_ANY), 0);
	suite_expect(store, "s/o/\ns/o/a S 1\ns/o/b S 2\n");
}

static void test_only(void **state)
{
	static const char *const stores[] = { "a", "b", "ab" };
	struct store *store = store_of(state);

	for (size_t i = 0; i < 3; i++) {
		struct change make = { .kind = CHANGE_MKDIR, .to = suite_place(stores[i], "o", NULL) };
		assert_int_equal(suite_apply(store, &make), 0);
	}
	char *dump = suite_dump(store, "a");
	assert_string_equal(dump, "a/o/\n");
	free(dump);
	suite_expect(store, "a/o/\nab/o/\nb/o/\n");
}

/* Reserved words, expression syntax, and what shells and paths find odd. */
static const char *const awkward[] = {
	"#k", ":v", "name", "a b", "a.b", "a[0]", "size", "%25", "-rf *", "\"q\"", "\\", "_", "\xc3\xbc\xe2\x82\xac",
	"'",  "--", "a/b",  "\x01"
};

static void test_names(void **state)
{
	struct store *store = store_of(state);

	for (size_t i = 0; i < sizeof(awkward) / sizeof(awkward[0]); i++) {
		assert_int_equal(suite_mkdir(store, awkward[i]), 0);
		assert_int_equal(suite_put(store, awkward[i], awkward[i], awkward[i]), 0);
		char line[128];
		snprintf(line, sizeof(line), "s/%s/\ns/%s/%s S %s\n", awkward[i], awkward[i], awkward[i], awkward[i]);
		expect_option(store, awkward[i], line);
		assert_int_equal(remove_key(store, awkward[i], awkward[i]), 0);
		assert_int_equal(remove_option(store, awkward[i]), 0);
	}
	suite_expect(store, "");
}

static char *long_text(size_t len)
{
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

/* More than one page of 1 MB. */
static void test_many(void **state)
{
	enum { OPTIONS = 40, LENGTH = 60000 };
	struct store *store = store_of(state);
	char *text = long_text(LENGTH);
	char option[16];

	for (int i = 0; i < OPTIONS; i++) {
		snprintf(option, sizeof(option), "o%02d", i);
		assert_int_equal(suite_mkdir(store, option), 0);
		assert_int_equal(suite_put(store, option, "k", text), 0);
	}
	for (int only = 0; only < 2; only++) {
		char *dump = suite_dump(store, only ? "s" : NULL);
		size_t lines = 0;
		for (const char *at = dump; (at = strchr(at, '\n')); at++)
			lines++;
		assert_int_equal(lines, 2 * OPTIONS);
		assert_int_equal(strlen(dump), OPTIONS * (strlen("s/o00/\ns/o00/k S \n") + LENGTH));
		free(dump);
	}
	free(text);
}

static void test_too_large(void **state)
{
	struct store *store = store_of(state);
	char *half = long_text(210000), *most = long_text(380000), *all = long_text(420000);

	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "k", all), -EFBIG);
	assert_int_equal(suite_put(store, "o", "k", most), 0);
	assert_int_equal(remove_key(store, "o", "k"), 0);
	assert_int_equal(suite_put(store, "o", "k", half), 0);
	assert_int_equal(suite_put(store, "o", "l", half), -EFBIG);
	assert_int_equal(remove_key(store, "o", "k"), 0);
	assert_int_equal(suite_put(store, "o", "l", half), 0);
	char *dump = suite_dump(store, NULL);
	assert_int_equal(strlen(dump), strlen("s/o/\ns/o/l S \n") + 210000);
	free(dump);
	free(half);
	free(most);
	free(all);
}

enum { WRITERS = 4, WRITES = 10 };

struct writer {
	struct store *store;
	int number;
	int failures;
};

static void *write_keys(void *data)
{
	struct writer *w = data;

	for (int i = 0; i < WRITES; i++) {
		char key[32];
		snprintf(key, sizeof(key), "k%d-%d", w->number, i);
		struct change change = put_of("o", key, "v");
		struct store_call call = suite_call();
		w->failures += store_apply(w->store, &call, &change, NULL) != 0;
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];

	assert_int_equal(suite_mkdir(store_of(state), "o"), 0);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .store = store_of(state), .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_keys, &writers[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].failures, 0);
	}
	char *dump = suite_dump(store_of(state), NULL);
	size_t lines = 0;
	for (const char *at = dump; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 1 + WRITERS * WRITES);
	free(dump);
}

static int stop(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		const struct attribute *attributes, size_t n, struct error *e)
{
	(void)store, (void)store_len, (void)option, (void)option_len, (void)attributes, (void)n, (void)e;
	++*(int *)data;
	return -ENOMEM;
}

static void test_sink_ends_the_load(void **state)
{
	struct store_call call = suite_call();
	int calls = 0;
	struct store_sink sink = { .item = stop, .data = &calls };

	assert_int_equal(suite_mkdir(store_of(state), "o"), 0);
	assert_int_equal(suite_mkdir(store_of(state), "p"), 0);
	assert_int_equal(store_load(store_of(state), &call, NULL, &sink, NULL), -ENOMEM);
	assert_int_equal(calls, 1);
}

static int make(void **state)
{
	struct store_suite *suite = *state;
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	suite->store = suite->make(suite);
	if (store_open(suite->store, &call, &e) < 0)
		fail_msg("open: %s", e.text);
	return 0;
}

static int clean(void **state)
{
	struct store_suite *suite = *state;

	store_free(suite->store);
	suite->clean(suite);
	return 0;
}

#define TEST(name)          \
	{                   \
#name, name \
	}

static const struct {
	const char *name;
	CMUnitTestFunction run;
} tests[] = {
	TEST(test_empty),
	TEST(test_opens_again),
	TEST(test_about),
	TEST(test_mkdir),
	TEST(test_put),
	TEST(test_put_absent),
	TEST(test_put_expected),
	TEST(test_types),
	TEST(test_expected_of_each_type),
	TEST(test_remove),
	TEST(test_rename),
	TEST(test_rename_across),
	TEST(test_replace),
	TEST(test_replace_many),
	TEST(test_rmdir),
	TEST(test_rename_dir),
	TEST(test_only),
	TEST(test_names),
	TEST(test_many),
	TEST(test_too_large),
	TEST(test_threads),
	TEST(test_sink_ends_the_load),
};

int store_suite_run(struct store_suite *suite)
{
	enum { N = sizeof(tests) / sizeof(tests[0]) };
	struct CMUnitTest group[N];

	for (size_t i = 0; i < N; i++)
		group[i] = (struct CMUnitTest){ .name = tests[i].name,
						.test_func = tests[i].run,
						.setup_func = make,
						.teardown_func = clean,
						.initial_state = suite };
	return _cmocka_run_group_tests(suite->name, group, N, NULL, NULL);
}
