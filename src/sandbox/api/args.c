#include "sandbox/api/args.h"

#include "sandbox/core/state.h"
#include "sandbox/core/text.h"

#define ARG_DEPTH 16

static bool
known(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

enum rc
api_check_members(struct ctx *cx, const json_t *arg, const char *const *names)
{
	const char *name;
	json_t *value;

	if (!json_is_object(arg))
		return fail(cx, E_INPUT, "request body: expected object");
	json_object_foreach ((json_t *)(uintptr_t)arg, name, value) {
		if (!known(name, names))
			return fail(cx, E_INPUT, "request body: unknown field '%.60s'", name);
	}
	return OK;
}

static enum rc
parse(struct ctx *cx, struct str text, const char *const *names, json_t **out)
{
	if (json_read(cx, text, ARG_DEPTH, out) != OK)
		return fail(cx, E_INPUT, "request body: could not decode input as JSON");
	return api_check_members(cx, *out, names);
}

static enum rc
check_rpc_type(struct ctx *cx, const struct http_req *req)
{
	struct str type = http_req_header(req, S("Content-Type"));

	if (type.p == NULL && req->body.len == 0)
		return OK;
	if (str_eq_nocase(type, S("application/json")) ||
	    str_eq_nocase(type, S("application/json; charset=utf-8")) ||
	    str_eq_nocase(type, S("application/json;charset=utf-8")) ||
	    str_eq_nocase(type, S("text/plain; charset=dropbox-cors-hack")))
		return OK;
	return fail(cx, E_INPUT,
	    "Bad HTTP \"Content-Type\" header: \"%.60s\". Expecting one of \"application/json\", "
	    "\"application/json; charset=utf-8\", \"text/plain; charset=dropbox-cors-hack\".",
	    type.len > 0 ? str_cstr(cx->arena, type) : "");
}

enum rc
api_rpc_arg(struct ctx *cx, const struct http_req *req, const char *const *names, json_t **out)
{
	TRY(check_rpc_type(cx, req));
	if (names != NULL)
		return parse(cx, req->body, names, out);
	if (req->body.len == 0 || str_eq(str_trim(req->body), S("null")))
		return OK;
	return fail(
	    cx, E_INPUT, "request body: expected null, since this function takes no argument");
}

enum rc
api_header_arg(struct ctx *cx, const struct http_req *req, const char *const *names, json_t **out)
{
	struct str header = http_req_header(req, S("Dropbox-API-Arg")), query;

	TRY(http_req_param(cx, req, "arg", &query));
	if (header.p != NULL && query.p != NULL)
		return fail(cx, E_INPUT, "The argument stands in the header and in the address.");
	if (header.p == NULL && query.p == NULL)
		return fail(cx, E_INPUT,
		    "Must provide HTTP header \"Dropbox-API-Arg\" or URL parameter \"arg\".");
	return parse(cx, header.p != NULL ? header : query, names, out);
}

enum rc
api_header_arg_opt(
    struct ctx *cx, const struct http_req *req, const char *const *names, json_t **out)
{
	struct str query;

	TRY(http_req_param(cx, req, "arg", &query));
	if (http_req_header(req, S("Dropbox-API-Arg")).p == NULL && query.p == NULL)
		return parse(cx, S("{}"), names, out);
	return api_header_arg(cx, req, names, out);
}

enum rc
api_arg_bool(struct ctx *cx, const json_t *arg, const char *name, bool *out)
{
	if (json_take_bool_opt(cx, arg, name, out) == OK)
		return OK;
	return fail(cx, E_INPUT, "request body: %s: expected boolean", name);
}

enum rc
api_arg_str(struct ctx *cx, const json_t *arg, const char *name, size_t max, struct str *out)
{
	if (json_take_str_opt(cx, arg, name, max, out) == OK)
		return OK;
	return fail(
	    cx, E_INPUT, "request body: %s: expected string of at most %zu bytes", name, max);
}

static enum rc
bad_path(struct ctx *cx, const struct path_rule *rule, struct str path, const char *why)
{
	return fail(cx, E_INPUT, "request body: %s: '%.80s' %s", rule->name,
	    str_cstr(cx->arena, path), why);
}

static enum rc
path_failed(struct ctx *cx, const struct path_rule *rule, const char *tag)
{
	const char *code = str_printf(cx->arena, "%s/%s", rule->error, tag).p;

	return fail_at(cx, E_CONFLICT, code, NULL, "The path does not fit.");
}

/* As Dropbox: no name is empty or climbs, none holds a backslash or DEL, none ends with a space. */
static bool
name_fits(struct str name)
{
	return name.len > 0 && !str_eq(name, S(".")) && !str_eq(name, S("..")) &&
	    text_length(name) <= PATH_NAME_MAX && str_find(name, '\\') == name.len &&
	    str_find(name, 0x7f) == name.len && name.p[name.len - 1] != ' ';
}

static bool
path_fits(struct str path)
{
	struct str rest = str_sub(path, 1, path.len), name;

	if (path.len > PATH_BYTES_MAX)
		return false;
	while (str_split(&rest, '/', &name))
		if (!name_fits(name))
			return false;
	return true;
}

static const char *
pattern(int forms)
{
	if ((forms & PATH_REV) != 0)
		return "(/(.|[\\r\\n])*|id:.*)|(rev:[0-9a-f]{9,})|(ns:[0-9]+(/(.|[\\r\\n])*)?)";
	if ((forms & PATH_ROOT) != 0)
		return "(/(.|[\\r\\n])*)?|id:.*|(ns:[0-9]+(/(.|[\\r\\n])*)?)";
	if ((forms & PATH_ID) != 0)
		return "(/(.|[\\r\\n])*)|(ns:[0-9]+(/(.|[\\r\\n])*)?)|(id:.*)";
	return "(/(.|[\\r\\n])*)|(ns:[0-9]+(/(.|[\\r\\n])*)?)";
}

static enum rc
no_match(struct ctx *cx, const struct path_rule *rule, struct str path)
{
	return bad_path(cx, rule, path,
	    str_printf(cx->arena, "did not match pattern '%s'", pattern(rule->forms)).p);
}

static enum rc
absolute_path(struct ctx *cx, const struct caller *who, const struct path_rule *rule,
    struct str path, struct place *out)
{
	if (path.len == 1 && path.p[0] == '/' && (rule->forms & PATH_ROOT) != 0)
		return bad_path(
		    cx, rule, path, "is not how the root is written: use the empty string.");
	if (path.p[0] != '/')
		return no_match(cx, rule, path);
	if (!path_fits(path))
		return path_failed(cx, rule, "malformed_path");
	out->absolute = str_printf(cx->arena, "%.*s%.*s", STR_ARG(who->root), STR_ARG(path));
	return OK;
}

/* A namespace that is the caller's own home is just another way to write the root. */
static enum rc
strip_namespace(
    struct ctx *cx, const struct caller *who, const struct path_rule *rule, struct str *path)
{
	struct str own = str_printf(cx->arena, "ns:%.*s", STR_ARG(who->account.namespace_id));

	if (!str_starts(*path, S("ns:")))
		return OK;
	if (who->root.len > 0 || !str_starts(*path, own) ||
	    (path->len > own.len && path->p[own.len] != '/'))
		return path_failed(cx, rule, rule->write ? "no_write_permission" : "not_found");
	*path = str_sub(*path, own.len, path->len);
	return OK;
}

static bool
rev_fits(struct str rev)
{
	for (size_t i = 0; i < rev.len; i++)
		if (!(rev.p[i] >= '0' && rev.p[i] <= '9') && !(rev.p[i] >= 'a' && rev.p[i] <= 'f'))
			return false;
	return rev.len >= 9 && rev.len <= 64;
}

enum rc
api_place_text(struct ctx *cx, const struct caller *who, const struct path_rule *rule,
    struct str path, struct place *out)
{
	*out = (struct place){ 0 };
	TRY(strip_namespace(cx, who, rule, &path));
	if (path.len == 0) {
		out->absolute = who->root;
		return (rule->forms & PATH_ROOT) != 0 ? OK : no_match(cx, rule, path);
	}
	if ((rule->forms & PATH_ID) != 0 && str_starts(path, S("id:"))) {
		out->id = path;
		return OK;
	}
	if ((rule->forms & PATH_REV) != 0 && str_starts(path, S("rev:"))) {
		out->rev = str_sub(path, 4, path.len);
		return rev_fits(out->rev) ? OK : no_match(cx, rule, path);
	}
	return absolute_path(cx, who, rule, path, out);
}

enum rc
api_place_of(struct ctx *cx, const struct caller *who, const struct path_rule *rule,
    const json_t *arg, struct place *out)
{
	struct str path;

	TRY(api_arg_str(cx, arg, rule->name, PATH_TEXT_MAX, &path));
	if (path.p == NULL)
		return fail(cx, E_INPUT, "request body: missing required field '%s'", rule->name);
	return api_place_text(cx, who, rule, path, out);
}

enum rc
api_place(struct ctx *cx, const struct caller *who, const json_t *arg, int forms, struct place *out)
{
	const struct path_rule rule = { .name = "path", .error = "path", .forms = forms };

	return api_place_of(cx, who, &rule, arg, out);
}

/* The root of the app itself is not in it: it has no metadata. */
static bool
within_root(struct ctx *cx, const struct caller *who, const struct file *f)
{
	struct str root = path_key(cx->arena, who->root);

	return path_within(f->path_lower, root) && f->path_lower.len > root.len;
}

enum rc
api_find(struct sandbox *s, struct ctx *cx, const struct caller *who, const struct place *at,
    struct file *out)
{
	if (at->id.len > 0)
		TRY(file_by_id(s, cx, who->account.id, at->id, out));
	else if (at->rev.len > 0)
		TRY(file_by_rev(s, cx, who->account.id, at->rev, out));
	else
		TRY(file_by_path(s, cx, who->account.id, at->absolute, out));
	if (within_root(cx, who, out))
		return OK;
	return fail(cx, E_NOTFOUND, "There is nothing at this path.");
}

static void
put_file(struct ctx *cx, json_t *o, const struct file *f)
{
	json_put(o, "client_modified", json_str(clock_rfc3339(cx->arena, f->client_ms)));
	json_put(o, "server_modified", json_str(clock_rfc3339(cx->arena, f->server_ms)));
	json_put(o, "rev", json_str(f->rev));
	json_put(o, "size", json_integer(f->size));
	json_put(o, "is_downloadable", json_true());
	json_put(o, "content_hash", json_str(f->content_hash));
}

json_t *
api_metadata(struct ctx *cx, const struct caller *who, const struct file *f, bool tagged)
{
	json_t *o = json_object();
	size_t depth = path_depth(who->root);

	if (tagged)
		json_put(o, ".tag",
		    json_string(f->deleted ? "deleted"
			    : f->folder    ? "folder"
					   : "file"));
	json_put(o, "name", json_str(path_name(f->path_display)));
	json_put(o, "path_lower", json_str(path_without(f->path_lower, depth)));
	json_put(o, "path_display", json_str(path_without(f->path_display, depth)));
	if (f->deleted)
		return o;
	json_put(o, "id", json_str(f->id));
	if (!f->folder)
		put_file(cx, o, f);
	return o;
}

enum rc
api_under(struct ctx *cx, enum rc rc, const char *prefix)
{
	if (rc == E_NOTFOUND)
		return fail_at(cx, E_CONFLICT, str_printf(cx->arena, "%s/not_found", prefix).p,
		    NULL, "There is nothing at this path.");
	if (rc == E_CONFLICT && cx->code != NULL)
		cx->code = str_printf(cx->arena, "%s/%s", prefix, cx->code).p;
	return rc;
}
