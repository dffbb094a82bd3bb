/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/errors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void decode(int status, const char *header, const char *body, struct aws_error_answer *out)
{
	struct http_response response = HTTP_RESPONSE_NULL(1 << 20);

	response.status = status;
	snprintf(response.error_type, sizeof(response.error_type), "%s", header);
	buf_str(&response.body, body);
	aws_error_decode(&response, out);
	http_response_deinit(&response);
}

#define DYNAMO "com.amazonaws.dynamodb.v20120810#"
#define CORAL "com.amazon.coral.service#"
#define CANCELED "{\"__type\":\"" DYNAMO "TransactionCanceledException\","
#define REASONS(list) CANCELED "\"message\":\"no\",\"CancellationReasons\":[" list "]}"

static const struct row {
	int status;
	const char *header, *body;
	const char *code, *message;
	enum aws_error_kind kind;
	int number;
} rows[] = {
	/* No code at all: a terminal would obey it */
	{ 400, "", "{\"__type\":\"\\u001b[2JThrottling\",\"message\":\"oops\"}", "", "oops", AWS_ERROR_FINAL, EIO },
	/* JSON, as servers write it */
	{ 400, "", "{\"__type\":\"" DYNAMO "ResourceNotFoundException\",\"message\":\"Requested resource not found\"}",
	  "ResourceNotFoundException", "Requested resource not found", AWS_ERROR_FINAL, ENXIO },
	{ 400, "",
	  "{\"__type\":\"" DYNAMO "ConditionalCheckFailedException\",\"Message\":\"The conditional request failed\"}",
	  "ConditionalCheckFailedException", "The conditional request failed", AWS_ERROR_FINAL, ESTALE },
	{ 400, "", "{\"__type\":\"" CORAL "UnknownOperationException\"}", "UnknownOperationException", "",
	  AWS_ERROR_FINAL, EOPNOTSUPP },
	{ 400, "", "{\"__type\":\"" DYNAMO "ResourceInUseException\",\"message\":\"\"}", "ResourceInUseException", "",
	  AWS_ERROR_FINAL, EBUSY },
	{ 400, "", "{\"__type\":\"" DYNAMO "ProvisionedThroughputExceededException\",\"message\":\"slow\"}",
	  "ProvisionedThroughputExceededException", "slow", AWS_ERROR_THROTTLE, EBUSY },
	{ 500, "", "{\"__type\":\"" DYNAMO "InternalServerError\",\"message\":\"oops\"}", "InternalServerError", "oops",
	  AWS_ERROR_TRANSIENT, EIO },
	{ 400, "", "{\"__type\":\"ValidationException\",\"message\":\"bad name\"}", "ValidationException", "bad name",
	  AWS_ERROR_FINAL, EINVAL },
	{ 400, "",
	  "{\"__type\":\"ValidationException\",\"message\":\"Item size to update has exceeded the maximum allowed "
	  "size\"}",
	  "ValidationException", "Item size to update has exceeded the maximum allowed size", AWS_ERROR_FINAL, EFBIG },
	{ 400, "",
	  "{\"__type\":\"" CORAL "UnrecognizedClientException\",\"message\":\"The security token is invalid.\"}",
	  "UnrecognizedClientException", "The security token is invalid", AWS_ERROR_FINAL, EACCES },
	{ 400, "", "{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}", "ExpiredTokenException", "expired",
	  AWS_ERROR_EXPIRED, EACCES },
	{ 400, "",
	  "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: 20261121T000000Z is now "
	  "earlier\"}",
	  "InvalidSignatureException", "Signature expired: 20261121T000000Z is now earlier", AWS_ERROR_SKEW, EACCES },
	{ 400, "",
	  "{\"__type\":\"LimitExceededException\",\"message\":\"Only 500 tables can be updated simultaneously\"}",
	  "LimitExceededException", "Only 500 tables can be updated simultaneously", AWS_ERROR_THROTTLE, EBUSY },
	{ 400, "", "{\"__type\":\"LimitExceededException\",\"message\":\"There is a limit of 2500 tables\"}",
	  "LimitExceededException", "There is a limit of 2500 tables", AWS_ERROR_FINAL, EBUSY },
	/* the header instead */
	{ 403, "AccessDeniedException:http://internal.amazon.com/coral/", "{\"Message\":\"no\"}",
	  "AccessDeniedException", "no", AWS_ERROR_FINAL, EACCES },
	{ 400, "ThrottlingException", "", "ThrottlingException", "", AWS_ERROR_THROTTLE, EBUSY },
	/* XML */
	{ 403, "",
	  "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>"
	  "<Message>It differs. Canonical: secret</Message></Error></ErrorResponse>",
	  "SignatureDoesNotMatch", "It differs", AWS_ERROR_FINAL, EACCES },
	{ 503, "",
	  "<?xml version=\"1.0\"?><Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>&lt;slow&gt;"
	  "</Message></Error></Errors></Response>",
	  "RequestLimitExceeded", "<slow>", AWS_ERROR_THROTTLE, EBUSY },
	{ 404, "", "<UnknownOperationException/>", "UnknownOperationException", "", AWS_ERROR_FINAL, EOPNOTSUPP },
	{ 403, "", "<AccessDeniedException><Message>who?</Message></AccessDeniedException>", "AccessDeniedException",
	  "who?", AWS_ERROR_FINAL, EACCES },
	{ 500, "", "<!DOCTYPE a [<!ENTITY b \"ThrottlingException\">]><Error><Code>&b;</Code></Error>", "", "",
	  AWS_ERROR_TRANSIENT, EIO },
	/* neither */
	{ 500, "", "<!doctype html>\n<html lang=en><h1>Internal Server Error</h1>", "", "", AWS_ERROR_TRANSIENT, EIO },
	{ 502, "", "", "", "", AWS_ERROR_TRANSIENT, EIO },
	{ 503, "", "{\"mess", "", "", AWS_ERROR_TRANSIENT, EIO },
	{ 504, "", "null", "", "", AWS_ERROR_TRANSIENT, EIO },
	{ 429, "", "[]", "", "", AWS_ERROR_THROTTLE, EBUSY },
	{ 403, "", "<html><body>proxy</body></html>", "", "", AWS_ERROR_FINAL, EACCES },
	{ 413, "", "", "", "", AWS_ERROR_FINAL, EFBIG },
	{ 404, "", "", "", "", AWS_ERROR_FINAL, EIO },
	{ 301, "", "", "", "", AWS_ERROR_FINAL, EIO },
	{ 400, "", "{\"__type\":\"FrobnicateException\",\"message\":\"?\"}", "FrobnicateException", "?",
	  AWS_ERROR_FINAL, EIO },
	{ 503, "", "{\"__type\":\"FrobnicateException\",\"message\":17}", "FrobnicateException", "",
	  AWS_ERROR_TRANSIENT, EIO },
	/* transactions */
	{ 400, "", REASONS("{\"Code\":\"None\"},{\"Code\":\"ConditionalCheckFailed\",\"Message\":\"failed\"}"),
	  "TransactionCanceledException", "no: failed", AWS_ERROR_FINAL, ESTALE },
	{ 400, "", REASONS("{\"Code\":\"TransactionConflict\"},{\"Code\":\"ConditionalCheckFailed\"}"),
	  "TransactionCanceledException", "no", AWS_ERROR_FINAL, ESTALE },
	{ 400, "", REASONS("{\"Code\":\"TransactionConflict\"},{\"Code\":\"None\"}"), "TransactionCanceledException",
	  "no", AWS_ERROR_TRANSIENT, EBUSY },
	{ 400, "", REASONS("{\"Code\":\"ThrottlingError\"}"), "TransactionCanceledException", "no", AWS_ERROR_THROTTLE,
	  EBUSY },
	{ 400, "", REASONS("{\"Code\":\"ValidationError\",\"Message\":\"Item size has exceeded\"}"),
	  "TransactionCanceledException", "no: Item size has exceeded", AWS_ERROR_FINAL, EFBIG },
	{ 400, "", REASONS("{\"Code\":\"ValidationError\"}"), "TransactionCanceledException", "no", AWS_ERROR_FINAL,
	  EINVAL },
	{ 400, "", CANCELED "\"Message\":\"specific reasons [None, ConditionalCheckFailed]\"}",
	  "TransactionCanceledException", "specific reasons [None, ConditionalCheckFailed]", AWS_ERROR_FINAL, ESTALE },
	{ 400, "", CANCELED "\"Message\":\"[\"}", "TransactionCanceledException", "[", AWS_ERROR_FINAL, EIO },
};

