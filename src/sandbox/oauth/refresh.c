/* refresh_redeem of grants.h: a refresh token is presented, and the app's personality says what follows.
 *
 * A grant's refresh tokens are a family; each refresh that rotates makes the next generation. A token is
 * spent once it has been exchanged for the next. What a spent one may still do is the personality's:
 * nothing, or repeat for the length of its grace. Any other use of it is counted as a reuse. */
#include "sandbox/core/known.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/issue.h"
#include "sandbox/oauth/sweep.h"

#define DEAD "refresh token is invalid or revoked"

struct refresh_row {
	struct str digest;
	int64_t generation, issued_ms, spent_ms;
	bool grace_over, public_client, app_public;
	struct str reply; /* sealed: what the first use answered */
	int64_t created_ms;
	struct refreshed refreshed;
	struct grant grant;
};

static enum rc
read_row(struct ctx *cx, struct db_stmt *st, struct arena *a, struct refresh_row *out)
{
	out->generation = db_col_int(st, 0);
	out->issued_ms = db_col_int(st, 1);
	out->spent_ms = db_col_int(st, 2);
	out->grace_over = db_col_int(st, 3) != 0;
	if (!db_col_null(st, 4))
		out->reply = db_col_blob(st, 4, a);
	out->public_client = db_col_int(st, 5) != 0;
	out->app_public = db_col_int(st, 6) != 0;
	out->created_ms = db_col_int(st, 7);
	out->refreshed =
	    (struct refreshed){ .count = db_col_int(st, 8), .last_ms = db_col_int(st, 9) };
	out->grant = (struct grant){
		.offline = true,
		.id = db_col_text(st, 11, a),
		.app_key = db_col_text(st, 12, a),
		.account_id = db_col_text(st, 13, a),
		.team_id = db_col_text(st, 14, a),
	};
	scopes_parse(db_col_text(st, 15, a), &out->grant.scopes);
	return personality_parse(cx, db_col_text(st, 10, cx->arena), &out->grant.personality);
}

static enum rc
row_load(struct sandbox *s, struct ctx *cx, struct str digest, struct refresh_row **out)
{
	struct arena *a = known_arena(s, s->refreshes);
	struct refresh_row *row;
	struct db_stmt *st;
	bool there;
	enum rc rc;

	TRY(sql_bind(cx, s->db,
	    "SELECT r.generation, r.issued_ms, r.spent_ms, r.grace_over, r.reply, g.public_client,"
	    " a.public_clients, g.created_ms, g.refreshes, g.refreshed_ms, a.personality, g.id,"
	    " g.app_key, g.account_id, g.team_id, g.scopes FROM refresh_tokens r"
	    " JOIN grants g ON g.id = r.grant_id JOIN apps a ON a.app_key = g.app_key"
	    " WHERE r.digest = $1",
	    SQL_ARGS(B(digest)), &st));
	TRY(db_step(cx, st, &there));
	if (!there)
		return invalid_grant(cx, DEAD);
	row = ARENA_NEW(a, struct refresh_row);
	row->digest = str_dup(a, digest);
	rc = read_row(cx, st, a, row);
	db_done(st);
	TRY(rc);
	TRY(counts_correct(s, cx, row->grant.id, &row->refreshed));
	known_put(s, s->refreshes, row->digest, row);
	*out = row;
	return OK;
}

static enum rc
row_get(struct sandbox *s, struct ctx *cx, const struct refresh_use *use, struct refresh_row **out)
{
	struct str digest = token_digest(s, cx, REFRESH_PURPOSE, use->refresh);

	*out = known_get(s, s->refreshes, digest);
	if (*out == NULL)
		TRY(row_load(s, cx, digest, out));
	return str_eq((*out)->grant.app_key, use->app_key) ? OK : invalid_grant(cx, DEAD);
}

/* Without the secret only what was got without it, and as long as the app allows that (S-065). */
static enum rc
check_public(struct ctx *cx, const struct refresh_use *use, const struct refresh_row *row)
{
	if (use->proven || (row->public_client && row->app_public))
		return OK;
	return fail_at(cx, E_INPUT, "invalid_client", NULL, "Invalid client_id or client_secret");
}

