/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/breaker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As the original read it: credentials are what stands before the LAST `@`, split at the last colon that has text on
 * both sides; where none has, there are none. */
static int split(const char *url, size_t scheme, struct breaker_request *request, struct error *e)
{
	const char *rest = url + scheme, *at = strrchr(rest, '@');
	const char *colon = at && at - rest > 2 ? memrchr(rest + 1, ':', (size_t)(at - rest - 2)) : NULL;

	if (!colon) {
		request->url = strdup(url);
		return request->url ? 0 : error_no_memory(e);
	}
	request->user = strndup(rest, (size_t)(colon - rest));
	request->password = strndup(colon + 1, (size_t)(at - colon - 1));
	request->url = malloc(strlen(url) + 1);
	if (!request->user || !request->password || !request->url)
		return error_no_memory(e);
	memcpy(request->url, url, scheme);
	strcpy(request->url + scheme, at + 1);
	return 0;
}

int breaker_request(const struct section_options *section, const struct global_options *global,
		    struct breaker_request *out, struct error *e)
{
	bool own = section->breaker_url && *section->breaker_url;
	const char *url = own ? section->breaker_url : global->breaker_url;
	_breaker_cleanup_ struct breaker_request request = BREAKER_NULL;

	if (!url || !*url) {
		*out = request;
		return 0;
	}
	request.timeout = (own ? section->breaker_timeout : global->breaker_timeout) / 1000;
	size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
	if (!scheme)
		return error_set(e, EINVAL, "circuit-breaker-url begins with http:// or https://");
	int r = split(url, scheme, &request, e);
	if (r < 0)
		return r;
	*out = request;
	request = BREAKER_NULL;
	return 0;
}

void breaker_deinit(struct breaker_request *request)
{
	if (request->password)
		explicit_bzero(request->password, strlen(request->password));
	free(request->url);
	free(request->user);
	free(request->password);
	*request = BREAKER_NULL;
}
