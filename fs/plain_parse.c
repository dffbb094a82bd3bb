/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of JSON (RFC 8259) that keeps the digits of numbers, and gives the typed form at once. */
#include "fs/path.h"
#include "fs/plain.h"
#include "fs/value.h"
#include "fs/value_codec.h"

#include <errno.h>
#include <string.h>

struct parser {
	const char *start, *at, *end;
	int depth;
	bool cut; /* the text ended where more was due */
	int r;    /* 0, -EINVAL or -ENOMEM */
	const char *why;
};

static json_t *parse_value(struct parser *p);

static json_t *fail(struct parser *p, const char *why)
{
	if (p->r == 0) {
		p->r = -EINVAL;
		p->why = why;
		p->cut = p->at == p->end;
	}
	return NULL;
}

static json_t *no_memory(struct parser *p)
{
	p->r = -ENOMEM;
	return NULL;
}

/* Takes over `inner`. */
static json_t *wrap(struct parser *p, enum value_type type, json_t *inner)
{
	json_t *attribute = inner ? json_pack("{s:o}", value_type_name(type), inner) : NULL;

	return attribute ? attribute : no_memory(p);
}

static void skip_space(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
		p->at++;
}

/* Whether that character comes next; it is passed over. */
static bool take(struct parser *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static size_t take_digits(struct parser *p)
{
	const char *from = p->at;

	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	return (size_t)(p->at - from);
}

static bool scan_number(struct parser *p)
{
	take(p, '-');
	if (!take(p, '0') && !take_digits(p))
		return false;
	if (take(p, '.') && !take_digits(p))
		return false;
	if (!take(p, 'e') && !take(p, 'E'))
		return true;
	if (!take(p, '-'))
		take(p, '+');
	return take_digits(p) > 0;
}

static json_t *parse_number(struct parser *p)
{
	_buf_cleanup_ struct buf digits = BUF_INIT(512);
	const char *from = p->at;

	if (!scan_number(p))
		return fail(p, "a number is digits, such as -12.5 or 1e9");
	if (number_normalize((struct text){ from, (size_t)(p->at - from) }, &digits) < 0)
		return fail(p, "a number has at most 38 digits, and magnitude 1E-130 to 9.9E+125");
	return wrap(p, VALUE_N, json_stringn(buf_text(&digits), digits.len));
}

static bool scan_hex(struct parser *p, unsigned *code)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";

	*code = 0;
	for (int i = 0; i < 4; i++) {
		const char *digit = p->at < p->end && *p->at ? strchr(digits, *p->at) : NULL;
		if (!digit)
			return false;
		*code = *code << 4 | ((unsigned)(digit - digits) & 15);
		p->at++;
	}
	return true;
}

static void append_utf8(struct buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_char(out, (char)code);
		return;
	}
	int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned char leads[] = { 0, 0xc0, 0xe0, 0xf0 };
	buf_char(out, (char)(leads[more] | code >> (6 * more)));
	while (more-- > 0)
		buf_char(out, (char)(0x80 | (code >> (6 * more) & 0x3f)));
}

