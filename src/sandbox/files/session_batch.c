/* files/upload_session/start_batch, append_batch, finish_batch and finish_batch_v2. */
#include "sandbox/api/values.h"
#include "sandbox/core/state.h"
#include "sandbox/files/batch.h"
#include "sandbox/files/handlers.h"
#include "sandbox/files/session.h"

#define ENTRIES_MAX 1000

static enum rc
start_all(struct sandbox *s, struct ctx *cx, const struct caller *who, bool concurrent, int64_t n,
    struct str *ids)
{
	TRY(sessions_tidy(s, cx));
	for (int64_t i = 0; i < n; i++) {
		struct upload_session u = { .owner = session_owner_of(who),
			.concurrent = concurrent };

		TRY(session_start(s, cx, &u, (struct str){ 0 }));
		ids[i] = u.id;
	}
	return OK;
}

enum rc
api_session_start_batch(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "session_type", "num_sessions", NULL };
	struct str *ids = ARENA_ARRAY(cx->arena, struct str, ENTRIES_MAX);
	const char *type;
	json_t *arg, *list, *o;
	int64_t n = 0;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_int(cx, arg, "num_sessions", 1, ENTRIES_MAX, &n));
	if (n == 0)
		return fail(cx, E_INPUT, "request body: missing required field 'num_sessions'");
	type = value_tag_of(json_object_get(arg, "session_type"));
	TRY(store_enter(app, cx, STORE_WRITE));
	rc = start_all(
	    app, cx, req->session, type != NULL && strcmp(type, "concurrent") == 0, n, ids);
	rc = store_leave(app, cx, STORE_WRITE, rc);
	list = json_array();
	for (int64_t i = 0; i < n && ids[i].len > 0; i++) {
		if (rc != OK)
			session_file_remove(app, ids[i]);
		json_array_append_new(list, json_str(ids[i]));
	}
	o = json_object();
	json_put(o, "session_ids", list);
	if (rc == OK)
		api_json(cx, res, 200, o);
	else
		json_decref(o);
	return rc;
}

static json_t *
failure(struct ctx *cx)
{
	json_t *o = value_union("failure", api_error_union(cx));

	ctx_clear(cx);
	return o;
}

struct piece {
	struct session_cursor at;
	int64_t len;
	bool close;
};

static enum rc
read_piece(struct ctx *cx, const json_t *entry, struct piece *out)
{
	static const char *const names[] = { "cursor", "length", "close", NULL };

	TRY(api_check_members(cx, entry, names));
	TRY(session_cursor_read(cx, json_object_get(entry, "cursor"), &out->at));
	TRY(value_int(cx, entry, "length", 0, INT64_MAX, &out->len));
	return api_arg_bool(cx, entry, "close", &out->close);
}

static enum rc
read_pieces(struct ctx *cx, const struct http_req *req, struct piece *out, size_t *count)
{
	static const char *const names[] = { "entries", "content_hash", NULL };
	struct content all;
	int64_t total = 0;
	struct str hash;
	json_t *arg, *list;

	TRY(upload_type_check(cx, req));
	TRY(api_header_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "entries", ENTRIES_MAX, &list));
	TRY(content_hash_read(cx, arg, &hash));
	for (*count = 0; *count < json_array_size(list); (*count)++) {
		TRY(read_piece(cx, json_array_get(list, *count), &out[*count]));
		if (out[*count].len > req->body_len - total)
			return fail_at(cx, E_CONFLICT, "length_mismatch", NULL,
			    "The lengths are more than the body.");
		total += out[*count].len;
	}
	if (total != req->body_len)
		return fail_at(
		    cx, E_CONFLICT, "length_mismatch", NULL, "The lengths are less than the body.");
	if (hash.len == 0)
		return OK;
	TRY(content_measure(cx, req->body_fd, &all));
	return content_hash_check(cx, hash, &all);
}

