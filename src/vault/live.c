#include "vault/live.h"

#include "crypto/safe.h"
#include "oauth/outcome.h"
#include "store/refresh.h"
#include "vault/learn.h"
#include "vault/live_cache.h"
#include "vault/vault_int.h"
#include "vault/waits.h"

#define SETTLED_MS 10000 /* a token refreshed this lately is as fresh as it gets */
#define LEASED_RETRY_S 10

void
live_forget(struct vault *v, struct str token_id)
{
	live_cache_forget(v->live, token_id);
}

void
live_forget_all(struct vault *v)
{
	live_cache_forget_all(v->live);
}

void
live_unsure(struct vault *v, struct str token_id)
{
	atomic_store(&v->live_unsure_until_ms, clock_mono_ms() + UNSURE_MS);
	live_forget(v, token_id);
}

bool
live_mend(struct vault *v)
{
	if (clock_mono_ms() >= atomic_load(&v->live_unsure_until_ms))
		return true;
	live_forget_all(v);
	return false;
}

static int64_t
retry_ms(const struct token *t)
{
	return t->attempts > 0 ? t->due_ms : 0;
}

static enum rc
load(struct vault *v, struct ctx *cx, struct str name, struct live_view *out)
{
	struct token_secrets secrets;
	struct token t;
	uint64_t generation = live_cache_generation(v->live);

	TRY(store_token_open(v->store, cx, name, &t, &secrets));
	*out = (struct live_view){ .id = t.id,
		.name = t.name,
		.scope = t.scope_granted,
		.status = t.status,
		.has_refresh = t.has_refresh,
		.refused = t.refused_ms > 0,
		.expires_ms = t.expires_ms,
		.refreshed_ms = t.refreshed_ms,
		.retry_ms = retry_ms(&t) };
	out->sealed = safe_seal(v->safe, cx->arena, t.id, secrets.access);
	live_cache_put(v->live, out, generation);
	return OK;
}

/* The provider gives less than what is asked for: another refresh soon would bring no more (and a rotating
 * one wears out). Half of its life later it does. */
static bool
shorter_than_asked(const struct live_view *view, int64_t now, int64_t min_ttl_s)
{
	int64_t life_ms = view->expires_ms - view->refreshed_ms;

	return view->refreshed_ms > 0 && view->expires_ms > now && min_ttl_s * 1000 >= life_ms &&
	    now >= view->refreshed_ms && now - view->refreshed_ms < life_ms / 2;
}

static bool
fresh_enough(const struct live_view *view, int64_t now, int64_t min_ttl_s)
{
	/* What needs a person is handed out too while it lives, but not without a word. */
	if (view->status != TOKEN_ACTIVE || view->refused)
		return false;
	if (view->expires_ms == 0 || view->expires_ms - now > min_ttl_s * 1000)
		return true;
	if (shorter_than_asked(view, now, min_ttl_s))
		return true;
	return view->expires_ms > now && now >= view->refreshed_ms &&
	    now - view->refreshed_ms < SETTLED_MS;
}

static enum rc
needs_person(struct vault *v, struct ctx *cx, struct str id)
{
	struct token t;

	TRY(store_token_get(v->store, cx, id, &t));
	if (t.status == TOKEN_MISCONFIGURED)
		fail_at(cx, E_REAUTH, "misconfigured", NULL, "%.*s", STR_ARG(t.status_reason));
	else
		fail_at(cx, E_REAUTH, "reauthorization-required", NULL, "%.*s",
		    STR_ARG(t.status_reason));
	return fail_todo(cx, "Open \"%.*s\" in the console (%.*s/tokens/%.*s) and click Reconnect.",
	    STR_ARG(t.name), STR_ARG(v->public_url), STR_ARG(t.id));
}

static enum rc
ran_out(struct vault *v, struct ctx *cx, struct str id, bool refused)
{
	fail_at(cx, E_REAUTH, "reauthorization-required", NULL, "%s no refresh token to renew it.",
	    refused ? "The provider does not accept the access token any more, and gave"
		    : "The access token has run out, and the provider gave");
	return fail_todo(
	    cx, "Open %.*s/tokens/%.*s and click Reconnect.", STR_ARG(v->public_url), STR_ARG(id));
}

