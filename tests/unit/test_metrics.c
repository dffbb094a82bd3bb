/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/metrics.h"

#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(struct fake *f, struct buf *text)
{
	MOUNT_LOCKED(&f->mount);

	buf_reset(text);
	metrics_show_locked(&f->mount, text);
}

/* The sample's value; -1: there is none of that name and labels. */
static double sample(struct fake *f, const char *name)
{
	_buf_cleanup_ struct buf text = BUF_INIT(1 << 20);
	char line[256];

	show(f, &text);
	snprintf(line, sizeof(line), "\n%s ", name);
	const char *at = strstr(buf_text(&text), line);
	return at ? strtod(at + strlen(line), NULL) : -1;
}

static void test_every_sample_stands_under_its_family(void **state)
{
	struct fake *f = *state;
	_buf_cleanup_ struct buf text = BUF_INIT(1 << 20);
	char family[128] = "", type[32];
	size_t samples = 0;

	metrics_request(f->mount.metrics, "Scan", &(struct client_outcome){ .attempts = 1 }, 0, CLOCK_MS);
	show(f, &text);
	for (char *save = NULL, *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0)
			continue;
		if (sscanf(line, "# TYPE %127s %31s", family, type) == 2) {
			assert_true(strcmp(type, "counter") != 0 || strstr(family, "_total"));
			continue;
		}
		assert_memory_equal(line, family, strlen(family));
		assert_non_null(strchr(line, ' '));
		samples++;
	}
	assert_true(samples > CALL_KINDS);
}

static void test_requests_are_counted_by_operation_and_outcome(void **state)
{
	struct fake *f = *state;
	const struct client_outcome twice = { .attempts = 3, .throttles = 2 },
				    throttled = { .attempts = 4, .throttles = 4, .throttled = true };

	metrics_request(f->mount.metrics, "GetItem", &twice, 0, 30 * CLOCK_MS);
	metrics_request(f->mount.metrics, "GetItem", &throttled, -EBUSY, 20 * CLOCK_SECOND);
	metrics_request(f->mount.metrics, "GetItem", &CLIENT_OUTCOME_NULL, -EACCES, 0);
	assert_true(sample(f, "dynconf_requests_total{operation=\"GetItem\",outcome=\"ok\"}") == 1);
	assert_true(sample(f, "dynconf_requests_total{operation=\"GetItem\",outcome=\"throttled\"}") == 1);
	assert_true(sample(f, "dynconf_requests_total{operation=\"GetItem\",outcome=\"refused\"}") == 1);
	assert_true(sample(f, "dynconf_request_retries_total{operation=\"GetItem\"}") == 5);
	assert_true(sample(f, "dynconf_throttles_total{operation=\"GetItem\"}") == 6);
	assert_true(sample(f, "dynconf_request_duration_seconds_bucket{operation=\"GetItem\",le=\"0.025\"}") == 1);
	assert_true(sample(f, "dynconf_request_duration_seconds_bucket{operation=\"GetItem\",le=\"10\"}") == 2);
	assert_true(sample(f, "dynconf_request_duration_seconds_bucket{operation=\"GetItem\",le=\"+Inf\"}") == 3);
	assert_true(sample(f, "dynconf_request_duration_seconds_count{operation=\"GetItem\"}") == 3);
}

static void test_too_many_operations_are_left_out(void **state)
{
	struct fake *f = *state;
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "Operation%d", i);
		metrics_request(f->mount.metrics, name, &CLIENT_OUTCOME_NULL, 0, 0);
	}
	assert_true(sample(f, "dynconf_requests_total{operation=\"Operation0\",outcome=\"ok\"}") == 1);
	assert_true(sample(f, "dynconf_requests_total{operation=\"Operation99\",outcome=\"ok\"}") == -1);
}

static void test_stores_and_the_kernel_are_counted(void **state)
{
	struct fake *f = *state;

	metrics_call(f->mount.metrics, CALL_READ);
	assert_true(sample(f, "dynconf_fuse_requests_total{kind=\"read\"}") == 1);
	assert_true(sample(f, "dynconf_store_keys{store=\"s\"}") == 2);
	assert_true(sample(f, "dynconf_store_stale{store=\"s\"}") == 0);
	assert_true(sample(f, "dynconf_resident_memory_bytes") > 0);
}

static void test_labels_are_escaped(void **state)
{
	struct fake *f = *state;

	fake_store_set(f->stores[0], "a\"b\\c/o/k", VALUE_S, "1");
	fake_load(f);
	assert_true(sample(f, "dynconf_store_keys{store=\"a\\\"b\\\\c\"}") == 1);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_every_sample_stands_under_its_family),
		UNIT(test_requests_are_counted_by_operation_and_outcome),
		UNIT(test_too_many_operations_are_left_out),
		UNIT(test_stores_and_the_kernel_are_counted),
		UNIT(test_labels_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
