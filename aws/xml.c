/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/xml.h"

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <string.h>

enum { PATH_LONGEST = 512, TEXT_LONGEST = 64 << 10 };

struct reader {
	XML_Parser parser;
	xml_on_leaf *on_leaf;
	void *data;
	struct buf path;
	struct buf text; /* since the newest tag; what passes its bound is cut */
	bool leaf;       /* that tag was a beginning */
};

static void XMLCALL on_start(void *data, const char *name, const char **attributes)
{
	struct reader *r = data;
	const char *colon = strrchr(name, ':');

	(void)attributes;
	buf_printf(&r->path, "%s%s", r->path.len ? "/" : "", colon ? colon + 1 : name);
	if (buf_error(&r->path))
		XML_StopParser(r->parser, XML_FALSE);
	buf_reset(&r->text);
	r->leaf = true;
}

static void XMLCALL on_text(void *data, const char *text, int len)
{
	struct reader *r = data;

	buf_append(&r->text, text, (size_t)len);
}

static void XMLCALL on_end(void *data, const char *name)
{
	struct reader *r = data;
	const char *parent = strrchr(buf_text(&r->path), '/');

	(void)name;
	/* A parser that was stopped at a tag which is its own end still reports that. */
	if (buf_error(&r->path))
		return;
	if (r->leaf)
		r->on_leaf(r->data, buf_text(&r->path), buf_text(&r->text));
	r->leaf = false;
	r->path.len = parent ? (size_t)(parent - r->path.data) : 0;
	r->path.data[r->path.len] = '\0';
}

static void XMLCALL on_doctype(void *data, const char *name, const char *system, const char *public, int subset)
{
	struct reader *r = data;

	(void)name, (void)system, (void)public, (void)subset;
	XML_StopParser(r->parser, XML_FALSE);
}

int xml_read(const struct buf *answer, xml_on_leaf *on_leaf, void *data, struct error *e)
{
	struct reader r = {
		.parser = XML_ParserCreate(NULL),
		.on_leaf = on_leaf,
		.data = data,
		.path = BUF_INIT(PATH_LONGEST),
		.text = BUF_SECRET(TEXT_LONGEST),
	};

	if (!r.parser)
		return error_no_memory(e);
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	bool whole = XML_Parse(r.parser, buf_text(answer), (int)answer->len, XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(r.parser);
	buf_deinit(&r.path);
	buf_deinit(&r.text);
	return whole ? 0 : error_set(e, EIO, "it is no XML");
}
