/* sandbox/tree/write.h - the room's own: the steps of a write. Store held for writing. */
#ifndef SANDBOX_TREE_WRITE_H
#define SANDBOX_TREE_WRITE_H

#include "sandbox/tree/files.h"
#include "sandbox/tree/measure.h"

struct room {
	int64_t bytes, entries;
};

/* How much a living entry is, with everything below it. */
MUST enum rc tree_measure(
    struct sandbox *s, struct ctx *cx, const struct file *f, struct room *out);
/* Makes the folders above *path and writes it as they are written, once there is room for them and
 * for `need`: nothing is written otherwise. */
MUST enum rc parents_make(struct sandbox *s, struct ctx *cx, struct str account_id,
    struct str *path, const struct room *need);
/* One row, its parents already there; keeps what it replaces. server_ms 0: now. */
MUST enum rc entry_write(
    struct sandbox *s, struct ctx *cx, struct file *f, const struct content *c);
/* Only the row, where nothing living stands; f->seq is set and everything is counted. */
MUST enum rc entry_insert(
    struct sandbox *s, struct ctx *cx, struct file *f, const struct content *c);
/* The folders of `path`, made where they are missing; *display is how they are written. */
MUST enum rc folder_reach(
    struct sandbox *s, struct ctx *cx, struct str account_id, struct str path, struct str *display);

#endif
