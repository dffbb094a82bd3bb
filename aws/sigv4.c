/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sigv4.h"
#include "aws/core/buf.h"
#include "aws/core/clock.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define BLANKS " \t\r\n\v\f"

/* The bounds of what is signed, without the body, and of a secret key: several times what AWS hands out. */
enum { SHA256_BYTES = 32, CANONICAL_MAX = 64 << 10, SECRET_MAX = 1024, DATE_LEN = 8 };

/* Host, x-amz-date and x-amz-security-token are added to the caller's headers. */
struct header_list {
	struct http_header items[SIGV4_HEADERS_MAX + 3];
	size_t n;
};

struct parameter {
	const char *name, *value;
	size_t name_len, value_len;
};

static int finish(const struct buf *out, struct error *e)
{
	switch (buf_error(out)) {
	case 0:
		return 0;
	case -ENOMEM:
		return error_no_memory(e);
	default:
		return error_set(e, EFBIG, "the request's headers, path or query are too long to be signed");
	}
}

static int format_date(int64_t wall, char date[static 17], struct error *e)
{
	time_t seconds = (time_t)(wall / CLOCK_SECOND);
	struct tm utc;

	if (wall < 0 || !gmtime_r(&seconds, &utc) || strftime(date, 17, "%Y%m%dT%H%M%SZ", &utc) != 16)
		return error_set(e, EINVAL, "the time to sign for is out of range: set the machine's clock");
	return 0;
}

/* RFC 3986, section 2.3: what is never encoded. */
static void append_encoded(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			buf_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void drop_segment(struct buf *out, size_t base)
{
	while (out->len > base && out->data[--out->len] != '/')
		;
}

/*
 * The path as the server sees it after it removed empty and dot segments, each segment encoded once more: a path that
 * is sent as /a%20b is signed as /a%2520b.
 */
static void canonical_path(struct buf *out, const char *path)
{
	size_t base = out->len;

	for (const char *at = path + strspn(path, "/"); *at; at += strspn(at, "/")) {
		size_t len = strcspn(at, "/");
		if (len == 2 && memcmp(at, "..", 2) == 0) {
			drop_segment(out, base);
		} else if (len != 1 || *at != '.') {
			buf_char(out, '/');
			append_encoded(out, at, len);
		}
		at += len;
	}
	size_t len = strlen(path);
	if (out->len == base || path[len - 1] == '/')
		buf_char(out, '/');
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int by_name_and_value(const void *a, const void *b)
{
	const struct parameter *left = a, *right = b;
	int order = compare_bytes(left->name, left->name_len, right->name, right->name_len);

	return order ? order : compare_bytes(left->value, left->value_len, right->value, right->value_len);
}

static int canonical_query(struct buf *out, const char *query, struct error *e)
{
	struct parameter list[SIGV4_QUERY_MAX];
	size_t n = 0;

	for (const char *at = query, *end; *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, '&');
		if (n == SIGV4_QUERY_MAX)
			return error_set(e, EINVAL, "a request with more than %d parameters cannot be signed",
					 SIGV4_QUERY_MAX);
		const char *equals = memchr(at, '=', (size_t)(end - at));
		const char *value = equals ? equals + 1 : end;
		list[n++] = (struct parameter){
			.name = at,
			.name_len = (size_t)((equals ? equals : end) - at),
			.value = value,
			.value_len = (size_t)(end - value),
		};
	}
	qsort(list, n, sizeof(*list), by_name_and_value);
	for (size_t i = 0; i < n; i++) {
		buf_str(out, i ? "&" : "");
		buf_append(out, list[i].name, list[i].name_len);
		buf_char(out, '=');
		buf_append(out, list[i].value, list[i].value_len);
	}
	return 0;
}

/* Keeps the list sorted; headers of one name stay in the order in which they came. */
static void insert_header(struct header_list *list, const char *name, const char *value)
{
	size_t at = list->n++;

	for (; at > 0 && strcasecmp(list->items[at - 1].name, name) > 0; at--)
		list->items[at] = list->items[at - 1];
	list->items[at] = (struct http_header){ name, value };
}

static int collect_headers(const struct sigv4_request *request, const struct credentials *credentials, const char *date,
			   struct header_list *list, struct error *e)
{
	if (request->n_headers > SIGV4_HEADERS_MAX)
		return error_set(e, EINVAL, "a request with more than %d headers cannot be signed", SIGV4_HEADERS_MAX);
	insert_header(list, "host", request->host);
	insert_header(list, "x-amz-date", date);
	if (credentials->session_token)
		insert_header(list, "x-amz-security-token", credentials->session_token);
	for (size_t i = 0; i < request->n_headers; i++)
		insert_header(list, request->headers[i].name, request->headers[i].value);
	return 0;
}

static bool repeats(const struct header_list *list, size_t i)
{
	return i > 0 && strcasecmp(list->items[i - 1].name, list->items[i].name) == 0;
}

static void append_lower(struct buf *out, const char *name)
{
	size_t len = strlen(name);
	char *room = buf_reserve(out, len);

	if (!room)
		return;
	for (size_t i = 0; i < len; i++)
		room[i] = (char)tolower((unsigned char)name[i]);
	room[len] = '\0';
	out->len += len;
}

/* Without blanks at the ends, and one for each run of them inside. */
static void append_trimmed(struct buf *out, const char *value)
{
	const char *gap = "";

	for (const char *at = value + strspn(value, BLANKS); *at; at += strspn(at, BLANKS)) {
		size_t len = strcspn(at, BLANKS);
		buf_str(out, gap);
		buf_append(out, at, len);
		gap = " ";
		at += len;
	}
}

static void canonical_headers(struct buf *out, const struct header_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (repeats(list, i)) {
			buf_char(out, ',');
		} else {
			buf_str(out, i ? "\n" : "");
			append_lower(out, list->items[i].name);
			buf_char(out, ':');
		}
		append_trimmed(out, list->items[i].value);
	}
	buf_char(out, '\n');
}

