/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTEMPTS_MAX = 1000 };

static void free_text(char **text)
{
	free(*text);
}

#define _text_cleanup_ __attribute__((cleanup(free_text)))

int aws_setting(const struct credentials_context *context, const char *variable, const char *name, char **value,
		const char **from, struct error *e)
{
	const char *set = variable ? credentials_getenv(context, variable) : NULL;
	struct error why = ERROR_NULL;
	char *found = NULL;

	if (set) {
		found = strdup(set);
		if (!found)
			return error_no_memory(e);
	} else {
		int result = credentials_profile_setting(context, name, &found, &why);
		if (result < 0 && result != -ENOENT)
			return error_set(e, why.number, "%s", why.text);
	}
	*from = set ? variable : name;
	*value = found;
	return 0;
}

int aws_switch(const struct credentials_context *context, const char *variable, const char *name, bool *on,
	       struct error *e)
{
	_text_cleanup_ char *value = NULL;
	const char *from;
	int result = aws_setting(context, variable, name, &value, &from, e);

	if (result == 0)
		*on = value && strcasecmp(value, "true") == 0;
	return result;
}

static int load_attempts(const struct credentials_context *context, int *attempts, struct error *e)
{
	_text_cleanup_ char *value = NULL;
	const char *from;
	char *end;
	int result = aws_setting(context, "AWS_MAX_ATTEMPTS", "max_attempts", &value, &from, e);

	if (result < 0 || !value)
		return result;
	long number = strtol(value, &end, 10);
	if (end == value || *end || number < 1 || number > ATTEMPTS_MAX)
		return error_set(e, EINVAL, "%s is no number from 1 to %d", from, (int)ATTEMPTS_MAX);
	*attempts = (int)number;
	return 0;
}

static int load_mode(const struct credentials_context *context, struct error *e)
{
	_text_cleanup_ char *value = NULL;
	const char *from;
	int result = aws_setting(context, "AWS_RETRY_MODE", "retry_mode", &value, &from, e);

	if (result == 0 && value && strcmp(value, "standard") != 0)
		log_info(context->log, "%s: %.32s is taken as standard", from, value);
	return result;
}

static int load_bundle(const struct credentials_context *context, char **bundle, struct error *e)
{
	_text_cleanup_ char *value = NULL;
	const char *from;
	struct stat st;
	int result = aws_setting(context, "AWS_CA_BUNDLE", "ca_bundle", &value, &from, e);

	if (result < 0 || !value)
		return result;
	if (stat(value, &st) < 0 || access(value, R_OK) < 0)
		return error_set(e, EINVAL, "%s names %.300s, which cannot be read: %s", from, value, strerror(errno));
	/* TLS reads it at every connection, and a FIFO has no deadline. */
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "%s names %.300s, which is not a regular file: name one of certificates",
				 from, value);
	*bundle = value;
	value = NULL;
	return 0;
}

int aws_config_load(const struct credentials_context *context, struct aws_config *config, struct error *e)
{
	_aws_config_cleanup_ struct aws_config loaded = AWS_CONFIG_NULL;
	int result = load_attempts(context, &loaded.max_attempts, e);

	if (result == 0)
		result = load_mode(context, e);
	if (result == 0)
		result = load_bundle(context, &loaded.ca_bundle, e);
	if (result < 0)
		return result;
	*config = loaded;
	loaded = AWS_CONFIG_NULL;
	return 0;
}

void aws_config_deinit(struct aws_config *config)
{
	free(config->ca_bundle);
	*config = AWS_CONFIG_NULL;
}
