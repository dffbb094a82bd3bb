/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `readers WAYS SECONDS READS FILE...`: reads the files in tight loops, in the first so many ways of four, until so
 * many seconds have passed or so many reads were made (0: no limit). Each value must be whole: "LENGTH:" and then
 * letters that follow from the length, LENGTH bytes in all. Prints how many reads there were; what was not whole goes
 * to stderr and ends it with 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE_MAX_READ = 1 << 20, CHUNK = 512, SHOWN = 40 };

/* Shared by the processes. */
struct tally {
	_Atomic unsigned long reads, broken;
	unsigned long most;
	unsigned ways;
	time_t end;
};

static void fail(const char *what)
{
	perror(what);
	_exit(2);
}

static ssize_t read_to_end(int fd, char *bytes)
{
	ssize_t len = 0, n;

	while ((n = read(fd, bytes + len, (size_t)(SIZE_MAX_READ - len))) > 0)
		len += n;
	return n < 0 ? n : len;
}

static ssize_t read_chunks(int fd, char *bytes)
{
	ssize_t len = 0, n;

	while ((n = read(fd, bytes + len, CHUNK)) > 0)
		len += n;
	return n < 0 ? n : len;
}

static ssize_t read_at(int fd, char *bytes)
{
	ssize_t len = 0, n;

	while ((n = pread(fd, bytes + len, CHUNK, len)) > 0)
		len += n;
	return n < 0 ? n : len;
}

static ssize_t read_mapped(int fd, char *bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_size == 0)
		return 0;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	memcpy(bytes, map, (size_t)st.st_size);
	munmap(map, (size_t)st.st_size);
	return st.st_size;
}

static ssize_t (*const ways[])(int fd, char *bytes) = { read_to_end, read_chunks, read_at, read_mapped };

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static int is_whole(const char *bytes, ssize_t len)
{
	char *colon;
	long said = strtol(bytes, &colon, 10);

	if (len <= 0 || *colon != ':' || said != len)
		return 0;
	for (const char *at = colon + 1; at < bytes + len; at++) {
		if (*at != 'a' + (said + (at - bytes)) % 26)
			return 0;
	}
	return 1;
}

static void read_once(const char *path, unsigned way, char *bytes, struct tally *tally)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : ways[way](fd, bytes);

	/* Another file has its name by now. */
	if (fd < 0 && errno == ESTALE)
		return;
	if (len < 0)
		fail(path);
	bytes[len] = '\0';
	if (!is_whole(bytes, len)) {
		fprintf(stderr, "%s, way %u: %zd bytes, %.*s ... %s\n", path, way, len, SHOWN, bytes,
			len > SHOWN ? bytes + len - SHOWN : "");
		tally->broken++;
	}
	close(fd);
	tally->reads++;
}

static void read_all(char **paths, int n, unsigned first, struct tally *tally)
{
	char *bytes = malloc(SIZE_MAX_READ + 1);

	if (!bytes)
		fail("malloc");
	for (unsigned round = first; time(NULL) < tally->end && (!tally->most || tally->reads < tally->most); round++) {
		for (int i = 0; i < n; i++)
			read_once(paths[i], round % tally->ways, bytes, tally);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	enum { PROCESSES = 3, FIRST = 4 };
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, broken = 0;

	if (argc <= FIRST || tally == MAP_FAILED) {
		fprintf(stderr, "usage: readers WAYS SECONDS READS FILE...\n");
		return 2;
	}
	tally->ways = (unsigned)atoi(argv[1]);
	tally->ways = tally->ways && tally->ways < WAYS ? tally->ways : WAYS;
	tally->end = time(NULL) + atol(argv[2]);
	tally->most = strtoul(argv[3], NULL, 10);
	for (unsigned i = 0; i < PROCESSES; i++) {
		if (fork() == 0)
			read_all(argv + FIRST, argc - FIRST, i, tally);
	}
	while (wait(&status) > 0)
		broken |= status != 0;
	printf("%lu\n", tally->reads);
	return broken || tally->broken;
}
