/* SPDX-License-Identifier: Apache-2.0 */
/* Who watches, from a /proc of our own. */
#include "fs/watches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAJOR = 0, MINOR = 0x2d };

static char proc[] = "/tmp/dynconf-proc-XXXXXX";

static void put_folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void put_file(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_link(const char *name, const char *to)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	assert_int_equal(symlink(to, path), 0);
}

static int make_proc(void **state)
{
	const char *folders[] = { "self", "self/ns", "7", "7/fd", "7/fdinfo", "7/ns", "text" };

	(void)state;
	strcpy(proc, "/tmp/dynconf-proc-XXXXXX");
	if (!mkdtemp(proc))
		return -1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		put_folder(folders[i]);
	put_link("self/ns/pid", "pid:[4026531836]");
	put_link("7/ns/mnt", "mnt:[4026531840]");
	put_file("7/mountinfo", "");
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int remove_proc(void **state)
{
	(void)state;
	return nftw(proc, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Descriptor 3 of process 7. */
static void put_marks(const char *link, const char *text)
{
	put_link("7/fd/3", link);
	put_file("7/fdinfo/3", text);
}

static struct watches scan(void)
{
	struct watches watches = WATCHES_NULL;

	watches_scan(&watches, proc, MAJOR, MINOR);
	return watches;
}

static void test_inotify_marks_of_this_filesystem_are_found(void **state)
{
	(void)state;
	put_marks("anon_inode:inotify", "pos:\t0\nflags:\t00\n"
					"inotify wd:2 ino:9fee8e8e16ee6e86 sdev:2d mask:1002 ignored_mask:0\n"
					"inotify wd:1 ino:5 sdev:2e mask:1002 ignored_mask:0\n");
	struct watches watches = scan();
	assert_true(watches_has(&watches, 0x9fee8e8e16ee6e86));
	assert_false(watches_may_have(&watches, 5));
	watches_deinit(&watches);
}

static void test_a_mark_of_a_whole_mount_or_filesystem_may_be_of_everything(void **state)
{
	static const struct {
		const char *line;
		bool all, has;
	} rows[] = {
		{ "fanotify ino:5 sdev:2d mflags:0 mask:2 ignored_mask:0\n", false, true },
		{ "fanotify ino:5 sdev:2e mflags:0 mask:2 ignored_mask:0\n", false, false },
		{ "fanotify sdev:2d mflags:0 mask:2 ignored_mask:0\n", true, false },
		{ "fanotify sdev:2e mflags:0 mask:2 ignored_mask:0\n", false, false },
		{ "fanotify mnt_id:12 mflags:0 mask:2 ignored_mask:0\n", true, false },
		{ "fanotify flags:10 event-flags:0\n", false, false },
	};

	(void)state;
	put_link("7/fd/3", "anon_inode:[fanotify]");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_file("7/fdinfo/3", rows[i].line);
		struct watches watches = scan();
		assert_int_equal(watches.all, rows[i].all);
		assert_int_equal(watches_has(&watches, 5), rows[i].has);
		watches_deinit(&watches);
	}
}

static void test_other_descriptors_are_not_read(void **state)
{
	(void)state;
	put_marks("/tmp/inotify wd:2", "inotify wd:2 ino:5 sdev:2d mask:1002 ignored_mask:0\n");
	struct watches watches = scan();
	assert_false(watches_may_have(&watches, 5));
	watches_deinit(&watches);
}

static void test_what_is_mounted_elsewhere_or_on_top_is_found(void **state)
{
	(void)state;
	put_file("7/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				"30 20 0:45 / /mnt/conf rw - fuse.dynconf dynconf rw\n"
				"31 20 0:45 /prod/db/host /etc/a\\040file rw - fuse.dynconf dynconf rw\n"
				"32 30 8:1 /x /mnt/conf/prod/db/a\\040name rw - ext4 /dev/sda1 rw\n"
				"33 20 0:46 /prod/db/port /srv rw - fuse.dynconf dynconf rw\n");
	struct watches watches = scan();
	assert_true(watches_is_mounted(&watches, "prod/db/host"));
	assert_true(watches_is_mounted(&watches, "prod/db/a name"));
	assert_false(watches_is_mounted(&watches, "prod/db/port"));
	assert_false(watches_is_mounted(&watches, ""));
	assert_false(watches.all);
	watches_deinit(&watches);
}

static void test_who_does_not_see_all_processes_expects_watches_everywhere(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/self/ns/pid", proc);
	assert_int_equal(unlink(path), 0);
	put_link("self/ns/pid", "pid:[4026532000]");
	struct watches watches = scan();
	assert_true(watches_may_have(&watches, 5));
	assert_false(watches_has(&watches, 5));
	watches_deinit(&watches);
	watches_scan(&watches, "/nowhere", MAJOR, MINOR);
	assert_true(watches.all);
	watches_deinit(&watches);
}

#define WITH_PROC(test) cmocka_unit_test_setup_teardown(test, make_proc, remove_proc)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROC(test_inotify_marks_of_this_filesystem_are_found),
		WITH_PROC(test_a_mark_of_a_whole_mount_or_filesystem_may_be_of_everything),
		WITH_PROC(test_other_descriptors_are_not_read),
		WITH_PROC(test_what_is_mounted_elsewhere_or_on_top_is_found),
		WITH_PROC(test_who_does_not_see_all_processes_expects_watches_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
