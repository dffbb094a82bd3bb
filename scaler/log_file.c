/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/log_file.h"

#include "aws/core/buf.h"
#include "aws/core/clock.h"
#include "aws/core/file.h"
#include "scaler/log_format.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { ROTATED_MAX = 4096 };

static const struct unit {
	const char *name;
	int seconds;     /* 0: at midnight, every `days` */
	int days;        /* 1, or 7 for a weekday */
	int weekday;     /* that ends with the rotation, Monday is 0; -1: every day */
	const char *tag; /* what the renamed file's name ends in */
} units[] = {
	{ "S", 1, 0, -1, "%Y-%m-%d_%H-%M-%S" }, { "M", 60, 0, -1, "%Y-%m-%d_%H-%M" },
	{ "H", 3600, 0, -1, "%Y-%m-%d_%H" },    { "D", 86400, 0, -1, "%Y-%m-%d" },
	{ "midnight", 0, 1, -1, "%Y-%m-%d" },   { "W0", 0, 7, 0, "%Y-%m-%d" },
	{ "W1", 0, 7, 1, "%Y-%m-%d" },          { "W2", 0, 7, 2, "%Y-%m-%d" },
	{ "W3", 0, 7, 3, "%Y-%m-%d" },          { "W4", 0, 7, 4, "%Y-%m-%d" },
	{ "W5", 0, 7, 5, "%Y-%m-%d" },          { "W6", 0, 7, 6, "%Y-%m-%d" },
};

struct log_file {
	struct log_file_spec spec; /* path is owned */
	const struct unit *unit;   /* NULL: no rotation by time */
	int64_t next;              /* Unix seconds of the next rotation by time */
	int64_t bytes;
	int fd;
};

static const struct unit *find_unit(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (strcasecmp(units[i].name, name) == 0)
			return &units[i];
	}
	return NULL;
}