static bool
died_by_itself(const struct refresh_row *row, int64_t now_ms)
{
	const struct personality *p = &row->grant.personality;
	int64_t last_ms = row->refreshed.last_ms;
	int64_t used_ms = last_ms > row->issued_ms ? last_ms : row->issued_ms;
	int64_t born_ms = p->age_from_issue ? row->issued_ms : row->created_ms;

	return (p->idle_s > 0 && now_ms - used_ms >= p->idle_s * SECOND_MS) ||
	    (p->max_age_s > 0 && now_ms - born_ms >= p->max_age_s * SECOND_MS);
}

static bool
in_grace(const struct refresh_row *row, int64_t now_ms)
{
	const struct personality *p = &row->grant.personality;

	return p->rotation == ROTATION_GRACE && !row->grace_over &&
	    now_ms - row->spent_ms < p->grace_max_s * SECOND_MS;
}

/* A spent token outside its grace: a client that lost the newer one, or a thief. */
static enum rc
reused(struct sandbox *s, struct ctx *cx, const struct refresh_row *row)
{
	const struct personality *p = &row->grant.personality;

	TRY(sql_exec(cx, s->db, NULL, "UPDATE grants SET reuses = reuses + 1 WHERE id = $1",
	    SQL_ARGS(T(row->grant.id))));
	if (p->rotation == ROTATION_STRICT || (p->rotation == ROTATION_GRACE && p->after_strict))
		TRY(grant_revoke(s, cx, row->grant.id));
	store_keep(s);
	return invalid_grant(cx, DEAD);
}

static enum rc
narrow(struct ctx *cx, const struct refresh_use *use, const struct refresh_row *row,
    struct issued *out)
{
	out->scopes = row->grant.scopes;
	if (str_trim(use->scope).len == 0) /* no value is none (RFC 6749 section 3.2) */
		return OK;
	if (scopes_parse(use->scope, &out->scopes) && out->scopes != 0 &&
	    (out->scopes & ~row->grant.scopes) == 0)
		return OK;
	return fail_at(
	    cx, E_INPUT, "invalid_scope", NULL, "scope must be a subset of what was granted");
}

static struct seal_place
reply_place(const struct refresh_row *row)
{
	return (struct seal_place){ .purpose = S("sandbox.refresh_reply"), .row = row->digest };
}

/* Kept only where a repetition gives the same pair: "access refresh expires scopes...". */
static enum rc
keep_reply(
    struct sandbox *s, struct ctx *cx, const struct refresh_row *row, const struct issued *got)
{
	struct str access = secret_expose(got->access), refresh = secret_expose(got->refresh);
	struct str scopes = scopes_text(cx->arena, got->scopes), text;

	if (!row->grant.personality.repeat_same)
		return OK;
	text = str_printf(cx->arena, "%.*s %.*s %lld %.*s", STR_ARG(access), STR_ARG(refresh),
	    (long long)got->expires_ms, STR_ARG(scopes));
	return sql_exec(cx, s->db, NULL, "UPDATE refresh_tokens SET reply = $1 WHERE digest = $2",
	    SQL_ARGS(B(crypto_seal(s->keys, cx->arena, reply_place(row), secret_of(text))),
		B(row->digest)));
}

static enum rc
repeat_reply(struct sandbox *s, struct ctx *cx, const struct refresh_row *row, struct issued *out)
{
	struct str access, refresh, expires, text;
	struct secret plain;

	TRY(crypto_open(s->keys, cx, reply_place(row), row->reply, &plain));
	text = secret_expose(plain);
	str_split(&text, ' ', &access);
	str_split(&text, ' ', &refresh);
	str_split(&text, ' ', &expires);
	if (!str_int(expires, 0, INT64_MAX, &out->expires_ms) || !scopes_parse(text, &out->scopes))
		return fail(cx, E_BUG, "The kept reply to a refresh cannot be read.");
	out->access = secret_of(access);
	out->refresh = secret_of(refresh);
	out->expires_as = row->grant.personality.expires_in;
	return OK;
}

static enum rc
spend(struct sandbox *s, struct ctx *cx, const struct refresh_row *row, int64_t at_ms)
{
	if (row->spent_ms > 0)
		return OK;
	return sql_exec(cx, s->db, NULL,
	    "UPDATE refresh_tokens SET spent_ms = $1 WHERE digest = $2",
	    SQL_ARGS(I(at_ms), B(row->digest)));
}

