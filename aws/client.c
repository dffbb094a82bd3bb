/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/client.h"

#include "aws/errors.h"
#include "aws/sigv4.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

/* The numbers of the SDKs' standard mode.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html */
enum { ATTEMPTS = 3, QUOTA = 500, COST = 5, COST_TIMEOUT = 10, BACKOFF_MS = 50, BACKOFF_MAX_MS = 20000 };

/* AWS takes a signature for five minutes. */
#define SKEW_TOLERANCE (4 * 60 * CLOCK_SECOND)

struct client {
	struct client_config config; /* its strings are owned */
	char *host;                  /* the Host header: the port is left out where it is the scheme's own */
	const char *path;            /* of every request; points into config.endpoint, or is "/" */
	_Atomic int64_t skew;        /* nanoseconds to add to the wall clock, learnt from an answer */
	_Atomic int tokens;          /* the retry quota, shared by all calls */
};

/* One call under way. */
struct trial {
	struct client *client;
	const struct client_call *call;
	const char *operation;
	struct client_outcome outcome;
	struct http_response response;
	struct error error; /* of the last attempt */
	int64_t started;
	int failures; /* that count against max_attempts */
	int retries;  /* that were waited for */
	int cost;     /* of the next retry, in tokens */
	int spent;    /* tokens, given back on success */
	bool renewed, corrected;
	int64_t skew; /* what the last attempt was signed with */
	int64_t took; /* nanoseconds, the last attempt */
};

enum verdict {
	DONE,
	GIVE_UP,
	AGAIN,           /* what was wrong is mended: at once */
	AGAIN_LATER,     /* as long as attempts are left */
	AGAIN_THROTTLED, /* as long as time is left */
};

static uint32_t system_random(void *data)
{
	uint32_t number;

	(void)data;
	/* Jitter is all it is for: the middle will do where the kernel has none yet. */
	return getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0 ? UINT32_MAX / 2 : number;
}

static bool change_tokens(struct client *c, int by)
{
	int before = atomic_load(&c->tokens), after;

	do {
		after = before + by < QUOTA ? before + by : QUOTA;
		if (after < 0)
			return false;
	} while (!atomic_compare_exchange_weak(&c->tokens, &before, after));
	return true;
}

static enum verdict fail(struct trial *t, enum verdict verdict, int number, const char *what, const char *detail)
{
	error_set(&t->error, number, "%s: %s %s%s%s", t->operation, t->client->host, what, *detail ? ": " : "", detail);
	return verdict;
}

/* The exchange ended without an answer. */
static enum verdict judge_broken(struct trial *t, bool sent)
{
	const struct client_call *call = t->call;
	struct error was = t->error;
	char late[64];

	t->outcome.answer_lost |= sent;
	switch (was.number) {
	case ECANCELED:
	case ENOMEM:
	case EINVAL:
		return GIVE_UP;
	case EFBIG: /* the answer's size, not the item's */
		return fail(t, GIVE_UP, EIO, "gave an unusable answer", was.text);
	case ECONNREFUSED:
		return fail(t, AGAIN_LATER, EIO, "cannot be reached", was.text);
	case ETIMEDOUT:
		if (clock_mono(t->client->config.clock) < call->deadline) {
			t->cost = COST_TIMEOUT;
			return fail(t, AGAIN_LATER, EIO, "cannot be reached", was.text);
		}
		snprintf(late, sizeof(late), "did not answer within %.3g s",
			 (double)(call->deadline - t->started) / CLOCK_SECOND);
		return fail(t, GIVE_UP, ETIMEDOUT, late, "");
	default:
		return fail(t, AGAIN_LATER, EIO, "broke off", was.text);
	}
}

/* DynamoDB sends the crc32 of the body. */
static bool is_damaged(const struct http_response *response)
{
	char *end;
	unsigned long sum = strtoul(response->crc32, &end, 10);

	return response->crc32[0] && *end == '\0' &&
	       sum != crc32_z(crc32_z(0, NULL, 0), (const Bytef *)buf_text(&response->body), response->body.len);
}

