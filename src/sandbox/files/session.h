/* sandbox/files/session.h - upload sessions as the routes see them. */
#ifndef SANDBOX_FILES_SESSION_H
#define SANDBOX_FILES_SESSION_H

#include "sandbox/files/commit.h"
#include "sandbox/tree/sessions.h"

/* UploadSessionCursor */
struct session_cursor {
	struct str id;
	int64_t offset;
};
MUST enum rc session_cursor_read(struct ctx *cx, const json_t *arg, struct session_cursor *out);
struct session_owner session_owner_of(const struct caller *who);

/* A session is busy with another request: the same handler runs again a little later. */
enum rc session_wait(struct http_res *res, enum rc rc);

struct session_finish {
	struct session_cursor cursor;
	struct commit commit;
};
/* Seals, commits and forgets a session that was taken; size is all there is to be. E_CONFLICT with the
 * members of UploadSessionFinishError. */
MUST enum rc session_commit(struct sandbox *s, struct ctx *cx, const struct caller *who,
    struct upload_session *u, const struct session_finish *f, int64_t size, struct file *made);
/* The members of UploadSessionFinishArg but its content_hash. */
MUST enum rc session_finish_read(
    struct ctx *cx, const struct caller *who, const json_t *arg, struct session_finish *out);

#endif
