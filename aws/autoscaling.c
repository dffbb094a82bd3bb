/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/autoscaling.h"
#include "aws/json_call.h"

#include <errno.h>
#include <stdlib.h>

enum { RESOURCES_MAX = 50 };

void autoscaling_targets_deinit(struct autoscaling_targets *targets)
{
	free(targets->items);
	*targets = AUTOSCALING_TARGETS_NULL;
}

static int read_target(const json_t *described, struct autoscaling_target *out, struct error *e)
{
	struct autoscaling_target found = {
		.min = aws_json_count(described, "MinCapacity"),
		.max = aws_json_count(described, "MaxCapacity"),
	};

	if (!aws_json_text(described, "ResourceId", found.resource, sizeof(found.resource)) ||
	    !aws_json_text(described, "ScalableDimension", found.dimension, sizeof(found.dimension)))
		return error_set(e, EIO, "Application Auto Scaling described something without its name");
	*out = found;
	return 0;
}

static int read_page(const json_t *root, struct autoscaling_targets *out, struct error *e)
{
	const json_t *targets = json_object_get(root, "ScalableTargets"), *target;
	size_t i, more = json_array_size(targets);
	struct autoscaling_target *items = reallocarray(out->items, out->n + more + 1, sizeof(*items));

	if (!items)
		return error_no_memory(e);
	out->items = items;
	json_array_foreach(targets, i, target)
	{
		int rc = read_target(target, &out->items[out->n], e);
		if (rc < 0)
			return rc;
		out->n++;
	}
	return 0;
}

static json_t *body_of(const char *const *resources, size_t n)
{
	json_t *ids = n ? json_array() : NULL;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(ids, json_string(resources[i]));
	/* Fewer are there where one could not be made. */
	if (json_array_size(ids) == n)
		return json_pack("{s:s, s:o*}", "ServiceNamespace", "dynamodb", "ResourceIds", ids);
	json_decref(ids);
	return NULL;
}

static int describe(struct client *client, struct client_frame *frame, const char *const *resources, size_t n,
		    struct autoscaling_targets *out, struct error *e)
{
	static const struct aws_json_service service = { "AnyScaleFrontendService.", AWS_JSON_1_1 };
	static const struct aws_json_operation operation = { "DescribeScalableTargets", "ScalableTargets", JSON_ARRAY,
							     JSON_OBJECT };
	_json_cleanup_ json_t *body = body_of(resources, n);
	int rc = 1;

	while (rc == 1) {
		_json_cleanup_ json_t *root = NULL;
		rc = aws_json_perform(client, &service, &operation, frame, json_incref(body), &root, e);
		if (rc == 0)
			rc = read_page(root, out, e);
		if (rc == 0)
			rc = aws_json_next_page(root, body, e);
	}
	return rc;
}

int autoscaling_describe_targets(struct client *client, struct client_frame *frame, const char *const *resources,
				 size_t n, struct autoscaling_targets *out, struct error *e)
{
	struct autoscaling_targets found = AUTOSCALING_TARGETS_NULL;
	size_t at = 0;
	int rc;

	do {
		size_t some = n - at < RESOURCES_MAX ? n - at : RESOURCES_MAX;
		rc = describe(client, frame, n ? resources + at : NULL, some, &found, e);
		at += some;
	} while (rc == 0 && at < n);
	autoscaling_targets_deinit(rc == 0 ? out : &found);
	if (rc == 0)
		*out = found;
	return rc;
}
