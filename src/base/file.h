/* base/file.h - small files, whole. Every failure names the file. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/ctx.h"

/* Into the arena, NUL-terminated. E_NOTFOUND there is none; E_INPUT it is no file, cannot be read or
 * is larger than max bytes. */
MUST enum rc file_read(struct ctx *cx, const char *path, size_t max, struct str *out);
/* The same, and E_INPUT when others than its owner may read it. */
MUST enum rc file_read_private(struct ctx *cx, const char *path, size_t max, struct str *out);
/* Mode 0600, on the disk when it returns; whoever reads meanwhile sees the old file or the new one. */
MUST enum rc file_write(struct ctx *cx, const char *path, struct str text);
/* The same, on the disk some time later or once file_sync returns: a start need not wait for it. */
MUST enum rc file_write_later(struct ctx *cx, const char *path, struct str text);
bool file_sync(const char *path); /* with its name; false: it may be lost with the power */
/* The name alone: a new file, or one that took another's place. */
bool file_sync_name(const char *path);

#endif
