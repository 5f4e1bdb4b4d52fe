#include "sandbox/files/commit.h"

#include "sandbox/api/values.h"
#include "sandbox/core/state.h"
#include "sandbox/core/times.h"

static enum rc
refuse(struct ctx *cx, const char *tag)
{
	return fail_at(cx, E_CONFLICT, tag, NULL, "The file cannot be written there.");
}

static enum rc
read_mode(struct ctx *cx, const json_t *arg, struct commit *out)
{
	const json_t *mode = json_object_get(arg, "mode");
	struct str tag = str_of(value_tag_of(mode));

	if (mode == NULL || json_is_null(mode) || str_eq(tag, S("add")))
		return OK;
	if (str_eq(tag, S("overwrite"))) {
		out->mode = MODE_OVERWRITE;
		return OK;
	}
	if (!json_is_object(mode) || !str_eq(tag, S("update")))
		return fail(cx, E_INPUT, "request body: mode: expected add, overwrite or update");
	out->mode = MODE_UPDATE;
	TRY(api_arg_str(cx, mode, "update", 64, &out->update_rev));
	return out->update_rev.len >= 9
	    ? OK
	    : fail(cx, E_INPUT, "request body: mode: update needs the rev to replace");
}

enum rc
commit_read(struct ctx *cx, const struct caller *who, const json_t *arg, struct commit *out)
{
	static const struct path_rule rule = { "path", "path", PATH_ID, true };
	struct str when;
	bool mute;

	*out = (struct commit){ 0 };
	TRY(api_place_of(cx, who, &rule, arg, &out->at));
	TRY(read_mode(cx, arg, out));
	TRY(api_arg_bool(cx, arg, "autorename", &out->autorename));
	TRY(api_arg_bool(cx, arg, "mute", &mute));
	TRY(api_arg_bool(cx, arg, "strict_conflict", &out->strict_conflict));
	TRY(api_arg_str(cx, arg, "client_modified", 32, &when));
	if (when.len > 0 && !time_parse(when, &out->client_ms))
		return fail(cx, E_INPUT,
		    "request body: client_modified: expected %%Y-%%m-%%dT%%H:%%M:%%SZ");
	return OK;
}

enum rc
name_allowed(struct ctx *cx, struct str path)
{
	static const char *const names[] = { "desktop.ini", "thumbs.db", ".ds_store", "icon\r",
		".dropbox", ".dropbox.attr" };
	struct str key = path_key(cx->arena, path_name(path));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(key, str_of(names[i])))
			return refuse(cx, "disallowed_name");
	return OK;
}

/* The content that stands there is no conflict, unless the caller is strict; another time is one more
 * reason to write. */
static bool
same(const struct commit *u, const struct content *c, const struct file *there)
{
	return !there->folder && !u->strict_conflict && str_eq(c->hash, there->content_hash) &&
	    (u->mode == MODE_ADD || u->client_ms == 0 || u->client_ms == there->client_ms);
}

static bool
may_replace(const struct commit *u, const struct file *there)
{
	if (there->folder)
		return false;
	return u->mode == MODE_OVERWRITE ||
	    (u->mode == MODE_UPDATE && str_eq(u->update_rev, there->rev));
}

static enum rc
rename_on_conflict(struct sandbox *s, struct ctx *cx, const struct commit *u,
    const struct file *there, struct file *f)
{
	struct file taken;
	enum rc rc;

	if (!u->autorename)
		return refuse(cx, there->folder ? "conflict/folder" : "conflict/file");
	if (u->mode != MODE_UPDATE || there->folder)
		return path_free(s, cx, f->account_id, &f->path_display);
	f->path_display = path_numbered(cx->arena, f->path_display, 0);
	rc = file_by_path(s, cx, f->account_id, f->path_display, &taken);
	if (rc == OK)
		return path_free(s, cx, f->account_id, &f->path_display);
	if (rc == E_NOTFOUND)
		ctx_clear(cx);
	return rc == E_NOTFOUND ? OK : rc;
}

/* Nothing stands there. A strict update wanted something to. */
static enum rc
settle_free(struct ctx *cx, const struct commit *u)
{
	ctx_clear(cx);
	if (u->at.id.len > 0)
		return refuse(cx, "malformed_path");
	if (u->mode == MODE_UPDATE && u->strict_conflict)
		return refuse(cx, "conflict/file");
	return name_allowed(cx, u->at.absolute);
}

enum rc
commit_write(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct commit *u,
    const struct content *c, struct file *out, bool *used)
{
	struct file f = { .account_id = who->account.id, .path_display = u->at.absolute }, there;
	enum rc rc = api_find(s, cx, who, &u->at, &there);

	*used = true;
	f.client_ms = u->client_ms > 0 ? u->client_ms : clock_now_ms(s->clock);
	if (rc == E_NOTFOUND) {
		TRY(settle_free(cx, u));
	} else {
		TRY(rc);
		f.path_display = there.path_display;
		if (same(u, c, &there)) {
			*out = there;
			*used = false;
			return OK;
		}
		if (may_replace(u, &there))
			f.id = there.id;
		else
			TRY(rename_on_conflict(s, cx, u, &there, &f));
	}
	TRY(file_put(s, cx, &f, c));
	*out = f;
	return OK;
}

enum rc
content_hash_read(struct ctx *cx, const json_t *arg, struct str *out)
{
	TRY(api_arg_str(cx, arg, "content_hash", 64, out));
	return out->len == 0 || out->len == 64
	    ? OK
	    : fail(cx, E_INPUT, "request body: content_hash: expected 64 hexadecimal digits");
}

enum rc
content_hash_check(struct ctx *cx, struct str wanted, const struct content *c)
{
	if (wanted.len == 0 || str_eq_nocase(wanted, c->hash))
		return OK;
	return fail_at(cx, E_CONFLICT, "content_hash_mismatch", NULL,
	    "The content is not what its hash says.");
}

enum rc
upload_type_check(struct ctx *cx, const struct http_req *req)
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
