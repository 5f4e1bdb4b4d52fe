#include "sandbox/oauth/issue.h"

#include "base/buf.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/tally.h"

#define TOKEN_ALPHABET S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
#define ACCESS_PURPOSE "sandbox.access"
#define ACCESS_RANDOM_LEN 140
#define PREFIX_LEN 3 /* "sl." */
#define SHORT_LEN (PREFIX_LEN + ACCESS_TIME_LEN + ACCESS_RANDOM_LEN)
#define LONG_LIVED_LEN 64

void
tokens_keep_keys(struct sandbox *s)
{
	keyring_keep(s->keys, S(ACCESS_PURPOSE));
	keyring_keep(s->keys, S(REFRESH_PURPOSE));
}

struct str
token_digest(struct sandbox *s, struct ctx *cx, const char *purpose, struct secret value)
{
	return crypto_digest(s->keys, cx->arena, str_of(purpose), value);
}

struct str
access_digest(struct sandbox *s, struct ctx *cx, struct secret token)
{
	struct str digest = token_digest(s, cx, ACCESS_PURPOSE, token), text = secret_expose(token);
	char *key;

	if (text.len != SHORT_LEN)
		return digest;
	key = arena_alloc(cx->arena, ACCESS_TIME_LEN + digest.len);
	memcpy(key, text.p + text.len - ACCESS_TIME_LEN, ACCESS_TIME_LEN);
	memcpy(key + ACCESS_TIME_LEN, digest.p, digest.len);
	return (struct str){ key, ACCESS_TIME_LEN + digest.len };
}

struct str
random_id(struct ctx *cx)
{
	return secret_expose(crypto_random_text(cx->arena, 22, TOKEN_ALPHABET));
}

enum rc
invalid_grant(struct ctx *cx, const char *why)
{
	return fail_at(cx, E_INPUT, "invalid_grant", NULL, "%s", why);
}

static int64_t
expiry(const struct grant *g, int64_t at_ms)
{
	const struct personality *p = &g->personality;
	int64_t life_s = p->access_life_s > 0 ? p->access_life_s : ACCESS_LIFE_S;

	if (g->long_lived || (p->expires_in == EXPIRES_ZERO && p->access_life_s == 0))
		return NEVER_MS;
	return at_ms + life_s * SECOND_MS;
}

int64_t
issued_life_s(const struct issued *got)
{
	int64_t left_ms = got->expires_ms - got->at_ms;

	if (got->expires_ms == NEVER_MS || left_ms < 0)
		return 0;
	return (left_ms + SECOND_MS - 1) / SECOND_MS;
}

struct str
issued_expires_in(struct ctx *cx, const struct issued *got)
{
	struct buf digits = buf_in(cx->arena, 32);

	if (got->expires_as == EXPIRES_ZERO)
		return S("0");
	if (got->expires_as == EXPIRES_ABSENT || got->expires_ms == NEVER_MS)
		return (struct str){ 0 };
	buf_add_int(&digits, issued_life_s(got));
	return buf_str(&digits);
}

static struct secret
access_text(struct ctx *cx, const struct grant *g, int64_t at_ms)
{
	size_t len = g->long_lived ? LONG_LIVED_LEN : ACCESS_RANDOM_LEN;
	struct secret letters = crypto_random_text(cx->arena, len, TOKEN_ALPHABET);
	struct buf b;

	if (g->long_lived)
		return letters;
	b = buf_with(cx->arena, SHORT_LEN, SHORT_LEN);
	buf_add(&b, S("sl."));
	buf_add(&b, secret_expose(letters));
	buf_add_hex(&b, (uint64_t)at_ms, ACCESS_TIME_LEN);
	return secret_of(buf_str(&b));
}

/* An online grant is thrown away after its last access token. */
static enum rc
keep_until(struct sandbox *s, struct ctx *cx, const struct grant *g, int64_t until_ms)
{
	if (g->offline)
		return OK;
	return sql_exec(cx, s->db, NULL,
	    "UPDATE grants SET access_until_ms = $1 WHERE id = $2 AND access_until_ms < $1",
	    SQL_ARGS(I(until_ms), T(g->id)));
}

enum rc
access_issue(struct sandbox *s, struct ctx *cx, const struct grant *g, struct birth birth,
    struct issued *out)
{
	struct str narrowed = { 0 }; /* NULL in the row: all that was granted */

	if (out->scopes != g->scopes)
		narrowed = scopes_text(cx->arena, out->scopes);
	out->expires_ms = expiry(g, out->at_ms);
	out->expires_as = g->personality.expires_in;
	out->access = access_text(cx, g, out->at_ms);
	out->grant_id = g->id;
	out->app_key = g->app_key;
	out->account_id = g->account_id;
	out->team_id = g->team_id;
	TRY(sql_exec(cx, s->db, NULL,
	    "INSERT INTO access_tokens (digest, grant_id, scopes, expires_ms, watched, born)"
	    " VALUES ($1, $2, $3, $4, $5, $6)",
	    SQL_ARGS(B(access_digest(s, cx, out->access)), T(g->id), T(narrowed),
		I(out->expires_ms), I(birth.watched), I(birth.number))));
	store_stamp_keep(s);
	tally_issued(s);
	return keep_until(s, cx, g, out->expires_ms);
}

enum rc
refresh_issue(struct sandbox *s, struct ctx *cx, const struct grant *g, int64_t generation,
    struct secret value, struct issued *out)
{
	out->refresh = secret_empty(value)
	    ? crypto_random_text(cx->arena, REFRESH_LEN, TOKEN_ALPHABET)
	    : value;
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO refresh_tokens (digest, grant_id, generation, issued_ms)"
	    " VALUES ($1, $2, $3, $4)",
	    SQL_ARGS(B(token_digest(s, cx, REFRESH_PURPOSE, out->refresh)), T(g->id), I(generation),
		I(out->at_ms)));
}
