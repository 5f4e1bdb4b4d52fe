/* sandbox/core/store.h - the sandbox's database: opening, schema, the lock, small settings. */
#ifndef SANDBOX_CORE_STORE_H
#define SANDBOX_CORE_STORE_H

#include "base/ctx.h"

struct sandbox;

/* CHECKED: writing that comes after the last check, so that a request which fails has written nothing,
 * or what stays (store_keep). It needs no savepoint, until one fails all the same. */
enum store_use { STORE_NONE, STORE_READ, STORE_WRITE, STORE_CHECKED };

/* Opens database and key in dir; notices a key that is not this database's. What is committed
 * survives the end of the process, however it ends; a power cut may take the last moments
 * (DB_SYNC_LATER). */
MUST enum rc sandbox_store_open(struct sandbox *s, struct ctx *cx, const char *dir);
/* Brings to the disk what there is. */
MUST enum rc sandbox_store_settle(struct sandbox *s, struct ctx *cx);
void sandbox_store_close(struct sandbox *s);

/* Takes the lock and, for STORE_WRITE, begins a transaction. On failure nothing is held. */
MUST enum rc store_enter(struct sandbox *s, struct ctx *cx, enum store_use use);
/* Commits when rc is OK (or store_keep was called), rolls back otherwise, drops the lock. */
MUST enum rc store_leave(struct sandbox *s, struct ctx *cx, enum store_use use, enum rc rc);

/* Group commit: requests that write share a transaction. Each is a part of it, undone alone when it
 * fails, and none may be answered before store_settle has committed them all. A CHECKED one that fails
 * after it has written, which only a failing database can do, takes all of them with it: store_part_leave
 * and store_settle say E_AGAIN, and the same requests run once more, each with a savepoint. All four on
 * the one thread that runs such requests; it has the lock from store_share to store_settle, and meanwhile
 * store_enter for reading is free to it: the gate of a request sees what those before it did. */
MUST enum rc store_share(struct sandbox *s, struct ctx *cx); /* on failure nothing is held */
MUST enum rc store_part_enter(struct sandbox *s, struct ctx *cx, enum store_use use);
MUST enum rc store_part_leave(struct sandbox *s, struct ctx *cx, enum store_use use, enum rc rc);
/* A failure: nothing of any part is there, and s->undone was called. E_AGAIN: they are to run again. */
MUST enum rc store_settle(struct sandbox *s, struct ctx *cx);

/* A few writes of one that may have the store for reading only: whole or not at all. For one that writes
 * anyway they are a part of that. */
MUST enum rc store_note_begin(struct sandbox *s, struct ctx *cx);
MUST enum rc store_note_end(struct sandbox *s, struct ctx *cx, enum rc rc);

/* Differs whenever something was written since, or taken back: what was read under a stamp still stands
 * there under the same one. Store held. */
uint64_t store_stamp(const struct sandbox *s);
/* The statement that has just run changed nothing that anybody reads under a stamp. */
void store_stamp_keep(struct sandbox *s);

/* What this request wrote stays, whatever its answer: for counting attempts and for revoking. */
void store_keep(struct sandbox *s);

/* Settings by name; the empty slice when there is none. */
MUST enum rc store_setting_get(struct sandbox *s, struct ctx *cx, struct str name, struct str *out);
MUST enum rc store_setting_put(
    struct sandbox *s, struct ctx *cx, struct str name, struct str value);

#endif
