/* The parameters of GET /oauth2/authorize, each once, in the order in which mistakes are told. */
#include "sandbox/oauth/ask.h"

#include "sandbox/core/text.h"
#include "sandbox/oauth/redirect.h"

#define STATE_MAX 2000
#define NONCE_MAX 2000
#define LOCALE_MAX 35 /* RFC 5646 section 4.4.1 */

/* E_INPUT with the OAuth code invalid_request when it stands twice; absent gives p == NULL. */
static enum rc
param(struct ctx *cx, struct str query, const char *name, struct str *out)
{
	int count;

	str_form_get(cx->arena, query, str_of(name), out, &count);
	if (count >= 0 && count <= 1)
		return OK;
	*out = (struct str){ 0 };
	return fail_at(cx, E_INPUT, "invalid_request", NULL,
	    count < 0 ? "The address has a broken escape." : "The parameter %s stands there twice.",
	    name);
}

/* One that may be left out, and is when it has no value (RFC 6749 section 3.1). */
static enum rc
choice(struct ctx *cx, struct str query, const char *name, struct str *out)
{
	TRY(param(cx, query, name, out));
	if (out->len == 0)
		*out = (struct str){ 0 };
	return OK;
}

static enum rc
invalid(struct ctx *cx, const char *why)
{
	return fail_at(cx, E_INPUT, "invalid_request", NULL, "%s", why);
}

static enum rc
identify_app(struct sandbox *s, struct ctx *cx, struct str query, struct app *out)
{
	struct str key;
	enum rc rc = param(cx, query, "client_id", &key);

	if (rc == OK && key.len > 0 && key.len <= APP_KEY_MAX && text_only(key, ""))
		rc = app_get(s, cx, key, out);
	else
		rc = E_NOTFOUND;
	if (rc != E_NOTFOUND)
		return rc;
	fail_at(cx, E_INPUT, "unknown-client", NULL,
	    "The address that brought you here does not name an app that exists (client_id).");
	return fail_todo(cx, "Check the app key in the program that sent you here.");
}

static enum rc
identify_uri(struct sandbox *s, struct ctx *cx, struct str query, struct asking *q)
{
	bool known = false;
	enum rc rc = param(cx, query, "redirect_uri", &q->shown);

	if (rc == OK && q->shown.p == NULL)
		return OK; /* the code is shown for copying */
	if (rc == OK)
		TRY(app_has_uri(s, cx, q->app.key, q->shown, &known));
	if (known) {
		q->r.redirect_uri = q->shown;
		return OK;
	}
	fail_at(cx, E_INPUT, "unknown-redirect-uri", NULL,
	    "The redirect_uri must exactly match one of the redirect URIs that are pre-configured "
	    "for the app, including the path.");
	return fail_todo(
	    cx, "The app's owner can add it under Redirect URIs on the app's Settings tab.");
}

static enum rc
read_state(struct ctx *cx, struct str query, struct auth_request *r)
{
	struct str state;

	TRY(param(cx, query, "state", &state));
	if (state.len > STATE_MAX)
		return fail_at(cx, E_INPUT, "invalid_request", NULL,
		    "state is longer than %d bytes", STATE_MAX);
	r->state = state;
	return OK;
}

static enum rc
read_implicit(struct ctx *cx, struct asking *q)
{
	if (!q->app.public_clients)
		return fail_at(cx, E_INPUT, "unauthorized_client", NULL,
		    "the app does not allow public clients, so response_type must be code");
	if (q->r.redirect_uri.len == 0)
		return invalid(cx, "response_type token needs a redirect_uri");
	q->r.implicit = true;
	return OK;
}

/* A token never stands in a query (S-086). */
static enum rc
read_response_type(struct ctx *cx, struct str query, struct asking *q)
{
	struct str type, mode;

	TRY(param(cx, query, "response_type", &type));
	TRY(choice(cx, query, "response_mode", &mode));
	if (type.len == 0)
		return invalid(cx, "response_type is missing");
	if (str_eq(type, S("token")))
		TRY(read_implicit(cx, q));
	else if (!str_eq(type, S("code")))
		return fail_at(cx, E_INPUT, "unsupported_response_type", NULL,
		    "response_type must be code or token");
	if (mode.p == NULL || str_eq(mode, q->r.implicit ? S("fragment") : S("query")))
		return OK;
	return invalid(
	    cx, q->r.implicit ? "response_mode must be fragment" : "response_mode must be query");
}

/* Who may write may see what is there: rclone asks for the writes alone, and lists. */
static scope_set
with_what_they_rest_on(scope_set set)
{
	enum scope lacking, needed;

	while (scopes_gap(set & ~SCOPES_OF_OPENID, &lacking, &needed))
		set |= SCOPE_BIT(needed);
	return set;
}

/* All that the app has when none is named, but for OpenID Connect, which must be asked for. */
static enum rc
read_scope(struct ctx *cx, struct str query, struct asking *q)
{
	struct str text;

	TRY(param(cx, query, "scope", &text));
	q->r.scopes = q->app.scopes & ~SCOPES_OF_OPENID;
	if (str_trim(text).len == 0)
		return OK;
	if (!scopes_parse(text, &q->r.scopes))
		return fail_at(cx, E_INPUT, "invalid_scope", NULL,
		    "A requested scope does not exist, or stands twice.");
	if ((q->r.scopes & ~q->app.scopes) != 0)
		return fail_at(cx, E_INPUT, "invalid_scope", NULL,
		    "A requested scope is not among the permissions of the app.");
	if (q->r.implicit && (q->r.scopes & SCOPES_OF_OPENID) != 0)
		return fail_at(cx, E_INPUT, "invalid_scope", NULL,
		    "openid, profile and email need response_type code");
	q->r.scopes |=
	    SCOPE_BIT(SCOPE_ACCOUNT_READ) | (with_what_they_rest_on(q->r.scopes) & q->app.scopes);
	return OK;
}

