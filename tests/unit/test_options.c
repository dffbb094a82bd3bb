/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/core/buf.h"
#include "aws/core/clock.h"
#include "fs/options.h"
#include "fs/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What -o says, as "name=value;name=value;". */
static int parse(const char *const *texts, unsigned flags, struct buf *out, struct error *e)
{
	struct option_pairs pairs = OPTION_PAIRS_NULL;
	int r = 0;

	for (; r == 0 && *texts; texts++)
		r = option_pairs_add(&pairs, *texts, flags, e);
	for (size_t i = 0; i < pairs.n; i++)
		buf_printf(out, "%s=%s;", pairs.pairs[i].spec->name, pairs.pairs[i].value);
	option_pairs_deinit(&pairs);
	return r;
}

static void test_parse(void **state)
{
	static const struct {
		const char *texts[3];
		unsigned flags;
		const char *wanted;
	} rows[] = {
		{ { "" }, 0, "" },
		{ { "ro" }, 0, "ro=yes;" },
		{ { "ro,rw,ro" }, 0, "ro=yes;rw=yes;ro=yes;" },
		{ { "rw" }, OPTIONS_FROM_MOUNT, "" },
		{ { "ro" }, OPTIONS_FROM_MOUNT, "ro=yes;" },
		{ { "allow_other,,ttl=5," }, 0, "allow-other=yes;ttl=5;" },
		{ { "read_units=2,read-units=3" }, 0, "read-units=2;read-units=3;" },
		{ { "ttl=5", "ttl=6" }, 0, "ttl=5;ttl=6;" },
		{ { "stores=a\\,b" }, 0, "stores=a,b;" },
		{ { "stores=\"a,b\",ro" }, 0, "stores=a,b;ro=yes;" },
		{ { "stores=a,ro,stores=b", "stores=c" }, 0, "stores=a,b,c;ro=yes;" },
		{ { "stores=a\\\\\\,b" }, 0, "stores=a\\,b;" },
		{ { "store-key=a\\b\\\"c\\" }, 0, "store-key=a\\b\"c\\;" },
		{ { "endpoint-url=http://h:1/?a=b" }, 0, "endpoint-url=http://h:1/?a=b;" },
		{ { "defaults,_netdev,nofail,noauto,user,user=bob,users,x-systemd.automount,X-a=b,comment=c,nosuid,"
		    "exec,"
		    "nodev,noatime,lazytime,async,group" },
		  0,
		  "" },
		{ { "colour=blue,ttl=1" }, OPTIONS_SLOPPY, "ttl=1;" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf out = BUF_INIT(4096);
		struct error e = ERROR_NULL;
		if (parse(rows[i].texts, rows[i].flags, &out, &e) < 0)
			fail_msg("%s: %s", rows[i].texts[0], e.text);
		assert_string_equal(buf_text(&out), rows[i].wanted);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *sentence;
		int number;
	} rows[] = {
		{ "ttll=5", "there is no option ttll; did you mean ttl?", ENOENT },
		{ "regoin=x", "there is no option regoin; did you mean region?", ENOENT },
		{ "read_unit=1", "there is no option read_unit; did you mean read-units?", ENOENT },
		{ "=5", "there is no option ; `dynconf help mount` lists them", ENOENT },
		{ "aws-secret-access-key=hidden",
		  "aws-secret-access-key is not taken after -o, where everybody on this machine can read it: put it "
		  "into the "
		  "configuration file",
		  EINVAL },
		{ "aws_secret_access_key_id=hidden",
		  "aws-secret-access-key-id is not taken after -o, where everybody on this machine can read it: put it "
		  "into "
		  "the configuration file",
		  EINVAL },
		{ "stores=a,b", "there is no option b; a comma inside stores= is written \\, after -o", ENOENT },
		{ "ttl", "ttl needs a value: ttl=SECONDS", EINVAL },
		{ "ttl=", "ttl needs a value: ttl=SECONDS", EINVAL },
		{ "ro=", "ro needs a value: ro=no|yes", EINVAL },
		{ "stores=\"a,b", "a quotation mark after -o has no second one", EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf out = BUF_INIT(4096);
		struct error e = ERROR_NULL;
		assert_int_equal(parse((const char *const[]){ rows[i].text, NULL }, 0, &out, &e), -rows[i].number);
		assert_string_equal(e.text, rows[i].sentence);
	}
}

static void test_too_long(void **state)
{
	static char text[OPTIONS_TEXT_MAX + 2];
	_buf_cleanup_ struct buf out = BUF_INIT(4096);

	(void)state;
	memset(text, ',', sizeof(text) - 1);
	assert_int_equal(parse((const char *const[]){ text, NULL }, 0, &out, NULL), -EINVAL);
}

/* Names are found by themselves only, defaults are values that their own option takes, and help has something to say.
 */
static void test_table(void **state)
{
	struct settings settings = SETTINGS_NULL;
	struct source_settings *source = test_calloc(1, sizeof(*source));
	struct error e = ERROR_NULL;

	(void)state;
	settings.sources = NULL;
	for (size_t i = 0; i < option_count; i++) {
		const struct option_spec *spec = &option_table[i];
		assert_ptr_equal(option_find(spec->name), spec);
		assert_true(strlen(spec->help) > 5 && spec->help[strlen(spec->help) - 1] != '.');
	}
	for (int scope = 0; scope < OPTION_SCOPES; scope++) {
		void *const bases[OPTION_SCOPES] = { &settings, &settings.access, &settings, source };
		void *base = bases[scope];
		assert_int_equal(options_default((enum option_scope)scope, base, &e), 0);
	}
	assert_int_equal(source->ttl, 300 * CLOCK_SECOND);
	assert_int_equal(settings.log_level, LOG_LEVEL_INFO);
	free(source->store_key);
	free(source->option_key);
	free(source->key_attribute);
	free(source->value_attribute);
	test_free(source);
	settings_deinit(&settings);
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t wanted; /* -1: refused */
	} rows[] = {
		{ "0", 0 },
		{ "7", 7 * CLOCK_SECOND },
		{ "7s", 7 * CLOCK_SECOND },
		{ "250ms", 250 * CLOCK_MS },
		{ "5m", 300 * CLOCK_SECOND },
		{ "1h", 3600 * CLOCK_SECOND },
		{ "365d", 365 * 86400 * CLOCK_SECOND },
		{ "366d", -1 },
		{ "-1", -1 },
		{ " 1", -1 },
		{ "1 ", -1 },
		{ "0.5", -1 },
		{ "5M", -1 },
		{ "m", -1 },
		{ "99999999999999999999", -1 },
		{ "9223372037", -1 },
	};
	const struct option_spec *ttl = option_find("ttl");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source_settings source = { .ttl = -1 };
		int r = option_set(ttl, &source, rows[i].text, NULL);
		assert_int_equal(r, rows[i].wanted < 0 ? -EINVAL : 0);
		assert_int_equal(source.ttl, rows[i].wanted);
	}
}

