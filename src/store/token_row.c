#include "store/token_row.h"

#include "base/buf.h"

static void
read_attempt(struct db_stmt *st, int i, struct token *t)
{
	int64_t *const numbers[] = { &t->learned.refreshes, &t->learned.rotations,
		&t->learned.kills, &t->learned.life_s, &t->attempt.stage, &t->attempt.fence,
		&t->attempt.first_ms, &t->attempt.sent_ms };

	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		*numbers[n] = db_col_int(st, i++);
	t->attempt.risked = db_col_int(st, i++);
	t->attempt.status = db_col_int(st, i++);
	t->attempt.date_s = db_col_int(st, i++);
	t->failed_ms = db_col_int(st, i++);
	t->learned.returned = db_col_int(st, i++);
	t->learned.since_ms = db_col_int(st, i++);
	t->learned.kills_ms = db_col_int(st, i++);
	t->learned.life_ms = db_col_int(st, i++);
	t->refused_ms = db_col_int(st, i++);
	t->expires_date_s = db_col_int(st, i++);
	t->app_secret_version = db_col_int(st, i++);
	t->refresh_version = db_col_int(st, i++);
}

void
token_row_read(struct ctx *cx, struct db_stmt *st, struct token *t)
{
	struct str *const texts[] = { &t->id, &t->name, &t->description, &t->provider, &t->app_key,
		&t->scopes, &t->scope_granted, &t->redirect_uri, &t->account_id, &t->account_name,
		&t->account_email, &t->status_reason, &t->last_error };
	int64_t *const numbers[] = { &t->status_ms, &t->expires_ms, &t->created_ms, &t->updated_ms,
		&t->refreshed_ms, &t->due_ms, &t->attempts, &t->fence, &t->sealed_version,
		&t->life_source, &t->consented_ms, &t->refresh_expires_ms, &t->proved_ms,
		&t->deleted_ms };
	int i = 0;

	*t = (struct token){ 0 };
	for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
		*texts[n] = db_col_text(st, i++, cx->arena);
	t->status = (enum token_status)db_col_int(st, i++);
	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		*numbers[n] = db_col_int(st, i++);
	t->lazy = db_col_int(st, i++) != 0;
	read_attempt(st, i, t);
	t->has_app_secret = db_col_blob(st, TOKEN_COL_APP_SECRET, cx->arena).len > 0;
	t->has_refresh = db_col_blob(st, TOKEN_COL_REFRESH, cx->arena).len > 0;
}

static struct str
id_and_name(struct arena *a, const struct token *t)
{
	struct buf b = buf_in(a, t->id.len + 1 + t->name.len);

	buf_add(&b, t->id);
	buf_addc(&b, ' ');
	buf_add(&b, t->name);
	return buf_str(&b);
}

/* Id and name together: a sealed value opens neither in another row nor under another name. */
static struct seal_place
place(struct ctx *cx, const struct token *t, struct str purpose, int64_t version)
{
	return (struct seal_place){
		.purpose = purpose,
		.row = id_and_name(cx->arena, t),
		.version = version,
	};
}

static struct seal_place
app_secret_place(struct ctx *cx, const struct token *t)
{
	return place(cx, t, S("token.app_secret"), t->app_secret_version);
}

static struct seal_place
access_place(struct ctx *cx, const struct token *t)
{
	return place(cx, t, S("token.access"), t->sealed_version);
}

static struct seal_place
refresh_place(struct ctx *cx, const struct token *t)
{
	return place(cx, t, S("token.refresh"), t->refresh_version);
}

enum rc
token_row_secrets(struct store *s, struct ctx *cx, struct db_stmt *st, const struct token *t,
    struct token_secrets *out)
{
	struct str app_secret = db_col_blob(st, TOKEN_COL_APP_SECRET, cx->arena);
	struct str access = db_col_blob(st, TOKEN_COL_ACCESS, cx->arena);
	struct str refresh = db_col_blob(st, TOKEN_COL_REFRESH, cx->arena);

	TRY(store_open_sealed(s, cx, app_secret_place(cx, t), app_secret, &out->app_secret));
	TRY(store_open_sealed(s, cx, access_place(cx, t), access, &out->access));
	return store_open_sealed(s, cx, refresh_place(cx, t), refresh, &out->refresh);
}

void
token_row_bind_access(struct store *s, struct ctx *cx, struct db_stmt *st, int i,
    const struct token *t, struct secret access)
{
	store_bind_sealed(s, cx, st, i, access_place(cx, t), access);
}

