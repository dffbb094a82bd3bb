/* SPDX-License-Identifier: Apache-2.0 */
/* How many decisions a second one core makes, from scenarios already read: bench-simulate FILE.jsonl.gz... A decision
 * is a check of one table or index: both dimensions, alarms, and every attempt to change it. */
#include "scaler/simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum { LINE = 1 << 20, ROUNDS = 100 };

struct scenarios {
	struct simulation *all;
	size_t n;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_file(const char *path, char *line, struct scenarios *scenarios)
{
	gzFile file = gzopen(path, "rb");
	struct error e = ERROR_NULL;

	while (file && gzgets(file, line, LINE)) {
		struct simulation *grown = reallocarray(scenarios->all, scenarios->n + 1, sizeof(*grown));
		if (!grown)
			exit(1);
		scenarios->all = grown;
		grown[scenarios->n] = SIMULATION_NULL;
		if (simulate_parse(line, strlen(line), &grown[scenarios->n++], &e) < 0) {
			fprintf(stderr, "%s: %s\n", path, e.text);
			exit(1);
		}
	}
	gzclose(file);
}

static size_t run(const struct scenarios *scenarios, enum compat compat, size_t *changes)
{
	size_t decisions = 0;

	for (size_t i = 0; i < scenarios->n; i++) {
		const struct simulation *simulation = &scenarios->all[i];
		struct simulate_state state = simulate_begin(simulation);
		for (size_t step = 0; step < simulation->n_steps; step++) {
			struct simulate_outcome outcome;
			simulate_step(simulation, step, compat, &state, &outcome);
			*changes += outcome.n_attempts;
		}
		decisions += simulation->n_steps;
	}
	return decisions;
}

int main(int argc, char **argv)
{
	struct scenarios scenarios = { 0 };
	char *line = malloc(LINE);
	size_t decisions = 0, changes = 0;

	for (int i = 1; line && i < argc; i++)
		read_file(argv[i], line, &scenarios);
	double start = now();
	for (int round = 0; round < ROUNDS; round++)
		decisions += run(&scenarios, round % 2 ? COMPAT_2_5_1 : COMPAT_NONE, &changes);
	double seconds = now() - start;
	printf("%zu scenarios, %zu decisions, %zu changes: %.2f million decisions a second [>= 1]\n", scenarios.n,
	       decisions, changes, (double)decisions / seconds / 1e6);
	for (size_t i = 0; i < scenarios.n; i++)
		simulate_deinit(&scenarios.all[i]);
	free(scenarios.all);
	free(line);
	return decisions ? 0 : 1;
}
