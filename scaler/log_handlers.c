/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/log_handlers.h"

#include "aws/core/buf.h"
#include "scaler/log_format.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_BYTES = 8192, DEFAULT_KEPT = 5 };

struct handler {
	struct handler *next;
	int level;
	char *format, *dates; /* owned; dates may be NULL */
	void (*write)(struct handler *h, const struct log_record *record, const struct buf *line);
	int fd; /* of a stream or socket */
	struct log_file *file;
	int facility;
	struct sockaddr_storage address;
	socklen_t address_len;
};

struct log_handlers {
	struct clock *clock;
	int64_t started;
	/* Guards nothing but the order and wholeness of lines while a file is renamed; held while lines are written, as
	 * no file could be rotated otherwise. */
	pthread_mutex_t lines;
	struct handler *first, **last;
};

static void handler_free(struct handler *h)
{
	log_file_close(h->file);
	if (h->address_len && h->fd >= 0)
		close(h->fd);
	free(h->format);
	free(h->dates);
	free(h);
}

static int handler_new(const struct log_handler_spec *spec, struct handler **out, struct error *e)
{
	const char *format = spec->format ? spec->format : "%(message)s";
	int rc = log_format_check(format, e);

	if (rc < 0)
		return rc;
	struct handler *h = calloc(1, sizeof(*h));
	if (!h)
		return error_no_memory(e);
	h->fd = -1;
	h->level = spec->level;
	h->format = strdup(format);
	h->dates = spec->dates ? strdup(spec->dates) : NULL;
	if (!h->format || (spec->dates && !h->dates)) {
		handler_free(h);
		return error_no_memory(e);
	}
	*out = h;
	return 0;
}

static void add(struct log_handlers *handlers, struct handler *h)
{
	*handlers->last = h;
	handlers->last = &h->next;
}

static void write_stream(struct handler *h, const struct log_record *record, const struct buf *line)
{
	(void)record;
	if (write(h->fd, line->data, line->len) < 0)
		return;
}

static void write_file(struct handler *h, const struct log_record *record, const struct buf *line)
{
	log_file_write(h->file, record->wall, line->data, line->len);
}

/* https://www.rfc-editor.org/rfc/rfc3164#section-4.1; Python ends the message with a NUL where we end it with nothing,
 * as its own receivers prefer today. */
static void write_syslog(struct handler *h, const struct log_record *record, const struct buf *line)
{
	static const int severities[] = { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR };
	char packet[LINE_BYTES];
	int len = snprintf(packet, sizeof(packet), "<%d>%.*s", h->facility | severities[record->level],
			   (int)line->len - 1, line->data);

	if (len >= (int)sizeof(packet))
		len = sizeof(packet) - 1;
	if (h->fd < 0)
		h->fd = socket(h->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->fd >= 0 &&
	    sendto(h->fd, packet, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&h->address, h->address_len) < 0)
		return;
}

int log_handlers_add_stream(struct log_handlers *handlers, const struct log_handler_spec *spec, int fd, struct error *e)
{
	struct handler *h;
	int rc = handler_new(spec, &h, e);

	if (rc < 0)
		return rc;
	h->fd = fd;
	h->write = write_stream;
	add(handlers, h);
	return 0;
}

int log_handlers_add_file(struct log_handlers *handlers, const struct log_handler_spec *spec,
			  const struct log_file_spec *file, struct error *e)
{
	struct handler *h;
	int rc = handler_new(spec, &h, e);

	if (rc < 0)
		return rc;
	rc = log_file_open(file, clock_wall(handlers->clock), &h->file, e);
	if (rc < 0) {
		handler_free(h);
		return rc;
	}
	h->write = write_file;
	add(handlers, h);
	return 0;
}

static int set_path(struct handler *h, const char *path, struct error *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(un.sun_path))
		return error_set(e, EINVAL, "the path of the syslog socket is too long");
	strcpy(un.sun_path, path);
	memcpy(&h->address, &un, sizeof(un));
	h->address_len = sizeof(un);
	return 0;
}

static int set_host(struct handler *h, const char *host, int port, struct error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found = NULL;
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	int rc = getaddrinfo(host, service, &hints, &found);
	if (rc != 0)
		return error_set(e, EINVAL, "the syslog host %s cannot be found: %s", host, gai_strerror(rc));
	memcpy(&h->address, found->ai_addr, found->ai_addrlen);
	h->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int log_handlers_add_syslog(struct log_handlers *handlers, const struct log_handler_spec *spec, const char *address,
			    int port, int facility, struct error *e)
{
	struct handler *h;
	int rc = handler_new(spec, &h, e);

	if (rc < 0)
		return rc;
	rc = port ? set_host(h, address, port, e) : set_path(h, address, e);
	if (rc < 0) {
		handler_free(h);
		return rc;
	}
	h->facility = facility;
	h->write = write_syslog;
	add(handlers, h);
	return 0;
}

static int add_home(struct buf *path, const char *file, struct error *e)
{
	const char *home = getenv("HOME");

	if (strncmp(file, "~/", 2) == 0 && home) {
		buf_str(path, home);
		file++;
	}
	buf_str(path, file);
	return buf_error(path) ? error_no_memory(e) : 0;
}

int log_handlers_add_default(struct log_handlers *handlers, const char *file, bool dry_run, struct error *e)
{
	_buf_cleanup_ struct buf path = BUF_INIT(4096);
	struct log_handler_spec spec = {
		.format = dry_run ? "%(asctime)s - %(name)s - %(levelname)s - dryrun - %(message)s"
				  : "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
	};
	int rc = log_handlers_add_stream(handlers, &spec, STDERR_FILENO, e);

	if (rc < 0 || !file)
		return rc;
	rc = add_home(&path, file, e);
	if (rc < 0)
		return rc;
	struct log_file_spec rotated = { .path = buf_text(&path), .when = "midnight", .keep = DEFAULT_KEPT };
	return log_handlers_add_file(handlers, &spec, &rotated, e);
}

static void write_all(void *data, enum log_level level, const char *text)
{
	struct log_handlers *handlers = data;
	struct log_record record = {
		.level = level,
		.text = text,
		.wall = clock_wall(handlers->clock),
		.started = handlers->started,
	};

	pthread_mutex_lock(&handlers->lines);
	for (struct handler *h = handlers->first; h; h = h->next) {
		_buf_cleanup_ struct buf line = BUF_INIT(LINE_BYTES);
		if (log_format_number(level) < h->level)
			continue;
		log_format_write(&line, h->format, h->dates, &record);
		buf_char(&line, '\n');
		if (line.len)
			h->write(h, &record, &line);
	}
	pthread_mutex_unlock(&handlers->lines);
}

void log_handlers_attach(struct log_handlers *handlers, struct log *log)
{
	log->sink = write_all;
	log->sink_data = handlers;
}

int log_handlers_new(struct clock *clock, struct log_handlers **handlers, struct error *e)
{
	struct log_handlers *h = calloc(1, sizeof(*h));

	if (!h)
		return error_no_memory(e);
	h->clock = clock;
	h->started = clock_wall(clock);
	h->last = &h->first;
	pthread_mutex_init(&h->lines, NULL);
	*handlers = h;
	return 0;
}

void log_handlers_free(struct log_handlers *handlers)
{
	if (!handlers)
		return;
	for (struct handler *h = handlers->first, *next; h; h = next) {
		next = h->next;
		handler_free(h);
	}
	pthread_mutex_destroy(&handlers->lines);
	free(handlers);
}
