/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "scaler/config.h"
#include "scaler/state.h"

/*
 * What somebody changes of one table or index while the scaler runs: switches, and options of its own over those of its
 * section. It takes effect with the next pass, and is kept in a file where `options-persist` names one.
 *
 * Not thread-safe: whoever calls holds the lock of the state and the configuration.
 */
struct steer_switches {
	bool enabled; /* for a target that no section matches too: it gets the options of [default_options] */
	bool dry_run;
};

/* The section that serves a target; where none does, that of [default_options]. Never NULL. */
const struct scaler_section *steer_section(const struct scaler_config *config, const struct target *target);
/* Whether a section of the file serves it. */
bool steer_is_configured(const struct scaler_config *config, const struct target *target);

struct steer_switches steer_get_switches(const struct scaler_config *config, const struct state *state,
					 const char *site, const struct target *target);
int steer_set_switches(const struct scaler_config *config, struct state *state, const char *site,
		       const struct target *target, struct steer_switches to, struct error *e);

/* The options in force: those of the section, with what was set here over them, into a zeroed struct that the caller
 * frees with scaler_options_deinit(SCALER_SECTION, …). `entry` may be NULL. */
int steer_options(const struct scaler_section *section, const struct state_entry *entry,
		  struct section_options *options, struct error *e);
/* One of them, as the file would say it. ENOENT: there is no such option. */
int steer_get_option(const struct scaler_config *config, const struct state *state, const char *site,
		     const struct target *target, const char *name, struct buf *out, struct error *e);
/* Validated as in the file, together with the others: on failure nothing has changed. */
int steer_set_option(const struct scaler_config *config, struct state *state, const char *site,
		     const struct target *target, const char *name, const char *value, struct error *e);

/* The file's text, which the caller frees; NULL: no memory. */
char *steer_text(const struct state *state);
/* A file that is not there changes nothing. EINVAL: it is something else, or holds what the options do not take. */
int steer_load(const char *path, const struct scaler_config *config, struct state *state, struct error *e);
