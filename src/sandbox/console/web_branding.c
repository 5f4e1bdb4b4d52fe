/* The Branding tab: what people see of an app when it asks them. Absent members stay as they are. */
#include "base/json.h"
#include "crypto/crypto.h"
#include "sandbox/console/handlers.h"
#include "sandbox/console/icons.h"
#include "sandbox/console/view.h"
#include "sandbox/core/text.h"

#define NAME_BYTES_MAX 200
#define PUBLISHER_CHARS_MAX 100
#define WEBSITE_BYTES_MAX 500
#define DESCRIPTION_CHARS_MAX 500
#define BASE64_MAX (ICON_MAX / 3 * 4 + 8)

static enum rc
take_line(struct ctx *cx, const json_t *body, const char *name, size_t chars_max, struct str *out)
{
	json_t *given = json_object_get(body, name);
	struct str value;

	if (given == NULL)
		return OK;
	TRY(json_take_str(cx, body, name, 4 * chars_max, &value));
	value = str_trim(value);
	if (!text_printable(value))
		return fail_at(cx, E_INPUT, "bad-text", name,
		    "There is a character in it that cannot be shown, such as a line break.");
	if (text_length(value) > chars_max)
		return fail_at(
		    cx, E_INPUT, "bad-text", name, "It is longer than %zu characters.", chars_max);
	*out = value;
	return OK;
}

static enum rc
take_website(struct ctx *cx, const json_t *body, struct str *out)
{
	const char *why;

	TRY(take_line(cx, body, "website", WEBSITE_BYTES_MAX, out));
	if (out->len == 0 || web_address_ok(*out, &why))
		return OK;
	fail_at(cx, E_INPUT, "bad-website", "website", "%s", why);
	return fail_todo(cx, "Copy it from the address bar of a browser.");
}

static enum rc
read_branding(struct ctx *cx, const struct http_req *req, struct app *app)
{
	struct str name = app->name;
	json_t *body;

	TRY(json_read(cx, req->body, 4, &body));
	TRY(take_line(cx, body, "name", NAME_BYTES_MAX, &name));
	if (!str_eq(name, app->name))
		TRY(app_name_check(cx, name));
	app->name = name;
	TRY(take_line(cx, body, "publisher", PUBLISHER_CHARS_MAX, &app->publisher));
	TRY(take_website(cx, body, &app->website));
	return take_line(cx, body, "description", DESCRIPTION_CHARS_MAX, &app->description);
}

enum rc
web_app_branding(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(read_branding(cx, req, &own));
	TRY(app_save(app, cx, &own));
	return view_emit_app(app, cx, req, res, 200);
}

enum rc
web_app_icon_put(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str text, bytes;
	struct app own;
	json_t *body;

	TRY(view_own_app(app, cx, req, &own));
	TRY(json_read(cx, req->body, 2, &body));
	TRY(json_take_str(cx, body, "icon", BASE64_MAX, &text));
	if (crypto_base64_decode(cx, text, &bytes) != OK)
		return fail_at(cx, E_INPUT, "bad-icon", "icon", "The picture is not in base64.");
	TRY(icon_put(app, cx, own.key, bytes));
	return view_emit_app(app, cx, req, res, 200);
}

enum rc
web_app_icon_remove(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct app own;

	TRY(view_own_app(app, cx, req, &own));
	TRY(icon_remove(app, cx, own.key));
	return view_emit_app(app, cx, req, res, 200);
}

/* Bytes that a stranger chose, from our origin: only as the picture that they are. The policy of every
 * reply allows them nothing, and its type is not sniffed. */
enum rc
web_icon(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	TRY(icon_get(app, cx, req->args[0], &res->content_type, &res->body));
	http_res_header(res, S("Cache-Control"), S("private, max-age=86400, immutable"));
	http_res_header(res, S("Content-Disposition"), S("inline; filename=\"icon\""));
	res->cacheable = true;
	return OK;
}
