#include "crypto/seal_key.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/random.h"

#define BEGIN_LEN crypto_core_hchacha20_INPUTBYTES

_Static_assert(SEAL_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
	SEAL_NONCE_LEN == BEGIN_LEN + sizeof(uint64_t) &&
	SUBKEY_LEN == crypto_core_hchacha20_OUTPUTBYTES &&
	SUBKEY_LEN == crypto_core_hchacha20_KEYBYTES,
    "the nonce is what derives the key, and a number");

struct derived {
	unsigned char key[SUBKEY_LEN];
	unsigned char begin[BEGIN_LEN];
	bool there;
};

/* In a guarded page, like the key that these come from. */
struct seal_keys {
	pthread_mutex_t lock;
	struct derived sealing, opened; /* of the newest */
	uint64_t sealed;                /* with `sealing` */
	int64_t from_ms;                /* clock_boot_ms() when that began */
	unsigned forks;                 /* a child goes on with one of its own */
};

struct seal_keys *
seal_keys_new(void)
{
	struct seal_keys *s = sodium_malloc(sizeof(*s));

	if (s == NULL)
		abort(); /* no memory */
	sodium_memzero(s, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
seal_keys_free(struct seal_keys *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	sodium_free(s);
}

/* Whether the next nonce begins as the last one did. */
static bool
goes_on(const struct seal_keys *s)
{
	return s->sealing.there && s->sealed < SEAL_AT_ONCE && s->forks == random_forks() &&
	    random_is_fresh(s->from_ms);
}

static void
derive(const struct keyring *k, struct derived *d)
{
	crypto_core_hchacha20(d->key, d->begin, k->seal, NULL);
	d->there = true;
}

void
seal_key_next(
    const struct keyring *k, unsigned char nonce[SEAL_NONCE_LEN], unsigned char key[SUBKEY_LEN])
{
	struct seal_keys *s = k->seal_keys;
	struct derived *d = &s->sealing;

	pthread_mutex_lock(&s->lock);
	if (!goes_on(s)) {
		s->forks = random_forks();
		s->from_ms = clock_boot_ms();
		s->sealed = 0;
		crypto_random(d->begin, sizeof(d->begin));
		derive(k, d);
	}
	memcpy(nonce, d->begin, sizeof(d->begin));
	memcpy(nonce + sizeof(d->begin), &s->sealed, sizeof(s->sealed));
	s->sealed++;
	memcpy(key, d->key, sizeof(d->key));
	pthread_mutex_unlock(&s->lock);
}

void
seal_key_of(const struct keyring *k, const unsigned char nonce[SEAL_NONCE_LEN],
    unsigned char key[SUBKEY_LEN])
{
	struct seal_keys *s = k->seal_keys;
	struct derived *d = &s->opened;

	pthread_mutex_lock(&s->lock);
	if (!d->there || memcmp(d->begin, nonce, sizeof(d->begin)) != 0) {
		memcpy(d->begin, nonce, sizeof(d->begin));
		derive(k, d);
	}
	memcpy(key, d->key, sizeof(d->key));
	pthread_mutex_unlock(&s->lock);
}
