#include <sodium.h>

#include "base/buf.h"
#include "crypto/keyring.h"
#include "crypto/seal_key.h"

#define FORMAT 1
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_LEN (1 + KEY_ID_LEN + SEAL_NONCE_LEN)
#define PLACE_LEN 256 /* longer places take memory of the arena */

_Static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == TAG_LEN &&
	crypto_aead_chacha20poly1305_ietf_NPUBBYTES == 12,
    "the cipher below is the half of it that comes after the key");

/* Lengths stand before the texts, so that no two places have the same bytes. */
static struct str
place_bytes(struct buf *b, struct seal_place at, const unsigned char *head)
{
	buf_add_int(b, (int64_t)at.purpose.len);
	buf_addc(b, ':');
	buf_add(b, at.purpose);
	buf_addc(b, ':');
	buf_add_int(b, (int64_t)at.row.len);
	buf_addc(b, ':');
	buf_add(b, at.row);
	buf_addc(b, ':');
	buf_add_int(b, at.version);
	buf_addc(b, ':');
	buf_add(b, (struct str){ (const char *)head, 1 + KEY_ID_LEN });
	return buf_str(b);
}

static struct buf
room_for(struct arena *a, char room[PLACE_LEN], struct seal_place at)
{
	size_t max = 96 + at.purpose.len + at.row.len;

	return (struct buf){
		.p = room, .cap = PLACE_LEN, .max = max > PLACE_LEN ? max : PLACE_LEN, .arena = a
	};
}

/* What is left of the nonce for the cipher behind the derived key. */
static void
rest_of(const unsigned char *nonce, unsigned char out[12])
{
	memset(out, 0, 4);
	memcpy(out + 4, nonce + SEAL_NONCE_LEN - 8, 8);
}

struct str
crypto_seal(const struct keyring *k, struct arena *a, struct seal_place at, struct secret plain)
{
	struct str in = secret_expose(plain), ad;
	unsigned char *out = arena_alloc(a, HEAD_LEN + in.len + TAG_LEN);
	unsigned char *nonce = out + 1 + KEY_ID_LEN, key[SUBKEY_LEN], rest[12];
	char room[PLACE_LEN];
	struct buf b = room_for(a, room, at);
	unsigned long long sealed_len;

	out[0] = FORMAT;
	memcpy(out + 1, k->id, KEY_ID_LEN);
	seal_key_next(k, nonce, key);
	rest_of(nonce, rest);
	ad = place_bytes(&b, at, out);
	crypto_aead_chacha20poly1305_ietf_encrypt(out + HEAD_LEN, &sealed_len,
	    (const unsigned char *)in.p, in.len, (const unsigned char *)ad.p, ad.len, NULL, rest,
	    key);
	sodium_memzero(key, sizeof(key));
	return (struct str){ (const char *)out, HEAD_LEN + (size_t)sealed_len };
}

static enum rc
does_not_open(struct ctx *cx, struct seal_place at, const char *why)
{
	fail_at(cx, E_STORE, "integrity", NULL,
	    "The sealed value %.*s of row %.*s does not open: %s.", STR_ARG(at.purpose),
	    STR_ARG(at.row), why);
	return fail_todo(
	    cx, "The database was changed from outside, or is damaged. Restore a backup.");
}

enum rc
crypto_open(const struct keyring *k, struct ctx *cx, struct seal_place at, struct str sealed,
    struct secret *out)
{
	const unsigned char *in = (const unsigned char *)sealed.p;
	unsigned char *plain, key[SUBKEY_LEN], rest[12];
	unsigned long long len;
	char room[PLACE_LEN];
	struct buf b = room_for(cx->arena, room, at);
	struct str ad;
	int failed;

	if (sealed.len < HEAD_LEN + TAG_LEN || in[0] != FORMAT)
		return does_not_open(cx, at, "it is not in the sealed format");
	if (sodium_memcmp(in + 1, k->id, KEY_ID_LEN) != 0)
		return does_not_open(cx, at, "it was sealed with another master key");
	ad = place_bytes(&b, at, in);
	plain = arena_alloc(cx->arena, sealed.len - HEAD_LEN);
	seal_key_of(k, in + 1 + KEY_ID_LEN, key);
	rest_of(in + 1 + KEY_ID_LEN, rest);
	failed = crypto_aead_chacha20poly1305_ietf_decrypt(plain, &len, NULL, in + HEAD_LEN,
	    sealed.len - HEAD_LEN, (const unsigned char *)ad.p, ad.len, rest, key);
	sodium_memzero(key, sizeof(key));
	if (failed != 0)
		return does_not_open(cx, at, "its content or its place was changed");
	*out = secret_of((struct str){ (const char *)plain, (size_t)len });
	return OK;
}
