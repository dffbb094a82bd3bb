/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/http.h"

void http_response_deinit(struct http_response *response)
{
	buf_deinit(&response->body);
}

void http_free(struct http *http)
{
	if (http)
		http->ops->free(http);
}
