/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_http.h"

#include <errno.h>
#include <string.h>

#define ERROR_BODY(code) "{\"__type\":\"x#" code "\",\"message\":\"said so\"}"
#define THROTTLE                                                         \
	{                                                                \
		.status = 400, .body = ERROR_BODY("ThrottlingException") \
	}
#define BROKEN                                                           \
	{                                                                \
		.status = 500, .body = ERROR_BODY("InternalServerError") \
	}

/* A call to a scripted service and what came of it. */
struct run {
	struct fake_service service;
	struct client_call call;
	struct client_outcome outcome;
	struct buf answer;
	struct error error;
	int rc;
};

static void begin(struct run *r, const struct fake_answer *script, size_t n)
{
	*r = (struct run){ .answer = BUF_INIT(0) };
	assert_int_equal(fake_service_init(&r->service, script, n), 0);
	r->call = (struct client_call){
		.target = "DynamoDB_20120810.GetItem",
		.content_type = "application/x-amz-json-1.0",
		.body = "{}",
		.body_len = 2,
		.deadline = fake_deadline(&r->service),
		.cancel_fd = -1,
		.max_answer = 1 << 16,
	};
}

static void ask(struct run *r)
{
	r->error = ERROR_NULL;
	r->rc = client_perform(r->service.client, &r->call, &r->answer, &r->outcome, &r->error);
	assert_int_equal(r->error.number, -r->rc);
}

static void end(struct run *r)
{
	buf_deinit(&r->answer);
	fake_service_deinit(&r->service);
}

#define BEGIN(r, ...)                                               \
	static const struct fake_answer script[] = { __VA_ARGS__ }; \
	begin(&(r), script, sizeof(script) / sizeof(script[0]))

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void test_what_is_sent(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .body = "answer" });
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_string_equal(buf_text(&r.answer), "answer");
	assert_int_equal(r.service.asked, 1);
	const struct fake_request *request = &r.service.requests[0];
	assert_string_equal(request->url, "http://service.test:8000");
	assert_string_equal(request->body, "{}");
	assert_holds(request->headers, "Host: service.test:8000\n");
	assert_holds(request->headers, "Content-Type: application/x-amz-json-1.0\n");
	assert_holds(request->headers, "X-Amz-Target: DynamoDB_20120810.GetItem\n");
	assert_holds(request->headers, "X-Amz-Date: 20150830T123600Z\n");
	assert_holds(request->headers,
		     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
		     "dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
		     "Signature=");
	assert_null(strstr(request->headers, "X-Amz-Security-Token"));
	assert_int_equal(r.outcome.attempts, 1);
	assert_false(r.outcome.answer_lost);
	assert_null(r.outcome.code);
	end(&r);
}

static void test_transient_errors_are_retried_and_signed_afresh(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, BROKEN, { .status = 503 }, { .body = "answer" });
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.outcome.attempts, 3);
	assert_null(r.outcome.code);
	assert_true(r.outcome.answer_lost);
	/* half of 50 ms, then half of 100 ms */
	assert_int_equal(r.service.clock.slept, 75 * CLOCK_MS);
	assert_string_equal(r.service.requests[0].body, r.service.requests[2].body);
	end(&r);
}

static void test_a_server_that_keeps_failing(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, BROKEN);
	ask(&r);
	assert_int_equal(r.rc, -EIO);
	assert_int_equal(r.service.asked, 3);
	assert_string_equal(r.outcome.code, "InternalServerError");
	assert_string_equal(r.error.text, "GetItem: service.test:8000 answered InternalServerError: said so");
	end(&r);
}

static void test_final_errors_are_not_retried(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .status = 400, .body = ERROR_BODY("ConditionalCheckFailedException") });
	ask(&r);
	assert_int_equal(r.rc, -ESTALE);
	assert_int_equal(r.service.asked, 1);
	assert_string_equal(r.outcome.code, "ConditionalCheckFailedException");
	assert_false(r.outcome.answer_lost);
	assert_string_equal(r.error.text,
			    "GetItem: service.test:8000 answered ConditionalCheckFailedException: said so: "
			    "somebody else changed it: read it again");
	end(&r);
}

