#include "sandbox/files/admit.h"

#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/tree/quota.h"
#include "sandbox/tree/sessions.h"

static enum rc
refuse(struct ctx *cx, const char *tags, const char *field)
{
	return fail_at(cx, E_CONFLICT, tags, field, "The account has no room for this.");
}

/* A session replaces nothing, so that its bytes need room of their own; an upload may replace. */
static enum rc
refuse_for(struct ctx *cx, struct str path)
{
	if (str_ends(path, S("/upload")))
		return refuse(cx, "path/insufficient_space", "reason");
	if (str_ends(path, S("/finish")))
		return refuse(cx, "lookup_failed/too_large", NULL);
	return refuse(
	    cx, str_ends(path, S("/append_v2")) ? "too_large" : "payload_too_large", NULL);
}

enum rc
files_admit(struct sandbox *s, struct ctx *cx, const struct http_req *req)
{
	const struct caller *who = req->session;
	int64_t declared, room;
	enum rc rc;

	if (!str_int(http_req_header(req, S("Content-Length")), 1, INT64_MAX, &declared))
		return OK; /* in chunks: counted when it is there */
	TRY(store_enter(s, cx, STORE_READ));
	rc = str_contains(req->path, S("/upload_session/"))
	    ? sessions_room(s, cx, who->account.id, &room)
	    : files_quota(s, cx, who->account.id, &room);
	TRY(store_leave(s, cx, STORE_READ, rc));
	return declared <= room ? OK : refuse_for(cx, req->path);
}
