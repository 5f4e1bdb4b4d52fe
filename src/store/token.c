#include "store/token.h"

#include "store/store_int.h"

#define COLUMNS                                                                                   \
	"id, name, description, provider, app_key, scopes, scope_granted, redirect_uri, "         \
	"account_id,"                                                                             \
	" account_name, account_email, status, status_reason, status_ms, expires_ms, created_ms," \
	" updated_ms, refreshed_ms, due_ms, attempts, last_error, fence, sealed_version, "        \
	"app_secret,"                                                                             \
	" access, refresh"

/* Sealed columns come last. */
enum { COL_APP_SECRET = 23, COL_ACCESS, COL_REFRESH };

static void
read_row(struct ctx *cx, struct db_stmt *st, struct token *t)
{
	struct arena *a = cx->arena;
	struct str *texts[] = { &t->id, &t->name, &t->description, &t->provider, &t->app_key,
		&t->scopes, &t->scope_granted, &t->redirect_uri, &t->account_id, &t->account_name,
		&t->account_email };
	int i = 0;

	*t = (struct token){ 0 };
	for (; i < 11; i++)
		*texts[i] = db_col_text(st, i, a);
	t->status = (enum token_status)db_col_int(st, i++);
	t->status_reason = db_col_text(st, i++, a);
	t->status_ms = db_col_int(st, i++);
	t->expires_ms = db_col_int(st, i++);
	t->created_ms = db_col_int(st, i++);
	t->updated_ms = db_col_int(st, i++);
	t->refreshed_ms = db_col_int(st, i++);
	t->due_ms = db_col_int(st, i++);
	t->attempts = db_col_int(st, i++);
	t->last_error = db_col_text(st, i++, a);
	t->fence = db_col_int(st, i++);
	t->sealed_version = db_col_int(st, i++);
	t->has_refresh = db_col_blob(st, COL_REFRESH, a).len > 0;
}

/* Id and name together: a sealed value opens neither in another row nor under another name. */
static struct seal_place
place(struct ctx *cx, const struct token *t, struct str purpose)
{
	return (struct seal_place){
		.purpose = purpose,
		.row = str_printf(cx->arena, "%.*s %.*s", STR_ARG(t->id), STR_ARG(t->name)),
		.version = t->sealed_version,
	};
}

static enum rc
open_row(
    struct store *s, struct ctx *cx, struct db_stmt *st, struct token *t, struct token_secrets *out)
{
	struct str app_secret = db_col_blob(st, COL_APP_SECRET, cx->arena);
	struct str access = db_col_blob(st, COL_ACCESS, cx->arena);
	struct str refresh = db_col_blob(st, COL_REFRESH, cx->arena);

	db_done(st);
	TRY(store_open_sealed(
	    s, cx, place(cx, t, S("token.app_secret")), app_secret, &out->app_secret));
	TRY(store_open_sealed(s, cx, place(cx, t, S("token.access")), access, &out->access));
	return store_open_sealed(s, cx, place(cx, t, S("token.refresh")), refresh, &out->refresh);
}

static void
bind_secrets(struct store *s, struct ctx *cx, struct db_stmt *st, int i, const struct token *t,
    const struct token_secrets *secrets)
{
	store_bind_sealed(s, cx, st, i, place(cx, t, S("token.app_secret")), secrets->app_secret);
	store_bind_sealed(s, cx, st, i + 1, place(cx, t, S("token.access")), secrets->access);
	store_bind_sealed(s, cx, st, i + 2, place(cx, t, S("token.refresh")), secrets->refresh);
}

