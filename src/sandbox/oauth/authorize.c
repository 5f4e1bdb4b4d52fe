/* GET /oauth2/authorize: a request that is in order waits for its person; any other is refused, to the
 * app where that is safe, else on a page. */
#include "sandbox/core/pages.h"
#include "sandbox/core/state.h"
#include "sandbox/oauth/ask.h"
#include "sandbox/oauth/handlers.h"

#define SHOWN_MAX 2000

static void
refuse_page(struct sandbox *s, struct ctx *cx, struct http_res *res, const struct asking *q)
{
	bool show = !q->identified && q->shown.p != NULL && str_utf8(q->shown);

	if (q->identified)
		fail_todo(cx, "Tell the maker of the program that sent you here.");
	page_emit_error(s, cx, res,
	    &(struct page_error){
		.status = 400,
		.title = "This app cannot be connected",
		.detail = str_of(cx->why),
		.todo = cx->todo,
		.redirect_uri = show ? str_sub(q->shown, 0, SHOWN_MAX) : (struct str){ 0 },
	    });
}

static void
refuse(struct sandbox *s, struct ctx *cx, struct http_res *res, const struct asking *q)
{
	struct str address = asking_refusal(cx, q);

	if (address.len > 0)
		http_res_redirect(res, 302, address);
	else
		refuse_page(s, cx, res, q);
}

static enum rc
emit_request(struct sandbox *s, struct ctx *cx, const struct asking *q, struct http_res *res)
{
	struct secret id;
	json_t *boot;

	TRY(request_put(s, cx, &q->r, &id));
	boot = json_object();
	json_put(boot, "page", json_string("authorize"));
	json_put(boot, "request", json_str(secret_expose(id)));
	page_emit(s, res, 200, boot);
	return OK;
}

enum rc
oauth_authorize(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct asking q;
	enum rc rc;

	/* The program that opened this window looks at it until it closes. */
	res->coop_unsafe_none = true;
	rc = asking_read(app, cx, req->query, &q);
	if (rc == OK)
		return emit_request(app, cx, &q, res);
	if (rc != E_INPUT)
		return rc;
	refuse(app, cx, res, &q);
	return OK;
}
