/* vault/provider.h - what is known of a provider: read once from providers/NAME.json. */
#ifndef VAULT_PROVIDER_H
#define VAULT_PROVIDER_H

#include "oauth/request.h"

struct vault;

struct provider {
	struct str id, name;
	struct str console_url; /* where a person makes the app */
	struct str authorize_url, token_url;
	struct str redirect_uri; /* ours, one per provider (security row S-011) */
	struct str app_key_pattern;
	enum oauth_client_auth auth;
	struct oauth_param extra[OAUTH_MAX_EXTRA]; /* of the authorization request */
	size_t extra_count;
	struct { /* one cheap call that says whose token it is */
		struct str method, url, body;
		struct str name, email, id; /* dotted paths in the reply */
	} account;
};

/* Reads the embedded definition. base_url replaces every base when it is not empty. Endpoints
 * outside loopback must be https (S-025). Memory is the arena's, which must outlive the provider. */
MUST enum rc provider_read(struct ctx *cx, struct arena *a, struct str definition,
    struct str base_url, struct str public_url, struct provider *out);

/* E_NOTFOUND. */
MUST enum rc vault_provider(
    struct vault *v, struct ctx *cx, struct str id, const struct provider **out);
const struct provider *vault_providers(const struct vault *v, size_t *count);

#endif
