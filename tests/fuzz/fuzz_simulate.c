/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a scenario: refused with a sentence, or decided in both modes with a line of JSON. */
#include "scaler/simulate.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_simulate_cleanup_ struct simulation simulation = SIMULATION_NULL;
	struct error e = ERROR_NULL;

	if (simulate_parse((const char *)data, size, &simulation, &e) < 0) {
		if (!e.number || !*e.text)
			abort();
		return 0;
	}
	for (enum compat compat = COMPAT_NONE; compat <= COMPAT_2_5_1; compat++) {
		_buf_cleanup_ struct buf line = BUF_INIT(SIMULATE_LINE_MAX);
		simulate_line(&simulation, compat, &line);
		json_t *json = json_loadb(line.data, line.len, 0, NULL);
		if (!json || json_array_size(json_object_get(json, "steps")) != simulation.n_steps)
			abort();
		json_decref(json);
	}
	return 0;
}
