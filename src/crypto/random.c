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

struct secret
crypto_random_text(struct arena *a, size_t n, struct str alphabet)
{
	/* Bytes beyond the last whole round of the alphabet would favour its first letters, so they are
	 * left out. */
	unsigned letters = (unsigned)alphabet.len, whole = 256 - 256 % letters;
	size_t done = 0;
	char *p = arena_alloc(a, n + 1);

	if (!random_is_fresh(pool_from_ms))
		fill_pool();
	while (done < n) {
		size_t from = pool_left, i = from;

		if (from == 0) {
			fill_pool();
			continue;
		}
		while (i > 0 && done < n) {
			unsigned char byte = pool[--i];

			if (byte < whole)
				p[done++] = alphabet.p[byte % letters];
		}
		sodium_memzero(pool + i, from - i);
		pool_left = i;
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
