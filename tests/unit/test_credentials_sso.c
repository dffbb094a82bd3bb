/* SPDX-License-Identifier: Apache-2.0 */
/* IAM Identity Center: the token that `aws sso login` left, how it is renewed, and what the portal gives for it. */
#include "tests/unit/aws_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

#define ASK_PORTAL \
	.ask = "GET https://portal.sso.eu-west-2.amazonaws.com/federation/credentials?role_name=a%2bb&account_id=123"
#define ASK_TOKEN .ask = "POST https://oidc.eu-west-2.amazonaws.com/token"
#define KEYS                                                                                                     \
	"{\"roleCredentials\":{\"accessKeyId\":\"ASIA\",\"secretAccessKey\":\"hunter2\",\"sessionToken\":\"t\"," \
	"\"expiration\":1440961200000}}"
#define FOUND "SSO: ASIA hunter2 t until 2015-08-30T19:00:00Z"

/* SHA-1 of "corp", and of the URL. */
#define OF_SESSION ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
#define OF_URL ".aws/sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json"

#define SESSION "[sso-session corp]\nsso_region = eu-west-2\nsso_start_url = https://corp.awsapps.com/start\n"
#define ROLE "sso_account_id = 123\nsso_role_name = a+b\n"

#define TOKEN(text, until) "{\"accessToken\":\"" text "\",\"expiresAt\":\"" until "\"}"
#define RENEWABLE(until, registered)                                                                           \
	"{\"accessToken\":\"hunter2old\",\"expiresAt\":\"" until "\",\"refreshToken\":\"hunter2refresh\","     \
	"\"clientId\":\"id\",\"clientSecret\":\"hunter2client\",\"registrationExpiresAt\":\"" registered "\"," \
	"\"region\":\"eu-west-2\"}"

static void use(struct world *world, const char *config, const char *token)
{
	world->context.http = &world->http;
	world_write(world, ".aws/config", config);
	if (token)
		world_write(world, OF_SESSION, token);
}

static void test_session(void **state)
{
	static const struct world_answer rows[] = { { ASK_PORTAL, .header = "x-amz-sso_bearer_token: tok",
						      .answer = KEYS } };
	struct world *world = *state;

	use(world, "[default]\nsso_session = corp\n" ROLE SESSION, TOKEN("tok", "2015-08-30T13:00:00Z"));
	SCRIPT(world, rows);
	assert_found(world, FOUND);
	/* Unlike link-local servers it may be behind a proxy. */
	assert_int_equal(1, world->proxied);
}

static void test_older_form(void **state)
{
	static const struct world_answer rows[] = { { ASK_PORTAL, .header = "x-amz-sso_bearer_token: tok",
						      .answer = KEYS } };
	struct world *world = *state;

	use(world, "[default]\nsso_region = eu-west-2\nsso_start_url = https://corp.awsapps.com/start\n" ROLE, NULL);
	world_write(world, OF_URL, TOKEN("tok", "2015-08-30T13:00:00UTC"));
	SCRIPT(world, rows);
	assert_found(world, FOUND);
}

