/* store/token_row.h - the row of a token, for the verbs of this room that read and write it. */
#ifndef STORE_TOKEN_ROW_H
#define STORE_TOKEN_ROW_H

#include "store/store_int.h"
#include "store/token.h"

#define TOKEN_COLUMNS                                                                             \
	"id, name, description, provider, app_key, scopes, scope_granted, redirect_uri, "         \
	"account_id, account_name, account_email, status_reason, last_error, status, status_ms, " \
	"expires_ms, created_ms, updated_ms, refreshed_ms, due_ms, attempts, fence, "             \
	"access_version, life_source, consented_ms, refresh_expires_ms, proved_ms, deleted_ms, "  \
	"lazy, learned_refreshes, learned_rotations, learned_kills, learned_life_s, "             \
	"attempt_stage, attempt_fence, attempt_first_ms, attempt_sent_ms, attempt_risked, "       \
	"attempt_status, attempt_date_s, failed_ms, learned_returned, learned_ms, "               \
	"learned_kills_ms, learned_life_ms, refused_ms, expires_date_s, app_secret_version, "     \
	"refresh_version, app_secret, access, refresh"

#define TOKEN_BY_ID "SELECT " TOKEN_COLUMNS " FROM token WHERE id = $1 AND deleted_ms = 0"

/* Sealed columns come last; what else a statement asks for comes behind them. */
enum { TOKEN_COL_APP_SECRET = 49, TOKEN_COL_ACCESS, TOKEN_COL_REFRESH, TOKEN_COLUMN_COUNT };

void token_row_read(struct ctx *cx, struct db_stmt *st, struct token *t);
/* Opens those of the row that token_row_read() has just read. */
MUST enum rc token_row_secrets(struct store *s, struct ctx *cx, struct db_stmt *st,
    const struct token *t, struct token_secrets *out);
MUST enum rc token_row_get(
    struct store *s, struct ctx *cx, const char *sql, struct str key, struct token *out);
/* With its secrets. */
MUST enum rc token_row_open(struct store *s, struct ctx *cx, const char *sql, struct str key,
    struct token *t, struct token_secrets *out);
/* The same by the name as it is written, through the index that any letter case is found with. */
MUST enum rc token_row_get_named(
    struct store *s, struct ctx *cx, struct str name, struct token *out);
MUST enum rc token_row_open_named(
    struct store *s, struct ctx *cx, struct str name, struct token *t, struct token_secrets *out);
/* Secrets that are empty when there are none: the pair that the newest refresh replaced, and the kept
 * reply of an attempt. */
MUST enum rc token_row_previous(
    struct store *s, struct ctx *cx, struct str id, struct token_previous *out);
MUST enum rc token_row_reply(
    struct store *s, struct ctx *cx, struct str id, int64_t fence, struct secret *out);
/* What an UPDATE sets to put the pair that it replaces aside, sealed as it is. */
#define TOKEN_PREVIOUS                                                                   \
	"previous_version = access_version, previous_access = access, previous_refresh_" \
	"version = refresh_version, previous_refresh = refresh, previous_name = name"
/* Where the kept reply is sealed for. */
struct seal_place token_reply_place(struct str id, int64_t fence);
/* store_token_page. */
MUST enum rc token_row_page(struct store *s, struct ctx *cx, const struct token_page *page,
    struct token **out, size_t *count);
/* store_token_page_deleted. */
MUST enum rc token_row_page_deleted(struct store *s, struct ctx *cx,
    const struct deleted_page *page, struct token **out, size_t *count);
/* First in a transaction that reads a token to write it: until the end no other node writes to it.
 * E_NOTFOUND. */
MUST enum rc token_row_hold(struct store *s, struct ctx *cx, struct str id);
/* Every new row; inside a transaction. */
MUST enum rc token_row_insert(
    struct store *s, struct ctx *cx, const struct token *t, const struct token_secrets *secrets);
MUST enum rc token_row_insert_many(struct store *s, struct ctx *cx, const struct token *tokens,
    const struct token_secrets *secrets, size_t n);
/* One of them, sealed for the token as it will stand in its row. */
void token_row_bind_access(struct store *s, struct ctx *cx, struct db_stmt *st, int i,
    const struct token *t, struct secret access);
void token_row_bind_refresh(struct store *s, struct ctx *cx, struct db_stmt *st, int i,
    const struct token *t, struct secret refresh);

/* Every edit of a secret or of what it is bound to goes through here: one new sealed version for
 * all three columns. (A refresh seals what it brings, store/refresh_row.c.) E_CONFLICT field "name" when
 * the name is taken. */
MUST enum rc token_row_seal(
    struct store *s, struct ctx *cx, struct token *t, const struct token_secrets *secrets);
/* The grant's plain columns; its secrets are written by token_row_seal in the same transaction. */
MUST enum rc token_row_grant(
    struct store *s, struct ctx *cx, const struct token *t, const struct token_grant *grant);
/* Ends the lease, and whatever was in doubt about the grant before this one. */
MUST enum rc token_row_settle(struct store *s, struct ctx *cx, struct str id);

#endif
