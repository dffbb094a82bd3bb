/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *e, int number, const char *format, ...)
{
	va_list args;

	if (!e)
		return -number;
	e->number = number;
	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	return -number;
}

int error_context(struct error *e, const char *format, ...)
{
	char context[ERROR_TEXT_MAX / 2], sentence[ERROR_TEXT_MAX];
	va_list args;

	if (!e)
		return -EIO;
	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	memcpy(sentence, e->text, sizeof(sentence));
	/* The sentence may be cut here: it is the end that matters least. */
	size_t used = (size_t)snprintf(e->text, sizeof(e->text), "%s: ", context);
	snprintf(e->text + used, sizeof(e->text) - used, "%.*s", (int)(sizeof(e->text) - used - 1), sentence);
	return -e->number;
}

int error_no_memory(struct error *e)
{
	return error_set(e, ENOMEM, "there is not enough memory");
}
