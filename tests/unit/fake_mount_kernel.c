/* SPDX-License-Identifier: Apache-2.0 */
/* In place of fs/ops.c: a kernel that remembers what it is told. */
#include "fs/dispatch.h"
#include "fs/ops.h"
#include "tests/unit/fake_mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int kernel_new(struct mount *m, struct kernel **kernel, struct error *e)
{
	(void)e;
	/* The test put it there. */
	*kernel = (void *)m->settings->shown;
	(*kernel)->mount = m;
	return 0;
}

int kernel_serve(struct kernel *k)
{
	k->serve(k->mount, k->data);
	return 0;
}

void kernel_stop(struct kernel *k)
{
	(void)k;
}

void kernel_free(struct kernel *k)
{
	(void)k;
}

int kernel_answer(struct call *c, int r)
{
	struct fake_request *request = c->request;

	if (!request)
		return 0;
	pthread_mutex_lock(&request->lock);
	bool refused = request->refused;
	request->result = r;
	request->attr = c->attr;
	request->handle = c->handle;
	request->direct = c->direct;
	request->out_len = c->out_len < sizeof(request->out) ? c->out_len : sizeof(request->out);
	if (r == 0 && c->out)
		memcpy(request->out, c->out, request->out_len);
	request->answers++;
	pthread_mutex_unlock(&request->lock);
	return refused ? -ENOENT : 0;
}

void kernel_watch(struct call *c, struct pending *pending)
{
	struct fake_request *request = c->request;

	if (!request)
		return;
	pthread_mutex_lock(&request->watch);
	request->pending = pending;
	pthread_mutex_unlock(&request->watch);
}

void fake_interrupt(struct fake_request *request)
{
	pthread_mutex_lock(&request->watch);
	struct pending *pending = request->pending;
	request->pending = NULL;
	if (pending)
		dispatch_interrupted(pending);
	pthread_mutex_unlock(&request->watch);
}

static bool is_forgotten(const struct kernel *k, uint64_t id)
{
	bool found = k->forgets_all;

	for (size_t i = 0; i < sizeof(k->forgotten) / sizeof(k->forgotten[0]); i++)
		found = found || (id && k->forgotten[i] == id);
	return found;
}

static int tell(struct kernel *k, const char *what, uint64_t id, const char *name)
{
	if (!k)
		return -ENOENT;
	pthread_mutex_lock(&k->lock);
	buf_printf(&k->told, "%s %016" PRIx64 "%s%s\n", what, id, name[0] ? " " : "", name);
	k->waiting++;
	pthread_cond_broadcast(&k->moved);
	while (k->closed)
		pthread_cond_wait(&k->moved, &k->lock);
	k->waiting--;
	int r = is_forgotten(k, id) ? -ENOENT : 0;
	pthread_mutex_unlock(&k->lock);
	return r;
}

int kernel_invalidate_attributes(struct kernel *k, uint64_t id)
{
	return tell(k, "attributes", id, "");
}

int kernel_invalidate_data(struct kernel *k, uint64_t id)
{
	return tell(k, "data", id, "");
}

int kernel_invalidate_name(struct kernel *k, uint64_t parent, const char *name)
{
	return tell(k, "name", parent, name);
}

int kernel_store(struct kernel *k, uint64_t id, const char *bytes, size_t len)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)len, bytes);
	return tell(k, "store", id, text);
}

bool fake_was_told(struct fake *f, const char *what, uint64_t id, const char *name)
{
	char line[512];

	snprintf(line, sizeof(line), "%s %016" PRIx64 "%s%s\n", what, id, name[0] ? " " : "", name);
	pthread_mutex_lock(&f->kernel.lock);
	bool found = strstr(buf_text(&f->kernel.told), line) != NULL;
	pthread_mutex_unlock(&f->kernel.lock);
	return found;
}

size_t fake_n_told(struct fake *f)
{
	size_t n = 0;

	pthread_mutex_lock(&f->kernel.lock);
	for (size_t i = 0; i < f->kernel.told.len; i++)
		n += f->kernel.told.data[i] == '\n';
	pthread_mutex_unlock(&f->kernel.lock);
	return n;
}

void fake_forget_told(struct fake *f)
{
	pthread_mutex_lock(&f->kernel.lock);
	buf_reset(&f->kernel.told);
	if (f->kernel.told.data)
		f->kernel.told.data[0] = '\0';
	pthread_mutex_unlock(&f->kernel.lock);
}

static void set_closed(struct kernel *k, bool closed)
{
	pthread_mutex_lock(&k->lock);
	k->closed = closed;
	pthread_cond_broadcast(&k->moved);
	pthread_mutex_unlock(&k->lock);
}

void fake_kernel_close(struct fake *f)
{
	set_closed(&f->kernel, true);
}

void fake_kernel_open(struct fake *f)
{
	set_closed(&f->kernel, false);
}

void fake_kernel_wait(struct fake *f, unsigned n)
{
	pthread_mutex_lock(&f->kernel.lock);
	while (f->kernel.waiting < n)
		pthread_cond_wait(&f->kernel.moved, &f->kernel.lock);
	pthread_mutex_unlock(&f->kernel.lock);
}

/* A waiter is where the fake counts how often he was told. */
void kernel_poll_end(struct poll_waiter *waiter, bool tell)
{
	struct fake_waiter *w = (struct fake_waiter *)waiter;

	w->told += tell;
	w->ended++;
}

int kernel_descriptor(const struct kernel *k)
{
	(void)k;
	return -1;
}
