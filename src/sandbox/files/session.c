/* files/upload_session/start, append, append_v2 and finish. */
#include "sandbox/files/session.h"

#include "sandbox/api/values.h"
#include "sandbox/core/state.h"
#include "sandbox/files/handlers.h"

#define SESSION_ID_MAX 128
#define COME_AGAIN_MS 20

struct session_owner
session_owner_of(const struct caller *who)
{
	return (struct session_owner){ who->account.id, who->app_key };
}

enum rc
session_wait(struct http_res *res, enum rc rc)
{
	if (rc == E_AGAIN)
		res->again_ms = COME_AGAIN_MS;
	return rc;
}

enum rc
session_cursor_read(struct ctx *cx, const json_t *arg, struct session_cursor *out)
{
	static const char *const names[] = { "session_id", "offset", NULL };

	*out = (struct session_cursor){ .offset = -1 };
	if (!json_is_object(arg))
		return fail(cx, E_INPUT, "request body: missing required field 'cursor'");
	TRY(api_check_members(cx, arg, names));
	TRY(api_arg_str(cx, arg, "session_id", SESSION_ID_MAX, &out->id));
	TRY(value_int(cx, arg, "offset", 0, INT64_MAX, &out->offset));
	if (out->id.p == NULL)
		return fail(cx, E_INPUT, "request body: missing required field 'session_id'");
	if (out->offset < 0)
		return fail(cx, E_INPUT, "request body: missing required field 'offset'");
	return OK;
}

/* The hash of what this one request brought. */
static enum rc
check_body_hash(struct ctx *cx, const struct http_req *req, struct str hash)
{
	struct content c;

	if (hash.len == 0)
		return OK;
	TRY(content_measure(cx, req->body_fd, &c));
	return content_hash_check(cx, hash, &c);
}

static enum rc
refuse(struct ctx *cx, const char *tag)
{
	return fail_at(cx, E_CONFLICT, tag, NULL, "The upload session does not allow this.");
}

static enum rc
read_type(struct ctx *cx, const json_t *arg, bool *concurrent)
{
	const json_t *value = json_object_get(arg, "session_type");
	struct str tag = str_of(value_tag_of(value));

	*concurrent = str_eq(tag, S("concurrent"));
	if (value == NULL || json_is_null(value) || *concurrent || str_eq(tag, S("sequential")))
		return OK;
	return fail(cx, E_INPUT, "request body: session_type: expected sequential or concurrent");
}

static enum rc
read_start(struct ctx *cx, const struct http_req *req, struct upload_session *u)
{
	static const char *const names[] = { "close", "session_type", "content_hash", NULL };
	struct str hash;
	json_t *arg;

	TRY(upload_type_check(cx, req));
	TRY(api_header_arg_opt(cx, req, names, &arg));
	TRY(api_arg_bool(cx, arg, "close", &u->closed));
	TRY(read_type(cx, arg, &u->concurrent));
	TRY(content_hash_read(cx, arg, &hash));
	u->size = req->body_len;
	if (u->concurrent && u->size > 0)
		return refuse(cx, "concurrent_session_data_not_allowed");
	if (u->concurrent && u->closed)
		return refuse(cx, "concurrent_session_close_not_allowed");
	return check_body_hash(cx, req, hash);
}

enum rc
api_session_start(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct upload_session u = { .owner = session_owner_of(req->session) };
	json_t *o;
	enum rc rc;

	TRY(read_start(cx, req, &u));
	TRY(store_enter(app, cx, STORE_WRITE));
	rc = sessions_tidy(app, cx);
	if (rc == OK)
		rc = session_start(app, cx, &u, req->body_path);
	rc = store_leave(app, cx, STORE_WRITE, rc);
	if (rc != OK) {
		session_file_remove(app, req->body_path);
		return rc;
	}
	o = json_object();
	json_put(o, "session_id", json_str(u.id));
	api_json(cx, res, 200, o);
	return OK;
}

static enum rc
append(struct sandbox *s, struct ctx *cx, const struct http_req *req,
    const struct session_cursor *at, bool close)
{
	const struct session_owner owner = session_owner_of(req->session);
	const struct session_piece piece = {
		.fd = req->body_fd, .len = req->body_len, .offset = at->offset, .close = close
	};
	struct upload_session u;
	enum rc rc;

	TRY(session_take(s, cx, &owner, at->id, &u));
	rc = session_append(s, cx, &u, &piece);
	session_let_go(&u);
	return rc;
}

