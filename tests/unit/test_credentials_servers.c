/* SPDX-License-Identifier: Apache-2.0 */
/* Providers that ask a server: what they ask, which answers they take, and what they say of others. */
#include "tests/unit/aws_world.h"

#include "aws/core/buf.h"
#include "aws/imds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

#define IMDS "http://169.254.169.254/latest/"
#define ASK_TOKEN .ask = "PUT " IMDS "api/token", .header = "X-aws-ec2-metadata-token-ttl-seconds: 21600"
#define ASK_ROLES .ask = "GET " IMDS "meta-data/iam/security-credentials/", .header = "X-aws-ec2-metadata-token: tok"
#define ASK_ROLE .ask = "GET " IMDS "meta-data/iam/security-credentials/web", .header = "X-aws-ec2-metadata-token: tok"

#define KEYS(until)                                                                                       \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"hunter2\",\"Token\":\"t\"," \
	"\"Expiration\":\"" until "\"}"

static void servers(struct world *world)
{
	world->context.http = &world->http;
}

static void test_instance(void **state)
{
	static const struct world_answer rows[] = {
		{ ASK_TOKEN, .answer = "tok" },
		{ ASK_ROLES, .answer = "web\n" },
		{ ASK_ROLE, .answer = KEYS("2015-08-30T18:00:00Z") },
	};
	struct world *world = *state;

	servers(world);
	SCRIPT(world, rows);
	assert_found(world, "instance metadata: ASIA hunter2 t until 2015-08-30T18:00:00Z");
	assert_int_equal(0, world->proxied);
}

/* EC2 may be unable to renew them: its services go on taking the last ones. */
static void test_instance_gives_expired_ones(void **state)
{
	static const struct world_answer rows[] = {
		{ ASK_TOKEN, .answer = "tok" },
		{ ASK_ROLES, .answer = "web" },
		{ ASK_ROLE, .answer = KEYS("2015-08-30T12:00:00Z") },
	};
	struct world *world = *state;

	servers(world);
	SCRIPT(world, rows);
	assert_found(world, "instance metadata: ASIA hunter2 t until 2015-08-30T12:46:00Z");
}

static void test_instance_that_hesitates(void **state)
{
	static const struct world_answer rows[] = {
		{ ASK_TOKEN, .failure = ETIMEDOUT },
		{ ASK_TOKEN, .status = 503 },
		{ ASK_TOKEN, .answer = "tok" },
		{ ASK_ROLES, .status = 500 },
		{ ASK_ROLES, .failure = EIO },
		{ ASK_ROLES, .answer = "web" },
		{ ASK_ROLE, .answer = KEYS("2015-08-30T18:00:00Z") },
	};
	struct world *world = *state;

	servers(world);
	SCRIPT(world, rows);
	assert_found(world, "instance metadata: ASIA hunter2 t until 2015-08-30T18:00:00Z");
}

