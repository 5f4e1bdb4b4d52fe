#include "oauth/request.h"

#include "base/buf.h"
#include "crypto/crypto.h"

#define URL_MAX 16384
#define BODY_MAX 65536
#define NAMES_LEN 80 /* of a refresh, with what stands between them */

static void
add_pair(struct buf *b, const char *name, struct str value)
{
	if (b->len > 0 && b->p[b->len - 1] != '?')
		buf_addc(b, '&');
	buf_add(b, str_of(name));
	buf_addc(b, '=');
	buf_add_percent(b, value);
}

struct str
oauth_authorize_url(struct arena *a, const struct oauth_authorize *in)
{
	struct buf b = buf_in(a, URL_MAX);

	buf_add(&b, in->endpoint);
	if (!str_contains(in->endpoint, S("?")))
		buf_addc(&b, '?');
	add_pair(&b, "response_type", S("code"));
	add_pair(&b, "client_id", in->client_id);
	add_pair(&b, "redirect_uri", in->redirect_uri);
	if (in->scope.len > 0)
		add_pair(&b, "scope", in->scope);
	if (!secret_empty(in->state))
		add_pair(&b, "state", secret_expose(in->state));
	if (in->challenge.len > 0) {
		add_pair(&b, "code_challenge", in->challenge);
		add_pair(&b, "code_challenge_method", S("S256"));
	}
	for (size_t i = 0; i < in->extra_count; i++)
		add_pair(&b, in->extra[i].name.p, in->extra[i].value);
	return buf_str(&b);
}

/* RFC 6749 section 2.3.1: both halves are form-encoded before they are joined. */
static struct secret
basic_authorization(struct arena *a, const struct oauth_client *client)
{
	size_t usual = client->id.len + secret_expose(client->secret).len + 1;
	struct buf b = buf_with(a, usual, BODY_MAX);

	buf_add_percent(&b, client->id);
	buf_addc(&b, ':');
	buf_add_percent(&b, secret_expose(client->secret));
	return secret_of(str_concat(a, S("Basic "), crypto_base64(a, buf_str(&b))));
}

static struct oauth_token_request
finish(struct arena *a, const struct oauth_client *client, struct buf *b)
{
	struct oauth_token_request out = { 0 };

	if (client->auth == CLIENT_AUTH_BASIC) {
		out.authorization = basic_authorization(a, client);
	} else {
		add_pair(b, "client_id", client->id);
		add_pair(b, "client_secret", secret_expose(client->secret));
	}
	out.body = secret_of(buf_str(b));
	return out;
}

struct oauth_token_request
oauth_exchange_request(
    struct arena *a, const struct oauth_client *client, const struct oauth_code_exchange *in)
{
	struct buf b = buf_in(a, BODY_MAX);

	add_pair(&b, "grant_type", S("authorization_code"));
	add_pair(&b, "code", secret_expose(in->code));
	add_pair(&b, "redirect_uri", in->redirect_uri);
	add_pair(&b, "code_verifier", secret_expose(in->verifier));
	return finish(a, client, &b);
}

struct oauth_token_request
oauth_refresh_request(
    struct arena *a, const struct oauth_client *client, struct secret refresh_token)
{
	size_t values =
	    secret_expose(refresh_token).len + client->id.len + secret_expose(client->secret).len;
	struct buf b = buf_with(a, NAMES_LEN + values, BODY_MAX);

	add_pair(&b, "grant_type", S("refresh_token"));
	add_pair(&b, "refresh_token", secret_expose(refresh_token));
	return finish(a, client, &b);
}