enum rc
api_session_append(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "cursor", "close", "content_hash", NULL };
	struct session_cursor at;
	bool close = false;
	struct str hash;
	json_t *arg;

	TRY(upload_type_check(cx, req));
	TRY(api_header_arg(cx, req, names, &arg));
	TRY(session_cursor_read(cx, json_object_get(arg, "cursor"), &at));
	TRY(api_arg_bool(cx, arg, "close", &close));
	TRY(content_hash_read(cx, arg, &hash));
	TRY(check_body_hash(cx, req, hash));
	TRY(session_wait(res, append(app, cx, req, &at, close)));
	api_json(cx, res, 200, json_null());
	return OK;
}

enum rc
api_session_append_v1(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "session_id", "offset", NULL };
	struct session_cursor at;
	json_t *arg;

	TRY(upload_type_check(cx, req));
	TRY(api_header_arg(cx, req, names, &arg));
	TRY(session_cursor_read(cx, arg, &at));
	TRY(session_wait(res, append(app, cx, req, &at, false)));
	api_json(cx, res, 200, json_null());
	return OK;
}

enum rc
session_finish_read(
    struct ctx *cx, const struct caller *who, const json_t *arg, struct session_finish *out)
{
	static const char *const names[] = { COMMIT_NAMES, NULL };
	const json_t *commit = json_object_get(arg, "commit");

	TRY(session_cursor_read(cx, json_object_get(arg, "cursor"), &out->cursor));
	if (!json_is_object(commit))
		return fail(cx, E_INPUT, "request body: missing required field 'commit'");
	TRY(api_check_members(cx, commit, names));
	return commit_read(cx, who, commit, &out->commit);
}

/* What is wrong with the session itself is below "lookup_failed". */
static enum rc
as_lookup(struct ctx *cx, enum rc rc)
{
	if (rc == E_CONFLICT && cx->code != NULL && strcmp(cx->code, "not_found") != 0 &&
	    str_starts(str_of(cx->code), S("concurrent_")))
		return rc;
	return api_under(cx, rc, "lookup_failed");
}

static enum rc
write_it(struct sandbox *s, struct ctx *cx, const struct caller *who,
    const struct upload_session *u, const struct commit *commit, const struct content *c,
    struct file *made, bool *used)
{
	enum rc rc;

	TRY(store_enter(s, cx, STORE_WRITE));
	rc = api_under(cx, commit_write(s, cx, who, commit, c, made, used), "path");
	if (rc == OK)
		rc = session_end(s, cx, u);
	return store_leave(s, cx, STORE_WRITE, rc);
}

enum rc
session_commit(struct sandbox *s, struct ctx *cx, const struct caller *who,
    struct upload_session *u, const struct session_finish *f, int64_t size, struct file *made)
{
	struct content c;
	bool used = false;
	enum rc rc;

	TRY(as_lookup(cx, session_seal(s, cx, u, size, &c)));
	rc = write_it(s, cx, who, u, &f->commit, &c, made, &used);
	if (rc != OK || !used)
		content_unplace(s, cx, c.id);
	if (rc == OK)
		session_file_remove(s, u->id);
	return rc;
}

/* The last piece comes with the call, unless the session is closed or takes its pieces in any order. */
static enum rc
finish(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct upload_session *u,
    const struct session_finish *f, struct file *made)
{
	const struct session_piece piece = {
		.fd = req->body_fd, .len = req->body_len, .offset = f->cursor.offset
	};

	if (u->concurrent && req->body_len > 0)
		return refuse(cx, "concurrent_session_data_not_allowed");
	if (u->concurrent && !u->closed)
		return refuse(cx, "concurrent_session_not_closed");
	if (req->body_len > 0)
		TRY(as_lookup(cx, session_append(s, cx, u, &piece)));
	return session_commit(s, cx, req->session, u, f, f->cursor.offset + req->body_len, made);
}

enum rc
api_session_finish(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "cursor", "commit", "content_hash", NULL };
	const struct session_owner owner = session_owner_of(req->session);
	struct session_finish f;
	struct upload_session u;
	struct str hash;
	struct file made;
	json_t *arg;
	enum rc rc;

	TRY(upload_type_check(cx, req));
	TRY(api_header_arg(cx, req, names, &arg));
	TRY(session_finish_read(cx, req->session, arg, &f));
	TRY(content_hash_read(cx, arg, &hash));
	TRY(check_body_hash(cx, req, hash));
	rc = session_take(app, cx, &owner, f.cursor.id, &u);
	TRY(session_wait(res, as_lookup(cx, rc)));
	rc = finish(app, cx, req, &u, &f, &made);
	session_let_go(&u);
	TRY(rc);
	api_json(cx, res, 200, api_metadata(cx, req->session, &made, false));
	return OK;
}