static enum rc
read_pkce(struct ctx *cx, struct str query, struct auth_request *r)
{
	struct str challenge, method;

	TRY(param(cx, query, "code_challenge", &challenge));
	TRY(param(cx, query, "code_challenge_method", &method));
	if (challenge.p == NULL && method.p == NULL)
		return OK;
	if (r->implicit)
		return invalid(cx, "code_challenge goes with response_type code only");
	if (challenge.len < 43 || challenge.len > 128 || !text_only(challenge, "-._~"))
		return invalid(cx, "code_challenge must have 43 to 128 unreserved characters");
	if (method.p == NULL)
		method = S("plain"); /* RFC 7636 section 4.3 */
	if (!str_eq(method, S("S256")) && !str_eq(method, S("plain")))
		return invalid(cx, "code_challenge_method must be S256 or plain");
	r->challenge = challenge;
	r->method = method;
	return OK;
}

static enum rc
read_flag(struct ctx *cx, struct str query, const char *name, bool *out)
{
	struct str v;

	TRY(choice(cx, query, name, &v));
	*out = str_eq(v, S("true"));
	if (v.p == NULL || *out || str_eq(v, S("false")))
		return OK;
	return fail_at(cx, E_INPUT, "invalid_request", NULL, "%s must be true or false", name);
}

/* One of two words, or nothing. */
static enum rc
read_either(struct ctx *cx, struct str query, const char *name, const char *one, const char *other,
    struct str *out)
{
	TRY(choice(cx, query, name, out));
	if (out->p == NULL || str_eq(*out, str_of(one)) || str_eq(*out, str_of(other)))
		return OK;
	return fail_at(
	    cx, E_INPUT, "invalid_request", NULL, "%s must be %s or %s", name, one, other);
}

/* Absent and legacy mean what the app is set to. */
static enum rc
read_access_type(struct ctx *cx, struct str query, struct asking *q)
{
	struct str v;
	bool online, offline, as_set;

	TRY(choice(cx, query, "token_access_type", &v));
	online = str_eq(v, S("online"));
	offline = str_eq(v, S("offline"));
	as_set = v.p == NULL || str_eq(v, S("legacy"));
	if (!online && !offline && !as_set)
		return invalid(cx, "token_access_type must be online, offline or legacy");
	q->r.offline = offline && !q->r.implicit;
	q->r.long_lived = as_set && q->app.no_expiration;
	return OK;
}

/* There is one language and no sign-up here, so these two change nothing. */
static enum rc
read_unused(struct ctx *cx, struct str query)
{
	struct str locale;
	bool no_signup;

	TRY(param(cx, query, "locale", &locale));
	if (locale.len > LOCALE_MAX || !text_only(locale, "-_"))
		return invalid(cx, "locale must be a language tag");
	return read_flag(cx, query, "disable_signup", &no_signup);
}

static enum rc
read_nonce(struct ctx *cx, struct str query, struct auth_request *r)
{
	TRY(param(cx, query, "nonce", &r->nonce));
	if (r->nonce.len <= NONCE_MAX && (r->nonce.len == 0 || str_utf8(r->nonce)))
		return OK;
	return fail_at(cx, E_INPUT, "invalid_request", NULL,
	    "nonce must be UTF-8 text of at most %d bytes", NONCE_MAX);
}

static enum rc
read_choices(struct ctx *cx, struct str query, struct asking *q)
{
	TRY(read_access_type(cx, query, q));
	TRY(read_either(cx, query, "require_role", "personal", "work", &q->r.role));
	TRY(read_either(cx, query, "include_granted_scopes", "user", "team", &q->r.include));
	TRY(read_flag(cx, query, "force_reapprove", &q->r.reapprove));
	TRY(read_flag(cx, query, "force_reauthentication", &q->r.reauthenticate));
	TRY(read_nonce(cx, query, &q->r));
	return read_unused(cx, query);
}

enum rc
asking_read(struct sandbox *s, struct ctx *cx, struct str query, struct asking *out)
{
	*out = (struct asking){ 0 };
	TRY(identify_app(s, cx, query, &out->app));
	TRY(identify_uri(s, cx, query, out));
	out->identified = true;
	out->r.app_key = out->app.key;
	/* State first, so that whatever else is wrong is reported with it. */
	TRY(read_state(cx, query, &out->r));
	TRY(read_response_type(cx, query, out));
	TRY(read_scope(cx, query, out));
	TRY(read_pkce(cx, query, &out->r));
	return read_choices(cx, query, out);
}

struct str
asking_refusal(struct ctx *cx, const struct asking *q)
{
	const struct redirect_param params[] = {
		{ "error", str_of(cx->code) },
		{ "error_description", str_of(cx->why) },
		{ "state", q->r.state },
	};

	if (!q->identified || q->r.redirect_uri.len == 0)
		return (struct str){ 0 };
	return redirect_with(cx, q->r.redirect_uri, redirect_part_of(&q->r), params, 3);
}
