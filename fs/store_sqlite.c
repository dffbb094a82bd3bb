/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/store_sqlite.h"

#include "aws/core/clock.h"
#include "fs/store_item.h"
#include "fs/store_sqlite_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	APPLICATION_ID = 0x64796e63, /* "dync" */
	SCHEMA_VERSION = 1,
	PROGRESS_STEPS = 1000, /* of SQLite's virtual machine between two looks at cancel_fd */
	BUSY_PAUSE_MS = 10,
	/* What the same option weighs in a table: the names of its two key attributes. */
	ITEM_KEYS_SIZE = sizeof("_store_option") - 1,
};

/* Safe to run by two processes at once. */
static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS options(store TEXT NOT NULL, option TEXT NOT NULL,"
	" PRIMARY KEY(store, option)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS keys(store TEXT NOT NULL, option TEXT NOT NULL, key TEXT NOT NULL,"
	" type TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY(store, option, key),"
	" FOREIGN KEY(store, option) REFERENCES options) STRICT, WITHOUT ROWID;"
	"PRAGMA application_id = 0x64796e63;" /* "dync" */
	"PRAGMA user_version = 1;"
	"COMMIT";

/* synchronous=FULL is what makes a commit survive a power cut in WAL mode. */
static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
			       "PRAGMA trusted_schema = OFF";

#define ROWS                                                              \
	"SELECT o.store, o.option, k.key, k.type, k.value FROM options o" \
	" LEFT JOIN keys k ON k.store = o.store AND k.option = o.option"
#define OF_OPTION " WHERE store = ?1 AND option = ?2"
#define OF_KEY OF_OPTION " AND key = ?3"

static const char *const texts[SQL_STATEMENTS] = {
	/* One statement, so that all three are of one moment. */
	[SQL_IDENTIFY] = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
			 " FROM pragma_application_id, pragma_user_version",
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_DATA_VERSION] = "PRAGMA data_version",
	[SQL_LOAD] = ROWS " ORDER BY o.store, o.option",
	[SQL_LOAD_STORE] = ROWS " WHERE o.store = ?1 ORDER BY o.option",
	[SQL_LOAD_OPTION] = ROWS " WHERE o.store = ?1 AND o.option = ?2",
	[SQL_LOAD_KEY] = ROWS " WHERE o.store = ?1 AND o.option = ?2 AND k.key = ?3",
	[SQL_HAS_OPTION] = "SELECT 1 FROM options" OF_OPTION,
	[SQL_HAS_KEYS] = "SELECT 1 FROM keys" OF_OPTION " LIMIT 1",
	[SQL_SIZES] = "SELECT type, key, length(value) FROM keys" OF_OPTION,
	[SQL_GET] = "SELECT type, value FROM keys" OF_KEY,
	[SQL_PUT] = "INSERT OR REPLACE INTO keys(store, option, key, type, value) VALUES(?1, ?2, ?3, ?4, ?5)",
	[SQL_REMOVE] = "DELETE FROM keys" OF_KEY,
	[SQL_MKDIR] = "INSERT OR IGNORE INTO options(store, option) VALUES(?1, ?2)",
	[SQL_RMDIR] = "DELETE FROM options" OF_OPTION,
	[SQL_MOVE_KEYS] = "UPDATE keys SET store = ?3, option = ?4" OF_OPTION,
};

struct local {
	struct store store;
	char *file;
	bool paths;           /* the path layout */
	pthread_mutex_t lock; /* "turn": guards `busy` */
	pthread_cond_t turn;
	bool busy;   /* some call has the connection: all below is its */
	sqlite3 *db; /* NULL until open succeeded */
	sqlite3_stmt *statements[SQL_STATEMENTS];
	int64_t version; /* PRAGMA data_version when it was last looked at */
	/* Of that call: */
	int64_t deadline;
	int cancel_fd;
};

static struct local *local_of(struct store *store)
{
	return (struct local *)store;
}

bool local_has_paths(const struct local *l)
{
	return l->paths;
}

static bool cancelled(const struct local *l)
{
	struct pollfd cancel = { .fd = l->cancel_fd, .events = POLLIN };

	return poll(&cancel, 1, 0) > 0;
}

static int on_progress(void *data)
{
	return cancelled(data);
}

