/* http/coding.h - undoing a content coding that nobody asked for. Private to the room.
 *
 * No call offers one. Where a body must not be lost whatever it looks like, gzip and deflate are undone all
 * the same (RFC 9110 section 8.4.1), counted after decompression. zlib is loaded when the first such
 * body comes. Thread-safe. */
#ifndef HTTP_CODING_H
#define HTTP_CODING_H

#include "base/buf.h"

/* Writes what the body holds to *out, up to its limit (then overflow is set); of a body that was cut, what
 * can be told. False, and nothing written: the coding is another one, or several, or the body is not in
 * it, and stands for itself. */
bool coding_undo(struct str coding, struct str body, struct buf *out);

#endif
