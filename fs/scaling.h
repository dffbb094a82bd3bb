/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fs/state.h"
#include "scaler/loop.h"

/*
 * The scaler inside the mount's daemon, where `scaler = yes` is set: it reads the same file, its first region is that
 * of the first DynamoDB source, and .control shows and steers it.
 */
struct scaling {
	struct scaler_config config; /* guarded by the scaler's lock */
	struct http *http;
	struct scaler *scaler;
	/* "keep": orders the versions of the file of options-persist, so it is held while one is written; only those
	 * who write one wait for it. */
	pthread_mutex_t keep;
};

/* Once the sources are made and before threads start: reads the configuration, sends nothing. Nothing happens where the
 * settings do not want it. Errors are those of scaler_config_load and scaler_new. */
int scaling_new(struct mount *m, struct error *e);
/* Its thread. */
int scaling_start(struct mount *m, struct error *e);
/* Ends it; an UpdateTable that was sent is finished. */
void scaling_stop(struct mount *m);
void scaling_free(struct mount *m);

/* The scaler's name of a region, for struct table_place; NULL: it is in none such. */
const char *scaling_site(const struct mount *m, const char *region);

/* Writes what was changed while running to the file of options-persist, if one is named. Without locks. */
int scaling_keep(struct mount *m, struct error *e);
