/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/json_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A page of DynamoDB holds 1 MB of items as it counts them; JSON with every byte escaped is several times that. */
enum { ANSWER_MAX = 64 << 20, TARGET_MAX = 96 };

struct answer {
	const struct aws_json_operation *operation;
	json_t *root; /* owned */
};

static bool has_shape(const json_t *member, const struct aws_json_operation *o)
{
	const json_t *element;
	size_t i;

	if (!member || json_typeof(member) != o->type)
		return false;
	json_array_foreach(member, i, element)
	{
		if (json_typeof(element) != o->elements)
			return false;
	}
	return true;
}

static size_t has(const json_t *object, const char *name)
{
	return json_object_get(object, name) ? 1 : 0;
}

/* Parses and checks the shape: what is not an answer of this operation is asked for again by the client. */
static int check_answer(void *data, const struct buf *body, struct error *e)
{
	struct answer *answer = data;
	const struct aws_json_operation *o = answer->operation;
	json_error_t why = { .position = 0 };
	_json_cleanup_ json_t *root = aws_json_load(buf_text(body), body->len, &why);

	if (!root)
		/* jansson's own words would quote what stands there: somebody's password, maybe. */
		return error_set(e, EIO, "it is no JSON at byte %d", why.position);
	if (!json_is_object(root))
		return error_set(e, EIO, "it is no JSON object");
	if (o->required && !has_shape(json_object_get(root, o->required), o))
		return error_set(e, EIO, "%s is missing or malformed", o->required);
	const json_t *optional = o->optional ? aws_json_present(root, o->optional) : NULL;
	if (optional && !json_is_object(optional))
		return error_set(e, EIO, "%s is malformed", o->optional);
	/* Absence is believed only where nothing else is said. */
	if (o->beside && !optional && json_object_size(root) > has(root, o->optional) + has(root, o->beside))
		return error_set(e, EIO, "it has neither %s nor none", o->optional);
	json_decref(answer->root);
	answer->root = json_incref(root);
	return 0;
}

int aws_json_perform(struct client *client, const struct aws_json_service *service,
		     const struct aws_json_operation *operation, struct client_frame *frame, json_t *body,
		     json_t **root, struct error *e)
{
	_buf_cleanup_ struct buf bytes = BUF_INIT(ANSWER_MAX);
	struct answer answer = { .operation = operation };
	char target[TARGET_MAX];
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (!text)
		return error_set(e, EINVAL, "%s: the request cannot be made: is every name in it UTF-8?",
				 operation->name);
	snprintf(target, sizeof(target), "%s%s", service->prefix, operation->name);
	struct client_call call = {
		.target = target,
		.content_type = service->content_type,
		.body = text,
		.body_len = strlen(text),
		.deadline = frame->deadline,
		.cancel_fd = frame->cancel_fd,
		.max_answer = ANSWER_MAX,
		.check = check_answer,
		.check_data = &answer,
	};
	int rc = client_perform(client, &call, &bytes, &frame->outcome, e);
	free(text);
	if (rc < 0)
		json_decref(answer.root);
	else
		*root = answer.root;
	return rc;
}

int aws_json_next_page(const json_t *answer, json_t *request, struct error *e)
{
	json_t *token = aws_json_present(answer, "NextToken");

	if (!token)
		return 0;
	if (!json_is_string(token) || json_equal(token, json_object_get(request, "NextToken")))
		return error_set(e, EIO, "the server gives the same page again and again");
	return json_object_set(request, "NextToken", token) < 0 ? error_no_memory(e) : 1;
}
