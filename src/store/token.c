#include "store/token.h"

#include "store/connection.h"
#include "store/refresh.h"
#include "store/token_row.h"

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
	TRY(token_row_insert(s, cx, t, secrets));
	TRY(store_event_token(s, cx, "token.created", t, NULL));
	return db_commit(cx, s->db);
}

enum rc
store_token_get(struct store *s, struct ctx *cx, struct str id, struct token *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return token_row_get(s, cx, TOKEN_BY_ID, id, out);
}

enum rc
store_token_by_name(struct store *s, struct ctx *cx, struct str name, struct token *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return token_row_get_named(s, cx, name, out);
}

enum rc
store_token_secrets(struct store *s, struct ctx *cx, struct str id, struct token_secrets *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct token t;

	return token_row_open(s, cx, TOKEN_BY_ID, id, &t, out);
}

enum rc
store_token_open(struct store *s, struct ctx *cx, struct str name, struct token *out,
    struct token_secrets *secrets)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return token_row_open_named(s, cx, name, out, secrets);
}

enum rc
store_token_page(struct store *s, struct ctx *cx, const struct token_page *page, struct token **out,
    size_t *count)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return token_row_page(s, cx, page, out, count);
}

enum rc
store_token_page_deleted(struct store *s, struct ctx *cx, const struct deleted_page *page,
    struct token **out, size_t *count)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return token_row_page_deleted(s, cx, page, out, count);
}

/* Its name is free from then on. The fence moves, so that a refresh under way does not write to it any more. */
static enum rc
write_deleted(struct store *s, struct ctx *cx, const struct token *t)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET deleted_ms = $1, due_ms = $2, lease_until_ms = 0, fence = fence + 1,"
	    " name_key = CASE WHEN $1 > 0 THEN '/' || id ELSE name_key END WHERE id = $3",
	    &st));
	db_bind_int(st, 1, t->deleted_ms);
	db_bind_int(st, 2, t->due_ms);
	db_bind_text(st, 3, t->id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

/* The end of the row, and of the grant in it. */
static enum rc
end_token(struct store *s, struct ctx *cx, const struct token *t)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "DELETE FROM token WHERE id = $1", &st));
	db_bind_text(st, 1, t->id);
	TRY(store_write_one(cx, st, E_NOTFOUND, "There is no such access token."));
	return store_event_token(s, cx, "token.purged", t, NULL);
}

static enum rc
tell_deleted(struct store *s, struct ctx *cx, const struct token *t, struct str revoked_by)
{
	json_t *o = json_object();

	if (revoked_by.len > 0)
		json_put(o, "revoked_by", json_str(revoked_by));
	return store_event_token(s, cx, "token.deleted", t, o);
}

enum rc
store_token_delete(struct store *s, struct ctx *cx, struct str id, int64_t now_ms)
{
	return store_token_delete_revoked(s, cx, id, now_ms, S(""));
}

enum rc
store_token_delete_revoked(
    struct store *s, struct ctx *cx, struct str id, int64_t now_ms, struct str revoked_by)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets;
	struct token t;
	bool opens;
	enum rc rc;

	TRY(db_begin(cx, s->db));
	TRY(token_row_hold(s, cx, id));
	rc = token_row_open(s, cx, TOKEN_BY_ID, id, &t, &secrets);
	opens = rc == OK;
	/* What does not open any more is put aside as it is: one damaged part need not be the end of all. */
	if (rc == E_STORE && cx->code != NULL && strcmp(cx->code, "integrity") == 0)
		ctx_clear(cx);
	else
		TRY(rc);
	t.deleted_ms = now_ms;
	t.due_ms = 0;
	TRY(write_deleted(s, cx, &t));
	if (opens)
		TRY(token_row_seal(s, cx, &t, &secrets));
	TRY(tell_deleted(s, cx, &t, revoked_by));
	TRY(store_changed(s, cx, CHANGE_TOKEN, id));
	return db_commit(cx, s->db);
}

#define DELETED_BY_ID "SELECT " TOKEN_COLUMNS " FROM token WHERE id = $1 AND deleted_ms > 0"

