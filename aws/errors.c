/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/errors.h"

#include "aws/xml.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
	TEXT_MAX = 64 << 10, /* no error is longer; a larger body is somebody's web page */
	KEY_RUN = 40,        /* a secret key has 40 characters, a signature 64, a session token hundreds */
	SECRET_RUN = 20,     /* where the request is quoted: an access key id */
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define F AWS_ERROR_FINAL
#define T AWS_ERROR_TRANSIENT
#define B AWS_ERROR_THROTTLE
#define X AWS_ERROR_EXPIRED
#define S AWS_ERROR_SKEW

static const char policy[] = "allow this action in the IAM policy of these credentials";
static const char keys[] = "check the access key and the secret key";
static const char renew[] = "renew the credentials";
static const char set_clock[] = "set this machine's clock";
static const char capacity[] = "raise the table's throughput";
static const char slower[] = "ask less often or ask for a higher quota";
static const char smaller[] = "an item holds at most 400 KB, names included";
static const char engine[] = "check that the endpoint is that of the service and offers this operation";
static const char raced[] = "somebody else changed it: read it again";
static const char in_use[] = "wait until the change that is under way ends";

/* Sorted by code: aws_error_find bisects. */
static const struct aws_error table[] = {
	{ "AccessDenied", F, EACCES, policy },
	{ "AccessDeniedException", F, EACCES, policy },
	{ "AuthFailure", F, EACCES, keys, true },
	{ "AuthorizationError", F, EACCES, policy },
	{ "AuthorizationErrorException", F, EACCES, policy },
	{ "BandwidthLimitExceeded", B, EBUSY, slower },
	{ "ConcurrentModificationException", T, EBUSY, in_use },
	{ "ConcurrentUpdateException", T, EBUSY, in_use },
	{ "ConditionalCheckFailedException", F, ESTALE, raced },
	{ "EC2ThrottledException", B, EBUSY, slower },
	{ "EndpointDisabled", F, EACCES, "" },
	{ "EndpointDisabledException", F, EACCES, "" },
	{ "ExpiredToken", X, EACCES, renew, true },
	{ "ExpiredTokenException", X, EACCES, renew, true },
	{ "IDPCommunicationError", T, EIO, "" },
	{ "IDPCommunicationErrorException", T, EIO, "" },
	{ "IDPRejectedClaim", F, EACCES, "give the role a new web identity token", true },
	{ "IDPRejectedClaimException", F, EACCES, "give the role a new web identity token", true },
	{ "IdempotentParameterMismatchException", F, EINVAL, "" },
	{ "IncompleteSignature", F, EACCES, keys, true },
	{ "IncompleteSignatureException", F, EACCES, keys, true },
	{ "IndexNotFoundException", F, ENXIO, "check the index's name and its table" },
	{ "InternalError", T, EIO, "" },
	{ "InternalFailure", T, EIO, "" },
	{ "InternalServerError", T, EIO, "" },
	{ "InternalServiceError", T, EIO, "" },
	{ "InternalServiceException", T, EIO, "" },
	{ "InternalServiceFault", T, EIO, "" },
	{ "InvalidAction", F, EOPNOTSUPP, engine },
	{ "InvalidClientTokenId", F, EACCES, keys, true },
	{ "InvalidEndpointException", F, EIO, engine },
	{ "InvalidIdentityToken", F, EACCES, "give the role a new web identity token", true },
	{ "InvalidIdentityTokenException", F, EACCES, "give the role a new web identity token", true },
	{ "InvalidNextTokenException", F, EINVAL, "" },
	{ "InvalidParameter", F, EINVAL, "" },
	{ "InvalidParameterCombination", F, EINVAL, "" },
	{ "InvalidParameterCombinationException", F, EINVAL, "" },
	{ "InvalidParameterException", F, EINVAL, "" },
	{ "InvalidParameterValue", F, EINVAL, "" },
	{ "InvalidParameterValueException", F, EINVAL, "" },
	{ "InvalidSignatureException", F, EACCES, keys, true },
	{ "ItemCollectionSizeLimitExceededException", F, EFBIG, "" },
	{ "KMSAccessDenied", F, EACCES, policy },
	{ "KMSAccessDeniedException", F, EACCES, policy },
	{ "KMSThrottling", B, EBUSY, slower },
	{ "KMSThrottlingException", B, EBUSY, slower },
	{ "LimitExceeded", F, EBUSY, slower },
	{ "LimitExceededException", F, EBUSY, slower },
	{ "MalformedQueryString", F, EINVAL, "" },
	{ "MissingAction", F, EOPNOTSUPP, engine },
	{ "MissingAuthenticationToken", F, EACCES, keys, true },
	{ "MissingAuthenticationTokenException", F, EACCES, keys, true },
	{ "MissingParameter", F, EINVAL, "" },
	{ "NotAuthorized", F, EACCES, policy },
	{ "NotFound", F, ENXIO, "check its name and its region" },
	{ "NotFoundException", F, ENXIO, "check its name and its region" },
	{ "ObjectNotFoundException", F, ENXIO, "check its name and its region" },
	{ "OptInRequired", F, EACCES, "subscribe this account to the service" },
	{ "PriorRequestNotComplete", B, EBUSY, slower },
	{ "ProvisionedThroughputExceeded", B, EBUSY, capacity },
	{ "ProvisionedThroughputExceededException", B, EBUSY, capacity },
	{ "RegionDisabledException", F, EACCES, "enable the region in this account" },
	{ "ReplicatedWriteConflictException", T, EBUSY, "" },
	{ "RequestExpired", S, EACCES, set_clock, true },
	{ "RequestInProgressException", T, EBUSY, "" },
	{ "RequestInTheFuture", S, EACCES, set_clock, true },
	{ "RequestLimitExceeded", B, EBUSY, slower },
	{ "RequestThrottled", B, EBUSY, slower },
	{ "RequestThrottledException", B, EBUSY, slower },
	{ "RequestTimeTooSkewed", S, EACCES, set_clock, true },
	{ "RequestTimeout", T, EIO, "" },
	{ "RequestTimeoutException", T, EIO, "" },
	{ "ResourceInUseException", F, EBUSY, in_use },
	{ "ResourceNotFoundException", F, ENXIO, "check the table's name and region" },
	{ "SerializationException", F, EINVAL, "" },
	{ "ServiceUnavailable", T, EIO, "" },
	{ "ServiceUnavailableException", T, EIO, "" },
	{ "SignatureDoesNotMatch", F, EACCES, keys, true },
	{ "SlowDown", B, EBUSY, slower },
	{ "TableAlreadyExistsException", F, EBUSY, "" },
	{ "TableInUseException", F, EBUSY, in_use },
	{ "TableNotFoundException", F, ENXIO, "check the table's name and region" },
	{ "Throttled", B, EBUSY, slower },
	{ "ThrottledException", B, EBUSY, slower },
	{ "Throttling", B, EBUSY, slower },
	{ "ThrottlingException", B, EBUSY, slower },
	{ "TooManyRequestsException", B, EBUSY, slower },
	{ "TransactionCanceledException", F, EIO, "" },
	{ "TransactionConflictException", T, EBUSY, "" },
	{ "TransactionInProgressException", B, EBUSY, in_use },
	{ "UnknownOperationException", F, EOPNOTSUPP, engine },
	{ "UnrecognizedClientException", F, EACCES, keys, true },
	{ "UnsupportedOperation", F, EOPNOTSUPP, engine },
	{ "UnsupportedOperationException", F, EOPNOTSUPP, engine },
	{ "ValidationError", F, EINVAL, "" },
	{ "ValidationException", F, EINVAL, "" },
};

