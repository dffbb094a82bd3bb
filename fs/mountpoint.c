/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TABLE_MAX = 16 << 20, /* bytes of mountinfo: a kernel allows 100,000 mounts */
	MAPS_MAX = 16 << 20,
	HOLDERS_MAX = 4, /* named before "and more" */
};

/* Reads a file of /proc to its end, whose size is not known before. */
static int read_proc(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) > 0 && buf_error(out) == 0)
		buf_append(out, part, (size_t)n);
	close(fd);
	return n < 0 ? -EIO : buf_error(out);
}

/* Space, tab, newline and backslash stand as three octal digits. */
static void unescape(char *text)
{
	char *end = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
		    text[3] >= '0' && text[3] <= '7') {
			*end++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
			text += 3;
		} else {
			*end++ = *text;
		}
	}
	*end = '\0';
}

/* "36 35 98:0 /root /dir options optional fields - type source options" */
static bool parse_row(char *line, struct mount_row *row)
{
	enum { DEVICE = 2, DIR = 4, FIXED = 6 };
	char *field, *rest = line, *fields[FIXED], *dash = strstr(line, " - ");

	if (!dash)
		return false;
	*dash = '\0';
	for (size_t i = 0; i < FIXED; i++) {
		fields[i] = strsep(&rest, " ");
		if (!fields[i])
			return false;
	}
	rest = dash + 3;
	char *type = strsep(&rest, " ");
	field = strsep(&rest, " ");
	if (!field || sscanf(fields[DEVICE], "%u:%u", &row->major, &row->minor) != 2)
		return false;
	unescape(fields[DIR]);
	unescape(field);
	row->dir = fields[DIR];
	row->type = type;
	row->source = field;
	return true;
}

int mount_table_parse(char *text, struct mount_table *table, struct error *e)
{
	struct mount_table made = { .text = text };
	size_t lines = 1;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	made.rows = calloc(lines, sizeof(*made.rows));
	if (!made.rows) {
		mount_table_deinit(&made);
		return error_no_memory(e);
	}
	for (char *line; (line = strsep(&text, "\n"));)
		made.n += parse_row(line, &made.rows[made.n]);
	*table = made;
	return 0;
}

int mount_table_read(struct mount_table *table, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_INIT(TABLE_MAX);
	int r = read_proc("/proc/self/mountinfo", &text);

	if (r < 0)
		return error_set(e, -r, "the list of mounts cannot be read: %s", strerror(-r));
	char *taken = buf_take(&text, NULL);
	return taken ? mount_table_parse(taken, table, e) : error_no_memory(e);
}

void mount_table_deinit(struct mount_table *table)
{
	free(table->rows);
	free(table->text);
	*table = MOUNT_TABLE_NULL;
}

#define _table_cleanup_ __attribute__((cleanup(mount_table_deinit)))

const struct mount_row *mount_table_at(const struct mount_table *table, const char *dir)
{
	for (size_t i = table->n; i-- > 0;) {
		if (strcmp(table->rows[i].dir, dir) == 0)
			return &table->rows[i];
	}
	return NULL;
}

static bool path_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return *path == '/';
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

const struct mount_row *mount_table_over(const struct mount_table *table, const char *path)
{
	const struct mount_row *best = NULL;

	for (size_t i = table->n; i-- > 0;) {
		const struct mount_row *row = &table->rows[i];
		if (path_within(path, row->dir) && (!best || strlen(row->dir) > strlen(best->dir)))
			best = row;
	}
	return best;
}

static bool is_ours(const struct mount_row *row)
{
	return row && strcmp(row->type, MOUNT_TYPE) == 0;
}

static int check_empty(const char *dir, struct error *e)
{
	DIR *stream = opendir(dir);
	int r = 0;

	if (!stream)
		return error_set(e, errno, "%.300s cannot be read: %s", dir, strerror(errno));
	for (struct dirent *entry; r == 0 && (entry = readdir(stream));) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = error_set(e, ENOTEMPTY, "%.300s is not empty: choose an empty directory", dir);
	}
	closedir(stream);
	return r;
}

/* A mount of ours that stands there already. */
static int check_mount(const char *dir, const struct mount_row *row, bool *dead, struct error *e)
{
	struct statfs st;

	/* Unlike stat(2), which the kernel may answer from memory, this always asks the daemon. */
	*dead = statfs(dir, &st) < 0 && errno == ENOTCONN;
	return *dead ? 0 : error_set(e, EBUSY, "already mounted: %.200s shows %.100s", dir, row->source);
}