static enum rc
tell_restored(struct store *s, struct ctx *cx, const struct token *t, struct str was)
{
	json_t *o = json_object();

	if (!str_eq(was, t->name))
		json_put(o, "was", json_str(was));
	return store_event_token(s, cx, "token.restored", t, o);
}

enum rc
store_token_restore(
    struct store *s, struct ctx *cx, struct str id, struct str name, struct token *out)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets;
	struct str was;

	TRY(db_begin(cx, s->db));
	TRY(token_row_hold(s, cx, id));
	TRY(token_row_open(s, cx, DELETED_BY_ID, id, out, &secrets));
	was = out->name;
	if (name.len > 0)
		out->name = name;
	out->due_ms = out->has_refresh ? out->deleted_ms : 0;
	out->deleted_ms = 0;
	TRY(write_deleted(s, cx, out));
	TRY(token_row_seal(s, cx, out, &secrets));
	TRY(tell_restored(s, cx, out, was));
	TRY(store_changed(s, cx, CHANGE_TOKEN, id));
	return db_commit(cx, s->db);
}

#define PURGE_MAX 100 /* at once; the rest the next time */

static enum rc
read_ended(struct store *s, struct ctx *cx, int64_t before_ms, struct token *out, size_t *count)
{
	struct db_stmt *st;
	bool row;

	*count = 0;
	TRY(db_stmt(cx, s->db,
	    "SELECT id, name, provider FROM token WHERE deleted_ms > 0 AND deleted_ms < $1 LIMIT "
	    "$2",
	    &st));
	db_bind_int(st, 1, before_ms);
	db_bind_int(st, 2, PURGE_MAX);
	while (*count < PURGE_MAX) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		out[(*count)++] = (struct token){ .id = db_col_text(st, 0, cx->arena),
			.name = db_col_text(st, 1, cx->arena),
			.provider = db_col_text(st, 2, cx->arena) };
	}
	db_done(st);
	return OK;
}

enum rc
store_token_purge(struct store *s, struct ctx *cx, int64_t before_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token *ended = ARENA_ARRAY(cx->arena, struct token, PURGE_MAX);
	size_t n;

	TRY(db_begin(cx, s->db));
	TRY(read_ended(s, cx, before_ms, ended, &n));
	for (size_t i = 0; i < n; i++)
		TRY(end_token(s, cx, &ended[i]));
	return db_commit(cx, s->db);
}

/* What was misconfigured is tried again. */
static bool
mends(const struct token *t, const struct token_edit *edit)
{
	return edit->set_app_secret && t->status == TOKEN_MISCONFIGURED;
}

