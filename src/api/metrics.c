/* The tokens that a key may read, as Prometheus reads them. Each has samples of its own while there are
 * no more than CENSUS_NAMED; beyond that those that do not simply last have. */
#include "api/api_int.h"
#include "base/buf.h"
#include "vault/census.h"
#include "vault/counts.h"
#include "vault/provider.h"
#include "vault/skew.h"
#include "vault/told.h"

#define TEXT_MAX (4u << 20)

struct metric {
	const char *name, *help;
	double (*value)(const struct token *t, const struct forecast *forecast, int64_t now_ms);
};

static double
works_seconds(const struct token *t, const struct forecast *f, int64_t now_ms)
{
	(void)t;
	if (!forecast_needs_person(f) || f->until_ms == 0)
		return -1;
	return f->until_ms > now_ms ? (double)(f->until_ms - now_ms) / 1000 : 0;
}

static double
needs_person(const struct token *t, const struct forecast *f, int64_t now_ms)
{
	(void)f;
	(void)now_ms;
	return t->status != TOKEN_ACTIVE;
}

static double
failed_refreshes(const struct token *t, const struct forecast *f, int64_t now_ms)
{
	(void)f;
	(void)now_ms;
	return (double)t->attempts;
}

static double
proved_seconds(const struct token *t, const struct forecast *f, int64_t now_ms)
{
	(void)f;
	return (double)(now_ms - t->proved_ms) / 1000;
}

static const struct metric metrics[] = {
	{ "valetkey_token_works_seconds",
	    "For how long the token works without a person; -1 when no end is in sight.",
	    works_seconds },
	{ "valetkey_token_needs_person", "1 when its owner or its app's settings are needed.",
	    needs_person },
	{ "valetkey_token_failed_refreshes", "Refreshes that failed in a row.", failed_refreshes },
	{ "valetkey_token_proved_seconds", "How long ago the provider last answered with it.",
	    proved_seconds },
};

/* Of one token that has samples of its own. */
struct shown {
	struct token token;
	struct forecast forecast;
};

/* Names are letters, digits and spaces, and ids of providers no less plain: nothing to escape. */
static void
add_metric(
    struct buf *b, const struct metric *m, const struct shown *shown, size_t n, int64_t now_ms)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s gauge\n", m->name, m->help, m->name);
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%s{name=\"%.*s\",provider=\"%.*s\"} %.15g\n", m->name,
		    STR_ARG(shown[i].token.name), STR_ARG(shown[i].token.provider),
		    m->value(&shown[i].token, &shown[i].forecast, now_ms));
}

static void
add_head(struct buf *b, const char *name, const char *help, const char *type)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Nothing rather than a count of some, until all were looked at. */
static void
add_states(struct buf *b, const struct census *c, int64_t now_ms)
{
	bool known = c->tokens > 0 || c->ended_ms > 0;

	add_head(b, "valetkey_tokens", "Tokens by their outlook.", "gauge");
	for (int s = 0; known && s <= FORECAST_STOPPED; s++)
		buf_addf(b, "valetkey_tokens{outlook=\"%s\"} %lld\n",
		    forecast_word((enum forecast_state)s), (long long)c->counts[s]);
	add_head(
	    b, "valetkey_tokens_counted", "How many tokens the counts by outlook are of.", "gauge");
	buf_addf(b, "valetkey_tokens_counted %lld\n", (long long)c->tokens);
	add_head(b, "valetkey_tokens_counted_age_seconds",
	    "How old the counts by outlook are: each asking looks at 10000 tokens at most.",
	    "gauge");
	if (c->ended_ms > 0)
		buf_addf(b, "valetkey_tokens_counted_age_seconds %.15g\n",
		    (double)(now_ms - c->ended_ms) / 1000);
}

/* Of those that still work: the others are counted as stopped. */
static void
add_next_person(struct buf *b, const struct census *c, int64_t now_ms)
{
	add_head(b, "valetkey_next_person_seconds",
	    "Until the next working token needs a person; no sample while none is known to.",
	    "gauge");
	if (c->next_ms > 0)
		buf_addf(b, "valetkey_next_person_seconds %.15g\n",
		    c->next_ms > now_ms ? (double)(c->next_ms - now_ms) / 1000 : 0.0);
}

/* What the process did is for keys that may read everything. */
static void
add_process(struct buf *b, struct vault *v)
{
	static const struct {
		const char *name, *label;
		enum vault_count what;
	} rows[] = {
		{ "valetkey_refreshes_total", "outcome=\"success\"", COUNT_REFRESHED },
		{ "valetkey_refreshes_total", "outcome=\"failure\"", COUNT_REFRESH_FAILED },
		{ "valetkey_refreshes_total", "outcome=\"in_doubt\"", COUNT_REFRESH_IN_DOUBT },
		{ "valetkey_reads_total", "result=\"ok\"", COUNT_READ },
		{ "valetkey_reads_total", "result=\"refused\"", COUNT_READ_REFUSED },
	};
	const struct provider *p;
	int64_t skew_ms;
	size_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
			add_head(b, rows[i].name,
			    i == 0 ? "Refreshes by this process since its start."
				   : "Live access tokens asked of this process since its start.",
			    "counter");
		buf_addf(b, "%s{%s} %lld\n", rows[i].name, rows[i].label,
		    (long long)vault_count_get(v, rows[i].what));
	}
	add_head(b, "valetkey_provider_breaker_open",
	    "1 while calls to the provider pause, because several failed in a row.", "gauge");
	p = vault_providers(v, &n);
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "valetkey_provider_breaker_open{provider=\"%.*s\"} %d\n",
		    STR_ARG(p[i].id), vault_breaker_open(v, i));
	add_head(b, "valetkey_provider_clock_skew_seconds",
	    "The provider's clock less this machine's, by its newest reply; no sample before one.",
	    "gauge");
	for (size_t i = 0; i < n; i++)
		if (vault_skew(v, &p[i], &skew_ms))
			buf_addf(b,
			    "valetkey_provider_clock_skew_seconds{provider=\"%.*s\"} %.15g\n",
			    STR_ARG(p[i].id), (double)skew_ms / 1000);
}

/* As they are now; who is gone since they were counted is left out. */
static enum rc
read_shown(struct api *api, struct ctx *cx, const struct key_ref *key, const struct census *c,
    struct shown *out, size_t *count)
{
	enum rc rc;

	*count = 0;
	for (size_t i = 0; i < c->id_count; i++) {
		struct shown *s = &out[*count];

		if (!vault_key_allows(api->vault, key, c->ids[i]))
			continue;
		rc = vault_token_get(api->vault, cx, c->ids[i], &s->token);
		if (rc == E_NOTFOUND) {
			ctx_clear(cx);
			continue;
		}
		TRY(rc);
		s->forecast = vault_token_forecast(api->vault, cx, &s->token);
		(*count)++;
	}
	return OK;
}

enum rc
api_metrics(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	const struct key_ref *key = req->session;
	struct buf b = buf_in(cx->arena, TEXT_MAX);
	int64_t now_ms = clock_now_ms(cx->clock);
	struct census census;
	struct shown *shown;
	size_t n;

	TRY(vault_census(api->vault, cx, key, &census));
	shown = ARENA_ARRAY(cx->arena, struct shown, census.id_count + 1);
	TRY(read_shown(api, cx, key, &census, shown, &n));
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		add_metric(&b, &metrics[i], shown, n, now_ms);
	add_states(&b, &census, now_ms);
	add_next_person(&b, &census, now_ms);
	if (key->all_tokens)
		add_process(&b, api->vault);
	http_res_text(res, 200, buf_str(&b));
	return OK;
}