static struct str
lower_case(struct arena *a, struct str s)
{
	char *p = str_cstr(a, s);

	for (size_t i = 0; i < s.len; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	return (struct str){ p, s.len };
}

static enum rc
name_taken(struct ctx *cx, enum rc rc)
{
	if (rc != E_CONFLICT)
		return rc;
	fail_at(
	    cx, E_CONFLICT, "name-taken", "name", "There is already an access token of this name.");
	return fail_todo(cx, "Choose another name.");
}

static enum rc
insert_token(
    struct store *s, struct ctx *cx, const struct token *t, const struct token_secrets *secrets)
{
	const struct str texts[] = { t->id, t->name, t->description, t->provider, t->app_key,
		t->scopes, t->scope_granted, t->redirect_uri, t->account_id, t->account_name,
		t->account_email };
	struct db_stmt *st;
	int i = 1;

	TRY(db_stmt(cx, s->db,
	    "INSERT INTO token (" COLUMNS
	    ", name_key, lease_until_ms) VALUES ($1, $2, $3, $4, $5, $6,"
	    " $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "
	    "$24,"
	    " $25, $26, $27, 0)",
	    &st));
	for (; i <= 11; i++)
		db_bind_text(st, i, texts[i - 1]);
	db_bind_int(st, i++, t->status);
	db_bind_text(st, i++, t->status_reason);
	db_bind_int(st, i++, t->status_ms);
	db_bind_int(st, i++, t->expires_ms);
	db_bind_int(st, i++, t->created_ms);
	db_bind_int(st, i++, t->updated_ms);
	db_bind_int(st, i++, t->refreshed_ms);
	db_bind_int(st, i++, t->due_ms);
	db_bind_int(st, i++, t->attempts);
	db_bind_text(st, i++, t->last_error);
	db_bind_int(st, i++, t->fence);
	db_bind_int(st, i++, t->sealed_version);
	bind_secrets(s, cx, st, i, t, secrets);
	db_bind_text(st, i + 3, lower_case(cx->arena, t->name));
	return name_taken(cx, db_run(cx, st, NULL));
}

static enum rc
end_connection(struct store *s, struct ctx *cx, struct str id)
{
	struct db_stmt *st;

	if (id.len == 0)
		return OK;
	TRY(db_stmt(cx, s->db, "DELETE FROM connection WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return store_write_one(cx, st, E_NOTFOUND, "This access token has been saved already.");
}

enum rc
store_token_create(struct store *s, struct ctx *cx, const struct token *t,
    const struct token_secrets *secrets, struct str connection_id)
{
	STORE_HOLD hold = store_hold(s, cx);

	TRY(db_begin(cx, s->db));
	TRY(end_connection(s, cx, connection_id));
	TRY(insert_token(s, cx, t, secrets));
	return db_commit(cx, s->db);
}

static enum rc
select_token(struct store *s, struct ctx *cx, const char *sql, struct str key, struct db_stmt **st,
    struct token *out)
{
	TRY(db_stmt(cx, s->db, sql, st));
	db_bind_text(*st, 1, key);
	TRY(store_want_row(cx, *st, "access token"));
	read_row(cx, *st, out);
	return OK;
}

#define BY_ID "SELECT " COLUMNS " FROM token WHERE id = $1"
#define BY_NAME "SELECT " COLUMNS " FROM token WHERE name = $1"

static enum rc
get_one(struct store *s, struct ctx *cx, const char *sql, struct str key, struct token *out)
{
	struct db_stmt *st;

	TRY(select_token(s, cx, sql, key, &st, out));
	db_done(st);
	return OK;
}

enum rc
store_token_get(struct store *s, struct ctx *cx, struct str id, struct token *out)
{
	STORE_HOLD hold = store_hold(s, cx);

	return get_one(s, cx, BY_ID, id, out);
}

enum rc
store_token_by_name(struct store *s, struct ctx *cx, struct str name, struct token *out)
{
	STORE_HOLD hold = store_hold(s, cx);

	return get_one(s, cx, BY_NAME, name, out);
}

static enum rc
open_one(struct store *s, struct ctx *cx, const char *sql, struct str key, struct token *t,
    struct token_secrets *out)
{
	struct db_stmt *st;

	TRY(select_token(s, cx, sql, key, &st, t));
	return open_row(s, cx, st, t, out);
}

enum rc
store_token_secrets(struct store *s, struct ctx *cx, struct str id, struct token_secrets *out)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token t;

	return open_one(s, cx, BY_ID, id, &t, out);
}

enum rc
store_token_open(struct store *s, struct ctx *cx, struct str name, struct token *out,
    struct token_secrets *secrets)
{
	STORE_HOLD hold = store_hold(s, cx);

	return open_one(s, cx, BY_NAME, name, out, secrets);
}

enum rc
store_token_list(struct store *s, struct ctx *cx, struct token **out, size_t *count)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;
	int64_t max, n = 0;
	bool row;

	TRY(store_number(s, cx, "SELECT count(*) FROM token", &max));
	*out = ARENA_ARRAY(cx->arena, struct token, (size_t)max);
	TRY(db_stmt(cx, s->db, "SELECT " COLUMNS " FROM token ORDER BY name_key", &st));
	for (;;) {
		TRY(db_step(cx, st, &row));
		if (!row || n == max)
			break;
		read_row(cx, st, &(*out)[n++]);
	}
	db_done(st);
	*count = (size_t)n;
	return OK;
}

enum rc
store_token_delete(struct store *s, struct ctx *cx, struct str id)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "DELETE FROM token WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

/* Every change of a secret or of what it is bound to goes through here: one new sealed version for
 * all three columns. */
static enum rc
write_sealed(struct store *s, struct ctx *cx, struct token *t, const struct token_secrets *secrets)
{
	struct db_stmt *st;

	t->sealed_version++;
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET sealed_version = $1, name = $2, name_key = $3, app_secret = $4,"
	    " access = $5, refresh = $6 WHERE id = $7 AND sealed_version = $8",
	    &st));
	db_bind_int(st, 1, t->sealed_version);
	db_bind_text(st, 2, t->name);
	db_bind_text(st, 3, lower_case(cx->arena, t->name));
	bind_secrets(s, cx, st, 4, t, secrets);
	db_bind_text(st, 7, t->id);
	db_bind_int(st, 8, t->sealed_version - 1);
	return name_taken(
	    cx, store_write_one(cx, st, E_BUG, "The token changed under its own lock."));
}

