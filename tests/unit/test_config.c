/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/core/buf.h"
#include "aws/core/clock.h"
#include "fs/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOOD TEST_DATA "/config/good/full.conf"
#define EXAMPLE TEST_DATA "/config/good/example.conf"
#define MISSING "/nonexistent/dynconf.conf"

static const struct config_identity root = { 0, 0, "/root", NULL };
static const struct config_identity user = { 1000, 100, "/home/u", NULL };

/* Loads as the command line would; `options` is what stands after -o. */
static int load(const struct config_identity *who, const char *file, const char *source, const char *options,
		struct settings *settings, struct error *e)
{
	struct option_pairs pairs = OPTION_PAIRS_NULL;
	struct config_request request = { *who, file, strcmp(file, MISSING) == 0, source, &pairs };

	int r = option_pairs_add(&pairs, options, 0, e);
	if (r == 0)
		r = config_load(&request, NULL, settings, e);
	option_pairs_deinit(&pairs);
	return r;
}

static struct settings must_load(const struct config_identity *who, const char *file, const char *source,
				 const char *options)
{
	struct settings settings = SETTINGS_NULL;
	struct error e = ERROR_NULL;

	if (load(who, file, source, options, &settings, &e) < 0)
		fail_msg("%s", e.text);
	return settings;
}

static void must_fail(const struct config_identity *who, const char *file, const char *source, const char *options,
		      const char *sentence)
{
	struct settings settings = SETTINGS_NULL;
	struct error e = ERROR_NULL;

	int r = load(who, file, source, options, &settings, &e);

	assert_true(r < 0);
	assert_int_equal(r, -e.number);
	assert_string_equal(e.text, sentence);
	assert_null(settings.sources);
}

static void test_defaults_of_root(void **state)
{
	struct settings s = must_load(&root, MISSING, NULL, "");

	(void)state;
	assert_string_equal(s.shown, "dynconf");
	assert_int_equal(s.n_sources, 1);
	assert_string_equal(s.sources[0].name, "local");
	assert_string_equal(s.sources[0].source, "local");
	assert_string_equal(s.sources[0].target, "/var/lib/dynconf/local.db");
	assert_string_equal(s.sources[0].store_key, "_store");
	assert_string_equal(s.sources[0].option_key, "_option");
	assert_int_equal(s.sources[0].ttl, 300 * CLOCK_SECOND);
	assert_int_equal(s.sources[0].timeout, 5 * CLOCK_SECOND);
	assert_int_equal(s.sources[0].read_units, 1);
	assert_int_equal(s.sources[0].newline, NEWLINE_AUTO);
	assert_true(s.sources[0].create);
	assert_null(s.sources[0].stores);
	assert_true(s.allow_other);
	assert_false(s.read_only);
	assert_int_equal(s.access.mode, 0644);
	assert_int_equal(s.access.dir_mode, 0755);
	assert_int_equal(s.control, CONTROL_HIDDEN);
	assert_int_equal(s.log_level, LOG_LEVEL_INFO);
	settings_deinit(&s);
}

static void test_defaults_of_a_user(void **state)
{
	struct settings s = must_load(&user, MISSING, NULL, "");

	(void)state;
	assert_string_equal(s.sources[0].target, "/home/u/.local/share/dynconf/local.db");
	assert_false(s.allow_other);
	assert_int_equal(s.access.uid, 1000);
	assert_int_equal(s.access.gid, 100);
	assert_int_equal(s.access.mode, 0600);
	assert_int_equal(s.access.dir_mode, 0700);
	settings_deinit(&s);
}

static void test_data_home(void **state)
{
	const struct config_identity there = { 1000, 100, "/home/u", "/data" }, relative = { 1000, 100, "/h", "data" };
	const struct config_identity nowhere = { 1000, 100, NULL, NULL };

	(void)state;
	struct settings s = must_load(&there, MISSING, NULL, "");
	assert_string_equal(s.sources[0].target, "/data/dynconf/local.db");
	settings_deinit(&s);
	s = must_load(&relative, MISSING, NULL, "");
	assert_string_equal(s.sources[0].target, "/h/.local/share/dynconf/local.db");
	settings_deinit(&s);
	must_fail(&nowhere, MISSING, NULL, "", "HOME is not set: name the store's file, local:FILE");
}

static void assert_access(struct access access, uid_t uid, gid_t gid, mode_t mode, mode_t dir_mode)
{
	assert_int_equal(access.uid, uid);
	assert_int_equal(access.gid, gid);
	assert_int_equal(access.mode, mode);
	assert_int_equal(access.dir_mode, dir_mode);
}

