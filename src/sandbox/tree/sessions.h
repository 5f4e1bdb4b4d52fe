/* sandbox/tree/sessions.h - upload sessions: contents that arrive in pieces.
 *
 * A session belongs to the app and the account that started it, lives seven days on the sandbox's clock,
 * and survives a restart with all it acknowledged. Its bytes are a file of its own (contents.h), which
 * becomes the content when it is finished, without being copied. One request at a time works on a
 * session; the others come again.
 *
 * Failures are the members of UploadSessionLookupError: E_CONFLICT "not_found", "incorrect_offset" with
 * its correct_offset, "closed", "too_large", "concurrent_session_…". None of these functions wants the
 * store held, except where it says so. */
#ifndef SANDBOX_TREE_SESSIONS_H
#define SANDBOX_TREE_SESSIONS_H

#include "sandbox/tree/files.h"

#define SESSION_LIFE_DAYS 7
#define SESSION_BLOCK (4u << 20) /* pieces of a concurrent session are multiples of this */

struct session_owner {
	struct str account_id, app_key;
};

struct upload_session {
	struct str id;
	struct session_owner owner;
	bool concurrent, closed;
	int64_t size;
	int fd; /* -1: not taken */
};

/* id is of an arrived body, or empty: none, then one is made up. E_BUSY when there are too many,
 * E_CONFLICT "payload_too_large" when the account has no room. Store held for writing. */
MUST enum rc session_start(
    struct sandbox *s, struct ctx *cx, struct upload_session *u, struct str body_id);
/* How many bytes more the account's sessions may collect: they may all become files. Store held. */
MUST enum rc sessions_room(
    struct sandbox *s, struct ctx *cx, struct str account_id, int64_t *bytes);
/* Removes some that are too old. Store held for writing. */
MUST enum rc sessions_tidy(struct sandbox *s, struct ctx *cx);

/* Takes it for this request: session_let_go must follow. E_AGAIN while another request has it. */
MUST enum rc session_take(struct sandbox *s, struct ctx *cx, const struct session_owner *owner,
    struct str id, struct upload_session *out);
void session_let_go(struct upload_session *u);

struct session_piece {
	int fd; /* where the bytes come from, */
	int64_t from, len;
	int64_t offset; /* and where they go */
	bool close;
};

MUST enum rc session_append(
    struct sandbox *s, struct ctx *cx, struct upload_session *u, const struct session_piece *piece);

/* Measures and places what was collected, all of `size` bytes: then it is a content like another. With
 * E_CONFLICT "incorrect_offset", or "concurrent_session_missing_data". */
MUST enum rc session_seal(
    struct sandbox *s, struct ctx *cx, struct upload_session *u, int64_t size, struct content *out);
/* Forgets the session. Store held for writing; its file is removed with session_file_remove after the
 * commit. */
MUST enum rc session_end(struct sandbox *s, struct ctx *cx, const struct upload_session *u);

#endif
