#include "vault/connect.h"

#include "base/log.h"
#include "oauth/pkce.h"
#include "vault/skew.h"
#include "vault/upstream.h"
#include "vault/vault_int.h"
#include "vault/waits.h"

#define ATTEMPT_LIFE_MS 600000
#define KEEP_MS (24LL * 3600 * 1000) /* a connected attempt waits this long for Done */
#define KEEP_PER_SESSION 50
#define STATE_LEN 43
#define SECRET_MAX 256
#define SCOPES_MAX 2000

/* --- start --- */

/* Letters and digits, as every Dropbox key and secret is; the provider judges the rest. */
static bool
is_credential(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.len > 0 && s.len <= SECRET_MAX;
}

static bool
is_scope_list(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.len <= SCOPES_MAX;
}

/* From where the provider shows it. */
static enum rc
copy_it(
    struct ctx *cx, const struct provider *p, const char *field, const char *what, const char *how)
{
	fail_at(cx, E_INPUT, "bad-field", field, "%s", what);
	return fail_todo(cx, "Copy it%s %.*s.", how, STR_ARG(p->app_page));
}

static enum rc
check_start(struct ctx *cx, const struct provider *p, const struct connect_start *in)
{
	struct str secret = secret_expose(in->app_secret);

	if (in->app_key.len == 0)
		return copy_it(cx, p, "app_key", "The App Key is missing.", " from");
	if (!is_credential(in->app_key))
		return copy_it(cx, p, "app_key",
		    "The App Key holds a space or a strange character.", " again from");
	if (secret.len == 0)
		return copy_it(cx, p, "app_secret", "The App Secret is missing.",
		    ", once it is shown and not masked, from");
	if (!is_credential(secret))
		return copy_it(cx, p, "app_secret",
		    "The App Secret holds a space or a strange character.",
		    " again, once it is shown and not masked, from");
	if (!is_scope_list(in->scopes))
		return vault_bad_field(cx, "scopes",
		    "The scopes are not words separated by spaces.",
		    "For example: account_info.read files.metadata.read");
	return OK;
}

/* The saved token's own secret stands in when the person did not type a new one. */
static enum rc
fill_from_saved(struct vault *v, struct ctx *cx, struct connect_start *in)
{
	struct token_secrets saved;
	struct token t;

	if (in->token_id.len == 0)
		return OK;
	TRY(store_token_get(v->store, cx, in->token_id, &t));
	/* What belongs to one provider is never sent to another. */
	if (!str_eq(t.provider, in->provider)) {
		fail_at(cx, E_INPUT, "other-provider", "provider",
		    "\"%.*s\" is an access token of another provider.", STR_ARG(t.name));
		return fail_todo(cx, "Make a new access token for this provider.");
	}
	TRY(store_token_secrets(v->store, cx, in->token_id, &saved));
	if (secret_empty(in->app_secret) && str_eq(in->app_key, t.app_key))
		in->app_secret = saved.app_secret;
	return OK;
}

static struct str
state_digest(struct vault *v, struct ctx *cx, struct str state)
{
	return crypto_digest(v->keyring, cx->arena, S("state"), secret_of(state));
}

static struct str
authorize_url(struct ctx *cx, const struct provider *p, const struct connection *c,
    struct secret state, struct str challenge)
{
	struct oauth_authorize req = {
		.endpoint = p->authorize_url,
		.client_id = c->app_key,
		.redirect_uri = c->redirect_uri,
		.scope = c->scopes,
		.state = state,
		.challenge = challenge,
		.extra_count = p->extra_count,
	};

	memcpy(req.extra, p->extra, sizeof(req.extra));
	return oauth_authorize_url(cx->arena, &req);
}