static void test_who_may(void **state)
{
	struct settings s = must_load(&root, TEST_DATA "/config/good/access.conf", NULL, "");

	(void)state;
	assert_access(s.access, 0, 0, 0644, 0755);
	assert_access(settings_access(&s, &s.sources[0], "a"), 0, 0, 0644, 0755);
	assert_access(settings_access(&s, &s.sources[1], "a"), 7, 33, 0640, 0750);
	assert_access(settings_access(&s, &s.sources[0], "secret"), 0, 33, 0600, 0700);
	assert_access(settings_access(&s, &s.sources[1], "secret"), 7, 33, 0600, 0700);
	settings_deinit(&s);
	/* What stands after -o goes before everything in the file. */
	s = must_load(&root, TEST_DATA "/config/good/access.conf", NULL, "mode=0444,group=root");
	assert_access(settings_access(&s, &s.sources[1], "a"), 7, 0, 0444, 0555);
	assert_access(settings_access(&s, &s.sources[0], "secret"), 0, 0, 0444, 0555);
	settings_deinit(&s);
}

static void test_full_file(void **state)
{
	struct settings s = must_load(&root, GOOD, NULL, "");

	(void)state;
	assert_int_equal(s.n_sources, 2);
	assert_string_equal(s.default_source, "own");
	assert_int_equal(s.control, CONTROL_LISTED);
	assert_int_equal(s.commit, COMMIT_WRITE);
	assert_true(s.read_only);
	assert_false(s.allow_other);
	assert_int_equal(s.access.uid, 1000);
	assert_int_equal(s.access.mode, 0640);
	assert_int_equal(s.access.dir_mode, 0750);
	assert_string_equal(s.log_file, "/var/log/dynconf.log");
	assert_int_equal(s.log_level, LOG_LEVEL_WARNING);
	settings_deinit(&s);
}

static void test_the_example_is_what_holds_without_it(void **state)
{
	struct settings s = must_load(&root, EXAMPLE, NULL, ""), without = must_load(&root, MISSING, NULL, "");

	(void)state;
	assert_int_equal(s.n_sources, 1);
	assert_string_equal(s.sources[0].target, without.sources[0].target);
	assert_int_equal(s.sources[0].ttl, without.sources[0].ttl);
	assert_int_equal(s.sources[0].timeout, without.sources[0].timeout);
	assert_int_equal(s.sources[0].newline, without.sources[0].newline);
	assert_int_equal(s.read_only, without.read_only);
	assert_int_equal(s.control, without.control);
	assert_int_equal(s.commit, without.commit);
	assert_int_equal(s.log_level, without.log_level);
	settings_deinit(&s);
	settings_deinit(&without);
}

static void test_full_file_sources(void **state)
{
	struct settings s = must_load(&root, GOOD, NULL, "");
	const struct source_settings *team = &s.sources[0], *own = &s.sources[1];

	(void)state;
	assert_string_equal(team->name, "team");
	assert_int_equal(team->kind, SOURCE_DYNAMODB);
	assert_string_equal(team->target, "team.conf");
	assert_string_equal(team->region, "eu-central-1");
	assert_string_equal(team->endpoint_url, "http://127.0.0.1:8000");
	assert_string_equal(team->access_key_id, "AKIDFULL");
	assert_string_equal(team->secret_access_key, "full/secret+=");
	assert_string_equal(team->session_token, "full-token");
	assert_null(own->session_token);
	assert_string_equal(team->store_key, "s");
	assert_string_equal(team->option_key, "o");
	assert_string_equal(team->stores[0], "prod");
	assert_string_equal(team->stores[1], "a,b");
	assert_string_equal(team->stores[2], "dev");
	assert_null(team->stores[3]);
	assert_int_equal(team->ttl, 500 * CLOCK_MS);
	assert_int_equal(team->timeout, 2 * CLOCK_SECOND);
	assert_int_equal(team->newline, NEWLINE_EXACT);
	assert_false(team->create);
	assert_int_equal(team->billing, BILLING_ON_DEMAND);
	assert_int_equal(team->read_units, 5);
	assert_int_equal(team->write_units, 6);
	assert_string_equal(own->target, "/srv/own.db");
	assert_string_equal(own->region, "us-east-1");
	assert_int_equal(own->ttl, 300 * CLOCK_SECOND);
	settings_deinit(&s);
}

static void test_options_win(void **state)
{
	struct settings s = must_load(&root, GOOD, NULL, "ttl=0,rw,log_level=debug,default-source=team");

	(void)state;
	assert_int_equal(s.sources[0].ttl, 0);
	assert_int_equal(s.sources[1].ttl, 0);
	assert_false(s.read_only);
	assert_string_equal(s.default_source, "team");
	assert_int_equal(s.log_level, LOG_LEVEL_DEBUG);
	settings_deinit(&s);
}

