/* files/list_folder and /continue. A cursor is sealed: it holds where to go on, opens only for the
 * app and account that got it, and cannot be made up. */
#include "sandbox/api/args.h"
#include "sandbox/files/handlers.h"
#include "sandbox/core/state.h"
#include "sandbox/core/text.h"

#define LIMIT_DEFAULT 500
#define LIMIT_MAX 2000
#define CURSOR_MAX 16384
/* Sorts after every path: what a finished listing has seen of its last change. */
#define AFTER_ALL S("0")

static struct seal_place
cursor_place(struct ctx *cx, const struct caller *who)
{
	return (struct seal_place){ .purpose = S("sandbox.cursor"),
		.row = str_printf(
		    cx->arena, "%.*s %.*s", STR_ARG(who->app_key), STR_ARG(who->account.id)) };
}

static struct str
cursor_write(
    struct sandbox *s, struct ctx *cx, const struct caller *who, const struct file_query *q)
{
	json_t *o = json_object();
	struct str sealed;

	json_put(o, "p", json_str(q->path_lower));
	json_put(o, "r", json_boolean(q->recursive));
	json_put(o, "c", json_boolean(q->changes));
	json_put(o, "a", json_str(q->after));
	json_put(o, "s", json_integer(q->since));
	json_put(o, "n", json_integer(q->limit));
	sealed = crypto_seal(
	    s->keys, cx->arena, cursor_place(cx, who), secret_of(json_write(cx->arena, o)));
	return crypto_base64url(cx->arena, sealed);
}

static enum rc
reset(struct ctx *cx)
{
	return fail_at(cx, E_CONFLICT, "reset", NULL, "The cursor is not one of ours.");
}

/* crypto decodes the standard alphabet with padding only. */
static struct str
to_base64(struct ctx *cx, struct str text)
{
	char *p = arena_alloc(cx->arena, text.len + 4);
	size_t n = text.len;

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(text.p[i] == '-' ? '+' : text.p[i] == '_' ? '/' : text.p[i]);
	while (n % 4 != 0)
		p[n++] = '=';
	return (struct str){ p, n };
}

static enum rc
cursor_read(struct sandbox *s, struct ctx *cx, const struct caller *who, struct str text,
    struct file_query *q)
{
	struct secret plain;
	struct str sealed;
	json_t *o;

	if (crypto_base64_decode(cx, to_base64(cx, text), &sealed) != OK ||
	    crypto_open(s->keys, cx, cursor_place(cx, who), sealed, &plain) != OK ||
	    json_read(cx, secret_expose(plain), 2, &o) != OK)
		return reset(cx);
	q->account_id = who->account.id;
	TRY(json_take_str(cx, o, "p", CURSOR_MAX, &q->path_lower));
	TRY(json_take_str(cx, o, "a", CURSOR_MAX, &q->after));
	q->recursive = json_is_true(json_object_get(o, "r"));
	q->changes = json_is_true(json_object_get(o, "c"));
	q->since = json_integer_value(json_object_get(o, "s"));
	q->limit = json_integer_value(json_object_get(o, "n"));
	return OK;
}

/* Where the next page goes on; a listing that is through turns into a watch for changes. */
static void
advance(struct file_query *q, const struct file *last, bool more)
{
	if (q->changes && last != NULL) {
		q->since = last->seq;
		q->after = last->path_lower;
	} else if (!q->changes && more) {
		q->after = last->path_lower;
	} else if (!q->changes) {
		q->changes = true;
		q->after = AFTER_ALL;
	}
}

static enum rc
emit_page(struct sandbox *s, struct ctx *cx, const struct caller *who, struct file_query *q,
    struct http_res *res)
{
	struct file *files = ARENA_ARRAY(cx->arena, struct file, (size_t)q->limit);
	json_t *o, *entries;
	size_t count;
	bool more;

	TRY(files_list(s, cx, q, files, &count, &more));
	advance(q, count > 0 ? &files[count - 1] : NULL, more);
	o = json_object();
	entries = json_array();
	for (size_t i = 0; i < count; i++)
		if (files[i].path_lower.len > who->root.len) /* the root itself has no metadata */
			json_array_append_new(entries, api_metadata(cx, who, &files[i], true));
	json_put(o, "entries", entries);
	json_put(o, "cursor", json_str(cursor_write(s, cx, who, q)));
	json_put(o, "has_more", json_boolean(more));
	api_json(cx, res, 200, o);
	return OK;
}

static enum rc
read_limit(struct ctx *cx, const json_t *arg, int64_t *out)
{
	const json_t *v = json_object_get(arg, "limit");

	*out = LIMIT_DEFAULT;
	if (v == NULL || json_is_null(v))
		return OK;
	if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > LIMIT_MAX)
		return fail(
		    cx, E_INPUT, "request body: limit: expected integer from 1 to %d", LIMIT_MAX);
	*out = json_integer_value(v);
	return OK;
}

static enum rc
find_folder(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct place *at,
    struct str *path_lower)
{
	struct file f;
	enum rc rc;

	*path_lower = text_fold(cx->arena, who->root);
	if (at->id.len == 0 && at->absolute.len == who->root.len)
		return OK;
	rc = api_find(s, cx, who, at, &f);
	if (rc == E_NOTFOUND)
		return fail_at(
		    cx, E_CONFLICT, "path/not_found", NULL, "There is nothing at this path.");
	TRY(rc);
	if (!f.folder)
		return fail_at(cx, E_CONFLICT, "path/not_folder", NULL, "This is not a folder.");
	*path_lower = f.path_lower;
	return OK;
}

enum rc
api_list_folder(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", "recursive", "include_media_info",
		"include_deleted", "include_has_explicit_shared_members", "include_mounted_folders",
		"limit", "include_non_downloadable_files", "include_restorable_info", NULL };
	const struct caller *who = req->session;
	struct file_query q = { .account_id = who->account.id };
	struct place at;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_place(cx, who, arg, PATH_ROOT | PATH_ID, &at));
	TRY(api_arg_bool(cx, arg, "recursive", &q.recursive));
	TRY(read_limit(cx, arg, &q.limit));
	TRY(find_folder(app, cx, who, &at, &q.path_lower));
	TRY(files_seq(app, cx, who->account.id, &q.since));
	return emit_page(app, cx, who, &q, res);
}

enum rc
api_list_folder_continue(
    void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "cursor", NULL };
	const struct caller *who = req->session;
	struct file_query q = { 0 };
	struct str cursor;
	json_t *arg;

	TRY(api_rpc_arg(cx, req, names, &arg));
	TRY(api_arg_str(cx, arg, "cursor", CURSOR_MAX, &cursor));
	if (cursor.len == 0)
		return fail(cx, E_INPUT, "request body: missing required field 'cursor'");
	TRY(cursor_read(app, cx, who, cursor, &q));
	return emit_page(app, cx, who, &q, res);
}
