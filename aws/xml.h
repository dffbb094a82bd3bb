/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/core/buf.h"
#include "aws/core/error.h"

/*
 * Reads an XML answer, leaf by leaf. `path` is the names down to the leaf, namespaces left out:
 * "ErrorResponse/Error/Code"; both are borrowed for the call, and the text is wiped afterwards. EIO: it is not XML, is
 * deeper than any answer, or declares a document type, which is where entities would be defined; some leaves may have
 * been seen by then.
 */
typedef void xml_on_leaf(void *data, const char *path, const char *text);
int xml_read(const struct buf *answer, xml_on_leaf *on_leaf, void *data, struct error *e);
