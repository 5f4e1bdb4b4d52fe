#include "api/api_int.h"
#include "vault/forecast.h"
#include "vault/provider.h"

json_t *
view_time(int64_t ms)
{
	return ms == 0 ? json_null() : json_integer(ms);
}

json_t *
view_account(struct str name, struct str email)
{
	json_t *obj;

	if (name.len == 0 && email.len == 0)
		return json_null();
	obj = json_object();
	json_put(obj, "name", json_str(name));
	json_put(obj, "email", json_str(email));
	return obj;
}

static const char *
status_word(const struct token *t, int64_t now_ms)
{
	if (t->status == TOKEN_NEEDS_REAUTHORIZATION)
		return "needs_reauthorization";
	if (t->status == TOKEN_MISCONFIGURED)
		return "misconfigured";
	return t->expires_ms > 0 && t->expires_ms <= now_ms ? "expired" : "active";
}

static struct str
renewal(struct ctx *cx, const struct token *t)
{
	int64_t since = t->refreshed_ms > 0 ? t->refreshed_ms : t->created_ms;
	int64_t minutes = (t->expires_ms - since + 30000) / 60000;

	if (!t->has_refresh)
		return S("None: no refresh token");
	if (t->expires_ms == 0)
		return S("When asked");
	if (minutes >= 120 && minutes % 60 == 0)
		return str_printf(cx->arena, "Every %lld hours", (long long)minutes / 60);
	return str_printf(cx->arena, "Every %lld minutes", (long long)minutes);
}

static struct str
provider_name(struct api *api, struct ctx *cx, struct str id)
{
	const struct provider *p;

	if (vault_provider(api->vault, cx, id, &p) == OK)
		return p->name;
	ctx_clear(cx);
	return id;
}

/* "works until …, because …" */
static json_t *
forecast_ms(struct api *api, struct ctx *cx, const struct token *t)
{
	json_t *o = json_object();
	struct forecast f;

	vault_forecast(api->vault, cx, t, &f);
	json_put(o, "until_ms", f.ends ? json_integer(f.until_ms) : json_null());
	json_put(o, "because", json_str(f.because));
	return o;
}

static void
put_forecast_v1(struct api *api, struct ctx *cx, const struct token *t, int64_t now, json_t *o)
{
	struct forecast f;

	vault_forecast(api->vault, cx, t, &f);
	json_put(o, "works_until",
	    f.ends ? json_str(clock_rfc3339(cx->arena, f.until_ms)) : json_null());
	json_put(o, "works_for",
	    !f.ends                ? json_null()
		: f.until_ms > now ? json_integer((f.until_ms - now) / 1000)
				   : json_integer(0));
	json_put(o, "because", json_str(f.because));
}

static json_t *
when(struct ctx *cx, int64_t ms)
{
	return ms == 0 ? json_null() : json_str(clock_rfc3339(cx->arena, ms));
}

json_t *
view_token(struct api *api, struct ctx *cx, const struct token *t)
{
	json_t *o = json_object();

	json_put(o, "id", json_str(t->id));
	json_put(o, "name", json_str(t->name));
	json_put(o, "description", json_str(t->description));
	json_put(o, "provider", json_str(t->provider));
	json_put(o, "type", json_str(provider_name(api, cx, t->provider)));
	json_put(o, "status", json_string(status_word(t, clock_now_ms(cx->clock))));
	json_put(o, "status_reason", json_str(t->status_reason));
	json_put(o, "status_since_ms", json_integer(t->status_ms));
	json_put(o, "app_key", json_str(t->app_key));
	json_put(o, "scopes", json_str(t->scopes));
	json_put(o, "scope_granted", json_str(t->scope_granted));
	json_put(o, "redirect_uri", json_str(t->redirect_uri));
	json_put(o, "expires_at_ms", view_time(t->expires_ms));
	json_put(o, "has_refresh_token", json_boolean(t->has_refresh));
	json_put(o, "renewal", json_str(renewal(cx, t)));
	json_put(o, "encrypted", json_true());
	json_put(o, "account", view_account(t->account_name, t->account_email));
	json_put(o, "created_ms", json_integer(t->created_ms));
	json_put(o, "updated_ms", json_integer(t->updated_ms));
	json_put(o, "last_refresh_ms", view_time(t->refreshed_ms));
	json_put(o, "next_refresh_ms", view_time(t->due_ms));
	json_put(o, "last_error", json_str(t->last_error));
	json_put(o, "proved_ms", view_time(t->proved_ms));
	json_put(o, "forecast", forecast_ms(api, cx, t));
	return o;
}

