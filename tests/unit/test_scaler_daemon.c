/* SPDX-License-Identifier: Apache-2.0 */
/* The pid file; what a daemon does with it is in integration/test_scaler_program.py. */
#include "scaler/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* One that died left its number. From the moment that its file is taken over, --daemon stop signals nobody, and nobody
 * else may lock the file. */
static void test_stale_number(void **state)
{
	char folder[] = "/tmp/pids.XXXXXX", path[128];
	struct pid_file file = PID_FILE_NULL;
	bool stopped = false;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/dynamic-dynamodb.test.pid", folder);
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(7, dprintf(fd, "999999\n"));
	close(fd);
	assert_int_equal(0, pid_file_take(folder, "test", &file, NULL));
	assert_int_equal(0, stat(path, &st));
	assert_int_equal(0, st.st_size);
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(-EIO, daemon_stop(folder, "test", clock_system(), &stopped, NULL));
	pid_file_remove(&file);
	assert_int_equal(0, rmdir(folder));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stale_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