/* Codes that mean several things: what the message or the reasons contain decides, the first row that fits. */
static const struct refinement {
	const char *contains;
	bool in_reasons; /* one of CancellationReasons' codes, otherwise a part of the message */
	struct aws_error row;
} refinements[] = {
	{ "Signature expired", false, { "InvalidSignatureException", S, EACCES, set_clock, true } },
	{ "Signature not yet current", false, { "InvalidSignatureException", S, EACCES, set_clock, true } },
	{ "Signature expired", false, { "SignatureDoesNotMatch", S, EACCES, set_clock, true } },
	{ "Signature not yet current", false, { "SignatureDoesNotMatch", S, EACCES, set_clock, true } },
	/* Other limits last longer than a call. */
	{ "simultaneously", false, { "LimitExceededException", B, EBUSY, slower } },
	{ "Item size", false, { "ValidationException", F, EFBIG, smaller } },
	{ "exceeded the maximum allowed size", false, { "ValidationException", F, EFBIG, smaller } },
	{ "ConditionalCheckFailed", true, { "TransactionCanceledException", F, ESTALE, raced } },
	{ "AccessDenied", true, { "TransactionCanceledException", F, EACCES, policy } },
	{ "ItemCollectionSizeLimitExceeded", true, { "TransactionCanceledException", F, EFBIG, "" } },
	{ "Item size", false, { "TransactionCanceledException", F, EFBIG, smaller } },
	{ "exceeded the maximum allowed size", false, { "TransactionCanceledException", F, EFBIG, smaller } },
	{ "ValidationError", true, { "TransactionCanceledException", F, EINVAL, "" } },
	{ "ResourceNotFound", true, { "TransactionCanceledException", F, ENXIO, "check the table's name and region" } },
	{ "ProvisionedThroughputExceeded", true, { "TransactionCanceledException", B, EBUSY, capacity } },
	{ "ThrottlingError", true, { "TransactionCanceledException", B, EBUSY, slower } },
	{ "RequestLimitExceeded", true, { "TransactionCanceledException", B, EBUSY, slower } },
	{ "TransactionConflict", true, { "TransactionCanceledException", T, EBUSY, "" } },
	{ "InternalServerError", true, { "TransactionCanceledException", T, EIO, "" } },
};

