/* SPDX-License-Identifier: Apache-2.0 */
/* The input is the body of a 200 to AssumeRole. */
#include "aws/sts.h"
#include "tests/unit/fake_http.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_answer answer = { .body = (const char *)data, .len = size };
	struct sts_role role = { .arn = "arn", .session_name = "s", .provider = "role" };
	_credentials_cleanup_ struct credentials got = CREDENTIALS_NULL;
	struct fake_service service;

	if (size == 0)
		return 0;
	if (fake_service_init(&service, &answer, 1) < 0)
		abort();
	struct client_frame frame = { .deadline = fake_deadline(&service), .cancel_fd = -1 };
	int rc = sts_assume_role(service.client, &frame, &role, &got, NULL);
	if ((rc == 0) != (got.access_key_id && got.secret_access_key && got.session_token && got.expires >= 0))
		abort();
	fake_service_deinit(&service);
	return 0;
}
