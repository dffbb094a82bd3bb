/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/sns.h"
#include "tests/unit/scripted.h"

#include <errno.h>

static void test_publish(void **state)
{
	struct sns_message message = { .topic_arn = "arn:t", .subject = "Scaled", .text = "table conf\nreads 5" };
	char id[SNS_ID_MAX] = "untouched";
	struct run r;

	(void)state;
	BEGIN(r, { .body = "<PublishResponse><PublishResult/></PublishResponse>" }, { .status = 503 },
	      { .status = 503 },
	      { .body = "<PublishResponse><PublishResult><MessageId>94f20ce6</MessageId></PublishResult></"
			"PublishResponse>" });
	assert_int_equal(sns_publish(r.service.client, &r.frame, &message, id, &r.error), -EIO);
	assert_string_equal(id, "untouched");
	assert_int_equal(sns_publish(r.service.client, &r.frame, &message, id, &r.error), 0);
	assert_string_equal(id, "94f20ce6");
	assert_sent(
		&r, 0, "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
		"Action=Publish&Version=2010-03-31&TopicArn=arn%3At&Subject=Scaled&Message=table%20conf%0Areads%205");
	message.subject = NULL;
	assert_int_equal(sns_publish(r.service.client, &r.frame, &message, id, &r.error), 0);
	assert_null(strstr(r.service.requests[4].body, "Subject"));
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