/* The provider asked for a pause, or just failed: readers do not knock meanwhile. */
static enum rc
not_yet(struct vault *v, struct ctx *cx, const struct live_view *view, int64_t now)
{
	int64_t wait_s = (view->retry_ms - now + 999) / 1000;
	struct token t;

	TRY(store_token_get(v->store, cx, view->id, &t));
	fail_at(cx, E_UPSTREAM, "refresh-failed", NULL, "%.*s", STR_ARG(t.last_error));
	cx->retry_after_s = (int)wait_s;
	return fail_todo(cx, "Try again in %lld seconds.", (long long)wait_s);
}

/* The lease of an attempt that a power cut ended has not lapsed yet. */
static enum rc
leased(struct ctx *cx)
{
	fail_at(cx, E_BUSY, "refresh-under-way", NULL,
	    "Another refresh of this token is under way, or was cut off.");
	cx->retry_after_s = LEASED_RETRY_S;
	return fail_todo(cx, "Try again; it is over within a minute.");
}

/* What the wait has brought: it may be over with the token. While the store is away, what was known holds. */
static enum rc
reread(struct vault *v, struct ctx *cx, struct str name, struct live_view *view)
{
	enum rc rc;

	ctx_clear(cx);
	rc = load(v, cx, name, view);
	if (rc != E_STORE && rc != E_BUSY)
		return rc;
	ctx_clear(cx);
	return OK;
}

/* Refreshes and reads again; while the old token lives, a failure to refresh is no failure. */
static enum rc
renew(struct vault *v, struct ctx *cx, struct str name, struct live_view *view)
{
	int64_t now = clock_now_ms(cx->clock);
	bool alive = view->expires_ms > now && !view->refused;
	struct str id = view->id;
	enum rc rc;

	if (view->status != TOKEN_ACTIVE)
		return alive ? OK : needs_person(v, cx, id);
	if (!view->has_refresh)
		return alive ? OK : ran_out(v, cx, id, view->refused);
	if (view->retry_ms > now)
		return alive ? OK : not_yet(v, cx, view, now);
	rc = engine_refresh(v->engine, cx, id, view->refreshed_ms);
	if (rc == OK)
		return load(v, cx, name, view);
	if (alive)
		return reread(v, cx, name, view);
	if (rc == E_REAUTH || rc == E_INPUT)
		return needs_person(v, cx, id);
	return rc == E_CONFLICT ? leased(cx) : rc;
}

static enum rc
not_yours(struct ctx *cx)
{
	fail_at(cx, E_DENIED, "token-not-permitted", NULL, "This API key may not read this token.");
	return fail_todo(cx, "Allow the key to read it under API Keys in the console.");
}

/* It works, and a person is needed all the same: programs are told along with it. */
static void
warn(struct vault *v, struct ctx *cx, struct str id, struct live_token *out)
{
	struct ctx words;

	ctx_init(&words, cx->arena, cx->clock);
	words.may_block = true;
	if (needs_person(v, &words, id) != E_REAUTH)
		return; /* the database is away, and the token is no worse for it */
	out->warning.code = words.code;
	out->warning.detail = str_dup(cx->arena, str_of(words.why));
	out->warning.todo = str_dup(cx->arena, str_of(words.todo));
}

static enum rc
answer(struct vault *v, struct ctx *cx, const struct live_view *view, struct live_token *out)
{
	out->warning.code = NULL;
	if (view->status != TOKEN_ACTIVE)
		warn(v, cx, view->id, out);
	out->expires_ms = view->expires_ms;
	out->scope = view->scope;
	return safe_open(v->safe, cx, view->id, view->sealed, &out->access);
}

static void
say_shorter(struct ctx *cx, const struct live_view *view, int64_t min_ttl_s, struct live_token *out)
{
	int64_t life_s = (view->expires_ms - view->refreshed_ms + 999) / 1000;

	out->warning.code = "shorter-than-asked";
	out->warning.detail = str_printf(cx->arena,
	    "The provider gives access tokens for %lld seconds; %lld were asked for.",
	    (long long)life_s, (long long)min_ttl_s);
	out->warning.todo = str_printf(cx->arena,
	    "Ask for less than %lld seconds, and again when this one has run out.",
	    (long long)life_s);
}

