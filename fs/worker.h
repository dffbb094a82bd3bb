/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Threads for what may wait for the network. Jobs that share a strand run one after the other, in the order they were
 * added: writes to one option reach the store in the order in which they were made. Threads are started as they are
 * needed, up to a bound.
 */
struct workers;

struct job {
	struct job *next;             /* private */
	uint64_t strands[2];          /* 0: none */
	void (*run)(struct job *job); /* owns the job */
	bool running;                 /* private */
};

int workers_new(unsigned most, struct workers **workers);
/* From any thread; the job belongs to the workers until `run` is called. */
void workers_add(struct workers *workers, struct job *job);
/* Waits until all jobs have run, then ends the threads. Accepts NULL. */
void workers_free(struct workers *workers);