enum rc
vault_connect_start(struct vault *v, struct ctx *cx, const struct session *who,
    const struct connect_start *request, struct connection *out, struct str *authorization_url)
{
	struct connect_start in = *request;
	struct secret state = crypto_random_token(cx->arena);
	struct connection_secrets secrets = { .verifier = pkce_verifier(cx->arena) };
	int64_t now = clock_now_ms(v->clock);
	const struct provider *p;

	TRY(vault_provider(v, cx, in.provider, &p));
	TRY(fill_from_saved(v, cx, &in));
	TRY(check_start(cx, p, &in));
	secrets.app_secret = in.app_secret;
	*out = (struct connection){
		.id = vault_new_id(cx->arena),
		.session_digest = who->digest,
		.state_digest = state_digest(v, cx, secret_expose(state)),
		.provider = p->id,
		.token_id = in.token_id,
		.app_key = in.app_key,
		.scopes = in.scopes,
		.redirect_uri = p->redirect_uri,
		.status = CONN_WAITING,
		.created_ms = now,
		.expires_ms = now + ATTEMPT_LIFE_MS,
	};
	TRY(store_connection_prune(v->store, cx, now - KEEP_MS, who->digest, KEEP_PER_SESSION - 1));
	TRY(store_connection_create(v->store, cx, out, &secrets));
	*authorization_url =
	    authorize_url(cx, p, out, state, pkce_challenge(cx->arena, secrets.verifier));
	return OK;
}

/* --- probe --- */

static enum rc
read_probe(struct ctx *cx, const struct provider *p, const struct connection *c,
    const struct http_reply *reply)
{
	struct str page = secret_expose(reply->body);

	if (reply->end != CALL_ANSWERED || reply->status != 400)
		return OK;
	if (str_contains(page, S("redirect_uri")) || str_contains(page, S("redirect URI"))) {
		fail_at(cx, E_INPUT, "redirect-uri-not-registered", "redirect_uri",
		    "%s does not know this redirect URI for the app.", p->name.p);
		return fail_todo(cx,
		    "On %.*s, under Redirect URIs, add exactly: %.*s - then start again.",
		    STR_ARG(p->app_page), STR_ARG(c->redirect_uri));
	}
	if (str_contains(page, S("client_id"))) {
		fail_at(cx, E_INPUT, "unknown-app-key", "app_key", "%s does not know this App Key.",
		    p->name.p);
		return fail_todo(
		    cx, "Copy it again from %.*s, then start again.", STR_ARG(p->app_page));
	}
	return OK;
}

static enum rc
probe(struct vault *v, struct ctx *cx, const struct session *who, struct str id)
{
	const struct provider *p;
	struct http_reply reply;
	struct connection c;
	struct http_call call = { .method = "GET", .timeout_ms = 5000 };

	TRY(vault_connection_get(v, cx, who, id, &c));
	TRY(vault_provider(v, cx, c.provider, &p));
	call.public_only = p->public_only;
	/* No state and no challenge: this asks whether the app would be let in, for nobody. */
	call.url = authorize_url(cx, p, &c, secret_of(S("")), S(""));
	http_client_call(vault_client(v, p), cx, &call, &reply);
	return read_probe(cx, p, &c, &reply);
}

enum rc
vault_connect_probe(struct vault *v, struct ctx *cx, const struct session *who, struct str id)
{
	enum rc rc;

	TRY(waits_enter_person(v->waits, cx));
	rc = probe(v, cx, who, id);
	waits_leave(v->waits, WAIT_PERSON);
	return rc;
}

/* --- finish --- */

static enum rc
start_again(struct ctx *cx, enum rc rc, const char *code, const char *why)
{
	fail_at(cx, rc, code, NULL, "%s", why);
	return fail_todo(
	    cx, "Go back to the access token's screen and click Get OAuth2 Access Token again.");
}

/* The attempt this answer belongs to, if it may be answered in this browser at all. */
static enum rc
find_attempt(struct vault *v, struct ctx *cx, const struct session *who,
    const struct connect_answer *in, struct connection *c)
{
	enum rc rc = E_NOTFOUND;

	if (in->state.len == STATE_LEN)
		rc = store_connection_by_state(v->store, cx, state_digest(v, cx, in->state), c);
	if (rc == E_NOTFOUND)
		return start_again(cx, E_INPUT, "unknown-state",
		    "This sign-in link is not known here, or was cancelled meanwhile.");
	TRY(rc);
	/* A session that has ended is nobody's, also when its cookie is still around. */
	if (who->user.id.len == 0 ||
	    !crypto_equal(secret_of(c->session_digest), secret_of(who->digest)))
		return start_again(cx, E_DENIED, "other-session",
		    "This sign-in was started in another browser, or before you signed in again.");
	if (!str_eq(c->provider, in->provider))
		return start_again(cx, E_INPUT, "other-provider",
		    "This sign-in link belongs to another provider.");
	return OK;
}

