#include "sandbox/core/pages.h"

#include "base/buf.h"
#include "sandbox/core/state.h"
#include "web_assets.h"

#define MARKER S("<!--boot-->")
#define PAGE_MAX (1u << 20)

enum rc
pages_prepare(struct sandbox *s, struct ctx *cx)
{
	struct str shell = { (const char *)web_sandbox_shell.bytes, web_sandbox_shell.len };
	const char *at = memmem(shell.p, shell.len, MARKER.p, MARKER.len);

	if (at == NULL)
		return fail(cx, E_BUG, "The page of the sandbox has no place for its boot object.");
	s->shell_head = str_sub(shell, 0, (size_t)(at - shell.p));
	s->shell_tail = str_sub(shell, s->shell_head.len + MARKER.len, shell.len);
	return OK;
}

void
page_emit(struct sandbox *s, struct http_res *res, int status, json_t *boot)
{
	struct buf b = buf_in(res->arena, PAGE_MAX);

	buf_add(&b, s->shell_head);
	buf_add(&b, S("<script type=\"application/json\" id=\"boot\">"));
	buf_add(&b, json_write(res->arena, boot));
	buf_add(&b, S("</script>"));
	buf_add(&b, s->shell_tail);
	res->status = status;
	res->content_type = S("text/html; charset=utf-8");
	res->body = buf_str(&b);
}

void
page_emit_error(
    struct sandbox *s, const struct ctx *cx, struct http_res *res, const struct page_error *e)
{
	json_t *boot = json_object();

	json_put(boot, "page", json_string("error"));
	json_put(boot, "status", json_integer(e->status));
	json_put(boot, "title", json_string(e->title));
	json_put(boot, "detail", json_str(e->detail));
	json_put(boot, "todo", json_string(e->todo));
	if (e->redirect_uri.p != NULL)
		json_put(boot, "redirect_uri", json_str(e->redirect_uri));
	json_put(boot, "request_id", json_string(cx->request_id));
	page_emit(s, res, e->status, boot);
}

enum rc
page_app(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	json_t *boot = json_object();

	(void)cx;
	(void)req;
	json_put(boot, "page", json_string("app"));
	page_emit(app, res, 200, boot);
	return OK;
}

enum rc
health(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	(void)app;
	(void)cx;
	(void)req;
	http_res_json(res, 200, S("{\"status\":\"ok\"}"));
	return OK;
}