static void test_answers(void **state)
{
	struct aws_error_answer out;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		decode(rows[i].status, rows[i].header, rows[i].body, &out);
		if (strcmp(out.code, rows[i].code) || strcmp(out.message, rows[i].message) ||
		    out.row->kind != rows[i].kind || out.row->number != rows[i].number)
			fail_msg("row %zu: code '%s', message '%s', kind %d, number %d", i, out.code, out.message,
				 (int)out.row->kind, out.row->number);
	}
}

static void test_reasons_are_listed(void **state)
{
	struct aws_error_answer out;

	(void)state;
	decode(400, "", REASONS("{\"Code\":\"None\"},{\"Code\":\"TransactionConflict\"},{}"), &out);
	assert_string_equal(out.reasons, "None,TransactionConflict");
	decode(400, "", CANCELED "\"message\":\"[None, TransactionConflict]\"}", &out);
	assert_string_equal(out.reasons, "None,TransactionConflict");
	/* More than fit are left out whole. */
	_buf_cleanup_ struct buf many = BUF_INIT(1 << 16);
	buf_str(&many, CANCELED "\"CancellationReasons\":[{\"Code\":\"ConditionalCheckFailed\"}");
	for (int i = 0; i < 99; i++)
		buf_str(&many, ",{\"Code\":\"None\"}");
	buf_str(&many, "]}");
	decode(400, "", buf_text(&many), &out);
	assert_int_equal(out.row->number, ESTALE);
	assert_true(strlen(out.reasons) > 200);
	assert_string_equal(out.reasons + strlen(out.reasons) - 5, ",None");
}

