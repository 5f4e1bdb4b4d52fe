#include "oauth/contract.h"

#include <stdlib.h>

#define SECONDS_MAX (100LL * 365 * 86400)
#define GRACE_MARGIN_MS 10000
#define AGAIN_MS 1000

static const char *const rotations[] = {
	[ROTATION_NONE] = "none",
	[ROTATION_GRACE] = "grace",
	[ROTATION_SINGLE] = "single",
	[ROTATION_STRICT] = "strict",
};
static const char *const grace_ends[] = {
	[GRACE_SECONDS] = "seconds",
	[GRACE_R2_USED] = "r2_used",
	[GRACE_ACCESS_USED] = "access_used",
};
static const char *const age_froms[] = {
	[AGE_FROM_CONSENT] = "consent",
	[AGE_FROM_LAST_USE] = "last_use",
};

const char *
rotation_word(enum rotation r)
{
	return rotations[r];
}

static enum rc
take_word(struct ctx *cx, const json_t *obj, const char *name, const char *const *words,
    size_t count, size_t *out)
{
	struct str text;

	TRY(json_take_str(cx, obj, name, 32, &text));
	for (size_t i = 0; i < count; i++) {
		if (str_eq(text, str_of(words[i]))) {
			*out = i;
			return OK;
		}
	}
	return fail_at(cx, E_INPUT, "bad-field", name, "The field \"%s\" cannot be \"%.*s\".", name,
	    STR_ARG(text));
}

#define TAKE_WORD(cx, obj, name, words, out) \
	take_word(cx, obj, name, words, sizeof(words) / sizeof((words)[0]), out)

static enum rc
read_grace(struct ctx *cx, const json_t *obj, struct contract *out)
{
	static const char *const members[] = { "until", "max_s", NULL };
	const json_t *grace = json_object_get(obj, "grace");
	size_t until = 0;

	if ((grace != NULL) != (out->rotation == ROTATION_GRACE))
		return fail_at(cx, E_INPUT, "bad-field", "grace",
		    "The field \"grace\" belongs to the rotation \"grace\", and to no other.");
	if (grace == NULL)
		return OK;
	TRY(json_only_members(cx, grace, members));
	TRY(TAKE_WORD(cx, grace, "until", grace_ends, &until));
	out->grace_until = (enum grace_until)until;
	TRY(json_take_int_opt(cx, grace, "max_s", 0, SECONDS_MAX, &out->grace_max_s));
	if (out->grace_until == GRACE_SECONDS && out->grace_max_s == 0)
		return fail_at(cx, E_INPUT, "bad-field", "max_s",
		    "A grace of seconds needs the field \"max_s\".");
	return OK;
}

enum rc
contract_read(struct ctx *cx, const json_t *obj, struct contract *out)
{
	static const char *const members[] = { "rotation", "grace", "refresh_kills_access",
		"refresh_token_idle_s", "refresh_token_max_age_s", "from", "access_life_s", NULL };
	size_t word = 0;

	*out = (struct contract){ 0 };
	TRY(json_only_members(cx, obj, members));
	TRY(TAKE_WORD(cx, obj, "rotation", rotations, &word));
	out->rotation = (enum rotation)word;
	TRY(read_grace(cx, obj, out));
	TRY(json_take_bool_opt(cx, obj, "refresh_kills_access", &out->refresh_kills_access));
	TRY(json_take_int_opt(
	    cx, obj, "refresh_token_idle_s", 0, SECONDS_MAX, &out->refresh_token_idle_s));
	TRY(json_take_int_opt(
	    cx, obj, "refresh_token_max_age_s", 0, SECONDS_MAX, &out->refresh_token_max_age_s));
	TRY(json_take_int_opt(cx, obj, "access_life_s", 0, SECONDS_MAX, &out->access_life_s));
	if (json_object_get(obj, "from") == NULL)
		return OK;
	TRY(TAKE_WORD(cx, obj, "from", age_froms, &word));
	out->max_age_from = (enum max_age_from)word;
	return OK;
}

/* What of a grace is not used: a request takes its time to the provider. */
static int64_t
grace_margin_ms(const struct contract *c)
{
	int64_t half = c->grace_max_s * 500;

	return half < GRACE_MARGIN_MS ? half : GRACE_MARGIN_MS;
}

bool
contract_forgives(const struct contract *c, int64_t sent_ms, int64_t now_ms)
{
	if (c->rotation == ROTATION_NONE)
		return true;
	if (c->rotation != ROTATION_GRACE)
		return false;
	/* A clock that was set back does not tell how long ago it was: not for less than it shows. */
	return c->grace_max_s == 0 ||
	    llabs(now_ms - sent_ms) < c->grace_max_s * 1000 - grace_margin_ms(c);
}

int64_t
contract_again_by_ms(const struct contract *c, int64_t sent_ms, int64_t now_ms)
{
	int64_t margin = grace_margin_ms(c), by = sent_ms + c->grace_max_s * 1000 - margin * 3 / 2;

	if (c->rotation != ROTATION_GRACE || c->grace_max_s == 0 ||
	    !contract_forgives(c, sent_ms, now_ms))
		return INT64_MAX;
	return by < now_ms + AGAIN_MS ? now_ms + AGAIN_MS : by;
}
