/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in the configuration, the environment and the shared files: in which order, and what is said when there are
 * none. */
#include "tests/unit/aws_world.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_environment(void **state)
{
	struct world *world = *state;

	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "s/e+c=", "AWS_SESSION_TOKEN", "tok");
	assert_found(world, "environment: AKID s/e+c= tok");
	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "s", "AWS_SESSION_TOKEN", "");
	assert_found(world, "environment: AKID s -");
	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "AKID");
	assert_refused(world, EACCES, "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not: set both");
	ENVIRONMENT(world, "AWS_SECRET_ACCESS_KEY", "hunter2", "AWS_ACCESS_KEY_ID", "");
	assert_refused(world, EACCES, "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not");
}

static void test_environment_until(void **state)
{
	struct world *world = *state;

	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "A", "AWS_SECRET_ACCESS_KEY", "s", "AWS_SECURITY_TOKEN", "old",
		    "AWS_SESSION_TOKEN", "new", "AWS_CREDENTIAL_EXPIRATION", "2015-08-30T14:00:00+00:00");
	assert_found(world, "environment: A s old until 2015-08-30T14:00:00Z");
	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "A", "AWS_SECRET_ACCESS_KEY", "hunter2", "AWS_CREDENTIAL_EXPIRATION",
		    "soon");
	assert_refused(world, EACCES, "AWS_CREDENTIAL_EXPIRATION is not a time");
}

static void test_configuration(void **state)
{
	struct world *world = *state;

	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "A", "AWS_SECRET_ACCESS_KEY", "s");
	world->context.access_key_id = "C";
	assert_refused(world, EACCES, "aws-access-key-id is set and aws-secret-access-key is not");
	world->context.secret_access_key = "hunter2";
	world->context.profile = "no such profile";
	assert_found(world, "configuration: C hunter2 -");
	world->context.session_token = "t";
	assert_found(world, "configuration: C hunter2 t");
	world->context.access_key_id = NULL;
	assert_refused(world, EACCES, "aws-secret-access-key is set and aws-access-key-id is not");
}

/* What would break a header, or was copied badly. */
static void test_odd_characters(void **state)
{
	static const char *const rows[] = { "hunter2\n", "hunter2\r\nX-Evil: 1", "hunt er2", "hunter2\xc3\xa4",
					    "\x7fhunter2" };
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", rows[i]);
		assert_refused(world, EACCES, "a blank or an odd character");
		ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", rows[i], "AWS_SECRET_ACCESS_KEY", "s");
		assert_refused(world, EACCES, "(environment)");
		ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "s", "AWS_SESSION_TOKEN",
			    rows[i]);
		assert_refused(world, EACCES, "copy it again");
	}
}

static void test_shared_files(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/config",
		    "[default]\naws_access_key_id=C1\naws_secret_access_key=c1\n"
		    "[profile work]\naws_access_key_id=C2\naws_secret_access_key=c2\naws_session_token=t2\n"
		    "[profile 'two words']\naws_access_key_id=C3\naws_secret_access_key=c3\n"
		    "[profilebare]\n[bare]\naws_access_key_id=C4\naws_secret_access_key=c4\n");
	assert_found(world, "shared config file: C1 c1 -");
	ENVIRONMENT(world, "AWS_PROFILE", "work");
	assert_found(world, "shared config file: C2 c2 t2");
	ENVIRONMENT(world, "AWS_PROFILE", "two words");
	assert_found(world, "shared config file: C3 c3 -");
	ENVIRONMENT(world, "AWS_PROFILE", "bare");
	assert_refused(world, EACCES, "there is no profile \"bare\" in ");
	world_write(world, ".aws/credentials", "[work]\nAWS_ACCESS_KEY_ID = F2\naws_secret_access_key = f2\n[empty]\n");
	ENVIRONMENT(world, "AWS_PROFILE", "work");
	assert_found(world, "shared credentials file: F2 f2 -");
	ENVIRONMENT(world, "AWS_PROFILE", "empty");
	assert_refused(world, EACCES, "there is no access key for profile \"empty\" in ");
}

static void test_prefixed_default_wins(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/config",
		    "[profile default]\naws_access_key_id=C1\naws_secret_access_key=c1\n"
		    "[default]\naws_access_key_id=C2\naws_secret_access_key=c2\n");
	assert_found(world, "shared config file: C1 c1 -");
}

static void test_files_elsewhere(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/config", "[default]\naws_access_key_id=A\naws_secret_access_key=a\n");
	ENVIRONMENT(world, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/config", "AWS_CONFIG_FILE", "/dev/null");
	assert_found(world, "shared credentials file: A a -");
	ENVIRONMENT(world, "AWS_SHARED_CREDENTIALS_FILE", "/dev/null", "AWS_CONFIG_FILE", "/nowhere/config");
	assert_refused(world, EACCES, "in /dev/null or /nowhere/config");
}

static void test_keys_are_never_mixed(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/credentials", "[default]\naws_access_key_id=A\n");
	world_write(world, ".aws/config", "[default]\naws_access_key_id=B\naws_secret_access_key=hunter2\n");
	assert_refused(world, EACCES, ".aws/credentials has no aws_secret_access_key: add it");
	world_write(world, ".aws/credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=hunter2 x\n");
	assert_refused(world, EACCES, ".aws/credentials: an AWS key or token has a blank");
}

static void test_who_wins(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/credentials", "[work]\naws_access_key_id=F\naws_secret_access_key=f\n");
	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "E", "AWS_SECRET_ACCESS_KEY", "e", "AWS_PROFILE", "work");
	assert_found(world, "environment: E e -");
	/* A profile that was asked for in so many words is stronger than what happens to be in the environment. */
	world->context.profile = "work";
	assert_found(world, "shared credentials file: F f -");
	world->context.profile = "gone";
	assert_refused(world, EACCES, "there is no profile \"gone\" in ");
}

