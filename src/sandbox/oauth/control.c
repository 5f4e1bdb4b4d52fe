/* The control API's rows about tokens: consent without a browser, personalities, ending tokens. */
#include "sandbox/console/apps.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/ask.h"
#include "sandbox/oauth/decide.h"
#include "sandbox/oauth/ending.h"
#include "sandbox/oauth/handlers.h"
#include "sandbox/oauth/personality.h"

#define QUERY_MAX 8192
#define EMAIL_MAX 254
#define SELECTOR_MAX 2048

static enum rc
emit_decided(struct ctx *cx, struct http_res *res, const struct decided *done)
{
	json_t *o = json_object();

	decided_put(o, done);
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

static enum rc
consent_account(struct sandbox *s, struct ctx *cx, const json_t *body, struct account *out)
{
	struct str email;
	enum rc rc;

	TRY(json_take_str(cx, body, "email", EMAIL_MAX, &email));
	rc = account_by_email(s, cx, email, out);
	if (rc != E_NOTFOUND)
		return rc;
	return fail_at(cx, E_INPUT, "no-account", "email", "No account has this e-mail address.");
}

static enum rc
consent_decide(struct sandbox *s, struct ctx *cx, const json_t *body, const struct asking *q,
    struct decided *out)
{
	struct account acct;
	struct str word;
	struct decision d = {
		.app = &q->app, .r = &q->r, .account = &acct, .signed_in_ms = clock_wall_ms()
	};

	TRY(json_take_str(cx, body, "decision", 8, &word));
	TRY(consent_account(s, cx, body, &acct));
	if (str_eq(word, S("deny"))) {
		decide_deny(cx, &q->r, out);
		return OK;
	}
	if (!str_eq(word, S("allow")))
		return fail_at(
		    cx, E_INPUT, "bad-field", "decision", "decision must be allow or deny.");
	TRY(decide_check(s, cx, &d));
	return decide_allow(s, cx, &d, out);
}

enum rc
control_consent(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct decided done = { 0 };
	struct asking q;
	struct str query;
	json_t *body;
	enum rc rc;

	TRY(json_read(cx, req->body, 2, &body));
	TRY(json_take_str(cx, body, "query", QUERY_MAX, &query));
	rc = asking_read(app, cx, query, &q);
	if (rc == E_INPUT)
		done.address = asking_refusal(cx, &q);
	if (rc == E_INPUT && done.address.len > 0)
		return emit_decided(cx, res, &done);
	TRY(rc);
	TRY(consent_decide(app, cx, body, &q, &done));
	return emit_decided(cx, res, &done);
}

static enum rc
named_app(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct app *out)
{
	enum rc rc = app_get(s, cx, req->args[0], out);

	if (rc != E_NOTFOUND)
		return rc;
	return fail_at(cx, E_NOTFOUND, "no-app", NULL, "No app has this app key.");
}

static void
emit_personality(struct ctx *cx, struct http_res *res, const struct personality *p)
{
	http_res_json(res, 200, json_write(cx->arena, personality_json(p)));
}

enum rc
control_personality_get(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct personality p;
	struct app found;

	TRY(named_app(app, cx, req, &found));
	TRY(personality_parse(cx, found.personality, &p));
	emit_personality(cx, res, &p);
	return OK;
}

enum rc
control_personality_put(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct personality p;
	struct app found;
	json_t *body;

	TRY(named_app(s, cx, req, &found));
	TRY(json_read(cx, req->body, 3, &body));
	TRY(personality_read(cx, body, &p));
	TRY(sql_exec(cx, s->db, NULL, "UPDATE apps SET personality = $1 WHERE app_key = $2",
	    SQL_ARGS(T(json_write(cx->arena, personality_json(&p))), T(found.key))));
	emit_personality(cx, res, &p);
	return OK;
}

/* Exactly one member says which. */
static enum rc
read_selector(struct ctx *cx, const struct http_req *req, struct ending *out)
{
	struct str value;
	int64_t given = 0;
	json_t *body;

	TRY(json_read(cx, req->body, 2, &body));
	for (int i = 0; i < ENDING_COUNT; i++) {
		TRY(json_take_str_opt(cx, body, ending_names[i], SELECTOR_MAX, &value));
		if (value.len == 0)
			continue;
		*out = (struct ending){ .by = (enum ending_by)i, .value = value };
		given++;
	}
	if (given == 1 && json_object_size(body) == 1)
		return OK;
	return fail_at(cx, E_INPUT, "bad-field", NULL,
	    "Say which with one of token, app_key, email, account_id, grant_id.");
}

static void
emit_ended(struct ctx *cx, struct http_res *res, const struct ended *n)
{
	json_t *o = json_object();

	json_put(o, "access_tokens", json_integer(n->access_tokens));
	json_put(o, "refresh_tokens", json_integer(n->refresh_tokens));
	json_put(o, "grants", json_integer(n->grants));
	http_res_json(res, 200, json_write(cx->arena, o));
}

enum rc
control_tokens_expire(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct ending which;
	struct ended n;

	TRY(read_selector(cx, req, &which));
	TRY(tokens_expire(app, cx, &which, &n));
	emit_ended(cx, res, &n);
	return OK;
}

enum rc
control_tokens_revoke(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct ending which;
	struct ended n;

	TRY(read_selector(cx, req, &which));
	TRY(tokens_revoke(app, cx, &which, &n));
	emit_ended(cx, res, &n);
	return OK;
}