static enum rc
write_edit(struct store *s, struct ctx *cx, const struct token *t, const struct token_edit *edit)
{
	bool mended = mends(t, edit);
	bool again = mended || (edit->set_lazy && t->has_refresh);
	struct db_stmt *st;

	/* What is under way stays due, for whoever has to take it up; its end says when it is due again. */
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET description = $1, updated_ms = $2, status = $3, status_reason = $4,"
	    " due_ms = CASE WHEN lease_until_ms > 0 AND ($5 = 0 OR $5 > $2) THEN due_ms ELSE $5"
	    " END, lazy = $6 WHERE id = $7",
	    &st));
	db_bind_text(st, 1, edit->set_description ? edit->description : t->description);
	db_bind_int(st, 2, edit->now_ms);
	db_bind_int(st, 3, mended ? TOKEN_ACTIVE : t->status);
	db_bind_text(st, 4, mended ? S("") : t->status_reason);
	db_bind_int(st, 5, again ? edit->due_ms : t->due_ms);
	db_bind_int(st, 6, edit->set_lazy ? edit->lazy : t->lazy);
	db_bind_text(st, 7, t->id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

/* What differs afterwards, by name; one row, however much it is. */
static enum rc
tell_edit(struct store *s, struct ctx *cx, const struct token *was, const struct token_edit *edit,
    bool new_secret)
{
	bool renamed = edit->set_name && !str_eq(edit->name, was->name);
	json_t *o = json_object(), *changed = json_array();
	struct token now = *was;

	if (edit->set_description && !str_eq(edit->description, was->description))
		json_array_append_new(changed, json_string("description"));
	if (new_secret)
		json_array_append_new(changed, json_string("app_secret"));
	if (edit->set_lazy && edit->lazy != was->lazy)
		json_array_append_new(changed, json_string("lazy"));
	if (mends(was, edit))
		json_array_append_new(changed, json_string("status"));
	if (!renamed && json_array_size(changed) == 0) {
		json_decref(changed);
		json_decref(o);
		return OK;
	}
	json_put(o, "changed", changed);
	if (renamed) {
		now.name = edit->name;
		json_put(o, "was", json_str(was->name));
	}
	return store_event_token(s, cx, renamed ? "token.renamed" : "token.changed", &now, o);
}

static enum rc
check_seen(struct ctx *cx, const struct token *t, const struct token_edit *edit)
{
	if (edit->was.name.p != NULL && !str_eq(edit->was.name, t->name))
		return store_meanwhile(cx, "name", "The name");
	if (edit->was.description.p != NULL && !str_eq(edit->was.description, t->description))
		return store_meanwhile(cx, "description", "The description");
	if (edit->was.has_lazy && edit->was.lazy != t->lazy)
		return store_meanwhile(cx, "lazy", "When it is refreshed");
	return OK;
}

/* Whether a refresh has begun or ended since: then it is due at another time. */
static bool
moved_on(const struct token *t, const struct token *from)
{
	return from != NULL &&
	    (t->fence != from->fence || t->sealed_version != from->sealed_version ||
		t->attempt.stage != from->attempt.stage || t->attempts != from->attempts ||
		t->status != from->status);
}

enum rc
store_token_edit(struct store *s, struct ctx *cx, struct str id, const struct token_edit *edit)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets;
	struct token t, was;
	bool new_secret;

	TRY(db_begin(cx, s->db));
	TRY(token_row_hold(s, cx, id));
	TRY(token_row_open(s, cx, TOKEN_BY_ID, id, &t, &secrets));
	TRY(check_seen(cx, &t, edit));
	if (moved_on(&t, edit->due_from))
		return fail(cx, E_AGAIN, "The token is being refreshed just now.");
	was = t;
	new_secret = edit->set_app_secret && !crypto_equal(edit->app_secret, secrets.app_secret);
	if (edit->set_name)
		t.name = edit->name;
	if (edit->set_app_secret)
		secrets.app_secret = edit->app_secret;
	if (edit->set_name || edit->set_app_secret)
		TRY(token_row_seal(s, cx, &t, &secrets));
	TRY(write_edit(s, cx, &t, edit));
	TRY(tell_edit(s, cx, &was, edit, new_secret));
	TRY(store_changed(s, cx, CHANGE_TOKEN, id));
	return db_commit(cx, s->db);
}

