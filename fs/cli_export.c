/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/cli.h"
#include "fs/config.h"
#include "fs/export.h"

#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

struct arguments {
	const char *file, *source, *dir;
	struct option_pairs options;
	bool follow;
};

static int parse(int argc, char **argv, struct arguments *args)
{
	static const struct option flags[] = { { "follow", no_argument, NULL, 'F' }, { 0 } };
	struct error e = ERROR_NULL;

	optind = 0;
	for (int answer; (answer = getopt_long(argc, argv, ":c:o:", flags, NULL)) != -1;) {
		if (answer == 'F')
			args->follow = true;
		else if (answer == 'c')
			args->file = optarg;
		else if (answer != 'o')
			return cli_bad_flag(answer, argv);
		else if (option_pairs_add(&args->options, optarg, 0, &e) < 0)
			return cli_usage("%s", e.text);
	}
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage("export takes [SOURCE] DIR; `dynconf help export` says more");
	args->source = argc - optind == 2 ? argv[optind] : NULL;
	args->dir = argv[argc - 1];
	return CLI_OK;
}

static int prepare(const struct arguments *args, struct settings *settings, struct log *log, struct error *e)
{
	const struct config_request request = config_request(args->file, args->source, &args->options);
	int r = config_load(&request, log, settings, e);

	if (r < 0)
		return r;
	/* A table that is not there has nothing to export. */
	for (size_t i = 0; i < settings->n_sources; i++)
		settings->sources[i].create = false;
	/* What ends by itself says nothing when all went well. */
	bool quiet = !args->follow && settings->log_level == LOG_LEVEL_INFO;
	atomic_store(&log->level, quiet ? LOG_LEVEL_WARNING : (int)settings->log_level);
	r = settings->log_file ? log_open_file(log, settings->log_file) : 0;
	return r < 0 ? error_set(e, -r, "log-file %.300s: %s", settings->log_file, strerror(-r)) : 0;
}

static int run(const struct arguments *args)
{
	struct settings settings = SETTINGS_NULL;
	struct log log = LOG_NULL;
	struct error e = ERROR_NULL;

	/* Credentials are in this memory from here on. */
	prctl(PR_SET_DUMPABLE, 0);
	umask(0022);
	signal(SIGPIPE, SIG_IGN);
	int r = prepare(args, &settings, &log, &e);
	if (r == 0)
		r = export_run(&settings, &log, args->dir, args->follow, &e);
	log_deinit(&log);
	settings_deinit(&settings);
	return r < 0 ? cli_failed(&e) : CLI_OK;
}

int cli_export(int argc, char **argv)
{
	struct arguments args = { .options = OPTION_PAIRS_NULL };
	int status = parse(argc, argv, &args);

	if (status == CLI_OK)
		status = run(&args);
	option_pairs_deinit(&args.options);
	return status;
}