static void test_throttles_are_waited_for(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, THROTTLE, THROTTLE, THROTTLE, THROTTLE, THROTTLE, { .body = "answer" });
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.outcome.attempts, 6);
	assert_false(r.outcome.throttled);
	assert_false(r.outcome.answer_lost);
	end(&r);
}

static void test_a_throttle_until_the_deadline_is_busy(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, THROTTLE);
	ask(&r);
	assert_int_equal(r.rc, -EBUSY);
	assert_true(r.outcome.throttled);
	assert_true(r.service.asked > 5);
	assert_true(r.service.clock.mono < r.call.deadline);
	end(&r);
}

static void test_the_quota_ends_a_storm(void **state)
{
	static const struct fake_answer fine = { .body = "answer" };
	struct run r;

	(void)state;
	BEGIN(r, BROKEN);
	/* Two retries of 5 tokens each: 500 last for 50 calls. */
	for (int i = 0; i < 50; i++)
		ask(&r);
	assert_int_equal(r.service.asked, 150);
	ask(&r);
	assert_int_equal(r.service.asked, 151);
	/* Each success gives one back. */
	r.service.script = &fine;
	for (int i = 0; i < 5; i++)
		ask(&r);
	assert_int_equal(r.rc, 0);
	size_t before = r.service.asked;
	r.service.script = script;
	ask(&r);
	assert_int_equal(r.service.asked - before, 2);
	end(&r);
}

static void test_a_retry_that_helps_costs_nothing(void **state)
{
	struct fake_answer rows[256];
	struct run r;

	(void)state;
	for (size_t i = 0; i < 256; i++)
		rows[i] = i % 2 ? (struct fake_answer){ .body = "answer" } : (struct fake_answer){ .status = 503 };
	begin(&r, rows, 256);
	/* 128 retries would cost 640 tokens. */
	for (int i = 0; i < 128; i++) {
		ask(&r);
		assert_int_equal(r.rc, 0);
	}
	end(&r);
}

static void test_retries_of_timeouts_cost_twice(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .failure = ETIMEDOUT, .early = true });
	for (int i = 0; i < 25; i++)
		ask(&r);
	assert_int_equal(r.service.asked, 75);
	ask(&r);
	assert_int_equal(r.service.asked, 76);
	end(&r);
}

static void test_expired_credentials_are_renewed_once(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .status = 400, .body = ERROR_BODY("ExpiredTokenException"), .next_key = "AKIDNEW" },
	      { .body = "answer" });
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_holds(r.service.requests[1].headers, "Credential=AKIDNEW/");
	assert_int_equal(r.service.clock.sleeps, 0);
	end(&r);

	static const struct fake_answer always = { .status = 400, .body = ERROR_BODY("ExpiredTokenException") };
	begin(&r, &always, 1);
	ask(&r);
	assert_int_equal(r.rc, -EACCES);
	assert_int_equal(r.service.asked, 2);
	end(&r);
}

static void test_clock_skew_is_corrected_by_the_answer(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .status = 400, .body = ERROR_BODY("RequestTimeTooSkewed"), .date = "Sun, 30 Aug 2015 14:36:05 GMT" },
	      { .body = "answer" });
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_holds(r.service.requests[0].headers, "X-Amz-Date: 20150830T123600Z\n");
	assert_holds(r.service.requests[1].headers, "X-Amz-Date: 20150830T143605Z\n");
	/* and is remembered */
	ask(&r);
	assert_int_equal(r.outcome.attempts, 1);
	assert_holds(r.service.requests[2].headers, "X-Amz-Date: 20150830T143605Z\n");
	end(&r);
}

