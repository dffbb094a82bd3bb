/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/loop_private.h"

#include "aws/autoscaling.h"

#include <errno.h>

static void resource_id(const struct target *target, struct buf *out)
{
	buf_printf(out, "table/%s", target->table);
	if (target->index)
		buf_printf(out, "/index/%s", target->index);
}

bool autoscaled_has(const struct site *site, const struct target *target)
{
	_buf_cleanup_ struct buf id = BUF_INIT(1024);

	resource_id(target, &id);
	return json_object_get(site->autoscaled, buf_text(&id)) != NULL;
}

/* Without the permission, as without the service, nothing is known to be managed by it. */
void autoscaled_load(struct pass *pass)
{
	_autoscaling_targets_cleanup_ struct autoscaling_targets targets = AUTOSCALING_TARGETS_NULL;
	struct client_frame frame = {
		.deadline = pass_call(pass, DESCRIBE_SECONDS).deadline,
		.cancel_fd = pass->cancel_fd,
	};
	struct error e = ERROR_NULL;

	if (atomic_load(&pass->site->no_autoscaling))
		return;
	int rc = autoscaling_describe_targets(pass->site->clients[SITE_AUTOSCALING], &frame, NULL, 0, &targets, &e);
	if (rc < 0) {
		/* A refusal is for good; other failures are asked about again in the next pass. */
		atomic_store(&pass->site->no_autoscaling, site_refuses(rc, &frame.outcome));
		log_info(pass->scaler->setup.log, "which tables AWS Application Auto Scaling manages is not known: %s",
			 e.text);
		return;
	}
	json_decref(pass->site->autoscaled);
	pass->site->autoscaled = json_object();
	for (size_t i = 0; i < targets.n; i++)
		json_object_set_new(pass->site->autoscaled, targets.items[i].resource, json_true());
}