static enum rc
spend(struct vault *v, struct ctx *cx, const struct connection *c)
{
	enum rc rc = store_connection_spend(v->store, cx, c->id);

	if (rc != E_CONFLICT)
		return rc;
	fail_at(cx, rc, "state-used", NULL,
	    "This sign-in link has already been used; nothing was changed by using it again.");
	return fail_todo(cx,
	    "Go back to the access token's screen. If it shows no token, click Get OAuth2 Access "
	    "Token there.");
}

static enum rc
provider_said_no(struct ctx *cx, const struct provider *p, const struct connect_answer *in)
{
	if (str_eq(in->error, S("access_denied"))) {
		fail_at(cx, E_DENIED, "access-denied", NULL, "Access was not allowed at %s.",
		    p->name.p);
		return fail_todo(cx, "Click Get OAuth2 Access Token again, and then Allow.");
	}
	if (str_eq(in->error, S("invalid_scope"))) {
		fail_at(cx, E_INPUT, "invalid-scope", "scopes",
		    "%s did not accept the scopes that were asked for.", p->name.p);
		return fail_todo(cx,
		    "Leave Scopes empty for all the app has, or tick them on the app's "
		    "Permissions tab first.");
	}
	fail_at(cx, E_INPUT, "provider-error", NULL,
	    "%s ended the sign-in with the error \"%.*s\".", p->name.p,
	    STR_ARG(str_sub(in->error, 0, 60)));
	return fail_todo(cx, "Check the app's settings, then try again.");
}

static enum rc
exchange(struct vault *v, struct ctx *cx, const struct provider *p, const struct connection *c,
    const struct connection_secrets *secrets, struct secret code, struct oauth_reply *out)
{
	struct oauth_client client = { c->app_key, secrets->app_secret, p->auth };
	struct oauth_code_exchange grant = { code, c->redirect_uri, secrets->verifier };
	struct oauth_token_request request = oauth_exchange_request(cx->arena, &client, &grant);
	struct http_call call = upstream_token_call(p, &request);
	const struct upstream_sent sent = { { code, secrets->app_secret, secrets->verifier } };
	struct http_reply reply;
	enum oauth_outcome outcome;
	enum rc rc;

	http_client_call(vault_client(v, p), cx, &call, &reply);
	if (reply.end == CALL_ANSWERED)
		vault_saw_date(v, p, reply.date_s);
	rc = upstream_token_reply(cx, p, &sent, &reply, out, &outcome);
	if (rc == E_REAUTH)
		return start_again(cx, E_INPUT, "code-refused",
		    "The provider refused the code that it had just given; it may have run out.");
	return rc;
}

static void
keep_grant(struct vault *v, struct ctx *cx, const struct provider *p, struct connection *c,
    struct connection_secrets *secrets, const struct oauth_reply *r)
{
	int64_t now = clock_now_ms(v->clock), skew_ms = 0;
	struct oauth_life life;
	struct token_test who;
	bool rejected;

	(void)vault_skew(v, p, &skew_ms);
	life = oauth_life(cx, r, provider_contract(p, secrets->app_secret), 0, now, skew_ms);
	c->status = CONN_CONNECTED;
	c->has_refresh = !secret_empty(r->refresh_token);
	c->token_expires_ms = life.expires_ms;
	c->life_source = life.source;
	c->refresh_expires_ms =
	    r->refresh_expires_in_s < 0 ? 0 : now + r->refresh_expires_in_s * 1000;
	/* RFC 6749 section 5.1: no scope in the reply means the one that was asked for. */
	c->scope_granted = r->scope.len > 0 ? r->scope : c->scopes;
	secrets->access = r->access_token;
	secrets->refresh = r->refresh_token;
	secrets->verifier = secret_of(S(""));
	upstream_account(v, cx, p, r->access_token, &who, &rejected);
	c->account_id = who.account_id;
	c->account_name = who.account_name;
	c->account_email = who.account_email;
}

static int64_t
due_of(const struct provider *p, const struct connection *c,
    const struct connection_secrets *secrets, int64_t now_ms, bool lazy)
{
	return engine_due_ms(
	    &(struct due_state){ .contract = *provider_contract(p, secrets->app_secret),
		.now_ms = now_ms,
		.used_ms = c->created_ms,
		.expires_ms = c->token_expires_ms,
		.refresh_expires_ms = c->refresh_expires_ms,
		.has_refresh = c->has_refresh,
		.lazy = lazy });
}

