#include <sodium.h>

#include "base/buf.h"
#include "crypto/keyring.h"

#define FORMAT 1
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_LEN (1 + KEY_ID_LEN + NONCE_LEN)

/* Lengths stand before the texts, so that no two places have the same bytes. */
static struct str
place_bytes(struct arena *a, struct seal_place at, const unsigned char *head)
{
	size_t room = 96 + at.purpose.len + at.row.len;
	struct buf b = buf_with(a, room, room);

	buf_add_int(&b, (int64_t)at.purpose.len);
	buf_addc(&b, ':');
	buf_add(&b, at.purpose);
	buf_addc(&b, ':');
	buf_add_int(&b, (int64_t)at.row.len);
	buf_addc(&b, ':');
	buf_add(&b, at.row);
	buf_addc(&b, ':');
	buf_add_int(&b, at.version);
	buf_addc(&b, ':');
	buf_add(&b, (struct str){ (const char *)head, 1 + KEY_ID_LEN });
	return buf_str(&b);
}

struct str
crypto_seal(const struct keyring *k, struct arena *a, struct seal_place at, struct secret plain)
{
	struct str in = secret_expose(plain), ad;
	unsigned char *out = arena_alloc(a, HEAD_LEN + in.len + TAG_LEN);
	unsigned long long sealed_len;

	out[0] = FORMAT;
	memcpy(out + 1, k->id, KEY_ID_LEN);
	randombytes_buf(out + 1 + KEY_ID_LEN, NONCE_LEN);
	ad = place_bytes(a, at, out);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + HEAD_LEN, &sealed_len,
	    (const unsigned char *)in.p, in.len, (const unsigned char *)ad.p, ad.len, NULL,
	    out + 1 + KEY_ID_LEN, k->seal);
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
	unsigned char *plain;
	unsigned long long len;
	struct str ad;

	if (sealed.len < HEAD_LEN + TAG_LEN || in[0] != FORMAT)
		return does_not_open(cx, at, "it is not in the sealed format");
	if (sodium_memcmp(in + 1, k->id, KEY_ID_LEN) != 0)
		return does_not_open(cx, at, "it was sealed with another master key");
	ad = place_bytes(cx->arena, at, in);
	plain = arena_alloc(cx->arena, sealed.len - HEAD_LEN);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &len, NULL, in + HEAD_LEN,
		sealed.len - HEAD_LEN, (const unsigned char *)ad.p, ad.len, in + 1 + KEY_ID_LEN,
		k->seal) != 0)
		return does_not_open(cx, at, "its content or its place was changed");
	*out = secret_of((struct str){ (const char *)plain, (size_t)len });
	return OK;
}
