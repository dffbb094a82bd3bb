/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"
#include "scaler/breaker.h"
#include "scaler/policy.h"
#include "scaler/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Recorded scenarios, one JSON object a line: one table or index, and checks in a row with what CloudWatch, DynamoDB
 * and the circuit breaker answered. They are decided by the functions of policy.h, which the live loop calls.
 */
enum { SIMULATE_LINE_MAX = 16 << 20, SIMULATE_ATTEMPTS = 2 };

struct simulate_step {
	int64_t now;
	bool active;
	bool breaker_open;
	struct units provisioned;
	struct policy_sample samples[DIMENSIONS];
	const char *errors[SIMULATE_ATTEMPTS]; /* what the first and the second UpdateTable answer; NULL: success */
};

struct simulation {
	struct json_t *line; /* owns the strings below */
	struct json_t *id;   /* any JSON; NULL: none */
	struct target target;
	struct section_options options;
	struct breaker_request breaker;
	bool dry_run;
	struct units checks; /* before the first step */
	struct simulate_step *steps;
	size_t n_steps;
};

/* What carries over from one step to the next. */
struct simulate_state {
	struct units checks;
	struct policy_history history;
};

/* What became of a step. */
struct simulate_outcome {
	bool window_asked;
	struct policy_window window;
	struct policy_decision decision;
	struct simulate_attempt {
		struct units units;
		const char *error; /* NULL: it succeeded */
	} attempts[SIMULATE_ATTEMPTS];
	size_t n_attempts;
	bool planned; /* attempts[0] was not made: a dry run */
};

#define SIMULATION_NULL ((struct simulation){ 0 })

/* EINVAL for what is not a scenario. */
int simulate_parse(const char *text, size_t len, struct simulation *simulation, struct error *e);
/* Idempotent. */
void simulate_deinit(struct simulation *simulation);

#define _simulate_cleanup_ __attribute__((cleanup(simulate_deinit)))

/* The state before the first step. */
struct simulate_state simulate_begin(const struct simulation *simulation);
void simulate_step(const struct simulation *simulation, size_t step, enum compat compat, struct simulate_state *state,
		   struct simulate_outcome *outcome);

/* Runs all steps and appends {"id": …, "steps": […]} and a newline. */
void simulate_line(const struct simulation *simulation, enum compat compat, struct buf *out);

/* Every line of a file, plain or gzip, "-" for standard input, to `out`. "FILE:LINE: sentence" on failure. */
int simulate_file(const char *path, enum compat compat, FILE *out, struct error *e);
