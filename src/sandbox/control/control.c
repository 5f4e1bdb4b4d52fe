#include "sandbox/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "sandbox/control/handlers.h"
#include "sandbox/core/sql.h"
#include "sandbox/core/state.h"
#include "sandbox/core/store.h"

#define YEAR_S (365LL * 24 * 3600)
#define ADVANCE_MAX_S (10 * YEAR_S)
#define OFFSET_MAX_S (100 * YEAR_S)
#define OFFSET_SETTING S("clock_offset_ms")

/* Written beside and moved into place, so that a reader sees the old token or the new one. */
static enum rc
write_token(struct ctx *cx, const char *dir, struct secret token)
{
	struct str path = str_printf(cx->arena, "%s/control-token", dir);
	struct str fresh = str_printf(cx->arena, "%s/control-token.new", dir);
	struct str text = secret_expose(token);
	int fd;
	bool ok;

	unlink(fresh.p);
	fd = open(fresh.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, text.p, text.len) == (ssize_t)text.len && write(fd, "\n", 1) == 1;
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	if (ok && rename(fresh.p, path.p) == 0)
		return OK;
	return fail(cx, E_STORE, "The file %s could not be written: %s.", path.p, strerror(errno));
}

static enum rc
restore_clock(struct sandbox *s, struct ctx *cx)
{
	struct str text;
	int64_t offset_ms;

	TRY(store_setting_get(s, cx, OFFSET_SETTING, &text));
	if (str_int(text, 0, OFFSET_MAX_S * SECOND_MS, &offset_ms))
		clock_set_offset_ms(s->clock, offset_ms);
	return OK;
}

enum rc
control_start(struct sandbox *s, struct ctx *cx, const char *dir)
{
	s->control_token = secret_dup(s->arena, crypto_random_token(cx->arena));
	TRY(restore_clock(s, cx));
	return write_token(cx, dir, s->control_token);
}

static void
emit_clock(struct sandbox *s, struct ctx *cx, json_t *o)
{
	json_put(o, "now", json_str(clock_rfc3339(cx->arena, clock_now_ms(s->clock))));
	json_put(o, "offset_s", json_integer(clock_offset_ms(s->clock) / SECOND_MS));
}

static enum rc
read_advance(struct sandbox *s, struct ctx *cx, const struct http_req *req, int64_t *offset_ms)
{
	const json_t *v;
	int64_t advance_s;
	json_t *body;

	TRY(json_read(cx, req->body, 2, &body));
	v = json_object_get(body, "advance_s");
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > ADVANCE_MAX_S)
		return fail_at(cx, E_INPUT, "bad-field", "advance_s",
		    "advance_s must be a whole number of seconds from 0 to %lld.", ADVANCE_MAX_S);
	advance_s = json_integer_value(v);
	*offset_ms = clock_offset_ms(s->clock) + advance_s * SECOND_MS;
	if (*offset_ms > OFFSET_MAX_S * SECOND_MS)
		return fail_at(cx, E_INPUT, "bad-field", "advance_s",
		    "The clock would be more than 100 years ahead; start with a new data "
		    "directory.");
	return OK;
}

enum rc
control_clock(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	int64_t offset_ms = 0;
	json_t *o;

	TRY(read_advance(s, cx, req, &offset_ms));
	TRY(store_setting_put(
	    s, cx, OFFSET_SETTING, str_printf(cx->arena, "%lld", (long long)offset_ms)));
	clock_set_offset_ms(s->clock, offset_ms);
	o = json_object();
	emit_clock(s, cx, o);
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}

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
	{ "access_tokens", "SELECT count(*) FROM tokens" },
	{ "refresh_tokens", "SELECT count(*) FROM refresh_tokens WHERE spent_ms = 0" },
	{ "files", "SELECT count(*) FROM files WHERE deleted = 0" },
};

enum rc
control_state(void *app, struct ctx *cx, const struct http_req *req, struct http_res *res)
{
	struct sandbox *s = app;
	json_t *o = json_object();

	(void)req;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		int64_t n = 0;
		enum rc rc = sql_count(cx, s->db, counts[i].sql, SQL_ARGS(), &n);

		json_put(o, counts[i].name, json_integer(n));
		if (rc != OK) {
			json_decref(o);
			return rc;
		}
	}
	emit_clock(s, cx, o);
	http_res_json(res, 200, json_write(cx->arena, o));
	return OK;
}