static void test_bools(void **state)
{
	static const struct {
		const char *name, *text;
		int wanted; /* -1: refused */
	} rows[] = {
		{ "ro", "yes", 1 }, { "ro", "off", 0 },   { "ro", "1", 1 },    { "rw", "yes", 0 },
		{ "rw", "no", 1 },  { "rw", "false", 1 }, { "ro", "YES", -1 }, { "ro", "no|yes", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings settings = { .read_only = rows[i].wanted == 0 };
		int r = option_set(option_find(rows[i].name), &settings, rows[i].text, NULL);
		assert_int_equal(r, rows[i].wanted < 0 ? -EINVAL : 0);
		assert_int_equal(settings.read_only, rows[i].wanted == 1);
	}
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(edit_distance("", ""), 0);
	assert_int_equal(edit_distance("", "abc"), 3);
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
	assert_int_equal(edit_distance("mount", "umount"), 1);
	assert_true(edit_distance("a", "a word that is far longer than any option may ever be") > 1000);
}

/* "name=VALUE" of a line of the manual page that is an option's heading: without its macro, fonts and quoting. */
static void heading(const char *line, char *out)
{
	for (line += strcspn(line, " ") + 1; *line && *line != '\n'; line++) {
		if (*line != '\\' && *line != ' ')
			*out++ = *line;
	}
	*out = '\0';
}

/* The manual page has every option, with its values, in the table's order, and no other. */
static void test_manual_page(void **state)
{
	FILE *page = fopen(TEST_DATA "/../contrib/man/dynconf.1", "r");
	char line[1024], found[1024], wanted[1024];
	bool options = false, title = false;
	size_t n = 0;

	(void)state;
	assert_non_null(page);
	while (fgets(line, sizeof(line), page)) {
		if (strncmp(line, ".SH", 3) == 0)
			options = strcmp(line, ".SH OPTIONS\n") == 0;
		if (options && title) {
			heading(line, found);
			assert_true(n < option_count);
			snprintf(wanted, sizeof(wanted), "%s=%s", option_table[n].name, option_table[n].values);
			assert_string_equal(found, wanted);
			n++;
		}
		title = strcmp(line, ".TP\n") == 0 || strcmp(line, ".TQ\n") == 0;
	}
	fclose(page);
	assert_int_equal(n, option_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),    cmocka_unit_test(test_refused),     cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_table),    cmocka_unit_test(test_times),       cmocka_unit_test(test_bools),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_manual_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
