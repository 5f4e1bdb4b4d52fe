#include "sandbox/oauth/ending.h"

#include "base/map.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/counts.h"
#include "sandbox/oauth/issue.h"
#include "sandbox/oauth/walk.h"

const char *const ending_names[ENDING_COUNT] = { "token", "app_key", "email", "account_id",
	"grant_id" };

/* The same statements for each way to name grants; $1 is now, $2 the name, $3 and $4 the page's keys. The plus
 * signs keep the database from reading all that has the name, or all that lives, for each page. */
struct statements {
	const char *live_grants, *access, *expire;
	const char *grants, *refresh, *drop_refresh, *end, *drop_links;
};

#define LIVE(which)                                                                \
	" FROM access_tokens t CROSS JOIN grants g ON g.id = t.grant_id"           \
	" WHERE t.expires_ms > $1 AND " ALIVE " AND g.created_ms <= $1 AND " which \
	" AND t.digest > $3 AND t.digest <= $4"
#define PAGE(ended, which) \
	" WHERE +ended_ms = " ended " AND created_ms <= $1 AND " which " AND id > $3 AND id <= $4"
#define OF_PAGE(which) " grant_id IN (SELECT id FROM grants" PAGE("0", which) ")"
#define STATEMENTS(live_which, which)                                                \
	{                                                                            \
		.live_grants = "SELECT DISTINCT g.id" LIVE(live_which),              \
		.access = "SELECT count(*)" LIVE(live_which),                        \
		.expire = "UPDATE access_tokens SET expires_ms = $1 WHERE digest IN" \
			  " (SELECT t.digest" LIVE(live_which) ")",                  \
		.grants = "SELECT count(*) FROM grants" PAGE("0", which),            \
		.refresh = "SELECT count(*) FROM refresh_tokens WHERE +spent_ms = 0" \
			   " AND" OF_PAGE(which),                                    \
		.drop_refresh = "DELETE FROM refresh_tokens WHERE" OF_PAGE(which),   \
		.end = "UPDATE grants SET ended_ms = $1,"                            \
		       " revocations = revocations + 1" PAGE("0", which),            \
		.drop_links = "DELETE FROM links WHERE (app_key, account_id) IN"     \
			      " (SELECT app_key, account_id FROM grants" PAGE(       \
				  "$1", which) ")"                                   \
					       " AND " NOBODYS_LINK,                 \
	}
#define BY_APP "app_key = $2"
#define BY_EMAIL "account_id IN (SELECT id FROM accounts WHERE email = lower($2))"
#define BY_ACCOUNT "account_id = $2"

static const struct statements statements[ENDING_COUNT] = {
	[ENDING_APP] = STATEMENTS("+g." BY_APP, "+" BY_APP),
	[ENDING_EMAIL] = STATEMENTS("+g." BY_EMAIL, "+" BY_EMAIL),
	[ENDING_ACCOUNT] = STATEMENTS("+g." BY_ACCOUNT, "+" BY_ACCOUNT),
	/* Of the tokens of others no grant need be looked up. */
	[ENDING_GRANT] = STATEMENTS("+g.id = $2 AND t.grant_id = $2", "id = $2"),
};

struct job {
	const struct statements *sql;
	struct str name;
	int64_t now_ms;
	struct map *grants; /* those of which a token ran out */
	struct ended *out;
};

#define JOB_ARGS(key) SQL_ARGS(I(j->now_ms), T(j->name), key(from), key(to))

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

/* *any: there is one. */
static enum rc
note_grants(
    struct sandbox *s, struct ctx *cx, struct str from, struct str to, struct job *j, bool *any)
{
	struct db_stmt *st;
	bool row;

	*any = false;
	TRY(sql_bind(cx, s->db, j->sql->live_grants, JOB_ARGS(B), &st));
	for (;; *any = true) {
		TRY(db_step(cx, st, &row));
		if (!row)
			return OK;
		map_put(j->grants, db_col_text(st, 0, cx->arena), j);
	}
}

