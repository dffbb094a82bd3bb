/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/list.h"

#include <string.h>

size_t list_next(const char **list, const char **entry)
{
	size_t len = strcspn(*list, ",");

	*entry = *list;
	*list = (*list)[len] ? *list + len + 1 : NULL;
	return len;
}

size_t list_trim(const char **text, size_t len)
{
	while (len && strchr(LIST_BLANKS, (*text)[len - 1]))
		len--;
	for (; len && strchr(LIST_BLANKS, **text); len--)
		(*text)++;
	return len;
}

size_t list_next_trimmed(const char **list, const char **entry)
{
	size_t len = list_next(list, entry);

	return list_trim(entry, len);
}