json_t *
view_token_v1(struct api *api, struct ctx *cx, const struct token *t)
{
	int64_t now = clock_now_ms(cx->clock), left = (t->expires_ms - now) / 1000;
	json_t *o = json_object();

	json_put(o, "name", json_str(t->name));
	json_put(o, "description", json_str(t->description));
	json_put(o, "type", json_str(t->provider));
	json_put(o, "status", json_string(status_word(t, now)));
	json_put(o, "status_reason", json_str(t->status_reason));
	json_put(o, "expires_at",
	    t->expires_ms == 0 ? json_null() : json_str(clock_rfc3339(cx->arena, t->expires_ms)));
	json_put(
	    o, "expires_in", t->expires_ms == 0 ? json_null() : json_integer(left > 0 ? left : 0));
	json_put(o, "scope", json_str(t->scope_granted));
	json_put(o, "encrypted", json_true());
	json_put(o, "renewal", json_str(renewal(cx, t)));
	json_put(o, "account", view_account(t->account_name, t->account_email));
	json_put(o, "last_refresh", when(cx, t->refreshed_ms));
	json_put(o, "next_refresh", when(cx, t->due_ms));
	json_put(o, "last_error", json_str(t->last_error));
	json_put(o, "proved_at", when(cx, t->proved_ms));
	put_forecast_v1(api, cx, t, now, o);
	return o;
}

static json_t *
connection_error(const char *code, struct str field, struct str why, struct str todo)
{
	json_t *o = json_object();

	json_put(o, "code", json_string(code));
	json_put(o, "field", json_opt_str(field));
	json_put(o, "detail", json_str(why));
	json_put(o, "todo", json_str(todo));
	return o;
}

static json_t *
connection_token(struct ctx *cx, const struct connection *c)
{
	json_t *o = json_object();
	struct str warning = S("");

	if (!c->has_refresh && c->token_expires_ms > 0)
		warning = str_printf(cx->arena,
		    "The provider gave no refresh token: this access token stops at %.*s and "
		    "cannot renew"
		    " itself.",
		    STR_ARG(clock_rfc3339(cx->arena, c->token_expires_ms)));
	json_put(o, "expires_at_ms", view_time(c->token_expires_ms));
	json_put(o, "scope", json_str(c->scope_granted));
	json_put(o, "has_refresh_token", json_boolean(c->has_refresh));
	json_put(o, "account", view_account(c->account_name, c->account_email));
	json_put(o, "warning", json_str(warning));
	return o;
}

json_t *
view_connection(struct api *api, struct ctx *cx, const struct connection *c)
{
	static const char *const words[] = { "waiting", "exchanging", "connected", "failed" };
	bool late = c->status == CONN_WAITING && c->expires_ms < clock_now_ms(cx->clock);
	json_t *o = json_object(), *error = json_null();

	(void)api;
	if (late)
		error = connection_error("state-expired", S(""),
		    S("The sign-in took longer than ten minutes, so its link has expired."),
		    S("Click Get OAuth2 Access Token again."));
	else if (c->status == CONN_FAILED)
		error = connection_error(str_cstr(cx->arena, c->error_code), c->error_field,
		    c->error_why, c->error_todo);
	json_put(o, "id", json_str(c->id));
	json_put(o, "status", json_string(late ? "failed" : words[c->status]));
	json_put(o, "error", error);
	json_put(o, "expires_at_ms", json_integer(c->expires_ms));
	json_put(o, "token", c->status == CONN_CONNECTED ? connection_token(cx, c) : json_null());
	return o;
}

json_t *
view_test(const struct token_test *test)
{
	json_t *o = json_object();

	json_put(o, "ok", json_boolean(test->ok));
	json_put(o, "message", json_str(test->message));
	json_put(o, "todo", json_str(test->todo));
	json_put(o, "account", view_account(test->account_name, test->account_email));
	return o;
}