enum rc
vault_token_live(struct vault *v, struct ctx *cx, const struct key_ref *key, struct str name,
    int64_t min_ttl_s, struct live_token *out)
{
	struct live_view view;
	enum rc rc;

	if (!live_cache_get(v->live, cx, name, &view)) {
		if (!cx->may_block)
			return E_AGAIN;
		rc = load(v, cx, name, &view);
		if (rc == E_NOTFOUND && !key->all_tokens)
			return not_yours(cx);
		TRY(rc);
	}
	if (!vault_key_allows(v, key, view.id))
		return not_yours(cx);
	if (!fresh_enough(&view, clock_now_ms(cx->clock), min_ttl_s)) {
		if (!cx->may_block)
			return E_AGAIN;
		TRY(renew(v, cx, name, &view));
		/* While it waited, the name may have become another token's, or the key lost this one, or was
		 * revoked (S-132). */
		TRY(vault_key_want_lives(v, cx, key));
		if (!vault_key_allows(v, key, view.id))
			return not_yours(cx);
	}
	TRY(answer(v, cx, &view, out));
	if (out->warning.code == NULL && view.status == TOKEN_ACTIVE &&
	    shorter_than_asked(&view, clock_now_ms(cx->clock), min_ttl_s))
		say_shorter(cx, &view, min_ttl_s, out);
	return OK;
}

/* --- refused at the provider --- */

#define FRESH_MS 30000     /* a newer token that is refused is not mended by another refresh */
#define LIFE_MIN_MS 300000 /* refused younger than this, it was ended, and did not run out */
#define REPORT_RETRY_S 3
#define FINGERPRINT_MIN 16
#define FINGERPRINT_MAX 64

