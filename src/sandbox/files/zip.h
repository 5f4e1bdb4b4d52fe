/* sandbox/files/zip.h - writes a ZIP archive into a file: members as they are, not compressed.
 *
 * Names are made harmless for whoever unpacks it: relative, below one folder, without characters that
 * some system reads as more than a letter, and no two alike. An archive ends before 4 GiB. May block.
 * PKWARE, .ZIP File Format Specification, sections 4.3 and 4.4. */
#ifndef SANDBOX_FILES_ZIP_H
#define SANDBOX_FILES_ZIP_H

#include "base/ctx.h"
#include "base/str.h"

#define ZIP_BYTES_MAX 0xf0000000ll /* with room for the directory */
#define ZIP_MEMBERS_MAX 10000

struct zip;

/* Writes to fd from its start; the caller closes it. */
struct zip *zip_new(struct arena *a, int fd);
/* path is relative, "folder/name"; a folder is a member too. E_STORE. */
MUST enum rc zip_folder(struct zip *z, struct ctx *cx, struct str path);
MUST enum rc zip_file(
    struct zip *z, struct ctx *cx, struct str path, int content, int64_t modified_ms);
/* Writes the directory; *len is the archive's length. Frees z, on failure too. */
MUST enum rc zip_end(struct zip *z, struct ctx *cx, int64_t *len);
void zip_free(struct zip *z); /* takes NULL */

#endif
