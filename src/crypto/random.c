/* Random numbers, all of them the system's. */
#include "crypto/random.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "crypto/crypto.h"

/* Of the thread. A system call for each nonce or letter would cost more than what is done with it; what is
 * handed out is wiped. */
#define POOL_LEN 1024
#define SMALL 64 /* more than that is worth a call */
static _Thread_local unsigned char pool[POOL_LEN];
static _Thread_local size_t pool_left;
static _Thread_local int64_t pool_from_ms; /* clock_boot_ms() when it was filled */

static _Atomic unsigned forks;

/* In the child, whose only thread is the one that forked. */
static void
forget_pool(void)
{
	sodium_memzero(pool, sizeof(pool));
	pool_left = 0;
	atomic_fetch_add(&forks, 1);
}

bool
random_setup(void)
{
	static _Atomic bool done;

	return atomic_exchange(&done, true) || pthread_atfork(NULL, NULL, forget_pool) == 0;
}

unsigned
random_forks(void)
{
	return atomic_load_explicit(&forks, memory_order_relaxed);
}

bool
random_is_fresh(int64_t from_ms)
{
	return clock_boot_ms() - from_ms < RANDOM_FRESH_MS;
}

static void
fill_pool(void)
{
	pool_left = 0;
	while (pool_left < POOL_LEN) {
		ssize_t n = getrandom(pool + pool_left, POOL_LEN - pool_left, 0);

		if (n > 0)
			pool_left += (size_t)n;
		else if (errno != EINTR)
			abort(); /* a kernel without random numbers */
	}
	pool_from_ms = clock_boot_ms();
}

void
crypto_random(void *out, size_t len)
{
	if (len > SMALL) {
		randombytes_buf(out, len);
		return;
	}
	if (pool_left < len || !random_is_fresh(pool_from_ms))
		fill_pool();
	pool_left -= len;
	memcpy(out, pool + pool_left, len);
	sodium_memzero(pool + pool_left, len);
}

static unsigned
mask_for(size_t letters)
{
	unsigned mask = 1;

	while (mask < letters)
		mask *= 2;
	return mask - 1;
}

/* As many bits of each byte as the alphabet needs; those that name no letter are left out, so that none is
 * favoured. *bytes is how many there are, then how many are left. -> how many letters were written */
static size_t
spell(char *p, size_t n, struct str alphabet, const unsigned char *random, size_t *bytes)
{
	unsigned mask = mask_for(alphabet.len);
	size_t left = *bytes, done = 0;

	while (left > 0 && done < n) {
		unsigned letter = random[--left] & mask;

		if (letter < alphabet.len)
			p[done++] = alphabet.p[letter];
	}
	*bytes = left;
	return done;
}

/* The same of 64 letters, which take six bits: four of them from three bytes, as long as there are so many. */
static size_t
spell_64(char *p, size_t n, struct str alphabet, const unsigned char *random, size_t *bytes)
{
	const char *letters = alphabet.p;
	size_t left = *bytes, done = 0;

	for (; n - done >= 4 && left >= 3; done += 4) {
		const unsigned char *from = random + (left -= 3);
		unsigned bits = from[0] | from[1] << 8 | (unsigned)from[2] << 16;

		p[done] = letters[bits & 63];
		p[done + 1] = letters[bits >> 6 & 63];
		p[done + 2] = letters[bits >> 12 & 63];
		p[done + 3] = letters[bits >> 18];
	}
	*bytes = left;
	return done + spell(p + done, n - done, alphabet, random, bytes);
}

struct secret
crypto_random_text(struct arena *a, size_t n, struct str alphabet)
{
	size_t done = 0;
	char *p = arena_alloc(a, n + 1);

	if (!random_is_fresh(pool_from_ms))
		fill_pool();
	while (done < n) {
		size_t from = pool_left;

		if (from == 0) {
			fill_pool();
			continue;
		}
		done += (alphabet.len == 64 ? spell_64 : spell)(
		    p + done, n - done, alphabet, pool, &pool_left);
		sodium_memzero(pool + pool_left, from - pool_left);
	}
	return secret_of((struct str){ p, n });
}

struct secret
crypto_random_token(struct arena *a)
{
	char bytes[32];
	struct secret token;

	randombytes_buf(bytes, sizeof(bytes));
	token = secret_of(crypto_base64url(a, (struct str){ bytes, sizeof(bytes) }));
	sodium_memzero(bytes, sizeof(bytes));
	return token;
}
