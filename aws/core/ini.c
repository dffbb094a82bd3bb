/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/ini.h"
#include "aws/core/buf.h"
#include "aws/core/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct ini_dialect {
	const char *inline_marks; /* each starts a comment inside a value when a blank stands before it */
	bool first_mark_only;     /* …but only a value's first mark is looked at, and none on continuation lines */
	bool remarks;             /* a first word `rem` in column 0 makes a comment */
	bool indented;            /* comments, headers and options may be indented */
	bool loose_header;        /* a name ends at the line's last `]`, and blanks before it belong to it */
	bool empty_quotes;        /* the value `""` is empty */
	bool lower_names;         /* the case of option names does not matter */
	const char *defaults;     /* the section that supplies options to all others */
};

/* https://docs.python.org/2.7/library/configparser.html, and what its code does where the page is silent. */
const struct ini_dialect ini_python = {
	.inline_marks = ";",
	.first_mark_only = true,
	.remarks = true,
	.loose_header = true,
	.empty_quotes = true,
	.defaults = "DEFAULT",
};

/* https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html; indentation as the AWS CLI's parser sees it. */
const struct ini_dialect ini_aws = {
	.inline_marks = "#;",
	.indented = true,
	.lower_names = true,
};

#define BLANKS " \t\r\v\f"

struct reader {
	const struct ini_dialect *dialect;
	const char *file;
	int line;
	struct ini *ini;
	const char *section; /* NULL before the first header */
	char *tail;          /* the NUL after the value that an indented line continues, NULL: there is none */
	ptrdiff_t indent;    /* of that value's option */
};

static bool is_blank(char c)
{
	return c && strchr(BLANKS, c);
}

static char *trim_end(const char *begin, char *end)
{
	while (end > begin && is_blank(end[-1]))
		end--;
	return end;
}

static int expected(const struct reader *r, struct error *e, const char *what)
{
	return error_set(e, EINVAL, "%s:%d: expected %s", r->file, r->line, what);
}

static bool is_comment(const struct ini_dialect *dialect, const char *line, const char *text)
{
	if (text != line && !dialect->indented)
		return false;
	if (*text == '#' || *text == ';')
		return true;
	return dialect->remarks && strncasecmp(text, "rem", 3) == 0 && (!text[3] || is_blank(text[3]));
}

/* Where the comment inside a value begins; `end` if there is none. The byte before `value` belongs to the line. */
static char *comment_start(const struct ini_dialect *dialect, char *value, char *end)
{
	for (char *at = value; at < end; at++) {
		if (!strchr(dialect->inline_marks, *at))
			continue;
		/* Python looks at value[-1] when the mark comes first, which is the value's last byte. */
		char before = at == value && dialect->first_mark_only ? end[-1] : at[-1];
		if (is_blank(before))
			return at;
		if (dialect->first_mark_only)
			return end;
	}
	return end;
}

/* Room for one more element: the array doubles at every power of two, so that nobody has to keep its capacity. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return reallocarray(array, n ? 2 * n : 1, size);
}

/* The line's part of the value moves up to the value: it needs no more room than the indentation that goes. */
static void continue_value(struct reader *r, char *text, char *end)
{
	if (!r->dialect->first_mark_only)
		end = comment_start(r->dialect, text, end);
	size_t len = (size_t)(trim_end(text, end) - text);
	*r->tail++ = '\n';
	memmove(r->tail, text, len);
	r->tail += len;
	*r->tail = '\0';
}

static char *header_name(const struct ini_dialect *dialect, char *text)
{
	char *end = dialect->loose_header ? strrchr(text, ']') : strchr(text, ']');

	if (*text != '[' || !end)
		return NULL;
	char *name = text + 1 + strspn(text + 1, BLANKS);
	if (!dialect->loose_header)
		end = trim_end(name, end);
	*end = '\0';
	return name;
}

static int add_section(struct reader *r, const char *name, struct error *e)
{
	struct ini *ini = r->ini;

	r->section = name;
	r->tail = NULL;
	if (ini->defaults && strcmp(name, ini->defaults) == 0)
		return 0;
	struct ini_section *sections = grow(ini->sections, ini->n_sections, sizeof(*sections));
	if (!sections)
		return error_no_memory(e);
	ini->sections = sections;
	sections[ini->n_sections++] = (struct ini_section){ .name = name, .line = r->line };
	return 0;
}

