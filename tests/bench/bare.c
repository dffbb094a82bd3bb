/* SPDX-License-Identifier: Apache-2.0 */
/* The bare round trip, `bare DIR`: DIR/d/d/00000 to 09999, the same files as DIR/d/00000/d to DIR/d/09999/d, open
 * answered with kept cache, and nothing else. */
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 10000, FIRST = 10 }; /* the first file's inode; below it, directories; past the last, each file's own */
static char text[] = "a value of 19 bytes", list[FILES * 32];

static struct fuse_entry_param entry_of(fuse_ino_t ino)
{
	mode_t mode = ino < FIRST || ino >= FIRST + FILES ? S_IFDIR | 0755 : S_IFREG | 0644;
	struct stat st = { .st_ino = ino, .st_mode = mode, .st_nlink = 1, .st_size = (off_t)strlen(text) };
	return (struct fuse_entry_param){ .ino = ino, .attr = st, .attr_timeout = 1e6, .entry_timeout = 1e6 };
}
static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_ino_t d = parent < FIRST ? parent + 1 : parent - FILES, first = parent == 2 ? FIRST + FILES : FIRST;
	struct fuse_entry_param entry = entry_of(*name == 'd' ? d : first + strtoul(name, NULL, 10));
	fuse_reply_entry(req, &entry);
}
static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct stat st = entry_of(ino).attr;
	fuse_reply_attr(req, &st, 1e6);
}
static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	info->keep_cache = info->noflush = 1;
	fuse_reply_open(req, info);
}
static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *info)
{
	size_t len = (size_t)at < strlen(text) ? strlen(text) - (size_t)at : 0;
	fuse_reply_buf(req, text + at, len < size ? len : size);
}
static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *info)
{
	size_t used = 0, room = sizeof(list) < size ? sizeof(list) : size;
	char name[8];
	for (size_t i = (size_t)at, n; i < FILES; i++, used += n) {
		struct stat st = entry_of(FIRST + i).attr;
		snprintf(name, sizeof(name), "%05u", (unsigned)i);
		if ((n = fuse_add_direntry(req, list + used, room - used, name, &st, (off_t)i + 1)) > room - used)
			break;
	}
	fuse_reply_buf(req, list, used);
}
static const struct fuse_lowlevel_ops ops = {
	.lookup = on_lookup, .getattr = on_getattr, .open = on_open, .read = on_read, .readdir = on_readdir
};
int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *s = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	return argc != 2 || !s || fuse_session_mount(s, argv[1]) < 0 ? 1 : fuse_session_loop(s) != 0;
}
