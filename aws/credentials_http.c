/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/clock.h"
#include "aws/credentials_private.h"

#include <errno.h>

enum { PAUSE_MS = 100 };

static bool is_passing(int result, const struct http_response *response)
{
	if (result < 0)
		return result != -ECANCELED && result != -ENOMEM && result != -EINVAL && result != -EFBIG;
	return response->status >= 500 || response->status == 429;
}

int credentials_ask_server(const struct credentials_context *context, const struct credentials_server *server,
			   struct http_request *request, struct http_response *response, struct error *e)
{
	struct clock *clock = credentials_clock(context);
	struct error why = ERROR_NULL;
	bool sent;

	request->no_proxy = server->no_proxy;
	for (int try = 1;; try++) {
		request->deadline = clock_mono(clock) + server->patience;
		int result = http_perform(context->http, request, response, &sent, &why);
		if (!is_passing(result, response) || try == server->tries) {
			if (result == 0)
				return 0;
			bool known = result == -ETIMEDOUT || result == -ECANCELED || result == -ENOMEM;
			return error_set(e, known ? -result : EIO, "%s: %s", server->what, why.text);
		}
		log_debug(context->log, "%s: %s; trying again", server->what,
			  result < 0 ? why.text : "the server failed");
		if (clock_sleep(clock, clock_mono(clock) + PAUSE_MS * try * CLOCK_MS, request->cancel_fd) < 0)
			return error_set(e, ECANCELED, "%s: the request was given up", server->what);
	}
}
