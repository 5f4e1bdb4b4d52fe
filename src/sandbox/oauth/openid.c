/* Claims, discovery (OpenID Connect Discovery 1.0 section 3) and userinfo (openid.stone). The issuer is
 * the name by which the sandbox was reached, so that what a client checks is what it asked for. */
#include "sandbox/oauth/openid.h"

#include "sandbox/core/errors.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/oauth/keys.h"

/* What the scopes of the token tell of the account. */
static void
put_claims(json_t *o, const struct account *acct, scope_set scopes)
{
	json_put(o, "sub", json_str(acct->id));
	if ((scopes & SCOPE_BIT(SCOPE_PROFILE)) != 0) {
		json_put(o, "given_name", json_str(acct->given_name));
		json_put(o, "family_name", json_str(acct->surname));
	}
	if ((scopes & SCOPE_BIT(SCOPE_EMAIL)) != 0) {
		json_put(o, "email", json_str(acct->email));
		json_put(o, "email_verified", json_true());
	}
}

enum rc
openid_token(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    const struct issued *got, struct str *jwt)
{
	int64_t now_s = got->at_ms / SECOND_MS;
	struct account acct;
	json_t *o;

	*jwt = (struct str){ 0 };
	if ((got->scopes & SCOPE_BIT(SCOPE_OPENID)) == 0 || got->team_id.len > 0)
		return OK;
	TRY(account_get(s, cx, got->account_id, &acct));
	o = json_object();
	json_put(o, "iss", json_str(reach_url(s, req)));
	json_put(o, "aud", json_str(got->app_key));
	json_put(o, "iat", json_integer(now_s));
	json_put(o, "exp", json_integer(now_s + ID_TOKEN_LIFE_S));
	json_put(o, "auth_time", json_integer(got->auth_ms / SECOND_MS));
	if (got->nonce.len > 0)
		json_put(o, "nonce", json_str(got->nonce));
	put_claims(o, &acct, got->scopes);
	if (acct.team_id.len > 0 && (got->scopes & SCOPE_BIT(SCOPE_PROFILE)) != 0)
		json_put(o, "dropbox:team_id", json_str(acct.team_id));
	return keys_sign(s, cx, o, jwt);
}

/* openid.stone: no argument. */
static enum rc
no_argument(struct ctx *cx, const struct http_req *req)
{
	struct str body = str_trim(req->body);

	if (body.len == 0 || str_eq(body, S("null")) || str_eq(body, S("{}")))
		return OK;
	return fail(cx, E_INPUT, "request body: this function takes no argument");
}

enum rc
openid_userinfo(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct caller *who = req->session;
	json_t *o;

	TRY(no_argument(cx, req));
	o = json_object();
	json_put(o, "iss", json_str(reach_url(app, req)));
	put_claims(o, &who->account, who->scopes);
	api_json(cx, res, 200, o);
	return OK;
}

static void
put_list(json_t *o, const char *name, const char *const *words)
{
	json_t *list = json_array();

	for (size_t i = 0; words[i] != NULL; i++)
		json_array_append_new(list, json_string(words[i]));
	json_put(o, name, list);
}

static void
put_address(struct ctx *cx, json_t *o, const char *name, struct str origin, const char *path)
{
	json_put(o, name, json_str(str_printf(cx->arena, "%.*s%s", STR_ARG(origin), path)));
}

struct word_list {
	const char *name;
	const char *words[12];
};

static const struct word_list supported[] = {
	{ "response_types_supported", { "code", "token" } },
	{ "response_modes_supported", { "query", "fragment" } },
	{ "grant_types_supported", { "authorization_code", "implicit", "refresh_token" } },
	{ "subject_types_supported", { "public" } },
	{ "id_token_signing_alg_values_supported", { "RS256" } },
	{ "token_endpoint_auth_methods_supported",
	    { "client_secret_basic", "client_secret_post", "none" } },
	{ "code_challenge_methods_supported", { "S256", "plain" } },
	{ "claims_supported",
	    { "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "given_name", "family_name",
		"email", "email_verified" } },
};

enum rc
openid_discovery(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str www = reach_url(app, req), api = www;
	json_t *o = json_object(), *scopes = json_array();

	if (req->tunnel.len > 0)
		api = S("https://api.dropboxapi.com");
	json_put(o, "issuer", json_str(www));
	put_address(cx, o, "authorization_endpoint", www, "/oauth2/authorize");
	put_address(cx, o, "token_endpoint", api, "/oauth2/token");
	put_address(cx, o, "userinfo_endpoint", api, "/2/openid/userinfo");
	put_address(cx, o, "jwks_uri", www, "/.well-known/jwks.json");
	for (size_t i = 0; i < sizeof(supported) / sizeof(supported[0]); i++)
		put_list(o, supported[i].name, supported[i].words);
	for (int i = 0; i < SCOPE_COUNT; i++)
		json_array_append_new(scopes, json_string(scope_name((enum scope)i)));
	json_put(o, "scopes_supported", scopes);
	json_put(o, "claims_parameter_supported", json_false());
	json_put(o, "request_uri_parameter_supported", json_false());
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
openid_keys(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *o;

	(void)req;
	TRY(keys_json(app, cx, &o));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
control_rotate_key(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str kid;
	json_t *o;

	(void)req;
	TRY(keys_rotate(app, cx, &kid));
	o = json_object();
	json_put(o, "kid", json_str(kid));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}
