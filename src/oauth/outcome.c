#include "oauth/outcome.h"

#include "base/json.h"
#include "crypto/crypto.h"

#define JWT_MAX 16384
#define JWT_DEPTH 8

static const enum oauth_outcome of_transport[] = {
	[TRANSPORT_NOT_SENT] = OUTCOME_TRANSIENT,
	[TRANSPORT_REDIRECTED] = OUTCOME_TRANSIENT,
	[TRANSPORT_LOST] = OUTCOME_AMBIGUOUS,
	[TRANSPORT_TIMED_OUT] = OUTCOME_AMBIGUOUS,
	[TRANSPORT_TOO_LARGE] = OUTCOME_AMBIGUOUS,
	[TRANSPORT_CRASHED] = OUTCOME_AMBIGUOUS,
};

/* The first row that fits decides. status 0: any; about: a word of the description, NULL: any. RFC
 * 6749 section 5.2 and what providers say besides it: 200 with an error (Slack, GitHub, Zoho), 403
 * for a dead refresh token (Auth0, Atlassian), names of their own (OpenAI, Slack, GitHub, Zoho). */
static const struct {
	const char *error;
	int status;
	const char *about;
	enum oauth_outcome outcome;
} of_error[] = {
	{ "invalid_grant", 0, NULL, OUTCOME_REAUTHORIZE },
	{ "unauthorized_client", 403, "refresh_token", OUTCOME_REAUTHORIZE },
	{ "bad_refresh_token", 0, NULL, OUTCOME_REAUTHORIZE },
	{ "invalid_refresh_token", 0, NULL, OUTCOME_REAUTHORIZE },
	{ "refresh_token_reused", 0, NULL, OUTCOME_REAUTHORIZE },
	{ "refresh_token_expired", 0, NULL, OUTCOME_REAUTHORIZE },
	{ "refresh_token_invalidated", 0, NULL, OUTCOME_REAUTHORIZE },
	{ "invalid_code", 0, NULL, OUTCOME_REAUTHORIZE },
	{ "invalid_client", 0, NULL, OUTCOME_MISCONFIGURED },
	{ "incorrect_client_credentials", 0, NULL, OUTCOME_MISCONFIGURED },
	{ "unauthorized_client", 0, NULL, OUTCOME_MISCONFIGURED },
	{ "unsupported_grant_type", 0, NULL, OUTCOME_REFUSED },
	{ "invalid_request", 0, NULL, OUTCOME_REFUSED },
	{ "invalid_scope", 0, NULL, OUTCOME_REFUSED },
	{ "temporarily_unavailable", 0, NULL, OUTCOME_TRANSIENT },
	{ "slow_down", 0, NULL, OUTCOME_TRANSIENT },
	{ "server_error", 0, NULL, OUTCOME_AMBIGUOUS },
};

/* For answers without a word that we know. A gateway's 5xx says nothing about what happened behind
 * it, and a 408 may come from the middle as well. */
static const struct {
	int from, to;
	enum oauth_outcome outcome;
} of_status[] = {
	{ 408, 408, OUTCOME_AMBIGUOUS },
	{ 500, 599, OUTCOME_AMBIGUOUS },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Dropbox writes "invalid_client: Invalid client_id or client_secret" into `error`. */
static bool
error_fits(size_t row, const struct oauth_reply *r)
{
	struct str code = str_sub(r->error, 0, str_find(r->error, ':'));

	return str_eq(code, str_of(of_error[row].error)) &&
	    (of_error[row].status == 0 || of_error[row].status == r->status) &&
	    (of_error[row].about == NULL ||
		str_contains(r->error_description, str_of(of_error[row].about)));
}

enum oauth_outcome
oauth_classify(enum oauth_transport end, const struct oauth_reply *r)
{
	if (end != TRANSPORT_ANSWERED)
		return of_transport[end];
	if (r->has_tokens)
		return OUTCOME_TOKENS;
	/* Tokens, but none that can be used: what it holds must not be thrown away. */
	if (r->status < 300 && r->names_token)
		return OUTCOME_UNREADABLE;
	/* A page of somebody in between, or half a reply. */
	if (r->status < 300 && r->error.len == 0)
		return OUTCOME_AMBIGUOUS;
	/* A 5xx or 429 counts for more than the words in it. */
	for (size_t i = 0; i < COUNT(of_error) && r->status != 429; i++)
		if (error_fits(i, r))
			return r->status >= 500 && of_error[i].outcome != OUTCOME_TRANSIENT
			    ? OUTCOME_AMBIGUOUS
			    : of_error[i].outcome;
	for (size_t i = 0; i < COUNT(of_status); i++)
		if (r->status >= of_status[i].from && r->status <= of_status[i].to)
			return of_status[i].outcome;
	return OUTCOME_TRANSIENT;
}

enum oauth_outcome
oauth_believe(enum oauth_outcome outcome, const struct contract *c, bool after_ambiguous)
{
	bool forgiving = c->rotation == ROTATION_NONE || c->rotation == ROTATION_GRACE;

	return outcome == OUTCOME_REAUTHORIZE && after_ambiguous && forgiving ? OUTCOME_TRANSIENT
									      : outcome;
}

/* base64url without padding, as standard base64 with it. */
static struct str
standard_base64(struct arena *a, struct str s)
{
	size_t len = (s.len + 3) / 4 * 4;
	char *p = arena_alloc(a, len + 1);

	for (size_t i = 0; i < len; i++) {
		char c = i < s.len ? s.p[i] : '=';

		p[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	return (struct str){ p, len };
}

int64_t
oauth_jwt_exp(struct ctx *cx, struct secret token)
{
	struct str rest = secret_expose(token), head, payload, signature, json;
	int64_t exp = 0;
	json_t *obj;

	if (rest.len > JWT_MAX || !str_split(&rest, '.', &head) ||
	    !str_split(&rest, '.', &payload) || !str_split(&rest, '.', &signature) ||
	    rest.p != NULL || !str_starts(head, S("eyJ")))
		return 0;
	if (crypto_base64_decode(cx, standard_base64(cx->arena, payload), &json) == OK &&
	    json_read_lenient(cx, json, JWT_DEPTH, &obj) == OK && json_is_object(obj)) {
		const json_t *v = json_object_get(obj, "exp");

		/* NumericDate may have a fraction; 1e12 s is the year 33658. */
		if (json_is_number(v) && json_number_value(v) > 0 && json_number_value(v) < 1e12)
			exp = (int64_t)json_number_value(v);
	}
	ctx_clear(cx);
	return exp;
}

struct oauth_life
oauth_life(struct ctx *cx, const struct oauth_reply *reply, const struct contract *c,
    int64_t learned_s, int64_t sent_ms, int64_t skew_ms)
{
	int64_t exp_s;

	if (reply->expires_in_s > 0)
		return (struct oauth_life){ LIFE_REPLY, sent_ms + reply->expires_in_s * 1000 };
	exp_s = oauth_jwt_exp(cx, reply->access_token);
	if (exp_s > 0)
		return (struct oauth_life){ LIFE_JWT, exp_s * 1000 - skew_ms };
	if (c->access_life_s > 0)
		return (struct oauth_life){ LIFE_DEFINITION, sent_ms + c->access_life_s * 1000 };
	if (learned_s > 0)
		return (struct oauth_life){ LIFE_LEARNED, sent_ms + learned_s * 1000 };
	return (struct oauth_life){ 0 };
}