enum rc
store_token_edit(struct store *s, struct ctx *cx, struct str id, const struct token_edit *edit)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets;
	struct token t;
	struct db_stmt *st;
	bool mended;

	TRY(db_begin(cx, s->db));
	TRY(open_one(s, cx, BY_ID, id, &t, &secrets));
	mended = edit->set_app_secret && t.status == TOKEN_MISCONFIGURED;
	if (edit->set_name)
		t.name = edit->name;
	if (edit->set_app_secret)
		secrets.app_secret = edit->app_secret;
	if (edit->set_name || edit->set_app_secret)
		TRY(write_sealed(s, cx, &t, &secrets));
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET description = $1, updated_ms = $2, status = $3, status_reason = $4,"
	    " due_ms = $5 WHERE id = $6",
	    &st));
	db_bind_text(st, 1, edit->set_description ? edit->description : t.description);
	db_bind_int(st, 2, edit->now_ms);
	db_bind_int(st, 3, mended ? TOKEN_ACTIVE : t.status);
	db_bind_text(st, 4, mended ? S("") : t.status_reason);
	db_bind_int(st, 5, mended ? edit->now_ms : t.due_ms);
	db_bind_text(st, 6, id);
	TRY(store_write_one(cx, st, E_NOTFOUND, "There is no such access token."));
	return db_commit(cx, s->db);
}

/* The grant's plain columns; its secrets are written by write_sealed in the same transaction. */
static enum rc
write_grant(struct store *s, struct ctx *cx, const struct token *t, const struct token_grant *grant)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET status = 0, status_reason = '', status_ms = $1, expires_ms = $2,"
	    " scope_granted = $3, refreshed_ms = $1, updated_ms = $1, due_ms = $4, attempts = 0,"
	    " last_error = '', lease_until_ms = 0 WHERE id = $5",
	    &st));
	db_bind_int(st, 1, grant->now_ms);
	db_bind_int(st, 2, grant->expires_ms);
	db_bind_text(st, 3, grant->scope_granted.len > 0 ? grant->scope_granted : t->scope_granted);
	db_bind_int(st, 4, grant->due_ms);
	db_bind_text(st, 5, t->id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

static enum rc
write_client(struct store *s, struct ctx *cx, struct str id, const struct token_reconnect *r)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET app_key = $1, scopes = $2, redirect_uri = $3, account_id = $4,"
	    " account_name = $5, account_email = $6, fence = fence + 1 WHERE id = $7",
	    &st));
	db_bind_text(st, 1, r->app_key);
	db_bind_text(st, 2, r->scopes);
	db_bind_text(st, 3, r->redirect_uri);
	db_bind_text(st, 4, r->account_id);
	db_bind_text(st, 5, r->account_name);
	db_bind_text(st, 6, r->account_email);
	db_bind_text(st, 7, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

enum rc
store_token_reconnect(
    struct store *s, struct ctx *cx, struct str id, const struct token_reconnect *r)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets = { r->app_secret, r->grant.access, r->grant.refresh };
	struct token t;

	TRY(db_begin(cx, s->db));
	TRY(get_one(s, cx, BY_ID, id, &t));
	TRY(write_client(s, cx, id, r));
	TRY(write_grant(s, cx, &t, &r->grant));
	TRY(write_sealed(s, cx, &t, &secrets));
	return db_commit(cx, s->db);
}

