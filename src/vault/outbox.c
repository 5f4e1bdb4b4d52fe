#include "vault/outbox.h"

#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "vault/events.h"
#include "vault/vault_int.h"
#include "vault/webhooks.h"

#define CALL_MS 10000
#define LEASE_MS 60000 /* longer than any call, and what is written after it */
#define REPLY_MAX (16u << 10)
#define EACH_MAX 4     /* calls at once to one receiver */
#define IDLE_MS 15000  /* a lease of another node may have lapsed */
#define FAILED_MS 2000 /* the store did not answer */
#define STOP_MS 2000
#define HOOK_ID_MAX 40

/* One try under way, and its end. */
struct call {
	struct call *next;
	struct outbox *outbox;
	struct arena *arena;
	struct delivery delivery; /* as claimed; texts in the arena */
	char hook[HOOK_ID_MAX];
	enum http_call_end end;
	int status, retry_after_s;
	char error[160];
};

struct outbox {
	struct vault *vault;
	struct http_client *client;
	pthread_t thread;
	pthread_mutex_t lock; /* the rest; a leaf */
	pthread_cond_t changed;
	struct call *calls; /* under way */
	struct call *ended; /* to be written down */
	bool look, stop, joined;
};

/* --- what comes of a try --- */

/* Five seconds to eight hours; sixteen hours in all. */
static const int waits_s[WEBHOOK_TRIES - 1] = { 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800 };

/* Half of it certain, half by chance, so that what failed together does not come back together. */
static int64_t
wait_ms(int64_t attempts, int retry_after_s)
{
	int64_t ms = waits_s[attempts - 1] * 1000LL;
	uint32_t random;
	int64_t asked = retry_after_s < 3600 ? retry_after_s * 1000LL : 3600000;

	crypto_random(&random, sizeof(random));
	ms = ms / 2 + (int64_t)(random % (uint32_t)(ms / 2 + 1));
	return ms > asked ? ms : asked;
}

static struct str
sentence(struct ctx *cx, const struct call *c)
{
	switch (c->end) {
	case CALL_ANSWERED:
		return str_printf(cx->arena, "It answered with HTTP status %d.", c->status);
	case CALL_REDIRECTED:
		return S("It answered with a redirect, which is not followed.");
	case CALL_TIMED_OUT:
		return S("It did not answer within 10 seconds.");
	case CALL_TOO_LARGE:
		return S("Its answer was larger than 16 KiB and was cut off.");
	default:
		return str_printf(cx->arena, "It could not be reached: %s.", c->error);
	}
}

static void
conclude(struct outbox *n, struct ctx *cx, const struct call *c, struct delivery *d)
{
	int64_t now = clock_now_ms(n->vault->clock);
	bool answered = c->end == CALL_ANSWERED || c->end == CALL_REDIRECTED;
	bool done = c->end == CALL_ANSWERED && c->status >= 200 && c->status < 300;

	d->attempts++;
	d->tried_ms = now;
	d->status = answered ? c->status : 0;
	d->error = done ? S("") : sentence(cx, c);
	d->due_ms = 0;
	if (done) {
		d->state = DELIVERY_DONE;
	} else if (d->attempts >= WEBHOOK_TRIES || (answered && c->status == 410)) {
		d->state = DELIVERY_GIVEN_UP;
	} else {
		d->state = DELIVERY_WAITING;
		d->due_ms = now + wait_ms(d->attempts, c->retry_after_s);
	}
}

static void
write_down(struct outbox *n, struct ctx *cx, const struct delivery *d)
{
	log_event(d->state == DELIVERY_DONE ? LOG_INFO : LOG_WARN, "webhook.sent",
	    KV_STR("webhook", d->webhook_id), KV_STR("delivery", d->id),
	    KV_INT("status", d->status), KV_STR("error", d->error));
	/* When it cannot be written, the lease lapses and it is sent again. */
	if (store_delivery_tried(n->vault->store, cx, d) != OK)
		log_event(LOG_ERROR, "webhook.not_written", KV_STR("why", str_of(cx->why)));
}

static void
free_call(struct call *c)
{
	arena_free(c->arena);
	free(c);
}

static void
write_ended(struct outbox *n, struct ctx *cx, struct call *ended)
{
	while (ended != NULL) {
		struct call *c = ended;

		ended = c->next;
		conclude(n, cx, c, &c->delivery);
		write_down(n, cx, &c->delivery);
		free_call(c);
	}
}