static enum verdict judge_success(struct trial *t)
{
	const struct client_call *call = t->call;
	struct error why = ERROR_NULL;

	if (is_damaged(&t->response)) {
		t->outcome.answer_lost = true;
		return fail(t, AGAIN_LATER, EIO, "gave a damaged answer", "its checksum differs");
	}
	int rc = call->check ? call->check(call->check_data, &t->response.body, &why) : 0;
	if (rc == 0)
		return DONE;
	t->outcome.answer_lost = true;
	return fail(t, rc == -ENOMEM ? GIVE_UP : AGAIN_LATER, rc == -ENOMEM ? ENOMEM : EIO, "gave an unusable answer",
		    why.text);
}

/* Learns by how much the server's clock is ahead of ours, once a call; false when the attempt was signed with that
 * already, give or take `tolerance`. */
static bool correct_skew(struct trial *t, int64_t tolerance)
{
	int64_t ahead = t->outcome.ahead;

	if (t->corrected || !t->outcome.dated || !t->client->config.credentials || llabs(ahead - t->skew) < tolerance)
		return false;
	t->corrected = true;
	/* Another call may have learnt it since this one was signed. */
	if (llabs(atomic_exchange(&t->client->skew, ahead) - ahead) < SKEW_TOLERANCE)
		return true;
	credentials_chain_set_skew(t->client->config.credentials, ahead);
	log_warning(t->client->config.log, "this machine's clock differs from that of %s by %lld s: set it",
		    t->client->host, (long long)(ahead / CLOCK_SECOND));
	return true;
}

/* Services call a wrong time by many names, most of which mean wrong keys too: the answer's Date tells. */
static bool is_skewed(struct trial *t, const struct aws_error *row)
{
	int status = t->response.status;

	if (row->kind == AWS_ERROR_SKEW)
		return correct_skew(t, 0);
	return row->number == EACCES && (status == 400 || status == 401 || status == 403) &&
	       correct_skew(t, SKEW_TOLERANCE);
}

static bool renew_credentials(struct trial *t, const struct credentials *used)
{
	if (t->renewed || !used)
		return false;
	t->renewed = true;
	credentials_chain_invalidate(t->client->config.credentials, used);
	return true;
}

/* An answer of another status than 2xx. */
static enum verdict judge_refusal(struct trial *t, const struct credentials *used)
{
	struct aws_error_answer answer;
	char what[512], status[16];

	aws_error_decode(&t->response, &answer);
	const struct aws_error *row = answer.row;
	t->outcome.code = *row->code ? row->code : NULL;
	t->outcome.throttled = row->kind == AWS_ERROR_THROTTLE;
	t->outcome.throttles += t->outcome.throttled;
	memcpy(t->outcome.reasons, answer.reasons, sizeof(t->outcome.reasons));
	/* A server that failed may have done the work before. */
	t->outcome.answer_lost |= t->response.status >= 500 || t->response.status == 408;
	snprintf(status, sizeof(status), "status %d", t->response.status);
	snprintf(what, sizeof(what), "answered %s%s%s", *answer.code ? answer.code : status,
		 *answer.message ? ": " : "", answer.message);
	fail(t, GIVE_UP, row->number, what, row->advice);
	if (is_skewed(t, row))
		return AGAIN;
	switch (row->kind) {
	case AWS_ERROR_TRANSIENT:
		return AGAIN_LATER;
	case AWS_ERROR_THROTTLE:
		return AGAIN_THROTTLED;
	case AWS_ERROR_EXPIRED:
		return renew_credentials(t, used) ? AGAIN : GIVE_UP;
	default:
		return GIVE_UP;
	}
}