/* What must be known; the tests of kinds above cover their meaning. */
static void test_every_code_is_found(void **state)
{
	static const char *const codes[] = {
		"AccessDenied",
		"AccessDeniedException",
		"AuthFailure",
		"AuthorizationError",
		"BandwidthLimitExceeded",
		"ConcurrentUpdateException",
		"ConditionalCheckFailedException",
		"EC2ThrottledException",
		"EndpointDisabled",
		"ExpiredToken",
		"ExpiredTokenException",
		"IDPCommunicationError",
		"IDPRejectedClaim",
		"IdempotentParameterMismatchException",
		"IncompleteSignature",
		"IncompleteSignatureException",
		"IndexNotFoundException",
		"InternalError",
		"InternalFailure",
		"InternalServerError",
		"InternalServiceError",
		"InternalServiceException",
		"InternalServiceFault",
		"InvalidAction",
		"InvalidClientTokenId",
		"InvalidEndpointException",
		"InvalidIdentityToken",
		"InvalidNextTokenException",
		"InvalidParameter",
		"InvalidParameterCombination",
		"InvalidParameterValue",
		"InvalidSignatureException",
		"ItemCollectionSizeLimitExceededException",
		"KMSAccessDenied",
		"KMSAccessDeniedException",
		"KMSThrottling",
		"KMSThrottlingException",
		"LimitExceededException",
		"MissingAction",
		"MissingAuthenticationToken",
		"MissingAuthenticationTokenException",
		"MissingParameter",
		"NotAuthorized",
		"NotFound",
		"ObjectNotFoundException",
		"OptInRequired",
		"PriorRequestNotComplete",
		"ProvisionedThroughputExceeded",
		"ProvisionedThroughputExceededException",
		"RegionDisabledException",
		"ReplicatedWriteConflictException",
		"RequestExpired",
		"RequestInTheFuture",
		"RequestLimitExceeded",
		"RequestThrottled",
		"RequestThrottledException",
		"RequestTimeTooSkewed",
		"RequestTimeout",
		"ResourceInUseException",
		"ResourceNotFoundException",
		"SerializationException",
		"ServiceUnavailable",
		"SignatureDoesNotMatch",
		"SlowDown",
		"TableAlreadyExistsException",
		"TableInUseException",
		"TableNotFoundException",
		"Throttled",
		"ThrottledException",
		"Throttling",
		"ThrottlingException",
		"TooManyRequestsException",
		"TransactionCanceledException",
		"TransactionConflictException",
		"TransactionInProgressException",
		"UnknownOperationException",
		"UnrecognizedClientException",
		"UnsupportedOperation",
		"ValidationError",
		"ValidationException",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const struct aws_error *row = aws_error_find(codes[i], strlen(codes[i]));
		if (!row)
			fail_msg("%s is not found", codes[i]);
		else
			assert_string_equal(row->code, codes[i]);
		assert_null(aws_error_find(codes[i], strlen(codes[i]) - 1));
	}
	assert_null(aws_error_find("", 0));
	assert_null(aws_error_find("ValidationExceptional", 21));
}

