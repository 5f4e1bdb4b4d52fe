#include "vault/provider.h"

#include <ctype.h>
#include <regex.h>

#include "base/buf.h"
#include "base/json.h"
#include "vault/url.h"
#include "vault/vault_int.h"

#define DEPTH_MAX 4
#define URL_MAX 512
#define APP_PAGE_MAX 100
#define ID_MAX 50

/* "{web}/x" with the base that `web` names in the definition, or with base_url. */
static enum rc
expand(struct ctx *cx, struct arena *a, const json_t *bases, struct str text, struct str base_url,
    struct str *out)
{
	size_t end = str_find(text, '}');
	const char *base;

	if (!str_starts(text, S("{"))) {
		*out = str_dup(a, text);
		return OK;
	}
	base =
	    json_string_value(json_object_get(bases, str_cstr(cx->arena, str_sub(text, 1, end))));
	if (base == NULL)
		return fail(
		    cx, E_INPUT, "The address %.*s begins with an unknown base.", STR_ARG(text));
	*out = str_printf(a, "%.*s%.*s", STR_ARG(base_url.len > 0 ? base_url : str_of(base)),
	    STR_ARG(str_sub(text, end + 1, text.len)));
	return OK;
}

static enum rc
check_url(struct ctx *cx, const char *field, struct str url)
{
	struct str scheme, host;

	if (!url_split(url, &scheme, &host))
		return fail_at(cx, E_INPUT, "bad-url", field,
		    "The provider address %.*s is not https://HOST/PATH.", STR_ARG(url));
	if (str_eq(scheme, S("https")) || url_is_loopback(host))
		return OK;
	fail_at(cx, E_INPUT, "insecure-url", field, "The provider address %.*s is not https.",
	    STR_ARG(url));
	return fail_todo(cx, "Use https; plain http is accepted for 127.0.0.1 and localhost only.");
}

static enum rc
take_url(struct ctx *cx, struct arena *a, const json_t *def, const json_t *holder, const char *name,
    struct str base_url, struct str *out)
{
	struct str text;

	TRY(json_take_str(cx, holder, name, URL_MAX, &text));
	TRY(expand(cx, a, json_object_get(def, "bases"), text, base_url, out));
	return check_url(cx, name, *out);
}

static enum rc
take_text(struct ctx *cx, struct arena *a, const json_t *holder, const char *name, struct str *out)
{
	struct str text;

	TRY(json_take_str(cx, holder, name, URL_MAX, &text));
	*out = str_dup(a, text);
	return OK;
}

static enum rc
take_extra(struct ctx *cx, struct arena *a, const json_t *def, struct provider *out)
{
	json_t *params = json_object_get(def, "authorize_params"), *value;
	const char *name;

	if (params != NULL && !json_is_object(params))
		return fail_at(cx, E_INPUT, "bad-field", "authorize_params",
		    "The field \"authorize_params\" is an object.");
	if (json_object_size(params) > OAUTH_MAX_EXTRA)
		return fail_at(cx, E_INPUT, "bad-field", "authorize_params",
		    "The field \"authorize_params\" has more than %d members.", OAUTH_MAX_EXTRA);
	json_object_foreach (params, name, value) {
		if (!json_is_string(value))
			return fail_at(cx, E_INPUT, "bad-field", "authorize_params",
			    "The parameter \"%.60s\" of \"authorize_params\" is not text.", name);
		out->extra[out->extra_count++] = (struct oauth_param){
			.name = str_dup(a, str_of(name)),
			.value = str_dup(a, str_of(json_string_value(value))),
		};
	}
	return OK;
}

static enum rc
take_call(struct ctx *cx, struct arena *a, const json_t *def, const json_t *holder,
    struct str base_url, struct provider_call *out)
{
	TRY(take_text(cx, a, holder, "method", &out->method));
	TRY(take_url(cx, a, def, holder, "url", base_url, &out->url));
	return take_text(cx, a, holder, "body", &out->body);
}

static enum rc
take_call_opt(struct ctx *cx, struct arena *a, const json_t *def, const char *name,
    struct str base_url, struct provider_call *out)
{
	static const char *const members[] = { "method", "url", "body", NULL };
	const json_t *holder = json_object_get(def, name);

	if (holder == NULL)
		return OK;
	TRY(json_only_members(cx, holder, members));
	return take_call(cx, a, def, holder, base_url, out);
}

static enum rc
take_account(
    struct ctx *cx, struct arena *a, const json_t *def, struct str base_url, struct provider *out)
{
	static const char *const members[] = { "method", "url", "body", "name", "email", "id",
		NULL };
	const json_t *account = json_object_get(def, "account");

	TRY(json_only_members(cx, account, members));
	TRY(take_call(cx, a, def, account, base_url, &out->account.call));
	TRY(take_text(cx, a, account, "name", &out->account.name));
	TRY(take_text(cx, a, account, "email", &out->account.email));
	TRY(take_text(cx, a, account, "id", &out->account.id));
	out->witness = out->account.call;
	TRY(take_call_opt(cx, a, def, "witness", base_url, &out->witness));
	return take_call_opt(cx, a, def, "revoke", base_url, &out->revoke);
}