static void test_broken_files(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/credentials", "[default]\nhunter2\n");
	assert_refused(world, EINVAL, ".aws/credentials:2: expected ");
	world_write(world, ".aws/credentials", "");
	if (getuid() != 0) {
		assert_int_equal(0, chmod(world_path(world, ".aws/credentials"), 0));
		assert_refused(world, EACCES, "cannot be read");
	}
}

static void test_nothing(void **state)
{
	struct world *world = *state;
	struct passwd *me = getpwuid(getuid());
	char expected[512];

	snprintf(expected, sizeof(expected),
		 "13: no AWS credentials were found: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; "
		 "there is no access key for profile \"default\" in %s/.aws/credentials or %s/.aws/config; "
		 "the instance metadata service is switched off",
		 world->home, world->home);
	assert_found(world, expected);
	/* Without HOME the user database says where to look. */
	assert_non_null(me);
	snprintf(expected, sizeof(expected), "there is no profile \"no such profile\" in %s/.aws/credentials or ",
		 me->pw_dir);
	ENVIRONMENT(world, "HOME", "", "AWS_PROFILE", "no such profile");
	assert_refused(world, EACCES, expected);
}

static void test_setting(void **state)
{
	struct world *world = *state;
	char *value = NULL;
	struct error e = ERROR_NULL;

	assert_int_equal(-ENOENT, credentials_profile_setting(&world->context, "region", &value, &e));
	world_write(world, ".aws/config", "[default]\nRegion = eu-west-1\noutput =\n");
	assert_int_equal(0, credentials_profile_setting(&world->context, "region", &value, &e));
	assert_string_equal("eu-west-1", value);
	free(value);
	assert_int_equal(-ENOENT, credentials_profile_setting(&world->context, "output", &value, &e));
	ENVIRONMENT(world, "AWS_PROFILE", "gone");
	assert_int_equal(-EACCES, credentials_profile_setting(&world->context, "region", &value, &e));
	world_write(world, ".aws/config", "region\n");
	assert_int_equal(-EINVAL, credentials_profile_setting(&world->context, "region", &value, &e));
}

static void assert_service(struct world *world, int expected, const char *service, const char *setting,
			   const char *found)
{
	struct error e = ERROR_NULL;
	char *value = NULL;

	assert_int_equal(expected, credentials_service_setting(&world->context, service, setting, &value, &e));
	assert_int_equal(-expected, e.number);
	assert_true(found ? value && strcmp(value, found) == 0 : !value);
	free(value);
}

static void test_setting_of_a_service(void **state)
{
	struct world *world = *state;

	world_write(world, ".aws/config",
		    "[default]\nservices = mine\n"
		    "[services mine]\ndynamodb =\n  endpoint_url = http://one:8000\n  other=x\nsts =\n  "
		    "Endpoint_URL=http://two\n"
		    "s3 = x\nempty =\n  endpoint_url =\n"
		    "[profile gone]\nservices = yours\n[profile none]\n");
	assert_service(world, 0, "dynamodb", "endpoint_url", "http://one:8000");
	assert_service(world, 0, "dynamodb", "other", "x");
	assert_service(world, 0, "sts", "endpoint_url", "http://two");
	assert_service(world, -ENOENT, "dynamodb", "endpoint", NULL);
	assert_service(world, -ENOENT, "s3", "endpoint_url", NULL);
	assert_service(world, -ENOENT, "empty", "endpoint_url", NULL);
	assert_service(world, -ENOENT, "sns", "endpoint_url", NULL);
	world->context.profile = "none";
	assert_service(world, -ENOENT, "dynamodb", "endpoint_url", NULL);
	world->context.profile = "gone";
	assert_service(world, -EINVAL, "dynamodb", "endpoint_url", NULL);
}

static void test_copy(void **state)
{
	_credentials_cleanup_ struct credentials one = CREDENTIALS_NULL, two = CREDENTIALS_NULL;
	struct error e = ERROR_NULL;

	(void)state;
	assert_int_equal(-EACCES, credentials_make("test", "", "s", NULL, &one, &e));
	assert_null(one.access_key_id);
	assert_int_equal(0, credentials_make("test", "id", "secret", "token", &one, NULL));
	one.expires = 5;
	assert_int_equal(0, credentials_copy(&one, &two, NULL));
	credentials_deinit(&one);
	credentials_deinit(&one);
	assert_string_equal("id", two.access_key_id);
	assert_string_equal("secret", two.secret_access_key);
	assert_string_equal("token", two.session_token);
	assert_string_equal("test", two.provider);
	assert_int_equal(5, two.expires);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_environment),
		WORLD_TEST(test_environment_until),
		WORLD_TEST(test_configuration),
		WORLD_TEST(test_odd_characters),
		WORLD_TEST(test_shared_files),
		WORLD_TEST(test_prefixed_default_wins),
		WORLD_TEST(test_files_elsewhere),
		WORLD_TEST(test_keys_are_never_mixed),
		WORLD_TEST(test_who_wins),
		WORLD_TEST(test_broken_files),
		WORLD_TEST(test_nothing),
		WORLD_TEST(test_setting),
		WORLD_TEST(test_setting_of_a_service),
		WORLD_TEST(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
