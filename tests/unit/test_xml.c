/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/xml.h"

#include <errno.h>
#include <string.h>

/* Each leaf as "path=text;". */
static void note(void *data, const char *path, const char *text)
{
	buf_printf(data, "%s=%s;", path, text);
}

static void test_leaves(void **state)
{
	static const struct {
		const char *xml, *leaves; /* NULL: refused */
	} rows[] = {
		{ "<a/>", "a=;" },
		{ "<a>text</a>", "a=text;" },
		{ "<?xml version=\"1.0\"?>\n<a xmlns='u'>\n  <n:b "
		  "n:x=\"y\">1&lt;&#50;</n:b><c><d>2</d></c>tail\n</a>\n",
		  "a/b=1<2;a/c/d=2;" },
		{ "<a><b>1<!-- 2 -->3<![CDATA[<4>]]></b></a>", "a/b=13<4>;" },
		{ "", NULL },
		{ "text", NULL },
		{ "<a>", NULL },
		{ "<a></b>", NULL },
		{ "<a/><a/>", NULL },
		{ "<a>&b;</a>", NULL },
		{ "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", NULL },
		{ "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", NULL },
		{ "<a>\xff</a>", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_buf_cleanup_ struct buf answer = BUF_INIT(1000), leaves = BUF_INIT(1000);
		struct error e = ERROR_NULL;
		buf_str(&answer, rows[i].xml);
		int rc = xml_read(&answer, note, &leaves, &e);
		if (rc != (rows[i].leaves ? 0 : -EIO))
			fail_msg("%s: %d", rows[i].xml, rc);
		if (rows[i].leaves)
			assert_string_equal(buf_text(&leaves), rows[i].leaves);
		assert_int_equal(e.number, -rc);
	}
}

static void test_depth_is_bounded(void **state)
{
	_buf_cleanup_ struct buf answer = BUF_INIT(1 << 20), leaves = BUF_INIT(1000);

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_str(&answer, "<a>");
	assert_int_equal(xml_read(&answer, note, &leaves, NULL), -EIO);
	assert_string_equal(buf_text(&leaves), "");
}

/* Begins and ends in one tag: the parser reports the end of what it was told to stop at. */
static void test_names_are_bounded(void **state)
{
	static const char *const around[][2] = { { "<", "/>" }, { "<a><", "/></a>" } };

	(void)state;
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		_buf_cleanup_ struct buf answer = BUF_INIT(1 << 20), leaves = BUF_INIT(1000);
		buf_printf(&answer, "%s%01000d%s", around[i][0], 0, around[i][1]);
		memset(answer.data + strlen(around[i][0]), 'x', 1000);
		assert_int_equal(xml_read(&answer, note, &leaves, NULL), -EIO);
		assert_string_equal(buf_text(&leaves), "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