/* What the status says where no known code does: the first row whose range holds it. A 404 without a code comes
 * from something that is not the service; it proves no table's absence. */
static const struct {
	int from, to;
	struct aws_error row;
} by_status[] = {
	{ 300, 399, { "", F, EIO, "an AWS endpoint never redirects: check the endpoint" } },
	{ 401, 401, { "", F, EACCES, keys, true } },
	{ 403, 403, { "", F, EACCES, policy, true } },
	{ 404, 404, { "", F, EIO, engine } },
	{ 407, 407, { "", F, EACCES, "give HTTPS_PROXY the proxy's user name and password", true } },
	{ 408, 408, { "", T, EIO, "" } },
	{ 413, 413, { "", F, EFBIG, smaller } },
	{ 429, 429, { "", B, EBUSY, slower } },
	{ 500, 599, { "", T, EIO, "" } },
	{ 0, 999, { "", F, EIO, engine } },
};

#undef F
#undef T
#undef B
#undef X
#undef S

const struct aws_error *aws_error_find(const char *code, size_t len)
{
	size_t from = 0, to = N(table);

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strncmp(table[middle].code, code, len);
		if (order == 0 && table[middle].code[len] == '\0')
			return &table[middle];
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

static void copy(char *to, size_t size, const char *from, size_t len)
{
	len = len < size ? len : size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

static const char code_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

/* "com.amazonaws.dynamodb.v20120810#Code" and "Code:http://…" hold the code between the marks. What is none may move a
 * terminal's cursor: it is not kept. */
static void keep_code(struct aws_error_answer *out, const char *text)
{
	size_t len = strcspn(text, ":");

	for (size_t i = len; i > 0; i--) {
		if (text[i - 1] == '#') {
			text += i;
			len -= i;
			break;
		}
	}
	if (len && !out->code[0] && strspn(text, code_bytes) >= len)
		copy(out->code, sizeof(out->code), text, len);
}

/* What the decoders found; whatever is longer than its bound is cut. */
struct evidence {
	char message[4096]; /* as the server wrote it, reasons' messages after it */
	size_t used;
};

static void add_message(struct evidence *evidence, const char *text, size_t len)
{
	size_t room = sizeof(evidence->message) - 1 - evidence->used;

	len = len < room ? len : room;
	memcpy(evidence->message + evidence->used, text, len);
	evidence->used += len;
	evidence->message[evidence->used] = '\0';
}

static const char *json_text(const json_t *object, const char *const *names)
{
	const char *text = NULL;

	for (; *names && !text; names++)
		text = json_string_value(json_object_get(object, *names));
	return text;
}

static void add_reason(struct aws_error_answer *out, const char *code, size_t len)
{
	size_t used = strlen(out->reasons);

	if (used + len + 2 <= sizeof(out->reasons))
		snprintf(out->reasons + used, sizeof(out->reasons) - used, "%s%.*s", used ? "," : "", (int)len, code);
}

/* Engines without CancellationReasons end the message with "[ConditionalCheckFailed, None]". */
static void reasons_from_message(const struct evidence *evidence, struct aws_error_answer *out)
{
	const char *at = strrchr(evidence->message, '[');

	while (at && *at && *at != ']') {
		at += strspn(at, "[, ");
		size_t len = strcspn(at, ",]");
		add_reason(out, at, len);
		at += len;
	}
}

static void read_reasons(const json_t *reasons, struct evidence *evidence, struct aws_error_answer *out)
{
	static const char *const codes[] = { "Code", NULL }, *const messages[] = { "Message", NULL };
	json_t *reason;
	size_t i;

	if (!json_is_array(reasons)) {
		if (strcmp(out->code, "TransactionCanceledException") == 0)
			reasons_from_message(evidence, out);
		return;
	}
	json_array_foreach(reasons, i, reason)
	{
		const char *code = json_text(reason, codes), *message = json_text(reason, messages);
		if (code)
			add_reason(out, code, strlen(code));
		if (message && !strstr(evidence->message, message)) {
			add_message(evidence, ": ", 2);
			add_message(evidence, message, strlen(message));
		}
	}
}

static bool read_json(const struct buf *body, struct evidence *evidence, struct aws_error_answer *out)
{
	static const char *const codes[] = { "__type", "code", "Code", NULL };
	static const char *const messages[] = { "message", "Message", NULL };
	json_t *root = json_loadb(body->data, body->len, 0, NULL);

	if (!root)
		return false;
	const char *code = json_text(root, codes), *message = json_text(root, messages);
	if (code)
		keep_code(out, code);
	if (message)
		add_message(evidence, message, strlen(message));
	read_reasons(json_object_get(root, "CancellationReasons"), evidence, out);
	json_decref(root);
	return true;
}

/* What an XML error says. */
struct xml_error {
	struct evidence *evidence;
	char root[96], code[96];
};

/* <ErrorResponse><Error><Code>, <Response><Errors><Error><Code>, and <Code><Message> of some front ends. */
static void on_leaf(void *data, const char *path, const char *text)
{
	struct xml_error *error = data;
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	copy(error->root, sizeof(error->root), path, strcspn(path, "/"));
	if (strcmp(name, "Code") == 0 && !error->code[0])
		copy(error->code, sizeof(error->code), text, strlen(text));
	else if (strcmp(name, "Message") == 0 && !error->evidence->used)
		add_message(error->evidence, text, strlen(text));
}

static void read_xml(const struct buf *body, struct evidence *evidence, struct aws_error_answer *out)
{
	struct xml_error error = { .evidence = evidence };

	if (xml_read(body, on_leaf, &error, NULL) < 0)
		return;
	keep_code(out, error.code);
	if (aws_error_find(error.root, strlen(error.root)))
		keep_code(out, error.root);
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len) {
		if ((at == list || at[-1] == ',') && (at[len] == ',' || !at[len]))
			return true;
	}
	return false;
}

static const struct aws_error *choose(int status, const struct aws_error_answer *out, const char *message)
{
	const struct aws_error *row = aws_error_find(out->code, strlen(out->code));

	for (size_t i = 0; row && i < N(refinements); i++) {
		const struct refinement *r = &refinements[i];
		if (strcmp(r->row.code, row->code) == 0 &&
		    (r->in_reasons ? has_word(out->reasons, r->contains) : strstr(message, r->contains) != NULL))
			return &r->row;
	}
	for (size_t i = 0; !row && i < N(by_status); i++) {
		if (status >= by_status[i].from && status <= by_status[i].to)
			row = &by_status[i].row;
	}
	return row ? row : &by_status[N(by_status) - 1].row;
}

/* The length of a run of what keys, tokens and signatures are made of. */
static size_t run_length(const char *text, bool *digit)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	size_t len = strspn(text, alphabet);

	*digit = strcspn(text, "0123456789") < len;
	return len;
}