static enum rc
take_contracts(struct ctx *cx, const json_t *def, struct provider *out)
{
	static const char *const members[] = { "confidential", "public", NULL };
	const json_t *holder = json_object_get(def, "contract");
	const json_t *public_client;

	TRY(json_only_members(cx, holder, members));
	TRY(contract_read(cx, json_object_get(holder, "confidential"), &out->confidential));
	public_client = json_object_get(holder, "public");
	out->public_client = out->confidential;
	return public_client == NULL ? OK : contract_read(cx, public_client, &out->public_client);
}

/* It stands in paths and in redirect URIs. */
static enum rc
check_id(struct ctx *cx, struct str id)
{
	bool ok = id.len > 0 && id.len <= ID_MAX && id.p[0] != '-';

	for (size_t i = 0; i < id.len; i++)
		ok = ok &&
		    ((id.p[i] >= 'a' && id.p[i] <= 'z') || (id.p[i] >= '0' && id.p[i] <= '9') ||
			id.p[i] == '-');
	if (ok)
		return OK;
	return fail_at(cx, E_INPUT, "bad-field", "id",
	    "The field \"id\" has small letters, digits and dashes, at most %d.", ID_MAX);
}

static enum rc
take_auth(struct ctx *cx, struct arena *a, const json_t *def, struct provider *out)
{
	struct str auth;

	TRY(take_text(cx, a, def, "client_auth", &auth));
	out->auth = str_eq(auth, S("basic")) ? CLIENT_AUTH_BASIC : CLIENT_AUTH_BODY;
	if (out->auth == CLIENT_AUTH_BASIC || str_eq(auth, S("body")))
		return OK;
	return fail_at(cx, E_INPUT, "bad-field", "client_auth",
	    "The field \"client_auth\" is \"basic\" or \"body\".");
}

/* Read here as an extended regular expression, in the pages as a browser's: so only what both read
 * alike, which leaves out groups that begin with "?", classes like \d, and [:alpha:]. */
static bool
is_pattern(struct str s)
{
	bool plain = !str_contains(s, S("(?")) && !str_contains(s, S("[:"));
	regex_t compiled;

	for (size_t i = 0; plain && i + 1 < s.len; i++) {
		if (s.p[i] == '\\')
			plain = ispunct((unsigned char)s.p[++i]);
	}
	if (!plain || regcomp(&compiled, s.p, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	regfree(&compiled);
	return true;
}

static enum rc
take_pattern(struct ctx *cx, struct arena *a, const json_t *def, struct str *out)
{
	TRY(take_text(cx, a, def, "app_key_pattern", out));
	if (is_pattern(*out))
		return OK;
	return fail_at(cx, E_INPUT, "bad-field", "app_key_pattern",
	    "The field \"app_key_pattern\" is no regular expression like ^[a-z0-9]{15}$.");
}

static enum rc
take_app_page(struct ctx *cx, struct arena *a, const json_t *def, struct provider *out)
{
	struct str page;

	TRY(json_take_str_opt(cx, def, "app_page", APP_PAGE_MAX, &page));
	out->app_page = page.len > 0 ? str_dup(a, page)
				     : str_printf(a, "the app's page at %.*s", STR_ARG(out->name));
	return OK;
}

enum rc
provider_read(struct ctx *cx, struct arena *a, struct str definition, struct str base_url,
    struct str public_url, struct provider *out)
{
	static const char *const members[] = { "$schema", "id", "name", "bases", "console_url",
		"authorize_url", "authorize_params", "offline_advice", "app_page", "token_url",
		"client_auth", "app_key_pattern", "account", "witness", "revoke", "contract",
		NULL };
	struct str advice;
	json_t *def;

	*out = (struct provider){ 0 };
	TRY(json_read(cx, definition, DEPTH_MAX, &def));
	TRY(json_only_members(cx, def, members));
	TRY(take_text(cx, a, def, "id", &out->id));
	TRY(check_id(cx, out->id));
	TRY(take_text(cx, a, def, "name", &out->name));
	TRY(take_pattern(cx, a, def, &out->app_key_pattern));
	TRY(take_url(cx, a, def, def, "console_url", base_url, &out->console_url));
	TRY(take_url(cx, a, def, def, "authorize_url", base_url, &out->authorize_url));
	TRY(take_url(cx, a, def, def, "token_url", base_url, &out->token_url));
	TRY(take_auth(cx, a, def, out));
	TRY(take_extra(cx, a, def, out));
	TRY(json_take_str_opt(cx, def, "offline_advice", URL_MAX, &advice));
	out->offline_advice = str_dup(a, advice);
	TRY(take_app_page(cx, a, def, out));
	out->redirect_uri =
	    str_printf(a, "%.*s/oauth/callback/%.*s", STR_ARG(public_url), STR_ARG(out->id));
	TRY(take_contracts(cx, def, out));
	return take_account(cx, a, def, base_url, out);
}

const struct contract *
provider_contract(const struct provider *p, struct secret app_secret)
{
	return secret_empty(app_secret) ? &p->public_client : &p->confidential;
}

enum rc
vault_provider(struct vault *v, struct ctx *cx, struct str id, const struct provider **out)
{
	for (size_t i = 0; i < v->provider_count; i++) {
		if (str_eq(v->providers[i].id, id)) {
			*out = &v->providers[i];
			return OK;
		}
	}
	return fail_at(
	    cx, E_NOTFOUND, "unknown-provider", "provider", "There is no provider of this name.");
}

const struct provider *
vault_providers(const struct vault *v, size_t *count)
{
	*count = v->provider_count;
	return v->providers;
}
