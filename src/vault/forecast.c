#include "vault/forecast.h"

#include "oauth/plan.h"
#include "store/refresh.h"
#include "vault/vault_int.h"

static const struct provider *
provider_of(const struct vault *v, struct str id)
{
	for (size_t i = 0; i < v->provider_count; i++)
		if (str_eq(v->providers[i].id, id))
			return &v->providers[i];
	return NULL;
}

static struct forecast
ends(int64_t until_ms, struct str because)
{
	return (struct forecast){ true, until_ms, because };
}

/* Until its access token ends, since nothing will renew it; unknown when that is unknown. */
static struct forecast
with_access(const struct token *t, struct str because)
{
	return (struct forecast){ t->expires_ms > 0, t->expires_ms, because };
}

/* Whether the refresh token may still be sent again without a person's risk. */
static bool
in_danger(const struct contract *c, const struct token *t, int64_t now_ms)
{
	if (t->attempt.stage == STAGE_SETTLED)
		return false;
	if (t->attempt.stage == STAGE_KEPT)
		return c->rotation != ROTATION_NONE;
	return !contract_forgives(c, t->attempt.first_ms, now_ms);
}

/* The refresh token's own death, where it is known. */
static struct forecast
of_refresh_token(
    struct ctx *cx, const struct provider *p, const struct contract *c, const struct token *t)
{
	int64_t aged = t->consented_ms + c->refresh_token_max_age_s * 1000;
	bool ages = c->refresh_token_max_age_s > 0 && c->max_age_from == AGE_FROM_CONSENT;

	if (t->refresh_expires_ms > 0 && (!ages || t->refresh_expires_ms < aged))
		return ends(t->refresh_expires_ms,
		    str_printf(cx->arena, "%s said that its refresh token ends then.", p->name.p));
	if (ages)
		return ends(aged,
		    str_printf(cx->arena, "%s ends a grant %lld days after its consent.", p->name.p,
			(long long)c->refresh_token_max_age_s / 86400));
	return (struct forecast){
		.because = str_printf(cx->arena,
		    "It renews itself until somebody takes the access away at %s.", p->name.p)
	};
}

void
vault_forecast(const struct vault *v, struct ctx *cx, const struct token *t, struct forecast *out)
{
	const struct provider *p = provider_of(v, t->provider);

	if (t->status == TOKEN_NEEDS_REAUTHORIZATION)
		*out = ends(t->status_ms, t->status_reason);
	else if (t->status == TOKEN_MISCONFIGURED)
		*out = with_access(t, t->status_reason);
	else if (!t->has_refresh)
		*out = with_access(t, S("The provider gave no refresh token to renew it with."));
	else if (p == NULL)
		*out = with_access(t, S("Its provider is not defined here any more."));
	else if (in_danger(&p->confidential, t, clock_now_ms(v->clock)))
		*out = with_access(t, t->last_error);
	else
		*out = of_refresh_token(cx, p, &p->confidential, t);
}
