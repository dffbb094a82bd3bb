/* SPDX-License-Identifier: Apache-2.0 */
/* Where keys are found, in which order, what is said when they are not, and the chain under several threads. */
#include "aws/core/buf.h"
#include "aws/credentials.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_SET = 8, N_THREADS = 8 };

/* A home of its own for each test, and an environment of name and value in turn. */
struct world {
	char home[64];
	const char *set[2 * N_SET];
	struct credentials_context context;
	_Atomic int asked; /* how often the first provider was asked */
	sem_t *arrived;    /* posted when it is asked, NULL: nobody waits for that */
	sem_t *gate;       /* which it waits for then */
};

static const char *lookup(void *data, const char *name)
{
	struct world *world = data;

	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0) {
		atomic_fetch_add(&world->asked, 1);
		if (world->arrived) {
			sem_post(world->arrived);
			sem_wait(world->gate);
		}
	}
	for (size_t i = 0; i < N_SET && world->set[2 * i]; i++) {
		if (strcmp(name, world->set[2 * i]) == 0)
			return world->set[2 * i + 1];
	}
	return strcmp(name, "HOME") == 0 ? world->home : NULL;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char folder[96];

	assert_non_null(world);
	strcpy(world->home, "/tmp/test_credentials.XXXXXX");
	assert_non_null(mkdtemp(world->home));
	snprintf(folder, sizeof(folder), "%s/.aws", world->home);
	assert_int_equal(0, mkdir(folder, 0700));
	world->context = (struct credentials_context){ .getenv = lookup, .data = world };
	*state = world;
	return 0;
}

static const char *in_home(const struct world *world, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", world->home, name);
	return path;
}

static int teardown(void **state)
{
	struct world *world = *state;

	unlink(in_home(world, ".aws/credentials"));
	unlink(in_home(world, ".aws/config"));
	rmdir(in_home(world, ".aws"));
	rmdir(world->home);
	free(world);
	return 0;
}

