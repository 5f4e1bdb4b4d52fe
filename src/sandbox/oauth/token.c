/* POST /oauth2/token. Parameters may stand in the form body or in the query, each once in all
 * (RFC 6749 section 3.2; Dropbox's own SDK uses the query). Errors are told with the OAuth code in
 * cx->code; errors.c writes them. */
#include "base/buf.h"
#include "sandbox/console/apps.h"
#include "sandbox/core/basic.h"
#include "sandbox/core/errors.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/oauth/openid.h"
#include "sandbox/core/scopes.h"
#include "sandbox/core/state.h"

#define REPLY_FIRST 1024
#define REPLY_MAX 16384

static enum rc
invalid_request(struct ctx *cx, const char *why, const char *name)
{
	return fail_at(cx, E_INPUT, "invalid_request", NULL, "%s%s", why, name);
}

enum name {
	GRANT_TYPE,
	CLIENT_ID,
	CLIENT_SECRET,
	CODE,
	REDIRECT_URI,
	CODE_VERIFIER,
	REFRESH_TOKEN,
	SCOPE,
	NAMES
};

static const char *const names[NAMES] = { "grant_type", "client_id", "client_secret", "code",
	"redirect_uri", "code_verifier", "refresh_token", "scope" };

/* Everything that the endpoint knows, read once. */
struct params {
	struct str_field of[NAMES];
};

static enum rc
read_params(struct ctx *cx, const struct http_req *req, struct params *out)
{
	for (int i = 0; i < NAMES; i++)
		out->of[i] = (struct str_field){ .name = str_of(names[i]) };
	if (str_form_read(cx->arena, req->query, out->of, NAMES) &&
	    str_form_read(cx->arena, req->body, out->of, NAMES))
		return OK;
	return invalid_request(cx, "a parameter has a broken escape", "");
}

/* p == NULL when absent. */
static enum rc
param(struct ctx *cx, const struct params *p, enum name name, struct str *out)
{
	*out = p->of[name].value;
	if (p->of[name].count <= 1)
		return OK;
	return invalid_request(cx, "a parameter stands there twice: ", names[name]);
}

static enum rc
need(struct ctx *cx, const struct params *p, enum name name, struct str *out)
{
	TRY(param(cx, p, name, out));
	return out->len > 0 ? OK : invalid_request(cx, "missing required parameter: ", names[name]);
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
	bool given;  /* a secret, perhaps an empty one */
	bool proven; /* it is the app's */
};

static enum rc
invalid_client(struct ctx *cx)
{
	return fail_at(cx, E_INPUT, "invalid_client", NULL, "Invalid client_id or client_secret");
}

static enum rc
read_client(struct ctx *cx, const struct http_req *req, const struct params *p, struct client *out)
{
	struct str id, secret;
	bool basic;

	TRY(param(cx, p, CLIENT_ID, &id));
	TRY(param(cx, p, CLIENT_SECRET, &secret));
	TRY(basic_read(cx, req, &out->key, &out->secret, &basic));
	if (basic) {
		out->given = true;
		if (secret.p != NULL || (id.p != NULL && !str_eq(id, out->key)))
			return invalid_request(
			    cx, "credentials stand in the header and in the parameters", "");
		return OK;
	}
	if (http_req_header(req, S("Authorization")).p != NULL)
		return invalid_request(
		    cx, "only Basic is accepted in the Authorization header", "");
	*out = (struct client){ .key = id, .secret = secret_of(secret), .given = secret.p != NULL };
	return OK;
}

/* A client without the secret goes on when its app allows public clients: what it got without the
 * secret, and a code with its verifier, it may use. */
static enum rc
check_client(struct sandbox *s, struct ctx *cx, struct client *client)
{
	bool goes_on;

	if (client->given) {
		TRY(app_prove(s, cx, client->key, client->secret, &client->proven));
		goes_on = client->proven;
	} else {
		TRY(app_is_public(s, cx, client->key, &goes_on));
	}
	return goes_on ? OK : invalid_client(cx);
}

static void
add_expires_in(struct ctx *cx, struct buf *b, const struct issued *got)
{
	struct str digits = issued_expires_in(cx, got);

	if (digits.p == NULL)
		return;
	buf_add(b, S(",\"expires_in\":"));
	if (got->expires_as == EXPIRES_TEXT)
		buf_add_json_string(b, digits);
	else
		buf_add(b, digits);
}