/* Whatever the refusal is called: its Date tells, and one that is near enough changes nothing. */
static void test_clock_skew_by_any_name(void **state)
{
	static const struct {
		int status;
		const char *code, *date;
		bool corrected;
	} rows[] = {
		{ 400, ERROR_BODY("InvalidSignatureException"), "Sun, 30 Aug 2015 12:56:00 GMT", true },
		{ 400, ERROR_BODY("UnrecognizedClientException"), "Sun, 30 Aug 2015 12:16:00 GMT", true },
		{ 403, ERROR_BODY("SignatureDoesNotMatch"), "Sun, 30 Aug 2015 12:41:00 GMT", true },
		{ 403, ERROR_BODY("RequestExpired"), "Sun, 30 Aug 2015 12:36:30 GMT", true },
		{ 401, ERROR_BODY("AuthFailure"), "Sun, 30 Aug 2015 13:36:00 GMT", true },
		{ 403, "<html>no</html>", "Sun, 30 Aug 2015 13:36:00 GMT", true },
		{ 400, ERROR_BODY("ExpiredTokenException"), "Sun, 30 Aug 2015 13:36:00 GMT", true },
		{ 400, ERROR_BODY("UnrecognizedClientException"), "Sun, 30 Aug 2015 12:39:00 GMT", false },
		{ 407, "", "Sun, 30 Aug 2015 13:36:00 GMT", false },
		{ 400, ERROR_BODY("ValidationException"), "Sun, 30 Aug 2015 13:36:00 GMT", false },
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fake_answer answers[] = {
			{ .status = rows[i].status, .body = rows[i].code, .date = rows[i].date },
			{ .body = "answer" },
		};
		begin(&r, answers, 2);
		ask(&r);
		if ((r.rc == 0) != rows[i].corrected || r.service.asked != (rows[i].corrected ? 2 : 1))
			fail_msg("%s: %d after %zu requests", rows[i].code, r.rc, r.service.asked);
		assert_int_equal(r.service.clock.sleeps, 0);
		end(&r);
	}
}

static void test_clock_skew_is_corrected_once_a_call(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r,
	      { .status = 403, .body = ERROR_BODY("SignatureDoesNotMatch"), .date = "Sun, 30 Aug 2015 13:00:00 GMT" },
	      { .status = 403, .body = ERROR_BODY("SignatureDoesNotMatch"), .date = "Sun, 30 Aug 2015 14:00:00 GMT" });
	ask(&r);
	assert_int_equal(r.rc, -EACCES);
	assert_int_equal(r.service.asked, 2);
	assert_true(r.outcome.dated);
	assert_int_equal(r.outcome.ahead, (24 + 60) * 60 * CLOCK_SECOND);
	end(&r);
}

static void test_clock_skew_without_a_usable_date(void **state)
{
	static const char *const dates[] = { "", "yesterday", "Sun, 30 Foo 2015 14:36:05 GMT", "Sun, 30 Aug" };
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct fake_answer answer = { .status = 400,
					      .body = ERROR_BODY("RequestTimeTooSkewed"),
					      .date = dates[i] };
		begin(&r, &answer, 1);
		ask(&r);
		assert_int_equal(r.rc, -EACCES);
		assert_int_equal(r.service.asked, 1);
		end(&r);
	}
}

static void test_lost_answers_are_remembered(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .failure = EIO, .sent = true },
	      { .status = 400, .body = ERROR_BODY("ConditionalCheckFailedException") });
	ask(&r);
	assert_int_equal(r.rc, -ESTALE);
	assert_true(r.outcome.answer_lost);
	end(&r);

	static const struct fake_answer resent = { .body = "answer", .resent = true };
	begin(&r, &resent, 1);
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_true(r.outcome.answer_lost);
	end(&r);
}

static void test_an_unreachable_server(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .failure = ECONNREFUSED });
	ask(&r);
	assert_int_equal(r.rc, -EIO);
	assert_int_equal(r.service.asked, 3);
	assert_false(r.outcome.answer_lost);
	assert_string_equal(r.error.text, "GetItem: service.test:8000 cannot be reached: scripted failure");
	end(&r);

	static const struct fake_answer slow = { .failure = ETIMEDOUT, .early = true };
	begin(&r, &slow, 1);
	ask(&r);
	assert_int_equal(r.rc, -EIO);
	assert_int_equal(r.service.asked, 3);
	end(&r);
}