/* sqlite3_busy_timeout would sleep past a cancelled call. */
static int on_busy(void *data, int times)
{
	struct local *l = data;

	(void)times;
	int64_t now = clock_mono(clock_system());
	if (now >= l->deadline)
		return 0;
	int64_t until = now + BUSY_PAUSE_MS * CLOCK_MS;
	return clock_sleep(clock_system(), until, l->cancel_fd) == 0;
}

static const struct {
	int code, number;
	const char *sentence; /* follows the file's name */
} failures[] = {
	{ SQLITE_BUSY, EBUSY, "is kept locked by another process: try again, or end that process" },
	{ SQLITE_LOCKED, EBUSY, "is kept locked by another process: try again, or end that process" },
	{ SQLITE_FULL, EIO, "cannot grow, the disk is full: make room on it" },
	{ SQLITE_CORRUPT, EIO, "is damaged: restore it from a backup, or try sqlite3's .recover" },
	{ SQLITE_NOTADB, EINVAL, "is not an SQLite database: name another file with local:FILE" },
	{ SQLITE_READONLY, EROFS, "cannot be written: look at its permissions and its filesystem" },
	{ SQLITE_PERM, EACCES, "may not be opened: look at its permissions" },
	{ SQLITE_CANTOPEN, EACCES, "cannot be opened: look at the permissions of the file and its directory" },
	{ SQLITE_TOOBIG, EFBIG, "cannot hold a value of that size" },
};

static int failed(struct local *l, int code, struct error *e)
{
	if (cancelled(l))
		return error_set(e, ECANCELED, "the call was given up");
	if ((code & 0xff) == SQLITE_NOMEM)
		return error_no_memory(e);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].code == (code & 0xff))
			return error_set(e, failures[i].number, "%s %s", l->file, failures[i].sentence);
	}
	return error_set(e, EIO, "%s: %s", l->file, l->db ? sqlite3_errmsg(l->db) : sqlite3_errstr(code));
}

static void leave(struct local *l)
{
	pthread_mutex_lock(&l->lock);
	l->busy = false;
	pthread_cond_signal(&l->turn);
	pthread_mutex_unlock(&l->lock);
}

/* Waits for the connection until the deadline, 0: not at all. */
static bool take_turn(struct local *l, int64_t deadline)
{
	struct timespec until = clock_timespec(deadline);
	int r = 0;

	pthread_mutex_lock(&l->lock);
	while (l->busy && r == 0)
		r = pthread_cond_timedwait(&l->turn, &l->lock, &until);
	bool mine = !l->busy;
	l->busy = true;
	pthread_mutex_unlock(&l->lock);
	return mine;
}

static int lock(struct local *l, struct store_call *call, int64_t deadline, struct error *e)
{
	if (!take_turn(l, deadline))
		return error_set(e, ETIMEDOUT, "%s was busy with other calls until the deadline", l->file);
	l->deadline = deadline;
	l->cancel_fd = call->cancel_fd;
	return 0;
}

static int enter(struct local *l, struct store_call *call, int64_t deadline, struct error *e)
{
	int r = lock(l, call, deadline, e);

	if (r == 0 && !l->db) {
		leave(l);
		return error_set(e, ENXIO, "%s is not open", l->file);
	}
	return r;
}

static void reset(sqlite3_stmt **statement)
{
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
}

#define _reset_ __attribute__((cleanup(reset)))

