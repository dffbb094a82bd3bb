/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char sample[] = "22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
			     "28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
			     "90 28 0:44 / /mnt/a\\040b rw,nosuid - fuse.dynconf dynamodb:conf rw,user_id=0\n"
			     "a line that is none\n"
			     "91 28 0:45 /\n"
			     "92 28 0:46 / /mnt/none rw -\n"
			     "93 90 0:47 / /mnt/a\\040b rw shared:1 master:2 - tmpfs none\\134x rw\n"
			     "94 28 0:48 / /mnt/c rw - fuse.dynconf local rw\n"
			     "95 94 0:49 / /mnt/c/sub rw - tmpfs tmpfs rw";

static struct mount_table sample_table(void)
{
	struct mount_table table = MOUNT_TABLE_NULL;

	assert_int_equal(mount_table_parse(strdup(sample), &table, NULL), 0);
	return table;
}

static void test_parse(void **state)
{
	struct mount_table table = sample_table();

	(void)state;
	assert_int_equal(table.n, 6);
	assert_string_equal(table.rows[2].dir, "/mnt/a b");
	assert_string_equal(table.rows[2].type, MOUNT_TYPE);
	assert_string_equal(table.rows[2].source, "dynamodb:conf");
	assert_int_equal(table.rows[2].major, 0);
	assert_int_equal(table.rows[2].minor, 44);
	assert_string_equal(table.rows[3].source, "none\\x");
	mount_table_deinit(&table);
	mount_table_deinit(&table);
}

static void test_find(void **state)
{
	struct mount_table table = sample_table();

	(void)state;
	assert_string_equal(mount_table_at(&table, "/mnt/a b")->type, "tmpfs");
	assert_null(mount_table_at(&table, "/mnt"));
	assert_string_equal(mount_table_over(&table, "/mnt/c/prod/db")->source, "local");
	assert_string_equal(mount_table_over(&table, "/mnt/c")->source, "local");
	assert_string_equal(mount_table_over(&table, "/mnt/c/sub/x")->type, "tmpfs");
	assert_string_equal(mount_table_over(&table, "/mnt/cc")->type, "ext4");
	assert_null(mount_table_over(&table, "relative"));
	mount_table_deinit(&table);
}

static char *make_folder(void)
{
	char template[] = "/tmp/dynconf-test-XXXXXX", *folder = mkdtemp(template);

	assert_non_null(folder);
	return strdup(folder);
}

static void refused(const char *dir, int number, const char *end)
{
	char *resolved = NULL;
	struct error e = ERROR_NULL;

	assert_int_equal(mountpoint_prepare(dir, &resolved, &e), -number);
	assert_non_null(strstr(e.text, end));
	assert_null(resolved);
}

static void test_prepare(void **state)
{
	char *folder = make_folder(), path[64], *resolved = NULL;
	struct error e = ERROR_NULL;

	(void)state;
	snprintf(path, sizeof(path), "%s/../%s/.", folder, strrchr(folder, '/') + 1);
	assert_int_equal(mountpoint_prepare(path, &resolved, &e), 0);
	assert_string_equal(resolved, folder);
	free(resolved);

	snprintf(path, sizeof(path), "%s/file", folder);
	refused(path, ENOENT, "does not exist: make it with mkdir");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	refused(path, EINVAL, "is not a directory");
	refused(folder, ENOTEMPTY, "is not empty: choose an empty directory");
	unlink(path);
	rmdir(folder);
	free(folder);
}

static void test_unmount_what_is_not_ours(void **state)
{
	char *folder = make_folder();
	struct error e = ERROR_NULL;

	(void)state;
	assert_int_equal(mountpoint_unmount(folder, false, &e), -EINVAL);
	assert_non_null(strstr(e.text, "is not a dynconf mount"));
	assert_int_equal(mountpoint_unmount("/proc", true, &e), -EINVAL);
	rmdir(folder);
	assert_int_equal(mountpoint_unmount(folder, false, &e), -ENOENT);
	assert_false(mountpoint_is_ours(folder));
	assert_false(mountpoint_is_ours("a/b"));
	assert_false(mountpoint_is_ours(""));
	free(folder);
}

/* A /proc of three processes: in the mount, with a file of it open, and with one mapped. */
static char *make_proc(void)
{
	static const char *const folders[] = { "/7", "/8", "/8/fd", "/9", "/1234567890", "/sys" };
	static const char *const links[][2] = {
		{ "/7/cwd", "/mnt/c/prod" },
		{ "/8/cwd", "/mnt/cc" },
		{ "/8/fd/3", "/mnt/c/prod/db/host" },
		{ "/8/root", "/" },
		{ "/9/cwd", "/" },
		{ "/1234567890/cwd", "/mnt" },
		{ "/sys/cwd", "/mnt/c/prod" },
	};
	static const char *const files[][2] = {
		{ "/7/comm", "bash\n" },
		{ "/8/comm", "tail\n" },
		{ "/9/comm", "reader\n" },
		{ "/9/maps", "7f00-7f01 r--p 00000000 00:30 99 /mnt/c/prod/db/host\n" },
		{ "/1234567890/maps", "7f00-7f01 r--p 00000000 00:31 99 /mnt/c/prod/db/host\n" },
	};
	char *proc = make_folder(), path[128];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", proc, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", proc, links[i][0]);
		assert_int_equal(symlink(links[i][1], path), 0);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", proc, files[i][0]);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(files[i][1], file);
		fclose(file);
	}
	return proc;
}

static void remove_folder(char *folder)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	assert_int_equal(system(command), 0);
	free(folder);
}

static void test_holders(void **state)
{
	struct mount_table table = sample_table();
	_buf_cleanup_ struct buf out = BUF_INIT(4096);
	char *proc = make_proc();

	(void)state;
	mountpoint_holders(proc, &table, mount_table_at(&table, "/mnt/c"), &out);
	assert_non_null(strstr(buf_text(&out), "/mnt/c/sub is mounted on it; "));
	assert_non_null(strstr(buf_text(&out), "bash (pid 7) has its working directory there"));
	assert_non_null(strstr(buf_text(&out), "tail (pid 8) has /mnt/c/prod/db/host open"));
	assert_non_null(strstr(buf_text(&out), "reader (pid 9) has a file of it in memory"));
	assert_null(strstr(buf_text(&out), "1234567890"));
	remove_folder(proc);
	mount_table_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),   cmocka_unit_test(test_find),
		cmocka_unit_test(test_prepare), cmocka_unit_test(test_unmount_what_is_not_ours),
		cmocka_unit_test(test_holders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
