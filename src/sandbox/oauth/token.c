/* POST /oauth2/token. Parameters may stand in the form body or in the query, each once in all
 * (RFC 6749 section 3.2; Dropbox's own SDK uses the query). Errors are told with the OAuth code in
 * cx->code; errors.c writes them. */
#include "base/json.h"
#include "sandbox/console/apps.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/errors.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/state.h"

static enum rc
invalid_request(struct ctx *cx, const char *why, const char *name)
{
	return fail_at(cx, E_INPUT, "invalid_request", NULL, "%s%s", why, name);
}

/* p == NULL when absent. */
static enum rc
param(struct ctx *cx, const struct http_req *req, const char *name, struct str *out)
{
	struct str in_body;
	int n, m;

	str_form_get(cx->arena, req->query, str_of(name), out, &n);
	str_form_get(cx->arena, req->body, str_of(name), &in_body, &m);
	if (n < 0 || m < 0)
		return invalid_request(cx, "a parameter has a broken escape", "");
	if (n + m > 1)
		return invalid_request(cx, "a parameter stands there twice: ", name);
	if (m == 1)
		*out = in_body;
	return OK;
}

static enum rc
need(struct ctx *cx, const struct http_req *req, const char *name, struct str *out)
{
	TRY(param(cx, req, name, out));
	return out->len > 0 ? OK : invalid_request(cx, "missing required parameter: ", name);
}

static enum rc
check_type(struct ctx *cx, const struct http_req *req)
{
	struct str type = http_req_header(req, S("Content-Type"));

	if (req->body.len == 0)
		return OK;
	type = str_trim(str_sub(type, 0, str_find(type, ';')));
	if (str_eq_nocase(type, S("application/x-www-form-urlencoded")))
		return OK;
	return invalid_request(cx, "the body must be application/x-www-form-urlencoded", "");
}

struct client {
	struct str key;
	struct secret secret;
	bool basic;
};

static enum rc
invalid_client(struct ctx *cx)
{
	return fail_at(cx, E_INPUT, "invalid_client", NULL, "Invalid client_id or client_secret");
}

static enum rc
read_client(struct ctx *cx, const struct http_req *req, struct client *out)
{
	struct str id, secret;

	TRY(param(cx, req, "client_id", &id));
	TRY(param(cx, req, "client_secret", &secret));
	TRY(basic_read(cx, req, &out->key, &out->secret, &out->basic));
	if (out->basic) {
		if (secret.p != NULL || (id.p != NULL && !str_eq(id, out->key)))
			return invalid_request(
			    cx, "credentials stand in the header and in the parameters", "");
		return OK;
	}
	if (http_req_header(req, S("Authorization")).p != NULL)
		return invalid_request(
		    cx, "only Basic is accepted in the Authorization header", "");
	*out = (struct client){ .key = id, .secret = secret_of(secret) };
	return OK;
}

static enum rc
check_client(struct sandbox *s, struct ctx *cx, const struct client *client)
{
	bool right;

	TRY(app_prove(s, cx, client->key, client->secret, &right));
	return right ? OK : invalid_client(cx);
}

static enum rc
emit_issued(struct ctx *cx, const struct issued *got, bool with_owner, struct http_res *res)
{
	json_t *o = json_object();

	json_put(o, "access_token", json_str(secret_expose(got->access)));
	json_put(o, "token_type", json_string("bearer"));
	json_put(o, "expires_in", json_integer(ACCESS_LIFE_S));
	json_put(o, "scope", json_str(scopes_text(cx->arena, got->scopes)));
	if (with_owner) {
		json_put(o, "uid", json_str(str_printf(cx->arena, "%lld", (long long)got->uid)));
		json_put(o, "account_id", json_str(got->account_id));
	}
	if (!secret_empty(got->refresh))
		json_put(o, "refresh_token", json_str(secret_expose(got->refresh)));
	api_json(cx, res, 200, o);
	return OK;
}

static enum rc
grant_code(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    const struct client *client, struct http_res *res)
{
	struct code_use use = { .app_key = client->key };
	struct str code, verifier;
	struct issued got;

	TRY(need(cx, req, "code", &code));
	TRY(param(cx, req, "redirect_uri", &use.redirect_uri));
	TRY(param(cx, req, "code_verifier", &verifier));
	use.code = secret_of(code);
	use.verifier = secret_of(verifier);
	TRY(check_client(s, cx, client));
	TRY(code_redeem(s, cx, &use, &got));
	return emit_issued(cx, &got, true, res);
}

static enum rc
grant_refresh(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    const struct client *client, struct http_res *res)
{
	struct str refresh, scope;
	struct issued got;

	TRY(need(cx, req, "refresh_token", &refresh));
	TRY(param(cx, req, "scope", &scope));
	TRY(check_client(s, cx, client));
	TRY(refresh_redeem(s, cx, client->key, secret_of(refresh), scope, &got));
	return emit_issued(cx, &got, false, res);
}

enum rc
oauth_token(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct client client = { 0 };
	struct str type;

	TRY(check_type(cx, req));
	TRY(need(cx, req, "grant_type", &type));
	TRY(read_client(cx, req, &client));
	if (str_eq(type, S("authorization_code")))
		return grant_code(app, cx, req, &client, res);
	if (str_eq(type, S("refresh_token")))
		return grant_refresh(app, cx, req, &client, res);
	return fail_at(cx, E_INPUT, "unsupported_grant_type", NULL,
	    "grant_type must be authorization_code or refresh_token");
}
