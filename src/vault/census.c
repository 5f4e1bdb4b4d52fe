#include "vault/census.h"

#include <stdlib.h>

#include "vault/told.h"
#include "vault/vault_int.h"

#define PAGE 500
#define NAME_MAX_LEN 100

struct names {
	char ids[CENSUS_NAMED][ID_LEN + 1];
	size_t count;
};

/* One look at all tokens, or as far as it has come. */
struct round {
	int64_t counts[FORECAST_STOPPED + 1];
	int64_t tokens, next_ms, ended_ms;
	char after[NAME_MAX_LEN + 1]; /* it goes on behind this name */
	struct names first, needy;
};

struct census_keeper {
	pthread_mutex_t lock;      /* a leaf */
	struct round *going, *all; /* going: NULL while somebody is at it */
};

struct census_keeper *
census_keeper_new(void)
{
	struct census_keeper *k = mem_alloc(sizeof(*k));

	pthread_mutex_init(&k->lock, NULL);
	k->going = mem_alloc(sizeof(*k->going));
	k->all = mem_alloc(sizeof(*k->all));
	return k;
}

void
census_keeper_free(struct census_keeper *k)
{
	if (k == NULL)
		return;
	pthread_mutex_destroy(&k->lock);
	free(k->going);
	free(k->all);
	free(k);
}

static void
add_name(struct names *n, struct str id)
{
	if (n->count < CENSUS_NAMED && id.len <= ID_LEN)
		memcpy(n->ids[n->count++], id.p, id.len);
}

static void
count_token(struct vault *v, struct ctx *cx, const struct token *t, struct round *r)
{
	struct forecast f = vault_token_forecast(v, cx, t);

	r->counts[f.state]++;
	r->tokens++;
	if (f.state == FORECAST_ENDS && (r->next_ms == 0 || f.until_ms < r->next_ms))
		r->next_ms = f.until_ms;
	add_name(&r->first, t->id);
	if (f.state != FORECAST_LASTS)
		add_name(&r->needy, t->id);
}

/* *last: nothing is behind it. */
static enum rc
count_page(struct vault *v, struct ctx *cx, const struct key_ref *key, struct round *r, bool *last)
{
	struct token_page page = {
		.key = key->all_tokens ? S("") : key->id, .after = str_of(r->after), .max = PAGE
	};
	struct token *tokens;
	struct str name;
	size_t n;

	TRY(store_token_page(v->store, cx, &page, &tokens, &n));
	for (size_t i = 0; i < n; i++)
		count_token(v, cx, &tokens[i], r);
	*last = n < PAGE;
	if (*last)
		return OK;
	name = tokens[n - 1].name;
	if (name.len > NAME_MAX_LEN)
		return fail(cx, E_BUG, "A token has a name that is too long.");
	memset(r->after, 0, sizeof(r->after));
	memcpy(r->after, name.p, name.len);
	return OK;
}

/* Each page has memory of its own, so that a count of many costs no more than one of few. */
static enum rc
count_step(struct vault *v, struct ctx *cx, const struct key_ref *key, struct round *r)
{
	struct arena *kept = cx->arena;
	bool last = false;
	enum rc rc = OK;

	for (int i = 0; i < CENSUS_STEP / PAGE && rc == OK && !last; i++) {
		cx->arena = arena_new();
		rc = count_page(v, cx, key, r, &last);
		arena_free(cx->arena);
		cx->arena = kept;
	}
	if (last)
		r->ended_ms = clock_now_ms(v->clock);
	return rc;
}

static struct census
told_of(struct ctx *cx, const struct round *r)
{
	const struct names *names = r->tokens > CENSUS_NAMED ? &r->needy : &r->first;
	struct census out = { .tokens = r->tokens,
		.next_ms = r->next_ms,
		.ended_ms = r->ended_ms,
		.ids = ARENA_ARRAY(cx->arena, struct str, names->count + 1),
		.id_count = names->count };

	memcpy(out.counts, r->counts, sizeof(out.counts));
	for (size_t i = 0; i < names->count; i++)
		out.ids[i] = str_dup(cx->arena, str_of(names->ids[i]));
	return out;
}

/* The round that is under way; a new one, which only its asker will see, while another is at it. */
static struct round *
take(struct census_keeper *k, bool own, bool *kept)
{
	struct round *r = NULL;

	pthread_mutex_lock(&k->lock);
	if (!own) {
		r = k->going;
		k->going = NULL;
	}
	pthread_mutex_unlock(&k->lock);
	*kept = r != NULL;
	return r != NULL ? r : mem_alloc(sizeof(*r));
}

/* What was kept goes back, as the newest count of all if it is one; *r is what to tell then. */
static void
put_back(struct census_keeper *k, struct ctx *cx, struct round *r, bool failed, struct census *out)
{
	struct round *done = k->all;

	pthread_mutex_lock(&k->lock);
	if (!failed && r->ended_ms > 0) {
		k->all = r;
		r = done;
	}
	if (failed || r == done)
		memset(r, 0, sizeof(*r));
	k->going = r;
	if (!failed)
		*out = told_of(cx, k->all);
	pthread_mutex_unlock(&k->lock);
}

static struct census
newest(struct census_keeper *k, struct ctx *cx)
{
	struct census out;

	pthread_mutex_lock(&k->lock);
	out = told_of(cx, k->all);
	pthread_mutex_unlock(&k->lock);
	return out;
}

enum rc
vault_census(struct vault *v, struct ctx *cx, const struct key_ref *key, struct census *out)
{
	bool kept;
	struct round *r = take(v->census, !key->all_tokens, &kept);
	enum rc rc = count_step(v, cx, key, r);

	if (kept) {
		put_back(v->census, cx, r, rc != OK, out);
		return rc;
	}
	*out = told_of(cx, r);
	if (key->all_tokens && r->ended_ms == 0)
		*out = newest(v->census, cx);
	free(r);
	return rc;
}