/* Each row is a script that ends with an answer of no use. */
static void test_instance_refusals(void **state)
{
	static const struct {
		struct world_answer script[5];
		size_t n;
		int number;
		const char *part;
	} rows[] = {
		{ { { ASK_TOKEN, .failure = ETIMEDOUT },
		    { ASK_TOKEN, .failure = ETIMEDOUT },
		    { ASK_TOKEN, .failure = ETIMEDOUT } },
		  3,
		  EACCES,
		  "does not answer (in a container on EC2, raise the instance's hop limit to 2)" },
		{ { { ASK_TOKEN, .failure = ECONNREFUSED },
		    { ASK_TOKEN, .failure = ECONNREFUSED },
		    { ASK_TOKEN, .failure = ECONNREFUSED } },
		  3,
		  EACCES,
		  "the instance metadata service does not answer" },
		{ { { ASK_TOKEN, .status = 403 } }, 1, EACCES, "gave no token: status 403" },
		{ { { ASK_TOKEN, .status = 404 } }, 1, EACCES, "gave no token: status 404" },
		{ { { ASK_TOKEN } }, 1, EACCES, "gave no token: status 200" },
		{ { { ASK_TOKEN, .failure = ECANCELED } }, 1, ECANCELED, "scripted" },
		{ { { ASK_TOKEN, .answer = "tok" }, { ASK_ROLES, .status = 404 } },
		  2,
		  EACCES,
		  "the instance has no role" },
		{ { { ASK_TOKEN, .answer = "tok" }, { ASK_ROLES } }, 2, EACCES, "the instance has no role" },
		{ { { ASK_TOKEN, .answer = "tok" }, { ASK_ROLES, .answer = "<html>" } },
		  2,
		  EACCES,
		  "no name of a role" },
		{ { { ASK_TOKEN, .answer = "tok" }, { ASK_ROLES, .answer = "web" }, { ASK_ROLE, .status = 404 } },
		  3,
		  EACCES,
		  "has no credentials for its role" },
		{ { { ASK_TOKEN, .answer = "tok" }, { ASK_ROLES, .answer = "web" }, { ASK_ROLE, .answer = "hunter2" } },
		  3,
		  EACCES,
		  "the answer is not JSON (instance metadata)" },
		{ { { ASK_TOKEN, .answer = "tok" },
		    { ASK_ROLES, .answer = "web" },
		    { ASK_ROLE, .answer = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"hunter2\"}" } },
		  3,
		  EACCES,
		  "no AccessKeyId (instance metadata): AssumeRoleUnauthorizedAccess" },
		{ { { ASK_TOKEN, .answer = "tok" },
		    { ASK_ROLES, .answer = "web" },
		    { ASK_ROLE, .answer = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2\"}" } },
		  3,
		  EACCES,
		  "the answer has no Token (instance metadata)" },
		{ { { ASK_TOKEN, .answer = "tok" },
		    { ASK_ROLES, .answer = "web" },
		    { ASK_ROLE, .answer = KEYS("tomorrow hunter2") } },
		  3,
		  EACCES,
		  "the Expiration of the answer is not a time" },
	};
	struct world *world = *state;

	servers(world);
	for (size_t i = 0; i < N(rows); i++) {
		world->script = rows[i].script;
		world->n_script = rows[i].n;
		world->asked = 0;
		assert_refused(world, rows[i].number, rows[i].part);
	}
}