static int check_directory(const char *dir, struct error *e)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return error_set(e, errno, "%.300s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(e, EINVAL, "%.300s is not a directory", dir);
	return check_empty(dir, e);
}

int mountpoint_check(const char *dir, char **resolved, bool *dead, struct error *e)
{
	_table_cleanup_ struct mount_table table = MOUNT_TABLE_NULL;
	char *path = realpath(dir, NULL);
	const struct mount_row *row;
	bool gone = false;

	if (!path && errno == ENOENT)
		return error_set(e, ENOENT, "%.300s does not exist: make it with mkdir", dir);
	if (!path)
		return error_set(e, errno, "%.300s: %s", dir, strerror(errno));
	int r = mount_table_read(&table, e);
	row = r == 0 ? mount_table_at(&table, path) : NULL;
	if (is_ours(row))
		r = check_mount(path, row, &gone, e);
	if (r == 0 && !gone)
		r = check_directory(path, e);
	if (r < 0) {
		free(path);
		return r;
	}
	*resolved = path;
	*dead = gone;
	return 0;
}

int mountpoint_prepare(const char *dir, char **resolved, struct error *e)
{
	char *path = NULL;
	bool dead = false;
	int r = mountpoint_check(dir, &path, &dead, e);

	if (r == 0 && dead)
		r = mountpoint_unmount(path, true, e);
	if (r == 0 && dead)
		r = check_directory(path, e);
	if (r < 0) {
		free(path);
		return r;
	}
	*resolved = path;
	return 0;
}

bool mountpoint_is_ours(const char *path)
{
	_table_cleanup_ struct mount_table table = MOUNT_TABLE_NULL;
	char *given = strdup(path), *known = NULL;

	/* What does not exist is looked for at the closest parent that does. */
	while (given && !(known = realpath(*given ? given : "/", NULL)) && (errno == ENOENT || errno == ENOTDIR)) {
		char *slash = strrchr(given, '/');
		if (!slash) {
			known = realpath(".", NULL);
			break;
		}
		*slash = '\0';
	}
	bool ours = known && mount_table_read(&table, NULL) == 0 && is_ours(mount_table_over(&table, known));
	free(given);
	free(known);
	return ours;
}

/* The first part of /proc/PID/maps that is mapped from the mount's device; device numbers are hexadecimal there. */
static bool maps_device(const char *path, const struct mount_row *row)
{
	_buf_cleanup_ struct buf text = BUF_INIT(MAPS_MAX);
	char device[32];

	if (read_proc(path, &text) < 0)
		return false;
	snprintf(device, sizeof(device), " %02x:%02x ", row->major, row->minor);
	return strstr(buf_text(&text), device);
}

static bool links_into(const char *link, const char *dir, char *target, size_t size)
{
	ssize_t n = readlink(link, target, size - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return path_within(target, dir);
}

static bool has_open(const char *process, const char *dir, char *target, size_t size)
{
	char path[PATH_MAX];
	bool found = false;

	snprintf(path, sizeof(path), "%s/fd", process);
	DIR *stream = opendir(path);
	if (!stream)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(stream));) {
		snprintf(path, sizeof(path), "%s/fd/%s", process, entry->d_name);
		found = links_into(path, dir, target, size);
	}
	closedir(stream);
	return found;
}

/* How the process uses the mount, as a sentence's end; false when it does not. */
static bool how_held(const char *process, const struct mount_row *row, char *how, size_t size)
{
	static const char *const links[][2] = {
		{ "cwd", "has its working directory there" },
		{ "root", "has its root directory there" },
	};
	char path[PATH_MAX], target[PATH_MAX];

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", process, links[i][0]);
		if (links_into(path, row->dir, target, sizeof(target))) {
			snprintf(how, size, "%s", links[i][1]);
			return true;
		}
	}
	if (has_open(process, row->dir, target, sizeof(target))) {
		snprintf(how, size, "has %.100s open", target);
		return true;
	}
	snprintf(path, sizeof(path), "%s/maps", process);
	snprintf(how, size, "has a file of it in memory");
	return maps_device(path, row);
}

