#include "api/api_int.h"
#include "vault/provider.h"
#include "vault/told.h"

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
	/* One that is renewed when somebody asks for it lacks nothing meanwhile. */
	if (t->lazy && t->has_refresh && t->attempts == 0)
		return "active";
	return t->expires_ms > 0 && t->expires_ms <= now_ms ? "expired" : "active";
}

static struct str
renewal(struct ctx *cx, const struct token *t)
{
	int64_t since = t->refreshed_ms > 0 ? t->refreshed_ms : t->created_ms;
	int64_t minutes = (t->expires_ms - since + 30000) / 60000;

	if (!t->has_refresh)
		return S("None: no refresh token");
	if (t->status != TOKEN_ACTIVE)
		return S("None until mended");
	if (t->expires_ms == 0 || t->lazy)
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

static json_t *
when(struct ctx *cx, int64_t ms)
{
	return ms == 0 ? json_null() : json_str(clock_rfc3339(cx->arena, ms));
}

static json_t *
trouble(const struct told *told, json_t *since, const char *since_name)
{
	json_t *o;

	if (told->trouble.sentence.len == 0) {
		json_decref(since);
		return json_null();
	}
	o = json_object();
	json_put(o, "sentence", json_str(told->trouble.sentence));
	json_put(o, "what", json_str(told->trouble.what));
	json_put(o, since_name, since);
	json_put(o, "who", json_string(told_who_word(told->trouble.who)));
	return o;
}

/* What people are told, with times as the console has them. */
static void
put_told(json_t *o, struct api *api, struct ctx *cx, const struct token *t)
{
	json_t *forecast = json_object();
	struct told told;

	vault_token_told(api->vault, cx, t, &told);
	json_put(forecast, "state", json_string(forecast_word(told.forecast.state)));
	json_put(forecast, "until_ms", view_time(told.forecast.until_ms));
	json_put(forecast, "because", json_str(told.because));
	json_put(o, "proved_ms", view_time(told.proved_ms));
	json_put(o, "forecast", forecast);
	json_put(o, "trouble", trouble(&told, json_integer(told.trouble.since_ms), "since_ms"));
}

/* The same for programs. An end that needs no person is none here. */
static void
put_told_v1(json_t *o, struct api *api, struct ctx *cx, const struct token *t, int64_t now)
{
	struct told told;
	int64_t until, left;

	vault_token_told(api->vault, cx, t, &told);
	until = forecast_needs_person(&told.forecast) ? told.forecast.until_ms : 0;
	left = until > now ? (until - now) / 1000 : 0;
	json_put(o, "proved_at", when(cx, told.proved_ms));
	json_put(o, "proof", json_str(told.proof));
	json_put(o, "outlook", json_string(forecast_word(told.forecast.state)));
	json_put(o, "works_until", when(cx, until));
	json_put(o, "works_for", until == 0 ? json_null() : json_integer(left));
	json_put(o, "because", json_str(told.because));
	json_put(o, "trouble", trouble(&told, when(cx, told.trouble.since_ms), "since"));
	json_put(o, "console_url", json_str(told.url));
}

static const char *
life_source_word(const struct token *t)
{
	static const char *const words[] = { NULL, "reply", "token", "definition", "learned" };

	return t->expires_ms == 0 ? NULL : words[t->life_source];
}

static json_t *
fact(const struct told_fact *f, json_t *value, const char *value_name, json_t *since,
    const char *since_name)
{
	json_t *o;

	if (f->sentence.len == 0) {
		json_decref(value);
		json_decref(since);
		return json_null();
	}
	o = json_object();
	json_put(o, value_name, value);
	json_put(o, "sentence", json_str(f->sentence));
	json_put(o, since_name, since);
	return o;
}

/* for_people: times as the console has them. */
static void
put_learned(json_t *o, struct api *api, struct ctx *cx, const struct token *t, bool for_people)
{
	struct told_learned l;
	json_t *learned = json_object(), *clock = json_null();
	const char *source = life_source_word(t);
	const struct {
		const char *name;
		const struct told_fact *fact;
	} rows[] = { { "refresh_token", &l.refresh_token }, { "old_access_token", &l.old_access },
		{ "access_life", &l.life } };

	vault_token_learned(api->vault, cx, t, &l);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct told_fact *f = rows[i].fact;

		json_put(learned, rows[i].name,
		    fact(f, f->value == NULL ? json_integer(f->seconds) : json_string(f->value),
			f->value == NULL ? "seconds" : "value",
			for_people ? view_time(f->since_ms) : when(cx, f->since_ms),
			for_people ? "since_ms" : "since"));
	}
	if (l.clock.sentence.len > 0) {
		clock = json_object();
		json_put(clock, "ahead_s", json_integer(l.clock.seconds));
		json_put(clock, "sentence", json_str(l.clock.sentence));
	}
	json_put(o, "learned", learned);
	json_put(o, "provider_clock", clock);
	json_put(o, "expires_source", source == NULL ? json_null() : json_string(source));
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
	json_put(o, "lazy", json_boolean(t->lazy));
	put_told(o, api, cx, t);
	put_learned(o, api, cx, t, true);
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
	json_put(o, "lazy", json_boolean(t->lazy));
	put_told_v1(o, api, cx, t, now);
	put_learned(o, api, cx, t, false);
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

/* A grant that cannot renew itself, said before it is saved; when it stops, the page says in the
 * person's own time. */
static json_t *
no_refresh_warning(struct ctx *cx, const struct provider *p, const struct connection *c)
{
	struct str name = p == NULL ? c->provider : p->name, advice = S("");
	json_t *o;

	if (c->has_refresh)
		return json_null();
	if (p != NULL && p->offline_advice.len > 0)
		advice = p->offline_advice;
	else
		advice = str_printf(cx->arena,
		    "Most providers give one for the scope offline_access, some for parameters "
		    "that "
		    "their definition sends (access_type=offline with prompt=consent at Google), "
		    "some "
		    "when it is allowed in the app's settings%s%.*s. Change that, then get the "
		    "token "
		    "again.",
		    p == NULL ? "" : " at ", STR_ARG(p == NULL ? S("") : p->console_url));
	o = json_object();
	json_put(o, "what",
	    json_str(str_printf(cx->arena,
		"%.*s gave no refresh token, so nothing renews this access token.",
		STR_ARG(name))));
	json_put(o, "advice", json_str(advice));
	return o;
}

static json_t *
connection_token(struct api *api, struct ctx *cx, const struct connection *c)
{
	const struct provider *p = NULL;
	json_t *o = json_object();

	if (vault_provider(api->vault, cx, c->provider, &p) != OK)
		ctx_clear(cx);
	json_put(o, "expires_at_ms", view_time(c->token_expires_ms));
	json_put(o, "scope", json_str(c->scope_granted));
	json_put(o, "has_refresh_token", json_boolean(c->has_refresh));
	json_put(o, "account", view_account(c->account_name, c->account_email));
	json_put(o, "warning", no_refresh_warning(cx, p, c));
	return o;
}

json_t *
view_connection(struct api *api, struct ctx *cx, const struct connection *c)
{
	static const char *const words[] = { "waiting", "exchanging", "connected", "failed",
		"held" };
	bool late = c->status == CONN_WAITING && c->expires_ms < clock_now_ms(cx->clock);
	json_t *o = json_object(), *error = json_null();

	if (late)
		error = connection_error("state-expired", S(""),
		    S("The sign-in took longer than ten minutes, so its link has expired."),
		    S("Click Get OAuth2 Access Token again."));
	else if (c->status == CONN_FAILED || c->status == CONN_HELD)
		error = connection_error(str_cstr(cx->arena, c->error_code), c->error_field,
		    c->error_why, c->error_todo);
	json_put(o, "id", json_str(c->id));
	json_put(o, "status", json_string(late ? "failed" : words[c->status]));
	json_put(o, "error", error);
	json_put(o, "expires_at_ms", json_integer(c->expires_ms));
	json_put(o, "token",
	    c->status == CONN_CONNECTED || c->status == CONN_HELD ? connection_token(api, cx, c)
								  : json_null());
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
