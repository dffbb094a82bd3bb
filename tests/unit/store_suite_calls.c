/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_suite.h"

#include "aws/core/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECONDS = 60 };

struct store_call suite_call(void)
{
	return (struct store_call){
		.deadline = clock_mono(clock_system()) + SECONDS * CLOCK_SECOND,
		.timeout = SECONDS * CLOCK_SECOND,
		.cancel_fd = -1,
		.consistent = true,
	};
}

struct place suite_place(const char *store, const char *option, const char *key)
{
	return (struct place){
		.store = store,
		.store_len = strlen(store),
		.option = option,
		.option_len = strlen(option),
		.key = key,
		.key_len = key ? strlen(key) : 0,
	};
}

struct attribute suite_text(const char *text)
{
	return (struct attribute){ .type = VALUE_S, .bytes = text, .len = strlen(text) };
}

int suite_apply(struct store *store, const struct change *change)
{
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	int r = store_apply(store, &call, change, &e);
	if (r < 0) {
		assert_int_equal(e.number, -r);
		assert_true(strlen(e.text) > 10);
	}
	return r;
}

int suite_mkdir(struct store *store, const char *option)
{
	return suite_apply(store, &(struct change){ .kind = CHANGE_MKDIR, .to = suite_place("s", option, NULL) });
}

int suite_put(struct store *store, const char *option, const char *key, const char *text)
{
	return suite_apply(
		store,
		&(struct change){ .kind = CHANGE_PUT, .to = suite_place("s", option, key), .value = suite_text(text) });
}

/* ---- Dumps ---- */

int suite_sink(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
	       const struct attribute *attributes, size_t n, struct error *e)
{
	struct buf *lines = data;

	(void)e;
	buf_printf(lines, "%.*s/%.*s/\n", (int)store_len, store, (int)option_len, option);
	for (size_t i = 0; i < n; i++) {
		const struct attribute *a = &attributes[i];
		assert_int_equal(a->name[a->name_len], '\0');
		buf_printf(lines, "%.*s/%.*s/%s %s %.*s\n", (int)store_len, store, (int)option_len, option, a->name,
			   value_type_name(a->type), (int)a->len, a->bytes);
	}
	return 0;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Values of the tests that dump hold no newlines but at the end of a set's last element. */
char *suite_sorted(char *text)
{
	_buf_cleanup_ struct buf out = BUF_INIT(SUITE_DUMP_MAX);
	char *lines[4096];
	size_t n = 0;

	for (char *line = strtok(text, "\n"); line && n < 4096; line = strtok(NULL, "\n"))
		lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s\n", lines[i]);
	return buf_take(&out, NULL);
}

char *suite_dump(struct store *store, const char *only)
{
	_buf_cleanup_ struct buf lines = BUF_INIT(SUITE_DUMP_MAX);
	struct store_sink sink = { .item = suite_sink, .data = &lines };
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;

	int r = store_load(store, &call, only, &sink, &e);
	if (r < 0)
		fail_msg("load: %s", e.text);
	buf_char(&lines, '\n');
	return suite_sorted(lines.data);
}

void suite_expect(struct store *store, const char *dump)
{
	char *found = suite_dump(store, NULL);

	assert_string_equal(found, dump);
	free(found);
}
