/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/doctor_private.h"

#include "fs/mountpoint.h"
#include "fs/preflight.h"
#include "fs/store_sqlite.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum { SAID_MAX = 2048 };

/* ---- The machine ---- */

static int check_configuration(struct doctor *d, struct buf *said, struct error *e)
{
	const struct config_request *request = d->request->config;
	int r = config_load(request, NULL, &d->settings, e);

	if (r < 0)
		return r;
	buf_str(said, access(request->file, F_OK) == 0 ? request->file : "no file");
	for (size_t i = 0; i < d->settings.n_sources; i++)
		buf_printf(said, "%s %s", i ? "," : "; source", d->settings.sources[i].source);
	return FINE;
}

static int check_device(struct doctor *d, struct buf *said, struct error *e)
{
	(void)d;
	buf_str(said, "can be opened");
	return preflight_fuse(e);
}

static int check_allow_other(struct doctor *d, struct buf *said, struct error *e)
{
	if (geteuid() == 0 || !d->settings.allow_other) {
		buf_str(said,
			geteuid() == 0 ? "root needs none" : "not needed: without allow-other the mount is yours");
		return NO_MATTER;
	}
	buf_str(said, "stands in /etc/fuse.conf");
	return preflight_allow_other(&d->settings, e);
}

static int check_mountpoint(struct doctor *d, struct buf *said, struct error *e)
{
	char *path = NULL;
	bool dead = false;

	if (!d->request->mountpoint) {
		buf_str(said, "none was named");
		return NO_MATTER;
	}
	int r = mountpoint_check(d->request->mountpoint, &path, &dead, e);
	if (r == 0 && geteuid() != 0 && !dead)
		r = preflight_directory(path, e);
	if (r == 0)
		buf_printf(said, "%s %s", path, dead ? "has a dead mount, which is replaced" : "is an empty directory");
	free(path);
	return r;
}

static const struct check machine_rows[] = {
	{ "configuration", check_configuration, 0, FOUND_SETTINGS, NULL },
	{ "/dev/fuse", check_device, 0, 0, NULL },
	{ "user_allow_other", check_allow_other, FOUND_SETTINGS, 0, NULL },
	{ "mountpoint", check_mountpoint, 0, 0, NULL },
};

/* ---- An embedded store ---- */

/* What is missing can be made, and beside the file SQLite makes two more. */
static int check_writable(const char *file, struct error *e)
{
	char *copy = strdup(file);
	int r = 0;

	if (!copy)
		return error_no_memory(e);
	const char *folder = dirname(copy);
	while (access(folder, F_OK) < 0 && strcmp(folder, "/") != 0)
		folder = dirname(copy);
	if (access(folder, W_OK | X_OK) < 0)
		r = error_set(e, EACCES, "%.300s cannot be written to: %s; give it to this user, or use local:FILE",
			      folder, strerror(errno));
	free(copy);
	return r;
}

static int check_file(struct doctor *d, struct buf *said, struct error *e)
{
	const char *file = d->source->target;
	struct stat st;

	if (stat(file, &st) < 0) {
		if (errno != ENOENT)
			return error_set(e, errno, "%.300s: %s", file, strerror(errno));
		buf_printf(said, "%s does not exist yet: a mount makes it", file);
		int r = check_writable(file, e);
		return r < 0 ? r : NO_MATTER;
	}
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "%.300s is not a regular file: name another with local:FILE", file);
	buf_printf(said, "%s, %lld bytes", file, (long long)st.st_size);
	return FINE;
}

static int check_permissions(struct doctor *d, struct buf *said, struct error *e)
{
	const char *file = d->source->target;

	if (access(file, R_OK | W_OK) < 0)
		return error_set(e, EACCES, "%.300s cannot be read and written: %s; chown it to this user", file,
				 strerror(errno));
	buf_str(said, "the file and its directory can be read and written");
	return check_writable(file, e);
}

static int check_database(struct doctor *d, struct buf *said, struct error *e)
{
	struct clock *clock = d->request->clock;
	struct store_call call = { .deadline = clock_mono(clock) + d->source->timeout,
				   .timeout = d->source->timeout,
				   .cancel_fd = -1 };
	struct store *store = NULL;
	struct stat st;

	if (stat(d->source->target, &st) == 0 && st.st_size == 0) {
		buf_str(said, "the file is empty: a mount makes its tables");
		return NO_MATTER;
	}
	int r = store_sqlite_new(d->source->target, d->source->layout, &store, e);
	if (r == 0)
		r = store_open(store, &call, e);
	store_free(store);
	buf_str(said, "a store of dynconf");
	return r;
}

static const struct check local_rows[] = {
	{ "file", check_file, 0, FOUND_FILE, NULL },
	{ "permissions", check_permissions, FOUND_FILE, FOUND_ACCESS, NULL },
	{ "schema", check_database, FOUND_ACCESS, 0, NULL },
};

/* ---- All of it ---- */

static void run_check(struct doctor *d, const struct check *check)
{
	_buf_cleanup_ struct buf said = BUF_INIT(SAID_MAX);
	struct error e = ERROR_NULL;
	FILE *out = d->request->out;
	d->check = check;
	int r = check->run(d, &said, &e);

	if (r >= 0) {
		fprintf(out, "%s %s: %s\n", r == FINE ? "\u2713" : "-", check->name, buf_text(&said));
		d->found |= r == FINE ? check->gives : 0;
		return;
	}
	d->crosses++;
	fprintf(out, "\u2717 %s: %s%s%s\n", check->name, e.text, check->remedy ? "; " : "",
		check->remedy ? check->remedy : "");
}

static void run_checks(struct doctor *d, const struct checks *checks)
{
	_buf_cleanup_ struct buf left = BUF_INIT(SAID_MAX);

	for (size_t i = 0; i < checks->n; i++) {
		const struct check *check = &checks->rows[i];
		if ((check->needs & ~d->found) == 0)
			run_check(d, check);
		else
			buf_printf(&left, "%s%s", left.len ? ", " : "", check->name);
	}
	if (left.len)
		fprintf(d->request->out, "- left out: %s\n", buf_text(&left));
}

static void run_source(struct doctor *d, const struct source_settings *source)
{
	static const struct checks local = { local_rows, N(local_rows) };

	d->source = source;
	d->found = FOUND_SETTINGS;
	if (d->settings.n_sources > 1)
		fprintf(d->request->out, "%s, %s:\n", source->name, source->source);
	run_checks(d, source->kind == SOURCE_LOCAL ? &local : &doctor_dynamodb);
	dynamodb_table_deinit(&d->table);
	backend_free(d->backend);
	d->backend = NULL;
}

int doctor_run(const struct doctor_request *request)
{
	static const struct checks machine = { machine_rows, N(machine_rows) };
	struct doctor d = { .request = request, .settings = SETTINGS_NULL };

	run_checks(&d, &machine);
	for (size_t i = 0; i < d.settings.n_sources; i++)
		run_source(&d, &d.settings.sources[i]);
	settings_deinit(&d.settings);
	return d.crosses;
}
