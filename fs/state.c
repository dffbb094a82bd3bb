/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/state.h"

#include "fs/events.h"

void mount_fail_locked(struct mount *m, const char *what, const struct error *e)
{
	log_error(m->log, "%s: %s", what, e->text);
	m->last_error = *e;
	m->last_error_wall = clock_wall(m->clock);
	error_context(&m->last_error, "%s", what);
	events_error_locked(m, what, e);
}

void mount_fail(struct mount *m, const char *what, const struct error *e)
{
	MOUNT_LOCKED(m);

	mount_fail_locked(m, what, e);
}
