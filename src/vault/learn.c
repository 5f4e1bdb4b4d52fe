#include "vault/learn.h"

#include <stdlib.h>

#include "base/log.h"
#include "vault/skew.h"
#include "vault/upstream.h"
#include "vault/vault_int.h"

#define QUESTIONS_MAX 64
/* About access tokens before a refresh: so many at once, then one a second. In a storm of refreshes a few
 * answers say what all of them would, and each costs the provider a call and the store a transaction. */
#define OLD_AT_ONCE 16
#define OLD_EVERY_MS 1000
#define CALL_TIMEOUT_MS 8000
#define LEFT_MIN_MS 60000 /* a token that ran out meanwhile would teach something false */

struct question {
	struct question *next;
	struct arena *arena;
	const struct provider *provider;
	bool of_old; /* the access token before a refresh */
	struct token token;
	struct secret access;
};

struct learner {
	struct vault *vault;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	struct question *first, **last;
	int count;
	int64_t old_from_ms; /* clock_mono_ms: what was asked of old ones is paid for by then */
	bool ended;
};

static void
question_free(struct question *q)
{
	arena_free(q->arena);
	free(q);
}

/* 401: it is dead. */
static bool
ask(struct vault *v, struct ctx *cx, const struct provider *p, struct secret access, int *status)
{
	struct http_call call = upstream_call(cx, &p->witness, access);
	struct http_reply reply;

	call.timeout_ms = CALL_TIMEOUT_MS;
	http_client_call(vault_client(v, p), cx, &call, &reply);
	if (reply.end != CALL_ANSWERED)
		return false;
	vault_saw_date(v, p, reply.date_s);
	*status = reply.status;
	return true;
}

bool
learn_refused(struct vault *v, struct ctx *cx, const struct provider *p, const struct token *t,
    struct secret access)
{
	int status;

	if (!ask(v, cx, p, access, &status) || status != 401)
		return false;
	if (store_token_refused(v->store, cx, t, clock_now_ms(v->clock)) != OK)
		ctx_clear(cx);
	live_forget(v, t->id);
	return true;
}

static void
write_old(struct vault *v, struct ctx *cx, const struct question *q, int status)
{
	struct token seen = { .id = q->token.id, .consented_ms = q->token.consented_ms };

	if (status == 401)
		seen.learned.kills = OLD_ACCESS_DIES;
	else if (status >= 200 && status < 300)
		seen.learned.kills = OLD_ACCESS_LIVES;
	else
		return;
	seen.learned.kills_ms = clock_now_ms(v->clock);
	if (store_token_learn(v->store, cx, &seen) != OK)
		log_event(LOG_WARN, "token.not_learned", KV_STR("token", seen.id),
		    KV_STR("why", str_of(cx->why)));
}

static bool
lives_a_while(struct vault *v, const struct provider *p, const struct token *t)
{
	return p->witness.url.len > 0 && t->refused_ms == 0 &&
	    t->expires_ms - clock_now_ms(v->clock) > LEFT_MIN_MS;
}

static void
answer(struct vault *v, const struct question *q)
{
	struct ctx cx;
	int status;

	if (!lives_a_while(v, q->provider, &q->token))
		return; /* any more: other questions took long */
	ctx_init(&cx, q->arena, v->clock);
	cx.may_block = true;
	cx.actor = S("learner");
	if (!q->of_old)
		learn_refused(v, &cx, q->provider, &q->token, q->access);
	else if (ask(v, &cx, q->provider, q->access, &status))
		write_old(v, &cx, q, status);
}

static struct question *
take(struct learner *l)
{
	struct question *q;

	pthread_mutex_lock(&l->lock);
	while (l->first == NULL && !l->ended)
		pthread_cond_wait(&l->changed, &l->lock);
	q = l->ended ? NULL : l->first;
	if (q != NULL) {
		l->first = q->next;
		if (l->first == NULL)
			l->last = &l->first;
		l->count--;
	}
	pthread_mutex_unlock(&l->lock);
	return q;
}

static void *
learner_main(void *arg)
{
	struct learner *l = arg;
	struct question *q;

	while ((q = take(l)) != NULL) {
		answer(l->vault, q);
		question_free(q);
	}
	return NULL;
}

/* Under the lock. */
static bool
may_ask_about_old(struct learner *l)
{
	int64_t now = clock_mono_ms();

	if (l->old_from_ms > now + (OLD_AT_ONCE - 1) * OLD_EVERY_MS)
		return false;
	l->old_from_ms = (l->old_from_ms > now ? l->old_from_ms : now) + OLD_EVERY_MS;
	return true;
}

static void
put(struct learner *l, const struct provider *p, const struct token *t, struct secret access,
    bool of_old)
{
	struct question *q;

	pthread_mutex_lock(&l->lock);
	if (l->count < QUESTIONS_MAX && !l->ended && (!of_old || may_ask_about_old(l))) {
		q = mem_alloc(sizeof(*q));
		q->arena = arena_new();
		q->provider = p;
		q->of_old = of_old;
		q->token = (struct token){ .id = str_dup(q->arena, t->id),
			.consented_ms = t->consented_ms,
			.expires_ms = t->expires_ms,
			.refreshed_ms = t->refreshed_ms };
		q->access = secret_dup(q->arena, access);
		*l->last = q;
		l->last = &q->next;
		l->count++;
		pthread_cond_signal(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
}

void
learn_old_access(
    struct vault *v, const struct provider *p, const struct token *t, struct secret access)
{
	if (t->learned.kills == OLD_ACCESS_UNKNOWN && lives_a_while(v, p, t))
		put(v->learner, p, t, access, true);
}

void
learn_current_access(
    struct vault *v, const struct provider *p, const struct token *t, struct secret access)
{
	if (lives_a_while(v, p, t))
		put(v->learner, p, t, access, false);
}

enum rc
learner_start(struct ctx *cx, struct vault *v, struct learner **out)
{
	struct learner *l = mem_alloc(sizeof(*l));

	l->vault = v;
	l->last = &l->first;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	if (pthread_create(&l->thread, NULL, learner_main, l) != 0) {
		free(l);
		return fail(cx, E_BUSY, "A thread could not be started.");
	}
	*out = l;
	return OK;
}

void
learner_free(struct learner *l)
{
	struct question *q;

	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->ended = true;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	while ((q = l->first) != NULL) {
		l->first = q->next;
		question_free(q);
	}
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