/* Its precision is a second. */
static void note_date(struct trial *t)
{
	int64_t wall;

	t->outcome.dated = http_date(t->response.date, &wall) == 0;
	t->outcome.ahead = t->outcome.dated ? wall - clock_wall(t->client->config.clock) : 0;
}

static int sign(const struct trial *t, const struct credentials *credentials, const struct http_header *headers,
		size_t n_headers, struct sigv4_signature *signature, struct error *e)
{
	const struct client *c = t->client;
	struct sigv4_request request = {
		.method = "POST",
		.host = c->host,
		.path = c->path,
		.query = "",
		.headers = headers,
		.n_headers = n_headers,
		.body = t->call->body,
		.body_len = t->call->body_len,
		.region = c->config.region,
		.service = c->config.service,
		.wall = clock_wall(c->config.clock) + t->skew,
	};

	return sigv4_sign(&request, credentials, signature, e);
}

static enum verdict exchange(struct trial *t, const struct credentials *credentials)
{
	const struct client_call *call = t->call;
	struct sigv4_signature signature;
	struct http_header headers[6];
	bool sent = false;
	size_t n = 0;

	headers[n++] = (struct http_header){ "Content-Type", call->content_type };
	if (call->target)
		headers[n++] = (struct http_header){ "X-Amz-Target", call->target };
	if (credentials && sign(t, credentials, headers, n, &signature, &t->error) < 0)
		return GIVE_UP;
	headers[n++] = (struct http_header){ "Host", t->client->host };
	if (credentials && credentials->session_token)
		headers[n++] = (struct http_header){ "X-Amz-Security-Token", credentials->session_token };
	if (credentials) {
		headers[n++] = (struct http_header){ "X-Amz-Date", signature.date };
		headers[n++] = (struct http_header){ "Authorization", signature.authorization };
	}
	struct http_request request = {
		.method = "POST",
		.url = t->client->config.endpoint,
		.headers = headers,
		.n_headers = n,
		.body = call->body,
		.body_len = call->body_len,
		.deadline = call->deadline,
		.cancel_fd = call->cancel_fd,
	};
	if (http_perform(t->client->config.http, &request, &t->response, &sent, &t->error) < 0)
		return judge_broken(t, sent);
	t->outcome.answer_lost |= t->response.resent;
	note_date(t);
	return t->response.status / 100 == 2 ? judge_success(t) : judge_refusal(t, credentials);
}

static enum verdict attempt(struct trial *t)
{
	struct credentials_chain *chain = t->client->config.credentials;
	_credentials_cleanup_ struct credentials credentials = CREDENTIALS_NULL;

	t->outcome.attempts++;
	t->outcome.throttled = false;
	t->outcome.code = NULL;
	t->outcome.reasons[0] = '\0';
	t->cost = COST;
	t->skew = atomic_load(&t->client->skew);
	if (chain && credentials_chain_get(chain, t->call->deadline, t->call->cancel_fd, &credentials, &t->error) < 0)
		return GIVE_UP;
	return exchange(t, chain ? &credentials : NULL);
}

/* Full jitter: anything between nothing and a limit that doubles. */
static int64_t backoff(struct trial *t)
{
	const struct client_config *config = &t->client->config;
	int64_t limit = t->retries < 9 ? (int64_t)BACKOFF_MS << t->retries : BACKOFF_MAX_MS;

	if (limit > BACKOFF_MAX_MS)
		limit = BACKOFF_MAX_MS;
	return (limit * 1000 * config->random(config->random_data) >> 32) * (CLOCK_MS / 1000);
}

