/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/idmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_an_empty_map_has_nothing(void **state)
{
	struct idmap map = IDMAP_NULL;

	(void)state;
	assert_false(idmap_get(&map, 1, NULL));
	idmap_remove(&map, 1);
	idmap_deinit(&map);
	idmap_deinit(&map);
}

static void test_set_adds_or_replaces(void **state)
{
	struct idmap map = IDMAP_NULL;
	uint64_t value = 7;

	(void)state;
	assert_true(idmap_set(&map, 5, 50));
	assert_true(idmap_set(&map, 5, 51));
	assert_int_equal(map.n, 1);
	assert_true(idmap_get(&map, 5, &value));
	assert_int_equal(value, 51);
	assert_false(idmap_get(&map, 6, &value));
	assert_int_equal(value, 51);
	idmap_deinit(&map);
}

/* All in one run of slots, and removed in every order that a step width gives. */
static void test_what_was_pushed_past_a_removed_id_is_found(void **state)
{
	enum { IDS = 211 };

	(void)state;
	for (uint64_t step = 1; step < IDS; step += 13) {
		struct idmap map = IDMAP_NULL;
		for (uint64_t i = 0; i < IDS; i++)
			assert_true(idmap_set(&map, 1 + i * 1024, i));
		for (uint64_t n = 0, at = 0; n < IDS; n++, at = (at + step) % IDS) {
			idmap_remove(&map, 1 + at * 1024);
			assert_false(idmap_get(&map, 1 + at * 1024, NULL));
			assert_int_equal(map.n, IDS - n - 1);
			uint64_t next = (at + step) % IDS, value = 0;
			assert_int_equal(idmap_get(&map, 1 + next * 1024, &value), n + 1 < IDS);
			assert_true(n + 1 == IDS || value == next);
		}
		idmap_deinit(&map);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_map_has_nothing),
		cmocka_unit_test(test_set_adds_or_replaces),
		cmocka_unit_test(test_what_was_pushed_past_a_removed_id_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
