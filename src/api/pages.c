#include "api/api_int.h"
#include "base/buf.h"
#include "data_files.h"
#include "web_assets.h"

#define MARKER "<!--boot-->"
#define PAGE_MAX (1u << 20)
#define ANSWER_MAX 4096

void
api_page(struct http_res *res, int status, json_t *boot)
{
	struct str shell = { (const char *)web_console_shell.bytes, web_console_shell.len };
	const char *at = memmem(shell.p, shell.len, MARKER, sizeof(MARKER) - 1);
	size_t head = at == NULL ? shell.len : (size_t)(at - shell.p);
	struct buf b = buf_in(res->arena, PAGE_MAX);

	buf_add(&b, str_sub(shell, 0, head));
	buf_add(&b, S("<script type=\"application/json\" id=\"boot\">"));
	buf_add(&b, json_write(res->arena, boot));
	buf_add(&b, S("</script>"));
	buf_add(&b, str_sub(shell, head + sizeof(MARKER) - 1, shell.len));
	res->status = status;
	res->content_type = S("text/html; charset=utf-8");
	res->body = buf_str(&b);
}

static json_t *
boot_of(const struct api *api, const char *page)
{
	json_t *boot = json_object();

	json_put(boot, "page", json_string(page));
	json_put(boot, "public_url", json_str(vault_public_url(api->vault)));
	return boot;
}

enum rc
api_app_page(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)cx;
	(void)req;
	api_page(res, 200, boot_of(app, "app"));
	return OK;
}

enum rc
api_health(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	bool ok = vault_store_reached(api->vault);

	(void)cx;
	(void)req;
	/* Degraded is no failure: live tokens are handed out from memory. */
	http_res_json(res, 200,
	    ok ? S("{\"status\":\"ok\"}")
	       : S("{\"status\":\"degraded\",\"why\":\"The store cannot be reached.\"}"));
	return OK;
}

enum rc
api_openapi(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app;
	(void)req;
	for (size_t i = 0; i < data_file_count; i++) {
		if (!str_eq(str_of(data_files[i].name), S("docs/api/openapi.json")))
			continue;
		http_res_json(res, 200, (struct str){ data_files[i].text, data_files[i].len });
		return OK;
	}
	return fail(cx, E_BUG, "The API description is not in the binary.");
}

/* A repeated or over-long parameter is as good as none: the attempt is not found then. */
static struct str
answer_param(struct ctx *cx, const struct http_req *req, const char *name)
{
	struct str value;

	if (http_req_param(cx, req, name, &value) != OK || value.len > ANSWER_MAX) {
		ctx_clear(cx);
		return S("");
	}
	return value.p == NULL ? S("") : value;
}

static const char *
callback_title(const struct ctx *cx, enum rc rc)
{
	if (rc == OK)
		return "Connected";
	if (str_eq(str_of(cx->code), S("other-account")))
		return "Another account";
	if (str_eq(str_of(cx->code), S("not-applied")))
		return "Not stored yet";
	return str_eq(str_of(cx->code), S("state-used")) ? "Used before" : "Not connected";
}

/* The provider has sent the pop-up back here. The page tells the configuration screen behind it what
 * came of it, and closes itself. */
enum rc
api_callback(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct api *api = app;
	struct connect_answer answer = {
		.provider = req->args[0],
		.state = answer_param(cx, req, "state"),
		.code = secret_of(answer_param(cx, req, "code")),
		.error = answer_param(cx, req, "error"),
	};
	struct str connection = { 0 };
	enum rc rc = vault_connect_finish(api->vault, cx, session_of(req), &answer, &connection);
	json_t *boot = boot_of(api, "callback");
	int status = 200;

	json_put(boot, "outcome", json_string(rc == OK ? "connected" : "failed"));
	json_put(boot, "connection", json_opt_str(connection));
	json_put(boot, "title", json_string(callback_title(cx, rc)));
	json_put(boot, "detail", json_string(rc == OK ? "The access token is here." : cx->why));
	json_put(boot, "todo", json_string(rc == OK ? "You can close this window." : cx->todo));
	/* An attempt that ended is a page of its own; an answer that belongs to none is an error. */
	if (rc != OK && connection.len == 0)
		status = http_status_of(cx, rc);
	api_page(res, status, boot);
	res->coop_unsafe_none = true;
	return OK;
}