static enum rc
write_client(struct store *s, struct ctx *cx, struct str id, const struct token_reconnect *r)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET app_key = $1, scopes = $2, redirect_uri = $3, account_id = $4,"
	    " account_name = $5, account_email = $6, consented_ms = $7, refresh_expires_ms = 0,"
	    " learned_refreshes = 0, learned_rotations = 0, learned_kills = 0, learned_life_s = 0,"
	    " learned_returned = 0, learned_ms = 0, learned_kills_ms = 0, learned_life_ms = 0,"
	    " previous_expires_ms = 0, fence = fence + 1 WHERE id = $8",
	    &st));
	db_bind_text(st, 1, r->app_key);
	db_bind_text(st, 2, r->scopes);
	db_bind_text(st, 3, r->redirect_uri);
	db_bind_text(st, 4, r->account_id);
	db_bind_text(st, 5, r->account_name);
	db_bind_text(st, 6, r->account_email);
	db_bind_int(st, 7, r->grant.now_ms);
	db_bind_text(st, 8, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

/* Whose access it is now, and whose it was if that is another. */
static enum rc
tell_reconnected(
    struct store *s, struct ctx *cx, const struct token *was, const struct token_reconnect *r)
{
	struct str account = r->account_email.len > 0 ? r->account_email : r->account_name;
	struct str before = was->account_email.len > 0 ? was->account_email : was->account_name;
	json_t *o = json_object();
	bool known = was->account_id.len > 0 && r->account_id.len > 0;
	bool other = known ? !str_eq(was->account_id, r->account_id) : !str_eq(account, before);

	json_put(o, "account", json_str(account));
	if (other && before.len > 0)
		json_put(o, "account_was", json_str(before));
	return store_event_token(s, cx, "token.reauthorized", was, o);
}

static enum rc
end_attempt(
    struct store *s, struct ctx *cx, const struct token *t, const struct connection *attempt)
{
	if (attempt == NULL)
		return OK;
	if (!str_eq(attempt->provider, t->provider))
		return fail_at(cx, E_INPUT, "other-provider", "provider",
		    "The consent is of another provider than the access token.");
	return connection_row_apply(s, cx, attempt);
}

/* Some providers give a refresh token at the first consent only. */
static bool
keeps_refresh(const struct token *t, const struct token_reconnect *r)
{
	return secret_empty(r->grant.refresh) && t->has_refresh && t->status == TOKEN_ACTIVE &&
	    t->account_id.len > 0 && str_eq(t->account_id, r->account_id) &&
	    str_eq(t->app_key, r->app_key);
}

static enum rc
write_previous(struct store *s, struct ctx *cx, struct str id)
{
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE token SET " TOKEN_PREVIOUS " WHERE id = $1", &st));
	db_bind_text(st, 1, id);
	return store_write_one(cx, st, E_NOTFOUND, "There is no such access token.");
}

/* What does not open any more has no pair to put aside, and a new consent mends it. */
static enum rc
open_replaced(struct store *s, struct ctx *cx, struct str id, struct token *t,
    struct token_secrets *was, bool *opens)
{
	enum rc rc = token_row_open(s, cx, TOKEN_BY_ID, id, t, was);

	*opens = rc == OK;
	if (rc != E_STORE || cx->code == NULL || strcmp(cx->code, "integrity") != 0)
		return rc;
	ctx_clear(cx);
	return OK;
}

enum rc
store_token_reconnect(
    struct store *s, struct ctx *cx, struct str id, const struct token_reconnect *r)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct token_secrets secrets = { r->app_secret, r->grant.access, r->grant.refresh }, was;
	struct token_grant grant = r->grant;
	bool opens, keeps, in_doubt;
	struct token t;

	TRY(db_begin(cx, s->db));
	TRY(token_row_hold(s, cx, id));
	TRY(open_replaced(s, cx, id, &t, &was, &opens));
	TRY(end_attempt(s, cx, &t, r->attempt));
	TRY(write_client(s, cx, id, r));
	if (opens)
		TRY(write_previous(s, cx, id));
	keeps = opens && keeps_refresh(&t, r);
	in_doubt = keeps && t.attempt.stage != STAGE_SETTLED;
	if (keeps)
		secrets.refresh = was.refresh;
	else
		t.refresh_expires_ms = 0;
	if (keeps)
		grant.due_ms = in_doubt && t.due_ms > 0 ? t.due_ms : r->kept_due_ms;
	TRY(token_row_grant(s, cx, &t, &grant));
	/* What is in doubt about the refresh token that stays is so still: its reply may be under way. */
	if (!in_doubt)
		TRY(token_row_settle(s, cx, id));
	TRY(token_row_seal(s, cx, &t, &secrets));
	TRY(tell_reconnected(s, cx, &t, r));
	TRY(store_changed(s, cx, CHANGE_TOKEN, id));
	return db_commit(cx, s->db);
}

struct due_look {
	struct str provider;
	int64_t now_ms, wall_ms;
	size_t max, count;
	struct str *ids; /* out, like next_ms */
	int64_t next_ms;
};

