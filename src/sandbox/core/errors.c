#include "sandbox/core/errors.h"

#include "base/buf.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "sandbox/core/row.h"
#include "sandbox/core/pages.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"

void
api_request_id(struct ctx *cx, struct http_res *res)
{
	http_res_header(res, S("X-Dropbox-Request-Id"), str_of(cx->request_id));
}

void
api_json_text(struct ctx *cx, struct http_res *res, int status, struct str json)
{
	api_request_id(cx, res);
	http_res_json(res, status, json);
}

void
api_json(struct ctx *cx, struct http_res *res, int status, json_t *body)
{
	api_json_text(cx, res, status, json_write(cx->arena, body));
}

static void
api_text(struct ctx *cx, struct http_res *res, int status, struct str text)
{
	api_request_id(cx, res);
	http_res_text(res, status, text);
}

/* Clients must match a summary by its beginning: the run of dots differs each time. */
static struct str
summary(struct ctx *cx, struct str tags)
{
	unsigned char n;

	crypto_random(&n, 1);
	return str_printf(cx->arena, "%.*s/%.*s", STR_ARG(tags), n % 6, ".....");
}

#define DETAIL_DEPTH 16

enum rc
api_detail(struct ctx *cx, json_t *value)
{
	json_t *o = json_object();

	json_put(o, "v", value);
	cx->detail = json_write(cx->arena, o);
	return cx->rc;
}

static void
put_detail(struct ctx *cx, json_t *error, const char *tag)
{
	struct ctx aside;
	json_t *o, *value;

	ctx_init(&aside, cx->arena, cx->clock); /* the failure itself must stay as it is */
	if (cx->detail.len == 0 || json_read(&aside, cx->detail, DETAIL_DEPTH, &o) != OK)
		return;
	value = json_object_get(o, "v");
	if (json_is_object(value) && json_object_get(value, ".tag") == NULL)
		json_object_update(error, value);
	else
		json_object_set(error, tag, value);
}

/* "path/conflict/file" -> {".tag":"path","path":{".tag":"conflict","conflict":{".tag":"file"}}} */
static json_t *
nest(struct ctx *cx, struct str tags, const char *member)
{
	json_t *o = json_object();
	struct str first = { 0 };

	str_split(&tags, '/', &first);
	json_put(o, ".tag", json_str(first));
	if (tags.len > 0)
		json_put(
		    o, member != NULL ? member : str_cstr(cx->arena, first), nest(cx, tags, NULL));
	else
		put_detail(cx, o, str_cstr(cx->arena, first));
	return o;
}

json_t *
api_error_union(struct ctx *cx)
{
	bool with_reason = cx->field != NULL && strcmp(cx->field, "reason") == 0;
	json_t *error = nest(cx, str_of(cx->code), with_reason ? "reason" : NULL);

	if (with_reason)
		json_put(error, "upload_session_id", json_string(cx->request_id));
	return error;
}

static void
fail_union(struct ctx *cx, struct http_res *res, int status)
{
	json_t *o = json_object(), *error = api_error_union(cx);

	if (status == 401 && cx->field != NULL)
		json_put(error, "required_scope", json_string(cx->field));
	json_put(o, "error_summary", json_str(summary(cx, str_of(cx->code))));
	json_put(o, "error", error);
	api_json(cx, res, status, o);
}

/* What went wrong inside is for the log. */
static void
log_internal(struct ctx *cx, enum rc rc)
{
	log_event(LOG_ERROR, "sandbox.failed", KV_INT("rc", rc), KV_STR("why", str_of(cx->why)),
	    KV_STR("req", str_of(cx->request_id)));
}

static int
retry_after(struct ctx *cx, struct http_res *res)
{
	int wait_s = cx->retry_after_s > 0 ? cx->retry_after_s : 1;

	http_res_header(res, S("Retry-After"), str_printf(cx->arena, "%d", wait_s));
	return wait_s;
}

/* auth.stone, RateLimitError: its reason is a member, not a tag. */
static void
fail_busy(struct ctx *cx, struct http_res *res)
{
	json_t *o, *error, *reason;
	int wait_s = retry_after(cx, res);

	if (http_status_of(cx, E_BUSY) != 429) {
		api_text(cx, res, 503, S("The sandbox is busy. Try again."));
		return;
	}
	o = json_object();
	error = json_object();
	reason = json_object();
	json_put(reason, ".tag", json_string("too_many_requests"));
	json_put(error, "reason", reason);
	json_put(error, "retry_after", json_integer(wait_s));
	json_put(o, "error_summary", json_str(summary(cx, S("too_many_requests"))));
	json_put(o, "error", error);
	api_json(cx, res, 429, o);
}

/* A body that is too long, or for which there is no room on the disk: an upload's own error when its
 * union has one. */
static bool
fail_body(struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	bool full =
	    rc == E_STORE && cx->code != NULL && strcmp(cx->code, "insufficient-storage") == 0;
	bool upload = str_eq(req->path, S("/2/files/upload"));

	if (!full && rc != E_TOOBIG)
		return false;
	cx->field = full && upload ? "reason" : NULL;
	cx->code = full ? "path/insufficient_space" : "payload_too_large";
	if (full && !upload && !str_ends(req->path, S("/finish")))
		api_text(cx, res, 507, S("The disk of the sandbox is full."));
	else if (!full && req->route->body != BODY_TO_FILE)
		api_text(cx, res, 413, S("The request is too large."));
	else
		fail_union(cx, res, 409);
	return true;
}