/* After \u. Characters beyond U+FFFF are two of them. */
static bool take_unicode(struct parser *p, struct buf *out)
{
	unsigned code, low;

	if (!scan_hex(p, &code) || (code >= 0xdc00 && code <= 0xdfff))
		return false;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (!take(p, '\\') || !take(p, 'u') || !scan_hex(p, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
	}
	append_utf8(out, code);
	return true;
}

static bool take_escape(struct parser *p, struct buf *out)
{
	static const char shorts[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

	if (take(p, 'u'))
		return take_unicode(p, out);
	for (const char *pair = shorts; *pair; pair += 2) {
		if (take(p, *pair)) {
			buf_char(out, pair[1]);
			return true;
		}
	}
	return false;
}

static bool scan_string(struct parser *p, struct buf *out)
{
	while (p->at < p->end && *p->at != '"') {
		const char *from = p->at;
		while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20)
			p->at++;
		buf_append(out, from, (size_t)(p->at - from));
		if (p->at < p->end && (unsigned char)*p->at < 0x20)
			return false;
		if (take(p, '\\') && !take_escape(p, out))
			return false;
	}
	return take(p, '"');
}

/* After the opening quote. False: it failed. */
static bool parse_text(struct parser *p, struct buf *out)
{
	if (!scan_string(p, out))
		fail(p, "a string ends with \", and control characters and \\ in it are written \\n, \\u0001, \\\\");
	else if (buf_error(out) < 0)
		no_memory(p);
	else if (!utf8_valid(buf_text(out), out->len, false))
		fail(p, "a string is UTF-8");
	return p->r == 0;
}

static json_t *parse_string(struct parser *p)
{
	_buf_cleanup_ struct buf text = BUF_INIT((size_t)(p->end - p->at) + 8);

	if (!parse_text(p, &text))
		return NULL;
	return wrap(p, VALUE_S, json_stringn(buf_text(&text), text.len));
}

/* Behind an element: whether another one comes. */
static bool goes_on(struct parser *p, char closing)
{
	skip_space(p);
	if (p->r < 0 || take(p, closing))
		return false;
	if (take(p, ','))
		return true;
	fail(p, closing == ']' ? "an element is followed by , or ]" : "a member is followed by , or }");
	return false;
}

static json_t *parse_list(struct parser *p)
{
	json_auto_t *list = json_array();

	skip_space(p);
	bool more = !take(p, ']');
	while (more) {
		json_t *element = parse_value(p);
		if (element && json_array_append_new(list, element) < 0)
			return no_memory(p);
		more = goes_on(p, ']');
	}
	return p->r < 0 ? NULL : wrap(p, VALUE_L, json_incref(list));
}

static bool parse_member(struct parser *p, json_t *map)
{
	_buf_cleanup_ struct buf name = BUF_INIT((size_t)(p->end - p->at) + 8);

	skip_space(p);
	if (!take(p, '"'))
		fail(p, "a member of an object begins with its name, in quotes");
	else if (parse_text(p, &name) && p->depth > 1 && memchr(buf_text(&name), '\0', name.len))
		fail(p, "a name inside a value cannot hold \\u0000");
	else if (p->r == 0 && json_object_getn(map, buf_text(&name), name.len))
		fail(p, "a name stands once in an object");
	skip_space(p);
	if (p->r == 0 && !take(p, ':'))
		fail(p, "a name is followed by a colon");
	json_t *member = p->r < 0 ? NULL : parse_value(p);
	if (member && json_object_setn_new_nocheck(map, buf_text(&name), name.len, member) < 0)
		no_memory(p);
	return goes_on(p, '}');
}

static json_t *parse_map(struct parser *p)
{
	json_auto_t *map = json_object();

	skip_space(p);
	if (!take(p, '}')) {
		while (parse_member(p, map)) {
		}
	}
	return p->r < 0 ? NULL : wrap(p, VALUE_M, json_incref(map));
}

static json_t *parse_word(struct parser *p)
{
	static const struct {
		const char *word;
		enum value_type type;
		bool value;
	} words[] = { { "true", VALUE_BOOL, true }, { "false", VALUE_BOOL, false }, { "null", VALUE_NULL, true } };
	size_t left = (size_t)(p->end - p->at);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word), n = len < left ? len : left;
		if (n == 0 || strncmp(p->at, words[i].word, n) != 0)
			continue;
		p->at += n;
		if (n == len)
			return wrap(p, words[i].type, json_boolean(words[i].value));
	}
	return fail(p, "a value is a string in quotes, a number, true, false, null, [list] or {object}");
}

static json_t *parse_nested(struct parser *p, json_t *(*parse)(struct parser *))
{
	if (p->depth > LEVELS_MAX)
		return fail(p, "a value has at most 32 levels of lists and objects");
	p->depth++;
	json_t *value = parse(p);
	p->depth--;
	return value;
}

static json_t *parse_value(struct parser *p)
{
	skip_space(p);
	if (take(p, '"'))
		return parse_string(p);
	if (take(p, '['))
		return parse_nested(p, parse_list);
	if (take(p, '{'))
		return parse_nested(p, parse_map);
	if (p->at < p->end && (*p->at == '-' || (*p->at >= '0' && *p->at <= '9')))
		return parse_number(p);
	return parse_word(p);
}

static json_t *parse_all(struct parser *p)
{
	json_t *value = parse_value(p);

	skip_space(p);
	if (!value || p->at == p->end)
		return value;
	json_decref(value);
	fail(p, "nothing may follow the value");
	return NULL;
}

static int tell(const struct parser *p, struct error *e)
{
	int line = 1;

	if (p->r == -ENOMEM)
		return error_no_memory(e);
	for (const char *at = p->start; at < p->at; at++)
		line += *at == '\n';
	return error_set(e, EINVAL, "line %d is not the JSON of an option: %s", line, p->why);
}

int plain_parse(const char *text, size_t len, json_t **attribute, struct error *e)
{
	struct parser p = { .start = text, .at = text, .end = text + len };
	json_t *value = parse_all(&p);

	if (!value)
		return tell(&p, e);
	*attribute = value;
	return 0;
}

int plain_check_prefix(const char *text, size_t len, struct error *e)
{
	struct parser p = { .start = text, .at = text, .end = text + len };

	json_decref(parse_all(&p));
	return p.r == 0 || p.cut ? 0 : tell(&p, e);
}
