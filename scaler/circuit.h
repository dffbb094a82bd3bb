/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/clock.h"
#include "aws/http.h"
#include "scaler/breaker.h"
#include "scaler/target.h"

/*
 * Asks a circuit breaker. As for the original, redirects are followed, and whatever is not a success opens the circuit.
 */

/* True: closed, scaling is wanted. Otherwise `why` says what was answered. Gives up after the request's timeout, or
 * when `cancel_fd` (-1: none) is readable. Thread-safe. */
bool circuit_closed(struct http *http, struct clock *clock, int cancel_fd, const struct breaker_request *request,
		    const struct target *target, struct error *why);
