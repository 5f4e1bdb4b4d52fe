#include "vault/settler.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"

struct settler {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool over, stopping;
	struct arena *arena;
	struct ctx cx; /* only one of the two threads uses it at a time */
	enum rc rc;
};

static void *
settler_main(void *arg)
{
	struct settler *s = arg;

	pthread_setname_np(pthread_self(), "settler");
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->over && !s->stopping)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->stopping)
			break;
		pthread_mutex_unlock(&s->lock);
		s->rc = store_round_settle(s->store, &s->cx);
		if (s->rc != OK)
			log_event(LOG_ERROR, "store.not_settled", KV_STR("why", str_of(s->cx.why)));
		pthread_mutex_lock(&s->lock);
		s->over = true;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void
release(struct settler *s)
{
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	arena_free(s->arena);
	free(s);
}

enum rc
settler_start(struct ctx *cx, struct store *store, struct settler **out)
{
	struct settler *s = mem_alloc(sizeof(*s));

	s->store = store;
	s->over = true;
	s->arena = arena_new();
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (pthread_create(&s->thread, NULL, settler_main, s) != 0) {
		release(s);
		return fail(cx, E_BUSY, "A thread could not be started.");
	}
	*out = s;
	return OK;
}

void
settler_stop(struct settler *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	release(s);
}

void
settler_begin(struct settler *s)
{
	pthread_mutex_lock(&s->lock);
	arena_reset(s->arena);
	ctx_init(&s->cx, s->arena, NULL);
	s->cx.may_block = true;
	s->over = false;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

const struct ctx *
settler_wait(struct settler *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->over)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return s->rc == OK ? NULL : &s->cx;
}
