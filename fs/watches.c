/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/watches.h"

#include "fs/path.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINK_MAX_LEN = 64, PATH_LEN = 4096, OURS_MAX = 64 };

struct scan {
	struct watches *watches;
	unsigned major, minor;
	struct idmap namespaces; /* whose mounts were looked at */
};

/* A mount of the filesystem in one namespace. */
struct ours {
	unsigned id;
	char *root, *point;
};

static void ours_deinit(struct ours *ours)
{
	free(ours->root);
	free(ours->point);
}

void watches_deinit(struct watches *watches)
{
	idmap_deinit(&watches->inodes);
	idmap_deinit(&watches->mounted);
	*watches = WATCHES_NULL;
}

bool watches_has(const struct watches *watches, uint64_t ino)
{
	return idmap_get(&watches->inodes, ino, NULL);
}

bool watches_may_have(const struct watches *watches, uint64_t ino)
{
	return watches->all || watches_has(watches, ino);
}

static uint64_t hash(const char *text)
{
	return name_hash(0, text, strlen(text)) | 1;
}

bool watches_is_mounted(const struct watches *watches, const char *path)
{
	return idmap_get(&watches->mounted, hash(path), NULL);
}

static void add_mounted(struct watches *watches, const char *path)
{
	path += *path == '/';
	if (*path)
		watches->all |= !idmap_set(&watches->mounted, hash(path), 1);
}

static FILE *open_at(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

/* The hexadecimal number behind " NAME:" in a line; false: there is none. */
static bool field(const char *line, const char *name, uint64_t *number)
{
	const char *at = strstr(line, name);

	return at && sscanf(at + strlen(name), "%" SCNx64, number) == 1;
}

/* "inotify wd:1 ino:9e7e sdev:800013 mask:...", "fanotify ino:... sdev:...", "fanotify sdev:...", "fanotify mnt_id:..."
 */
static void take_mark(struct scan *scan, const char *line)
{
	struct watches *watches = scan->watches;
	uint64_t ino = 0, device = 0;
	bool known = field(line, " sdev:", &device);

	if (strncmp(line, "inotify ", 8) != 0 && strncmp(line, "fanotify ", 9) != 0)
		return;
	if (!known)
		/* Marks of mounts name no device; the line with the flags of the group is none. */
		watches->all |= strstr(line, " mnt_id:") != NULL;
	else if (device == ((uint64_t)scan->major << 20 | scan->minor))
		watches->all |= !field(line, " ino:", &ino) || !idmap_set(&watches->inodes, ino, 1);
}

static void take_marks(struct scan *scan, int folder, const char *name)
{
	FILE *info = open_at(folder, name);
	char line[1024];

	if (!info)
		return;
	while (fgets(line, sizeof(line), info))
		take_mark(scan, line);
	fclose(info);
}

static bool has_marks(int process, const char *fd)
{
	char path[LINK_MAX_LEN], link[LINK_MAX_LEN] = "";

	snprintf(path, sizeof(path), "fd/%.16s", fd);
	if (readlinkat(process, path, link, sizeof(link) - 1) < 0)
		return false;
	return strcmp(link, "anon_inode:inotify") == 0 || strcmp(link, "anon_inode:[fanotify]") == 0;
}

static void scan_descriptors(struct scan *scan, int process)
{
	int fd = openat(process, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) {
		/* Gone is gone; else it is another user's. */
		scan->watches->all |= faccessat(process, "status", F_OK, 0) == 0;
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(folder));) {
		if (isdigit((unsigned char)entry->d_name[0]) && has_marks(process, entry->d_name))
			take_marks(scan, dirfd(folder), entry->d_name);
	}
	closedir(folder);
}

/* mountinfo writes blanks and backslashes of paths as octal numbers. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *at = path; *at; at++) {
		if (at[0] == '\\' && isdigit((unsigned char)at[1]) && isdigit((unsigned char)at[2]) &&
		    isdigit((unsigned char)at[3])) {
			*to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

/* Something is mounted on a file or directory below one of our mounts: its path from the filesystem's root. */
static void take_covered(struct watches *watches, const struct ours *ours, const char *point)
{
	size_t len = strlen(ours->point);
	char path[2 * PATH_LEN];

	if (strncmp(point, ours->point, len) != 0)
		return;
	snprintf(path, sizeof(path), "%s%s", strcmp(ours->root, "/") == 0 ? "" : ours->root, point + len);
	add_mounted(watches, path);
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime ...": id, parent, device, root, mount point. Parents come first. */
static void take_mount(struct scan *scan, const char *line, struct ours *ours, size_t *n)
{
	char root[PATH_LEN], point[PATH_LEN];
	unsigned id, parent, major, minor;

	if (sscanf(line, "%u %u %u:%u %4095s %4095s", &id, &parent, &major, &minor, root, point) != 6)
		return;
	unescape(root);
	unescape(point);
	for (size_t i = 0; i < *n; i++) {
		if (ours[i].id == parent)
			take_covered(scan->watches, &ours[i], point);
	}
	if (major != scan->major || minor != scan->minor)
		return;
	add_mounted(scan->watches, root);
	if (*n == OURS_MAX)
		return;
	ours[*n] = (struct ours){ id, strdup(root), strdup(point) };
	if (ours[*n].root && ours[*n].point)
		(*n)++;
	else
		ours_deinit(&ours[*n]);
}

static void scan_mounts(struct scan *scan, int process)
{
	struct ours ours[OURS_MAX];
	char name[LINK_MAX_LEN] = "", *line = NULL;
	size_t n = 0, room = 0;

	/* Most processes share one namespace. */
	if (readlinkat(process, "ns/mnt", name, sizeof(name) - 1) < 0 ||
	    idmap_get(&scan->namespaces, hash(name), NULL) || !idmap_set(&scan->namespaces, hash(name), 1))
		return;
	FILE *info = open_at(process, "mountinfo");
	while (info && getline(&line, &room, info) > 0)
		take_mount(scan, line, ours, &n);
	for (size_t i = 0; i < n; i++)
		ours_deinit(&ours[i]);
	free(line);
	if (info)
		fclose(info);
}

/* From within a container the host's processes are not seen. */
static bool sees_all(int proc)
{
	/* The first namespace has this number on every kernel: PROC_PID_INIT_INO in linux/proc_ns.h. */
	const char first[] = "pid:[4026531836]";
	char link[LINK_MAX_LEN] = "";

	return readlinkat(proc, "self/ns/pid", link, sizeof(link) - 1) > 0 && strcmp(link, first) == 0;
}

void watches_scan(struct watches *watches, const char *proc, unsigned major, unsigned minor)
{
	struct scan scan = { watches, major, minor, IDMAP_NULL };
	DIR *folder = opendir(proc);

	if (!folder) {
		watches->all = true;
		return;
	}
	watches->all |= !sees_all(dirfd(folder));
	for (const struct dirent *entry; (entry = readdir(folder));) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		int process = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		scan_descriptors(&scan, process);
		scan_mounts(&scan, process);
		close(process);
	}
	closedir(folder);
	idmap_deinit(&scan.namespaces);
}