/* On the client's thread. */
static void
landed(void *arg, const struct http_reply *reply)
{
	struct call *c = arg, **link;
	struct outbox *n = c->outbox;

	pthread_mutex_lock(&n->lock);
	c->end = reply->end;
	c->status = reply->status;
	c->retry_after_s = reply->retry_after_s;
	memcpy(c->error, reply->error, sizeof(c->error));
	for (link = &n->calls; *link != c; link = &(*link)->next)
		;
	*link = c->next;
	c->next = n->ended;
	n->ended = c;
	pthread_cond_signal(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

/* --- sending --- */

/* {type, timestamp, data}; a test has a sentence only. */
static enum rc
body_of(struct outbox *n, struct ctx *cx, const struct webhook *w, const struct delivery *d,
    struct str *out)
{
	json_t *o, *data;
	struct event e = { .at_ms = d->created_ms };

	if (d->head > 0) {
		TRY(store_delivery_event(n->vault->store, cx, d, &e));
		data = vault_event_json(n->vault, cx, &e, true);
	} else {
		data = json_object();
		json_put(data, "sentence",
		    json_str(str_printf(
			cx->arena, "This is a test of the webhook %.*s.", STR_ARG(w->name))));
	}
	o = json_object();
	json_put(o, "type", json_str(d->type));
	json_put(o, "timestamp", json_str(clock_rfc3339(cx->arena, e.at_ms)));
	json_put(o, "data", data);
	*out = json_write(cx->arena, o);
	return OK;
}

static enum rc
signature(struct ctx *cx, struct secret secret, struct str id, int64_t at_s, struct str body,
    struct str *out)
{
	struct str text = secret_expose(secret), key, mac, signed_text;

	TRY(crypto_base64_decode(cx, str_sub(text, sizeof("whsec_") - 1, text.len), &key));
	signed_text =
	    str_printf(cx->arena, "%.*s.%lld.%.*s", STR_ARG(id), (long long)at_s, STR_ARG(body));
	mac = crypto_hmac_sha256(cx->arena, secret_of(key), signed_text);
	*out = str_printf(cx->arena, "v1,%.*s", STR_ARG(crypto_base64(cx->arena, mac)));
	return OK;
}

static void
send(struct outbox *n, const struct webhook *w, struct call *c, struct str body, struct str at,
    struct str signed_with)
{
	struct http_call call = {
		.method = "POST",
		.url = w->url,
		.headers = { { S("webhook-id"), c->delivery.id }, { S("webhook-timestamp"), at },
		    { S("webhook-signature"), signed_with } },
		.header_count = 3,
		.content_type = S("application/json"),
		.body = secret_of(body),
		.has_body = true,
		.public_only = n->vault->deny_private,
		.timeout_ms = CALL_MS,
		.reply_max = REPLY_MAX,
	};

	pthread_mutex_lock(&n->lock);
	c->next = n->calls;
	n->calls = c;
	pthread_mutex_unlock(&n->lock);
	http_client_send(n->client, &call, landed, c);
}

static struct call *
new_call(struct outbox *n, const struct webhook *w, const struct delivery *d)
{
	struct call *c = mem_alloc(sizeof(*c));

	c->outbox = n;
	c->arena = arena_new();
	c->delivery = *d;
	c->delivery.id = str_dup(c->arena, d->id);
	c->delivery.webhook_id = str_dup(c->arena, d->webhook_id);
	c->delivery.type = str_dup(c->arena, d->type);
	memcpy(c->hook, w->id.p, w->id.len < HOOK_ID_MAX ? w->id.len : HOOK_ID_MAX - 1);
	return c;
}

static enum rc
deliver(struct outbox *n, struct ctx *cx, const struct webhook *w, struct delivery *d)
{
	int64_t at_s = clock_wall_ms() / 1000;
	struct str body, signed_with;
	struct secret secret;
	enum rc rc;

	rc = body_of(n, cx, w, d, &body);
	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
		d->state = DELIVERY_GIVEN_UP;
		d->due_ms = 0;
		d->error = S("The event is not kept any more.");
		write_down(n, cx, d);
		return OK;
	}
	TRY(rc);
	TRY(store_webhook_secret(n->vault->store, cx, w->id, &secret));
	TRY(signature(cx, secret, d->id, at_s, body, &signed_with));
	send(n, w, new_call(n, w, d), body, str_printf(cx->arena, "%lld", (long long)at_s),
	    signed_with);
	return OK;
}

static size_t
room_for(struct outbox *n, const struct webhook *w)
{
	size_t room = EACH_MAX;

	pthread_mutex_lock(&n->lock);
	for (const struct call *c = n->calls; c != NULL; c = c->next)
		if (room > 0 && str_eq(str_of(c->hook), w->id))
			room--;
	pthread_mutex_unlock(&n->lock);
	return room;
}

static void
not_sent(struct ctx *cx, const struct webhook *w)
{
	log_event(LOG_ERROR, "webhook.not_sent", KV_STR("webhook", w->id),
	    KV_STR("why", str_of(cx->why)));
	ctx_clear(cx);
}

static enum rc
look_at(struct outbox *n, struct ctx *cx, const struct webhook *w, bool *full)
{
	struct vault *v = n->vault;
	size_t room = room_for(n, w), count;
	struct delivery *due;

	*full = room == 0;
	if (!w->enabled || room == 0)
		return OK;
	TRY(store_delivery_claim(v->store, cx, w->id, clock_now_ms(v->clock), STORE_CLOCK, LEASE_MS,
	    room, &due, &count));
	*full = count == room;
	/* What is claimed and cannot be sent comes again when its lease lapses, and holds nothing up. */
	for (size_t i = 0; i < count; i++)
		if (deliver(n, cx, w, &due[i]) != OK)
			not_sent(cx, w);
	return OK;
}

/* Sends what is due; *wait_ms is when to look again, unless one of the calls ends before. */
static enum rc
look(struct outbox *n, struct ctx *cx, int64_t *wait)
{
	struct vault *v = n->vault;
	struct webhook *hooks;
	int64_t next, now;
	bool full, any_full = false;
	size_t count;

	*wait = IDLE_MS;
	TRY(store_webhook_list(v->store, cx, &hooks, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(look_at(n, cx, &hooks[i], &full));
		any_full = any_full || full;
	}
	if (count == 0)
		return OK;
	TRY(store_delivery_next(v->store, cx, STORE_CLOCK, &next));
	now = clock_now_ms(v->clock);
	/* What a full receiver waits for is the end of a call, which wakes us. */
	if (next > now && next - now < *wait)
		*wait = next - now;
	else if (next > 0 && next <= now && !any_full)
		*wait = 0;
	return OK;
}

/* --- the thread --- */

static void
wait_changed(struct outbox *n, int64_t until_ms)
{
	struct timespec at = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };

	while (!n->look && !n->stop && n->ended == NULL && clock_mono_ms() < until_ms)
		if (pthread_cond_timedwait(&n->changed, &n->lock, &at) != 0)
			return;
}

static void *
run(void *arg)
{
	struct outbox *n = arg;
	struct arena *a = arena_new();
	int64_t wait = 0;
	bool stop = false;

	while (!stop) {
		struct call *ended;
		struct ctx cx;

		pthread_mutex_lock(&n->lock);
		wait_changed(n, clock_mono_ms() + wait);
		ended = n->ended;
		n->ended = NULL;
		n->look = false;
		stop = n->stop;
		pthread_mutex_unlock(&n->lock);
		ctx_init(&cx, a, n->vault->clock);
		cx.may_block = true;
		write_ended(n, &cx, ended);
		if (!stop && look(n, &cx, &wait) != OK) {
			log_event(LOG_WARN, "webhook.look", KV_STR("why", str_of(cx.why)));
			wait = FAILED_MS;
		}
		arena_reset(a);
	}
	arena_free(a);
	return NULL;
}

static void
on_clock(void *arg)
{
	outbox_wake(arg);
}

enum rc
outbox_start(struct ctx *cx, struct vault *v, struct outbox **out)
{
	struct outbox *n = mem_alloc(sizeof(*n));
	pthread_condattr_t attr;

	n->vault = v;
	n->client = http_client_new(S("valetkey"), S(""));
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&n->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&n->thread, NULL, run, n) != 0) {
		n->joined = true;
		outbox_free(n);
		return fail(cx, E_BUSY, "A thread could not be started.");
	}
	clock_on_change(v->clock, on_clock, n);
	*out = n;
	return OK;
}

void
outbox_wake(struct outbox *n)
{
	if (n == NULL)
		return;
	pthread_mutex_lock(&n->lock);
	n->look = true;
	pthread_cond_signal(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

/* The thread first, so that nobody begins a call; then the calls; then what they came to. */
void
outbox_stop(struct outbox *n)
{
	struct call *ended;
	struct arena *a;
	struct ctx cx;

	if (n == NULL || n->joined)
		return;
	clock_off_change(n->vault->clock, on_clock, n);
	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_cond_signal(&n->changed);
	pthread_mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
	n->joined = true;
	http_client_stop(n->client, STOP_MS);
	a = arena_new();
	ctx_init(&cx, a, n->vault->clock);
	cx.may_block = true;
	ended = n->ended;
	n->ended = NULL;
	write_ended(n, &cx, ended);
	arena_free(a);
}

void
outbox_free(struct outbox *n)
{
	if (n == NULL)
		return;
	outbox_stop(n);
	http_client_free(n->client);
	pthread_cond_destroy(&n->changed);
	pthread_mutex_destroy(&n->lock);
	free(n);
}
