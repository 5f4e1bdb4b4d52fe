#include <sodium.h>

#include "base/buf.h"
#include "crypto/aead.h"
#include "crypto/keyring.h"
#include "crypto/seal_key.h"

#define FORMAT 1
#define HEAD_LEN (1 + KEY_ID_LEN + SEAL_NONCE_LEN)
#define PLACE_LEN 256 /* longer places take memory of the arena */

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
rest_of(const unsigned char *nonce, unsigned char out[AEAD_NONCE_LEN])
{
	memset(out, 0, 4);
	memcpy(out + 4, nonce + SEAL_NONCE_LEN - 8, 8);
}

struct str
crypto_seal(const struct keyring *k, struct arena *a, struct seal_place at, struct secret plain)
{
	struct str in = secret_expose(plain);
	size_t len = HEAD_LEN + in.len + AEAD_TAG_LEN;
	unsigned char *out = arena_alloc(a, len);
	unsigned char *nonce = out + 1 + KEY_ID_LEN, key[SUBKEY_LEN], rest[AEAD_NONCE_LEN];
	char room[PLACE_LEN];
	struct buf b = room_for(a, room, at);

	out[0] = FORMAT;
	memcpy(out + 1, k->id, KEY_ID_LEN);
	seal_key_next(k, nonce, key);
	rest_of(nonce, rest);
	aead_seal(key, rest, place_bytes(&b, at, out), in, out + HEAD_LEN);
	sodium_memzero(key, sizeof(key));
	return (struct str){ (const char *)out, len };
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
	unsigned char *plain, key[SUBKEY_LEN], rest[AEAD_NONCE_LEN];
	char room[PLACE_LEN];
	struct buf b = room_for(cx->arena, room, at);
	bool opened;

	if (sealed.len < HEAD_LEN + AEAD_TAG_LEN || in[0] != FORMAT)
		return does_not_open(cx, at, "it is not in the sealed format");
	if (sodium_memcmp(in + 1, k->id, KEY_ID_LEN) != 0)
		return does_not_open(cx, at, "it was sealed with another master key");
	plain = arena_alloc(cx->arena, sealed.len - HEAD_LEN);
	seal_key_of(k, in + 1 + KEY_ID_LEN, key);
	rest_of(in + 1 + KEY_ID_LEN, rest);
	opened = aead_open(
	    key, rest, place_bytes(&b, at, in), str_sub(sealed, HEAD_LEN, sealed.len), plain);
	sodium_memzero(key, sizeof(key));
	if (!opened)
		return does_not_open(cx, at, "its content or its place was changed");
	*out = secret_of((struct str){ (const char *)plain, sealed.len - HEAD_LEN - AEAD_TAG_LEN });
	return OK;
}