static void test_the_deadline(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .failure = ETIMEDOUT, .sent = true });
	ask(&r);
	assert_int_equal(r.rc, -ETIMEDOUT);
	assert_int_equal(r.service.asked, 1);
	assert_true(r.outcome.answer_lost);
	assert_string_equal(r.error.text, "GetItem: service.test:8000 did not answer within 5 s");
	end(&r);
}

static void test_no_wait_passes_the_deadline(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, BROKEN);
	r.call.deadline = r.service.clock.mono + 10 * CLOCK_MS;
	ask(&r);
	assert_int_equal(r.rc, -EIO);
	assert_int_equal(r.service.asked, 1);
	assert_int_equal(r.service.clock.sleeps, 0);
	end(&r);
}

/* Throttles that take a second each: the fifth would not be answered in time. */
static void test_no_attempt_begins_that_has_less_time_than_the_last(void **state)
{
	struct fake_answer slow = THROTTLE;
	struct run r;

	(void)state;
	slow.takes = CLOCK_SECOND;
	begin(&r, &slow, 1);
	ask(&r);
	assert_int_equal(r.rc, -EBUSY);
	assert_int_equal(r.service.asked, 4);
	assert_false(r.outcome.answer_lost);
	end(&r);
}

static void test_giving_up(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .failure = ECANCELED, .sent = true });
	ask(&r);
	assert_int_equal(r.rc, -ECANCELED);
	assert_int_equal(r.service.asked, 1);
	end(&r);

	static const struct fake_answer throttle = THROTTLE;
	begin(&r, &throttle, 1);
	r.service.clock.cancel = true;
	ask(&r);
	assert_int_equal(r.rc, -ECANCELED);
	assert_int_equal(r.service.asked, 1);
	end(&r);
}

static void test_checksums(void **state)
{
	struct run r;

	(void)state;
	/* zlib.crc32(b"answer") */
	BEGIN(r, { .body = "answeR", .crc32 = "3671935525" }, { .body = "answer", .crc32 = "3671935525" });
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.outcome.attempts, 2);
	assert_true(r.outcome.answer_lost);
	assert_string_equal(buf_text(&r.answer), "answer");
	end(&r);

	static const struct fake_answer damaged = { .body = "", .crc32 = "1" };
	begin(&r, &damaged, 1);
	ask(&r);
	assert_int_equal(r.rc, -EIO);
	assert_int_equal(r.service.asked, 3);
	end(&r);
}

static int check_ends(void *data, const struct buf *answer, struct error *e)
{
	(void)data;
	if (answer->len && answer->data[answer->len - 1] == '}')
		return 0;
	return error_set(e, EIO, "it has no end");
}

static void test_unusable_answers_are_asked_for_again(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .body = "{" }, { .body = NULL }, { .body = "{}" });
	r.call.check = check_ends;
	ask(&r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.outcome.attempts, 3);
	assert_true(r.outcome.answer_lost);
	assert_string_equal(buf_text(&r.answer), "{}");
	end(&r);

	static const struct fake_answer cut = { .body = "{" };
	begin(&r, &cut, 1);
	r.call.check = check_ends;
	ask(&r);
	assert_int_equal(r.rc, -EIO);
	assert_string_equal(r.error.text, "GetItem: service.test:8000 gave an unusable answer: it has no end");
	end(&r);
}

static void test_an_answer_that_is_too_large(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .failure = EFBIG, .sent = true });
	ask(&r);
	/* EFBIG would mean that the item is too large. */
	assert_int_equal(r.rc, -EIO);
	assert_int_equal(r.service.asked, 1);
	end(&r);
}

static void test_web_pages(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .status = 403, .body = "<html><body>no entry for AKIAIOSFODNN7EXAMPLE</body></html>" });
	ask(&r);
	assert_int_equal(r.rc, -EACCES);
	assert_null(r.outcome.code);
	assert_string_equal(r.error.text,
			    "GetItem: service.test:8000 answered status 403: allow this action in the IAM "
			    "policy of these credentials");
	end(&r);
}

static void test_without_credentials(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .body = "answer" });
	r.service.key = NULL;
	ask(&r);
	assert_int_equal(r.rc, -EACCES);
	assert_int_equal(r.service.asked, 0);
	end(&r);
}