/* What is free, oldest first; and what was left by somebody who is gone, whose lease has lapsed. In a file both
 * are found by an index each; elsewhere by one walk from the oldest, past what is under way: there no index knows
 * of leases, so that a claim need not touch any. */
#define DUE_FREE                                                                   \
	"SELECT id FROM token WHERE provider = $1 AND due_ms > 0 AND due_ms <= $2" \
	" AND lease_until_ms = 0 AND deleted_ms = 0 ORDER BY due_ms LIMIT $3"
#define DUE_EITHER                                                                 \
	"SELECT id FROM token WHERE provider = $1 AND due_ms > 0 AND due_ms <= $2" \
	" AND lease_until_ms < $4 AND deleted_ms = 0 ORDER BY due_ms LIMIT $3"
#define DUE_LEFT                                                                      \
	"SELECT id FROM token WHERE provider = $1 AND ((due_ms > 0 AND due_ms <= $2)" \
	" OR attempt_stage = 1) AND lease_until_ms > 0 AND lease_until_ms < $4"       \
	" AND deleted_ms = 0"                                                         \
	" ORDER BY lease_until_ms LIMIT $3"

static enum rc
add_due(struct store *s, struct ctx *cx, struct due_look *look, const char *sql, bool leased)
{
	struct db_stmt *st;
	bool row = true;

	if (look->count == look->max)
		return OK;
	TRY(db_stmt(cx, s->db, sql, &st));
	db_bind_text(st, 1, look->provider);
	db_bind_int(st, 2, look->now_ms);
	db_bind_int(st, 3, (int64_t)(look->max - look->count));
	if (leased)
		db_bind_int(st, 4, look->wall_ms);
	while (look->count < look->max) {
		TRY(db_step(cx, st, &row));
		if (!row)
			break;
		look->ids[look->count++] = db_col_text(st, 0, cx->arena);
	}
	db_done(st);
	return OK;
}

/* When the first lease lapses of what is then to be taken up. */
#define LEFT_IN_FILE                                                                         \
	"SELECT coalesce(min(CASE WHEN attempt_stage = 1 OR due_ms < lease_until_ms + $2"    \
	" THEN lease_until_ms + $2 ELSE due_ms END), 0) FROM token WHERE lease_until_ms > 0" \
	" AND provider = $1 AND deleted_ms = 0 AND (attempt_stage = 1 OR due_ms > 0)"
#define LEFT_ELSEWHERE                                                                \
	"SELECT coalesce(min(lease_until_ms + $2), 0) FROM token WHERE provider = $1" \
	" AND due_ms > 0 AND due_ms <= $3 AND lease_until_ms > 0 AND deleted_ms = 0"

/* When the next token of this provider is due, or a lease lapses of one that is then to be taken up. */
static enum rc
next_due(struct store *s, struct ctx *cx, struct due_look *look)
{
	struct db_stmt *st;
	int64_t lapses;
	bool row;

	TRY(db_stmt(cx, s->db,
	    "SELECT due_ms FROM token WHERE provider = $1 AND due_ms > 0 AND lease_until_ms = 0"
	    " AND deleted_ms = 0 ORDER BY due_ms LIMIT 1",
	    &st));
	db_bind_text(st, 1, look->provider);
	TRY(db_step(cx, st, &row));
	look->next_ms = row ? db_col_int(st, 0) : 0;
	db_done(st);
	TRY(db_stmt(cx, s->db, db_is_shared(s->db) ? LEFT_ELSEWHERE : LEFT_IN_FILE, &st));
	db_bind_text(st, 1, look->provider);
	db_bind_int(st, 2, look->now_ms - look->wall_ms + 1);
	if (db_is_shared(s->db))
		db_bind_int(st, 3, look->now_ms);
	TRY(store_want_row(cx, st, "table"));
	lapses = db_col_int(st, 0);
	db_done(st);
	if (lapses > 0 && (look->next_ms == 0 || lapses < look->next_ms))
		look->next_ms = lapses;
	return OK;
}