void
token_row_bind_refresh(struct store *s, struct ctx *cx, struct db_stmt *st, int i,
    const struct token *t, struct secret refresh)
{
	store_bind_sealed(s, cx, st, i, refresh_place(cx, t), refresh);
}

/* All three, for t's newest version, from the i-th parameter on. */
static void
bind_secrets(struct store *s, struct ctx *cx, struct db_stmt *st, int i, const struct token *t,
    const struct token_secrets *secrets)
{
	store_bind_sealed(s, cx, st, i, app_secret_place(cx, t), secrets->app_secret);
	token_row_bind_access(s, cx, st, i + 1, t, secrets->access);
	token_row_bind_refresh(s, cx, st, i + 2, t, secrets->refresh);
}

static enum rc
select_one(struct store *s, struct ctx *cx, const char *sql, struct str key, struct db_stmt **st,
    struct token *out)
{
	TRY(db_stmt(cx, s->db, sql, st));
	db_bind_text(*st, 1, key);
	TRY(store_want_row(cx, *st, "access token"));
	token_row_read(cx, *st, out);
	return OK;
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
select_named(
    struct store *s, struct ctx *cx, struct str name, struct db_stmt **st, struct token *out)
{
	TRY(db_stmt(cx, s->db,
	    "SELECT " TOKEN_COLUMNS
	    " FROM token WHERE name_key = $1 AND name = $2 AND deleted_ms = 0",
	    st));
	db_bind_text(*st, 1, lower_case(cx->arena, name));
	db_bind_text(*st, 2, name);
	TRY(store_want_row(cx, *st, "access token"));
	token_row_read(cx, *st, out);
	return OK;
}

enum rc
token_row_get(struct store *s, struct ctx *cx, const char *sql, struct str key, struct token *out)
{
	struct db_stmt *st;

	TRY(select_one(s, cx, sql, key, &st, out));
	db_done(st);
	return OK;
}

enum rc
token_row_get_named(struct store *s, struct ctx *cx, struct str name, struct token *out)
{
	struct db_stmt *st;

	TRY(select_named(s, cx, name, &st, out));
	db_done(st);
	return OK;
}

enum rc
token_row_open(struct store *s, struct ctx *cx, const char *sql, struct str key, struct token *t,
    struct token_secrets *out)
{
	struct db_stmt *st;
	enum rc rc;

	TRY(select_one(s, cx, sql, key, &st, t));
	rc = token_row_secrets(s, cx, st, t, out);
	db_done(st);
	return rc;
}

struct seal_place
token_reply_place(struct str id, int64_t fence)
{
	return (
	    struct seal_place){ .purpose = S("token.attempt_reply"), .row = id, .version = fence };
}

/* Before there was previous_name, the pair was sealed anew for places of its own. */
static struct seal_place
previous_place(struct ctx *cx, const struct token *then, const char *what, int64_t version)
{
	return then->name.len > 0
	    ? place(cx, then, str_printf(cx->arena, "token.%s", what), version)
	    : (struct seal_place){ .purpose = str_printf(cx->arena, "token.previous_%s", what),
		      .row = then->id,
		      .version = then->sealed_version };
}

enum rc
token_row_previous(struct store *s, struct ctx *cx, struct str id, struct token_previous *out)
{
	struct token then = { .id = id };
	struct str access, refresh;
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT previous_version, previous_expires_ms, previous_access, previous_refresh,"
	    " previous_name, previous_refresh_version FROM token WHERE id = $1",
	    &st));
	db_bind_text(st, 1, id);
	TRY(store_want_row(cx, st, "access token"));
	then.sealed_version = db_col_int(st, 0);
	out->expires_ms = db_col_int(st, 1);
	access = db_col_blob(st, 2, cx->arena);
	refresh = db_col_blob(st, 3, cx->arena);
	then.name = db_col_text(st, 4, cx->arena);
	then.refresh_version = db_col_int(st, 5);
	db_done(st);
	TRY(store_open_sealed(
	    s, cx, previous_place(cx, &then, "access", then.sealed_version), access, &out->access));
	return store_open_sealed(s, cx, previous_place(cx, &then, "refresh", then.refresh_version),
	    refresh, &out->refresh);
}

