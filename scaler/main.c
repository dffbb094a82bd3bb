/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/run.h"

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	/* Where somebody started us without stdio, no file of ours may end up as descriptor 0, 1 or 2. */
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= 2);
	close(fd);
	return scaler_main(argc, argv);
}
