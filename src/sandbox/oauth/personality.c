#include "sandbox/oauth/personality.h"

#define SECONDS_MAX (10LL * 365 * 24 * 3600)
#define GRACE_DEFAULT_S 600

static const char *const rotations[] = { "none", "grace", "single", "strict", NULL };
static const char *const untils[] = { "seconds", "r2_used", "access_used", NULL };
static const char *const repeats[] = { "new", "same", NULL };
static const char *const afters[] = { "dead", "strict", NULL };
static const char *const ages[] = { "consent", "issue", NULL };
static const char *const expiries[] = { "number", "text", "absent", "zero", NULL };

static enum rc
bad(struct ctx *cx, const char *name, const char *what)
{
	return fail_at(cx, E_INPUT, "bad-field", name, "%s must be %s.", name, what);
}

static const char *
list_of(struct ctx *cx, const char *const *words)
{
	struct str all = S("one of");

	for (size_t i = 0; words[i] != NULL; i++)
		all = str_printf(cx->arena, "%.*s%s %s", STR_ARG(all), i == 0 ? "" : ",", words[i]);
	return all.p;
}

/* Absent: *out stays as it is. */
static enum rc
take_word(struct ctx *cx, const json_t *o, const char *name, const char *const *words, int *out)
{
	const json_t *v = json_object_get(o, name);
	const char *text = json_string_value(v);

	if (v == NULL)
		return OK;
	for (int i = 0; text != NULL && words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return OK;
		}
	}
	return bad(cx, name, list_of(cx, words));
}

static enum rc
take_seconds(struct ctx *cx, const json_t *o, const char *name, int64_t *out)
{
	const json_t *v = json_object_get(o, name);

	if (v == NULL)
		return OK;
	if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > SECONDS_MAX)
		return bad(cx, name, "a whole number of seconds, from 1 to ten years");
	*out = json_integer_value(v);
	return OK;
}

static enum rc
only(struct ctx *cx, const json_t *o, const char *const *known)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)o, name, v) {
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], name) != 0)
			i++;
		if (known[i] == NULL)
			return fail_at(cx, E_INPUT, "unknown-field", NULL,
			    "A personality has no member %.40s.", name);
	}
	return OK;
}

static enum rc
read_grace(struct ctx *cx, const json_t *o, struct personality *p)
{
	static const char *const known[] = { "until", "max_s", "repeat", "after", NULL };
	const json_t *g = json_object_get(o, "grace");
	int until = 0, repeat = 0, after = 0;

	p->grace_max_s = GRACE_DEFAULT_S;
	if (g == NULL)
		return OK;
	if (!json_is_object(g))
		return bad(cx, "grace", "an object");
	if (p->rotation != ROTATION_GRACE)
		return fail_at(
		    cx, E_INPUT, "bad-field", "grace", "grace belongs to the rotation grace only.");
	TRY(only(cx, g, known));
	TRY(take_word(cx, g, "until", untils, &until));
	TRY(take_seconds(cx, g, "max_s", &p->grace_max_s));
	TRY(take_word(cx, g, "repeat", repeats, &repeat));
	TRY(take_word(cx, g, "after", afters, &after));
	p->until = (enum grace_until)until;
	p->repeat_same = repeat == 1;
	p->after_strict = after == 1;
	return OK;
}

static enum rc
read_lives(struct ctx *cx, const json_t *o, struct personality *p)
{
	int from = 0, expires = 0;

	TRY(take_seconds(cx, o, "refresh_token_idle_s", &p->idle_s));
	TRY(take_seconds(cx, o, "refresh_token_max_age_s", &p->max_age_s));
	TRY(take_word(cx, o, "max_age_from", ages, &from));
	if (json_object_get(o, "max_age_from") != NULL && p->max_age_s == 0)
		return fail_at(cx, E_INPUT, "bad-field", "max_age_from",
		    "max_age_from needs a refresh_token_max_age_s.");
	TRY(take_word(cx, o, "expires_in", expiries, &expires));
	TRY(take_seconds(cx, o, "access_life_s", &p->access_life_s));
	p->age_from_issue = from == 1;
	p->expires_in = (enum expires_as)expires;
	return OK;
}

enum rc
personality_read(struct ctx *cx, const json_t *o, struct personality *out)
{
	static const char *const known[] = { "rotation", "grace", "refresh_kills_access",
		"refresh_token_idle_s", "refresh_token_max_age_s", "max_age_from", "expires_in",
		"access_life_s", NULL };
	int rotation = 0;

	*out = (struct personality){ 0 };
	if (!json_is_object(o))
		return fail_at(
		    cx, E_INPUT, "bad-field", NULL, "A personality must be a JSON object.");
	TRY(only(cx, o, known));
	TRY(take_word(cx, o, "rotation", rotations, &rotation));
	out->rotation = (enum rotation)rotation;
	TRY(json_take_bool_opt(cx, o, "refresh_kills_access", &out->refresh_kills_access));
	TRY(read_grace(cx, o, out));
	return read_lives(cx, o, out);
}

enum rc
personality_parse(struct ctx *cx, struct str text, struct personality *out)
{
	json_t *o;

	*out = (struct personality){ .grace_max_s = GRACE_DEFAULT_S };
	if (text.len == 0)
		return OK;
	if (json_read(cx, text, 3, &o) == OK && personality_read(cx, o, out) == OK)
		return OK;
	return fail(cx, E_BUG, "The stored personality of an app cannot be read.");
}

static void
put_seconds(json_t *o, const char *name, int64_t value)
{
	if (value > 0)
		json_put(o, name, json_integer(value));
}

json_t *
personality_json(const struct personality *p)
{
	json_t *o = json_object(), *g;

	json_put(o, "rotation", json_string(rotations[p->rotation]));
	if (p->rotation == ROTATION_GRACE) {
		g = json_object();
		json_put(g, "until", json_string(untils[p->until]));
		json_put(g, "max_s", json_integer(p->grace_max_s));
		json_put(g, "repeat", json_string(repeats[p->repeat_same]));
		json_put(g, "after", json_string(afters[p->after_strict]));
		json_put(o, "grace", g);
	}
	if (p->refresh_kills_access)
		json_put(o, "refresh_kills_access", json_true());
	put_seconds(o, "refresh_token_idle_s", p->idle_s);
	put_seconds(o, "refresh_token_max_age_s", p->max_age_s);
	if (p->max_age_s > 0)
		json_put(o, "max_age_from", json_string(ages[p->age_from_issue]));
	if (p->expires_in != EXPIRES_NUMBER)
		json_put(o, "expires_in", json_string(expiries[p->expires_in]));
	put_seconds(o, "access_life_s", p->access_life_s);
	return o;
}
