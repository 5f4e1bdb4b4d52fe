/* sandbox/files/cursor.h - where a listing goes on: sealed text, so that nobody makes one up.
 *
 * A cursor holds everything it needs and survives a restart. It opens only for the app and the account
 * that got it; for the longpoll, which has no token, it is its own authority. Store held. */
#ifndef SANDBOX_FILES_CURSOR_H
#define SANDBOX_FILES_CURSOR_H

#include "sandbox/api/args.h"

#define CURSOR_MAX 32768

/* q->account_id is the caller's. */
struct str list_cursor_write(
    struct sandbox *s, struct ctx *cx, const struct caller *who, const struct file_query *q);
/* E_CONFLICT "reset": not one of ours, not the caller's, or of a state that is no more. who NULL: of
 * whomever. */
MUST enum rc list_cursor_read(struct sandbox *s, struct ctx *cx, const struct caller *who,
    struct str text, struct file_query *q);

#endif