/* Whether to go on, after the wait that goes before it. */
static bool wait_again(struct trial *t, enum verdict verdict)
{
	const struct client_config *config = &t->client->config;

	if (verdict == DONE || verdict == GIVE_UP)
		return false;
	if (verdict == AGAIN)
		return true;
	t->failures++;
	if (verdict == AGAIN_LATER && t->failures >= config->max_attempts)
		return false;
	int64_t until = clock_mono(config->clock) + backoff(t);
	/* Throttled is what is known; an attempt without the time of the last one would make that a lost answer. */
	if (until + (verdict == AGAIN_THROTTLED ? t->took : 0) >= t->call->deadline ||
	    !change_tokens(t->client, -t->cost))
		return false;
	t->spent += t->cost;
	t->retries++;
	log_debug(config->log, "%s; trying again", t->error.text);
	if (clock_sleep(config->clock, until, t->call->cancel_fd) == 0)
		return true;
	error_set(&t->error, ECANCELED, "%s: the request was given up", t->operation);
	return false;
}

int client_perform(struct client *client, const struct client_call *call, struct buf *answer,
		   struct client_outcome *outcome, struct error *e)
{
	const char *dot = call->target ? strrchr(call->target, '.') : NULL;
	struct trial t = {
		.client = client,
		.call = call,
		.operation = dot ? dot + 1 : call->operation,
		.response.body = { .max = call->max_answer, .secret = call->secret },
		.started = clock_mono(client->config.clock),
	};
	enum verdict verdict;

	do {
		int64_t began = clock_mono(client->config.clock);
		verdict = attempt(&t);
		t.took = clock_mono(client->config.clock) - began;
	} while (wait_again(&t, verdict));
	if (outcome)
		*outcome = t.outcome;
	if (client->config.observe)
		client->config.observe(client->config.observe_data, t.operation, &t.outcome,
				       verdict == DONE ? 0 : -t.error.number,
				       clock_mono(client->config.clock) - t.started);
	if (verdict == DONE) {
		change_tokens(client, t.spent + 1);
		buf_deinit(answer);
		*answer = t.response.body;
		return 0;
	}
	http_response_deinit(&t.response);
	return error_set(e, t.error.number, "%s", t.error.text);
}

/* Splits "scheme://host[:port][/path]". */
static int set_endpoint(struct client *c, const char *endpoint, struct error *e)
{
	static const struct {
		const char *scheme, *port;
	} schemes[] = { { "https://", ":443" }, { "http://", ":80" } };
	const char *rest = NULL, *port = "";

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && !rest; i++) {
		port = schemes[i].port;
		if (strncmp(endpoint, schemes[i].scheme, strlen(schemes[i].scheme)) == 0)
			rest = endpoint + strlen(schemes[i].scheme);
	}
	size_t len = rest ? strcspn(rest, "/") : 0;
	/* No user name: it would end in the log. No query: nothing here would sign it. */
	if (!len || memchr(rest, '@', len) || strpbrk(rest, "?# \t\r\n"))
		return error_set(e, EINVAL, "the endpoint must look like https://HOST[:PORT][/PATH]");
	c->path = rest[len] ? rest + len : "/";
	if (len > strlen(port) && strncmp(rest + len - strlen(port), port, strlen(port)) == 0)
		len -= strlen(port);
	c->host = strndup(rest, len);
	return c->host ? 0 : error_no_memory(e);
}

int client_new(const struct client_config *config, struct client **client, struct error *e)
{
	struct client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return error_no_memory(e);
	c->config = *config;
	c->config.service = strdup(config->service);
	c->config.region = strdup(config->region);
	c->config.endpoint = strdup(config->endpoint);
	if (!config->max_attempts)
		c->config.max_attempts = ATTEMPTS;
	if (!config->random)
		c->config.random = system_random;
	atomic_init(&c->tokens, QUOTA);
	if (!c->config.service || !c->config.region || !c->config.endpoint)
		rc = error_no_memory(e);
	else
		rc = set_endpoint(c, c->config.endpoint, e);
	if (rc < 0) {
		client_free(c);
		return rc;
	}
	*client = c;
	return 0;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	free((char *)client->config.service);
	free((char *)client->config.region);
	free((char *)client->config.endpoint);
	free(client->host);
	free(client);
}
