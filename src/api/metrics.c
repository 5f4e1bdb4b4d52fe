/* The tokens that a key may read, as Prometheus reads them. */
#include "api/api_int.h"
#include "base/buf.h"
#include "vault/counts.h"
#include "vault/provider.h"
#include "vault/skew.h"
#include "vault/told.h"

#define TEXT_MAX (64u << 20)

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

/* Names are letters, digits and spaces, and ids of providers no less plain: nothing to escape. */
static void
add_metric(struct buf *b, const struct metric *m, const struct token *tokens,
    const struct forecast *forecasts, size_t n, int64_t now_ms)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s gauge\n", m->name, m->help, m->name);
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%s{name=\"%.*s\",provider=\"%.*s\"} %.15g\n", m->name,
		    STR_ARG(tokens[i].name), STR_ARG(tokens[i].provider),
		    m->value(&tokens[i], &forecasts[i], now_ms));
}

static void
add_head(struct buf *b, const char *name, const char *help, const char *type)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
add_states(struct buf *b, const struct forecast *forecasts, size_t n)
{
	int64_t counts[FORECAST_STOPPED + 1] = { 0 };

	for (size_t i = 0; i < n; i++)
		counts[forecasts[i].state]++;
	add_head(b, "valetkey_tokens", "Tokens by their outlook.", "gauge");
	for (int s = 0; s <= FORECAST_STOPPED; s++)
		buf_addf(b, "valetkey_tokens{outlook=\"%s\"} %lld\n",
		    forecast_word((enum forecast_state)s), (long long)counts[s]);
}

/* Of those that still work: the others are counted as stopped. */
static void
add_next_person(struct buf *b, const struct forecast *forecasts, size_t n, int64_t now_ms)
{
	int64_t next = 0;

	for (size_t i = 0; i < n; i++)
		if (forecasts[i].state == FORECAST_ENDS &&
		    (next == 0 || forecasts[i].until_ms < next))
			next = forecasts[i].until_ms;
	add_head(b, "valetkey_next_person_seconds",
	    "Until the next working token needs a person; no sample while none is known to.",
	    "gauge");
	if (next > 0)
		buf_addf(b, "valetkey_next_person_seconds %.15g\n",
		    next > now_ms ? (double)(next - now_ms) / 1000 : 0.0);
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

enum rc
api_metrics(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct buf b = buf_in(cx->arena, TEXT_MAX);
	int64_t now_ms = clock_now_ms(cx->clock);
	struct forecast *forecasts;
	struct told told;
	struct token *tokens;
	size_t all, n = 0;

	TRY(vault_token_list(api->vault, cx, &tokens, &all));
	forecasts = ARENA_ARRAY(cx->arena, struct forecast, all + 1);
	for (size_t i = 0; i < all; i++) {
		if (!vault_key_allows(api->vault, req->session, tokens[i].id))
			continue;
		tokens[n] = tokens[i];
		vault_token_told(api->vault, cx, &tokens[n], &told);
		forecasts[n] = told.forecast;
		n++;
	}
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		add_metric(&b, &metrics[i], tokens, forecasts, n, now_ms);
	add_states(&b, forecasts, n);
	add_next_person(&b, forecasts, n, now_ms);
	if (((const struct key_ref *)req->session)->all_tokens)
		add_process(&b, api->vault);
	http_res_text(res, 200, buf_str(&b));
	return OK;
}
