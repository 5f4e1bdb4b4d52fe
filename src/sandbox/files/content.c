/* files/get_metadata, create_folder_v2, delete_v2, download, upload. */
#include "base/buf.h"
#include "sandbox/api/args.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"
#include "sandbox/core/times.h"

#define AUTORENAME_TRIES 200

static enum rc
conflict(struct ctx *cx, const char *tags)
{
	return fail_at(cx, E_CONFLICT, tags, NULL, "The function cannot do that here.");
}

enum rc
api_get_metadata(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "include_media_info", "include_deleted",
		"include_has_explicit_shared_members", NULL };
	const struct caller *who = req->session;
	struct place at;
	struct file f;
	json_t *arg;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	rc = api_find(app, cx, who, &at, &f);
	if (rc == E_NOTFOUND)
		return conflict(cx, "path/not_found");
	TRY(rc);
	api_json(cx, res, 200, api_metadata(cx, who, &f, true));
	return OK;
}

/* "/a/b.txt" with 2 -> "/a/b (2).txt" */
static struct str
numbered(struct ctx *cx, struct str path, int n)
{
	size_t stem = path.len, name_at = path.len - path_name(path).len;

	for (size_t i = path.len; i > name_at + 1; i--) {
		if (path.p[i - 1] == '.') {
			stem = i - 1;
			break;
		}
	}
	return str_printf(cx->arena, "%.*s (%d)%.*s", (int)stem, path.p, n,
	    STR_ARG(str_sub(path, stem, path.len)));
}

static enum rc
free_name(struct sandbox *s, struct ctx *cx, const struct caller *who, struct str *path)
{
	struct file there;
	struct str tried;
	enum rc rc;

	for (int n = 1; n < AUTORENAME_TRIES; n++) {
		tried = numbered(cx, *path, n);
		rc = file_by_path(s, cx, who->account.id, tried, &there);
		if (rc == E_NOTFOUND) {
			ctx_clear(cx);
			*path = tried;
			return OK;
		}
		TRY(rc);
	}
	return conflict(cx, "path/too_many_write_operations");
}

static enum rc
emit_wrapped(struct ctx *cx, struct http_res *res, json_t *metadata)
{
	json_t *o = json_object();

	json_put(o, "metadata", metadata);
	api_json(cx, res, 200, o);
	return OK;
}

enum rc
api_create_folder(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "autorename", NULL };
	const struct caller *who = req->session;
	struct file f = { .account_id = who->account.id, .folder = true }, there;
	bool autorename = false;
	struct place at;
	json_t *arg;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, 0, &at));
	TRY(api_arg_bool(cx, arg, "autorename", &autorename));
	rc = file_by_path(app, cx, who->account.id, at.absolute, &there);
	if (rc == OK && !autorename)
		return conflict(cx, there.folder ? "path/conflict/folder" : "path/conflict/file");
	if (rc == OK)
		TRY(free_name(app, cx, who, &at.absolute));
	else if (rc != E_NOTFOUND)
		return rc;
	f.path_display = at.absolute;
	rc = file_put(app, cx, &f, S(""));
	if (rc == E_CONFLICT)
		return conflict(cx, "path/conflict/file_ancestor");
	TRY(rc);
	return emit_wrapped(cx, res, api_metadata(cx, who, &f, false));
}

enum rc
api_delete(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "parent_rev", NULL };
	const struct caller *who = req->session;
	struct str parent_rev;
	struct place at;
	struct file f;
	json_t *arg;
	enum rc rc;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID, &at));
	TRY(api_arg_str(cx, arg, "parent_rev", 64, &parent_rev));
	rc = api_find(app, cx, who, &at, &f);
	if (rc == E_NOTFOUND)
		return conflict(cx, "path_lookup/not_found");
	TRY(rc);
	if (parent_rev.len > 0 && !str_eq(parent_rev, f.rev))
		return conflict(cx, f.folder ? "path_lookup/not_file" : "path_write/conflict/file");
	TRY(file_delete(app, cx, &f));
	return emit_wrapped(cx, res, api_metadata(cx, who, &f, true));
}

/* jansson escapes all but ASCII; DEL is left for us. */
static int
add_header_text(const char *text, size_t len, void *arg)
{
	struct buf *b = arg;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == 0x7f)
			buf_add(b, S("\\u007f"));
		else
			buf_addc(b, text[i]);
	}
	return 0;
}

static struct str
header_json(struct ctx *cx, json_t *value)
{
	struct buf b = buf_in(cx->arena, 65536);

	json_dump_callback(value, add_header_text, &b, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(value);
	return buf_str(&b);
}

static enum rc
emit_download(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct file *f,
    struct http_res *res)
{
	TRY(file_content(s, cx, f, &res->body));
	api_request_id(cx, res);
	res->status = 200;
	res->content_type = S("application/octet-stream");
	http_res_header(
	    res, S("Dropbox-API-Result"), header_json(cx, api_metadata(cx, who, f, false)));
	http_res_header(res, S("ETag"), str_printf(cx->arena, "W/\"%.*s\"", STR_ARG(f->rev)));
	http_res_header(res, S("Content-Disposition"), S("attachment"));
	return OK;
}

enum rc
api_download(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "rev", NULL };
	const struct caller *who = req->session;
	struct place at;
	struct file f;
	json_t *arg;
	enum rc rc;

	TRY(api_header_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ID | PATH_REV, &at));
	rc = api_find(app, cx, who, &at, &f);
	if (rc == E_NOTFOUND)
		return conflict(cx, "path/not_found");
	TRY(rc);
	if (f.folder)
		return conflict(cx, "path/not_file");
	return emit_download(app, cx, who, &f, res);
}