static void test_secrets_are_not_shown(void **state)
{
	static const char key_id[] = "AKIAIOSFODNN7EXAMPLE", secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
	static const char signature[] = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
	_buf_cleanup_ struct buf body = BUF_INIT(4096);
	struct aws_error_answer out;

	(void)state;
	buf_printf(&body,
		   "{\"__type\":\"InvalidSignatureException\",\"message\":\"The signature %s of %s differs. "
		   "The Canonical String should have been\\n'POST\\nx-amz-security-token:%s'\"}",
		   signature, key_id, secret);
	decode(400, "", buf_text(&body), &out);
	assert_string_equal(out.message, "The signature [...] of [...] differs");
	/* An unknown code of another kind of error may quote them too. */
	buf_reset(&body);
	buf_printf(&body, "{\"__type\":\"ValidationException\",\"message\":\"bad %s %s %s/20150830 end\"}", signature,
		   secret, key_id);
	decode(400, "", buf_text(&body), &out);
	assert_string_equal(out.message, "bad [...] [...] [...] end");
	/* Names stay readable. */
	decode(400, "",
	       "{\"__type\":\"AccessDeniedException\",\"message\":\"User: arn:aws:sts::123456789012:assumed-role/"
	       "web/i-0123 is not authorized to perform: dynamodb:Scan\"}",
	       &out);
	assert_string_equal(out.message, "User: arn:aws:sts::123456789012:assumed-role/web/i-0123 is not authorized to "
					 "perform: dynamodb:Scan");
}

static void test_messages_are_cut_between_characters(void **state)
{
	_buf_cleanup_ struct buf body = BUF_INIT(4096);
	struct aws_error_answer out;

	(void)state;
	buf_str(&body, "{\"__type\":\"ValidationException\",\"message\":\"x\\u0007");
	for (int i = 0; i < 200; i++)
		buf_str(&body, "\xc3\xa9");
	buf_str(&body, "\"}");
	decode(400, "", buf_text(&body), &out);
	assert_int_equal(strlen(out.message), sizeof(out.message) - 2);
	assert_int_equal(out.message[1], ' ');
	assert_int_equal((unsigned char)out.message[253], 0xa9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_reasons_are_listed),
		cmocka_unit_test(test_every_code_is_found),
		cmocka_unit_test(test_secrets_are_not_shown),
		cmocka_unit_test(test_messages_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