static enum rc
append_one(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct piece *p,
    int64_t from)
{
	const struct session_owner owner = session_owner_of(req->session);
	const struct session_piece piece = { .fd = req->body_fd,
		.from = from,
		.len = p->len,
		.offset = p->at.offset,
		.close = p->close };
	struct upload_session u;
	enum rc rc = session_take(s, cx, &owner, p->at.id, &u);

	/* Others had it meanwhile: a batch does not wait, and the caller looks at the offset. */
	if (rc == E_AGAIN)
		return fail_at(cx, E_CONFLICT, "other", NULL, "The session is busy.");
	TRY(rc);
	rc = session_append(s, cx, &u, &piece);
	session_let_go(&u);
	return rc;
}

enum rc
api_session_append_batch(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct piece *pieces = ARENA_ARRAY(cx->arena, struct piece, ENTRIES_MAX);
	int64_t from = 0;
	json_t *list, *o;
	size_t count;
	enum rc rc = OK;

	TRY(read_pieces(cx, req, pieces, &count));
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		rc = append_one(app, cx, req, &pieces[i], from);
		if (rc != OK && (rc != E_CONFLICT || cx->code == NULL))
			break;
		json_array_append_new(list, rc == OK ? value_tag("success") : failure(cx));
		from += pieces[i].len;
		rc = OK;
	}
	o = json_object();
	json_put(o, "entries", list);
	if (rc == OK)
		api_json(cx, res, 200, o);
	else
		json_decref(o);
	return rc;
}

static enum rc
finish_taken(struct sandbox *s, struct ctx *cx, const struct caller *who, struct upload_session *u,
    const struct session_finish *f, struct file *made)
{
	if (!u->closed)
		return fail_at(
		    cx, E_CONFLICT, "lookup_failed/not_closed", NULL, "The session is not closed.");
	return session_commit(s, cx, who, u, f, f->cursor.offset, made);
}

static enum rc
finish_one(
    struct sandbox *s, struct ctx *cx, const struct caller *who, const json_t *entry, json_t **done)
{
	static const char *const names[] = { "cursor", "commit", "content_hash", NULL };
	const struct session_owner owner = session_owner_of(who);
	struct session_finish f;
	struct upload_session u;
	struct file made;
	enum rc rc;

	TRY(api_check_members(cx, entry, names));
	TRY(session_finish_read(cx, who, entry, &f));
	rc = session_take(s, cx, &owner, f.cursor.id, &u);
	if (rc == E_AGAIN)
		return fail_at(
		    cx, E_CONFLICT, "too_many_write_operations", NULL, "The session is busy.");
	TRY(api_under(cx, rc, "lookup_failed"));
	rc = finish_taken(s, cx, who, &u, &f, &made);
	session_let_go(&u);
	TRY(rc);
	*done = api_metadata(cx, who, &made, false);
	json_put(*done, ".tag", json_string("success"));
	return OK;
}

/* Each entry is a transaction of its own: what takes time happens between them. */
static enum rc
finish_all(struct sandbox *s, struct ctx *cx, const struct http_req *req, json_t **out)
{
	static const char *const names[] = { "entries", NULL };
	json_t *arg, *entries, *list, *done;
	enum rc rc = OK;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(value_list(cx, arg, "entries", ENTRIES_MAX, &entries));
	list = json_array();
	for (size_t i = 0; i < json_array_size(entries); i++) {
		rc = finish_one(s, cx, req->session, json_array_get(entries, i), &done);
		if (rc != OK && (rc != E_CONFLICT || cx->code == NULL))
			break;
		json_array_append_new(list, rc == OK ? done : failure(cx));
		rc = OK;
	}
	if (rc == OK)
		*out = list;
	else
		json_decref(list);
	return rc;
}

enum rc
api_session_finish_batch(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *list, *o;

	TRY(finish_all(app, cx, req, &list));
	o = json_object();
	json_put(o, "entries", list);
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_session_finish_batch_v1(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *list;

	TRY(finish_all(app, cx, req, &list));
	return batch_emit(app, cx, req, list, false, res);
}
