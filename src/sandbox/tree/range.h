/* sandbox/tree/range.h - the room's own: reading a row, and the keys below a folder. */
#ifndef SANDBOX_TREE_RANGE_H
#define SANDBOX_TREE_RANGE_H

#include "db/db.h"
#include "sandbox/tree/files.h"

/* What file_row expects, in this order. */
#define FILE_COLUMNS                                                                         \
	"path_lower, path_display, id, folder, deleted, size, rev, content_hash, client_ms," \
	" server_ms, seq, content_id"

void file_row(struct ctx *cx, struct db_stmt *st, struct str account_id, struct file *out);
/* Steps once; E_NOTFOUND without a row. */
MUST enum rc file_take_one(
    struct ctx *cx, struct db_stmt *st, struct str account_id, struct file *out);

/* '0' comes right after '/': everything below a folder lies between these two, and not at them. */
struct str below_from(struct ctx *cx, struct str path_key);
struct str below_to(struct ctx *cx, struct str path_key);

#endif
