#include "vault/revoke.h"

#include "vault/upstream.h"
#include "vault/vault_int.h"
#include "vault/waits.h"

struct revocation {
	const struct provider *provider;
	struct token token;
	struct secret access;
	bool over; /* the provider's word on the refresh token: it is dead */
};

static enum rc
not_revoked(struct ctx *cx, const struct revocation *r, struct str because)
{
	const char *name = r->provider->name.p;

	fail_at(cx, E_UPSTREAM, "not-revoked", NULL,
	    "%s did not confirm that the access has ended, so the token was not removed%s%.*s",
	    name, because.len > 0 ? ": " : ".", STR_ARG(because));
	return fail_todo(cx,
	    "Try again; or remove the token without ending its access, and take the app's access "
	    "away at %s itself.",
	    name);
}

/* Gets an access token that can end the grant, or learns that it is over. */
static enum rc
renew(struct vault *v, struct ctx *cx, struct revocation *r)
{
	enum rc rc = engine_refresh(v->engine, cx, r->token.id, ENGINE_ANYWAY);
	struct token_secrets secrets;

	if (rc == E_NOTFOUND)
		return rc;
	if (rc == E_REAUTH && cx->code != NULL && strcmp(cx->code, "invalid-grant") == 0) {
		ctx_clear(cx);
		TRY(store_token_get(v->store, cx, r->token.id, &r->token));
		/* A refusal that is not believed yet, or a new consent meanwhile, ends nothing. */
		r->over = r->token.status == TOKEN_NEEDS_REAUTHORIZATION;
		return r->over ? OK : not_revoked(cx, r, S("its refusal is not final."));
	}
	if (rc != OK)
		return not_revoked(cx, r, str_dup(cx->arena, str_of(cx->why)));
	TRY(store_token_secrets(v->store, cx, r->token.id, &secrets));
	r->access = secrets.access;
	return OK;
}

/* *refused: the call ended with a 401. */
static enum rc
call(struct vault *v, struct ctx *cx, const struct revocation *r, bool *refused)
{
	struct http_call what = upstream_call(cx, &r->provider->revoke, r->access);
	struct http_reply reply;

	http_client_call(vault_client(v, r->provider), cx, &what, &reply);
	*refused = reply.end == CALL_ANSWERED && reply.status == 401;
	if (*refused || (reply.end == CALL_ANSWERED && reply.status >= 200 && reply.status < 300))
		return OK;
	return not_revoked(cx, r,
	    reply.end == CALL_ANSWERED
		? str_printf(cx->arena, "it answered with HTTP status %d.", reply.status)
		: str_printf(cx->arena, "%s.", reply.error));
}

/* Nothing can renew it. */
static enum rc
judge_refusal(struct vault *v, struct ctx *cx, const struct revocation *r)
{
	if (r->token.expires_ms > clock_now_ms(v->clock))
		return OK;
	return not_revoked(cx, r,
	    S("the access token has run out, and there is no refresh token to get another."));
}

static enum rc
end_with_refresh(struct vault *v, struct ctx *cx, struct revocation *r)
{
	const struct token *t = &r->token;
	bool ran_out = t->expires_ms > 0 && t->expires_ms <= clock_now_ms(v->clock);
	bool refused = true;

	if (!ran_out && t->refused_ms == 0)
		TRY(call(v, cx, r, &refused));
	if (!refused)
		return OK;
	TRY(renew(v, cx, r));
	if (r->over)
		return OK;
	TRY(call(v, cx, r, &refused));
	return refused ? not_revoked(cx, r, S("it does not accept its own new access token.")) : OK;
}

static enum rc
end_grant(struct vault *v, struct ctx *cx, struct str token_id, struct str *by)
{
	struct token_secrets secrets;
	struct revocation r = { 0 };
	bool refused;

	TRY(store_token_get(v->store, cx, token_id, &r.token));
	TRY(store_token_secrets(v->store, cx, token_id, &secrets));
	TRY(vault_provider(v, cx, r.token.provider, &r.provider));
	*by = r.provider->name;
	if (r.provider->revoke.url.len == 0) {
		fail_at(cx, E_INPUT, "cannot-revoke", "revoke", "%s has no call that ends a grant.",
		    by->p);
		return fail_todo(cx, "Take the app's access away at %s itself.", by->p);
	}
	r.access = secrets.access;
	if (r.token.has_refresh)
		return end_with_refresh(v, cx, &r);
	TRY(call(v, cx, &r, &refused));
	return refused ? judge_refusal(v, cx, &r) : OK;
}

enum rc
revoke_grant(struct vault *v, struct ctx *cx, struct str token_id, struct str *by)
{
	enum rc rc;

	TRY(waits_enter_person(v->waits, cx));
	rc = end_grant(v, cx, token_id, by);
	waits_leave(v->waits, WAIT_PERSON);
	return rc;
}