static struct token_reconnect
reconnect_of(const struct connection *c, const struct connection_secrets *secrets, int64_t now_ms)
{
	return (struct token_reconnect){
		.attempt = c,
		.app_key = c->app_key,
		.scopes = c->scopes,
		.redirect_uri = c->redirect_uri,
		.app_secret = secrets->app_secret,
		.account_id = c->account_id,
		.account_name = c->account_name,
		.account_email = c->account_email,
		.grant = {
			.access = secrets->access,
			.refresh = secrets->refresh,
			.expires_ms = c->token_expires_ms,
			.life_source = c->life_source,
			.refresh_expires_ms = c->refresh_expires_ms,
			.scope_granted = c->scope_granted,
			.now_ms = now_ms,
		},
	};
}

/* The saved token takes the grant over, and the attempt keeps no copy of it. */
static enum rc
apply_reconnect(struct vault *v, struct ctx *cx, const struct provider *p,
    const struct connection *c, const struct connection_secrets *secrets)
{
	int64_t now = clock_now_ms(v->clock);
	struct token_reconnect r = reconnect_of(c, secrets, now);
	struct connection kept = *c;
	struct token t;
	enum rc rc;

	kept.has_refresh = true;
	TRY(store_token_get(v->store, cx, c->token_id, &t));
	r.grant.due_ms = due_of(p, c, secrets, now, t.lazy);
	r.kept_due_ms = due_of(p, &kept, secrets, now, t.lazy);
	rc = store_token_reconnect(v->store, cx, c->token_id, &r);
	/* Also when its answer is lost: it may be done, or be done late (S-132). */
	if (rc == E_STORE || rc == E_BUSY)
		live_unsure(v, c->token_id);
	else
		live_forget(v, c->token_id);
	engine_wake(v->engine);
	return rc;
}

static struct str
account_words(struct ctx *cx, struct str name, struct str email, struct str id)
{
	if (name.len > 0 && email.len > 0)
		return str_printf(cx->arena, "%.*s (%.*s)", STR_ARG(name), STR_ARG(email));
	return name.len > 0 ? name : email.len > 0 ? email : id;
}

/* A reconnect of the same account takes effect at once: the saved token was waiting for it. Programs would
 * read and write in another one without noticing, so that waits for the person's word. */
static enum rc
take_reconnect(struct vault *v, struct ctx *cx, const struct provider *p, struct connection *c,
    const struct connection_secrets *secrets)
{
	struct str is, was;
	struct token t;

	TRY(store_token_get(v->store, cx, c->token_id, &t));
	if (t.account_id.len == 0 || c->account_id.len == 0 || str_eq(t.account_id, c->account_id))
		return apply_reconnect(v, cx, p, c, secrets);
	is = account_words(cx, c->account_name, c->account_email, c->account_id);
	was = account_words(cx, t.account_name, t.account_email, t.account_id);
	c->status = CONN_HELD;
	fail_at(cx, E_CONFLICT, "other-account", NULL,
	    "This is another account: %.*s instead of %.*s.", STR_ARG(is), STR_ARG(was));
	return fail_todo(
	    cx, "Nothing has changed yet: the access token's screen asks whether to use it.");
}

/* The code is spent and a refresh token that rotates has no other copy: the attempt keeps the grant. */
static enum rc
hold_grant(struct ctx *cx, enum rc rc, struct connection *c)
{
	struct str because = str_dup(cx->arena, str_of(cx->why));

	c->status = CONN_HELD;
	fail_at(cx, rc, "not-applied", NULL,
	    "The consent has come, but it could not be written to the access token: %.*s",
	    STR_ARG(because));
	return fail_todo(cx, "It is kept: the access token's screen asks whether to use it now.");
}

/* From the spent state to the grant; every failure becomes the attempt's own sentence. */
static enum rc
conclude(struct vault *v, struct ctx *cx, const struct connect_answer *in, struct connection *c,
    struct connection_secrets *secrets)
{
	const struct provider *p;
	struct oauth_reply reply;
	enum rc rc;

	TRY(vault_provider(v, cx, c->provider, &p));
	TRY(store_connection_secrets(v->store, cx, c->id, secrets));
	if (c->expires_ms < clock_now_ms(v->clock))
		return start_again(cx, E_INPUT, "state-expired",
		    "The sign-in took longer than ten minutes, so its link has expired.");
	if (in->error.len > 0)
		return provider_said_no(cx, p, in);
	if (secret_empty(in->code))
		return start_again(cx, E_INPUT, "no-code", "The provider's answer holds no code.");
	TRY(exchange(v, cx, p, c, secrets, in->code, &reply));
	keep_grant(v, cx, p, c, secrets, &reply);
	if (c->token_id.len == 0)
		return OK;
	rc = take_reconnect(v, cx, p, c, secrets);
	return rc == E_STORE || rc == E_BUSY ? hold_grant(cx, rc, c) : rc;
}