static void test_a_service_that_wants_no_signature(void **state)
{
	struct run r;

	(void)state;
	BEGIN(r, { .status = 400, .body = ERROR_BODY("ExpiredTokenException") });
	struct client_config config = {
		.service = "sts",
		.region = "us-east-1",
		.endpoint = "http://service.test",
		.http = &r.service.http,
		.clock = &r.service.clock.clock,
	};
	client_free(r.service.client);
	assert_int_equal(client_new(&config, &r.service.client, NULL), 0);
	r.call.target = NULL;
	r.call.operation = "AssumeRoleWithWebIdentity";
	r.call.content_type = "text/plain";
	ask(&r);
	assert_string_equal(r.service.requests[0].headers, "Content-Type: text/plain\nHost: service.test\n");
	/* There is nothing to renew. */
	assert_int_equal(r.rc, -EACCES);
	assert_int_equal(r.service.asked, 1);
	assert_holds(r.error.text, "AssumeRoleWithWebIdentity: service.test answered ExpiredTokenException");
	end(&r);
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *endpoint, *host;
	} rows[] = {
		{ "https://dynamodb.eu-west-1.amazonaws.com", "Host: dynamodb.eu-west-1.amazonaws.com\n" },
		{ "https://h:443/", "Host: h\n" },
		{ "https://h:80", "Host: h:80\n" },
		{ "http://h:80/a/b", "Host: h\n" },
		{ "http://[::1]:8000", "Host: [::1]:8000\n" },
		{ "ftp://h", NULL },
		{ "h:8000", NULL },
		{ "https://", NULL },
		{ "https://user:word@h", NULL },
		{ "https://h/?a=b", NULL },
		{ "https://h h", NULL },
	};
	struct run r;

	(void)state;
	BEGIN(r, { .body = "answer" });
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client_config config = { .service = "dynamodb",
						.region = "eu-west-1",
						.endpoint = rows[i].endpoint,
						.http = &r.service.http,
						.clock = &r.service.clock.clock,
						.credentials = r.service.credentials };
		struct client *client = NULL;
		int rc = client_new(&config, &client, NULL);
		assert_int_equal(rc, rows[i].host ? 0 : -EINVAL);
		if (rows[i].host) {
			assert_int_equal(client_perform(client, &r.call, &r.answer, NULL, NULL), 0);
			assert_holds(r.service.requests[r.service.asked - 1].headers, rows[i].host);
		}
		client_free(client);
	}
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sent),
		cmocka_unit_test(test_transient_errors_are_retried_and_signed_afresh),
		cmocka_unit_test(test_a_server_that_keeps_failing),
		cmocka_unit_test(test_final_errors_are_not_retried),
		cmocka_unit_test(test_throttles_are_waited_for),
		cmocka_unit_test(test_a_throttle_until_the_deadline_is_busy),
		cmocka_unit_test(test_the_quota_ends_a_storm),
		cmocka_unit_test(test_a_retry_that_helps_costs_nothing),
		cmocka_unit_test(test_retries_of_timeouts_cost_twice),
		cmocka_unit_test(test_expired_credentials_are_renewed_once),
		cmocka_unit_test(test_clock_skew_is_corrected_by_the_answer),
		cmocka_unit_test(test_clock_skew_by_any_name),
		cmocka_unit_test(test_clock_skew_is_corrected_once_a_call),
		cmocka_unit_test(test_clock_skew_without_a_usable_date),
		cmocka_unit_test(test_lost_answers_are_remembered),
		cmocka_unit_test(test_an_unreachable_server),
		cmocka_unit_test(test_the_deadline),
		cmocka_unit_test(test_no_wait_passes_the_deadline),
		cmocka_unit_test(test_no_attempt_begins_that_has_less_time_than_the_last),
		cmocka_unit_test(test_giving_up),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_unusable_answers_are_asked_for_again),
		cmocka_unit_test(test_an_answer_that_is_too_large),
		cmocka_unit_test(test_web_pages),
		cmocka_unit_test(test_without_credentials),
		cmocka_unit_test(test_a_service_that_wants_no_signature),
		cmocka_unit_test(test_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
