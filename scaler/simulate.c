/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/simulate.h"

#include <math.h>
#include <string.h>

struct simulate_state simulate_begin(const struct simulation *simulation)
{
	return (struct simulate_state){ .checks = simulation->checks };
}

/* One UpdateTable, of which the step says what it answers. True when it may be tried again with increases only. */
static bool attempt(const struct simulate_step *step, const struct policy_plan *plan, struct simulate_outcome *outcome)
{
	const char *error = step->errors[outcome->n_attempts];

	outcome->attempts[outcome->n_attempts++] = (struct simulate_attempt){ plan->units, error };
	return error && strcmp(error, "LimitExceededException") == 0 && outcome->n_attempts < SIMULATE_ATTEMPTS;
}

void simulate_step(const struct simulation *simulation, size_t number, enum compat compat, struct simulate_state *state,
		   struct simulate_outcome *outcome)
{
	const struct simulate_step *step = &simulation->steps[number];
	struct policy_plan plan;
	struct policy_input input = {
		.options = &simulation->options,
		.kind = target_kind(&simulation->target),
		.compat = compat == COMPAT_2_5_1,
		.breaker_open = simulation->breaker.url && step->breaker_open,
		.active = step->active,
		.now = step->now,
		.provisioned = step->provisioned,
		.checks = state->checks,
		.history = state->history,
	};

	*outcome = (struct simulate_outcome){ .window_asked = !input.breaker_open };
	memcpy(input.samples, step->samples, sizeof(input.samples));
	outcome->window = policy_window(&simulation->options, step->now);
	policy_check(&input, &outcome->decision);
	state->checks = outcome->decision.checks;
	policy_plan(&input, &outcome->decision, &plan);
	if (!plan.go)
		return;
	outcome->planned = simulation->dry_run;
	if (outcome->planned) {
		outcome->attempts[0].units = plan.units;
		return;
	}
	if (attempt(step, &plan, outcome)) {
		policy_retry(&input, &plan);
		if (plan.go)
			attempt(step, &plan, outcome);
	}
	if (!outcome->attempts[outcome->n_attempts - 1].error)
		policy_applied(&state->history, step->provisioned, plan.units, step->now);
}
