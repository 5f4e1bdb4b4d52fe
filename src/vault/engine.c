#include "vault/engine.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "vault/upstream.h"
#include "vault/vault_int.h"

#define IN_FLIGHT_MAX 64
#define LEASE_MS 45000        /* longer than any call may take */
#define CALL_TIMEOUT_MS 20000 /* shorter than the lease, so it cannot lapse under a call */
#define WAIT_MS 10000         /* what a reader waits at most */
#define WAITING_MAX 12        /* readers that may wait so long; past them workers must stay free */
#define WAIT_SHORT_MS 1000    /* for the readers past them */
#define WAITING_MAX 12        /* readers that may wait so long: the other workers stay free */
#define WAIT_SHORT_MS 1000    /* for the readers past it */
#define STOP_WAIT_MS 5000
#define IDLE_MS 30000
#define BACKOFF_FIRST_MS 5000
#define BACKOFF_MAX_MS 900000
#define MARGIN_MIN_MS 60000
#define MARGIN_MAX_MS 600000
#define JITTER_MS 60000

enum flight_stage { FLIGHT_WANTED, FLIGHT_CALLING, FLIGHT_ANSWERED, FLIGHT_DONE };

/* One refresh of one token, from the wish to the outcome. Readers and the engine hold it. */
struct flight {
	struct flight *next;
	struct engine *engine;
	struct arena *arena; /* the engine thread's, except for the reply during FLIGHT_CALLING */
	struct ctx cx;
	struct str token_id;
	const struct provider *provider;
	struct refresh_claim claim;
	struct http_reply reply;
	enum flight_stage stage;
	int readers;
	enum rc rc; /* with FLIGHT_DONE; words in cx */
};

struct engine {
	struct vault *vault;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* work for the engine, or a flight is done */
	pthread_t thread;
	struct flight *flights;
	int in_flight; /* FLIGHT_CALLING or FLIGHT_ANSWERED */
	int waiting;   /* readers in engine_refresh */
	bool look;     /* something may be due */
	bool stopping, ended;
};

int64_t
engine_due_ms(int64_t now_ms, int64_t expires_ms, bool has_refresh)
{
	int64_t life = expires_ms - now_ms, margin = life / 10;
	uint32_t random;

	if (!has_refresh || expires_ms == 0)
		return 0;
	if (margin < MARGIN_MIN_MS)
		margin = MARGIN_MIN_MS;
	if (margin > MARGIN_MAX_MS)
		margin = MARGIN_MAX_MS;
	crypto_random(&random, sizeof(random));
	margin += random % JITTER_MS;
	if (margin > life / 2)
		margin = life / 2;
	return expires_ms - margin;
}

/* Exponential with full jitter; never before the provider's Retry-After. */
static int64_t
backoff_ms(int64_t attempts, int retry_after_s)
{
	int64_t ceiling = BACKOFF_FIRST_MS, wait;
	uint32_t random;

	while (attempts-- > 0 && ceiling < BACKOFF_MAX_MS)
		ceiling *= 2;
	crypto_random(&random, sizeof(random));
	wait = ceiling / 2 + (int64_t)random % (ceiling / 2);
	return wait < retry_after_s * 1000LL ? retry_after_s * 1000LL : wait;
}

/* --- flights; the engine's lock is held --- */

static struct flight *
flight_find(struct engine *e, struct str token_id)
{
	for (struct flight *f = e->flights; f != NULL; f = f->next)
		if (f->stage != FLIGHT_DONE && str_eq(f->token_id, token_id))
			return f;
	return NULL;
}

static struct flight *
flight_new(struct engine *e, struct str token_id)
{
	struct flight *f = mem_alloc(sizeof(*f));

	f->engine = e;
	f->arena = arena_new();
	ctx_init(&f->cx, f->arena, e->vault->clock);
	f->cx.may_block = true;
	f->cx.actor = S("engine");
	f->token_id = str_dup(f->arena, token_id);
	f->next = e->flights;
	e->flights = f;
	return f;
}

static void
flight_drop(struct engine *e, struct flight *f)
{
	struct flight **link = &e->flights;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	arena_free(f->arena);
	free(f);
}

static void
flight_done(struct flight *f, enum rc rc)
{
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	if (f->stage != FLIGHT_WANTED)
		e->in_flight--;
	f->stage = FLIGHT_DONE;
	f->rc = rc;
	pthread_cond_broadcast(&e->changed);
	if (f->readers == 0)
		flight_drop(e, f);
	pthread_mutex_unlock(&e->lock);
}

/* --- one attempt, on the engine's thread --- */