enum rc
token_row_reply(struct store *s, struct ctx *cx, struct str id, int64_t fence, struct secret *out)
{
	struct db_stmt *st;
	struct str sealed;

	TRY(db_stmt(cx, s->db, "SELECT attempt_reply FROM token WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	TRY(store_want_row(cx, st, "access token"));
	sealed = db_col_blob(st, 0, cx->arena);
	db_done(st);
	return store_open_sealed(s, cx, token_reply_place(id, fence), sealed, out);
}

enum rc
token_row_open_named(
    struct store *s, struct ctx *cx, struct str name, struct token *t, struct token_secrets *out)
{
	struct db_stmt *st;
	enum rc rc;

	TRY(select_named(s, cx, name, &st, t));
	rc = token_row_secrets(s, cx, st, t, out);
	db_done(st);
	return rc;
}

static enum rc
read_rows(struct ctx *cx, struct db_stmt *st, size_t max, struct token **out, size_t *count)
{
	bool row = true;

	*out = ARENA_ARRAY(cx->arena, struct token, max);
	for (*count = 0; *count < max; (*count)++) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		token_row_read(cx, st, &(*out)[*count]);
	}
	db_done(st);
	return OK;
}

/* For a LIKE that takes each character as it is. */
static struct str
like_pattern(struct ctx *cx, struct str find)
{
	struct str text = lower_case(cx->arena, find);
	struct buf b = buf_in(cx->arena, 2 * text.len + 3);

	buf_addc(&b, '%');
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '%' || text.p[i] == '_' || text.p[i] == '!')
			buf_addc(&b, '!');
		buf_addc(&b, text.p[i]);
	}
	buf_addc(&b, '%');
	return buf_str(&b);
}

enum rc
token_row_page(struct store *s, struct ctx *cx, const struct token_page *page, struct token **out,
    size_t *count)
{
	/* Of a key, its tokens first, not all tokens of which some are the key's. */
	static const char *const texts[2][2] = {
		{ "SELECT " TOKEN_COLUMNS " FROM token WHERE name_key > $1 AND deleted_ms = 0"
		  " ORDER BY name_key LIMIT $2",
		    "SELECT " TOKEN_COLUMNS " FROM token WHERE name_key > $1 AND name_key LIKE $2"
		    " ESCAPE '!' AND deleted_ms = 0 ORDER BY name_key LIMIT $3" },
		{ "SELECT " TOKEN_COLUMNS " FROM api_key_token CROSS JOIN token WHERE key_id = $1"
		  " AND id = token_id AND name_key > $2 AND deleted_ms = 0 ORDER BY name_key"
		  " LIMIT $3",
		    "SELECT " TOKEN_COLUMNS " FROM api_key_token CROSS JOIN token WHERE key_id = $1"
		    " AND id = token_id AND name_key > $2 AND name_key LIKE $3 ESCAPE '!'"
		    " AND deleted_ms = 0 ORDER BY name_key LIMIT $4" },
	};
	struct db_stmt *st;
	int i = 0;

	TRY(db_stmt(cx, s->db, texts[page->key.len > 0][page->find.len > 0], &st));
	if (page->key.len > 0)
		db_bind_text(st, ++i, page->key);
	db_bind_text(st, ++i, lower_case(cx->arena, page->after));
	if (page->find.len > 0)
		db_bind_text(st, ++i, like_pattern(cx, page->find));
	db_bind_int(st, ++i, (int64_t)page->max);
	return read_rows(cx, st, page->max, out, count);
}

enum rc
token_row_page_deleted(struct store *s, struct ctx *cx, const struct deleted_page *page,
    struct token **out, size_t *count)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "SELECT " TOKEN_COLUMNS " FROM token WHERE deleted_ms > 0 AND deleted_ms <= $1"
	    " AND (deleted_ms < $1 OR id > $2) ORDER BY deleted_ms DESC, id LIMIT $3",
	    &st));
	db_bind_int(st, 1, page->until_ms);
	db_bind_text(st, 2, page->after_id);
	db_bind_int(st, 3, (int64_t)page->max);
	return read_rows(cx, st, page->max, out, count);
}

/* What must be unique. A name is letters, digits and spaces, so nobody can be called like a token
 * that was put aside. */
