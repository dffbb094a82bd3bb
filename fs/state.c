/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/state.h"

#include "fs/events.h"

static void remember(struct mount *m, enum log_level level, const char *what, const struct error *e)
{
	log_write(m->log, level, "%s: %s", what, e->text);
	m->last_error = *e;
	m->last_error_wall = clock_wall(m->clock);
	error_context(&m->last_error, "%s", what);
	events_error_locked(m, what, e);
}

void mount_fail_locked(struct mount *m, const char *what, const struct error *e)
{
	remember(m, LOG_LEVEL_ERROR, what, e);
}

void mount_warn_locked(struct mount *m, const char *what, const struct error *e)
{
	remember(m, LOG_LEVEL_WARNING, what, e);
}

void mount_fail(struct mount *m, const char *what, const struct error *e)
{
	MOUNT_LOCKED(m);

	mount_fail_locked(m, what, e);
}