static void signed_headers(struct buf *out, const struct header_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (repeats(list, i))
			continue;
		buf_str(out, i ? ";" : "");
		append_lower(out, list->items[i].name);
	}
}

static int append_sha256(struct buf *out, const void *bytes, size_t len, struct error *e)
{
	unsigned char digest[SHA256_BYTES];

	if (EVP_Digest(len ? bytes : "", len, digest, NULL, EVP_sha256(), NULL) != 1)
		return error_set(e, EIO, "OpenSSL offers no SHA-256: check its configuration");
	buf_hex(out, digest, sizeof(digest));
	return 0;
}

/* Everything that both the text and the Authorization header need of a request. */
struct signing {
	char date[17];
	struct header_list headers;
};

static int prepare(const struct sigv4_request *request, const struct credentials *credentials, struct signing *signing,
		   struct error *e)
{
	int result = format_date(request->wall, signing->date, e);

	return result < 0 ? result : collect_headers(request, credentials, signing->date, &signing->headers, e);
}

static int append_canonical(const struct sigv4_request *request, const struct signing *signing, struct buf *out,
			    struct error *e)
{
	buf_printf(out, "%s\n", request->method);
	canonical_path(out, request->path);
	buf_char(out, '\n');
	int result = canonical_query(out, request->query, e);
	if (result < 0)
		return result;
	buf_char(out, '\n');
	canonical_headers(out, &signing->headers);
	buf_char(out, '\n');
	signed_headers(out, &signing->headers);
	buf_char(out, '\n');
	result = append_sha256(out, request->body, request->body_len, e);
	return result < 0 ? result : finish(out, e);
}

static void append_scope(struct buf *out, const struct sigv4_request *request, const struct signing *signing)
{
	buf_printf(out, "%.*s/%s/%s/aws4_request", DATE_LEN, signing->date, request->region, request->service);
}

static int append_string_to_sign(const struct sigv4_request *request, const struct signing *signing, struct buf *out,
				 struct error *e)
{
	_buf_wipe_ struct buf canonical = BUF_INIT(CANONICAL_MAX);

	int result = append_canonical(request, signing, &canonical, e);
	if (result < 0)
		return result;
	buf_printf(out, ALGORITHM "\n%s\n", signing->date);
	append_scope(out, request, signing);
	buf_char(out, '\n');
	result = append_sha256(out, canonical.data, canonical.len, e);
	return result < 0 ? result : finish(out, e);
}

static void mac_deinit(EVP_MAC_CTX **mac)
{
	EVP_MAC_CTX_free(*mac);
}

