#include "sandbox/oauth/ending.h"

#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/issue.h"

const char *const ending_names[ENDING_COUNT] = { "token", "app_key", "email", "account_id",
	"grant_id" };

/* The same statements for each way to name grants; $1 is now, $2 the name. */
struct statements {
	const char *live_grants, *access, *refresh, *expire, *first;
};

#define GRANTS(which) "SELECT id FROM grants WHERE ended_ms = 0 AND created_ms <= $1 AND " which
#define LIVE(which)                                                                        \
	" FROM access_tokens t JOIN grants g ON g.id = t.grant_id WHERE t.expires_ms > $1" \
	" AND " ALIVE " AND g.created_ms <= $1 AND g." which
#define STATEMENTS(which)                                                            \
	{                                                                            \
		.live_grants = "SELECT count(DISTINCT g.id)" LIVE(which),            \
		.access = "SELECT count(*)" LIVE(which),                             \
		.refresh = "SELECT count(*) FROM refresh_tokens WHERE spent_ms = 0"  \
			   " AND grant_id IN (" GRANTS(which) ")",                   \
		.expire = "UPDATE access_tokens SET expires_ms = $1 WHERE digest IN" \
			  " (SELECT t.digest" LIVE(which) ")",                       \
		.first = GRANTS(which) " LIMIT 1",                                   \
	}

static const struct statements statements[ENDING_COUNT] = {
	[ENDING_APP] = STATEMENTS("app_key = $2"),
	[ENDING_EMAIL] =
	    STATEMENTS("account_id IN (SELECT id FROM accounts WHERE email = lower($2))"),
	[ENDING_ACCOUNT] = STATEMENTS("account_id = $2"),
	[ENDING_GRANT] = STATEMENTS("id = $2"),
};

/* The grant that an access or a refresh token is of; empty when it is neither. */
static enum rc
grant_of_token(struct sandbox *s, struct ctx *cx, struct secret token, struct str *out)
{
	struct db_stmt *st;
	bool row;

	*out = (struct str){ 0 };
	TRY(sql_bind(cx, s->db,
	    "SELECT g.id FROM access_tokens t JOIN grants g ON g.id = t.grant_id"
	    " WHERE t.digest = $1 AND " ALIVE
	    " UNION ALL SELECT grant_id FROM refresh_tokens WHERE digest = $2",
	    SQL_ARGS(
		B(access_digest(s, cx, token)), B(token_digest(s, cx, REFRESH_PURPOSE, token))),
	    &st));
	TRY(db_step(cx, st, &row));
	if (row)
		*out = db_col_text(st, 0, cx->arena);
	db_done(st);
	return OK;
}

static enum rc
end_refresh(struct sandbox *s, struct ctx *cx, struct secret token, struct ended *out)
{
	return sql_exec(cx, s->db, &out->refresh_tokens,
	    "DELETE FROM refresh_tokens WHERE digest = $1",
	    SQL_ARGS(B(token_digest(s, cx, REFRESH_PURPOSE, token))));
}

static enum rc
expire_one(struct sandbox *s, struct ctx *cx, struct secret token, struct ended *out)
{
	struct str grant_id;

	TRY(grant_of_token(s, cx, token, &grant_id));
	if (grant_id.len == 0)
		return OK;
	out->grants = 1;
	TRY(sql_exec(cx, s->db, &out->access_tokens,
	    "UPDATE access_tokens SET expires_ms = $1 WHERE digest = $2 AND expires_ms > $1",
	    SQL_ARGS(I(clock_now_ms(s->clock)), B(access_digest(s, cx, token)))));
	return end_refresh(s, cx, token, out);
}

static enum rc
revoke_one(struct sandbox *s, struct ctx *cx, struct secret token, struct ended *out)
{
	struct str grant_id;

	TRY(grant_of_token(s, cx, token, &grant_id));
	if (grant_id.len == 0)
		return OK;
	out->grants = 1;
	TRY(counts_settle(s, cx)); /* the row may be what tells of the last refresh */
	TRY(sql_exec(cx, s->db, &out->access_tokens, "DELETE FROM access_tokens WHERE digest = $1",
	    SQL_ARGS(B(access_digest(s, cx, token)))));
	TRY(end_refresh(s, cx, token, out));
	return sql_exec(cx, s->db, NULL,
	    "UPDATE grants SET revocations = revocations + 1 WHERE id = $1", SQL_ARGS(T(grant_id)));
}

enum rc
tokens_expire(struct sandbox *s, struct ctx *cx, const struct ending *which, struct ended *out)
{
	const struct statements *sql = &statements[which->by];
	int64_t now_ms = clock_now_ms(s->clock);

	*out = (struct ended){ 0 };
	if (which->by == ENDING_TOKEN)
		return expire_one(s, cx, secret_of(which->value), out);
	TRY(sql_count(
	    cx, s->db, sql->live_grants, SQL_ARGS(I(now_ms), T(which->value)), &out->grants));
	return sql_exec(
	    cx, s->db, &out->access_tokens, sql->expire, SQL_ARGS(I(now_ms), T(which->value)));
}

enum rc
tokens_revoke(struct sandbox *s, struct ctx *cx, const struct ending *which, struct ended *out)
{
	const struct statements *sql = &statements[which->by];
	int64_t now_ms = clock_now_ms(s->clock);
	struct db_stmt *st;
	bool row;

	*out = (struct ended){ 0 };
	if (which->by == ENDING_TOKEN)
		return revoke_one(s, cx, secret_of(which->value), out);
	TRY(sql_count(
	    cx, s->db, sql->access, SQL_ARGS(I(now_ms), T(which->value)), &out->access_tokens));
	TRY(sql_count(
	    cx, s->db, sql->refresh, SQL_ARGS(I(now_ms), T(which->value)), &out->refresh_tokens));
	for (;; out->grants++) {
		struct str id;

		TRY(sql_bind(cx, s->db, sql->first, SQL_ARGS(I(now_ms), T(which->value)), &st));
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		id = db_col_text(st, 0, cx->arena);
		db_done(st);
		TRY(grant_revoke(s, cx, id));
	}
}
