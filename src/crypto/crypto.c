#include "crypto/crypto.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/keyring.h"
#include "crypto/random.h"

void
crypto_setup(void)
{
	if (sodium_init() >= 0 && random_setup())
		return;
	fputs("valetkey: libsodium could not start\n", stderr);
	exit(1);
}

struct str
crypto_digest(const struct keyring *k, struct arena *a, struct str purpose, struct secret value)
{
	unsigned char *out = arena_alloc(a, DIGEST_LEN), key[SUBKEY_LEN];
	struct str in = secret_expose(value);

	keyring_subkey(k, purpose, key);
	crypto_generichash(out, DIGEST_LEN, (const unsigned char *)in.p, in.len, key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	return (struct str){ (const char *)out, DIGEST_LEN };
}

struct str
crypto_mac_text(const struct keyring *k, struct arena *a, struct str purpose, struct secret value)
{
	return crypto_base64url(a, crypto_digest(k, a, purpose, value));
}

struct str
crypto_password_hash(struct arena *a, struct secret password)
{
	char *out = arena_alloc(a, crypto_pwhash_STRBYTES);
	struct str in = secret_expose(password);

	if (crypto_pwhash_str_alg(out, in.p, in.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
		crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return (struct str){ 0 }; /* no memory for it */
	return str_of(out);
}

/* Of a random password that nobody kept, at the cost of crypto_password_hash. */
#define NOBODY                                                   \
	"$argon2id$v=19$m=65536,t=2,p=1$taBzUa+0QlcWpIhRR7qXQg$" \
	"xQAKcZTXWJf4vo2/c50cNktG98gCljgZc6S8kP0v6uQ"

bool
crypto_password_ok(struct str hash, struct secret password)
{
	char text[crypto_pwhash_STRBYTES] = { 0 };
	struct str in = secret_expose(password);

	if (hash.len >= sizeof(text))
		return false;
	if (hash.len == 0)
		memcpy(text, NOBODY, sizeof(NOBODY));
	else
		memcpy(text, hash.p, hash.len);
	return crypto_pwhash_str_verify(text, in.p != NULL ? in.p : "", in.len) == 0 &&
	    hash.len > 0;
}

bool
crypto_equal(struct secret a, struct secret b)
{
	struct str x = secret_expose(a), y = secret_expose(b);

	return x.len == y.len && (x.len == 0 || sodium_memcmp(x.p, y.p, x.len) == 0);
}

struct str
crypto_sha256(struct arena *a, struct str data)
{
	unsigned char *out = arena_alloc(a, crypto_hash_sha256_BYTES);

	crypto_hash_sha256(out, (const unsigned char *)data.p, data.len);
	return (struct str){ (const char *)out, crypto_hash_sha256_BYTES };
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct crypto_sha256_run),
    "a running digest fits into its hiding place");

static crypto_hash_sha256_state *
sha256_state(struct crypto_sha256_run *run)
{
	return (crypto_hash_sha256_state *)(void *)run->hidden_;
}

void
crypto_sha256_begin(struct crypto_sha256_run *run)
{
	crypto_hash_sha256_init(sha256_state(run));
}

void
crypto_sha256_add(struct crypto_sha256_run *run, const void *bytes, size_t len)
{
	crypto_hash_sha256_update(sha256_state(run), bytes, len);
}

void
crypto_sha256_end(struct crypto_sha256_run *run, unsigned char out[SHA256_LEN])
{
	crypto_hash_sha256_final(sha256_state(run), out);
}

/* The letters for 62 and 63, as steps from where the digits would go on. */
struct base64 {
	unsigned step_62, step_63;
	bool padded;
};

static const struct base64 standard = { '9' + 1 - '+', '/' - '+' - 1, true };
static const struct base64 for_urls = { '9' + 1 - '-', '_' - '-' - 1, false };

/* By arithmetic: neither a branch nor a table tells by the time that it takes which letter it was. */
static char
letter(const struct base64 *kind, unsigned v)
{
	unsigned c = v + 'A';

	c += (25 - v) >> 8 & ('a' - 'Z' - 1);
	c -= (51 - v) >> 8 & ('z' + 1 - '0');
	c -= (61 - v) >> 8 & kind->step_62;
	c += (62 - v) >> 8 & kind->step_63;
	return (char)c;
}

/* Three bytes, or the last one or two, as four letters. */
static void
four_letters(const struct base64 *kind, const unsigned char *in, size_t n, char out[4])
{
	unsigned v = (unsigned)in[0] << 16 | (n > 1 ? (unsigned)in[1] << 8 : 0) |
	    (n > 2 ? (unsigned)in[2] : 0);

	for (int i = 0; i < 4; i++)
		out[i] = letter(kind, v >> (18 - 6 * i) & 63);
}

static struct str
base64(struct arena *a, struct str bytes, const struct base64 *kind)
{
	const unsigned char *in = (const unsigned char *)bytes.p;
	char *out = arena_alloc(a, bytes.len / 3 * 4 + 5), *p = out;
	size_t rest = bytes.len % 3;

	for (size_t i = 0; i < bytes.len - rest; i += 3, p += 4)
		four_letters(kind, in + i, 3, p);
	if (rest > 0) {
		four_letters(kind, in + bytes.len - rest, rest, p);
		memset(p + rest + 1, kind->padded ? '=' : '\0', 3 - rest);
		p += kind->padded ? 4 : rest + 1;
	}
	return (struct str){ out, (size_t)(p - out) };
}

struct str
crypto_hmac_sha256(struct arena *a, struct secret key, struct str data)
{
	unsigned char *mac = arena_alloc(a, crypto_auth_hmacsha256_BYTES);
	crypto_auth_hmacsha256_state state;
	struct str k = secret_expose(key);

	crypto_auth_hmacsha256_init(&state, (const unsigned char *)(k.p != NULL ? k.p : ""), k.len);
	crypto_auth_hmacsha256_update(
	    &state, (const unsigned char *)(data.p != NULL ? data.p : ""), data.len);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
	return (struct str){ (const char *)mac, crypto_auth_hmacsha256_BYTES };
}

struct str
crypto_hmac_sha256_hex(struct arena *a, struct secret key, struct str data)
{
	return crypto_hex(a, crypto_hmac_sha256(a, key, data));
}

struct str
crypto_hex(struct arena *a, struct str bytes)
{
	char *p = arena_alloc(a, bytes.len * 2 + 1);

	sodium_bin2hex(p, bytes.len * 2 + 1, (const unsigned char *)bytes.p, bytes.len);
	return (struct str){ p, bytes.len * 2 };
}

struct str
crypto_base64url(struct arena *a, struct str bytes)
{
	return base64(a, bytes, &for_urls);
}

struct str
crypto_base64(struct arena *a, struct str bytes)
{
	return base64(a, bytes, &standard);
}

enum rc
crypto_base64_decode(struct ctx *cx, struct str text, struct str *out)
{
	unsigned char *p = arena_alloc(cx->arena, text.len + 1);
	size_t len;

	if (sodium_base642bin(p, text.len + 1, text.p != NULL ? text.p : "", text.len, NULL, &len,
		NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return fail(cx, E_INPUT, "The text is not valid base64.");
	*out = (struct str){ (const char *)p, len };
	return OK;
}