static enum rc
expire_page(struct sandbox *s, struct ctx *cx, struct str from, struct str to, void *arg)
{
	struct job *j = arg;
	int64_t n;
	bool any;

	TRY(note_grants(s, cx, from, to, j, &any));
	if (!any)
		return OK;
	TRY(sql_exec(cx, s->db, &n, j->sql->expire, JOB_ARGS(B)));
	j->out->access_tokens += n;
	return OK;
}

static enum rc
count_page(struct sandbox *s, struct ctx *cx, struct str from, struct str to, void *arg)
{
	struct job *j = arg;
	int64_t n;

	TRY(sql_count(cx, s->db, j->sql->access, JOB_ARGS(B), &n));
	j->out->access_tokens += n;
	return OK;
}

/* As grant_revoke, of all at once: the link of a pair is looked at when the page is done with. */
static enum rc
revoke_page(struct sandbox *s, struct ctx *cx, struct str from, struct str to, void *arg)
{
	struct job *j = arg;
	int64_t grants, refresh;

	TRY(sql_count(cx, s->db, j->sql->grants, JOB_ARGS(T), &grants));
	if (grants == 0)
		return OK;
	TRY(counts_settle(s, cx));
	TRY(sql_count(cx, s->db, j->sql->refresh, JOB_ARGS(T), &refresh));
	TRY(sql_exec(cx, s->db, NULL, j->sql->drop_refresh, JOB_ARGS(T)));
	TRY(sql_exec(cx, s->db, NULL, j->sql->end, JOB_ARGS(T)));
	TRY(sql_exec(cx, s->db, NULL, j->sql->drop_links, JOB_ARGS(T)));
	j->out->grants += grants;
	j->out->refresh_tokens += refresh;
	return OK;
}

/* By its key alone: a page of one. */
static enum rc
revoke_named(struct sandbox *s, struct ctx *cx, struct job *j)
{
	TRY(store_enter(s, cx, STORE_WRITE));
	return store_leave(s, cx, STORE_WRITE, revoke_page(s, cx, S(""), j->name, j));
}

/* A token that is named ends alone, in one transaction. */
static enum rc
end_one(struct sandbox *s, struct ctx *cx, struct str token, struct ended *out,
    enum rc (*end)(struct sandbox *, struct ctx *, struct secret, struct ended *))
{
	TRY(store_enter(s, cx, STORE_WRITE));
	return store_leave(s, cx, STORE_WRITE, end(s, cx, secret_of(token), out));
}

static struct job
job_of(struct sandbox *s, const struct ending *which, struct ended *out)
{
	*out = (struct ended){ 0 };
	return (struct job){ .sql = &statements[which->by],
		.name = which->value,
		.now_ms = clock_now_ms(s->clock),
		.out = out };
}

enum rc
tokens_expire(struct sandbox *s, struct ctx *cx, const struct ending *which, struct ended *out)
{
	struct job j = job_of(s, which, out);
	enum rc rc;

	if (which->by == ENDING_TOKEN)
		return end_one(s, cx, which->value, out, expire_one);
	j.grants = map_new();
	rc = walk_tokens(s, cx, &(struct walk){ STORE_WRITE, expire_page, &j });
	out->grants = (int64_t)map_count(j.grants);
	map_free(j.grants, NULL);
	return rc;
}

enum rc
tokens_revoke(struct sandbox *s, struct ctx *cx, const struct ending *which, struct ended *out)
{
	struct job j = job_of(s, which, out);

	if (which->by == ENDING_TOKEN)
		return end_one(s, cx, which->value, out, revoke_one);
	TRY(walk_tokens(s, cx, &(struct walk){ STORE_READ, count_page, &j }));
	if (which->by == ENDING_GRANT)
		return revoke_named(s, cx, &j);
	return walk_grants(s, cx, &(struct walk){ STORE_WRITE, revoke_page, &j });
}