static bool looks_secret(const char *run, size_t len, bool digit, bool secret)
{
	bool key_id = len >= 16 && (strncmp(run, "AKIA", 4) == 0 || strncmp(run, "ASIA", 4) == 0);

	return key_id || (len >= KEY_RUN && digit) || (secret && len >= SECRET_RUN);
}

/* The message as it may be shown. Signature errors quote the canonical request after their first sentence. */
static void redact(const char *text, bool secret, char *out, size_t size)
{
	size_t used = 0, len;
	bool digit;

	while (*text && used + 1 < size) {
		if (secret && (*text == '\n' || strncmp(text, ". ", 2) == 0))
			break;
		len = run_length(text, &digit);
		bool hidden = looks_secret(text, len, digit, secret);
		const char *show = hidden ? "[...]" : text;
		size_t shown = hidden ? 5 : len ? len : 1;
		for (size_t i = 0; i < shown && used + 1 < size; i++)
			out[used++] = (unsigned char)show[i] < 32 || show[i] == 127 ? ' ' : show[i];
		text += len ? len : 1;
	}
	/* Cut where a character begins. */
	while (*text && used && (*text & 0xc0) == 0x80 && (out[used - 1] & 0x80)) {
		text--;
		used--;
	}
	while (used && strchr(" .:", out[used - 1]))
		used--;
	out[used] = '\0';
}

void aws_error_decode(const struct http_response *response, struct aws_error_answer *out)
{
	struct evidence evidence = { .used = 0 };
	const struct buf *body = &response->body;

	*out = (struct aws_error_answer){ 0 };
	if (body->len && body->len <= TEXT_MAX && !read_json(body, &evidence, out))
		read_xml(body, &evidence, out);
	keep_code(out, response->error_type);
	out->row = choose(response->status, out, evidence.message);
	redact(evidence.message, out->row->secret || !*out->row->code, out->message, sizeof(out->message));
}
