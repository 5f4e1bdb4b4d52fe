/* sandbox/control/snapshots_int.h - names and files of snapshots. */
#ifndef SANDBOX_CONTROL_SNAPSHOTS_INT_H
#define SANDBOX_CONTROL_SNAPSHOTS_INT_H

#include "sandbox/control/snapshots.h"

#define SNAPSHOT_DB "sandbox.db"
#define RESTORED_DB "sandbox.db.restored" /* beside the live one, until it takes its place */
#define WEED_MARK "snapshots/.weed"       /* there while contents may lie about that nobody has */

/* "DIR/rest", in the arena. */
const char *snapshot_path(struct sandbox *s, struct ctx *cx, const char *rest);
/* DIR/snapshots, made when it is not there, or a directory in it: never through a link. -1, errno. */
int snapshots_dir(struct sandbox *s, struct ctx *cx);
int snapshot_subdir(int parent, const char *name, bool make);
/* Removes a directory of ours with what is in it; what is no file or directory of ours stops it. */
void snapshot_remove(int parent, const char *name);
enum rc snapshot_broken(struct ctx *cx, const char *fmt, ...) PRINTF(2, 3);
MUST enum rc snapshot_name_check(struct ctx *cx, struct str name);

#endif
