/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the folders given, for builds without libFuzzer. */
#include "aws/core/buf.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEED_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *folder, const char *name)
{
	_buf_cleanup_ struct buf path = BUF_INIT(4096), bytes = BUF_INIT(SEED_MAX);
	size_t n;

	buf_printf(&path, "%s/%s", folder, name);
	FILE *file = fopen(buf_text(&path), "rb");
	if (!file)
		return -1;
	char *room = buf_reserve(&bytes, SEED_MAX - 1);
	n = room ? fread(room, 1, SEED_MAX - 1, file) : 0;
	fclose(file);
	/* A copy of the exact size lets the sanitizer see a read past the end. */
	uint8_t *exact = malloc(n ? n : 1);
	for (size_t i = 0; exact && i < n; i++)
		exact[i] = (uint8_t)room[i];
	if (exact)
		LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int seeds = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		if (!folder) {
			fprintf(stderr, "%s cannot be opened\n", argv[i]);
			return 1;
		}
		for (struct dirent *entry; (entry = readdir(folder));) {
			if (entry->d_name[0] != '.' && run_file(argv[i], entry->d_name) == 0)
				seeds++;
		}
		closedir(folder);
	}
	printf("%d seeds\n", seeds);
	return seeds > 0 ? 0 : 1;
}
