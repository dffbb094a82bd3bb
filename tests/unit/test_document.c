/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/document.h"

#include "fs/path.h"
#include "fs/plain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct key {
	const char *name;
	enum value_type type;
	const char *bytes;
	unsigned flags;
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void put_option(struct snapshot_draft *draft, const char *option, const struct key *keys, size_t n)
{
	char name[FILE_NAME_MAX + 1];
	struct folder_draft *folder;

	assert_true(name_encode(option, strlen(option), NAME_ANYWHERE, name, NULL) > 0);
	assert_int_equal(folder_draft_new(name, option, strlen(option), NULL, &folder, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		const struct key *key = &keys[i];
		struct entry_spec spec = { .name = name,
					   .raw = key->name,
					   .raw_len = strlen(key->name),
					   .type = key->type,
					   .flags = key->flags,
					   .value = key->bytes,
					   .value_len = strlen(key->bytes) };
		assert_true(name_encode(key->name, spec.raw_len, NAME_ANYWHERE, name, NULL) > 0);
		assert_int_equal(folder_draft_set(folder, &spec, NULL), 0);
	}
	assert_int_equal(snapshot_draft_put(draft, folder, 0, NULL), 0);
}

/* A store with one option, "o", and an empty one. */
static struct snapshot *store_of(const struct key *keys, size_t n)
{
	struct snapshot_draft *draft;
	struct snapshot *snapshot;

	assert_int_equal(snapshot_draft_new("s", NULL, false, &draft, NULL), 0);
	put_option(draft, "o", keys, n);
	put_option(draft, "empty/", NULL, 0);
	assert_int_equal(snapshot_draft_finish(draft, &snapshot, NULL), 0);
	return snapshot;
}

static const struct key all_types[] = {
	{ "b", VALUE_B, "\xff\n", 0 },
	{ "bool", VALUE_BOOL, "true", 0 },
	{ "bs", VALUE_BS, "/w==\nYQ==\n", 0 },
	{ "draft~", VALUE_S, "not stored yet", ENTRY_MEMORY },
	{ "empty", VALUE_S, "", 0 },
	{ "l", VALUE_L, "[{\"S\":\"a\"},{\"N\":\"1\"},{\"NULL\":true},{\"L\":[]}]", 0 },
	{ "m", VALUE_M, "{\"a\":{\"B\":\"YQ==\"},\"b\":{\"M\":{}}}", 0 },
	{ "n", VALUE_N, "12345678901234567890123456789012345678", 0 },
	{ "name \"x\"/", VALUE_S, "it's $HOME\n", 0 },
	{ "ns", VALUE_NS, "-0.5\n2\n", 0 },
	{ "null", VALUE_NULL, "", 0 },
	{ "path", VALUE_S, "/usr/bin:/bin", 0 },
	{ "ss", VALUE_SS, "a\\nb\nc\n", 0 },
	{ "uml\xc3\xa4ut", VALUE_S, "\x01\t\xc3\xa4\\", 0 },
};

static const char all_json[] = "{\n"
			       "  \"b\": \"/wo=\",\n"
			       "  \"bool\": true,\n"
			       "  \"bs\": [\"/w==\", \"YQ==\"],\n"
			       "  \"empty\": \"\",\n"
			       "  \"l\": [\"a\", 1, null, []],\n"
			       "  \"m\": {\"a\": \"YQ==\", \"b\": {}},\n"
			       "  \"n\": 12345678901234567890123456789012345678,\n"
			       "  \"name \\\"x\\\"/\": \"it's $HOME\\n\",\n"
			       "  \"ns\": [-0.5, 2],\n"
			       "  \"null\": null,\n"
			       "  \"path\": \"/usr/bin:/bin\",\n"
			       "  \"ss\": [\"a\\nb\", \"c\"],\n"
			       "  \"uml\xc3\xa4ut\": \"\\u0001\\t\xc3\xa4\\\\\"\n"
			       "}\n";

static const char all_env[] = "b=/wo=\n"
			      "bool=true\n"
			      "bs='/w==\nYQ==\n'\n"
			      "empty=''\n"
			      "l='[{\"S\":\"a\"},{\"N\":\"1\"},{\"NULL\":true},{\"L\":[]}]'\n"
			      "m='{\"a\":{\"B\":\"YQ==\"},\"b\":{\"M\":{}}}'\n"
			      "n=12345678901234567890123456789012345678\n"
			      "# \"name \\\"x\\\"/\" is left out: no variable has such a name\n"
			      "ns='-0.5\n2\n'\n"
			      "null=''\n"
			      "path=/usr/bin:/bin\n"
			      "ss='a\\nb\nc\n'\n"
			      "# \"uml\xc3\xa4ut\" is left out: no variable has such a name\n";

static void test_an_option_as_json_and_for_a_shell(void **state)
{
	struct snapshot *store = store_of(all_types, COUNT_OF(all_types));
	_buf_cleanup_ struct buf json = BUF_INIT(1 << 16), env = BUF_INIT(1 << 16);

	(void)state;
	document_render_json(snapshot_folder(store, "o"), &json);
	assert_string_equal(buf_text(&json), all_json);
	document_render_env(snapshot_folder(store, "o"), &env);
	assert_string_equal(buf_text(&env), all_env);
	snapshot_unref(store);
}

static void test_a_store_as_json(void **state)
{
	static const struct key keys[] = { { "a", VALUE_N, "1", 0 }, { "b", VALUE_S, "x", 0 } };
	struct snapshot *store = store_of(keys, COUNT_OF(keys));
	_buf_cleanup_ struct buf json = BUF_INIT(1 << 16);

	(void)state;
	document_render_store(store, &json);
	assert_string_equal(buf_text(&json),
			    "{\n  \"empty/\": {},\n  \"o\": {\n    \"a\": 1,\n    \"b\": \"x\"\n  }\n}\n");
	snapshot_unref(store);
}

/* Each key that changes, on a line: name TYPE bytes, or -name. */
static void describe(const struct document_edit *edit, struct buf *out)
{
	for (size_t i = 0; i < edit->n; i++) {
		const struct key_change *change = &edit->changes[i];
		const struct attribute *name = key_change_name(change);
		if (!change->changes)
			continue;
		buf_printf(out, "%s%.*s", change->is ? "" : "-", (int)name->name_len, name->name);
		if (change->is)
			buf_printf(out, " %s %.*s", value_type_name(change->after.type), (int)change->after.len,
				   change->after.bytes);
		buf_char(out, '\n');
	}
}

static void test_writing_what_was_read_changes_nothing(void **state)
{
	struct snapshot *store = store_of(all_types, COUNT_OF(all_types));
	__attribute__((cleanup(document_edit_deinit))) struct document_edit edit = DOCUMENT_EDIT_NULL;
	struct error e = ERROR_NULL;

	(void)state;
	if (document_edit(snapshot_folder(store, "o"), all_json, strlen(all_json), &edit, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(edit.n_changed, 0);
	assert_int_equal(edit.n, COUNT_OF(all_types) - 1);
	snapshot_unref(store);
}

static const struct {
	const char *what;
	struct key before;
	const char *text, *changes; /* NULL: EINVAL */
} edits[] = {
	{ "a new key by its kind: text", { "k", VALUE_S, "v", 0 }, "{\"k\":\"v\",\"n\":\"1\"}", "n S 1\n" },
	{ "number", { "k", VALUE_S, "v", 0 }, "{\"k\":\"v\",\"n\":1.50e1}", "n N 15\n" },
	{ "truth", { "k", VALUE_S, "v", 0 }, "{\"k\":\"v\",\"n\":false}", "n BOOL false\n" },
	{ "nothing", { "k", VALUE_S, "v", 0 }, "{\"k\":\"v\",\"n\":null}", "n NULL \n" },
	{ "a list", { "k", VALUE_S, "v", 0 }, "{\"k\":\"v\",\"n\":[1,\"a\"]}", "n L [{\"N\":\"1\"},{\"S\":\"a\"}]\n" },
	{ "an object", { "k", VALUE_S, "v", 0 }, "{\"k\":\"v\",\"n\":{\"a\":{}}}", "n M {\"a\":{\"M\":{}}}\n" },
	{ "a key that is left out goes", { "k", VALUE_S, "v", 0 }, "{}", "-k\n" },
	{ "binary stays so", { "k", VALUE_B, "x", 0 }, " { \"k\" : \"YQ==\" } \n", "k B a\n" },
	{ "what is no base64 is text", { "k", VALUE_B, "x", 0 }, "{\"k\":\"a b\"}", "k S a b\n" },
	{ "a set stays so", { "k", VALUE_SS, "a\n", 0 }, "{\"k\":[\"c\",\"b\"]}", "k SS b\nc\n\n" },
	{ "a set of numbers too", { "k", VALUE_NS, "1\n", 0 }, "{\"k\":[2,1]}", "k NS 1\n2\n\n" },
	{ "and of bytes", { "k", VALUE_BS, "YQ==\n", 0 }, "{\"k\":[\"Yg==\"]}", "k BS Yg==\n\n" },
	{ "no set is empty", { "k", VALUE_SS, "a\n", 0 }, "{\"k\":[]}", "k L []\n" },
	{ "or holds one twice", { "k", VALUE_NS, "1\n", 0 }, "{\"k\":[2,2.0]}", "k L [{\"N\":\"2\"},{\"N\":\"2\"}]\n" },
	{ "or text among numbers",
	  { "k", VALUE_NS, "1\n", 0 },
	  "{\"k\":[2,\"a\"]}",
	  "k L [{\"N\":\"2\"},{\"S\":\"a\"}]\n" },
	{ "types inside a map stay",
	  { "k", VALUE_M, "{\"a\":{\"B\":\"YQ==\"}}", 0 },
	  "{\"k\":{\"a\":\"Yg==\",\"b\":\"Yg==\"}}",
	  "k M {\"a\":{\"B\":\"Yg==\"},\"b\":{\"S\":\"Yg==\"}}\n" },
	{ "a number as text", { "k", VALUE_N, "1", 0 }, "{\"k\":\"one\"}", "k S one\n" },
	{ "the same number otherwise written", { "k", VALUE_N, "10", 0 }, "{\"k\":1e1}", "" },
	{ "escapes",
	  { "k", VALUE_S, "v", 0 },
	  "{\"k\":\"\\u00e4\\ud83d\\ude00\\/\\b\"}",
	  "k S \xc3\xa4\xf0\x9f\x98\x80/\b\n" },
	{ "no object", { "k", VALUE_S, "v", 0 }, "[]", NULL },
	{ "nothing at all", { "k", VALUE_S, "v", 0 }, "", NULL },
	{ "cut short", { "k", VALUE_S, "v", 0 }, "{\"k\":\"v\"", NULL },
	{ "something behind it", { "k", VALUE_S, "v", 0 }, "{} {}", NULL },
	{ "a name twice", { "k", VALUE_S, "v", 0 }, "{\"k\":1,\"k\":1}", NULL },
	{ "an empty name", { "k", VALUE_S, "v", 0 }, "{\"\":1}", NULL },
	{ "39 digits", { "k", VALUE_S, "v", 0 }, "{\"k\":123456789012345678901234567890123456789}", NULL },
	{ "a number too large", { "k", VALUE_S, "v", 0 }, "{\"k\":1e126}", NULL },
	{ "a number that is none", { "k", VALUE_S, "v", 0 }, "{\"k\":01}", NULL },
	{ "half a character", { "k", VALUE_S, "v", 0 }, "{\"k\":\"\\ud83d\"}", NULL },
	{ "bytes that are not UTF-8", { "k", VALUE_S, "v", 0 }, "{\"k\":\"\xff\"}", NULL },
	{ "a raw newline in a string", { "k", VALUE_S, "v", 0 }, "{\"k\":\"\n\"}", NULL },
	{ "NaN", { "k", VALUE_S, "v", 0 }, "{\"k\":NaN}", NULL },
};

static void test_edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		struct snapshot *store = store_of(&edits[i].before, 1);
		struct document_edit edit = DOCUMENT_EDIT_NULL;
		_buf_cleanup_ struct buf found = BUF_INIT(1 << 16);
		struct error e = ERROR_NULL;
		int r = document_edit(snapshot_folder(store, "o"), edits[i].text, strlen(edits[i].text), &edit, &e);
		if ((r == 0) != (edits[i].changes != NULL) || (r < 0 && r != -EINVAL))
			fail_msg("%s: %d %s", edits[i].what, r, e.text);
		describe(&edit, &found);
		if (r == 0 && strcmp(buf_text(&found), edits[i].changes) != 0)
			fail_msg("%s: %s", edits[i].what, buf_text(&found));
		document_edit_deinit(&edit);
		snapshot_unref(store);
	}
}

static void test_what_is_too_large_or_too_deep(void **state)
{
	struct snapshot *store = store_of(NULL, 0);
	_buf_cleanup_ struct buf text = BUF_INIT(1 << 20);
	struct document_edit edit = DOCUMENT_EDIT_NULL;

	(void)state;
	buf_str(&text, "{\"k\":\"");
	memset(buf_reserve(&text, ITEM_SIZE_MAX), 'x', ITEM_SIZE_MAX);
	text.len += ITEM_SIZE_MAX;
	buf_str(&text, "\"}");
	assert_int_equal(document_edit(snapshot_folder(store, "o"), buf_text(&text), text.len, &edit, NULL), -EFBIG);
	for (int levels = 32; levels <= 33; levels++) {
		buf_reset(&text);
		buf_str(&text, "{\"k\":");
		for (int i = 0; i < levels; i++)
			buf_char(&text, '[');
		for (int i = 0; i < levels; i++)
			buf_char(&text, ']');
		buf_char(&text, '}');
		assert_int_equal(document_edit(snapshot_folder(store, "o"), buf_text(&text), text.len, &edit, NULL),
				 levels > 32 ? -EINVAL : 0);
		document_edit_deinit(&edit);
	}
	snapshot_unref(store);
}

/* Whoever writes in pieces is refused nothing that the whole is accepted for, and is told as soon as it is lost. */
static void test_prefixes(void **state)
{
	static const char *const lost[] = { "[1,]", "{\"a\" 1", "{a", "tru3", "{}x", "\"\\x", "{\"k\":01", "\"\x01" };

	(void)state;
	for (size_t i = 0; i <= strlen(all_json); i++)
		assert_int_equal(plain_check_prefix(all_json, i, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(lost); i++) {
		if (plain_check_prefix(lost[i], strlen(lost[i]), NULL) == 0)
			fail_msg("%s", lost[i]);
	}
}

static void test_names(void **state)
{
	char raw[FILE_NAME_MAX + 1];

	(void)state;
	for (unsigned kind = 0; kind < DOCUMENTS; kind++) {
		const char *name = document_name((enum document_kind)kind);
		assert_int_equal(document_find(name), kind);
		/* No key is shown under it. */
		assert_int_equal(name_decode(name, NAME_ANYWHERE, raw), -EINVAL);
	}
	assert_int_equal(document_find("%value"), DOCUMENTS);
	assert_int_equal(document_find("json"), DOCUMENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_option_as_json_and_for_a_shell),
		cmocka_unit_test(test_a_store_as_json),
		cmocka_unit_test(test_writing_what_was_read_changes_nothing),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_what_is_too_large_or_too_deep),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