/* A consent that is held keeps its grant; of one that failed nothing is of any use. */
static void
note_failure(const struct ctx *cx, struct connection *c, struct connection_secrets *secrets)
{
	if (c->status != CONN_HELD) {
		c->status = CONN_FAILED;
		*secrets = (struct connection_secrets){ 0 };
	}
	c->error_code = str_dup(cx->arena, str_of(cx->code != NULL ? cx->code : "failed"));
	c->error_field = str_dup(cx->arena, str_of(cx->field));
	c->error_why = str_dup(cx->arena, str_of(cx->why));
	c->error_todo = str_dup(cx->arena, str_of(cx->todo));
}

static bool
is_connected(struct vault *v, struct ctx *cx, struct str id)
{
	struct connection c;

	ctx_clear(cx);
	return store_connection_get(v->store, cx, id, &c) == OK && c.status == CONN_CONNECTED;
}

static enum rc
finish(struct vault *v, struct ctx *cx, const struct session *who, const struct connect_answer *in,
    struct str *connection_id)
{
	struct connection_secrets secrets = { 0 };
	struct connection c;
	struct ctx second;
	enum rc rc;

	TRY(find_attempt(v, cx, who, in, &c));
	TRY(spend(v, cx, &c));
	*connection_id = c.id;
	rc = conclude(v, cx, in, &c, &secrets);
	if (rc != OK) {
		note_failure(cx, &c, &secrets);
		log_event(LOG_WARN, "connect.failed", KV_STR("connection", c.id),
		    KV_STR("code", c.error_code));
	}
	ctx_init(&second, cx->arena, cx->clock);
	second.may_block = true;
	second.actor = cx->actor;
	second.actor_name = cx->actor_name;
	second.from = cx->from;
	if (rc == OK && c.token_id.len > 0)
		return OK; /* it stands in the store already */
	if (store_connection_finish(v->store, &second, &c, &secrets) == OK)
		return rc;
	if (c.token_id.len > 0 && is_connected(v, &second, c.id))
		return OK; /* only the answer to its commit was lost */
	if (c.status == CONN_FAILED)
		return rc;
	return start_again(
	    cx, E_STORE, "not-stored", "The access token arrived, but it could not be stored.");
}

enum rc
vault_connect_finish(struct vault *v, struct ctx *cx, const struct session *who,
    const struct connect_answer *in, struct str *connection_id)
{
	enum rc rc;

	TRY(waits_enter_person(v->waits, cx));
	rc = finish(v, cx, who, in, connection_id);
	waits_leave(v->waits, WAIT_PERSON);
	return rc;
}

/* --- the attempt, as its own session sees it --- */

/* The grant is the saved token's now. */
static enum rc
look_up_reconnected(struct vault *v, struct ctx *cx, struct connection *c)
{
	struct token t;
	enum rc rc = store_token_get(v->store, cx, c->token_id, &t);

	if (rc == E_NOTFOUND)
		ctx_clear(cx);
	else if (rc != OK)
		return rc;
	c->has_refresh = rc == OK && t.has_refresh;
	return OK;
}

enum rc
vault_connection_get(struct vault *v, struct ctx *cx, const struct session *who, struct str id,
    struct connection *out)
{
	TRY(store_connection_get(v->store, cx, id, out));
	if (!crypto_equal(secret_of(out->session_digest), secret_of(who->digest)))
		return fail_at(cx, E_NOTFOUND, "not-found", NULL, "There is no such connection.");
	if (out->status == CONN_CONNECTED && out->token_id.len > 0)
		return look_up_reconnected(v, cx, out);
	return OK;
}

static enum rc
connected(struct vault *v, struct ctx *cx, const struct session *who, struct str id,
    struct connection *c, struct connection_secrets *secrets)
{
	TRY(vault_connection_get(v, cx, who, id, c));
	if (c->status != CONN_CONNECTED) {
		fail_at(
		    cx, E_CONFLICT, "not-connected", "connection", "There is no access token yet.");
		return fail_todo(cx, "Click Get OAuth2 Access Token first.");
	}
	if (c->token_id.len > 0) {
		fail_at(cx, E_CONFLICT, "reconnected", "connection",
		    "This consent went into the saved access token.");
		return fail_todo(cx, "Open the access token itself.");
	}
	return store_connection_secrets(v->store, cx, id, secrets);
}