static void test_source_replaces_the_file(void **state)
{
	struct settings s = must_load(&root, GOOD, "dynamodb:other", "timeout=9");

	(void)state;
	assert_int_equal(s.n_sources, 1);
	assert_string_equal(s.shown, "dynamodb:other");
	assert_string_equal(s.sources[0].name, "other");
	assert_string_equal(s.sources[0].region, "eu-central-1");
	assert_int_equal(s.sources[0].ttl, 300 * CLOCK_SECOND);
	assert_int_equal(s.sources[0].timeout, 9 * CLOCK_SECOND);
	assert_null(s.default_source);
	assert_int_equal(s.control, CONTROL_LISTED);
	settings_deinit(&s);
}

static void test_words_of_fstab(void **state)
{
	static const char *const words[] = { "none", "dynconf" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct settings s = must_load(&root, GOOD, words[i], "");
		assert_string_equal(s.shown, words[i]);
		assert_int_equal(s.n_sources, 2);
		settings_deinit(&s);
	}
}

static void test_the_root_of_paths(void **state)
{
	static const struct {
		const char *options;
		enum root_mode root;
	} rows[] = { { "layout=path", ROOT_YES }, { "layout=path,root=no", ROOT_NO }, { "layout=options", ROOT_NO } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings s = must_load(&root, MISSING, "dynamodb:confd", rows[i].options);
		assert_int_equal(s.sources[0].root, rows[i].root);
		assert_string_equal(s.sources[0].key_attribute, "key");
		assert_string_equal(s.sources[0].value_attribute, "value");
		settings_deinit(&s);
	}
}

static void test_relative_paths(void **state)
{
	struct settings s = must_load(&root, MISSING, "local:x.db", "log-file=x.log");
	char here[4096];
	_buf_cleanup_ struct buf wanted = BUF_INIT(8192);

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	buf_printf(&wanted, "%s/x.db", here);
	assert_string_equal(s.sources[0].target, buf_text(&wanted));
	buf_reset(&wanted);
	buf_printf(&wanted, "%s/x.log", here);
	assert_string_equal(s.log_file, buf_text(&wanted));
	settings_deinit(&s);
}

static void test_source_after_o(void **state)
{
	struct settings s = must_load(&root, MISSING, NULL, "source=dynamodb:conf,mode=0664,umask=022");

	(void)state;
	assert_string_equal(s.sources[0].name, "conf");
	assert_string_equal(s.sources[0].target, "conf");
	assert_int_equal(s.access.mode, 0644);
	assert_int_equal(s.access.dir_mode, 0755);
	settings_deinit(&s);
}

static void test_refusals(void **state)
{
	(void)state;
	must_fail(&root, MISSING, "nfs:x", "", "nfs:x is not a source: local, local:FILE or dynamodb:TABLE");
	must_fail(&root, GOOD, NULL, "stores=x", "stores of sources team and own both name x");
	must_fail(&root, GOOD, NULL, "source=local,region=x", "sources team and own are the same: local");
	must_fail(&root, MISSING, "local", "default-source=x", "default-source names x, and there is no such source");
	must_fail(&root, "/nonexistent", "local", "", "/nonexistent cannot be read: No such file or directory");
	must_fail(&root, TEST_DATA, "local", "", TEST_DATA " cannot be read: it is not a regular file");
}

/* Every file of config/bad names in its first line the end of the sentence that it must give. */
static void check_bad_file(const char *name)
{
	_buf_cleanup_ struct buf path = BUF_INIT(4096), wanted = BUF_INIT(4096);
	char line[512];

	buf_printf(&path, TEST_DATA "/config/bad/%s", name);
	FILE *file = fopen(buf_text(&path), "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	assert_memory_equal(line, "# wanted: ", 10);
	line[strcspn(line, "\n")] = '\0';
	buf_printf(&wanted, "%s%s", line[10] == ':' ? buf_text(&path) : "", line + 10);
	must_fail(&root, buf_text(&path), NULL, "", buf_text(&wanted));
}

static void test_bad_files(void **state)
{
	DIR *folder = opendir(TEST_DATA "/config/bad");
	int n = 0;

	(void)state;
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		check_bad_file(entry->d_name);
		n++;
	}
	closedir(folder);
	assert_true(n >= 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_of_root),
		cmocka_unit_test(test_defaults_of_a_user),
		cmocka_unit_test(test_data_home),
		cmocka_unit_test(test_who_may),
		cmocka_unit_test(test_full_file),
		cmocka_unit_test(test_the_example_is_what_holds_without_it),
		cmocka_unit_test(test_full_file_sources),
		cmocka_unit_test(test_options_win),
		cmocka_unit_test(test_source_replaces_the_file),
		cmocka_unit_test(test_words_of_fstab),
		cmocka_unit_test(test_relative_paths),
		cmocka_unit_test(test_the_root_of_paths),
		cmocka_unit_test(test_source_after_o),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