/* RFC 6749 section 5.1, and not yet closed. */
static struct buf
issued_json(struct ctx *cx, const struct issued *got)
{
	struct buf b = buf_with(cx->arena, REPLY_FIRST, REPLY_MAX);

	buf_add(&b, S("{\"access_token\":"));
	buf_add_json_string(&b, secret_expose(got->access));
	buf_add(&b, S(",\"token_type\":\"bearer\""));
	add_expires_in(cx, &b, got);
	buf_add(&b, S(",\"scope\":"));
	buf_add_json_string(&b, scopes_text(cx->arena, got->scopes));
	if (!secret_empty(got->refresh)) {
		buf_add(&b, S(",\"refresh_token\":"));
		buf_add_json_string(&b, secret_expose(got->refresh));
	}
	return b;
}

static void
add_owner(struct buf *b, const struct issued *got)
{
	if (got->team_id.len > 0) {
		buf_add(b, S(",\"team_id\":"));
		buf_add_json_string(b, got->team_id);
		return;
	}
	buf_add(b, S(",\"uid\":\""));
	buf_add_int(b, got->uid);
	buf_add(b, S("\",\"account_id\":"));
	buf_add_json_string(b, got->account_id);
}

static enum rc
answer(struct ctx *cx, struct http_res *res, struct buf *b)
{
	buf_addc(b, '}');
	api_json_text(cx, res, 200, buf_str(b));
	return OK;
}

static enum rc
grant_code(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct params *p,
    struct client *client, struct http_res *res)
{
	struct code_use use = { .app_key = client->key };
	struct str code, verifier;
	struct str id_token;
	struct issued got;
	struct buf b;

	TRY(need(cx, p, CODE, &code));
	TRY(param(cx, p, REDIRECT_URI, &use.redirect_uri));
	TRY(param(cx, p, CODE_VERIFIER, &verifier));
	use.code = secret_of(code);
	use.verifier = secret_of(verifier);
	TRY(check_client(s, cx, client));
	use.proven = client->proven;
	TRY(code_redeem(s, cx, &use, &got));
	TRY(openid_token(s, cx, req, &got, &id_token));
	b = issued_json(cx, &got);
	add_owner(&b, &got);
	if (id_token.len > 0) {
		buf_add(&b, S(",\"id_token\":"));
		buf_add_json_string(&b, id_token);
	}
	return answer(cx, res, &b);
}

static enum rc
grant_refresh(struct sandbox *s, struct ctx *cx, const struct params *p, struct client *client,
    struct http_res *res)
{
	struct refresh_use use = { .app_key = client->key };
	struct str refresh;
	struct issued got;
	struct buf b;

	TRY(need(cx, p, REFRESH_TOKEN, &refresh));
	TRY(param(cx, p, SCOPE, &use.scope));
	use.refresh = secret_of(refresh);
	TRY(check_client(s, cx, client));
	use.proven = client->proven;
	TRY(refresh_redeem(s, cx, &use, &got));
	b = issued_json(cx, &got);
	return answer(cx, res, &b);
}

/* So that it need not read the form again. */
static void
tell_log(struct token_call *call, struct str client_id, struct str grant_type)
{
	*call = (struct token_call){ true, client_id, grant_type };
}

enum rc
oauth_token(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct client client = { 0 };
	struct params p;
	struct str type;

	TRY(check_type(cx, req));
	TRY(read_params(cx, req, &p));
	tell_log(req->session, p.of[CLIENT_ID].value, p.of[GRANT_TYPE].value);
	TRY(need(cx, &p, GRANT_TYPE, &type));
	TRY(read_client(cx, req, &p, &client));
	tell_log(req->session, client.key, type);
	if (str_eq(type, S("authorization_code")))
		return grant_code(app, cx, req, &p, &client, res);
	if (str_eq(type, S("refresh_token")))
		return grant_refresh(app, cx, &p, &client, res);
	return fail_at(cx, E_INPUT, "unsupported_grant_type", NULL,
	    "grant_type must be authorization_code or refresh_token");
}
