/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"
#include "scaler/config.h"

#include <stdio.h>

/*
 * "Is my configuration any good?": a trace replayed against a model of a table, provisioned by the configuration, by a
 * fixed amount, and by target tracking at 70%; and what it would cost on demand.
 */
struct backtest_request {
	const char *trace; /* CSV, see trace.h */
	const struct scaler_config *config;
	const char *table; /* whose section decides; NULL: the first section's */
	const char *svg;   /* file for a picture; NULL: none */
};

/* Prints a report. Errors of the trace are "FILE:LINE: sentence". */
int backtest_run(const struct backtest_request *request, FILE *out, struct error *e);