enum write_mode { MODE_ADD, MODE_OVERWRITE, MODE_UPDATE };

struct upload {
	struct place at;
	enum write_mode mode;
	struct str update_rev;
	bool autorename, strict_conflict;
	int64_t client_ms;
	struct str content_hash;
};

static enum rc
read_mode(struct ctx *cx, const json_t *arg, struct upload *out)
{
	const json_t *mode = json_object_get(arg, "mode"), *tag = mode;

	if (mode == NULL || json_is_null(mode))
		return OK;
	if (json_is_object(mode))
		tag = json_object_get(mode, ".tag");
	if (json_is_string(tag) && strcmp(json_string_value(tag), "add") == 0)
		return OK;
	if (json_is_string(tag) && strcmp(json_string_value(tag), "overwrite") == 0) {
		out->mode = MODE_OVERWRITE;
		return OK;
	}
	if (!json_is_object(mode) || !json_is_string(tag) ||
	    strcmp(json_string_value(tag), "update") != 0)
		return fail(cx, E_INPUT, "request body: mode: expected add, overwrite or update");
	out->mode = MODE_UPDATE;
	TRY(api_arg_str(cx, mode, "update", 64, &out->update_rev));
	return out->update_rev.len >= 9
	    ? OK
	    : fail(cx, E_INPUT, "request body: mode: update needs the rev to replace");
}

static enum rc
read_upload(struct sandbox *s, struct ctx *cx, const struct http_req *req, struct upload *out)
{
	static const char *const names[] = { "path", "mode", "autorename", "client_modified",
		"mute", "strict_conflict", "content_hash", NULL };
	struct str when;
	bool mute;
	json_t *arg;

	TRY(api_header_arg(cx, req, names, &arg));
	TRY(api_place(cx, req->session, arg, PATH_ID, &out->at));
	TRY(read_mode(cx, arg, out));
	TRY(api_arg_bool(cx, arg, "autorename", &out->autorename));
	TRY(api_arg_bool(cx, arg, "mute", &mute));
	TRY(api_arg_bool(cx, arg, "strict_conflict", &out->strict_conflict));
	TRY(api_arg_str(cx, arg, "content_hash", 64, &out->content_hash));
	TRY(api_arg_str(cx, arg, "client_modified", 32, &when));
	out->client_ms = clock_now_ms(s->clock);
	if (when.len > 0 && !time_parse(when, &out->client_ms))
		return fail(cx, E_INPUT,
		    "request body: client_modified: expected %%Y-%%m-%%dT%%H:%%M:%%SZ");
	return OK;
}

static enum rc
check_upload_type(struct ctx *cx, const struct http_req *req)
{
	struct str type = http_req_header(req, S("Content-Type"));

	if (str_eq_nocase(type, S("application/octet-stream")) ||
	    str_eq_nocase(type, S("text/plain; charset=dropbox-cors-hack")))
		return OK;
	return fail(cx, E_INPUT,
	    "Bad HTTP \"Content-Type\" header: \"%.60s\". Expecting one of "
	    "\"application/octet-stream\", \"text/plain; charset=dropbox-cors-hack\".",
	    type.len > 0 ? str_cstr(cx->arena, type) : "");
}

static enum rc
upload_conflict(struct ctx *cx, const char *tags)
{
	return fail_at(cx, E_CONFLICT, tags, "reason", "The file cannot be written there.");
}

static bool
may_replace(const struct upload *u, const struct file *there)
{
	if (there->folder)
		return false;
	return u->mode == MODE_OVERWRITE ||
	    (u->mode == MODE_UPDATE && str_eq(u->update_rev, there->rev));
}

/* Decides where the content goes: *f gets its path and, when it replaces something, its id. *same is
 * set when exactly this content stands there already, which Dropbox takes as no conflict. */
static enum rc
settle(struct sandbox *s, struct ctx *cx, const struct caller *who, struct upload *u,
    struct str content, struct file *f, bool *same)
{
	struct file there;
	enum rc rc = api_find(s, cx, who, &u->at, &there);

	*same = false;
	f->path_display = u->at.absolute;
	if (rc == E_NOTFOUND && u->at.id.len > 0)
		return upload_conflict(cx, "path/malformed_path");
	if (rc == E_NOTFOUND) {
		ctx_clear(cx);
		return OK;
	}
	TRY(rc);
	f->path_display = there.path_display;
	if (may_replace(u, &there)) {
		f->id = there.id;
		return OK;
	}
	if (!there.folder && !u->strict_conflict &&
	    str_eq(content_hash(cx->arena, content), there.content_hash)) {
		*f = there;
		*same = true;
		return OK;
	}
	if (u->autorename)
		return free_name(s, cx, who, &f->path_display);
	return upload_conflict(cx, there.folder ? "path/conflict/folder" : "path/conflict/file");
}

enum rc
api_upload(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	const struct caller *who = req->session;
	struct upload u = { 0 };
	struct file f = { .account_id = who->account.id };
	bool same;
	enum rc rc;

	TRY(check_upload_type(cx, req));
	TRY(read_upload(app, cx, req, &u));
	if (u.content_hash.len > 0 && !str_eq(u.content_hash, content_hash(cx->arena, req->body)))
		return conflict(cx, "content_hash_mismatch");
	TRY(settle(app, cx, who, &u, req->body, &f, &same));
	f.client_ms = same ? f.client_ms : u.client_ms;
	rc = same ? OK : file_put(app, cx, &f, req->body);
	if (rc == E_CONFLICT)
		return upload_conflict(cx, "path/conflict/file_ancestor");
	TRY(rc);
	api_json(cx, res, 200, api_metadata(cx, who, &f, false));
	return OK;
}