static void write_file(const struct world *world, const char *name, const char *text)
{
	FILE *file = fopen(in_home(world, name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(0, fclose(file));
}

static int get(struct world *world, struct credentials *out, struct error *e)
{
	struct credentials_chain *chain;

	assert_int_equal(0, credentials_chain_new(&world->context, &chain, NULL));
	int result = credentials_chain_get(chain, INT64_MAX, -1, out, e);
	credentials_chain_free(chain);
	return result;
}

/* "provider: id secret token", or the refusal. */
static void assert_found(struct world *world, const char *expected)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct error e = ERROR_NULL;
	char got[ERROR_TEXT_MAX + 16];

	if (get(world, &found, &e) < 0)
		snprintf(got, sizeof(got), "%d: %s", e.number, e.text);
	else
		snprintf(got, sizeof(got), "%s: %s %s %s", found.provider, found.access_key_id, found.secret_access_key,
			 found.session_token ? found.session_token : "-");
	assert_string_equal(expected, got);
}

static void assert_refused(struct world *world, int number, const char *part)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct error e = ERROR_NULL;

	assert_int_equal(-number, get(world, &found, &e));
	assert_int_equal(number, e.number);
	assert_null(found.access_key_id);
	if (!strstr(e.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, e.text);
	assert_null(strstr(e.text, "hunter2"));
}

static void use_environment(struct world *world, const char *const *set)
{
	memset(world->set, 0, sizeof(world->set));
	for (size_t i = 0; set[i]; i++)
		world->set[i] = set[i];
}

#define ENVIRONMENT(world, ...) use_environment(world, (const char *const[]){ __VA_ARGS__, NULL })

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

	write_file(world, ".aws/config",
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
	write_file(world, ".aws/credentials", "[work]\nAWS_ACCESS_KEY_ID = F2\naws_secret_access_key = f2\n[empty]\n");
	ENVIRONMENT(world, "AWS_PROFILE", "work");
	assert_found(world, "shared credentials file: F2 f2 -");
	ENVIRONMENT(world, "AWS_PROFILE", "empty");
	assert_refused(world, EACCES, "there is no access key for profile \"empty\" in ");
}

static void test_prefixed_default_wins(void **state)
{
	struct world *world = *state;

	write_file(world, ".aws/config",
		   "[profile default]\naws_access_key_id=C1\naws_secret_access_key=c1\n"
		   "[default]\naws_access_key_id=C2\naws_secret_access_key=c2\n");
	assert_found(world, "shared config file: C1 c1 -");
}

static void test_files_elsewhere(void **state)
{
	struct world *world = *state;

	write_file(world, ".aws/config", "[default]\naws_access_key_id=A\naws_secret_access_key=a\n");
	ENVIRONMENT(world, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/config", "AWS_CONFIG_FILE", "/dev/null");
	assert_found(world, "shared credentials file: A a -");
	ENVIRONMENT(world, "AWS_SHARED_CREDENTIALS_FILE", "/dev/null", "AWS_CONFIG_FILE", "/nowhere/config");
	assert_refused(world, EACCES, "in /dev/null or /nowhere/config");
}

static void test_keys_are_never_mixed(void **state)
{
	struct world *world = *state;

	write_file(world, ".aws/credentials", "[default]\naws_access_key_id=A\n");
	write_file(world, ".aws/config", "[default]\naws_access_key_id=B\naws_secret_access_key=hunter2\n");
	assert_refused(world, EACCES, ".aws/credentials has no aws_secret_access_key: add it");
	write_file(world, ".aws/credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=hunter2 x\n");
	assert_refused(world, EACCES, ".aws/credentials: an AWS key or token has a blank");
}

static void test_who_wins(void **state)
{
	struct world *world = *state;

	write_file(world, ".aws/credentials", "[work]\naws_access_key_id=F\naws_secret_access_key=f\n");
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

	write_file(world, ".aws/credentials", "[default]\nhunter2\n");
	assert_refused(world, EINVAL, ".aws/credentials:2: expected ");
	write_file(world, ".aws/credentials", "");
	if (getuid() != 0) {
		assert_int_equal(0, chmod(in_home(world, ".aws/credentials"), 0));
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
		 "there is no access key for profile \"default\" in %s/.aws/credentials or %s/.aws/config",
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
	write_file(world, ".aws/config", "[default]\nRegion = eu-west-1\noutput =\n");
	assert_int_equal(0, credentials_profile_setting(&world->context, "region", &value, &e));
	assert_string_equal("eu-west-1", value);
	free(value);
	assert_int_equal(-ENOENT, credentials_profile_setting(&world->context, "output", &value, &e));
	ENVIRONMENT(world, "AWS_PROFILE", "gone");
	assert_int_equal(-EACCES, credentials_profile_setting(&world->context, "region", &value, &e));
	write_file(world, ".aws/config", "region\n");
	assert_int_equal(-EINVAL, credentials_profile_setting(&world->context, "region", &value, &e));
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

static void assert_id(struct credentials_chain *chain, const char *id)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;

	assert_int_equal(0, credentials_chain_get(chain, INT64_MAX, -1, &found, NULL));
	assert_string_equal(id, found.access_key_id);
}

/* As a client does that was told ExpiredToken. */
static void forget(struct credentials_chain *chain)
{
	_credentials_cleanup_ struct credentials used = CREDENTIALS_NULL;

	assert_int_equal(0, credentials_chain_get(chain, INT64_MAX, -1, &used, NULL));
	credentials_chain_invalidate(chain, &used);
}

static void test_chain_keeps_and_forgets(void **state)
{
	struct world *world = *state;
	struct credentials_chain *chain;

	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "one", "AWS_SECRET_ACCESS_KEY", "s");
	assert_int_equal(0, credentials_chain_new(&world->context, &chain, NULL));
	assert_id(chain, "one");
	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "two", "AWS_SECRET_ACCESS_KEY", "s");
	assert_id(chain, "one");
	forget(chain);
	assert_id(chain, "two");
	assert_int_equal(2, world->asked);
	credentials_chain_free(chain);
	credentials_chain_free(NULL);
}

static void test_a_fixed_chain(void **state)
{
	struct world *world = *state;
	_credentials_cleanup_ struct credentials given = CREDENTIALS_NULL;
	struct credentials_chain *chain;

	assert_int_equal(0, credentials_make("role", "one", "s", "t", &given, NULL));
	assert_int_equal(0, credentials_chain_new_fixed(&given, &chain, NULL));
	assert_id(chain, "one");
	forget(chain);
	assert_id(chain, "one");
	assert_int_equal(0, world->asked);
	credentials_chain_free(chain);
}

struct caller {
	struct credentials_chain *chain;
	pthread_t thread;
	int result;
};

static void *call(void *data)
{
	_credentials_cleanup_ struct credentials found = CREDENTIALS_NULL;
	struct caller *caller = data;

	caller->result = credentials_chain_get(caller->chain, INT64_MAX, -1, &found, NULL);
	return NULL;
}

/* Threads that come while one of them asks share its answer; the gate opens when the first stands before it. */
static void run_threads(struct world *world, int expected)
{
	struct caller callers[N_THREADS];
	struct credentials_chain *chain;
	sem_t arrived, gate;

	sem_init(&arrived, 0, 0);
	sem_init(&gate, 0, 0);
	world->arrived = &arrived;
	world->gate = &gate;
	assert_int_equal(0, credentials_chain_new(&world->context, &chain, NULL));
	for (size_t i = 0; i < N_THREADS; i++) {
		callers[i] = (struct caller){ .chain = chain };
		assert_int_equal(0, pthread_create(&callers[i].thread, NULL, call, &callers[i]));
	}
	sem_wait(&arrived);
	/* The provider is at work: whoever forgets now is not kept waiting. */
	credentials_chain_invalidate(chain, &CREDENTIALS_NULL);
	for (size_t i = 0; i < N_THREADS; i++)
		sem_post(&gate);
	for (size_t i = 0; i < N_THREADS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(expected, callers[i].result);
	}
	credentials_chain_free(chain);
	sem_destroy(&gate);
	sem_destroy(&arrived);
}

static void test_chain_with_threads(void **state)
{
	struct world *world = *state;

	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "s");
	run_threads(world, 0);
	assert_int_equal(1, world->asked);
	world->asked = 0;
	ENVIRONMENT(world, "AWS_ACCESS_KEY_ID", "id");
	run_threads(world, -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefixed_default_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_are_never_mixed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_setting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_keeps_and_forgets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_fixed_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_with_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