static void
answered(void *arg, const struct http_reply *reply)
{
	struct flight *f = arg;
	struct engine *e = f->engine;

	pthread_mutex_lock(&e->lock);
	f->reply = *reply;
	f->reply.body = secret_dup(f->arena, reply->body);
	f->reply.content_type = str_dup(f->arena, reply->content_type);
	f->stage = FLIGHT_ANSWERED;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static enum rc
attempt(struct flight *f)
{
	struct vault *v = f->engine->vault;
	struct oauth_token_request request;
	struct oauth_client client;
	struct http_call call;

	TRY(store_refresh_claim(
	    v->store, &f->cx, f->token_id, clock_wall_ms(), LEASE_MS, &f->claim));
	TRY(vault_provider(v, &f->cx, f->claim.token.provider, &f->provider));
	client = (struct oauth_client){ .id = f->claim.token.app_key,
		.secret = f->claim.secrets.app_secret,
		.auth = f->provider->auth };
	request = oauth_refresh_request(f->arena, &client, f->claim.secrets.refresh);
	call = upstream_token_call(f->provider, &request);
	call.timeout_ms = CALL_TIMEOUT_MS;
	http_client_send(vault_client(v, f->provider), &call, answered, f);
	return OK;
}

static enum rc
commit(struct flight *f, const struct oauth_reply *r)
{
	struct vault *v = f->engine->vault;
	int64_t now = clock_now_ms(v->clock);
	struct token_grant grant = {
		.access = r->access_token,
		.refresh = r->refresh_token,
		.expires_ms = oauth_life(&f->cx, r,
		    provider_contract(f->provider, f->claim.secrets.app_secret), 0, now, 0)
				  .expires_ms,
		.scope_granted = r->scope,
		.now_ms = now,
	};

	grant.due_ms = engine_due_ms(now, grant.expires_ms, true);
	/* A provider that gives tokens without life is not asked in a circle. */
	if (grant.due_ms > 0 && grant.due_ms < now + BACKOFF_FIRST_MS)
		grant.due_ms = now + BACKOFF_FIRST_MS;
	TRY(store_refresh_commit(v->store, &f->cx, &f->claim, &grant));
	log_event(LOG_INFO, "token.refreshed", KV_STR("token", f->token_id),
	    KV_INT("expires_in", r->expires_in_s));
	return OK;
}

/* Which state a failed refresh leads to; only a refused grant ends the token. E_CONFLICT: the fence
 * has moved on, nothing was recorded. */
static enum rc
record_failure(struct flight *f, enum oauth_outcome outcome)
{
	struct vault *v = f->engine->vault;
	struct ctx *cx = &f->cx, scratch;
	int64_t now = clock_now_ms(v->clock);
	enum rc rc;
	struct refresh_failure failure = { .status = f->claim.token.status, .now_ms = now };

	if (outcome == OUTCOME_REAUTHORIZE)
		failure.status = TOKEN_NEEDS_REAUTHORIZATION;
	else if (outcome == OUTCOME_MISCONFIGURED)
		failure.status = TOKEN_MISCONFIGURED;
	else
		failure.due_ms = now + backoff_ms(f->claim.token.attempts, cx->retry_after_s);
	failure.reason = str_dup(f->arena, str_of(cx->why));
	ctx_init(&scratch, f->arena, v->clock);
	scratch.may_block = true;
	rc = store_refresh_failed(v->store, &scratch, &f->claim, &failure);
	if (rc != OK)
		log_event(LOG_ERROR, "token.refresh_not_recorded", KV_STR("token", f->token_id),
		    KV_STR("why", str_of(scratch.why)));
	log_event(LOG_WARN, "token.refresh_failed", KV_STR("token", f->token_id),
	    KV_STR("why", failure.reason));
	return rc;
}

static void
conclude(struct flight *f)
{
	struct oauth_reply reply;
	enum oauth_outcome outcome;
	enum rc rc = upstream_token_reply(&f->cx, f->provider, &f->reply, &reply, &outcome);

	if (rc == OK)
		rc = commit(f, &reply);
	else if (record_failure(f, outcome) == E_CONFLICT)
		rc = E_CONFLICT;
	/* The lease outlives the call, so only a new consent moves the fence under it: that token is in
	 * the store, and what became of the old grant concerns nobody. */
	if (rc == E_CONFLICT)
		rc = OK;
	live_forget(f->engine->vault, f->token_id);
	flight_done(f, rc);
}

/* --- the engine's own loop --- */

/* The next flight to work on; NULL when there is none. */
static struct flight *
next_work(struct engine *e)
{
	for (struct flight *f = e->flights; f != NULL; f = f->next) {
		if (f->stage == FLIGHT_ANSWERED)
			return f;
		if (f->stage == FLIGHT_WANTED && !e->stopping && e->in_flight < IN_FLIGHT_MAX)
			return f;
	}
	return NULL;
}

/* Somebody else holds the lease, or the row cannot be read: not again at once. */
static void
not_started(struct flight *f, enum rc rc)
{
	struct vault *v = f->engine->vault;
	struct ctx scratch;

	log_event(LOG_WARN, "token.refresh_not_started", KV_STR("token", f->token_id),
	    KV_STR("why", str_of(f->cx.why)));
	if (rc == E_CONFLICT)
		return;
	ctx_init(&scratch, f->arena, v->clock);
	scratch.may_block = true;
	if (store_token_postpone(
		v->store, &scratch, f->token_id, clock_now_ms(v->clock) + BACKOFF_MAX_MS) != OK)
		log_event(LOG_ERROR, "token.postpone_failed", KV_STR("why", str_of(scratch.why)));
}

static void
work(struct engine *e, struct flight *f)
{
	enum rc rc;

	if (f->stage == FLIGHT_ANSWERED) {
		conclude(f);
		return;
	}
	pthread_mutex_lock(&e->lock);
	f->stage = FLIGHT_CALLING;
	e->in_flight++;
	pthread_mutex_unlock(&e->lock);
	rc = attempt(f);
	if (rc == OK)
		return;
	not_started(f, rc);
	flight_done(f, rc);
}

/* Makes a flight for each due token; returns when to look again (ms to wait). */
static int64_t
look_for_due(struct engine *e)
{
	struct arena *a = arena_new();
	int64_t now = clock_now_ms(e->vault->clock), next = 0, wait = IDLE_MS;
	struct str *ids = NULL;
	struct ctx cx;
	size_t n = 0;

	ctx_init(&cx, a, e->vault->clock);
	cx.may_block = true;
	if (store_token_due(
		e->vault->store, &cx, now, clock_wall_ms(), IN_FLIGHT_MAX, &ids, &n, &next) != OK)
		log_event(LOG_ERROR, "engine.store_failed", KV_STR("why", str_of(cx.why)));
	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < n; i++)
		if (flight_find(e, ids[i]) == NULL)
			flight_new(e, ids[i]);
	pthread_mutex_unlock(&e->lock);
	if (next > 0 && next - now < wait)
		wait = next > now ? next - now : 1000;
	key_index_flush(e->vault, &cx);
	arena_free(a);
	return wait;
}