static void test_instance_settings(void **state)
{
	static const struct world_answer six[] = { { .ask = "PUT http://[fd00:ec2::254]/latest/api/token",
						     .status = 403 } };
	static const struct world_answer own[] = { { .ask = "PUT http://127.0.0.1:1/x/latest/api/token",
						     .status = 403 } };
	struct world *world = *state;

	servers(world);
	ENVIRONMENT(world, "AWS_EC2_METADATA_DISABLED", "True");
	assert_refused(world, EACCES, "is switched off");
	ENVIRONMENT(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6");
	SCRIPT(world, six);
	assert_refused(world, EACCES, "status 403");
	ENVIRONMENT(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1/x/");
	SCRIPT(world, own);
	assert_refused(world, EACCES, "status 403");
	ENVIRONMENT(world, "HOME", world->home);
	world_write(world, ".aws/config", "[default]\nec2_metadata_service_endpoint_mode = IPv6\n");
	SCRIPT(world, six);
	assert_refused(world, EACCES, "status 403");
	world->n_script = world->asked = 0;
	ENVIRONMENT(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "hunter2");
	assert_refused(world, EINVAL, "ENDPOINT_MODE takes IPv4 or IPv6");
	ENVIRONMENT(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "hunter2");
	assert_refused(world, EINVAL, "takes http://HOST");
}

static void test_instance_and_other_endpoints(void **state)
{
	struct world *world = *state;

	servers(world);
	world->context.custom_endpoint = true;
	assert_refused(world, EACCES, "the instance's role is not asked for with an endpoint that is not AWS's");
}

static void test_imds_fetch(void **state)
{
	static const struct world_answer rows[] = {
		{ ASK_TOKEN, .answer = "tok" },
		{ .ask = "GET " IMDS "meta-data/placement/region", .answer = "eu-west-3" },
		{ ASK_TOKEN, .answer = "tok" },
		{ .ask = "GET " IMDS "meta-data/placement/region", .status = 404 },
	};
	_buf_cleanup_ struct buf region = BUF_INIT(64);
	struct world *world = *state;

	servers(world);
	SCRIPT(world, rows);
	assert_int_equal(0, imds_fetch(&world->context, "placement/region", -1, &region, NULL));
	assert_string_equal("eu-west-3", buf_text(&region));
	assert_int_equal(-ENOENT, imds_fetch(&world->context, "placement/region", -1, &region, NULL));
	assert_string_equal("eu-west-3", buf_text(&region));
}

#define ECS "GET http://169.254.170.2/v2/credentials/1"

static void test_container(void **state)
{
	static const struct world_answer ecs[] = { { .ask = ECS, .answer = KEYS("2015-08-30T18:00:00+00:00") } };
	static const struct world_answer eks[] = {
		{ .ask = "GET http://169.254.170.23/v1/credentials", .header = "Authorization: one", .failure = EIO },
		{ .ask = "GET http://169.254.170.23/v1/credentials",
		  .header = "Authorization: one",
		  .answer = KEYS("2015-08-30T18:00:00Z") },
	};
	static const struct world_answer next[] = { { .ask = "GET http://169.254.170.23/v1/credentials",
						      .header = "Authorization: two",
						      .answer = KEYS("2015-08-30T19:00:00Z") } };
	struct world *world = *state;
	char file[256];

	servers(world);
	ENVIRONMENT(world, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
	SCRIPT(world, ecs);
	assert_found(world, "container: ASIA hunter2 t until 2015-08-30T18:00:00Z");
	world_write(world, "token", "one\n");
	snprintf(file, sizeof(file), "%s", world_path(world, "token"));
	ENVIRONMENT(world, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials",
		    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "no");
	SCRIPT(world, eks);
	assert_found(world, "container: ASIA hunter2 t until 2015-08-30T18:00:00Z");
	world_write(world, "token", "two");
	SCRIPT(world, next);
	assert_found(world, "container: ASIA hunter2 t until 2015-08-30T19:00:00Z");
	assert_int_equal(0, world->proxied);
}

static void test_container_hosts(void **state)
{
	static const struct {
		const char *url, *refusal; /* NULL: it is asked */
	} rows[] = {
		{ "http://localhost:8080/x", NULL },
		{ "http://127.3.2.1/x", NULL },
		{ "http://[::1]:80/x", NULL },
		{ "http://[fd00:ec2::23]/v1/credentials", NULL },
		{ "http://169.254.170.2/x", NULL },
		{ "https://example.org/x", NULL },
		{ "http://example.org/x", "may not be asked without TLS" },
		{ "http://169.254.170.2@example.org/x", "may not be asked without TLS" },
		{ "http://localhost.example.org/x", "may not be asked without TLS" },
		{ "http://127.0.0.1.example.org/x", "may not be asked without TLS" },
		{ "http://[::1].example.org/x", "may not be asked without TLS" },
		{ "http://[::2]/x", "may not be asked without TLS" },
		{ "http://169.254.169.254/x", "may not be asked without TLS" },
		{ "http://", "may not be asked without TLS" },
		{ "ftp://localhost/hunter2", "is not a URL" },
		{ "http://localhost/hunter2 x", "a blank or an odd character" },
	};
	struct world *world = *state;
	char ask[128];

	servers(world);
	for (size_t i = 0; i < N(rows); i++) {
		const struct world_answer row = { .ask = ask, .status = 403 };
		snprintf(ask, sizeof(ask), "GET %s", rows[i].url);
		ENVIRONMENT(world, "AWS_CONTAINER_CREDENTIALS_FULL_URI", rows[i].url);
		world->script = &row;
		world->n_script = rows[i].refusal ? 0 : 1;
		world->asked = 0;
		assert_refused(world, EACCES,
			       rows[i].refusal ? rows[i].refusal : "credential server answered status 403");
	}
}

static void test_container_refusals(void **state)
{
	static const struct world_answer down[] = { { .ask = ECS, .failure = ECONNREFUSED },
						    { .ask = ECS, .failure = ECONNREFUSED },
						    { .ask = ECS, .failure = ECONNREFUSED } };
	static const struct world_answer slow[] = { { .ask = ECS, .failure = ETIMEDOUT },
						    { .ask = ECS, .failure = ETIMEDOUT },
						    { .ask = ECS, .failure = ETIMEDOUT } };
	static const struct world_answer broken[] = { { .ask = ECS, .status = 500 },
						      { .ask = ECS, .status = 502 },
						      { .ask = ECS, .status = 503 } };
	static const struct world_answer html[] = { { .ask = ECS, .answer = "<html>hunter2" } };
	struct world *world = *state;

	servers(world);
	ENVIRONMENT(world, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
	SCRIPT(world, down);
	assert_refused(world, EIO, "the container's credential server: scripted");
	SCRIPT(world, slow);
	assert_refused(world, ETIMEDOUT, "the container's credential server: scripted");
	SCRIPT(world, broken);
	assert_refused(world, EIO, "answered status 503");
	SCRIPT(world, html);
	assert_refused(world, EACCES, "the answer is not JSON (container)");
	world->n_script = world->asked = 0;
	ENVIRONMENT(world, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "v2");
	assert_refused(world, EACCES, "is not a path");
	ENVIRONMENT(world, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		    "/nowhere/token");
	assert_refused(world, EACCES, "TOKEN_FILE: /nowhere/token cannot be read");
	ENVIRONMENT(world, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
		    "hunter2\r\nX: y");
	assert_refused(world, EACCES, "a line break");
}

#define STS "POST https://sts.eu-west-1.amazonaws.com"
#define ROLE(action, id)                                                                       \
	"<" action "Response><" action "Result><Credentials><AccessKeyId>" id "</AccessKeyId>" \
	"<SecretAccessKey>hunter2</SecretAccessKey><SessionToken>t</SessionToken>"             \
	"<Expiration>2015-08-30T13:36:00Z</Expiration></Credentials></" action "Result></" action "Response>"

static void test_role(void **state)
{
	static const struct world_answer once[] = {
		{ .ask = STS,
		  .body = "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa",
		  .answer = ROLE("AssumeRole", "ASIA1") },
	};
	static const struct world_answer self[] = {
		{ .ask = STS, .body = "DurationSeconds=900", .answer = ROLE("AssumeRole", "ASIA1") },
	};
	struct world *world = *state;

	servers(world);
	world_write(world, ".aws/config",
		    "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = keys\n"
		    "[profile self]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = self\n"
		    "aws_access_key_id = A\naws_secret_access_key = s\nduration_seconds = 900\n"
		    "[profile env]\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = environment\n");
	world_write(world, ".aws/credentials", "[keys]\naws_access_key_id = A\naws_secret_access_key = s\n");
	SCRIPT(world, once);
	assert_found(world, "role of the profile: ASIA1 hunter2 t until 2015-08-30T13:36:00Z");
	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "E", "AWS_SECRET_ACCESS_KEY", "e");
	world->context.profile = "env";
	SCRIPT(world, once);
	assert_found(world, "role of the profile: ASIA1 hunter2 t until 2015-08-30T13:36:00Z");
	world->context.profile = "self";
	SCRIPT(world, self);
	assert_found(world, "role of the profile: ASIA1 hunter2 t until 2015-08-30T13:36:00Z");
}

/* A role that is assumed with the credentials of a role. */
static void test_roles_in_a_row(void **state)
{
	static const struct world_answer rows[] = {
		{ .ask = STS, .body = "RoleSessionName=me", .answer = ROLE("AssumeRole", "ASIA1") },
		{ .ask = STS,
		  .body = "ExternalId=xyz",
		  .header = "X-Amz-Security-Token: t",
		  .answer = ROLE("AssumeRole", "ASIA2") },
	};
	struct world *world = *state;

	servers(world);
	world_write(world, ".aws/config",
		    "[default]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = near\nexternal_id = xyz\n"
		    "[profile near]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = keys\nrole_session_name = me\n"
		    "[profile keys]\naws_access_key_id = A\naws_secret_access_key = s\n");
	SCRIPT(world, rows);
	assert_found(world, "role of the profile: ASIA2 hunter2 t until 2015-08-30T13:36:00Z");
}

static void test_role_refusals(void **state)
{
	static const struct {
		const char *profile; /* what it says besides its role */
		const char *part;
	} rows[] = {
		{ "", "give it source_profile or credential_source" },
		{ "source_profile = keys\ncredential_source = Environment\n", "or credential_source, not both" },
		{ "source_profile = keys\nmfa_serial = arn:aws:iam::1:mfa/me\n",
		  "aws configure export-credentials --profile default" },
		{ "source_profile = gone\n", "source_profile of profile \"default\": there is no profile \"gone\"" },
		{ "source_profile = default\n", "source_profile leads back to \"default\"" },
		{ "source_profile = round\n", "profile \"round\": source_profile leads back to \"default\"" },
		{ "source_profile = empty\n", "there is no access key for profile \"empty\"" },
		{ "credential_source = Moon\n", "credential_source takes Environment, " },
		{ "credential_source = Environment\n", "credential_source = Environment: AWS_ACCESS_KEY_ID and" },
		{ "credential_source = EcsContainer\n", "credential_source = EcsContainer: there is nothing to ask" },
		{ "source_profile = keys\nduration_seconds = 10\n", "duration_seconds takes 900 to 43200" },
	};
	static const struct world_answer refused[] = {
		{ .ask = STS,
		  .status = 403,
		  .answer = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></"
			    "ErrorResponse>" },
	};
	struct world *world = *state;
	char text[1024];

	servers(world);
	for (size_t i = 0; i < N(rows); i++) {
		snprintf(text, sizeof(text),
			 "[default]\nrole_arn = arn:aws:iam::1:role/a\n%s"
			 "[profile keys]\naws_access_key_id = A\naws_secret_access_key = hunter2\n"
			 "[profile round]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = default\n[profile "
			 "empty]\n",
			 rows[i].profile);
		world_write(world, ".aws/config", text);
		assert_refused(world, EACCES, rows[i].part);
	}
	world_write(world, ".aws/config",
		    "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = default\n"
		    "aws_access_key_id = A\naws_secret_access_key = hunter2\n");
	SCRIPT(world, refused);
	assert_refused(world, EACCES, "role_arn of profile \"default\": AssumeRole: ");
}

/* A profile that asks for the instance's role is asked for, whatever the endpoint. */
static void test_role_of_the_instance(void **state)
{
	static const struct world_answer rows[] = {
		{ ASK_TOKEN, .answer = "tok" },
		{ ASK_ROLES, .answer = "web" },
		{ ASK_ROLE, .answer = KEYS("2015-08-30T18:00:00Z") },
		{ .ask = STS, .header = "X-Amz-Security-Token: t", .answer = ROLE("AssumeRole", "ASIA1") },
	};
	struct world *world = *state;

	servers(world);
	world->context.custom_endpoint = true;
	world_write(world, ".aws/config",
		    "[default]\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = Ec2InstanceMetadata\n");
	SCRIPT(world, rows);
	assert_found(world, "role of the profile: ASIA1 hunter2 t until 2015-08-30T13:36:00Z");
}

static void test_web_identity(void **state)
{
	static const struct world_answer one[] = {
		{ .ask = STS, .body = "WebIdentityToken=one", .answer = ROLE("AssumeRoleWithWebIdentity", "ASIA1") }
	};
	static const struct world_answer two[] = {
		{ .ask = STS, .body = "RoleSessionName=pod", .answer = ROLE("AssumeRoleWithWebIdentity", "ASIA2") }
	};
	struct world *world = *state;
	char file[256];

	servers(world);
	snprintf(file, sizeof(file), "%s", world_path(world, "token"));
	world_write(world, "token", "one\n");
	ENVIRONMENT(world, "AWS_WEB_IDENTITY_TOKEN_FILE", file, "AWS_ROLE_ARN", "arn:aws:iam::1:role/a");
	SCRIPT(world, one);
	assert_found(world, "web identity: ASIA1 hunter2 t until 2015-08-30T13:36:00Z");
	world_write(world, "token", "two");
	ENVIRONMENT(world, "AWS_WEB_IDENTITY_TOKEN_FILE", file, "AWS_ROLE_ARN", "arn:aws:iam::1:role/a",
		    "AWS_ROLE_SESSION_NAME", "pod");
	SCRIPT(world, two);
	assert_found(world, "web identity: ASIA2 hunter2 t until 2015-08-30T13:36:00Z");
	world->n_script = world->asked = 0;
	ENVIRONMENT(world, "AWS_WEB_IDENTITY_TOKEN_FILE", file);
	assert_refused(world, EACCES, "set AWS_ROLE_ARN too");
	ENVIRONMENT(world, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token", "AWS_ROLE_ARN", "arn:aws:iam::1:role/a");
	assert_refused(world, EACCES, "the web identity token: /nowhere/token cannot be read");
	world_write(world, "token", "\n");
	ENVIRONMENT(world, "AWS_WEB_IDENTITY_TOKEN_FILE", file, "AWS_ROLE_ARN", "arn:aws:iam::1:role/a");
	assert_refused(world, EACCES, "is empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_instance),
		WORLD_TEST(test_instance_gives_expired_ones),
		WORLD_TEST(test_instance_that_hesitates),
		WORLD_TEST(test_instance_refusals),
		WORLD_TEST(test_instance_settings),
		WORLD_TEST(test_instance_and_other_endpoints),
		WORLD_TEST(test_imds_fetch),
		WORLD_TEST(test_container),
		WORLD_TEST(test_container_hosts),
		WORLD_TEST(test_container_refusals),
		WORLD_TEST(test_role),
		WORLD_TEST(test_roles_in_a_row),
		WORLD_TEST(test_role_refusals),
		WORLD_TEST(test_role_of_the_instance),
		WORLD_TEST(test_web_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