enum rc
vault_connection_reveal(struct vault *v, struct ctx *cx, const struct session *who, struct str id,
    struct secret *access)
{
	struct connection_secrets secrets;
	struct connection c;

	TRY(connected(v, cx, who, id, &c, &secrets));
	TRY(store_event_add(v->store, cx,
	    &(struct event_note){ .type = "connection.revealed",
		.about_kind = "connection",
		.about_id = c.id,
		.about_name = c.provider }));
	*access = secrets.access;
	return OK;
}

static enum rc
test_connection(struct vault *v, struct ctx *cx, const struct session *who, struct str id,
    struct token_test *out)
{
	struct connection_secrets secrets;
	const struct provider *p;
	struct connection c;
	bool rejected;

	TRY(connected(v, cx, who, id, &c, &secrets));
	TRY(vault_provider(v, cx, c.provider, &p));
	upstream_account(v, cx, p, secrets.access, out, &rejected);
	return OK;
}

enum rc
vault_connection_test(struct vault *v, struct ctx *cx, const struct session *who, struct str id,
    struct token_test *out)
{
	enum rc rc;

	TRY(waits_enter_person(v->waits, cx));
	rc = test_connection(v, cx, who, id, out);
	waits_leave(v->waits, WAIT_PERSON);
	return rc;
}

enum rc
vault_connection_use(struct vault *v, struct ctx *cx, const struct session *who, struct str id)
{
	struct connection_secrets secrets;
	const struct provider *p;
	struct connection c;

	TRY(vault_connection_get(v, cx, who, id, &c));
	if (c.status != CONN_HELD)
		return fail_at(cx, E_CONFLICT, "not-held", "connection",
		    "There is no consent to decide about.");
	TRY(store_connection_secrets(v->store, cx, id, &secrets));
	TRY(vault_provider(v, cx, c.provider, &p));
	return apply_reconnect(v, cx, p, &c, &secrets);
}

enum rc
vault_connection_sweep(struct vault *v, struct ctx *cx)
{
	return store_connection_sweep(v->store, cx, clock_now_ms(v->clock) - KEEP_MS);
}

enum rc
vault_connection_forget(struct vault *v, struct ctx *cx, const struct session *who, struct str id)
{
	struct connection c;

	TRY(vault_connection_get(v, cx, who, id, &c));
	return store_connection_delete(v->store, cx, id);
}

enum rc
vault_connection_save(struct vault *v, struct ctx *cx, const struct session *who, struct str id,
    const struct connect_save *save, struct token *out)
{
	struct connection_secrets secrets;
	const struct provider *p;
	struct connection c;
	int64_t now = clock_now_ms(v->clock);

	TRY(token_name_check(cx, save->name));
	if (str_chars(save->description) > 2000)
		return vault_bad_field(cx, "description",
		    "The description is longer than 2000 characters.", "Shorten it.");
	TRY(connected(v, cx, who, id, &c, &secrets));
	TRY(vault_provider(v, cx, c.provider, &p));
	*out = (struct token){
		.id = vault_new_id(cx->arena),
		.name = save->name,
		.description = save->description,
		.provider = c.provider,
		.app_key = c.app_key,
		.scopes = c.scopes,
		.scope_granted = c.scope_granted,
		.redirect_uri = c.redirect_uri,
		.account_id = c.account_id,
		.account_name = c.account_name,
		.account_email = c.account_email,
		.status = TOKEN_ACTIVE,
		.status_ms = now,
		.expires_ms = c.token_expires_ms,
		.has_refresh = c.has_refresh,
		.created_ms = now,
		.updated_ms = now,
		.consented_ms = c.created_ms,
		.proved_ms = c.created_ms,
		.life_source = c.life_source,
		.refresh_expires_ms = c.refresh_expires_ms,
		.lazy = save->lazy,
		.due_ms = due_of(p, &c, &secrets, now, save->lazy),
	};
	TRY(store_token_create(v->store, cx, out,
	    &(struct token_secrets){ secrets.app_secret, secrets.access, secrets.refresh }, id));
	engine_wake(v->engine);
	return OK;
}
