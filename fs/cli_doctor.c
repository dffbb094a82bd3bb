/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/secret.h"
#include "aws/http_curl.h"
#include "fs/cli.h"
#include "fs/doctor.h"

#include <getopt.h>

static int run(const char *file, const char *source, const char *mountpoint, const struct option_pairs *options)
{
	const struct config_request config = config_request(file, source, options);
	const struct doctor_request request = {
		.config = &config, .mountpoint = mountpoint, .clock = clock_system(), .out = stdout
	};
	struct error e = ERROR_NULL;

	secret_hide_memory();
	if (http_curl_global_init(&e) < 0)
		return cli_failed(&e);
	return doctor_run(&request) == 0 ? CLI_OK : CLI_FAILED;
}

static int parse(int argc, char **argv, const char **file, struct option_pairs *options)
{
	struct error e = ERROR_NULL;

	optind = 0;
	for (int answer; (answer = getopt(argc, argv, ":c:o:")) != -1;) {
		if (answer == 'c')
			*file = optarg;
		else if (answer != 'o')
			return cli_bad_flag(answer, argv);
		else if (option_pairs_add(options, optarg, 0, &e) < 0)
			return cli_usage("%s", e.text);
	}
	return CLI_OK;
}

int cli_doctor(int argc, char **argv)
{
	struct option_pairs options = OPTION_PAIRS_NULL;
	const char *file = NULL, *source = NULL, *mountpoint = NULL;
	int status = parse(argc, argv, &file, &options), at = optind;

	if (status == CLI_OK && at < argc && (config_is_source(argv[at]) || argc - at == 2))
		source = argv[at++];
	if (status == CLI_OK && at < argc)
		mountpoint = argv[at++];
	if (status == CLI_OK && at < argc)
		status = cli_usage("doctor takes [SOURCE] [MOUNTPOINT]; `dynconf help doctor` says more");
	if (status == CLI_OK)
		status = run(file, source, mountpoint, &options);
	option_pairs_deinit(&options);
	return status;
}