static void
fail_api(struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	struct str function = str_sub(req->path, 3, req->path.len);
	bool path_root = rc == E_INPUT && cx->field != NULL && strcmp(cx->field, "path-root") == 0;

	if (fail_body(cx, req, res, rc))
		return;
	if (rc == E_AUTH || (rc == E_CONFLICT && cx->code != NULL) || path_root) {
		fail_union(cx, res, rc == E_AUTH ? 401 : path_root ? 422 : 409);
	} else if (rc == E_INPUT) {
		api_text(cx, res, 400,
		    str_printf(cx->arena, "Error in call to API function \"%.*s\": %s",
			STR_ARG(function), cx->why));
	} else if (rc == E_BUSY) {
		fail_busy(cx, res);
	} else if (http_status_of(cx, rc) < 500) {
		api_text(cx, res, http_status_of(cx, rc), str_of(cx->why));
	} else {
		log_internal(cx, rc);
		api_text(cx, res, 500, S("The sandbox failed to answer. Its log says why."));
	}
}

static void
oauth_error(struct ctx *cx, struct http_res *res, int status, const char *code, const char *why)
{
	json_t *o = json_object();

	json_put(o, "error", json_string(code));
	json_put(o, "error_description", json_string(why));
	api_json(cx, res, status, o);
}

static void
fail_token(struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	const char *code = cx->code != NULL ? cx->code : "invalid_request";

	if (rc == E_INPUT && strcmp(code, "invalid_client") == 0) {
		bool header = http_req_header(req, S("Authorization")).p != NULL;

		if (header)
			http_res_header(res, S("WWW-Authenticate"), S("Basic realm=\"oauth2\""));
		oauth_error(cx, res, header ? 401 : 400,
		    "invalid_client: Invalid client_id or client_secret", cx->why);
	} else if (rc == E_INPUT) {
		oauth_error(cx, res, 400, code, cx->why);
	} else if (rc == E_TOOBIG) {
		oauth_error(cx, res, 413, "invalid_request", cx->why);
	} else if (rc == E_BUSY) {
		int status = http_status_of(cx, rc);

		retry_after(cx, res);
		oauth_error(cx, res, status,
		    status == 429 ? "too_many_requests" : "temporarily_unavailable", cx->why);
	} else {
		log_internal(cx, rc);
		oauth_error(cx, res, 500, "server_error", "the sandbox failed to answer");
	}
}

/* Short text, and one status for all that stands in the way. */
static void
fail_upload_link(struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	if (rc == E_NOTFOUND)
		api_text(cx, res, 410, str_of(cx->why));
	else if (rc == E_CONFLICT)
		api_text(cx, res, 409, str_of(cx->why));
	else
		fail_api(cx, req, res, rc);
}

static void
fail_page(struct sandbox *s, struct ctx *cx, struct http_res *res, enum rc rc)
{
	int status = http_status_of(cx, rc);

	if (status >= 500)
		log_internal(cx, rc);
	page_emit_error(s, cx, res,
	    &(struct page_error){
		.status = status,
		.title = status >= 500 ? "Something went wrong" : "This did not work",
		.detail = status >= 500 ? S("The sandbox failed to answer. Its log says why.")
					: str_of(cx->why),
		.todo = "Go back and try again.",
	    });
}

static void
no_route(
    struct sandbox *s, struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	json_t *boot;

	if (str_starts(req->path, S("/2/"))) {
		api_text(cx, res, 400, S("Unknown API function."));
		return;
	}
	if (rc != E_NOTFOUND || !reach_has_pages(req) ||
	    (req->method != HTTP_M_GET && req->method != HTTP_M_HEAD) ||
	    str_starts(req->path, S("/_")) || str_starts(req->path, S("/assets/"))) {
		http_res_problem(res, cx, rc);
		return;
	}
	boot = json_object();
	json_put(boot, "page", json_string("app"));
	page_emit(s, res, 404, boot);
}

void
sandbox_fail(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res, enum rc rc)
{
	if (req->route == NULL || !reach_has(req)) {
		no_route(app, cx, req, res, rc);
		return;
	}
	switch (row_of(app, req)->access) {
	case ACCESS_API_USER:
	case ACCESS_API_TEAM:
	case ACCESS_API_ANY:
	case ACCESS_API_APP:
	case ACCESS_API_USER_APP:
	case ACCESS_API_NONE:
		fail_api(cx, req, res, rc);
		break;
	case ACCESS_UPLOAD_LINK:
		fail_upload_link(cx, req, res, rc);
		break;
	case ACCESS_TOKEN:
		fail_token(cx, req, res, rc);
		break;
	case ACCESS_PAGE:
		fail_page(app, cx, res, rc);
		break;
	default:
		http_res_problem(res, cx, rc);
	}
}