static void
wait_changed(struct engine *e, int64_t wait_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&e->changed, &e->lock, &until);
}

static void *
engine_main(void *arg)
{
	struct engine *e = arg;
	int64_t look_at = 0;

	pthread_mutex_lock(&e->lock);
	while (!e->ended) {
		struct flight *f = next_work(e);
		int64_t now = clock_mono_ms();
		bool look = !e->stopping && (e->look || now >= look_at);

		if (f == NULL && !look) {
			wait_changed(e, look_at > now ? look_at - now : IDLE_MS);
			continue;
		}
		if (f == NULL)
			e->look = false; /* a wish to look stays until it is looked */
		pthread_mutex_unlock(&e->lock);
		if (f != NULL)
			work(e, f);
		else
			look_at = clock_mono_ms() + look_for_due(e);
		pthread_mutex_lock(&e->lock);
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

/* --- public --- */

static void
clock_moved(void *arg)
{
	engine_wake(arg);
}

enum rc
engine_start(struct ctx *cx, struct vault *v, struct engine **out)
{
	struct engine *e = mem_alloc(sizeof(*e));
	pthread_condattr_t attr;

	e->vault = v;
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&e->thread, NULL, engine_main, e) != 0) {
		free(e);
		return fail(cx, E_BUSY, "A thread could not be started.");
	}
	clock_on_change(v->clock, clock_moved, e);
	*out = e;
	return OK;
}

void
engine_stop(struct engine *e)
{
	int64_t until = clock_mono_ms() + STOP_WAIT_MS;

	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_cond_broadcast(&e->changed);
	while (e->in_flight > 0 && clock_mono_ms() < until)
		wait_changed(e, until - clock_mono_ms());
	e->ended = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
}

void
engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	clock_off_change(e->vault->clock, clock_moved, e);
	while (e->flights != NULL)
		flight_drop(e, e->flights);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

void
engine_wake(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->look = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

/* Copies the outcome's words to the reader. */
static enum rc
outcome(struct ctx *cx, const struct flight *f)
{
	if (f->rc == OK)
		return OK;
	cx->rc = f->rc;
	cx->code = f->cx.code;
	cx->field = f->cx.field;
	cx->retry_after_s = f->cx.retry_after_s;
	memcpy(cx->why, f->cx.why, sizeof(cx->why));
	memcpy(cx->todo, f->cx.todo, sizeof(cx->todo));
	return f->rc;
}

enum rc
engine_refresh(struct engine *e, struct ctx *cx, struct str token_id)
{
	struct flight *f;
	int64_t until;
	enum rc rc;

	pthread_mutex_lock(&e->lock);
	/* A provider that hangs must not take every worker: the console needs some too (S-250). */
	until = clock_mono_ms() + (e->waiting++ < WAITING_MAX ? WAIT_MS : WAIT_SHORT_MS);
	if (cx->deadline_ms > 0 && cx->deadline_ms < until)
		until = cx->deadline_ms;
	f = flight_find(e, token_id);
	if (f == NULL)
		f = flight_new(e, token_id);
	f->readers++;
	pthread_cond_broadcast(&e->changed);
	while (f->stage != FLIGHT_DONE && !e->stopping && clock_mono_ms() < until)
		wait_changed(e, until - clock_mono_ms());
	rc = f->stage == FLIGHT_DONE ? outcome(cx, f)
				     : fail_at(cx, E_UPSTREAM, "refresh-slow", NULL,
					   "The refresh is taking long; try again.");
	if (--f->readers == 0 && f->stage == FLIGHT_DONE)
		flight_drop(e, f);
	e->waiting--;
	pthread_mutex_unlock(&e->lock);
	return rc;
}