/* One for all steps: looking up algorithms costs more than they do. NULL: OpenSSL does not offer it. */
static EVP_MAC_CTX *mac_new(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string("digest", digest, 0),
					  OSSL_PARAM_construct_end() };
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;

	EVP_MAC_free(hmac);
	if (mac && EVP_MAC_CTX_set_params(mac, parameters))
		return mac;
	EVP_MAC_CTX_free(mac);
	return NULL;
}

static bool mac_step(EVP_MAC_CTX *mac, struct buf *key, const char *text)
{
	unsigned char digest[SHA256_BYTES] = { 0 };
	size_t len;

	bool done = EVP_MAC_init(mac, (const unsigned char *)key->data, key->len, NULL) &&
		    EVP_MAC_update(mac, (const unsigned char *)text, strlen(text)) &&
		    EVP_MAC_final(mac, digest, &len, sizeof(digest));
	buf_reset(key);
	buf_append(key, digest, sizeof(digest));
	explicit_bzero(digest, sizeof(digest));
	return done;
}

/* The text is signed with the secret, the result is the key for the next: date, region, service, a constant, and at
 * last the string to sign. */
static int append_signature(const struct sigv4_request *request, const struct credentials *credentials,
			    const struct signing *signing, const char *string_to_sign, struct buf *out, struct error *e)
{
	char day[DATE_LEN + 1] = { 0 };
	const char *steps[] = { day, request->region, request->service, "aws4_request", string_to_sign };
	__attribute__((cleanup(mac_deinit))) EVP_MAC_CTX *mac = mac_new();
	_buf_wipe_ struct buf key = BUF_INIT(SECRET_MAX);
	bool done = mac;

	memcpy(day, signing->date, DATE_LEN);
	/* All room at once: a buffer that moves leaves copies of the key behind. */
	buf_reserve(&key, SECRET_MAX);
	buf_printf(&key, "AWS4%s", credentials->secret_access_key);
	int result = finish(&key, e);
	if (result < 0)
		return result;
	for (size_t i = 0; done && i < sizeof(steps) / sizeof(steps[0]); i++)
		done = mac_step(mac, &key, steps[i]);
	if (!done)
		return error_set(e, EIO, "OpenSSL offers no HMAC-SHA-256: check its configuration");
	buf_hex(out, key.data, key.len);
	return 0;
}

int sigv4_canonical_request(const struct sigv4_request *request, const struct credentials *credentials, struct buf *out,
			    struct error *e)
{
	struct signing signing = { 0 };
	int result = prepare(request, credentials, &signing, e);

	return result < 0 ? result : append_canonical(request, &signing, out, e);
}

int sigv4_string_to_sign(const struct sigv4_request *request, const struct credentials *credentials, struct buf *out,
			 struct error *e)
{
	struct signing signing = { 0 };
	int result = prepare(request, credentials, &signing, e);

	return result < 0 ? result : append_string_to_sign(request, &signing, out, e);
}

int sigv4_sign(const struct sigv4_request *request, const struct credentials *credentials,
	       struct sigv4_signature *signature, struct error *e)
{
	_buf_cleanup_ struct buf text = BUF_INIT(SIGV4_AUTHORIZATION_MAX);
	_buf_cleanup_ struct buf authorization = BUF_INIT(SIGV4_AUTHORIZATION_MAX - 1);
	struct signing signing = { 0 };

	int result = prepare(request, credentials, &signing, e);
	if (result < 0)
		return result;
	result = append_string_to_sign(request, &signing, &text, e);
	if (result < 0)
		return result;
	buf_printf(&authorization, ALGORITHM " Credential=%s/", credentials->access_key_id);
	append_scope(&authorization, request, &signing);
	buf_str(&authorization, ", SignedHeaders=");
	signed_headers(&authorization, &signing.headers);
	buf_str(&authorization, ", Signature=");
	result = append_signature(request, credentials, &signing, buf_text(&text), &authorization, e);
	if (result < 0)
		return result;
	result = finish(&authorization, e);
	if (result < 0)
		return result;
	memcpy(signature->date, signing.date, sizeof(signature->date));
	memcpy(signature->authorization, authorization.data, authorization.len + 1);
	return 0;
}
