/* sandbox/control/snapshots.h - the whole state under a name: the database, and the contents of files.
 *
 *   DIR/snapshots/<name>/sandbox.db    a copy of the database
 *   DIR/snapshots/<name>/files/<xx>/<id>    hard links to its contents, which never change
 *
 * What stays as it is when one is restored: who is signed in, the control token, faults, the log, the
 * key. Uploads under way are not part of one. All functions want the store held for reading, without a
 * transaction: nothing else happens meanwhile. Names are letters, digits, - and _, so that none leads
 * anywhere else (S-223). */
#ifndef SANDBOX_CONTROL_SNAPSHOTS_H
#define SANDBOX_CONTROL_SNAPSHOTS_H

#include "base/json.h"

#define SNAPSHOTS_MAX 100

struct sandbox;

/* Finishes or forgets what a killed process was at. */
MUST enum rc snapshots_start(struct sandbox *s, struct ctx *cx);

/* E_INPUT the name; E_CONFLICT it is taken, or there are too many. */
MUST enum rc snapshot_make(struct sandbox *s, struct ctx *cx, struct str name);
/* A crash leaves the old state or the new one. E_NOTFOUND; E_CONFLICT "broken-snapshot" when anything
 * of it is missing, damaged or not of this sandbox: the state is unchanged then. */
MUST enum rc snapshot_restore(struct sandbox *s, struct ctx *cx, struct str name);
MUST enum rc snapshot_delete(struct sandbox *s, struct ctx *cx, struct str name);
/* [{name, created_at, bytes}] by name; bytes of the database. */
MUST enum rc snapshots_json(struct sandbox *s, struct ctx *cx, json_t **out);

#endif