/* The midnight that is `days` days after the day of `seconds`. */
static int64_t midnight(const struct log_file *f, int64_t seconds, int days)
{
	time_t when = (time_t)seconds;
	struct tm tm = { 0 };

	if (f->spec.utc)
		gmtime_r(&when, &tm);
	else
		localtime_r(&when, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	return f->spec.utc ? timegm(&tm) : mktime(&tm);
}

static int64_t next_rotation(const struct log_file *f, int64_t seconds)
{
	char day[2] = "";
	int wait = 1;

	if (f->unit->seconds)
		return seconds + (int64_t)f->unit->seconds * f->spec.interval;
	log_format_date(day, sizeof(day), "%u", seconds, f->spec.utc);
	if (f->unit->weekday >= 0)
		wait += (f->unit->weekday - (day[0] - '1') + 7) % 7;
	return midnight(f, seconds, wait);
}

static int reopen(struct log_file *f, bool truncate)
{
	struct stat st;
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | (truncate ? O_TRUNC : 0);

	f->fd = open(f->spec.path, flags, 0640);
	if (f->fd < 0)
		return -errno;
	f->bytes = fstat(f->fd, &st) == 0 ? st.st_size : 0;
	return 0;
}

int log_file_open(const struct log_file_spec *spec, int64_t wall, struct log_file **file, struct error *e)
{
	const struct unit *unit = spec->when ? find_unit(spec->when) : NULL;
	struct stat st;

	if (spec->when && !unit)
		return error_set(e, EINVAL, "\"%s\" is not S, M, H, D, midnight or W0 to W6", spec->when);
	struct log_file *f = calloc(1, sizeof(*f));
	char *path = file_absolute(spec->path);
	if (!f || !path) {
		free(f);
		free(path);
		return error_no_memory(e);
	}
	*f = (struct log_file){ .spec = *spec, .unit = unit, .fd = -1 };
	f->spec.path = path;
	if (f->spec.interval < 1)
		f->spec.interval = 1;
	bool old = unit && stat(path, &st) == 0 && st.st_size > 0;
	int rc = reopen(f, spec->truncate);
	if (rc < 0) {
		error_set(e, rc == -EACCES ? EACCES : EIO, "the log file %s cannot be opened: %s", path, strerror(-rc));
		log_file_close(f);
		return rc == -EACCES ? rc : -EIO;
	}
	if (unit)
		f->next = next_rotation(f, old ? st.st_mtime : wall / CLOCK_SECOND);
	*file = f;
	return 0;
}

static void rename_to(const struct log_file *f, const char *from, const char *tag)
{
	_buf_cleanup_ struct buf to = BUF_INIT(PATH_MAX);

	buf_printf(&to, "%s.%s", f->spec.path, tag);
	if (!buf_error(&to) && rename(from, buf_text(&to)) < 0)
		return;
}

/* FILE.1 becomes FILE.2 and so on, from the oldest. */
static void shift_numbers(const struct log_file *f)
{
	_buf_cleanup_ struct buf from = BUF_INIT(PATH_MAX);
	char tag[16];

	for (int i = f->spec.keep - 1; i > 0; i--) {
		buf_reset(&from);
		buf_printf(&from, "%s.%d", f->spec.path, i);
		snprintf(tag, sizeof(tag), "%d", i + 1);
		rename_to(f, buf_text(&from), tag);
	}
	rename_to(f, f->spec.path, "1");
}

/* Whether `tag` has digits where `like` has them, and is otherwise the same. */
static bool same_shape(const char *tag, const char *like)
{
	for (; *tag && *like; tag++, like++) {
		bool digits = isdigit((unsigned char)*tag) && isdigit((unsigned char)*like);
		if (!digits && *tag != *like)
			return false;
	}
	return *tag == *like;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of rotated files in `dir`, oldest first; the caller frees each. */
static size_t list_rotated(DIR *dir, const char *base, const char *like, char **names)
{
	size_t len = strlen(base), n = 0;
	const struct dirent *entry;

	while (n < ROTATED_MAX && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		if (strncmp(name, base, len) == 0 && name[len] == '.' && same_shape(name + len + 1, like) &&
		    (names[n] = strdup(name)))
			n++;
	}
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

static void remove_old(const struct log_file *f, const char *like)
{
	_buf_cleanup_ struct buf folder = BUF_INIT(PATH_MAX);
	const char *slash = strrchr(f->spec.path, '/');
	const char *base = slash ? slash + 1 : f->spec.path;

	if (slash)
		buf_append(&folder, f->spec.path, (size_t)(base - f->spec.path));
	DIR *dir = opendir(slash ? buf_text(&folder) : ".");
	char **names = calloc(ROTATED_MAX, sizeof(*names));
	size_t n = dir && names ? list_rotated(dir, base, like, names) : 0;
	for (size_t i = 0; i < n; i++) {
		if (i + (size_t)f->spec.keep < n)
			unlinkat(dirfd(dir), names[i], 0);
		free(names[i]);
	}
	free(names);
	if (dir)
		closedir(dir);
}

static void rotate_by_time(struct log_file *f, int64_t seconds)
{
	char tag[64];
	int64_t begun = f->unit->seconds ? f->next - (int64_t)f->unit->seconds * f->spec.interval
					 : midnight(f, f->next, -f->unit->days);

	log_format_date(tag, sizeof(tag), f->unit->tag, begun, f->spec.utc);
	rename_to(f, f->spec.path, tag);
	if (f->spec.keep > 0)
		remove_old(f, tag);
	f->next = next_rotation(f, seconds);
}

static void rotate(struct log_file *f, int64_t wall, size_t len)
{
	bool by_size = f->spec.keep > 0 && f->spec.max_bytes > 0 && f->bytes > 0 &&
		       f->bytes + (int64_t)len >= f->spec.max_bytes;
	bool by_time = f->unit && wall / CLOCK_SECOND >= f->next;

	if (!by_size && !by_time)
		return;
	int old = f->fd;
	if (by_time)
		rotate_by_time(f, wall / CLOCK_SECOND);
	else
		shift_numbers(f);
	/* Better a file that is too large than none. */
	if (reopen(f, false) < 0)
		f->fd = old;
	else
		close(old);
}

void log_file_write(struct log_file *file, int64_t wall, const char *line, size_t len)
{
	rotate(file, wall, len);
	if (write(file->fd, line, len) == (ssize_t)len)
		file->bytes += (int64_t)len;
}

void log_file_close(struct log_file *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free((char *)file->spec.path);
	free(file);
}
