/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The one table of options. The configuration file, -o, the help and the check of the manual page are all driven by it:
 * a new option is a new row and a field in settings.h.
 */
enum option_scope {
	OPTION_GLOBAL,  /* [global], into struct settings */
	OPTION_ACCESS,  /* [global], [source: NAME] and [store: NAME], into the struct access of each */
	OPTION_LOGGING, /* [logging], into struct settings */
	OPTION_SOURCE,  /* [source: NAME], or [global] for all sources, into struct source_settings */
	OPTION_SCOPES
};

enum option_type {
	OPTION_TEXT,  /* char * */
	OPTION_KEY,   /* char *, wiped; refused after -o: command lines can be read by everybody */
	OPTION_LIST,  /* char **, NULL-terminated: names between commas; `\,` and `\\` inside a name */
	OPTION_WORD,  /* an enum: the position of the word in `values` */
	OPTION_BOOL,  /* bool: the position of "yes" or "no" in `values`; true/false, on/off, 1/0 are understood too */
	OPTION_TIME,  /* int64_t nanoseconds, written in seconds or with a unit */
	OPTION_COUNT, /* int64_t */
	OPTION_ID,    /* uid_t or gid_t, a number */
	OPTION_GROUP, /* gid_t, a group's name or number */
	OPTION_MODE,  /* mode_t, octal */
	OPTION_TYPES
};

struct option_spec {
	const char *name; /* with '-'; '_' in its place is understood everywhere */
	enum option_scope scope;
	size_t offset;
	enum option_type type;
	const char *fallback; /* as somebody would write it; NULL: none */
	const char *values;   /* what help shows after '='; the words of WORD and BOOL, between '|' */
	const char *help;
	int64_t min, max; /* of TIME (nanoseconds) and COUNT */
};

extern const struct option_spec option_table[];
extern const size_t option_count;

/* The section that an option of that scope stands in, as errors and help name it. */
const char *option_section(enum option_scope scope);

/* NULL when there is none. */
const struct option_spec *option_find(const char *name);
/* ENOENT; the sentence names the option and the closest one there is. */
int option_unknown(const char *name, struct error *e);

/* Sets the field in `base`, the struct of the option's scope, in place of what it held; a list is replaced whole.
 * EINVAL with a sentence that says what the option takes, and never the value: options may be secrets. */
int option_set(const struct option_spec *spec, void *base, const char *value, struct error *e);
/* Sets every option of the scope that has a default. */
int options_default(enum option_scope scope, void *base, struct error *e);

/* What stands after -o, in its order; several lists of one name are one. */
struct option_pairs {
	struct option_pair {
		const struct option_spec *spec;
		char *value;
	} * pairs;
	size_t n;
};

#define OPTION_PAIRS_NULL ((struct option_pairs){ 0 })

enum { OPTIONS_TEXT_MAX = 1 << 16 };

enum option_parse_flags {
	OPTIONS_SLOPPY = 1,     /* unknown options are left out: -s of mount(8) */
	OPTIONS_FROM_MOUNT = 2, /* from mount(8), which says "rw" whenever nobody says "ro": it decides nothing */
};

/*
 * Adds the options of one -o string. Commas separate; within double quotes, or after a backslash, they do not (the
 * rules of mount(8)); `\\` and `\"` stand for themselves. What is mount(8)'s own is left out.
 */
int option_pairs_add(struct option_pairs *pairs, const char *text, unsigned flags, struct error *e);
void option_pairs_deinit(struct option_pairs *pairs);

/* How many letters must be changed, added or taken away to make one word the other; large for long words. */
size_t edit_distance(const char *a, const char *b);
