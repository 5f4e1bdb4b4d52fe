/* What was learned about a provider, in words. What its definition says otherwise is said along. */
#include "vault/skew.h"
#include "vault/told.h"
#include "vault/vault_int.h"

#define SKEW_MIN_MS 5000 /* a reply's Date has whole seconds, and the reply was under way */

static struct told_fact
refresh_token(struct ctx *cx, const struct token *t, const struct contract *c, struct str name)
{
	const struct token_learned *l = &t->learned;
	bool rotates = c->rotation != ROTATION_NONE;
	struct told_fact f = { .since_ms = l->since_ms };
	const char *odd = "";
	const char *what;

	if (l->refreshes == 0)
		return f;
	if (l->rotations == l->refreshes) {
		f.value = "new";
		what = "brought a new refresh token";
	} else if (l->rotations > 0) {
		f.value = "sometimes-new";
		what = "brought a refresh token, not always a new one";
	} else if (l->returned > 0) {
		f.value = "same";
		what = "brought the same refresh token again";
	} else {
		f.value = "none";
		what = "brought no refresh token: the first one stays";
	}
	if (rotates && l->rotations == 0)
		odd = " Its definition says that each is replaced.";
	f.sentence = str_printf(cx->arena, "%s at %.*s %s.%s",
	    l->refreshes == 1 ? "The one refresh" : "The refreshes", STR_ARG(name), what, odd);
	return f;
}

static struct told_fact
old_access(struct ctx *cx, const struct token *t, const struct contract *c, struct str name)
{
	bool dies = t->learned.kills == OLD_ACCESS_DIES;
	struct told_fact f = { .since_ms = t->learned.kills_ms };

	if (t->learned.kills == OLD_ACCESS_UNKNOWN)
		return f;
	f.value = dies ? "dies" : "lives";
	f.sentence = str_printf(cx->arena, "At %.*s a refresh %s.%s", STR_ARG(name),
	    dies ? "ends the access token before it" : "leaves the access token before it working",
	    dies == c->refresh_kills_access ? "" : " Its definition says otherwise.");
	return f;
}

static struct told_fact
life(struct ctx *cx, const struct token *t, struct str name)
{
	int64_t s = t->learned.life_s;
	struct told_fact f = { .since_ms = t->learned.life_ms };

	if (s == 0)
		return f;
	f.seconds = s;
	f.sentence = str_printf(cx->arena,
	    "%.*s refused an access token at the age of %lld minutes, and does not tell how long "
	    "they live: they are renewed before that age.",
	    STR_ARG(name), (long long)s / 60);
	return f;
}

static struct told_fact
clock_of(struct vault *v, struct ctx *cx, const struct provider *p)
{
	struct told_fact f = { 0 };
	int64_t ms;

	if (p == NULL || !vault_skew(v, p, &ms))
		return f;
	f.seconds = ms / 1000;
	if (ms > -SKEW_MIN_MS && ms < SKEW_MIN_MS)
		f.sentence = str_printf(
		    cx->arena, "The clock of %.*s agrees with this machine's.", STR_ARG(p->name));
	else
		f.sentence = str_printf(cx->arena,
		    "The clock of %.*s is %lld seconds %s this machine's; the times that it "
		    "tells are corrected by that.",
		    STR_ARG(p->name), (long long)(ms < 0 ? -ms : ms) / 1000,
		    ms < 0 ? "behind" : "ahead of");
	return f;
}

void
vault_token_learned(
    struct vault *v, struct ctx *cx, const struct token *t, struct told_learned *out)
{
	struct secret some = secret_of(t->has_app_secret ? S("-") : S(""));
	const struct provider *p = NULL;
	struct contract c = { 0 };
	struct str name = t->provider;

	if (vault_provider(v, cx, t->provider, &p) == OK) {
		c = *provider_contract(p, some);
		name = p->name;
	} else {
		ctx_clear(cx);
		p = NULL;
	}
	*out = (struct told_learned){ .refresh_token = refresh_token(cx, t, &c, name),
		.old_access = old_access(cx, t, &c, name),
		.life = life(cx, t, name),
		.clock = clock_of(v, cx, p) };
}
