#include "crypto/sign.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/crypto.h"

#define KEY_BITS 2048

static enum rc
broken(struct ctx *cx, const char *what)
{
	return fail(cx, E_BUG, "OpenSSL could not %s.", what);
}

static bool
number(struct ctx *cx, const EVP_PKEY *key, const char *name, struct str *out)
{
	BIGNUM *n = NULL;
	unsigned char *bytes;
	bool ok = EVP_PKEY_get_bn_param(key, name, &n) == 1;

	if (ok) {
		bytes = arena_alloc(cx->arena, (size_t)BN_num_bytes(n));
		*out = crypto_base64url(
		    cx->arena, (struct str){ (const char *)bytes, (size_t)BN_bn2bin(n, bytes) });
	}
	BN_free(n);
	return ok;
}

/* Into the arena, which is wiped; OpenSSL's own copy is wiped here. */
static bool
export_key(struct ctx *cx, EVP_PKEY *key, struct secret *out)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(key, &der);

	if (len <= 0)
		return false;
	*out = secret_dup(cx->arena, secret_of((struct str){ (const char *)der, (size_t)len }));
	OPENSSL_clear_free(der, (size_t)len);
	return true;
}

enum rc
sign_key_new(struct ctx *cx, struct secret *der, struct sign_public *public)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	bool ok = key != NULL && number(cx, key, OSSL_PKEY_PARAM_RSA_N, &public->modulus) &&
	    number(cx, key, OSSL_PKEY_PARAM_RSA_E, &public->exponent) && export_key(cx, key, der);

	EVP_PKEY_free(key);
	return ok ? OK : broken(cx, "make a signing key");
}

static bool
sign_with(struct ctx *cx, EVP_PKEY *key, struct str data, struct str *out)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t len = KEY_BITS / 8;
	unsigned char *bytes = arena_alloc(cx->arena, len);
	bool ok = md != NULL && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(md, bytes, &len, (const unsigned char *)data.p, data.len) == 1;

	EVP_MD_CTX_free(md);
	*out = (struct str){ (const char *)bytes, len };
	return ok;
}

enum rc
sign_rs256(struct ctx *cx, struct secret der, struct str data, struct str *out)
{
	const unsigned char *p = (const unsigned char *)secret_expose(der).p;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)secret_expose(der).len);
	bool ok = key != NULL && sign_with(cx, key, data, out);

	EVP_PKEY_free(key);
	return ok ? OK : broken(cx, "sign");
}
