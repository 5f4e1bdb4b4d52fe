/* files/upload. The body is in a file before the handler runs; what takes time (hash, sync) happens
 * before the store is entered. */
#include "sandbox/files/commit.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"

struct upload {
	struct commit commit;
	struct content content;
	struct file made;
	bool used;
};

static enum rc
write_it(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct upload *u)
{
	enum rc rc;

	TRY(store_enter(s, cx, STORE_WRITE));
	rc = commit_write(s, cx, req->session, &u->commit, &u->content, &u->made, &u->used);
	return store_leave(s, cx, STORE_WRITE, rc);
}

static enum rc
read_arg(struct ctx *cx, const struct http_req *req, struct upload *u, struct str *hash)
{
	static const char *const names[] = { COMMIT_NAMES, "content_hash", NULL };
	json_t *arg;

	TRY(upload_type_check(cx, req));
	TRY(api_header_arg(cx, req, names, &arg));
	TRY(content_hash_read(cx, arg, hash));
	return commit_read(cx, req->session, arg, &u->commit);
}

/* UploadError, path: a struct with its reason. */
static enum rc
with_reason(struct ctx *cx, enum rc rc)
{
	if (rc != E_CONFLICT || cx->code == NULL)
		return rc;
	if (!str_starts(str_of(cx->code), S("path/")))
		api_under(cx, rc, "path");
	cx->field = "reason";
	return rc;
}

enum rc
api_upload(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct upload u = { .content.id = req->body_path };
	struct str hash;
	enum rc rc;

	TRY(with_reason(cx, read_arg(cx, req, &u, &hash)));
	TRY(content_measure(cx, req->body_fd, &u.content));
	TRY(content_hash_check(cx, hash, &u.content));
	TRY(content_place(app, cx, req->body_fd, u.content.id));
	rc = write_it(app, cx, req, &u);
	if (rc != OK || !u.used)
		content_unplace(app, cx, u.content.id);
	TRY(with_reason(cx, rc));
	api_json(cx, res, 200, api_metadata(cx, req->session, &u.made, false));
	return OK;
}
