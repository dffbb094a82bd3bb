/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/http.h"

#include "aws/core/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void http_response_deinit(struct http_response *response)
{
	buf_deinit(&response->body);
}

/* Not strptime, which speaks the locale's language. */
int http_date(const char *text, int64_t *wall)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { 0 };
	char month[4];
	int end = 0;

	if (strpbrk(text, "-+"))
		return -EINVAL;
	if (sscanf(text, "%*3c, %2d %3s %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec, &end) != 6 ||
	    !end || text[end])
		return -EINVAL;
	const char *at = strstr(months, month);
	if (!at || strlen(month) != 3 || (at - months) % 3 || tm.tm_year < 1970 || tm.tm_year > 2200)
		return -EINVAL;
	tm.tm_mon = (int)(at - months) / 3;
	tm.tm_year -= 1900;
	*wall = timegm(&tm) * CLOCK_SECOND;
	return 0;
}

void http_free(struct http *http)
{
	if (http)
		http->ops->free(http);
}
