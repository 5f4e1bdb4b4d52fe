#include "oauth/pkce.h"

#include "crypto/crypto.h"

struct secret
pkce_verifier(struct arena *a)
{
	return crypto_random_token(a);
}

struct str
pkce_challenge(struct arena *a, struct secret verifier)
{
	return crypto_base64url(a, crypto_sha256(a, secret_expose(verifier)));
}