static void bind_name(sqlite3_stmt *statement, int at, const char *name, size_t len)
{
	/* A NULL pointer would be SQL's NULL. */
	sqlite3_bind_text64(statement, at, name ? name : "", len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Ready to step, with as much of the place as it takes; to be reset. A binding that fails stays NULL, which no row
 * equals and no column takes. */
static sqlite3_stmt *statement_at(struct local *l, enum statement which, const struct place *place)
{
	sqlite3_stmt *statement = l->statements[which];
	int n = sqlite3_bind_parameter_count(statement);

	if (n >= 1)
		bind_name(statement, 1, place->store, place->store_len);
	if (n >= 2)
		bind_name(statement, 2, place->option, place->option_len);
	if (n >= 3)
		bind_name(statement, 3, place->key, place->key_len);
	return statement;
}

/* 1: a row, 0: no (further) row. */
static int step(struct local *l, sqlite3_stmt *statement, struct error *e)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : failed(l, code, e);
}

int local_run(struct local *l, enum statement which, const struct place *place, struct error *e)
{
	_reset_ sqlite3_stmt *statement = statement_at(l, which, place);

	return step(l, statement, e);
}

int local_edit(struct local *l, enum statement which, const struct place *place, struct error *e)
{
	int r = local_run(l, which, place, e);

	return r < 0 ? r : sqlite3_changes(l->db);
}

static const char *column(sqlite3_stmt *statement, int at, size_t *len)
{
	const char *bytes = sqlite3_column_blob(statement, at);

	*len = (size_t)sqlite3_column_bytes(statement, at);
	return bytes ? bytes : "";
}

static int execute(struct local *l, const char *sql, struct error *e)
{
	int code = sqlite3_exec(l->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : failed(l, code, e);
}

static int prepare(struct local *l, enum statement which, struct error *e)
{
	int code = sqlite3_prepare_v3(l->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &l->statements[which], NULL);

	return code == SQLITE_OK ? 0 : failed(l, code, e);
}

/* Whose file it is. 1: nobody's yet. */
static int identify(struct local *l, struct error *e)
{
	_reset_ sqlite3_stmt *statement = statement_at(l, SQL_IDENTIFY, NULL);

	int r = step(l, statement, e);
	if (r < 0)
		return r;
	int id = sqlite3_column_int(statement, 0), version = sqlite3_column_int(statement, 1);
	if (id == 0 && version == 0 && sqlite3_column_int(statement, 2) == 0)
		return 1;
	if (id != APPLICATION_ID)
		return error_set(e, EINVAL, "%s is another application's database: name another file with local:FILE",
				 l->file);
	if (version > SCHEMA_VERSION)
		return error_set(e, EINVAL,
				 "%s was written by a newer dynconf (schema %d, this one knows %d): upgrade this one",
				 l->file, version, SCHEMA_VERSION);
	return 0;
}

static int connect_file(struct local *l, struct error *e)
{
	int code = sqlite3_open_v2(l->file, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return failed(l, code, e);
	sqlite3_busy_handler(l->db, on_busy, l);
	sqlite3_progress_handler(l->db, PROGRESS_STEPS, on_progress, l);
	int r = prepare(l, SQL_IDENTIFY, e);
	if (r == 0)
		r = identify(l, e);
	if (r == 1)
		r = execute(l, schema, e);
	if (r == 0)
		r = execute(l, settings, e);
	for (int i = SQL_IDENTIFY + 1; r == 0 && i < SQL_STATEMENTS; i++)
		r = prepare(l, (enum statement)i, e);
	return r;
}

static void disconnect(struct local *l)
{
	for (int i = 0; i < SQL_STATEMENTS; i++) {
		sqlite3_finalize(l->statements[i]);
		l->statements[i] = NULL;
	}
	sqlite3_close(l->db);
	l->db = NULL;
}

static int data_version(struct local *l, int64_t *version, struct error *e)
{
	_reset_ sqlite3_stmt *statement = statement_at(l, SQL_DATA_VERSION, NULL);

	int r = step(l, statement, e);
	if (r < 0)
		return r;
	*version = sqlite3_column_int64(statement, 0);
	return 0;
}

static int open_locked(struct local *l, struct error *e)
{
	int r = local_file_make(l->file, e);
	if (r == 0)
		r = connect_file(l, e);
	if (r == 0)
		r = data_version(l, &l->version, e);
	if (r < 0)
		disconnect(l);
	return r;
}

static int local_open(struct store *store, struct store_call *call, struct error *e)
{
	struct local *l = local_of(store);

	int r = lock(l, call, call->deadline, e);
	if (r < 0)
		return r;
	r = l->db ? 0 : open_locked(l, e);
	leave(l);
	return r;
}

/* The option whose rows are coming. Its names are copied, because a row's bytes go with the next step. */
struct gather {
	struct store_item item;
	struct buf names;
	struct place place; /* store NULL: none yet */
};

static void gather_deinit(struct gather *g)
{
	store_item_deinit(&g->item);
	buf_deinit(&g->names);
}

#define _gather_cleanup_ __attribute__((cleanup(gather_deinit)))

static bool same_option(const struct place *a, const struct place *b)
{
	return a->store && a->store_len == b->store_len && a->option_len == b->option_len &&
	       memcmp(a->store, b->store, a->store_len) == 0 && memcmp(a->option, b->option, a->option_len) == 0;
}

static int begin_option(struct gather *g, const struct place *place, struct error *e)
{
	buf_reset(&g->names);
	buf_append(&g->names, place->store, place->store_len);
	buf_char(&g->names, '\0');
	buf_append(&g->names, place->option, place->option_len);
	if (buf_error(&g->names))
		return error_no_memory(e);
	g->place = *place;
	g->place.store = g->names.data;
	g->place.option = g->names.data + place->store_len + 1;
	return 0;
}

static int gather_key(struct gather *g, sqlite3_stmt *row, struct error *e)
{
	enum value_type type;
	size_t name_len, type_len, len;
	const char *name = column(row, 2, &name_len), *type_name = column(row, 3, &type_len);
	const char *bytes = column(row, 4, &len);

	/* An option without keys; or a type that this program never wrote: one odd key hides itself only. */
	if (sqlite3_column_type(row, 2) == SQLITE_NULL || value_type_parse(type_name, type_len, &type) < 0)
		return 0;
	int r = store_item_name(&g->item, name, name_len, e);
	if (r < 0)
		return r;
	buf_append(&g->item.bytes, bytes, len);
	r = store_item_end(&g->item, type, e);
	return r == -EFBIG ? 0 : r;
}

static int load_rows(struct local *l, sqlite3_stmt *row, const struct store_sink *sink, struct error *e)
{
	_gather_cleanup_ struct gather g = { .item = STORE_ITEM_NULL, .names = BUF_INIT(STORE_ITEM_BYTES_MAX) };
	int r;

	while ((r = step(l, row, e)) == 1) {
		struct place place = { 0 };
		place.store = column(row, 0, &place.store_len);
		place.option = column(row, 1, &place.option_len);
		if (!same_option(&g.place, &place)) {
			r = g.place.store ? store_item_send(&g.item, sink, &g.place, e) : 0;
			if (r == 0)
				r = begin_option(&g, &place, e);
			if (r != 0)
				return r;
		}
		r = gather_key(&g, row, e);
		if (r < 0)
			return r;
	}
	return r == 0 && g.place.store ? store_item_send(&g.item, sink, &g.place, e) : r;
}

static int load_with(struct local *l, struct store_call *call, enum statement which, const struct place *place,
		     const struct store_sink *sink, struct error *e)
{
	int r = enter(l, call, clock_mono(clock_system()) + call->timeout, e);
	if (r < 0)
		return r;
	sqlite3_stmt *statement = statement_at(l, which, place);
	r = load_rows(l, statement, sink, e);
	reset(&statement);
	leave(l);
	return r;
}

static int local_load(struct store *store, struct store_call *call, const char *only, const struct store_sink *sink,
		      struct error *e)
{
	struct place place = { .store = only, .store_len = only ? strlen(only) : 0 };

	return load_with(local_of(store), call, only ? SQL_LOAD_STORE : SQL_LOAD, &place, sink, e);
}

static int local_load_option(struct store *store, struct store_call *call, const struct place *place,
			     const struct store_sink *sink, struct error *e)
{
	struct local *l = local_of(store);
	struct place at = l->paths ? local_key_place(place) : *place;

	return load_with(l, call, l->paths ? SQL_LOAD_KEY : SQL_LOAD_OPTION, &at, sink, e);
}

int local_holds(struct local *l, const struct place *place, const struct attribute *expected, struct error *e)
{
	_buf_cleanup_ struct buf bytes = BUF_INIT(STORE_ITEM_BYTES_MAX);
	enum value_type type = expected->type;
	size_t type_len, len;

	int r = value_normalize(&type, expected->bytes, expected->len, &bytes, e);
	if (r < 0)
		return r;
	_reset_ sqlite3_stmt *row = statement_at(l, SQL_GET, place);
	r = step(l, row, e);
	if (r < 1)
		return r;
	const char *type_name = column(row, 0, &type_len), *found = column(row, 1, &len);
	return type_len == strlen(value_type_name(type)) && memcmp(type_name, value_type_name(type), type_len) == 0 &&
	       len == bytes.len && memcmp(found, buf_text(&bytes), len) == 0;
}

/* What the option's item weighs, as far as it is not this key. */
static int check_size(struct local *l, const struct place *place, enum value_type type, size_t len, struct error *e)
{
	size_t size = ITEM_KEYS_SIZE + place->store_len + place->option_len;
	_reset_ sqlite3_stmt *row = statement_at(l, SQL_SIZES, place);
	int r = 0;

	size += place->key_len + value_size(type, len);
	/* In the path layout each key is an item of its own. */
	while (!l->paths && (r = step(l, row, e)) == 1) {
		size_t type_len, name_len;
		enum value_type other;
		const char *type_name = column(row, 0, &type_len), *name = column(row, 1, &name_len);
		if (name_len == place->key_len && memcmp(name, place->key, name_len) == 0)
			continue;
		if (value_type_parse(type_name, type_len, &other) == 0)
			size += name_len + value_size(other, (size_t)sqlite3_column_int64(row, 2));
	}
	if (r == 0 && size > ITEM_SIZE_MAX)
		return error_set(e, EFBIG, "an option holds %d bytes of names and values, and this would be %zu",
				 ITEM_SIZE_MAX, size);
	return r;
}

int local_put(struct local *l, const struct place *place, const struct attribute *value, struct error *e)
{
	_buf_cleanup_ struct buf bytes = BUF_INIT(STORE_ITEM_BYTES_MAX);
	enum value_type type = value->type;

	int r = value_normalize(&type, value->bytes, value->len, &bytes, e);
	if (r == 0)
		r = check_size(l, place, type, bytes.len, e);
	if (r < 0)
		return r;
	_reset_ sqlite3_stmt *statement = statement_at(l, SQL_PUT, place);
	sqlite3_bind_text(statement, 4, value_type_name(type), -1, SQLITE_STATIC);
	sqlite3_bind_blob64(statement, 5, buf_text(&bytes), bytes.len, SQLITE_STATIC);
	return step(l, statement, e);
}

int local_move_keys(struct local *l, const struct place *from, const struct place *to, struct error *e)
{
	_reset_ sqlite3_stmt *statement = statement_at(l, SQL_MOVE_KEYS, from);

	bind_name(statement, 3, to->store, to->store_len);
	bind_name(statement, 4, to->option, to->option_len);
	return step(l, statement, e);
}

static int local_apply(struct store *store, struct store_call *call, const struct change *change, struct error *e)
{
	struct local *l = local_of(store);

	int r = enter(l, call, call->deadline, e);
	if (r < 0)
		return r;
	r = local_run(l, SQL_BEGIN, NULL, e);
	if (r == 0)
		r = local_change(l, change, e);
	/* From here on an interruption would leave open whether the change was made. */
	l->cancel_fd = -1;
	if (r == 0)
		r = local_run(l, SQL_COMMIT, NULL, e);
	if (!sqlite3_get_autocommit(l->db))
		local_run(l, SQL_ROLLBACK, NULL, NULL);
	leave(l);
	return r;
}

static void local_about(struct store *store, struct store_about *about)
{
	*about = (struct store_about){ 0 };
	snprintf(about->source, sizeof(about->source), "local:%s", local_of(store)->file);
}

/* A connection's data_version moves with the commits of others only. While another call has the connection the answer
 * is put off to the next time. */
static int local_changed(struct store *store)
{
	struct local *l = local_of(store);
	int64_t version;
	int r = 0;

	if (!take_turn(l, 0))
		return 0;
	l->deadline = 0;
	l->cancel_fd = -1;
	if (l->db && data_version(l, &version, NULL) == 0) {
		r = version != l->version;
		l->version = version;
	}
	leave(l);
	return r;
}

static void local_free(struct store *store)
{
	struct local *l = local_of(store);

	disconnect(l);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->turn);
	free(l->file);
	free(l);
}

int store_sqlite_new(const char *file, enum layout_kind layout, struct store **store, struct error *e)
{
	static const struct store_ops ops = {
		.open = local_open,
		.load = local_load,
		.load_option = local_load_option,
		.apply = local_apply,
		.about = local_about,
		.changed = local_changed,
		.free = local_free,
	};
	char *copy = NULL;

	int r = local_file_resolve(file, &copy, e);
	if (r < 0)
		return r;
	struct local *l = calloc(1, sizeof(*l));
	if (!l) {
		free(copy);
		return error_no_memory(e);
	}
	l->store.ops = &ops;
	l->file = copy;
	l->paths = layout == LAYOUT_PATH;
	l->cancel_fd = -1;
	pthread_mutex_init(&l->lock, NULL);
	clock_cond_init(&l->turn);
	*store = &l->store;
	return 0;
}