static int add_option(struct reader *r, char *name, char *end, struct error *e)
{
	struct ini *ini = r->ini;
	char *delimiter = strpbrk(name, ":=");

	if (!delimiter || delimiter == name)
		return expected(r, e, "\"[section]\", \"name = value\" or a comment");
	char *value = delimiter + 1 + strspn(delimiter + 1, BLANKS);
	*trim_end(value, comment_start(r->dialect, value, end)) = '\0';
	*trim_end(name, delimiter) = '\0';
	if (r->dialect->empty_quotes && strcmp(value, "\"\"") == 0)
		*value = '\0';
	for (char *at = name; r->dialect->lower_names && *at; at++)
		*at = (char)tolower((unsigned char)*at);

	struct ini_entry *entries = grow(ini->entries, ini->n_entries, sizeof(*entries));
	if (!entries)
		return error_no_memory(e);
	ini->entries = entries;
	entries[ini->n_entries++] =
		(struct ini_entry){ .section = r->section, .name = name, .value = value, .line = r->line };
	r->tail = value + strlen(value);
	return 0;
}

static int read_line(struct reader *r, char *line, char *end, struct error *e)
{
	char *text = line + strspn(line, BLANKS);

	if (text == end || is_comment(r->dialect, line, text))
		return 0;
	if (r->tail && text - line > r->indent) {
		continue_value(r, text, end);
		return 0;
	}
	if (text != line && !r->dialect->indented)
		return expected(r, e, "an option in the first column: an indented line continues the one above it");
	char *section = header_name(r->dialect, text);
	if (section && !*section)
		return expected(r, e, "a name between the brackets");
	if (section)
		return add_section(r, section, e);
	if (!r->section)
		return expected(r, e, "a \"[section]\" line before anything else");
	r->indent = text - line;
	return add_option(r, text, end, e);
}

static int by_name(const void *a, const void *b)
{
	const struct ini_section *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : left->line - right->line;
}

static int by_line(const void *a, const void *b)
{
	const struct ini_section *left = a, *right = b;

	return left->line - right->line;
}

/* Keeps the first header of each section. Sorted, because a file may hold very many. */
static void merge_sections(struct ini *ini)
{
	struct ini_section *sections = ini->sections;
	size_t n = 0;

	if (!ini->n_sections)
		return;
	qsort(sections, ini->n_sections, sizeof(*sections), by_name);
	for (size_t i = 1; i < ini->n_sections; i++) {
		if (strcmp(sections[i].name, sections[n].name) != 0)
			sections[++n] = sections[i];
	}
	ini->n_sections = n + 1;
	qsort(sections, ini->n_sections, sizeof(*sections), by_line);
}

static int check_text(const char *name, const char *text, size_t len, struct error *e)
{
	if (len > INI_FILE_MAX)
		return error_set(e, EFBIG, "%s: expected at most %d bytes", name, INI_FILE_MAX);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return error_set(e, EINVAL, "%s:1: expected text without a byte order mark", name);
	const char *nul = memchr(text, '\0', len);
	if (!nul)
		return 0;
	int line = 1;
	for (const char *at = text; at < nul; at++)
		line += *at == '\n';
	return error_set(e, EINVAL, "%s:%d: expected text, not a NUL byte", name, line);
}

int ini_parse(const struct ini_dialect *dialect, const char *name, const char *text, size_t len, struct ini *out,
	      struct error *e)
{
	_ini_cleanup_ struct ini ini = { .defaults = dialect->defaults };
	struct reader reader = { .dialect = dialect, .file = name, .ini = &ini };

	int result = check_text(name, text, len, e);
	if (result < 0)
		return result;
	ini.text = malloc(len + 1);
	if (!ini.text)
		return error_no_memory(e);
	memcpy(ini.text, text, len);
	ini.text[len] = '\0';
	ini.len = len;
	for (char *line = ini.text, *end; line < ini.text + len; line = end + 1) {
		end = strchrnul(line, '\n');
		*end = '\0';
		reader.line++;
		result = read_line(&reader, line, end, e);
		if (result < 0)
			return result;
	}
	merge_sections(&ini);
	*out = ini;
	ini = INI_NULL;
	return 0;
}

int ini_load(const struct ini_dialect *dialect, const char *path, struct ini *out, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_SECRET(INI_FILE_MAX);
	int result = file_read(path, &text, e);

	return result < 0 ? result : ini_parse(dialect, path, buf_text(&text), text.len, out, e);
}

static const char *last_value(const struct ini *ini, const char *section, const char *name)
{
	for (size_t i = ini->n_entries; i-- > 0;) {
		const struct ini_entry *entry = &ini->entries[i];
		if (strcmp(entry->name, name) == 0 && strcmp(entry->section, section) == 0)
			return entry->value;
	}
	return NULL;
}

const char *ini_get(const struct ini *ini, const char *section, const char *name)
{
	const char *value = last_value(ini, section, name);

	return value || !ini->defaults ? value : last_value(ini, ini->defaults, name);
}

void ini_deinit(struct ini *ini)
{
	if (ini->text)
		explicit_bzero(ini->text, ini->len);
	free(ini->text);
	free(ini->entries);
	free(ini->sections);
	*ini = INI_NULL;
}
