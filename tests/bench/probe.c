/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `probe WHAT ROUNDS LIST...`: does WHAT to each file that a LIST names (a path a line), the lists in turn, ROUNDS
 * times, and prints a line for each list: the median in nanoseconds for one file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Files of one sample: few, so that an interruption spoils few; more than one, so that the clock costs nothing. */
enum { BATCH = 10 };

struct list {
	char **paths;
	double *samples;
	size_t n, n_samples;
};

static void fail(const char *path)
{
	perror(path);
	exit(1);
}

static void read_file(const char *path, unsigned round)
{
	char bytes[4096];
	int fd = open(path, O_RDONLY);

	(void)round;
	if (fd < 0 || read(fd, bytes, sizeof(bytes)) < 0 || close(fd) < 0)
		fail(path);
}

static void stat_file(const char *path, unsigned round)
{
	struct stat st;

	(void)round;
	if (stat(path, &st) < 0)
		fail(path);
}

static void write_file(const char *path, unsigned round)
{
	char bytes[32];
	int len = snprintf(bytes, sizeof(bytes), "a value of %u bytes", round % 90 + 10);
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, bytes, (size_t)len) != len || close(fd) < 0)
		fail(path);
}

/* Drops the file's pages; drop_caches keeps inodes that have some. */
static void drop_file(const char *path, unsigned round)
{
	int fd = open(path, O_RDONLY);

	(void)round;
	if (fd < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0 || close(fd) < 0)
		fail(path);
}

static const struct {
	const char *name;
	void (*run)(const char *path, unsigned round);
} actions[] = { { "read", read_file }, { "stat", stat_file }, { "write", write_file }, { "drop", drop_file } };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void load(const char *file, unsigned rounds, struct list *list)
{
	FILE *in = fopen(file, "r");
	char *line = NULL;
	size_t room = 0;

	if (!in)
		fail(file);
	for (ssize_t len; (len = getline(&line, &room, in)) > 0;) {
		line[strcspn(line, "\n")] = '\0';
		list->paths = realloc(list->paths, (list->n + 1) * sizeof(char *));
		if (!list->paths || !(list->paths[list->n++] = strdup(line)))
			fail(file);
	}
	list->samples = calloc((list->n / BATCH + 1) * rounds, sizeof(double));
	if (!list->samples)
		fail(file);
	free(line);
	fclose(in);
}

static void run_round(struct list *list, void (*run)(const char *, unsigned), unsigned round)
{
	for (size_t i = 0; i < list->n;) {
		size_t first = i;
		double start = now();
		for (; i < list->n && i < first + BATCH; i++)
			run(list->paths[i], round);
		list->samples[list->n_samples++] = (now() - start) / (double)(i - first);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct list *list)
{
	qsort(list->samples, list->n_samples, sizeof(double), compare);
	return list->n_samples ? list->samples[list->n_samples / 2] : 0;
}

int main(int argc, char **argv)
{
	enum { FIRST = 3, LISTS_MAX = 8 };
	struct list lists[LISTS_MAX] = { 0 };
	void (*run)(const char *, unsigned) = NULL;
	unsigned rounds = argc > FIRST ? (unsigned)atoi(argv[2]) : 0;

	for (size_t i = 0; rounds && i < sizeof(actions) / sizeof(actions[0]); i++)
		run = strcmp(argv[1], actions[i].name) == 0 ? actions[i].run : run;
	if (!run || argc > FIRST + LISTS_MAX) {
		fprintf(stderr, "usage: probe read|stat|write|drop ROUNDS LIST...\n");
		return 2;
	}
	for (int i = FIRST; i < argc; i++)
		load(argv[i], rounds, &lists[i - FIRST]);
	for (unsigned round = 0; round < rounds; round++) {
		for (int i = FIRST; i < argc; i++)
			run_round(&lists[i - FIRST], run, round);
	}
	for (int i = FIRST; i < argc; i++)
		printf("%.0f\n", median(&lists[i - FIRST]));
	return 0;
}
