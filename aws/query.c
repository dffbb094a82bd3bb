/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/query.h"
#include "aws/xml.h"

#include <errno.h>
#include <string.h>

enum { FORM_MAX = 512 << 10, ANSWER_MAX = 256 << 10 };

struct answer {
	const char *action;
	struct query_value *values;
	size_t n_values;
};

/* What follows "ACTIONResponse/ACTIONResult/"; NULL elsewhere. */
static const char *below_result(const char *path, const char *action)
{
	static const char *const tails[] = { "Response/", "Result/" };

	for (size_t i = 0; i < 2; i++) {
		if (strncmp(path, action, strlen(action)) != 0)
			return NULL;
		path += strlen(action);
		if (strncmp(path, tails[i], strlen(tails[i])) != 0)
			return NULL;
		path += strlen(tails[i]);
	}
	return path;
}

static void on_leaf(void *data, const char *path, const char *text)
{
	struct answer *answer = data;
	const char *below = below_result(path, answer->action);

	for (size_t i = 0; below && i < answer->n_values; i++) {
		if (strcmp(answer->values[i].path, below) != 0)
			continue;
		buf_reset(answer->values[i].to);
		buf_str(answer->values[i].to, text);
	}
}

static void forget(struct answer *answer)
{
	for (size_t i = 0; i < answer->n_values; i++)
		buf_deinit(answer->values[i].to);
}

static int check_answer(void *data, const struct buf *body, struct error *e)
{
	struct answer *answer = data;

	forget(answer);
	int rc = xml_read(body, on_leaf, answer, e);
	for (size_t i = 0; rc == 0 && i < answer->n_values; i++) {
		if (buf_error(answer->values[i].to) == -ENOMEM)
			rc = error_no_memory(e);
		else if (buf_error(answer->values[i].to) || !answer->values[i].to->len)
			rc = error_set(e, EIO, "%s is missing or malformed", answer->values[i].path);
	}
	if (rc < 0)
		forget(answer);
	return rc;
}

/* application/x-www-form-urlencoded, the strict way: all but RFC 3986's unreserved bytes. */
static void encode(struct buf *form, const char *text)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

	while (*text) {
		size_t plain = strspn(text, unreserved);
		buf_append(form, text, plain);
		text += plain;
		if (*text)
			buf_printf(form, "%%%02X", (unsigned char)*text++);
	}
}

static void add(struct buf *form, const char *name, const char *value)
{
	buf_printf(form, "%s%s=", form->len ? "&" : "", name);
	encode(form, value);
}

int query_perform(struct client *client, const struct query_operation *operation, struct client_frame *frame,
		  const struct query_parameter *parameters, size_t n_parameters, struct query_value *values,
		  size_t n_values, struct error *e)
{
	_buf_cleanup_ struct buf form = { .max = FORM_MAX, .secret = operation->secret };
	_buf_cleanup_ struct buf body = { .secret = operation->secret };
	struct answer answer = { operation->action, values, n_values };

	add(&form, "Action", operation->action);
	add(&form, "Version", operation->version);
	for (size_t i = 0; i < n_parameters; i++) {
		if (parameters[i].value)
			add(&form, parameters[i].name, parameters[i].value);
	}
	if (buf_error(&form))
		return error_set(e, -buf_error(&form), "%s: the request is too large", operation->action);
	struct client_call call = {
		.operation = operation->action,
		.content_type = "application/x-www-form-urlencoded; charset=utf-8",
		.body = buf_text(&form),
		.body_len = form.len,
		.deadline = frame->deadline,
		.cancel_fd = frame->cancel_fd,
		.max_answer = ANSWER_MAX,
		.secret = operation->secret,
		.check = check_answer,
		.check_data = &answer,
	};
	int rc = client_perform(client, &call, &body, &frame->outcome, e);
	if (rc < 0)
		forget(&answer);
	return rc;
}
