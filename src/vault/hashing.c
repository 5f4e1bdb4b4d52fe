#include "vault/hashing.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"

#define AT_ONCE 2
#define STRANGERS_WAITING 3 /* together with those that run, a third of the workers */
#define WAITING_MAX 8
#define WAIT_S 5
#define RETRY_S 2

struct hashing {
	pthread_mutex_t lock;
	pthread_cond_t free_again;
	int running, waiting;
};

struct hashing *
hashing_new(void)
{
	struct hashing *h = mem_alloc(sizeof(*h));
	pthread_condattr_t attr;

	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->free_again, &attr);
	pthread_condattr_destroy(&attr);
	return h;
}

void
hashing_free(struct hashing *h)
{
	if (h == NULL)
		return;
	pthread_cond_destroy(&h->free_again);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static enum rc
busy(struct ctx *cx)
{
	fail_at(cx, E_BUSY, "sign-in-busy", NULL, "Too many passwords are being checked just now.");
	cx->retry_after_s = RETRY_S;
	return fail_todo(cx, "Try again in a few seconds.");
}

static bool
wait_for_turn(struct hashing *h, int waiting_max)
{
	struct timespec until;
	int rc = 0;

	if (h->running < AT_ONCE)
		return true;
	if (h->waiting >= waiting_max)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	h->waiting++;
	while (h->running >= AT_ONCE && rc == 0)
		rc = pthread_cond_timedwait(&h->free_again, &h->lock, &until);
	h->waiting--;
	return h->running < AT_ONCE;
}

static enum rc
enter(struct hashing *h, struct ctx *cx, enum hashing_for who)
{
	bool mine;

	pthread_mutex_lock(&h->lock);
	mine = wait_for_turn(h, who == HASHING_STRANGER ? STRANGERS_WAITING : WAITING_MAX);
	if (mine)
		h->running++;
	pthread_mutex_unlock(&h->lock);
	return mine ? OK : busy(cx);
}

static void
leave(struct hashing *h)
{
	pthread_mutex_lock(&h->lock);
	h->running--;
	pthread_cond_signal(&h->free_again);
	pthread_mutex_unlock(&h->lock);
}

enum rc
hashing_check(struct hashing *h, struct ctx *cx, enum hashing_for who, struct str hash,
    struct secret password, bool *ok)
{
	TRY(enter(h, cx, who));
	*ok = crypto_password_ok(hash, password);
	leave(h);
	return OK;
}

enum rc
hashing_make(struct hashing *h, struct ctx *cx, struct secret password, struct str *hash)
{
	TRY(enter(h, cx, HASHING_SIGNED_IN));
	*hash = crypto_password_hash(cx->arena, password);
	leave(h);
	return hash->len > 0 ? OK : busy(cx);
}
