/* vault/provider.h - what is known of a provider: read once from providers/NAME.json. */
#ifndef VAULT_PROVIDER_H
#define VAULT_PROVIDER_H

#include "oauth/contract.h"
#include "oauth/request.h"

struct vault;

/* A call with an access token as bearer. */
struct provider_call {
	struct str method, url, body;
	bool public_only; /* as the provider's */
};

struct provider {
	struct str id, name;
	struct str console_url; /* where a person makes the app */
	struct str authorize_url, token_url;
	struct str redirect_uri; /* ours, one per provider (security row S-011) */
	struct str app_key_pattern;
	struct str app_page; /* where it shows the app's key and secret: "the app's Settings tab" */
	struct str offline_advice; /* how to get a refresh token; may be empty */
	enum oauth_client_auth auth;
	struct oauth_param extra[OAUTH_MAX_EXTRA]; /* of the authorization request */
	size_t extra_count;
	struct { /* one cheap call that says whose token it is */
		struct provider_call call;
		struct str name, email, id; /* dotted paths in the reply */
	} account;
	struct provider_call
	    witness;                 /* the cheapest call that a dead access token gets a 401 for */
	struct provider_call revoke; /* ends the grant; url empty: the provider has none */
	struct contract confidential, public_client;
	bool public_only; /* it is never called at an address that is not public */
};

/* The contract for a client with this secret; without one it is a public client. */
const struct contract *provider_contract(const struct provider *p, struct secret app_secret);

/* Reads one definition (providers/schema.json). base_url replaces every base when it is not empty.
 * Endpoints outside loopback must be https (S-025). Members that are not known are refused. Memory is
 * the arena's, which must outlive the provider. */
MUST enum rc provider_read(struct ctx *cx, struct arena *a, struct str definition,
    struct str base_url, struct str public_url, struct provider *out);

/* The embedded definitions; then each *.json of dir (NULL: none), which replaces the one of its id.
 * E_INPUT names the file. dropbox_url replaces the bases of "dropbox". public_only is each one's. */
MUST enum rc provider_read_all(
    struct vault *v, struct ctx *cx, const char *dir, struct str dropbox_url, bool public_only);

/* E_NOTFOUND. */
MUST enum rc vault_provider(
    struct vault *v, struct ctx *cx, struct str id, const struct provider **out);
const struct provider *vault_providers(const struct vault *v, size_t *count);

#endif
