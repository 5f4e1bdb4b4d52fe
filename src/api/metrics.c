/* The tokens that a key may read, as Prometheus reads them. */
#include "api/api_int.h"
#include "base/buf.h"
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
	http_res_text(res, 200, buf_str(&b));
	return OK;
}
