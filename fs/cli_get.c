/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/buf.h"
#include "fs/cli.h"
#include "fs/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUE_MAX = 16 << 20 };

/* A value that `render` accepts is printed as `out`; others are -EINVAL. `text` is NUL-terminated. */
struct get_type {
	const char *name;
	int (*render)(const char *text, size_t len, struct buf *out);
};

static int render_string(const char *text, size_t len, struct buf *out)
{
	buf_append(out, text, len);
	return 0;
}

static const char *skip_digits(const char *text, bool *any)
{
	size_t n = strspn(text, "0123456789");

	*any |= n > 0;
	return text + n;
}

/* Decimal syntax as JSON and DynamoDB have it, leading zeros and a sign allowed; the digits are printed as they are. */
static int render_number(const char *text, size_t len, struct buf *out)
{
	const char *start, *end;
	bool mantissa = false, exponent = false;

	start = text + strspn(text, " \t\r\n");
	end = skip_digits(start + (*start == '+' || *start == '-'), &mantissa);
	if (*end == '.')
		end = skip_digits(end + 1, &mantissa);
	if (mantissa && (*end == 'e' || *end == 'E')) {
		end++;
		end = skip_digits(end + (*end == '+' || *end == '-'), &exponent);
		mantissa = exponent;
	}
	if (!mantissa || (size_t)(end - text) + strspn(end, " \t\r\n") != len)
		return -EINVAL;
	buf_append(out, start, (size_t)(end - start));
	return 0;
}

static int render_bool(const char *text, size_t len, struct buf *out)
{
	static const char *const words[][2] = {
		{ "true", "true" }, { "1", "true" }, { "false", "false" }, { "0", "false" }
	};
	size_t lead = strspn(text, " \t\r\n"), word = strcspn(text + lead, " \t\r\n");

	if (lead + word + strspn(text + lead + word, " \t\r\n") != len)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i][0]) == word && memcmp(words[i][0], text + lead, word) == 0) {
			buf_str(out, words[i][1]);
			return 0;
		}
	}
	return -EINVAL;
}

static const struct get_type types[] = {
	{ "string", render_string },
	{ "number", render_number },
	{ "bool", render_bool },
};

static const struct get_type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	}
	return NULL;
}

static int read_value(const char *path, struct buf *value, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	char part[4096];

	while (fd >= 0 && buf_error(value) == 0 && (n = read(fd, part, sizeof(part))) > 0)
		buf_append(value, part, (size_t)n);
	int failed = n < 0 ? errno : -buf_error(value);
	if (fd >= 0)
		close(fd);
	if (failed == EISDIR)
		return error_set(e, EISDIR, "%.300s is a directory: name a file in it", path);
	return failed ? error_set(e, failed, "%.300s: %s", path, strerror(failed)) : 0;
}

static int print_value(const struct get_type *type, const char *text, size_t len)
{
	_buf_cleanup_ struct buf out = BUF_INIT(VALUE_MAX + 2);

	if (type->render(text, len, &out) < 0)
		return CLI_WRONG_TYPE;
	if (out.len == 0 || out.data[out.len - 1] != '\n')
		buf_char(&out, '\n');
	if (buf_error(&out) < 0)
		return cli_failed(&(struct error){ .text = "there is not enough memory" });
	fwrite(out.data, 1, out.len, stdout);
	return CLI_OK;
}

static int get(const char *path, const struct get_type *type, const char *fallback)
{
	_buf_cleanup_ struct buf value = BUF_INIT(VALUE_MAX);
	struct error e = ERROR_NULL;

	int r = read_value(path, &value, &e);
	/* An empty mountpoint has no keys either, which proves nothing. */
	if (r == -ENOENT && !mountpoint_is_ours(path)) {
		error_set(&e, ENXIO, "%.300s is not on a dynconf mount: is it mounted?", path);
		return cli_failed(&e);
	}
	if (r == -ENOENT && fallback)
		return print_value(type, fallback, strlen(fallback));
	if (r < 0) {
		cli_failed(&e);
		return r == -ENOENT ? CLI_MISSING : CLI_FAILED;
	}
	int status = print_value(type, buf_text(&value), value.len);
	if (status == CLI_WRONG_TYPE) {
		error_set(&e, EINVAL, "%.300s does not hold a %s", path, type->name);
		cli_failed(&e);
	}
	return status;
}

int cli_get(int argc, char **argv)
{
	static const struct option flags[] = {
		{ "type", required_argument, NULL, 't' },
		{ "default", required_argument, NULL, 'd' },
		{ 0 },
	};
	const struct get_type *type = &types[0];
	const char *fallback = NULL;
	_buf_cleanup_ struct buf tried = BUF_INIT(VALUE_MAX);

	optind = 0;
	for (int answer; (answer = getopt_long(argc, argv, ":", flags, NULL)) != -1;) {
		if (answer == 't')
			type = find_type(optarg);
		else if (answer == 'd')
			fallback = optarg;
		else
			return cli_bad_flag(answer, argv);
		if (!type)
			return cli_usage("--type takes string, number or bool");
	}
	if (argc - optind != 1)
		return cli_usage("get takes one path");
	if (fallback && type->render(fallback, strlen(fallback), &tried) < 0)
		return cli_usage("the value of --default is not a %s", type->name);
	return get(argv[optind], type, fallback);
}
