/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/pattern.h"

#include "aws/core/buf.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* Enough for any name of at most 255 bytes and an expression that means well. */
enum { EXPRESSION_MAX = 4096, MATCH_MAX = 1000000, DEPTH_MAX = 1000, HEAP_MAX = 1024 };

struct pattern {
	pcre2_code *code;
	pcre2_match_context *context;
};

/* https://docs.python.org/2.7/library/re.html: a letter that means nothing after a backslash is itself; \v is one
 * character, and \Z the very end, where PCRE2's is also before a last newline. Keeps `\\` together with what follows.
 */
static const char *translate_escape(const char *at, struct buf *out)
{
	if (at[1] == 'Z')
		buf_str(out, "\\z");
	else if (at[1] == 'v')
		buf_str(out, "\\x0b");
	else if (strchr("abABdDfnrsStwWx", at[1]) || !isalpha((unsigned char)at[1]))
		buf_append(out, at, at[1] ? 2 : 1);
	else
		buf_char(out, at[1]);
	return at + (at[1] ? 2 : 1);
}

/* The start of a class, up to where a `]` would end it: the first one does not. */
static const char *translate_class(const char *at, struct buf *out)
{
	size_t len = 1 + (at[1] == '^');

	len += at[len] == ']';
	buf_append(out, at, len);
	return at + len;
}

/* PCRE2 knows more than Python: [[:alpha:]] is not a named class, and `{,3}` is a repetition. (?P<name>…) and (?P=name)
 * it knows itself. */
static void translate(const char *at, struct buf *out)
{
	bool in_class = false;

	while (*at) {
		if (*at == '\\') {
			at = translate_escape(at, out);
		} else if (*at == '[' && !in_class) {
			at = translate_class(at, out);
			in_class = true;
		} else if (*at == '[') {
			buf_str(out, "\\[");
			at++;
		} else if (!in_class && strncmp(at, "{,", 2) == 0) {
			buf_str(out, "{0,");
			at += 2;
		} else {
			in_class &= *at != ']';
			buf_char(out, *at++);
		}
	}
}

static int compile(const char *expression, struct pattern *pattern, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_INIT(EXPRESSION_MAX);
	PCRE2_UCHAR reason[128];
	PCRE2_SIZE where = 0;
	int number = 0;

	translate(expression, &text);
	/* What starts so are instructions to PCRE2. */
	if (strncmp(expression, "(*", 2) == 0)
		return error_set(e, EINVAL, "\"%.100s\" is not a regular expression: there is nothing to repeat",
				 expression);
	if (buf_error(&text) < 0)
		return error_set(e, EINVAL, "an expression may have at most %d bytes", EXPRESSION_MAX);
	/* As Python 2 has it: bytes, a `$` that also matches before a last newline, `\d` and `\w` of ASCII. */
	pattern->code = pcre2_compile((PCRE2_SPTR)buf_text(&text), text.len, PCRE2_ANCHORED | PCRE2_NEVER_UTF, &number,
				      &where, NULL);
	if (!pattern->code) {
		pcre2_get_error_message(number, reason, sizeof(reason));
		return error_set(e, EINVAL, "\"%.100s\" is not a regular expression: %s, at byte %zu", expression,
				 (const char *)reason, where);
	}
	pattern->context = pcre2_match_context_create(NULL);
	if (!pattern->context)
		return error_no_memory(e);
	pcre2_set_match_limit(pattern->context, MATCH_MAX);
	pcre2_set_depth_limit(pattern->context, DEPTH_MAX);
	pcre2_set_heap_limit(pattern->context, HEAP_MAX);
	return 0;
}

int pattern_new(const char *expression, struct pattern **pattern, struct error *e)
{
	struct pattern *made = calloc(1, sizeof(*made));

	int r = made ? compile(expression, made, e) : error_no_memory(e);
	if (r < 0)
		pattern_free(made);
	else
		*pattern = made;
	return r;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(pattern->code);
	pcre2_match_context_free(pattern->context);
	free(pattern);
}

bool pattern_matches(const struct pattern *pattern, const char *name)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);

	int r = data ? pcre2_match(pattern->code, (PCRE2_SPTR)name, strlen(name), 0, 0, data, pattern->context) : -1;
	pcre2_match_data_free(data);
	return r >= 0;
}
