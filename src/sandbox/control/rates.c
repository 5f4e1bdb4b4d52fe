#include "sandbox/control/rates.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"
#include "sandbox/control/input.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define SETTING S("limits")
#define CALLS_MAX 1000000000LL
#define WINDOW_MAX_S 86400

struct limit {
	int64_t calls; /* 0: off */
	int64_t window_s;
};

struct counter {
	int64_t since_ms; /* the first call of the window */
	int64_t calls;
};

struct rates {
	pthread_mutex_t lock;
	struct limit per_token, per_app;
	struct map *counters; /* "t" and the token's digest, or "a" and the app key */
	atomic_bool on;
};

const char *const rate_members[] = { "per_token", "per_app", NULL };

struct rates *
rates_new(void)
{
	struct rates *l = mem_alloc(sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	l->counters = map_new();
	return l;
}

void
rates_free(struct rates *l)
{
	if (l == NULL)
		return;
	map_free(l->counters, free);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void
forget_counters(struct rates *l)
{
	map_free(l->counters, free);
	l->counters = map_new();
}

static void
set(struct rates *l, struct limit per_token, struct limit per_app)
{
	pthread_mutex_lock(&l->lock);
	l->per_token = per_token;
	l->per_app = per_app;
	forget_counters(l);
	atomic_store(&l->on, per_token.calls > 0 || per_app.calls > 0);
	pthread_mutex_unlock(&l->lock);
}

static enum rc
read_limit(struct ctx *cx, const struct input *in, const char *name, struct limit *out)
{
	static const char *const members[] = { "calls", "window_s", NULL };
	struct str place = in->place.len > 0
	    ? str_printf(cx->arena, "%.*s.%s", STR_ARG(in->place), name)
	    : str_of(name);
	struct input limit;

	*out = (struct limit){ 0 };
	if (!input_has(in, name))
		return OK;
	TRY(input_object(cx, json_object_get(in->object, name), place, members, &limit));
	TRY(input_int(cx, &limit, "calls", (struct input_range){ 1, CALLS_MAX, 0 }, &out->calls));
	TRY(input_int(
	    cx, &limit, "window_s", (struct input_range){ 1, WINDOW_MAX_S, 60 }, &out->window_s));
	return out->calls > 0 ? OK : input_bad(cx, &limit, "calls", "is missing.");
}

static json_t *
limit_json(struct limit limit)
{
	json_t *o;

	if (limit.calls == 0)
		return json_null();
	o = json_object();
	json_put(o, "calls", json_integer(limit.calls));
	json_put(o, "window_s", json_integer(limit.window_s));
	return o;
}

static json_t *
rule_json(struct limit per_token, struct limit per_app)
{
	json_t *o = json_object();

	json_put(o, "per_token", limit_json(per_token));
	json_put(o, "per_app", limit_json(per_app));
	return o;
}

json_t *
rates_json(struct rates *l)
{
	json_t *o;

	pthread_mutex_lock(&l->lock);
	o = rule_json(l->per_token, l->per_app);
	pthread_mutex_unlock(&l->lock);
	return o;
}

enum rc
rates_put(struct sandbox *s, struct ctx *cx, const struct input *in)
{
	struct limit per_token, per_app;

	TRY(read_limit(cx, in, "per_token", &per_token));
	TRY(read_limit(cx, in, "per_app", &per_app));
	TRY(store_setting_put(
	    s, cx, SETTING, json_write(cx->arena, rule_json(per_token, per_app))));
	set(s->rates, per_token, per_app);
	return OK;
}

enum rc
rates_load(struct sandbox *s, struct ctx *cx)
{
	struct limit per_token = { 0 }, per_app = { 0 };
	struct input in;
	struct str text;
	json_t *value;

	TRY(store_setting_get(s, cx, SETTING, &text));
	if (text.len > 0) {
		TRY(json_read(cx, text, 3, &value));
		TRY(input_object(cx, value, S(""), rate_members, &in));
		TRY(read_limit(cx, &in, "per_token", &per_token));
		TRY(read_limit(cx, &in, "per_app", &per_app));
	}
	set(s->rates, per_token, per_app);
	return OK;
}

/* --- counting --- */

static struct counter *
counter_of(struct rates *l, struct str name)
{
	struct counter *c = map_get(l->counters, name);

	if (c != NULL)
		return c;
	if (map_count(l->counters) >= RATES_NAMES_MAX)
		forget_counters(l);
	c = mem_alloc(sizeof(*c));
	map_put(l->counters, name, c);
	return c;
}

/* Counts one call; the seconds until the next window when it is one too many, otherwise 0. */
static int64_t
count(struct rates *l, struct limit limit, struct str name, int64_t now_ms)
{
	int64_t window_ms = limit.window_s * SECOND_MS;
	struct counter *c;

	if (limit.calls == 0)
		return 0;
	c = counter_of(l, name);
	if (now_ms < c->since_ms || now_ms - c->since_ms >= window_ms)
		*c = (struct counter){ .since_ms = now_ms };
	if (++c->calls <= limit.calls)
		return 0;
	return (c->since_ms + window_ms - now_ms + SECOND_MS - 1) / SECOND_MS;
}

enum rc
rates_count(struct sandbox *s, struct ctx *cx, struct secret token, struct str app_key)
{
	struct rates *l = s->rates;
	struct str token_name, app_name;
	int64_t now_ms = clock_now_ms(s->clock), wait_s;
	bool of_app;

	if (!atomic_load_explicit(&l->on, memory_order_relaxed))
		return OK;
	token_name = str_printf(cx->arena, "t%.*s",
	    STR_ARG(crypto_mac_text(s->keys, cx->arena, S("sandbox.limits"), token)));
	app_name = str_printf(cx->arena, "a%.*s", STR_ARG(app_key));
	pthread_mutex_lock(&l->lock);
	wait_s = count(l, l->per_token, token_name, now_ms);
	of_app = wait_s == 0;
	if (of_app)
		wait_s = count(l, l->per_app, app_name, now_ms);
	pthread_mutex_unlock(&l->lock);
	if (wait_s == 0)
		return OK;
	fail_at(cx, E_BUSY, "too-many-requests", NULL,
	    "This %s has made more calls than its limit allows.", of_app ? "app" : "token");
	cx->retry_after_s = (int)wait_s;
	return E_BUSY;
}