enum rc
store_token_due(struct store *s, struct ctx *cx, int64_t now_ms, int64_t wall_ms, size_t max,
    struct str **ids, size_t *count, int64_t *next_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;
	size_t n = 0;
	bool row = true;

	*ids = ARENA_ARRAY(cx->arena, struct str, max);
	TRY(db_stmt(cx, s->db,
	    "SELECT id FROM token WHERE due_ms > 0 AND due_ms <= $1 AND lease_until_ms < $2"
	    " ORDER BY due_ms LIMIT $3",
	    &st));
	db_bind_int(st, 1, now_ms);
	db_bind_int(st, 2, wall_ms);
	db_bind_int(st, 3, (int64_t)max);
	while (n < max) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		(*ids)[n++] = db_col_text(st, 0, cx->arena);
	}
	db_done(st);
	*count = n;
	return store_number(
	    s, cx, "SELECT coalesce(min(due_ms), 0) FROM token WHERE due_ms > 0", next_ms);
}

enum rc
store_token_postpone(struct store *s, struct ctx *cx, struct str id, int64_t due_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE token SET due_ms = $1 WHERE id = $2", &st));
	db_bind_int(st, 1, due_ms);
	db_bind_text(st, 2, id);
	return db_run(cx, st, NULL);
}

enum rc
store_refresh_claim(struct store *s, struct ctx *cx, struct str id, int64_t wall_ms,
    int64_t lease_ms, struct refresh_claim *out)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(get_one(s, cx, BY_ID, id, &out->token)); /* a deleted token is no conflict */
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET lease_until_ms = $1, fence = fence + 1 WHERE id = $2 AND"
	    " lease_until_ms < $3",
	    &st));
	db_bind_int(st, 1, wall_ms + lease_ms);
	db_bind_text(st, 2, id);
	db_bind_int(st, 3, wall_ms);
	TRY(store_write_one(cx, st, E_CONFLICT, "Another refresh of this token is under way."));
	TRY(open_one(s, cx, BY_ID, id, &out->token, &out->secrets));
	if (secret_empty(out->secrets.refresh))
		return fail_at(cx, E_REAUTH, "no-refresh-token", NULL,
		    "The provider gave no refresh token for this access token.");
	out->fence = out->token.fence;
	return db_commit(cx, s->db);
}

/* Only the owner of the newest claim may write its outcome. */
static enum rc
check_fence(struct store *s, struct ctx *cx, const struct refresh_claim *claim, struct token *now,
    struct token_secrets *secrets)
{
	TRY(open_one(s, cx, BY_ID, claim->token.id, now, secrets));
	if (now->fence != claim->fence)
		return fail(cx, E_CONFLICT, "A newer refresh has taken over.");
	return OK;
}

enum rc
store_refresh_commit(struct store *s, struct ctx *cx, const struct refresh_claim *claim,
    const struct token_grant *grant)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets;
	struct token t;

	TRY(db_begin(cx, s->db));
	TRY(check_fence(s, cx, claim, &t, &secrets));
	secrets.access = grant->access;
	if (!secret_empty(grant->refresh))
		secrets.refresh = grant->refresh;
	TRY(write_grant(s, cx, &t, grant));
	TRY(write_sealed(s, cx, &t, &secrets));
	return db_commit(cx, s->db);
}

enum rc
store_refresh_failed(struct store *s, struct ctx *cx, const struct refresh_claim *claim,
    const struct refresh_failure *failure)
{
	STORE_HOLD hold = store_hold(s, cx);
	bool same = failure->status == claim->token.status;
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET status = $1, status_reason = $2, status_ms = $3, due_ms = $4,"
	    " attempts = attempts + 1, last_error = $5, lease_until_ms = 0"
	    " WHERE id = $6 AND fence = $7 AND (sealed_version = $8 OR status = $1)",
	    &st));
	db_bind_int(st, 1, failure->status);
	db_bind_text(st, 2, failure->status == TOKEN_ACTIVE ? S("") : failure->reason);
	db_bind_int(st, 3, same ? claim->token.status_ms : failure->now_ms);
	db_bind_int(st, 4, failure->due_ms);
	db_bind_text(st, 5, failure->reason);
	db_bind_text(st, 6, claim->token.id);
	db_bind_int(st, 7, claim->fence);
	db_bind_int(st, 8, claim->token.sealed_version);
	return store_write_one(cx, st, E_CONFLICT, "Something newer has taken over.");
}