/* Using the newer one tells the provider that it arrived. */
static enum rc
end_older_graces(struct sandbox *s, struct ctx *cx, const struct refresh_row *row)
{
	if (row->generation == 1 || row->grant.personality.until != GRACE_R2_USED)
		return OK;
	return sql_exec(cx, s->db, NULL,
	    "UPDATE refresh_tokens SET grace_over = 1, reply = NULL"
	    " WHERE grant_id = $1 AND generation < $2 AND grace_over = 0",
	    SQL_ARGS(T(row->grant.id), I(row->generation)));
}

static enum rc
rotate(struct sandbox *s, struct ctx *cx, const struct refresh_row *row, struct issued *out)
{
	TRY(spend(s, cx, row, out->at_ms));
	TRY(refresh_issue(s, cx, &row->grant, row->generation + 1, (struct secret){ 0 }, out));
	if (row->grant.personality.rotation != ROTATION_GRACE)
		return OK;
	TRY(end_older_graces(s, cx, row));
	return keep_reply(s, cx, row, out);
}

/* All that were made before are dead. */
static enum rc
kill_access(struct sandbox *s, struct ctx *cx, const struct refresh_row *row)
{
	return sql_exec(cx, s->db, NULL, "UPDATE grants SET access_from = $1 WHERE id = $2",
	    SQL_ARGS(I(row->refreshed.count), T(row->grant.id)));
}

static enum rc
issue_next(struct sandbox *s, struct ctx *cx, const struct refresh_row *row, struct issued *out)
{
	const struct personality *p = &row->grant.personality;
	bool watch = p->rotation == ROTATION_GRACE && p->until == GRACE_ACCESS_USED;
	struct birth birth = { .number = row->refreshed.count,
		.watched = watch ? row->generation : 0 };

	if (p->refresh_kills_access)
		TRY(kill_access(s, cx, row));
	TRY(access_issue(s, cx, &row->grant, birth, out));
	return p->rotation == ROTATION_NONE ? OK : rotate(s, cx, row, out);
}

/* Where a refresh makes nothing but an access token, that tells of it, and the grant's row can wait. */
static enum rc
count(struct sandbox *s, struct ctx *cx, const struct refresh_row *row)
{
	const struct personality *p = &row->grant.personality;
	bool can_wait = p->rotation == ROTATION_NONE && !p->refresh_kills_access;

	return can_wait ? counts_note(s, cx, row->grant.id, row->refreshed)
			: counts_write(s, cx, row->grant.id, row->refreshed);
}

static enum rc
check(struct sandbox *s, struct ctx *cx, const struct refresh_use *use,
    const struct refresh_row *row, struct issued *out)
{
	TRY(check_public(cx, use, row));
	if (row->spent_ms > 0 && !in_grace(row, out->at_ms))
		return reused(s, cx, row);
	if (died_by_itself(row, out->at_ms))
		return invalid_grant(cx, DEAD);
	return narrow(cx, use, row, out);
}

static enum rc
exchange(struct sandbox *s, struct ctx *cx, struct refresh_row *row, struct issued *out)
{
	row->refreshed.count++;
	row->refreshed.last_ms = out->at_ms;
	if (row->spent_ms > 0 && row->reply.len > 0 && row->grant.personality.repeat_same)
		TRY(repeat_reply(s, cx, row, out));
	else
		TRY(issue_next(s, cx, row, out));
	return count(s, cx, row);
}

enum rc
refresh_redeem(struct sandbox *s, struct ctx *cx, const struct refresh_use *use, struct issued *out)
{
	struct refresh_row *row;
	struct refreshed before;
	enum rc rc;

	*out = (struct issued){ .at_ms = clock_now_ms(s->clock) };
	if (secret_expose(use->refresh).len != REFRESH_LEN)
		return invalid_grant(cx, "refresh token is malformed");
	TRY(row_get(s, cx, use, &row));
	TRY(check(s, cx, use, row, out));
	TRY(grants_sweep(s, cx));
	before = row->refreshed;
	rc = exchange(s, cx, row, out);
	if (rc != OK)
		row->refreshed = before; /* those that come next may know the same row */
	return rc;
}
