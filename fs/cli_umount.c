/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/cli.h"
#include "fs/mountpoint.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int unmount(const char *dir, bool lazy, struct error *e)
{
	char *path = realpath(dir, NULL);

	if (!path)
		return error_set(e, errno, "%.300s: %s", dir, strerror(errno));
	/* Started inside the mount, this process would hold it itself. */
	int r = chdir("/") < 0 ? error_set(e, errno, "/: %s", strerror(errno)) : mountpoint_unmount(path, lazy, e);
	free(path);
	return r;
}

int cli_umount(int argc, char **argv)
{
	struct error e = ERROR_NULL;
	bool lazy = false;

	optind = 0;
	for (int answer; (answer = getopt(argc, argv, ":l")) != -1;) {
		if (answer != 'l')
			return cli_bad_flag(answer, argv);
		lazy = true;
	}
	if (argc - optind != 1)
		return cli_usage("umount takes one directory");
	return unmount(argv[optind], lazy, &e) < 0 ? cli_failed(&e) : CLI_OK;
}
