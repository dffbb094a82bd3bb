/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/sts.h"
#include "tests/unit/scripted.h"

#include <errno.h>

#define FORM "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
#define KEYS(id, expires)                                                                         \
	"<Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>" \
	"<SessionToken>a+b/c==</SessionToken><Expiration>" expires "</Expiration></Credentials>"
#define ASSUMED(operation, keys)                                                                                \
	"<" operation "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" operation "Result>" keys \
	"<AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser></" operation "Result></" operation "Response>"

static void test_assume_role(void **state)
{
	struct sts_role role = { .arn = "arn:aws:iam::1:role/r", .session_name = "s", .provider = "role" };
	_credentials_cleanup_ struct credentials got = CREDENTIALS_NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = ASSUMED("AssumeRole", KEYS("ASIAX", "2015-08-30T13:36:00Z")) });
	assert_int_equal(sts_assume_role(r.service.client, &r.frame, &role, &got, &r.error), 0);
	assert_sent(&r, 0, FORM,
		    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=s");
	assert_string_equal(got.access_key_id, "ASIAX");
	assert_string_equal(got.secret_access_key, "secret");
	assert_string_equal(got.session_token, "a+b/c==");
	assert_string_equal(got.provider, "role");
	assert_int_equal(got.expires, INT64_C(1440941760) * CLOCK_SECOND);
	credentials_deinit(&got);
	role.external_id = "e";
	role.duration = 900;
	assert_int_equal(sts_assume_role(r.service.client, &r.frame, &role, &got, &r.error), 0);
	assert_sent(&r, 1, FORM,
		    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=s&"
		    "ExternalId=e&DurationSeconds=900");
	end(&r);
}

static void test_assume_role_with_web_identity(void **state)
{
	struct sts_role role = { .arn = "arn", .session_name = "s", .provider = "web identity" };
	_credentials_cleanup_ struct credentials got = CREDENTIALS_NULL;
	struct run r;

	(void)state;
	BEGIN(r, { .body = ASSUMED("AssumeRoleWithWebIdentity", KEYS("ASIAX", "2015-08-30T13:36:00Z")) });
	assert_int_equal(sts_assume_role_with_web_identity(r.service.client, &r.frame, &role, "t.o.k", &got, &r.error),
			 0);
	assert_sent(&r, 0, FORM,
		    "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn&RoleSessionName=s&"
		    "WebIdentityToken=t.o.k");
	assert_string_equal(got.access_key_id, "ASIAX");
	end(&r);
}

static void test_keys_that_are_none(void **state)
{
	static const struct {
		const char *body;
		int number;
	} rows[] = {
		{ ASSUMED("AssumeRole", ""), EIO },
		{ ASSUMED("AssumeRole", KEYS("", "2015-08-30T13:36:00Z")), EIO },
		{ ASSUMED("AssumeRole", KEYS("ASIAX", "tomorrow")), EIO },
		{ ASSUMED("AssumeRole", KEYS("AS\nX", "2015-08-30T13:36:00Z")), EACCES },
		{ ASSUMED("AssumeRoleWithWebIdentity", KEYS("ASIAX", "2015-08-30T13:36:00Z")), EIO },
	};
	struct sts_role role = { .arn = "arn", .session_name = "s", .provider = "role" };
	struct run r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credentials got = CREDENTIALS_NULL;
		struct fake_answer answer = { .body = rows[i].body };
		begin(&r, &answer, 1);
		assert_int_equal(sts_assume_role(r.service.client, &r.frame, &role, &got, &r.error), -rows[i].number);
		assert_null(got.access_key_id);
		assert_null(strstr(r.error.text, "secret"));
		end(&r);
	}
}

static void test_get_caller_identity(void **state)
{
	struct sts_identity identity;
	struct run r;

	(void)state;
	BEGIN(r, { .body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u</"
			   "Arn>"
			   "<UserId>AIDAX</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
			   "</GetCallerIdentityResponse>" });
	assert_int_equal(sts_get_caller_identity(r.service.client, &r.frame, &identity, &r.error), 0);
	assert_sent(&r, 0, FORM, "Action=GetCallerIdentity&Version=2011-06-15");
	assert_string_equal(identity.account, "123456789012");
	assert_string_equal(identity.arn, "arn:aws:iam::123456789012:user/u");
	assert_string_equal(identity.user_id, "AIDAX");
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assume_role),
		cmocka_unit_test(test_assume_role_with_web_identity),
		cmocka_unit_test(test_keys_that_are_none),
		cmocka_unit_test(test_get_caller_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
