/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios from JSON lines, plain or gzip. */
#include "scaler/simulate.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

static int expected(struct error *e, const char *what)
{
	return error_set(e, EINVAL, "expected %s", what);
}

/* Options as the configuration file would say them. */
static int read_options(json_t *options, enum scaler_scope scope, void *base, struct error *e)
{
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach(options, name, value)
	{
		const struct scaler_option *row = scaler_option_find(scope, name);
		const char *text = json_string_value(value);
		if (r == 0 && (!row || !text))
			r = error_set(e, EINVAL, "there is no option %.64s, or its value is not a string", name);
		if (r == 0)
			r = scaler_option_set(row, base, text, e);
	}
	return r;
}

/* `global` mixes what stands in [global] with what the command line says. */
static int read_global(json_t *options, struct global_options *global, struct error *e)
{
	json_t *dry_run = json_object_get(options, "dry-run");
	int r = scaler_options_default(SCALER_GLOBAL, global, e);

	if (r == 0 && dry_run)
		r = scaler_option_set(scaler_option_find(SCALER_COMMAND, "dry-run"), global,
				      json_is_string(dry_run) ? json_string_value(dry_run) : "", e);
	if (dry_run)
		json_object_del(options, "dry-run");
	return r < 0 ? r : read_options(options, SCALER_GLOBAL, global, e);
}

static bool read_integer(json_t *value, int64_t *out)
{
	const double bound = 9e18;
	double number = json_number_value(value);

	if (!json_is_number(value) || !(fabs(number) < bound) || trunc(number) != number)
		return false;
	*out = json_is_integer(value) ? json_integer_value(value) : (int64_t)number;
	return true;
}

/* {read, write}, or {reads, writes}. */
static int read_units(json_t *object, bool plural, struct units *units, struct error *e)
{
	for (int d = 0; d < DIMENSIONS; d++) {
		const struct dimension_row *row = &dimension_rows[d];
		if (!read_integer(json_object_get(object, plural ? row->plural : row->singular), &units->of[d]))
			return error_set(e, EINVAL, "expected a whole number of %s", row->plural);
	}
	return 0;
}

static int read_time(json_t *value, int64_t *now, struct error *e)
{
	const char *text = json_string_value(value), *end;
	struct tm time = { 0 };

	end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &time) : NULL;
	if (!end || *end)
		return expected(e, "\"now\" such as \"2024-01-15T05:30:03Z\"");
	*now = timegm(&time);
	return 0;
}

static double read_sum(json_t *metrics, const char *name)
{
	json_t *value = json_object_get(metrics, name);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* An answer of the breaker is an HTTP status, or the name of what went wrong. */
static bool is_open(json_t *answer)
{
	return answer && !(json_is_integer(answer) && breaker_closes((long)json_integer_value(answer)));
}

static int read_step(json_t *object, struct simulate_step *step, struct error *e)
{
	json_t *metrics = json_object_get(object, "metrics"), *errors = json_object_get(object, "update_errors");
	const char *status = json_string_value(json_object_get(object, "status"));

	if (!status)
		return expected(e, "a \"status\"");
	step->active = strcmp(status, "ACTIVE") == 0;
	step->breaker_open = is_open(json_object_get(object, "circuit_breaker"));
	for (size_t i = 0; i < SIMULATE_ATTEMPTS; i++)
		step->errors[i] = json_string_value(json_object_get(json_array_get(errors, i), "type"));
	for (int d = 0; d < DIMENSIONS; d++) {
		step->samples[d].consumed = read_sum(metrics, dimension_rows[d].consumed_metric);
		step->samples[d].throttled = read_sum(metrics, dimension_rows[d].throttle_metric);
	}
	int r = read_time(json_object_get(object, "now"), &step->now, e);
	return r < 0 ? r : read_units(json_object_get(object, "provisioned"), false, &step->provisioned, e);
}

static int read_steps(json_t *steps, struct simulation *made, struct error *e)
{
	int r = 0;

	made->n_steps = json_array_size(steps);
	made->steps = calloc(made->n_steps + 1, sizeof(*made->steps));
	if (!made->steps)
		return error_no_memory(e);
	for (size_t i = 0; r == 0 && i < made->n_steps; i++) {
		r = read_step(json_array_get(steps, i), &made->steps[i], e);
		if (r < 0)
			error_context(e, "step %zu", i + 1);
	}
	return r;
}

static int read_scenario(struct simulation *made, struct global_options *global, struct error *e)
{
	json_t *line = made->line, *checks = json_object_get(line, "start_checks");

	made->id = json_object_get(line, "id");
	made->target.table = json_string_value(json_object_get(line, "table"));
	made->target.index = json_string_value(json_object_get(line, "index"));
	if (!made->target.table)
		return expected(e, "a scenario with its \"table\"");
	int r = scaler_options_default(SCALER_SECTION, &made->options, e);
	if (r == 0)
		r = read_options(json_object_get(line, "options"), SCALER_SECTION, &made->options, e);
	if (r == 0)
		r = read_global(json_object_get(line, "global"), global, e);
	if (r == 0)
		r = breaker_request(&made->options, global, &made->breaker, e);
	if (r == 0 && checks)
		r = read_units(checks, true, &made->checks, e);
	made->dry_run = global->dry_run;
	return r < 0 ? r : read_steps(json_object_get(line, "steps"), made, e);
}

int simulate_parse(const char *text, size_t len, struct simulation *simulation, struct error *e)
{
	_simulate_cleanup_ struct simulation made = SIMULATION_NULL;
	struct global_options global = { 0 };
	json_error_t where;

	made.line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(made.line))
		return error_set(e, EINVAL, "expected a JSON object; %s", where.text);
	int r = read_scenario(&made, &global, e);
	for (enum scaler_scope scope = SCALER_GLOBAL; scope <= SCALER_COMMAND; scope++)
		scaler_options_deinit(scope, &global);
	if (r < 0)
		return r;
	*simulation = made;
	made = SIMULATION_NULL;
	return 0;
}

