/* files/get_temporary_link, and what its links give.
 *
 * The last part of a link's address is a sealed object: which revision of which account's file, for which
 * grant, until when. So nobody makes one up or changes one, and a link ends with the grant it was asked
 * for with, whether a person disconnects the app or the app is deleted. */
#include "crypto/crypto.h"
#include "sandbox/api/args.h"
#include "sandbox/api/content.h"
#include "sandbox/api/values.h"
#include "sandbox/core/reach.h"
#include "sandbox/core/state.h"
#include "sandbox/sharing/handlers.h"

#define LIFE_MS (4 * HOUR_MS)
#define TEXT_MAX 128

/* Sealed for nobody in particular: the address is all there is. */
static const struct caller anybody = { 0 };

static struct str
link_of(struct sandbox *s, struct ctx *cx, const struct http_req *req, const struct file *f)
{
	const struct caller *who = req->session;
	json_t *o = json_object();
	struct str sealed,
	    base = req->tunnel.len > 0 ? S("https://content.dropboxapi.com") : s->public_url;

	json_put(o, "a", json_str(who->account.id));
	json_put(o, "g", json_str(who->grant_id));
	json_put(o, "r", json_str(f->rev));
	json_put(o, "e", json_integer(clock_now_ms(s->clock) + LIFE_MS));
	sealed = cursor_seal(s, cx, "temporary-link", &anybody, o);
	return str_printf(cx->arena, "%.*s/apitl/1/%.*s", STR_ARG(base), STR_ARG(sealed));
}

enum rc
api_temporary_link(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	static const char *const names[] = { "path", NULL };
	const struct caller *who = req->session;
	struct place at;
	struct file f;
	json_t *o;

	TRY(api_rpc_arg(cx, req, names, &o));
	TRY(api_place(cx, who, o, PATH_ID | PATH_REV, &at));
	TRY(api_under(cx, api_find(app, cx, who, &at, &f), "path"));
	if (f.folder)
		return fail_at(cx, E_CONFLICT, "path/not_file", NULL, "This is not a file.");
	o = json_object();
	json_put(o, "metadata", api_metadata(cx, who, &f, false));
	json_put(o, "link", json_str(link_of(app, cx, req, &f)));
	api_json(cx, res, 200, o);
	return OK;
}

static enum rc
gone(struct ctx *cx, struct http_res *res)
{
	ctx_clear(cx);
	api_request_id(cx, res);
	http_res_text(res, 410, S("This temporary link does not work any more."));
	return OK;
}

static enum rc
still_good(struct sandbox *s, struct ctx *cx, const json_t *o, struct str account_id, bool *out)
{
	struct account acct;
	struct str grant_id;

	*out = false;
	TRY(json_take_str(cx, o, "g", TEXT_MAX, &grant_id));
	if (json_integer_value(json_object_get(o, "e")) <= clock_now_ms(s->clock))
		return OK;
	TRY(account_get(s, cx, account_id, &acct));
	return acct.suspended ? OK : grant_lives(s, cx, grant_id, out);
}

enum rc
temporary_content(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct str account_id, rev;
	struct file f;
	bool good;
	json_t *o;
	enum rc rc = cursor_open(app, cx, "temporary-link", &anybody, req->args[0], &o);

	if (rc == E_NOTFOUND)
		return gone(cx, res);
	TRY(rc);
	TRY(json_take_str(cx, o, "a", TEXT_MAX, &account_id));
	TRY(json_take_str(cx, o, "r", TEXT_MAX, &rev));
	rc = still_good(app, cx, o, account_id, &good);
	if (rc == OK && good)
		rc = file_by_rev(app, cx, account_id, rev, &f);
	if (rc == E_NOTFOUND || (rc == OK && !good))
		return gone(cx, res);
	TRY(rc);
	return content_reply(app, cx, req, &f, NULL, res);
}
