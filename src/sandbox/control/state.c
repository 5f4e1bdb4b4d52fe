/* GET /_sandbox/state: how much there is of everything. */
#include "sandbox/control/control.h"
#include "sandbox/control/faults.h"
#include "sandbox/control/handlers.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"
#include "sandbox/oauth/grants.h"
#include "sandbox/oauth/tally.h"

struct counted {
	const char *name, *sql;
};

static const struct counted counts[] = {
	{ "accounts", "SELECT count(*) FROM accounts" },
	{ "apps", "SELECT count(*) FROM apps" },
	{ "sessions", "SELECT count(*) FROM sessions" },
	{ "pending_requests", "SELECT count(*) FROM requests WHERE done = 0" },
	{ "connected_apps", "SELECT count(*) FROM links" },
	{ "grants", "SELECT count(*) FROM grants WHERE ended_ms = 0" },
	{ "codes", "SELECT count(*) FROM codes" },
	{ "access_tokens", NULL }, /* oauth/tally.h */
	{ "refresh_tokens", "SELECT count(*) FROM refresh_tokens WHERE spent_ms = 0" },
	/* Counted with each write: a million entries are not looked at for this. */
	{ "files", "SELECT coalesce(sum(entries), 0) FROM trees" },
};

static enum rc
put_counts(struct sandbox *s, struct ctx *cx, int64_t access_tokens, json_t *o)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		int64_t n = access_tokens;

		if (counts[i].sql != NULL)
			TRY(sql_count(cx, s->db, counts[i].sql, SQL_ARGS(), &n));
		json_put(o, counts[i].name, json_integer(n));
	}
	return OK;
}

static enum rc
put_state(struct sandbox *s, struct ctx *cx, int64_t access_tokens, json_t *o)
{
	json_t *grants;

	TRY(put_counts(s, cx, access_tokens, o));
	json_put(o, "faults", json_integer(faults_count(s->faults)));
	control_put_clock(s, cx, o);
	TRY(grants_state_json(s, cx, &grants));
	json_put(o, "grants_detail", grants);
	return OK;
}

enum rc
control_state(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	json_t *o = json_object();
	int64_t access_tokens;
	enum rc rc;

	(void)req;
	rc = tally_count(s, cx, &access_tokens);
	if (rc == OK)
		rc = store_enter(s, cx, STORE_READ);
	if (rc == OK)
		rc = store_leave(s, cx, STORE_READ, put_state(s, cx, access_tokens, o));
	if (rc != OK) {
		json_decref(o);
		return rc;
	}
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}
