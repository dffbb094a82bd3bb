/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/steer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "[global]\n"
			   "[default_options]\nmax-provisioned-reads: 500\n"
			   "[table: ^conf$]\nreads-upper-threshold: 80\n"
			   "[gsi: ^by-zone$ table: ^conf$]\nwrites-lower-threshold: 20\n";

static const struct target conf = { "conf", NULL }, zone = { "conf", "by-zone" }, other = { "other", NULL };

struct fixture {
	struct scaler_config config;
	struct state state;
};

static int setup(void **data)
{
	static const struct scaler_config_request request = { .file = "test.conf" };
	struct fixture *f = calloc(1, sizeof(*f));
	struct error e = ERROR_NULL;

	if (scaler_config_parse(&request, text, sizeof(text) - 1, NULL, &f->config, &e) < 0)
		fail_msg("%s", e.text);
	*data = f;
	return 0;
}

static int teardown(void **data)
{
	struct fixture *f = *data;

	scaler_config_deinit(&f->config);
	state_deinit(&f->state);
	free(f);
	return 0;
}

static void assert_option(const struct fixture *f, const struct target *target, const char *name, const char *expected)
{
	_buf_cleanup_ struct buf out = BUF_INIT(1024);

	assert_int_equal(steer_get_option(&f->config, &f->state, "", target, name, &out, NULL), 0);
	assert_string_equal(buf_text(&out), expected);
}

static int set(struct fixture *f, const struct target *target, const char *name, const char *value)
{
	struct error e = ERROR_NULL;

	return steer_set_option(&f->config, &f->state, "", target, name, value, &e);
}

static void test_options_are_those_of_the_section(void **data)
{
	assert_option(*data, &conf, "reads-upper-threshold", "80");
	assert_option(*data, &zone, "writes-lower-threshold", "20");
	assert_option(*data, &other, "reads-upper-threshold", "90");
	assert_option(*data, &other, "max-provisioned-reads", "500");
}

static void test_what_is_set_is_the_targets_alone(void **data)
{
	struct fixture *f = *data;

	assert_int_equal(set(f, &conf, "reads-upper-threshold", "70"), 0);
	assert_option(f, &conf, "reads-upper-threshold", "70");
	assert_option(f, &zone, "reads-upper-threshold", "90");
	assert_option(f, &other, "reads-upper-threshold", "90");
	assert_true(f->config.tables[0].options.sides[DIMENSION_READS].upper_threshold == 80);
}

static void test_a_bad_value_changes_nothing(void **data)
{
	struct fixture *f = *data;

	assert_int_equal(set(f, &conf, "reads-upper-threshold", "much"), -EINVAL);
	assert_int_equal(set(f, &conf, "no-such-option", "1"), -ENOENT);
	assert_int_equal(set(f, &conf, "min-provisioned-reads", "501"), -EINVAL);
	assert_int_equal(set(f, &conf, "min-provisioned-reads", "400"), 0);
	assert_int_equal(set(f, &conf, "max-provisioned-reads", "300"), -EINVAL);
	assert_option(f, &conf, "max-provisioned-reads", "500");
	assert_option(f, &conf, "min-provisioned-reads", "400");
}

static void test_switches_adopt_what_no_section_matches(void **data)
{
	struct fixture *f = *data;
	struct steer_switches to = { .enabled = true };

	assert_true(steer_get_switches(&f->config, &f->state, "", &conf).enabled);
	assert_false(steer_get_switches(&f->config, &f->state, "", &other).enabled);
	assert_int_equal(steer_set_switches(&f->config, &f->state, "", &other, to, NULL), 0);
	assert_true(steer_get_switches(&f->config, &f->state, "", &other).enabled);
	assert_true(state_find(&f->state, "", &other)->adopted);
	to.enabled = false;
	assert_int_equal(steer_set_switches(&f->config, &f->state, "", &conf, to, NULL), 0);
	assert_false(steer_get_switches(&f->config, &f->state, "", &conf).enabled);
	assert_false(state_find(&f->state, "", &conf)->adopted);
}

static void test_a_file_brings_everything_back(void **data)
{
	struct fixture *f = *data;
	struct state back = STATE_NULL;
	char path[] = "/tmp/dynconf-steer-XXXXXX";
	int fd = mkstemp(path);

	set(f, &conf, "min-provisioned-reads", "400");
	set(f, &zone, "cool-down", "7");
	steer_set_switches(&f->config, &f->state, "", &other, (struct steer_switches){ true, true }, NULL);
	char *saved = steer_text(&f->state);
	assert_int_equal(write(fd, saved, strlen(saved)), strlen(saved));
	close(fd);
	assert_int_equal(steer_load(path, &f->config, &back, NULL), 0);
	char *again = steer_text(&back);
	assert_string_equal(again, saved);
	assert_true(state_find(&back, "", &other)->dry_run);
	free(saved);
	free(again);
	state_deinit(&back);
	unlink(path);
}

static void test_a_file_of_another_kind_is_refused(void **data)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"version\":2,\"targets\":[]}",
		"{\"version\":1,\"targets\":[{\"table\":5}]}",
		"{\"version\":1,\"targets\":[{\"table\":\"conf\",\"options\":{\"reads-upper-threshold\":\"much\"}}]}",
	};
	struct fixture *f = *data;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[] = "/tmp/dynconf-steer-XXXXXX";
		int fd = mkstemp(path);
		struct error e = ERROR_NULL;
		assert_int_equal(write(fd, bad[i], strlen(bad[i])), strlen(bad[i]));
		close(fd);
		assert_int_equal(steer_load(path, &f->config, &f->state, &e), -EINVAL);
		assert_non_null(strstr(e.text, path));
		unlink(path);
	}
	assert_int_equal(steer_load("/nonexistent/steer", &f->config, &f->state, NULL), 0);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_options_are_those_of_the_section), UNIT(test_what_is_set_is_the_targets_alone),
		UNIT(test_a_bad_value_changes_nothing),      UNIT(test_switches_adopt_what_no_section_matches),
		UNIT(test_a_file_brings_everything_back),    UNIT(test_a_file_of_another_kind_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