static enum rc
check_fingerprint(struct ctx *cx, struct str s)
{
	bool ok = s.len >= FINGERPRINT_MIN && s.len <= FINGERPRINT_MAX;

	for (size_t i = 0; i < s.len; i++)
		ok = ok && ((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'));
	if (ok)
		return OK;
	fail_at(cx, E_INPUT, "bad-field", "fingerprint",
	    "The fingerprint is %d to %d small hex digits.", FINGERPRINT_MIN, FINGERPRINT_MAX);
	return fail_todo(
	    cx, "It is the SHA-256 of the access token: printf %%s \"$TOKEN\" | sha256sum");
}

static bool
is_of(struct ctx *cx, struct secret access, struct str fingerprint)
{
	struct str hex = crypto_hex(cx->arena, crypto_sha256(cx->arena, secret_expose(access)));

	return crypto_equal(secret_of(str_sub(hex, 0, fingerprint.len)), secret_of(fingerprint));
}

/* A life that the provider does not tell is learned from the age at which it is refused. */
static void
learn_life(struct vault *v, struct ctx *cx, struct token *t, int64_t now)
{
	int64_t since = t->refreshed_ms > 0 ? t->refreshed_ms : t->created_ms;
	int64_t age_s = (now - since) / 1000;

	if (t->life_source == LIFE_REPLY || t->life_source == LIFE_JWT ||
	    now - since < LIFE_MIN_MS || (t->learned.life_s > 0 && t->learned.life_s <= age_s))
		return;
	t->learned.life_s = age_s;
	t->learned.life_ms = now;
	if (store_token_learn(v->store, cx, t) != OK)
		ctx_clear(cx);
}

/* Somebody was refused with the access token from before the newest refresh, which has not run out. */
static void
learn_kills(
    struct vault *v, struct ctx *cx, const struct token *t, struct str fingerprint, int64_t now)
{
	struct token seen = { .id = t->id, .consented_ms = t->consented_ms };
	struct token_previous previous;

	if (t->learned.kills == OLD_ACCESS_DIES)
		return;
	seen.learned.kills = OLD_ACCESS_DIES;
	seen.learned.kills_ms = now;
	if (store_token_previous(v->store, cx, t->id, &previous) != OK ||
	    (previous.expires_ms > now && is_of(cx, previous.access, fingerprint) &&
		store_token_learn(v->store, cx, &seen) != OK))
		ctx_clear(cx);
}

/* The provider is asked once, however many report it; *refused is its answer. */
static enum rc
ask_refused(struct vault *v, struct ctx *cx, const struct provider *p, const struct token *t,
    struct secret access, bool *refused)
{
	switch (waits_ask(v->waits, t->id, refused)) {
	case WAIT_ASK:
		*refused = learn_refused(v, cx, p, t, access);
		waits_answer(v->waits, t->id, *refused);
		return OK;
	case WAIT_TOLD:
		return OK;
	default:
		break;
	}
	fail_at(cx, E_BUSY, "reports-busy", NULL,
	    "Other reports of refused access tokens are being looked into.");
	cx->retry_after_s = REPORT_RETRY_S;
	return fail_todo(cx, "Report it again in a few seconds.");
}

/* Keeps the words of what has just failed. */
static void
look_again(struct vault *v, const struct ctx *failed, const struct provider *p,
    const struct token *t, struct secret access)
{
	struct ctx cx;
	bool refused;

	ctx_init(&cx, failed->arena, failed->clock);
	cx.may_block = true;
	cx.deadline_ms = failed->deadline_ms;
	(void)!ask_refused(v, &cx, p, t, access, &refused);
}

/* Where a refresh kills the access token, whether it was dead before is what its later death means; and a
 * life is learned only from a token that is dead. And while a refresh is in doubt a dead access token is what the one
 * risky try is made for. So all are looked at, not believed: a caller may lack a scope. */
static enum rc
look_first(struct vault *v, struct ctx *cx, const struct provider *p, struct token *t,
    const struct token_secrets *secrets, int64_t now)
{
	bool kills = provider_contract(p, secrets->app_secret)->refresh_kills_access;
	bool told = t->life_source == LIFE_REPLY || t->life_source == LIFE_JWT;
	bool in_doubt = t->attempt.stage != STAGE_SETTLED;
	bool has_witness = p->witness.url.len > 0, refused = false;

	if (t->refused_ms == 0 && has_witness && (kills || !told || in_doubt))
		TRY(ask_refused(v, cx, p, t, secrets->access, &refused));
	if (refused)
		t->refused_ms = now;
	if (t->refused_ms > 0 || !has_witness)
		learn_life(v, cx, t, now);
	return OK;
}

static enum rc
refused_anew(struct ctx *cx, int64_t age_ms)
{
	fail_at(cx, E_UPSTREAM, "rejected-again", NULL,
	    "The provider gave this access token %lld seconds ago and is said to refuse it "
	    "already.",
	    (long long)age_ms / 1000);
	cx->retry_after_s = FRESH_MS / 1000;
	return fail_todo(
	    cx, "It may lack a scope, or the refusal has another reason: test it in the console.");
}

enum rc
vault_token_rejected(struct vault *v, struct ctx *cx, const struct key_ref *key, struct str name,
    struct str fingerprint, struct live_token *out)
{
	int64_t now = clock_now_ms(cx->clock), age;
	struct token_secrets secrets;
	const struct provider *p;
	struct live_view view;
	struct token t;
	bool disbelieved, refused;
	enum rc rc;

	TRY(check_fingerprint(cx, fingerprint));
	rc = store_token_open(v->store, cx, name, &t, &secrets);
	if (rc == E_NOTFOUND && !key->all_tokens)
		return not_yours(cx);
	TRY(rc);
	if (!vault_key_allows(v, key, t.id))
		return not_yours(cx);
	if (!is_of(cx, secrets.access, fingerprint)) {
		learn_kills(v, cx, &t, fingerprint, now);
		return vault_token_live(v, cx, key, name, 0, out);
	}
	age = now - (t.refreshed_ms > 0 ? t.refreshed_ms : t.consented_ms);
	TRY(vault_provider(v, cx, t.provider, &p));
	if (!t.has_refresh) {
		TRY(ask_refused(v, cx, p, &t, secrets.access, &refused));
		return refused ? ran_out(v, cx, t.id, t.expires_ms > now) : refused_anew(cx, age);
	}
	if (age >= 0 && age < FRESH_MS)
		return refused_anew(cx, age);
	TRY(look_first(v, cx, p, &t, &secrets, now));
	disbelieved =
	    t.refused_ms == 0 && t.attempt.stage != STAGE_SETTLED && p->witness.url.len > 0;
	rc = disbelieved ? engine_refresh(v->engine, cx, t.id, t.refreshed_ms)
			 : engine_refresh_rejected(v->engine, cx, t.id, t.refreshed_ms);
	/* Nothing newer came. Is what there is really of no use? Nobody else shall get it then. */
	if (rc != OK && t.refused_ms == 0 && t.expires_ms > now && !disbelieved)
		look_again(v, cx, p, &t, secrets.access);
	TRY(rc);
	TRY(load(v, cx, name, &view));
	TRY(vault_key_want_lives(v, cx, key));
	return vault_key_allows(v, key, view.id) ? answer(v, cx, &view, out) : not_yours(cx);
}