static void process_name(const char *process, char *name, size_t size)
{
	_buf_cleanup_ struct buf text = BUF_INIT(64);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/comm", process);
	if (read_proc(path, &text) < 0)
		buf_reset(&text);
	snprintf(name, size, "%.*s", (int)strcspn(buf_text(&text), "\n"), buf_text(&text));
}

void mountpoint_holders(const char *proc, const struct mount_table *table, const struct mount_row *row, struct buf *out)
{
	char process[PATH_MAX / 2], name[64], how[256];
	size_t found = 0;

	for (const struct mount_row *other = table->rows; other < table->rows + table->n; other++) {
		if (path_within(other->dir, row->dir) && strcmp(other->dir, row->dir) != 0)
			buf_printf(out, "%s%.100s is mounted on it", found++ ? "; " : "", other->dir);
	}
	DIR *stream = opendir(proc);
	for (struct dirent *entry; stream && found < HOLDERS_MAX && (entry = readdir(stream));) {
		long pid = strtol(entry->d_name, NULL, 10);
		/* What this process inherited goes away with it. */
		if (pid <= 0 || pid == getpid())
			continue;
		snprintf(process, sizeof(process), "%s/%s", proc, entry->d_name);
		if (!how_held(process, row, how, sizeof(how)))
			continue;
		process_name(process, name, sizeof(name));
		buf_printf(out, "%s%s (pid %s) %s", found++ ? "; " : "", name, entry->d_name, how);
	}
	if (stream)
		closedir(stream);
	if (found >= HOLDERS_MAX)
		buf_str(out, "; perhaps more");
}

static int busy(const struct mount_table *table, const struct mount_row *row, struct error *e)
{
	_buf_cleanup_ struct buf who = BUF_INIT(8192);

	mountpoint_holders("/proc", table, row, &who);
	if (who.len == 0)
		return error_set(e, EBUSY, "%.200s is busy; root can see who holds it, and umount -l does not wait",
				 row->dir);
	return error_set(e, EBUSY, "%.100s is busy: %s", row->dir, buf_text(&who));
}

/* Its words go to `said`: it writes English only. Returns its exit status, or a negative number. */
static int run_fusermount(const char *dir, bool lazy, struct buf *said)
{
	char *const argv[] = { (char *)"fusermount3", (char *)(lazy ? "-uz" : "-u"), (char *)"--", (char *)dir, NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
	int r = -posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	for (char part[512]; r == 0;) {
		ssize_t n = read(ends[0], part, sizeof(part));
		if (n <= 0)
			break;
		buf_append(said, part, (size_t)n);
	}
	close(ends[0]);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static int unmount_as_user(const char *dir, bool lazy, struct error *e)
{
	_buf_cleanup_ struct buf said = BUF_INIT(4096);
	int r = run_fusermount(dir, lazy, &said);

	if (r == 0)
		return 0;
	if (r < 0)
		return error_set(e, -r, "fusermount3 cannot be run: %s; it comes with the package fuse3", strerror(-r));
	const char *text = buf_text(&said);
	if (strstr(text, "busy"))
		return error_set(e, EBUSY, "%.300s is busy", dir);
	return error_set(e, EACCES, "%.*s", (int)strcspn(text, "\n"), text);
}

static int unmount_as_root(const char *dir, bool lazy, struct error *e)
{
	if (umount2(dir, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return 0;
	return error_set(e, errno, "%.300s cannot be unmounted: %s", dir, strerror(errno));
}

int mountpoint_unmount(const char *dir, bool lazy, struct error *e)
{
	_table_cleanup_ struct mount_table table = MOUNT_TABLE_NULL;
	char *path = realpath(dir, NULL);
	const struct mount_row *row;

	if (!path)
		return error_set(e, errno, "%.300s: %s", dir, strerror(errno));
	int r = mount_table_read(&table, e);
	row = r == 0 ? mount_table_at(&table, path) : NULL;
	if (r == 0 && !is_ours(row))
		r = error_set(e, EINVAL, "%.300s is not a dynconf mount", path);
	if (r == 0)
		r = geteuid() == 0 ? unmount_as_root(path, lazy, e) : unmount_as_user(path, lazy, e);
	if (r == -EBUSY && row)
		r = busy(&table, row, e);
	free(path);
	return r;
}