static struct str
name_key(struct ctx *cx, const struct token *t)
{
	return t->deleted_ms > 0 ? str_printf(cx->arena, "/%.*s", STR_ARG(t->id))
				 : lower_case(cx->arena, t->name);
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

struct new_rows {
	struct store *store;
	struct ctx *cx;
	const struct token *tokens;
	const struct token_secrets *secrets;
};

static void
bind_new(void *arg, size_t i, struct db_stmt *st)
{
	const struct new_rows *r = arg;
	const struct token *t = &r->tokens[i];
	const struct str texts[] = { t->id, t->name, t->description, t->provider, t->app_key,
		t->scopes, t->scope_granted, t->redirect_uri, t->account_id, t->account_name,
		t->account_email, t->status_reason, t->last_error };
	const int64_t numbers[] = { t->status, t->status_ms, t->expires_ms, t->created_ms,
		t->updated_ms, t->refreshed_ms, t->due_ms, t->attempts, t->fence, t->sealed_version,
		t->life_source, t->consented_ms, t->refresh_expires_ms, t->proved_ms, t->lazy };
	struct token newest = *t;
	int k = 1;

	for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
		db_bind_text(st, k++, texts[n]);
	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		db_bind_int(st, k++, numbers[n]);
	newest.app_secret_version = newest.refresh_version = t->sealed_version;
	bind_secrets(r->store, r->cx, st, k, &newest, &r->secrets[i]);
	db_bind_text(st, k + 3, name_key(r->cx, t));
}

enum rc
token_row_insert_many(struct store *s, struct ctx *cx, const struct token *tokens,
    const struct token_secrets *secrets, size_t n)
{
	struct new_rows rows = { s, cx, tokens, secrets };

	return name_taken(cx,
	    db_run_many(cx, s->db,
		&(struct db_many){
		    .sql = "INSERT INTO token (id, name, description, provider, app_key, scopes,"
			   " scope_granted, redirect_uri, account_id, account_name, account_email,"
			   " status_reason, last_error, status, status_ms, expires_ms, created_ms,"
			   " updated_ms, refreshed_ms, due_ms, attempts, fence, access_version,"
			   " life_source, consented_ms, refresh_expires_ms, proved_ms, lazy,"
			   " app_secret, access, refresh, name_key, lease_until_ms,"
			   " app_secret_version, refresh_version)"
			   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
			   " $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,"
			   " $29, $30, $31, $32, 0, $23, $23)",
		    .count = n,
		    .bind = bind_new,
		    .arg = &rows,
		    .changed = ARENA_ARRAY(cx->arena, int64_t, n) }));
}

enum rc
token_row_insert(
    struct store *s, struct ctx *cx, const struct token *t, const struct token_secrets *secrets)
{
	return token_row_insert_many(s, cx, t, secrets, 1);
}

/* A write that changes nothing: both databases keep other writers away from the row for it. */
enum rc
token_row_hold(struct store *s, struct ctx *cx, struct str id)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE token SET fence = fence WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

enum rc
token_row_seal(
    struct store *s, struct ctx *cx, struct token *t, const struct token_secrets *secrets)
{
	struct db_stmt *st;

	t->sealed_version++;
	t->app_secret_version = t->refresh_version = t->sealed_version;
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET access_version = $1, name = $2, name_key = $3, app_secret = $4,"
	    " access = $5, refresh = $6, app_secret_version = $1, refresh_version = $1"
	    " WHERE id = $7 AND access_version = $8",
	    &st));
	db_bind_int(st, 1, t->sealed_version);
	db_bind_text(st, 2, t->name);
	db_bind_text(st, 3, name_key(cx, t));
	bind_secrets(s, cx, st, 4, t, secrets);
	db_bind_text(st, 7, t->id);
	db_bind_int(st, 8, t->sealed_version - 1);
	return name_taken(
	    cx, store_write_one(cx, st, E_BUG, "The token changed under its own lock."));
}

enum rc
token_row_settle(struct store *s, struct ctx *cx, struct str id)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET lease_until_ms = 0, attempt_stage = 0, attempt_fence = 0,"
	    " attempt_risked = 0, refused_ms = 0, attempt_reply = $1 WHERE id = $2",
	    &st));
	db_bind_blob(st, 1, S(""));
	db_bind_text(st, 2, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

enum rc
token_row_grant(
    struct store *s, struct ctx *cx, const struct token *t, const struct token_grant *grant)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET status = 0, status_reason = '', status_ms = $1, expires_ms = $2,"
	    " life_source = $3, scope_granted = $4, refreshed_ms = $1, updated_ms = $1,"
	    " proved_ms = $1, due_ms = $5, refresh_expires_ms = $6, attempts = 0, last_error = '',"
	    " failed_ms = 0, expires_date_s = $7 WHERE id = $8",
	    &st));
	db_bind_int(st, 1, grant->now_ms);
	db_bind_int(st, 2, grant->expires_ms);
	db_bind_int(st, 3, grant->life_source);
	db_bind_text(st, 4, grant->scope_granted.len > 0 ? grant->scope_granted : t->scope_granted);
	db_bind_int(st, 5, grant->due_ms);
	db_bind_int(st, 6,
	    grant->refresh_expires_ms > 0 ? grant->refresh_expires_ms : t->refresh_expires_ms);
	db_bind_int(st, 7, grant->expires_date_s);
	db_bind_text(st, 8, t->id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}