enum rc
store_token_due(struct store *s, struct ctx *cx, struct str provider, int64_t now_ms,
    int64_t wall_ms, size_t max, struct str **ids, size_t *count, int64_t *next_ms)
{
	STORE_HOLD hold = store_hold_read(&s, cx);
	struct due_look look = { provider, now_ms, wall_ms, max, 0, NULL, 0 };

	look.ids = ARENA_ARRAY(cx->arena, struct str, max > 0 ? max : 1);
	TRY(store_clock(s, cx, &look.wall_ms));
	if (db_is_shared(s->db)) {
		TRY(add_due(s, cx, &look, DUE_EITHER, true));
	} else {
		TRY(add_due(s, cx, &look, DUE_LEFT, true));
		TRY(add_due(s, cx, &look, DUE_FREE, false));
	}
	/* Where there is more than was asked for, nobody waits for what comes after it. */
	if (look.count < max)
		TRY(next_due(s, cx, &look));
	else
		look.next_ms = now_ms;
	*ids = look.ids;
	*count = look.count;
	*next_ms = look.next_ms;
	return OK;
}

enum rc
store_token_postpone(
    struct store *s, struct ctx *cx, struct str id, int64_t seen_ms, int64_t due_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET due_ms = $1 WHERE id = $2 AND deleted_ms = 0 AND due_ms = $3", &st));
	db_bind_int(st, 1, due_ms);
	db_bind_text(st, 2, id);
	db_bind_int(st, 3, seen_ms);
	return db_run(cx, st, NULL);
}

enum rc
store_token_proved(struct store *s, struct ctx *cx, struct str id, int64_t now_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db, "UPDATE token SET proved_ms = $1 WHERE id = $2", &st));
	db_bind_int(st, 1, now_ms);
	db_bind_text(st, 2, id);
	return db_run(cx, st, NULL);
}

enum rc
store_token_learn(struct store *s, struct ctx *cx, const struct token *t)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET"
	    " learned_life_s = CASE WHEN $2 > learned_life_ms THEN $1 ELSE learned_life_s END,"
	    " learned_life_ms = CASE WHEN $2 > learned_life_ms THEN $2 ELSE learned_life_ms END,"
	    " learned_kills_ms = CASE WHEN $3 > learned_kills THEN $4 ELSE learned_kills_ms END,"
	    " learned_kills = CASE WHEN $3 > learned_kills THEN $3 ELSE learned_kills END"
	    " WHERE id = $5 AND consented_ms = $6",
	    &st));
	db_bind_int(st, 1, t->learned.life_s);
	db_bind_int(st, 2, t->learned.life_ms);
	db_bind_int(st, 3, t->learned.kills);
	db_bind_int(st, 4, t->learned.kills_ms);
	db_bind_text(st, 5, t->id);
	db_bind_int(st, 6, t->consented_ms);
	return db_run(cx, st, NULL);
}

enum rc
store_token_refused(struct store *s, struct ctx *cx, const struct token *t, int64_t now_ms)
{
	STORE_HOLD hold = store_hold(s, cx);
	struct db_stmt *st;

	TRY(db_begin(cx, s->db));
	TRY(db_stmt(cx, s->db,
	    "UPDATE token SET refused_ms = CASE WHEN attempt_stage > 0 AND attempt_first_ms >= $1"
	    " THEN attempt_first_ms + 1 ELSE $1 END WHERE id = $2 AND refreshed_ms = $3 AND"
	    " consented_ms = $4 AND refused_ms = 0",
	    &st));
	db_bind_int(st, 1, now_ms);
	db_bind_text(st, 2, t->id);
	db_bind_int(st, 3, t->refreshed_ms);
	db_bind_int(st, 4, t->consented_ms);
	TRY(db_run(cx, st, NULL));
	TRY(store_changed(s, cx, CHANGE_TOKEN, t->id));
	return db_commit(cx, s->db);
}

enum rc
store_token_previous(struct store *s, struct ctx *cx, struct str id, struct token_previous *out)
{
	STORE_HOLD hold = store_hold_read(&s, cx);

	return token_row_previous(s, cx, id, out);
}
