/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_sqlite.h"

#include "aws/core/clock.h"
#include "tests/unit/store_suite.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A directory that each test gets, and the file that is tried in it. */
struct place_on_disk {
	char directory[64];
	char file[128];
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static int make_directory(void **state)
{
	struct place_on_disk *disk = calloc(1, sizeof(*disk));

	strcpy(disk->directory, "/tmp/dynconf-test-XXXXXX");
	assert_non_null(mkdtemp(disk->directory));
	snprintf(disk->file, sizeof(disk->file), "%s/a/b/local.db", disk->directory);
	*state = disk;
	return 0;
}

static int remove_directory(void **state)
{
	struct place_on_disk *disk = *state;

	nftw(disk->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(disk);
	return 0;
}

static struct store *suite_make(struct store_suite *suite)
{
	struct store *store;

	make_directory(&suite->data);
	assert_int_equal(store_sqlite_new(((struct place_on_disk *)suite->data)->file, LAYOUT_OPTIONS, &store, NULL),
			 0);
	return store;
}

static void suite_clean(struct store_suite *suite)
{
	remove_directory(&suite->data);
}

static int try_open(const char *file, struct store **out, struct error *e)
{
	struct store_call call = suite_call();
	struct store *store;

	assert_int_equal(store_sqlite_new(file, LAYOUT_OPTIONS, &store, e), 0);
	int r = store_open(store, &call, e);
	if (r < 0)
		store_free(store);
	else
		*out = store;
	return r;
}

static struct store *open_store(const char *file)
{
	struct error e = ERROR_NULL;
	struct store *store = NULL;

	if (try_open(file, &store, &e) < 0)
		fail_msg("%s", e.text);
	return store;
}

static void refused(const char *file, int number, const char *sentence)
{
	struct error e = ERROR_NULL;
	struct store *store;

	assert_int_equal(try_open(file, &store, &e), -number);
	if (!strstr(e.text, sentence))
		fail_msg("not \"%s\" but: %s", sentence, e.text);
}

static mode_t mode_of(const char *path, const char *suffix)
{
	char name[256];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

static void test_modes(void **state)
{
	static const mode_t masks[] = { 0, 0277 };
	struct place_on_disk *disk = *state;
	char file[160];

	for (int i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s/m%d.db", disk->directory, i);
		mode_t before = umask(masks[i]);
		struct store *store = open_store(file);
		umask(before);
		assert_int_equal(suite_mkdir(store, "o"), 0);
		assert_int_equal(mode_of(file, ""), 0600);
		assert_int_equal(mode_of(file, "-wal"), 0600);
		assert_int_equal(mode_of(file, "-shm"), 0600);
		store_free(store);
	}
	store_free(open_store(disk->file));
	snprintf(file, sizeof(file), "%s/a", disk->directory);
	assert_int_equal(mode_of(file, ""), 0700);
	assert_int_equal(mode_of(file, "/b"), 0700);
}

static void test_persists(void **state)
{
	struct place_on_disk *disk = *state;
	struct store *store = open_store(disk->file);

	assert_int_equal(suite_mkdir(store, "o"), 0);
	assert_int_equal(suite_put(store, "o", "k", "v"), 0);
	store_free(store);
	store = open_store(disk->file);
	suite_expect(store, "s/o/\ns/o/k S v\n");
	store_free(store);
}

static void test_changed(void **state)
{
	struct place_on_disk *disk = *state;
	struct store *a = open_store(disk->file), *b = open_store(disk->file);

	assert_int_equal(a->ops->changed(a), 0);
	assert_int_equal(suite_mkdir(a, "o"), 0);
	assert_int_equal(a->ops->changed(a), 0);
	assert_int_equal(b->ops->changed(b), 1);
	assert_int_equal(b->ops->changed(b), 0);
	/* A commit of the other before one of our own must not be taken for ours. */
	assert_int_equal(suite_put(b, "o", "k", "1"), 0);
	assert_int_equal(suite_put(a, "o", "k", "2"), 0);
	assert_int_equal(a->ops->changed(a), 1);
	assert_int_equal(a->ops->changed(a), 0);
	/* A change that fails changes nothing. */
	assert_int_equal(suite_mkdir(a, "o"), -EEXIST);
	assert_int_equal(b->ops->changed(b), 1);
	assert_int_equal(b->ops->changed(b), 0);
	suite_expect(b, "s/o/\ns/o/k S 2\n");
	store_free(a);
	store_free(b);
}

static void sql(const char *file, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_refuses(void **state)
{
	struct place_on_disk *disk = *state;
	char file[128];

	refused(disk->directory, EINVAL, "not a regular file");
	snprintf(file, sizeof(file), "%s/other.db", disk->directory);
	sql(file, "CREATE TABLE t(a)");
	refused(file, EINVAL, "another application's database");
	sql(file, "PRAGMA application_id = 77; DROP TABLE t");
	refused(file, EINVAL, "another application's database");
	snprintf(file, sizeof(file), "%s/newer.db", disk->directory);
	store_free(open_store(file));
	sql(file, "PRAGMA user_version = 2");
	refused(file, EINVAL, "newer dynconf");
	snprintf(file, sizeof(file), "%s/text", disk->directory);
	write_file(file, "this is a text and not a database, and it is longer than the header of one is, "
			 "by some bytes more");
	refused(file, EINVAL, "not an SQLite database");
	strcat(file, "/local.db");
	refused(file, EIO, "cannot be made");
	snprintf(file, sizeof(file), "%s/dangling", disk->directory);
	assert_int_equal(symlink("nowhere", file), 0);
	refused(file, EIO, "cannot be opened");
}

static void test_follows_a_link(void **state)
{
	struct place_on_disk *disk = *state;
	char file[128];

	store_free(open_store(disk->file));
	snprintf(file, sizeof(file), "%s/link.db", disk->directory);
	assert_int_equal(symlink(disk->file, file), 0);
	store_free(open_store(file));
}

static void test_not_open(void **state)
{
	struct place_on_disk *disk = *state;
	struct store_call call = suite_call();
	struct change change = { .kind = CHANGE_MKDIR, .to = suite_place("s", "o", NULL) };
	struct error e = ERROR_NULL;
	struct store *store;

	assert_int_equal(store_sqlite_new(disk->file, LAYOUT_OPTIONS, &store, NULL), 0);
	assert_int_equal(store_apply(store, &call, &change, &e), -ENXIO);
	assert_int_equal(store->ops->changed(store), 0);
	store_free(store);
}

static void test_locked(void **state)
{
	struct place_on_disk *disk = *state;
	struct change change = { .kind = CHANGE_MKDIR, .to = suite_place("s", "o", NULL) };
	struct store *store = open_store(disk->file);
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;
	int cancel[2];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(disk->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	call.deadline = clock_mono(clock_system()) + 30 * CLOCK_MS;
	assert_int_equal(store_apply(store, &call, &change, &e), -EBUSY);
	assert_non_null(strstr(e.text, "locked by another process"));
	/* Cancelled long before the deadline. */
	assert_int_equal(pipe(cancel), 0);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	call = suite_call();
	call.cancel_fd = cancel[0];
	assert_int_equal(store_apply(store, &call, &change, &e), -ECANCELED);
	/* Readers do not wait for a writer. */
	suite_expect(store, "");
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_int_equal(suite_mkdir(store, "o"), 0);
	close(cancel[0]);
	close(cancel[1]);
	store_free(store);
}

static int ignore(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		  const struct attribute *attributes, size_t n, struct error *e)
{
	(void)data, (void)store, (void)store_len, (void)option, (void)option_len, (void)attributes, (void)n, (void)e;
	return 0;
}

static void test_cancelled_load(void **state)
{
	struct place_on_disk *disk = *state;
	struct store *store = open_store(disk->file);
	struct store_sink sink = { .item = ignore };
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;
	int cancel[2];

	sql(disk->file, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
			" INSERT INTO options SELECT 's', 'o' || i FROM n");
	assert_int_equal(pipe(cancel), 0);
	assert_int_equal(store_load(store, &call, NULL, &sink, &e), 0);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	call.cancel_fd = cancel[0];
	assert_int_equal(store_load(store, &call, NULL, &sink, &e), -ECANCELED);
	close(cancel[0]);
	close(cancel[1]);
	store_free(store);
}

static void test_damaged(void **state)
{
	struct place_on_disk *disk = *state;
	struct store_sink sink = { .item = ignore };
	struct store_call call = suite_call();
	struct error e = ERROR_NULL;
	char page[4096];

	struct store *store = open_store(disk->file);
	for (char option[] = "a"; option[0] <= 'z'; option[0]++)
		assert_int_equal(suite_mkdir(store, option), 0);
	store_free(store);
	memset(page, 0x5a, sizeof(page));
	int fd = open(disk->file, O_WRONLY);
	for (off_t at = 1; at < 4; at++)
		assert_int_equal(pwrite(fd, page, sizeof(page), at * 4096), sizeof(page));
	close(fd);
	store = open_store(disk->file);
	assert_int_equal(store_load(store, &call, NULL, &sink, &e), -EIO);
	assert_non_null(strstr(e.text, "is damaged"));
	store_free(store);
}

static int see_nul(void *data, const char *store, size_t store_len, const char *option, size_t option_len,
		   const struct attribute *attributes, size_t n, struct error *e)
{
	(void)store, (void)store_len, (void)e;
	assert_memory_equal(option, "o\0p", option_len);
	assert_int_equal(n, 2);
	assert_memory_equal(attributes[1].name, "k\0l", attributes[1].name_len);
	assert_memory_equal(attributes[1].bytes, "\0v", attributes[1].len);
	*(size_t *)data += option_len + attributes[1].name_len + attributes[1].len;
	return 0;
}

static void test_nul_in_names(void **state)
{
	struct place_on_disk *disk = *state;
	struct store *store = open_store(disk->file);
	struct change change = { .kind = CHANGE_MKDIR, .to = { "s", "o\0p", "k\0l", 1, 3, 3 } };
	struct store_call call = suite_call();
	size_t lengths = 0;
	struct store_sink sink = { .item = see_nul, .data = &lengths };

	assert_int_equal(suite_apply(store, &change), 0);
	change.kind = CHANGE_PUT;
	change.value = (struct attribute){ .type = VALUE_B, .bytes = "\0v", .len = 2 };
	assert_int_equal(suite_apply(store, &change), 0);
	change.to.key_len = 1; /* another key */
	change.expect = EXPECT_ABSENT;
	assert_int_equal(suite_apply(store, &change), 0);
	assert_int_equal(store_load(store, &call, NULL, &sink, NULL), 0);
	assert_int_equal(lengths, 3 + 3 + 2);
	change = (struct change){ .kind = CHANGE_REMOVE, .from = { "s", "o\0p", "k\0l", 1, 3, 3 } };
	assert_int_equal(suite_apply(store, &change), 0);
	assert_int_equal(suite_apply(store, &change), -ENOENT);
	store_free(store);
}

static void *open_in_thread(void *file)
{
	struct error e = ERROR_NULL;
	struct store *store = NULL;

	if (try_open(file, &store, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	return store;
}

static void test_opened_at_once(void **state)
{
	enum { OPENERS = 6 };
	struct place_on_disk *disk = *state;
	pthread_t threads[OPENERS];
	void *stores[OPENERS];

	for (int i = 0; i < OPENERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_in_thread, disk->file), 0);
	for (int i = 0; i < OPENERS; i++)
		pthread_join(threads[i], &stores[i]);
	for (int i = 0; i < OPENERS; i++)
		assert_non_null(stores[i]);
	assert_int_equal(suite_mkdir(stores[0], "o"), 0);
	suite_expect(stores[OPENERS - 1], "s/o/\n");
	for (int i = 0; i < OPENERS; i++)
		store_free(stores[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_modes),          TEST(test_persists),       TEST(test_changed),        TEST(test_refuses),
		TEST(test_not_open),       TEST(test_locked),         TEST(test_cancelled_load), TEST(test_damaged),
		TEST(test_opened_at_once), TEST(test_follows_a_link), TEST(test_nul_in_names),
	};
	struct store_suite suite = { .name = "store_sqlite",
				     .make = suite_make,
				     .clean = suite_clean,
				     .transactions = true,
				     .documents = true };

	int failed = store_suite_run(&suite);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
