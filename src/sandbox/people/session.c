#include "sandbox/people/session.h"

#include "sandbox/core/reach.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/core/text.h"
#include "sandbox/people/handlers.h"
#include "base/throttle.h"

#define SESSION_LIFE_MS DAY_MS
#define COOKIE_LEN 43
#define FAILURES_A_MINUTE 10
#define EMAIL_MAX 254

static struct str
digest_of(struct sandbox *s, struct ctx *cx, struct secret cookie)
{
	return crypto_digest(s->keys, cx->arena, S("sandbox.session"), cookie);
}

enum rc
session_load(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct session *out)
{
	struct db_stmt *st;
	struct str value, account_id;
	bool row;

	*out = (struct session){ 0 };
	if (!http_req_cookie(req, reach_cookie_name(s, req), &value) || value.len != COOKIE_LEN)
		return OK;
	out->cookie = secret_of(value);
	out->digest = digest_of(s, cx, out->cookie);
	TRY(sql_bind(cx, s->db,
	    "SELECT account_id, created_ms FROM sessions WHERE digest = $1 AND created_ms > $2",
	    SQL_ARGS(B(out->digest), I(clock_wall_ms() - SESSION_LIFE_MS)), &st));
	TRY(db_step(cx, st, &row));
	if (!row)
		return OK;
	account_id = db_col_text(st, 0, cx->arena);
	out->created_ms = db_col_int(st, 1);
	db_done(st);
	out->signed_in = true;
	return account_get(s, cx, account_id, &out->account);
}

struct str
session_csrf(struct sandbox *s, struct ctx *cx, const struct session *sess)
{
	return crypto_mac_text(s->keys, cx->arena, S("sandbox.csrf"), sess->cookie);
}

static void
give_cookie(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct session *sess,
    struct http_res *res)
{
	sess->cookie = crypto_random_token(cx->arena);
	sess->digest = digest_of(s, cx, sess->cookie);
	http_res_cookie(res, reach_cookie_name(s, req), secret_expose(sess->cookie),
	    reach_cookie_flags(s, req));
}

static enum rc
emit(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct session *sess,
    struct http_res *res)
{
	json_t *o = json_object();

	json_put(o, "csrf", json_str(session_csrf(s, cx, sess)));
	json_put(o, "account", sess->signed_in ? account_json(cx, &sess->account) : json_null());
	json_put(o, "public_url", json_str(reach_url(s, req)));
	json_put(o, "console_url", json_str(s->public_url));
	json_put(o, "now_ms", json_integer(clock_now_ms(s->clock)));
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

enum rc
web_session(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct session *sess = req->session;

	if (secret_empty(sess->cookie))
		give_cookie(s, cx, req, sess, res);
	return emit(s, cx, req, sess, res);
}

/* Ends the session of that digest; what it was looking at can be taken up by the next one. */
static enum rc
end_session(struct sandbox *s, struct ctx *cx, struct str digest)
{
	TRY(sql_exec(cx, s->db, NULL,
	    "UPDATE requests SET session_digest = NULL"
	    " WHERE session_digest = $1",
	    SQL_ARGS(B(digest))));
	return sql_exec(
	    cx, s->db, NULL, "DELETE FROM sessions WHERE digest = $1", SQL_ARGS(B(digest)));
}

static enum rc
start_session(
    struct sandbox *s, struct ctx *cx, const struct session *old, const struct session *new)
{
	int64_t now = clock_wall_ms();

	TRY(sql_exec(cx, s->db, NULL, "DELETE FROM sessions WHERE created_ms <= $1",
	    SQL_ARGS(I(now - SESSION_LIFE_MS))));
	TRY(end_session(s, cx, old->digest));
	return sql_exec(cx, s->db, NULL,
	    "INSERT INTO sessions (digest, account_id, created_ms) VALUES ($1, $2, $3)",
	    SQL_ARGS(B(new->digest), T(new->account.id), I(now)));
}

static enum rc
find_account(struct sandbox *s, struct ctx *cx, struct str email, struct account *out)
{
	enum rc rc;

	TRY(store_enter(s, cx, STORE_READ));
	rc = account_by_email(s, cx, email, out);
	rc = store_leave(s, cx, STORE_READ, rc);
	if (rc != E_NOTFOUND)
		return rc;
	ctx_clear(cx);
	*out = (struct account){ 0 }; /* nobody: the check takes as long and fails */
	return OK;
}

/* The hash is worked out without holding the store: it takes a while. */
static enum rc
check_password(struct sandbox *s, struct ctx *cx, struct str email, struct secret password,
    struct account *out)
{
	bool right;

	TRY(throttle_check(s->sign_ins, cx, email, FAILURES_A_MINUTE));
	TRY(find_account(s, cx, email, out));
	right = account_password_ok(s, cx, out, password);
	if (right) {
		throttle_forget(s->sign_ins, email);
		return OK;
	}
	throttle_failed(s->sign_ins, email);
	fail_at(cx, E_AUTH, "wrong-sign-in", "password",
	    "The e-mail address or the password is wrong.");
	return fail_todo(cx, "The sign-ins were printed where the sandbox was started.");
}

static enum rc
read_sign_in(struct ctx *cx, const struct http_req *req, struct str *email, struct secret *password)
{
	json_t *body;

	TRY(json_read(cx, req->body, 4, &body));
	TRY(json_take_str(cx, body, "email", EMAIL_MAX, email));
	TRY(json_take_secret(cx, body, "password", PASSWORD_MAX, password));
	*email = text_fold(cx->arena, str_trim(*email));
	return OK;
}

enum rc
web_sign_in(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct session *old = req->session, new = { .signed_in = true };
	struct secret password;
	struct str email, hash = { 0 };
	enum rc rc;

	TRY(read_sign_in(cx, req, &email, &password));
	TRY(check_password(s, cx, email, password, &new.account));
	if (new.account.password_hash.len == 0)
		hash = crypto_password_hash(cx->arena, password);
	give_cookie(s, cx, req, &new, res);
	TRY(store_enter(s, cx, STORE_WRITE));
	rc = start_session(s, cx, old, &new);
	if (rc == OK && hash.len > 0)
		rc = account_password_keep(s, cx, &new.account, hash);
	TRY(store_leave(s, cx, STORE_WRITE, rc));
	return emit(s, cx, req, &new, res);
}

enum rc
web_sign_out(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	struct session *old = req->session, fresh = { 0 };

	TRY(end_session(s, cx, old->digest));
	give_cookie(s, cx, req, &fresh, res);
	return emit(s, cx, req, &fresh, res);
}