void simulate_deinit(struct simulation *simulation)
{
	scaler_options_deinit(SCALER_SECTION, &simulation->options);
	breaker_deinit(&simulation->breaker);
	free(simulation->steps);
	json_decref(simulation->line);
	*simulation = SIMULATION_NULL;
}

static int run_line(const char *text, size_t len, enum compat compat, FILE *out, struct error *e)
{
	_simulate_cleanup_ struct simulation simulation = SIMULATION_NULL;
	_buf_cleanup_ struct buf line = BUF_INIT(SIMULATE_LINE_MAX);

	if (strspn(text, " \t\r\n") == len)
		return 0;
	int r = simulate_parse(text, len, &simulation, e);
	if (r < 0)
		return r;
	simulate_line(&simulation, compat, &line);
	if (buf_error(&line) < 0)
		return error_no_memory(e);
	if (fwrite(line.data, 1, line.len, out) != line.len)
		return error_set(e, EIO, "the decisions cannot be written: %s", strerror(errno));
	return 0;
}

/* The next line, without its end. 0, 1 at the end of the file, or an error. */
static int read_line(gzFile file, struct buf *line, struct error *e)
{
	char piece[4096];
	int number;

	buf_reset(line);
	while (gzgets(file, piece, sizeof(piece))) {
		buf_str(line, piece);
		if (buf_error(line) < 0)
			return error_set(e, EFBIG, "a line may have at most %d bytes", SIMULATE_LINE_MAX);
		if (strchr(piece, '\n'))
			return 0;
	}
	const char *text = gzerror(file, &number);
	if (number != Z_OK && number != Z_STREAM_END)
		return error_set(e, EIO, "cannot be read: %s", text);
	return line->len ? 0 : 1;
}

int simulate_file(const char *path, enum compat compat, FILE *out, struct error *e)
{
	_buf_cleanup_ struct buf line = BUF_INIT(SIMULATE_LINE_MAX);
	bool standard = strcmp(path, "-") == 0;
	int number = 0, r;

	/* gzopen reads what is not gzip as it is. */
	gzFile file = standard ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
	if (!file)
		return error_set(e, EIO, "%.300s cannot be read: %s", path, strerror(errno));
	while ((r = read_line(file, &line, e)) == 0) {
		number++;
		r = run_line(buf_text(&line), line.len, compat, out, e);
		if (r < 0)
			break;
	}
	gzclose(file);
	if (r < 0)
		return error_context(e, "%.200s:%d", standard ? "standard input" : path, number);
	return fflush(out) == 0 ? 0 : error_set(e, EIO, "the decisions cannot be written: %s", strerror(errno));
}
