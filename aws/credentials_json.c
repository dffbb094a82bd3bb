/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"
#include "aws/credentials_private.h"

#include <errno.h>
#include <string.h>

const struct credentials_names credentials_metadata_names = {
	.id = "AccessKeyId",
	.secret = "SecretAccessKey",
	.token = "Token",
	.expires = "Expiration",
	.temporary = true,
};

static void wipe(json_t *value)
{
	if (json_is_string(value))
		explicit_bzero((char *)json_string_value(value), json_string_length(value));
	for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at))
		wipe(json_object_iter_value(at));
}

void credentials_json_wipe(json_t **document)
{
	wipe(*document);
	json_decref(*document);
	*document = NULL;
}

/* What a document says instead of keys; "" when that is nothing that can be shown. */
static const char *code_of(const json_t *document)
{
	const char *code = json_string_value(json_object_get(document, "Code"));

	return code && strcmp(code, "Success") != 0 && credentials_is_plain(code) ? code : "";
}

static int set_expiry(const struct credentials_names *names, const json_t *object, struct credentials *found,
		      struct error *e)
{
	const json_t *expires = json_object_get(object, names->expires);
	json_int_t ms = json_integer_value(expires);

	if (ms > 0 && ms < INT64_MAX / CLOCK_MS)
		found->expires = ms * CLOCK_MS;
	else if (json_is_string(expires) && clock_parse_iso8601(json_string_value(expires), &found->expires) < 0)
		return error_set(e, EACCES, "the %s of the answer is not a time (%s)", names->expires, found->provider);
	if (names->temporary && !found->expires)
		return error_set(e, EACCES, "the answer has no %s (%s)", names->expires, found->provider);
	return 0;
}

static int read_document(const char *provider, const struct credentials_names *names, const json_t *document,
			 struct credentials *found, struct error *e)
{
	const json_t *object = names->inside ? json_object_get(document, names->inside) : document;
	const char *const wanted[] = { names->id, names->secret, names->token };
	const char *values[3], *code = code_of(document);

	for (size_t i = 0; i < 3; i++) {
		values[i] = json_string_value(json_object_get(object, wanted[i]));
		if (!values[i] && (i < 2 || names->temporary))
			return error_set(e, EACCES, "the answer has no %s (%s)%s%.64s", wanted[i], provider,
					 *code ? ": " : "", code);
	}
	int result = credentials_make(provider, values[0], values[1], values[2], found, e);
	return result < 0 ? result : set_expiry(names, object, found, e);
}

int credentials_from_json(const char *provider, const struct credentials_names *names, const struct buf *document,
			  struct credentials *out, struct error *e)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	_json_wipe_ json_t *root = json_loadb(buf_text(document), document->len, 0, NULL);

	if (!json_is_object(root))
		return error_set(e, EACCES, "the answer is not JSON (%s)", provider);
	int result = read_document(provider, names, root, &found, e);
	if (result < 0)
		return result;
	*out = found;
	found = CREDENTIALS_NULL;
	return 0;
}