static void test_settings(void **state)
{
	static const struct {
		const char *config, *part;
	} rows[] = {
		{ "[default]\nsso_session = corp\nsso_role_name = a\n" SESSION, "has no sso_account_id: add it" },
		{ "[default]\nsso_session = corp\nsso_account_id = a\n" SESSION, "has no sso_role_name: add it" },
		{ "[default]\nsso_session = gone\n" ROLE SESSION, "has no sso_start_url: run `aws configure sso" },
		{ "[default]\n" ROLE, "has no sso_start_url: run `aws configure sso --profile default`" },
		{ "[default]\nsso_start_url = x\n" ROLE, "has no sso_region" },
		{ "[default]\nsso_session = corp\nsso_region = eu-west-1\n" ROLE SESSION,
		  "sso_region of profile \"default\" differs from that of [sso-session corp]" },
		{ "[default]\nsso_session = corp\n" ROLE SESSION, "there is no SSO token for profile \"default\" (" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < N(rows); i++) {
		use(world, rows[i].config, NULL);
		assert_refused(world, EACCES, rows[i].part);
	}
}

static void test_ended_sessions(void **state)
{
	static const char ended[] =
		"the SSO session of profile \"default\" has ended: run `aws sso login --profile default`";
	static const struct world_answer revoked[] = { { ASK_PORTAL, .status = 401,
							 .answer = "{\"message\":\"hunter2\"}" } };
	struct world *world = *state;

	use(world, "[default]\nsso_session = corp\n" ROLE SESSION, TOKEN("hunter2", "2015-08-30T12:36:00Z"));
	assert_refused(world, EACCES, ended);
	use(world, "[default]\nsso_session = corp\n" ROLE SESSION, TOKEN("hunter2", "soon"));
	assert_refused(world, EACCES, ended);
	use(world, "[default]\nsso_session = corp\n" ROLE SESSION, TOKEN("hunter2", "2015-08-30T13:36:00Z"));
	SCRIPT(world, revoked);
	assert_refused(world, EACCES, ended);
}

static void test_portal_refusals(void **state)
{
	static const struct {
		struct world_answer script[2];
		size_t n;
		int number;
		const char *part;
	} rows[] = {
		{ { { ASK_PORTAL, .status = 403 } }, 1, EACCES, "does not let you use the role a+b of account 123" },
		{ { { ASK_PORTAL, .status = 404 } }, 1, EACCES, "does not let you use the role" },
		{ { { ASK_PORTAL, .status = 429 }, { ASK_PORTAL, .status = 503 } }, 2, EIO, "answered status 503" },
		{ { { ASK_PORTAL, .failure = EIO }, { ASK_PORTAL, .failure = ETIMEDOUT } },
		  2,
		  ETIMEDOUT,
		  "IAM Identity Center: " },
		{ { { ASK_PORTAL, .answer = "hunter2" } }, 1, EACCES, "is not JSON (SSO)" },
		{ { { ASK_PORTAL, .answer = "{\"roleCredentials\":{}}" } }, 1, EACCES, "has no accessKeyId (SSO)" },
	};
	struct world *world = *state;

	use(world, "[default]\nsso_session = corp\n" ROLE SESSION, TOKEN("hunter2", "2015-08-30T13:36:00Z"));
	for (size_t i = 0; i < N(rows); i++) {
		world->script = rows[i].script;
		world->n_script = rows[i].n;
		world->asked = 0;
		assert_refused(world, rows[i].number, rows[i].part);
	}
	world_write(world, OF_SESSION, "hunter2");
	world->n_script = world->asked = 0;
	assert_refused(world, EACCES, "is not an SSO token's file: run `aws sso login");
}

static void assert_kept(const struct world *world, const char *part)
{
	char *text = world_read(world, OF_SESSION);

	if (!strstr(text, part))
		fail_msg("%s is not in %s", part, text);
	free(text);
}

/* The answer's new tokens stand in the file afterwards, beside what the AWS CLI wrote. */
static void test_renewal(void **state)
{
	static const struct world_answer rows[] = {
		{ ASK_TOKEN,
		  .body = "\"grantType\":\"refresh_token\",\"clientId\":\"id\",\"clientSecret\":\"hunter2client\","
			  "\"refreshToken\":\"hunter2refresh\"",
		  .answer = "{\"accessToken\":\"new\",\"expiresIn\":3600,\"refreshToken\":\"next\"}" },
		{ ASK_PORTAL, .header = "x-amz-sso_bearer_token: new", .answer = KEYS },
		{ ASK_PORTAL, .header = "x-amz-sso_bearer_token: new", .answer = KEYS },
	};
	struct world *world = *state;

	use(world, "[default]\nsso_session = corp\n" ROLE SESSION,
	    RENEWABLE("2015-08-30T12:50:00Z", "2015-10-01T00:00:00Z"));
	world->script = rows;
	world->n_script = 2;
	assert_found(world, FOUND);
	assert_kept(world, "\"accessToken\": \"new\"");
	assert_kept(world, "\"refreshToken\": \"next\"");
	assert_kept(world, "\"expiresAt\": \"2015-08-30T13:36:00Z\"");
	assert_kept(world, "\"region\": \"eu-west-2\"");
	world->n_script = 3;
	assert_found(world, FOUND);
}

static void test_renewal_that_fails(void **state)
{
	static const struct world_answer still[] = {
		{ ASK_TOKEN, .status = 400, .answer = "hunter2" },
		{ ASK_PORTAL, .header = "x-amz-sso_bearer_token: hunter2old", .answer = KEYS },
	};
	static const struct world_answer odd[] = { { ASK_TOKEN, .answer = "{\"accessToken\":\"hunter2\"}" } };
	static const struct world_answer down[] = { { ASK_TOKEN, .failure = ETIMEDOUT },
						    { ASK_TOKEN, .failure = ETIMEDOUT } };
	struct world *world = *state;

	use(world, "[default]\nsso_session = corp\n" ROLE SESSION,
	    RENEWABLE("2015-08-30T12:50:00Z", "2015-10-01T00:00:00Z"));
	SCRIPT(world, still);
	assert_found(world, FOUND);
	use(world, "[default]\nsso_session = corp\n" ROLE SESSION,
	    RENEWABLE("2015-08-30T12:30:00Z", "2015-10-01T00:00:00Z"));
	SCRIPT(world, odd);
	assert_refused(world, EACCES, "has ended: run `aws sso login");
	SCRIPT(world, down);
	assert_refused(world, ETIMEDOUT, "IAM Identity Center: scripted");
	/* A client that is not registered any longer is not asked with. */
	use(world, "[default]\nsso_session = corp\n" ROLE SESSION,
	    RENEWABLE("2015-08-30T12:30:00Z", "2015-08-01T00:00:00Z"));
	world->n_script = world->asked = 0;
	assert_refused(world, EACCES, "has ended: run `aws sso login");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_session),
		WORLD_TEST(test_older_form),
		WORLD_TEST(test_settings),
		WORLD_TEST(test_ended_sessions),
		WORLD_TEST(test_portal_refusals),
		WORLD_TEST(test_renewal),
		WORLD_TEST(test_renewal_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
